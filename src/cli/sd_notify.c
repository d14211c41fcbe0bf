/* cli/sd_notify.c: systemd's notification protocol without its library. */
#include "cli/sd_notify.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"
#include "io/file.h"

enum { USEC_PER_MS = 1000 };

/* A path, or a name without a file, written with '@' for its leading zero byte. */
static bool address_of(const char *name, struct sockaddr_un *ret, socklen_t *ret_len)
{
    size_t len = strlen(name);

    if ((name[0] != '/' && name[0] != '@') || len >= sizeof(ret->sun_path))
        return false;
    ret->sun_family = AF_UNIX;
    memcpy(ret->sun_path, name, len + 1);
    if (name[0] == '@')
        ret->sun_path[0] = '\0';
    *ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    return true;
}

void sd_notify_send(struct io *io, const char *state)
{
    const char *name = io_env_text(io, "NOTIFY_SOCKET");
    struct sockaddr_un address = { 0 };
    socklen_t len = 0;
    AUTO_FD int fd = -1;

    if (!name || !address_of(name, &address, &len))
        return;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0)
        (void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, len);
}

int64_t sd_notify_watchdog_ms(struct io *io)
{
    int64_t usec = 0, pid = 0;

    if (!str_to_i64(str_of(io_env_text(io, "WATCHDOG_USEC")), &usec) || usec < 2 * USEC_PER_MS)
        return 0;
    if (io_env_text(io, "WATCHDOG_PID") &&
        (!str_to_i64(str_of(io_env_text(io, "WATCHDOG_PID")), &pid) || pid != getpid()))
        return 0;
    return usec / 2 / USEC_PER_MS;
}

void sd_notify_watchdog(void *arg)
{
    struct io *io = arg;
    int64_t every_ms = sd_notify_watchdog_ms(io);

    while (every_ms && io_sleep(io, every_ms, NULL) == 0)
        sd_notify_send(io, "WATCHDOG=1");
}
