/*
 * io/real/http_server.c: libmicrohttpd on its epoll descriptor in our loop. Owns the listening socket and
 * connections.
 *
 * A whole request starts a fiber and its connection is suspended; when the handler has returned the
 * connection is resumed and the library asks again, and gets the reply.
 */
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/real/real_internal.h"

enum { DEFAULT_MAX_BODY = 16 * 1024 * 1024, DEFAULT_MAX_HEADER = 32 * 1024, DEFAULT_CONNECTIONS = 4096 };
enum {
    DEFAULT_IDLE_MS = 60000,
    MAX_REPLY = 64 * 1024 * 1024,
    MAX_HEADERS = 100,
    MAX_DISCARD = 64 * 1024 * 1024
};

struct http_server {
    struct io_object object;
    struct MHD_Daemon *daemon;
    struct http_server_options options;
    uint16_t port;
    uv_poll_t poll;
    uv_timer_t timer;
    struct group *handlers;
    bool closing;
    int open_handles;
    struct cond closed;
};

struct request {
    struct http_server *server;
    struct MHD_Connection *connection;
    struct http_exchange x;
    struct strbuf body;
    char *query;
    size_t discarded;
    bool begun, done, too_large;
};

static void server_turn(struct http_server *s);

static void on_server_timer(uv_timer_t *t)
{
    server_turn(t->data);
}

/* Let the library look at its connections soon, from the loop and not from a fiber. */
static void server_poke(struct http_server *s)
{
    if (!uv_is_closing((uv_handle_t *)&s->timer))
        uv_timer_start(&s->timer, on_server_timer, 0, 0);
}

static void server_turn(struct http_server *s)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;

    if (!s->daemon)
        return;
    MHD_run(s->daemon);
    if (MHD_get_timeout(s->daemon, &wait_ms) == MHD_YES)
        uv_timer_start(&s->timer, on_server_timer, wait_ms, 0);
    else
        uv_timer_stop(&s->timer);
}

static void on_server_ready(uv_poll_t *p, int status, int events)
{
    (void)status;
    (void)events;
    server_turn(p->data);
}

/* --- one request
 * --------------------------------------------------------------------------------------------- */

static void *on_uri(void *ctx, const char *uri, struct MHD_Connection *connection)
{
    struct http_server *s = ctx;
    struct request *r = xcalloc(1, sizeof(*r));
    const char *question = strchr(uri, '?');

    r->server = s;
    r->connection = connection;
    r->query = xstrdup(question ? question + 1 : "");
    r->body = STRBUF(s->options.max_body_bytes);
    return r;
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode why)
{
    struct request *r = *state;

    (void)ctx;
    (void)connection;
    (void)why;
    if (!r)
        return;
    arena_free(r->x.a);
    strbuf_done(&r->x.reply);
    strbuf_done(&r->body);
    free(r->query);
    free(r);
    *state = NULL;
}

static enum MHD_Result answer_text(struct MHD_Connection *c, unsigned status, const char *text)
{
    struct MHD_Response *m =
        MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result rc = MHD_NO;

    MHD_add_response_header(m, "Content-Type", "text/plain; charset=utf-8");
    MHD_add_response_header(m, "Connection", "close");
    rc = MHD_queue_response(c, status, m);
    MHD_destroy_response(m);
    return rc;
}

static enum MHD_Result answer(struct request *r)
{
    struct http_exchange *x = &r->x;
    struct str body = strbuf_str(&x->reply);
    struct MHD_Response *m = NULL;
    enum MHD_Result rc = MHD_NO;

    if (x->reply.full || x->status == 0) {
        x->status = 500;
        body = STR("");
    }
    m = MHD_create_response_from_buffer(body.len, (void *)(uintptr_t)body.ptr, MHD_RESPMEM_MUST_COPY);
    for (size_t i = 0; i < x->reply_header_count; i++)
        MHD_add_response_header(m, x->reply_headers[i].name.ptr, x->reply_headers[i].value.ptr);
    rc = MHD_queue_response(r->connection, (unsigned)x->status, m);
    MHD_destroy_response(m);
    return rc;
}

static enum MHD_Result add_request_header(void *ctx, enum MHD_ValueKind kind, const char *name,
                                          const char *value)
{
    struct request *r = ctx;
    struct http_header *headers = (struct http_header *)(uintptr_t)r->x.headers;

    (void)kind;
    if (r->x.header_count >= MAX_HEADERS)
        return MHD_NO;
    headers[r->x.header_count++] = (struct http_header){ arena_str(r->x.a, str_of(name)),
                                                         arena_str(r->x.a, value ? str_of(value) : STR("")) };
    return MHD_YES;
}

static struct str peer_of(struct arena *a, struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    char host[NI_MAXHOST];
    char port[NI_MAXSERV];

    if (!info || getnameinfo(info->client_addr, sizeof(struct sockaddr_storage), host, sizeof(host), port,
                             sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV))
        return STR("unknown");
    return str_of(arena_printf(a, "%s:%s", host, port));
}

static void handler_fiber(void *arg)
{
    struct request *r = arg;
    struct http_server *s = r->server;

    s->options.handler(s->options.ctx, &r->x);
    r->done = true;
    MHD_resume_connection(r->connection);
    server_poke(s);
}

static void start_handler(struct request *r, const char *method, const char *path)
{
    struct http_exchange *x = &r->x;

    x->io = r->server->object.io;
    x->a = arena_new();
    x->method = arena_str(x->a, str_of(method));
    x->path = arena_str(x->a, str_of(path));
    x->query = str_of(r->query);
    x->headers = arena_array(x->a, MAX_HEADERS, sizeof(*x->headers));
    MHD_get_connection_values(r->connection, MHD_HEADER_KIND, add_request_header, r);
    x->body = strbuf_str(&r->body);
    x->peer = peer_of(x->a, r->connection);
    x->reply = STRBUF(MAX_REPLY);
    MHD_suspend_connection(r->connection);
    group_spawn(r->server->handlers, "http-handler", handler_fiber, r);
}

/*
 * A body somewhat over the cap is read and thrown away, so that the client gets to see the 413: closing on a
 * client that still sends makes its system drop the answer. A body far over it is cut off.
 */
static bool announces_too_much(struct request *r)
{
    const char *length = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Content-Length");
    int64_t n = 0;

    return length && (!str_to_i64(str_of(length), &n) || n < 0 ||
                      (uint64_t)n > r->server->options.max_body_bytes + MAX_DISCARD);
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data, size_t *data_len,
                                  void **state)
{
    struct request *r = *state;

    (void)ctx;
    (void)connection;
    (void)version;
    if (!r->begun) {
        r->begun = true;
        return announces_too_much(r) ? answer_text(connection, 413, "the request body is too large\n")
                                     : MHD_YES;
    }
    if (*data_len > 0) {
        strbuf_add(&r->body, (struct str){ data, *data_len });
        r->too_large = r->body.full;
        r->discarded += r->too_large ? *data_len : 0;
        *data_len = 0;
        return r->discarded > MAX_DISCARD ? MHD_NO : MHD_YES;
    }
    if (r->too_large)
        return answer_text(connection, 413, "the request body is too large\n");
    if (r->done)
        return answer(r);
    if (r->server->closing)
        return answer_text(connection, 503, "the server is stopping\n");
    start_handler(r, method, path);
    return MHD_YES;
}

/* --- listening
 * ----------------------------------------------------------------------------------------------- */

static int open_socket(const struct http_server_options *o, int *ret_fd, uint16_t *ret_port, struct err *e)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
    struct addrinfo *found = NULL;
    struct sockaddr_storage bound;
    socklen_t bound_len = sizeof(bound);
    char port[8];
    AUTO_FD int fd = -1;
    int one = 1;
    int rc = 0;

    snprintf(port, sizeof(port), "%u", o->port);
    rc = getaddrinfo(o->host, port, &hints, &found);
    if (rc)
        return err_set(e, ERR_OS, "cannot listen on %s:%u: %s", o->host, o->port, gai_strerror(rc));
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
        bind(fd, found->ai_addr, found->ai_addrlen) || listen(fd, 1024) ||
        getsockname(fd, (struct sockaddr *)&bound, &bound_len)) {
        rc = errno;
        freeaddrinfo(found);
        return err_set_os(e, rc, "cannot listen on %s:%u", o->host, o->port);
    }
    freeaddrinfo(found);
    /* NOLINTNEXTLINE(clang-analyzer-core.*): getsockname() filled it, through another type */
    *ret_port = ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                                  : ((struct sockaddr_in *)&bound)->sin_port);
    *ret_fd = fd;
    fd = -1;
    return 0;
}

static struct MHD_Daemon *start_daemon(struct http_server *s, int fd)
{
    struct http_server_options *o = &s->options;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (o->tls_cert_pem.ptr ? MHD_USE_TLS : 0);
    struct MHD_OptionItem tls[] = {
        { MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)o->tls_cert_pem.ptr },
        { MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)o->tls_key_pem.ptr },
        { MHD_OPTION_END, 0, NULL },
    };

    return MHD_start_daemon(flags, s->port, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET, fd,
                            MHD_OPTION_URI_LOG_CALLBACK, on_uri, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
                            s, MHD_OPTION_CONNECTION_LIMIT, (unsigned)o->max_connections,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, o->max_header_bytes,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)((o->idle_timeout_ms + 999) / 1000),
                            MHD_OPTION_ARRAY, o->tls_cert_pem.ptr ? tls : &tls[2], MHD_OPTION_END);
}

static void fill_defaults(struct http_server_options *o)
{
    o->host = o->host ? o->host : "127.0.0.1";
    o->max_body_bytes = o->max_body_bytes ? o->max_body_bytes : DEFAULT_MAX_BODY;
    o->max_header_bytes = o->max_header_bytes ? o->max_header_bytes : DEFAULT_MAX_HEADER;
    o->max_connections = o->max_connections ? o->max_connections : DEFAULT_CONNECTIONS;
    o->idle_timeout_ms = o->idle_timeout_ms ? o->idle_timeout_ms : DEFAULT_IDLE_MS;
}

int real_http_listen(struct io *io, const struct http_server_options *o, struct http_server **ret,
                     struct err *e)
{
    struct real_io *r = real_of(io);
    struct http_server *s = xcalloc(1, sizeof(*s));
    const union MHD_DaemonInfo *info = NULL;
    int fd = -1;

    s->object.io = io;
    s->options = *o;
    fill_defaults(&s->options);
    if (open_socket(&s->options, &fd, &s->port, e)) {
        free(s);
        return e ? -(int)e->code : -ERR_OS;
    }
    s->daemon = start_daemon(s, fd);
    if (!s->daemon) {
        close(fd);
        free(s);
        return err_set(e, ERR_OS,
                       "cannot serve on %s:%u (is the certificate a PEM certificate with its key?)",
                       o->host ? o->host : "127.0.0.1", o->port);
    }
    s->handlers = group_new(io);
    info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    uv_poll_init(&r->loop, &s->poll, info->epoll_fd);
    uv_timer_init(&r->loop, &s->timer);
    s->poll.data = s->timer.data = s;
    uv_poll_start(&s->poll, UV_READABLE, on_server_ready);
    *ret = s;
    return 0;
}

uint16_t real_http_server_port(const struct http_server *s)
{
    return s->port;
}

static void on_server_handle_closed(uv_handle_t *h)
{
    struct http_server *s = h->data;

    if (--s->open_handles == 0)
        cond_broadcast(s->object.io, &s->closed);
}

void real_http_server_close(struct http_server *s)
{
    struct io *io = s->object.io;

    s->closing = true;
    group_cancel(s->handlers);
    group_wait(s->handlers);
    MHD_run(s->daemon); /* sends what the handlers left */
    s->open_handles = 2;
    uv_close((uv_handle_t *)&s->poll, on_server_handle_closed);
    uv_close((uv_handle_t *)&s->timer, on_server_handle_closed);
    MHD_stop_daemon(s->daemon);
    s->daemon = NULL;
    while (s->open_handles > 0) {
        struct err ignored;
        int rc = cond_wait(io, &s->closed, -1, &ignored);

        if (rc == -ERR_CANCELLED && s->open_handles > 0)
            (void)fiber_park(io->sched, 1, true); /* asked to stop as well: the handles still close first */
    }
    group_free(s->handlers);
    free(s);
}
