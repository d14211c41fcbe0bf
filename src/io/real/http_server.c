/* io/real/http_server.c: listening, the defaults, and the orderly end of a server. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/real/http_internal.h"

enum { DEFAULT_MAX_BODY = 16 * 1024 * 1024, DEFAULT_MAX_HEADER = 32 * 1024, DEFAULT_CONNECTIONS = 4096 };
enum { DEFAULT_HEADER_MS = 10000, DEFAULT_BODY_MS = 120000, DEFAULT_IDLE_MS = 60000 };
enum { BACKLOG = 1024, LAST_WORDS_MS = 1000 };

const char *http_server_date(struct http_server *s)
{
    int64_t now_s = io_now_unix_ms(s->object.io) / 1000;

    if (now_s != s->date_s) {
        s->date_s = now_s;
        http_date_format(now_s, s->date);
    }
    return s->date;
}

void http_server_changed(struct http_server *s)
{
    if (s->closer)
        fiber_unpark(s->closer);
}

/* --- listening
 * ----------------------------------------------------------------------------------------------- */

/* An address by its number, or localhost. Names are not looked up: which of a name's addresses is meant, and
 * whether it is this machine's, is for the user to say; and glibc's look-up needs shared objects at run time.
 */
static int parse_address(const struct http_server_options *o, struct sockaddr_storage *ret,
                         socklen_t *ret_len, struct err *e)
{
    const char *host = strcmp(o->host, "localhost") == 0 ? "127.0.0.1" : o->host;

    *ret_len = sizeof(struct sockaddr_in);
    if (uv_ip4_addr(host, o->port, (struct sockaddr_in *)ret) == 0)
        return 0;
    *ret_len = sizeof(struct sockaddr_in6);
    if (uv_ip6_addr(host, o->port, (struct sockaddr_in6 *)ret) == 0)
        return 0;
    return err_set(e, ERR_CONFIG,
                   "cannot listen on \"%s\": give an IP address of this machine, or 0.0.0.0 for all of them",
                   o->host);
}

static int open_socket(const struct http_server_options *o, int *ret_fd, uint16_t *ret_port, struct err *e)
{
    struct sockaddr_storage address = { 0 };
    socklen_t len = 0;
    AUTO_FD int fd = -1;
    int one = 1;
    int rc = parse_address(o, &address, &len, e);

    if (rc)
        return rc;
    fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
        bind(fd, (struct sockaddr *)&address, len) || listen(fd, BACKLOG) ||
        getsockname(fd, (struct sockaddr *)&address, &len))
        return err_set_os(e, errno, "cannot listen on %s:%u", o->host, o->port);
    *ret_port = ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                                    : ((struct sockaddr_in *)&address)->sin_port);
    *ret_fd = fd;
    fd = -1;
    return 0;
}

/* Under another name first, so that nobody meets it with the rights of the umask. */
static int open_unix(const char *path, int *ret_fd, struct err *e)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int len = snprintf(address.sun_path, sizeof(address.sun_path), "%s.new", path);

    if (len < 0 || (size_t)len >= sizeof(address.sun_path))
        return err_set(e, ERR_CONFIG, "the path of the socket is too long (%d bytes; at most %zu): %s",
                       len - 4, sizeof(address.sun_path) - 5, path);
    (void)unlink(address.sun_path);
    if (fd < 0 || fchmod(fd, 0600) || bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
        chmod(address.sun_path, 0600) || listen(fd, BACKLOG) || rename(address.sun_path, path))
        return err_set_os(e, errno, "cannot listen on %s", path);
    *ret_fd = fd;
    fd = -1;
    return 0;
}

static void fill_defaults(struct http_server_options *o)
{
    o->host = o->host ? o->host : "127.0.0.1";
    o->max_body_bytes = o->max_body_bytes ? o->max_body_bytes : DEFAULT_MAX_BODY;
    o->max_header_bytes = o->max_header_bytes ? o->max_header_bytes : DEFAULT_MAX_HEADER;
    o->max_connections = o->max_connections ? o->max_connections : DEFAULT_CONNECTIONS;
    o->header_timeout_ms = o->header_timeout_ms ? o->header_timeout_ms : DEFAULT_HEADER_MS;
    o->body_timeout_ms = o->body_timeout_ms ? o->body_timeout_ms : DEFAULT_BODY_MS;
    o->idle_timeout_ms = o->idle_timeout_ms ? o->idle_timeout_ms : DEFAULT_IDLE_MS;
}

static void server_free(struct http_server *s)
{
    tls_context_free(s->tls);
    free(s->spool_dir);
    free(s->read_buffer);
    free(s->write_buffer);
    free(s);
}

static int server_new(struct io *io, const struct http_server_options *o, struct http_server **ret,
                      struct err *e)
{
    struct http_server *s = xcalloc(1, sizeof(*s));
    int rc = 0;

    s->object.io = io;
    s->options = *o;
    fill_defaults(&s->options);
    s->spool_dir = xstrdup(o->spool_dir);
    s->spool = (struct http_spool){ s->spool_dir, o->max_spooled_bytes, o->admit, o->ctx };
    s->limits = (struct http_limits){ s->options.max_header_bytes, s->options.max_body_bytes, &s->spool };
    s->read_buffer = xmalloc(HTTP_READ_BYTES);
    if (o->tls_cert_pem.ptr) {
        s->write_buffer = xmalloc(HTTP_WRITE_BYTES);
        rc = tls_context_new(o->tls_cert_pem, o->tls_key_pem, &s->tls, e);
    }
    s->options.tls_cert_pem = (struct str){ NULL, 0 };
    s->options.tls_key_pem = NULL;
    if (rc) {
        server_free(s);
        return rc;
    }
    *ret = s;
    return 0;
}

static void on_connection(uv_stream_t *listener, int status)
{
    if (status == 0)
        http_conn_accept(listener->data);
}

static void on_listener_closed(uv_handle_t *h)
{
    struct http_server *s = h->data;

    s->listening = false;
    http_server_changed(s);
}

int real_http_listen(struct io *io, const struct http_server_options *o, struct http_server **ret,
                     struct err *e)
{
    struct real_io *r = real_of(io);
    struct http_server *s = NULL;
    int fd = -1;
    int rc = server_new(io, o, &s, e);

    if (rc == 0)
        rc = o->unix_path ? open_unix(o->unix_path, &fd, e) : open_socket(&s->options, &fd, &s->port, e);
    if (rc) {
        if (s)
            server_free(s);
        return rc;
    }
    uv_tcp_init(&r->loop, &s->listener);
    s->listener.data = s;
    uv_tcp_open(&s->listener, fd); /* takes it; what it sets on the socket cannot fail on a listening one */
    uv_listen((uv_stream_t *)&s->listener, BACKLOG, on_connection);
    s->listening = true;
    s->handlers = group_new(io);
    *ret = s;
    return 0;
}

uint16_t real_http_server_port(const struct http_server *s)
{
    return s->port;
}

/* --- the end
 * ------------------------------------------------------------------------------------------------- */

static bool is_busy(const struct http_server *s)
{
    for (const struct http_conn *c = s->conns; c; c = c->next)
        if (http_conn_is_busy(c))
            return true;
    return false;
}

static bool is_replying(const struct http_server *s)
{
    for (const struct http_conn *c = s->conns; c; c = c->next)
        if (c->state == HTTP_CONN_REPLYING)
            return true;
    return false;
}

static bool is_open(const struct http_server *s)
{
    return s->listening || s->conns;
}

/* Not cut short by cancellation: what the loop still holds must be gone before its memory. */
static void wait_while(struct http_server *s, bool (*fn)(const struct http_server *), int64_t at_most_ms)
{
    struct io *io = s->object.io;
    int64_t until = io_now_ms(io) + at_most_ms;

    s->closer = fiber_current(io->sched);
    while (fn(s)) {
        int64_t left = at_most_ms < 0 ? -1 : until - io_now_ms(io);

        if (at_most_ms >= 0 && left <= 0)
            break;
        (void)fiber_park(io->sched, left, true);
    }
    s->closer = NULL;
}

static void each_conn(struct http_server *s, void (*fn)(struct http_conn *c))
{
    for (struct http_conn *c = s->conns, *next = NULL; c; c = next) {
        next = c->next;
        fn(c);
    }
}

void real_http_server_close(struct http_server *s)
{
    s->draining = true;
    uv_close((uv_handle_t *)&s->listener, on_listener_closed);
    each_conn(s, http_conn_stop);
    if (s->options.drain_ms > 0)
        wait_while(s, is_busy, s->options.drain_ms);
    s->closing = true;
    group_cancel(s->handlers);
    group_wait(s->handlers);
    wait_while(s, is_replying, LAST_WORDS_MS);
    each_conn(s, http_conn_close);
    wait_while(s, is_open, -1);
    group_free(s->handlers);
    server_free(s);
}
