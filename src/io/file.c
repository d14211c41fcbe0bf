/* io/file.c: small whole files; the same in both worlds, but that a killed node touches nothing. */
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

struct file_lock {
    int fd;
};

static int refused(struct io *io, struct err *e)
{
    return io_cancelled(io) ? err_set(e, ERR_CANCELLED, "asked to stop") : 0;
}

static int read_all(int fd, const char *path, size_t max_bytes, struct strbuf *b, struct err *e)
{
    char chunk[16384];

    for (;;) {
        ssize_t n = read(fd, chunk, sizeof(chunk));

        if (n == 0)
            return 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set_os(e, errno, "cannot read %s", path);
        strbuf_add(b, (struct str){ chunk, (size_t)n });
        mem_wipe(chunk, (size_t)n);
        if (b->full)
            return err_set(e, ERR_LIMIT, "%s is longer than %zu bytes", path, max_bytes);
    }
}

static int read_file(struct io *io, const char *path, size_t max_bytes, struct strbuf *b, struct err *e)
{
    AUTO_FD int fd = -1;

    if (refused(io, e))
        return -ERR_CANCELLED;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set_os(e, errno, "cannot open %s", path);
    return read_all(fd, path, max_bytes, b, e);
}

int file_read(struct io *io, struct arena *a, const char *path, size_t max_bytes, struct str *ret,
              struct err *e)
{
    AUTO_STRBUF struct strbuf b = STRBUF(max_bytes);
    int rc = read_file(io, path, max_bytes, &b, e);

    if (rc)
        return rc;
    *ret = arena_str(a, strbuf_str(&b));
    return 0;
}

int file_read_secret(struct io *io, const char *path, size_t max_bytes, struct secret **ret, struct err *e)
{
    struct strbuf b = STRBUF(max_bytes);
    int rc = read_file(io, path, max_bytes, &b, e);

    if (rc == 0) {
        struct str text = strbuf_str(&b);

        if (text.len && text.ptr[text.len - 1] == '\n')
            text.len--;
        *ret = secret_new(text);
    }
    strbuf_wipe(&b);
    return rc;
}

static int write_all(int fd, struct str data)
{
    while (data.len) {
        ssize_t n = write(fd, data.ptr, data.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        data = str_sub(data, (size_t)n, data.len);
    }
    return fsync(fd) ? -errno : 0;
}

static void sync_folder(const char *path)
{
    AUTO_FD int fd = -1;
    char *folder = xstrdup(path);
    char *slash = strrchr(folder, '/');

    if (slash)
        slash[slash == folder] = '\0';
    fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        (void)fsync(fd); /* the file itself is safe; some file systems cannot sync folders */
    free(folder);
}

int file_write(struct io *io, const char *path, struct str data, unsigned mode, struct err *e)
{
    AUTO_STRBUF struct strbuf temporary = STRBUF(4096);
    AUTO_FD int fd = -1;
    int rc = 0;

    if (refused(io, e))
        return -ERR_CANCELLED;
    strbuf_addf(&temporary, "%s.XXXXXX", path);
    if (strbuf_check(&temporary, e))
        return err_wrap(e, "%s", path);
    fd = mkostemp(temporary.ptr, O_CLOEXEC);
    if (fd < 0)
        return err_set_os(e, errno, "cannot write %s", path);
    rc = fchmod(fd, mode) ? -errno : write_all(fd, data);
    if (rc == 0 && rename(temporary.ptr, path))
        rc = -errno;
    if (rc) {
        (void)unlink(temporary.ptr); /* the first failure is the one to tell */
        return err_set_os(e, -rc, "cannot write %s", path);
    }
    sync_folder(path);
    return 0;
}

int file_mkdirs(struct io *io, const char *path, struct err *e)
{
    char *copy = NULL;
    int failed = 0;

    if (refused(io, e))
        return -ERR_CANCELLED;
    copy = xstrdup(path);
    for (char *p = copy + 1; !failed; p++) {
        char c = *p;

        if (c != '/' && c != '\0')
            continue;
        *p = '\0';
        if (mkdir(copy, 0700) == 0)
            sync_folder(copy); /* else a power cut may take it with all that was synced into it */
        else if (errno != EEXIST)
            failed = errno;
        *p = c;
        if (c == '\0')
            break;
    }
    free(copy);
    return failed ? err_set_os(e, failed, "cannot make the folder %s", path) : 0;
}

int file_remove(struct io *io, const char *path, struct err *e)
{
    if (io_cancelled(io))
        return err_set(e, ERR_CANCELLED, "%s: cancelled", path);
    if (unlink(path) && errno != ENOENT)
        return err_set(e, ERR_OS, "%s: %s", path, strerror(errno));
    return 0;
}

bool file_exists(struct io *io, const char *path)
{
    return !io_cancelled(io) && access(path, F_OK) == 0;
}

bool file_is_private(struct io *io, const char *path)
{
    struct stat st;

    return !io_cancelled(io) && stat(path, &st) == 0 && (st.st_mode & 0077) == 0;
}

/* For people who find the lock held; the lock itself is the kernel's. */
static void write_holder(int fd)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%lld\n", (long long)getpid());
    bool written = ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)len, 0) == len;

    (void)written; /* on a full disk nobody is named; the lock holds all the same */
}

/* 0 when the file does not say. */
static int64_t read_holder(int fd)
{
    char text[24];
    int64_t pid = 0;
    ssize_t n = pread(fd, text, sizeof(text), 0);

    if (n <= 0 || !str_to_i64(str_trim((struct str){ text, (size_t)n }), &pid))
        return 0;
    return pid;
}

static int held(int fd, const char *path, struct err *e)
{
    int64_t pid = read_holder(fd);

    if (pid == 0)
        return err_set(e, ERR_CONFLICT, "%s is held by another process", path);
    return err_set(e, ERR_CONFLICT, "%s is held by process %lld", path, (long long)pid);
}

int file_lock(struct io *io, const char *path, struct file_lock **ret, struct err *e)
{
    AUTO_FD int fd = -1;
    struct file_lock *l = NULL;

    if (refused(io, e))
        return -ERR_CANCELLED;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set_os(e, errno, "cannot open the lock %s", path);
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        if (errno == EWOULDBLOCK)
            return held(fd, path, e);
        return err_set_os(e, errno, "cannot lock %s", path);
    }
    write_holder(fd);
    l = xcalloc(1, sizeof(*l));
    l->fd = fd;
    fd = -1;
    *ret = l;
    return 0;
}

void file_unlock(struct file_lock *l)
{
    if (!l)
        return;
    close(l->fd);
    free(l);
}

int file_lock_folder(struct io *io, const char *folder, const char *role, struct file_lock **ret,
                     struct err *e)
{
    AUTO_STRBUF struct strbuf path = STRBUF(4096);
    int rc = file_mkdirs(io, folder, e);

    if (rc)
        return rc;
    strbuf_addf(&path, "%s/%s.lock", folder, role);
    rc = strbuf_check(&path, e);
    if (rc == 0)
        rc = file_lock(io, strbuf_cstr(&path), ret, e);
    if (rc == -ERR_CONFLICT)
        return err_wrap(e, "%s is in use by another %s; stop that one or give this one a folder of its own",
                        folder, role);
    return rc;
}
