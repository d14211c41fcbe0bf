/*
 * io/sim/sim_net.c: the network between nodes. A request becomes a message on a fiber of the network's own
 * world, because what has been sent arrives even when its sender is dead by then.
 */
#include "io/sim/sim_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"

enum { DEFAULT_TIMEOUT_MS = 30000, DEFAULT_MAX_BODY = 16 * 1024 * 1024, MAX_REPLY_BUFFER = 64 * 1024 * 1024 };

/* A request and, later, its outcome. Shared by the sender and its messages; each holds one reference. */
struct flight {
    struct sim *sim;
    unsigned refs;
    uint64_t id;
    struct arena *a;      /* the request, then the reply */
    struct fiber *sender; /* NULL: gave up or died */
    const char *from;     /* node's name */
    const struct sim_node *from_node;
    struct str method, host, path, query, body;
    uint16_t port;
    const struct http_header *headers;
    size_t header_count;
    bool done;
    enum err_code code; /* ERR_NONE: reply holds */
    const char *why;
    struct http_reply reply;
};

struct message {
    struct flight *flight;
    struct fate fate;
};

static void flight_unref(struct flight *f)
{
    if (--f->refs)
        return;
    arena_free(f->a);
    free(f);
}

/* The first outcome counts: duplicates and late replies find it done. */
static void flight_end(struct flight *f, enum err_code code, const char *why)
{
    if (f->done)
        return;
    f->done = true;
    f->code = code;
    f->why = why;
    if (f->sender)
        fiber_unpark(f->sender);
}

static void flight_answer(struct flight *f, const struct wrong_answer *w)
{
    if (f->done)
        return;
    struct http_header *h = arena_array(f->a, 2, sizeof(*h));
    h[0] = (struct http_header){ STR("Content-Type"), str_of(w->content_type) };
    h[1] = (struct http_header){ STR("Retry-After"), str_of(arena_printf(f->a, "%d", w->retry_after_s)) };
    f->reply = (struct http_reply){ .status = w->status,
                                    .headers = h,
                                    .header_count = w->retry_after_s ? 2 : 1,
                                    .body = str_of(wrong_answer_body(f->a, w)) };
    flight_end(f, ERR_NONE, NULL);
}

/* --- the client's side ---------------------------------------------------------------------------------- */
/* "host" or "host:port"; @port is the scheme's. */
static bool flight_authority(struct flight *f, struct str authority, int64_t port)
{
    ptrdiff_t colon = str_find(authority, STR(":"));
    struct str host = colon >= 0 ? str_sub(authority, 0, (size_t)colon) : authority;

    if (colon >= 0 && !str_to_i64(str_sub(authority, (size_t)colon + 1, authority.len), &port))
        return false;
    if (port < 1 || port > 65535 || host.len == 0)
        return false;
    f->host = arena_str(f->a, host);
    f->port = (uint16_t)port;
    return true;
}

/* "/path?query" */
static void flight_target(struct flight *f, struct str target)
{
    ptrdiff_t mark = str_find(target, STR("?"));
    struct str path = mark >= 0 ? str_sub(target, 0, (size_t)mark) : target;

    f->path = path.len ? http_percent_decode(f->a, path, false) : STR("/");
    f->query = mark >= 0 ? arena_str(f->a, str_sub(target, (size_t)mark + 1, target.len)) : STR("");
}

static int flight_url(struct flight *f, const char *url, struct err *e)
{
    bool tls = str_has_prefix(str_of(url), STR("https://"));
    struct str rest = str_of(url);
    size_t slash = 0;

    if (!tls && !str_has_prefix(rest, STR("http://")))
        return err_set(e, ERR_INVALID, "%s: not an http or https URL", url);
    rest = str_sub(rest, tls ? 8 : 7, rest.len);
    while (slash < rest.len && rest.ptr[slash] != '/' && rest.ptr[slash] != '?')
        slash++;
    if (!flight_authority(f, str_sub(rest, 0, slash), tls ? 443 : 80))
        return err_set(e, ERR_INVALID, "%s: bad URL", url);
    flight_target(f, str_sub(rest, slash, rest.len));
    return 0;
}

static struct str auth_value(struct arena *a, const struct http_auth *auth)
{
    AUTO_STRBUF struct strbuf plain = STRBUF(8192);
    AUTO_STRBUF struct strbuf b = STRBUF(16384);
    struct str secret = secret_unwrap(auth->secret);

    if (auth->kind == HTTP_AUTH_BEARER) {
        strbuf_addz(&b, "Bearer ");
        strbuf_add(&b, secret);
    } else {
        strbuf_addf(&plain, "%s:", auth->user ? auth->user : "");
        strbuf_add(&plain, secret);
        strbuf_addz(&b, "Basic ");
        strbuf_add_base64(&b, strbuf_str(&plain));
    }
    return arena_str(a, strbuf_str(&b));
}

static void flight_headers(struct flight *f, const struct http_request *req)
{
    struct http_header *h = arena_array(f->a, req->header_count + 4, sizeof(*h));
    size_t n = 0;

    for (size_t i = 0; i < req->header_count; i++)
        h[n++] = (struct http_header){ arena_str(f->a, req->headers[i].name),
                                       arena_str(f->a, req->headers[i].value) };
    h[n++] =
        (struct http_header){ STR("Host"),
                              str_of(arena_printf(f->a, "%.*s:%u", STR_ARG(f->host), (unsigned)f->port)) };
    if (req->body.len && !(req->content_type && !*req->content_type)) {
        const char *type = req->content_type ? req->content_type : "application/json";
        h[n++] = (struct http_header){ STR("Content-Type"), str_of(arena_strdup(f->a, type)) };
    }
    if (req->auth.kind != HTTP_AUTH_NONE)
        h[n++] = (struct http_header){ STR("Authorization"), auth_value(f->a, &req->auth) };
    f->headers = h;
    f->header_count = n;
}

static bool draw_duplicate(const struct flight *f)
{
    const struct sim_faults *faults = &f->sim->faults;

    if (f->from_node->trusted || (faults->duplicate_to && !str_is(f->host, faults->duplicate_to)))
        return false;
    return sim_draw_unit(f->sim, SIM_NETWORK) < faults->duplicate;
}

static void message_run(void *arg);

static const char *describe(const struct flight *f)
{
    const struct sim *s = f->sim;
    const char *text = s->describe ? s->describe(s->describe_ctx, f->a, f->query, f->body) : "";

    return *text ? arena_printf(f->a, " \"%s\"", text) : "";
}

static struct str target_of(const struct flight *f)
{
    return str_of(arena_printf(f->a, "%.*s?%.*s", STR_ARG(f->path), STR_ARG(f->query)));
}

static void message_send(struct flight *f, const char *note)
{
    struct message *m = xcalloc(1, sizeof(*m));

    m->flight = f;
    if (!f->from_node->trusted)
        fate_draw(f->sim, str_is(f->method, "GET") ? target_of(f) : (struct str){ 0 }, &m->fate);
    f->refs++;
    sim_trace_add(f->sim, "#%llu %s -> %.*s %.*s:%u%.*s (%zu B)%s%s%s", (unsigned long long)f->id, f->from,
                  STR_ARG(f->method), STR_ARG(f->host), (unsigned)f->port, STR_ARG(f->path), f->body.len,
                  describe(f), note, fate_text(f->a, &m->fate));
    group_spawn(f->sim->net_group, "message", message_run, m);
}

static int flight_result(const struct flight *f, struct arena *a, const struct http_request *req,
                         struct http_reply *ret, struct err *e)
{
    size_t cap = req->max_reply_bytes ? req->max_reply_bytes : DEFAULT_MAX_BODY;

    if (f->code)
        return err_set(e, f->code, "%.*s:%u: %s", STR_ARG(f->host), (unsigned)f->port, f->why);
    if (f->reply.body.len > cap)
        return err_set(e, ERR_LIMIT, "%.*s:%u: the reply is larger than %zu bytes", STR_ARG(f->host),
                       (unsigned)f->port, cap);
    struct http_header *h = arena_array(a, f->reply.header_count + 1, sizeof(*h));
    for (size_t i = 0; i < f->reply.header_count; i++)
        h[i] = (struct http_header){ arena_str(a, f->reply.headers[i].name),
                                     arena_str(a, f->reply.headers[i].value) };
    *ret = (struct http_reply){ .status = f->reply.status,
                                .headers = h,
                                .header_count = f->reply.header_count,
                                .body = arena_str(a, f->reply.body) };
    return 0;
}

static struct flight *flight_new(struct io *io, const struct http_request *req)
{
    struct boot *b = boot_of(io);
    struct flight *f = xcalloc(1, sizeof(*f));

    f->sim = b->node->sim;
    f->refs = 1;
    f->id = ++f->sim->next_request;
    f->a = arena_new();
    f->sender = fiber_current(f->sim->sched);
    f->from = b->node->name;
    f->from_node = b->node;
    f->method = str_of(arena_strdup(f->a, req->method ? req->method : "GET"));
    f->body = req->body.len ? arena_str(f->a, req->body) : STR("");
    return f;
}

static int flight_wait(struct flight *f, int64_t timeout_ms, struct err *e)
{
    struct sim *s = f->sim;
    int64_t end_ms = s->now_ms + timeout_ms;
    int rc = 0;

    while (!f->done && !rc)
        rc = fiber_park(s->sched, end_ms > s->now_ms ? end_ms - s->now_ms : 0, false);
    if (rc == -ERR_CANCELLED)
        return err_set(e, ERR_CANCELLED, "%.*s:%u: cancelled", STR_ARG(f->host), (unsigned)f->port);
    if (!f->done)
        return err_set(e, ERR_TIMEOUT, "%.*s:%u: no reply within %lld ms", STR_ARG(f->host),
                       (unsigned)f->port, (long long)timeout_ms);
    return 0;
}

int sim_http_send(struct io *io, struct arena *a, const struct http_request *req, struct http_reply *ret,
                  struct err *e)
{
    if (io->dead || io_cancelled(io))
        return err_set(e, ERR_CANCELLED, "cancelled");
    struct flight *f = flight_new(io, req);
    int rc = flight_url(f, req->url, e);
    if (!rc) {
        flight_headers(f, req);
        message_send(f, "");
        if (draw_duplicate(f))
            message_send(f, " [duplicate]");
        rc = flight_wait(f, req->timeout_ms > 0 ? req->timeout_ms : DEFAULT_TIMEOUT_MS, e);
        f->sender = NULL;
    }
    rc = rc ? rc : flight_result(f, a, req, ret, e);
    if (!io->dead)
        sim_trace_add(f->sim, "#%llu %s <- %s %d", (unsigned long long)f->id, f->from,
                      rc ? err_name((enum err_code) - rc) : "ok", rc ? 0 : ret->status);
    flight_unref(f);
    return rc;
}

/* --- under way, and the server's side ------------------------------------------------------------------- */
struct serving {
    struct flight *flight;
    struct http_server *server; /* valid until ended */
    const struct sim_node *node;
    struct http_exchange x;
    struct fiber *message;
    bool ended, cut; /* cut: the node died or stopped listening before the end */
};

/* Fiber of the serving node. */
static void serving_run(void *arg)
{
    struct serving *sv = arg;
    struct io *io = sv->x.io;

    if (!io_cancelled(io))
        sv->server->handler(sv->server->ctx, &sv->x);
    sv->cut = io_cancelled(io);
    sv->ended = true;
    fiber_unpark(sv->message);
}

static struct http_server *server_find(const struct flight *f)
{
    bool local = str_is(f->host, "127.0.0.1") || str_is(f->host, "localhost");

    for (size_t i = 0; i < f->sim->servers.len; i++) {
        struct http_server *s = f->sim->servers.items[i];
        const struct sim_node *n = s->boot->node;
        if (s->port == f->port && (local ? n == f->from_node : str_is(f->host, n->name)))
            return s;
    }
    return NULL;
}

static struct str serving_file(struct arena *a, struct http_file *f)
{
    size_t len = 0, size = (size_t)f->left;
    char *b = arena_alloc(a, size + 1);

    while (f->left > 0) {
        size_t n = http_file_read(f, b + len, size - len);

        if (n == 0)
            break;
        len += n;
    }
    return (struct str){ b, len };
}

/* What one run of the handler answered, in the flight's memory. */
static struct http_reply serving_reply(const struct serving *sv)
{
    struct arena *a = sv->flight->a;
    const struct http_exchange *x = &sv->x;
    struct http_header *h = arena_array(a, x->reply_header_count + 1, sizeof(*h));

    for (size_t i = 0; i < x->reply_header_count; i++)
        h[i] = (struct http_header){ arena_str(a, x->reply_headers[i].name),
                                     arena_str(a, x->reply_headers[i].value) };
    return (struct http_reply){ .status = x->status ? x->status : 500,
                                .headers = h,
                                .header_count = x->reply_header_count,
                                .body = x->file ? serving_file(a, x->file)
                                                : arena_str(a, strbuf_str(&x->reply)) };
}

static void message_delay(struct sim *s)
{
    int64_t ms = sim_draw_range(s, SIM_NETWORK, s->faults.delay_min_ms, s->faults.delay_max_ms);
    int rc = io_sleep(&s->net, ms, NULL);

    (void)rc; /* cancelled only while the whole world ends */
}

/* A connection that breaks is noticed, or not. */
static void message_lost(struct flight *f, const char *why)
{
    if (sim_draw(f->sim, SIM_NETWORK) & 1)
        flight_end(f, ERR_NET, why);
}

/* A proxy that ends the reply half-way and says that it is whole; or the client sees that it is not. */
static void cut_reply(struct flight *f, struct http_reply *reply)
{
    if (reply->body.len)
        reply->body = str_sub(reply->body, 0,
                              (size_t)sim_draw_range(f->sim, SIM_NETWORK, 0, (int64_t)reply->body.len - 1));
    sim_trace_add(f->sim, "#%llu the reply ends after %zu B", (unsigned long long)f->id, reply->body.len);
}

static void serving_end(const struct serving *sv, enum fate_kind fate)
{
    struct flight *f = sv->flight;

    if (sv->cut) {
        message_lost(f, "connection reset");
        return;
    }
    struct http_reply reply = serving_reply(sv);
    sim_trace_add(f->sim, "#%llu %s answers %d (%zu B)", (unsigned long long)f->id, sv->node->name,
                  reply.status, reply.body.len);
    message_delay(f->sim);
    if (f->done)
        return;
    if (fate == FATE_CUT_REPLY)
        cut_reply(f, &reply);
    if (sim_is_cut(sv->node, f->from_node)) {
        sim_trace_add(f->sim, "#%llu the reply is lost: %s cannot reach %s", (unsigned long long)f->id,
                      sv->node->name, f->from);
        message_lost(f, "connection reset");
    } else if (fate == FATE_DROP_REPLY || (fate == FATE_CUT_REPLY && sim_draw(f->sim, SIM_NETWORK) & 1)) {
        message_lost(f, "connection closed before the reply");
    } else {
        f->reply = reply;
        flight_end(f, ERR_NONE, NULL);
    }
}

static void message_serve(struct flight *f, enum fate_kind fate)
{
    struct http_server *server = server_find(f);

    if (!server) {
        flight_end(f, ERR_NET, "connection refused");
        return;
    }
    if (sim_is_cut(f->from_node, server->boot->node)) {
        sim_trace_add(f->sim, "#%llu is lost: %s cannot reach %s", (unsigned long long)f->id, f->from,
                      server->boot->node->name);
        message_lost(f, "no route");
        return;
    }
    if (f->body.len > server->max_body_bytes) {
        flight_answer(f, &(struct wrong_answer){ .status = 413, .content_type = "text/plain" });
        return;
    }
    AUTO_PTR(arena) a = arena_new();
    struct serving sv = {
        .flight = f, .server = server, .node = server->boot->node, .message = fiber_current(f->sim->sched)
    };
    sv.x = (struct http_exchange){ .io = &server->boot->io,
                                   .a = a,
                                   .method = f->method,
                                   .path = f->path,
                                   .query = f->query,
                                   .headers = f->headers,
                                   .header_count = f->header_count,
                                   .body = f->body,
                                   .body_bytes = f->body.len,
                                   .peer = str_of(arena_printf(a, "%s:50000", f->from)),
                                   .reply = STRBUF(MAX_REPLY_BUFFER) };
    group_spawn(server->group, "handler", serving_run, &sv);
    while (!sv.ended)
        (void)fiber_park(f->sim->sched, -1, true);
    serving_end(&sv, fate);
    strbuf_done(&sv.x.reply);
    http_file_close(sv.x.file);
}

static void message_run(void *arg)
{
    struct message *m = arg;
    struct flight *f = m->flight;

    message_delay(f->sim);
    switch (m->fate.kind) {
    case FATE_ARRIVES:
    case FATE_DROP_REPLY:
    case FATE_CUT_REPLY:
        message_serve(f, m->fate.kind);
        break;
    case FATE_DROP_REQUEST:
        message_lost(f, "connection reset");
        break;
    case FATE_WRONG_ANSWER:
        flight_answer(f, &m->fate.answer);
        break;
    }
    flight_unref(f);
    free(m);
}

/* --- listening ------------------------------------------------------------------------------------------ */
static bool port_taken(const struct sim *s, const struct boot *b, uint16_t port)
{
    for (size_t i = 0; i < s->servers.len; i++) {
        const struct http_server *other = s->servers.items[i];
        if (other->boot == b && other->port == port)
            return true;
    }
    return false;
}

int sim_http_listen(struct io *io, const struct http_server_options *o, struct http_server **ret,
                    struct err *e)
{
    struct boot *b = boot_of(io);
    struct sim *s = b->node->sim;

    if (io->dead || io_cancelled(io))
        return err_set(e, ERR_CANCELLED, "cancelled");
    if (o->port && port_taken(s, b, o->port))
        return err_set(e, ERR_OS, "%s:%u: address already in use", o->host ? o->host : "127.0.0.1",
                       (unsigned)o->port);
    struct http_server *server = xcalloc(1, sizeof(*server));
    server->object.io = io;
    server->boot = b;
    server->port = o->port;
    while (!server->port || (!o->port && port_taken(s, b, server->port)))
        server->port = ++b->last_port;
    server->handler = o->handler;
    server->ctx = o->ctx;
    server->max_body_bytes = o->max_body_bytes ? o->max_body_bytes : DEFAULT_MAX_BODY;
    server->group = group_new(io);
    vec_push(&s->servers, server);
    sim_trace_add(s, "%s: listens on %u", b->node->name, (unsigned)server->port);
    *ret = server;
    return 0;
}

uint16_t sim_http_server_port(const struct http_server *s)
{
    return s->port;
}

void sim_http_server_close(struct http_server *s)
{
    vec_remove_item(&s->boot->node->sim->servers, s);
    group_end(s->group);
    free(s);
}
