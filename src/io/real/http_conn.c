/*
 * io/real/http_conn.c: one connection: its requests in their order, each with a handler on a fiber, its
 * time-outs and its end.
 *
 * Reading goes on while a handler runs: that is how a client's going is seen. What comes then (pipelined
 * requests) is kept up to a cap; over it the socket is left alone until the handler is done.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/real/http_internal.h"

enum {
    MAX_REPLY = 64 * 1024 * 1024,
    MAX_HEAD = 256 * 1024,
    MAX_PENDING = 64 * 1024,        /* reading stops above it; one more read may come on top */
    MAX_DISCARD = 64 * 1024 * 1024, /* of a body that is not wanted */
    LINGER_MS = 2000,               /* without a byte */
    LINGER_WHOLE_MS = 30000,
    TURNED_AWAY_MAX = 64 /* connections over the cap that are told so; others are closed without a word */
};

struct http_work {
    struct http_conn *conn;
    struct http_exchange x;
    struct strbuf head, body; /* what x borrows from */
};

static void conn_next(struct http_conn *c);

/* --- time
 * ---------------------------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *t);

static int64_t loop_now_ms(const struct http_conn *c)
{
    return (int64_t)uv_now(c->tcp.loop);
}

/* The timer is left alone when it looks early enough: a busy connection then arms it once a minute. */
static void set_due(struct http_conn *c, int64_t ms)
{
    c->due_ms = loop_now_ms(c) + (ms > 0 ? ms : 1);
    if (c->timer_ms && c->timer_ms <= c->due_ms)
        return;
    c->timer_ms = c->due_ms;
    uv_timer_start(&c->timer, on_timer, (uint64_t)(c->due_ms - loop_now_ms(c)), 0);
}

static void refuse(struct http_conn *c, int status, const char *why);

static void time_is_over(struct http_conn *c)
{
    if (c->state == HTTP_CONN_READING && c->parse.stage != HTTP_PARSE_NOTHING)
        refuse(c, 408, "the request did not come in time\n");
    else
        http_conn_close(c);
}

static void on_timer(uv_timer_t *t)
{
    struct http_conn *c = t->data;
    int64_t left = c->due_ms - loop_now_ms(c);

    c->timer_ms = 0;
    if (c->due_ms == 0 || c->state == HTTP_CONN_CLOSED)
        return;
    if (left > 0)
        set_due(c, left);
    else
        time_is_over(c);
}

/* --- the end
 * ------------------------------------------------------------------------------------------------- */

static void work_free(struct http_work *w)
{
    if (!w)
        return;
    arena_free(w->x.a);
    strbuf_done(&w->x.reply);
    strbuf_done(&w->head);
    strbuf_done(&w->body);
    free(w);
}

static void conn_unref(struct http_conn *c)
{
    struct http_server *s = c->server;

    if (--c->refs)
        return;
    if (c->prev)
        c->prev->next = c->next;
    else
        s->conns = c->next;
    if (c->next)
        c->next->prev = c->prev;
    s->conn_count--;
    work_free(c->work);
    http_parse_done(&c->parse);
    strbuf_done(&c->pending);
    strbuf_done(&c->head);
    tls_stream_free(c->tls);
    free(c);
    http_server_changed(s);
}

static void on_handle_closed(uv_handle_t *h)
{
    conn_unref(h->data);
}

/* The handler may find out by itself what happened; one that only waits is cancelled. */
static void end_waiting(struct http_conn *c)
{
    struct http_exchange *x = &c->work->x;

    x->no_waiting = true;
    if (x->waiting && x->fiber)
        fiber_cancel(x->fiber);
}

void http_conn_close(struct http_conn *c)
{
    if (c->state == HTTP_CONN_CLOSED)
        return;
    if (c->state == HTTP_CONN_HANDLING)
        end_waiting(c);
    c->state = HTTP_CONN_CLOSED;
    c->left[0] = c->left[1] = (struct str){ NULL, 0 };
    uv_close((uv_handle_t *)&c->tcp, on_handle_closed);
    uv_close((uv_handle_t *)&c->timer, on_handle_closed);
}

/* Closing a socket with unread bytes in it makes the system drop what it still had to send. */
static void linger(struct http_conn *c)
{
    c->state = HTTP_CONN_LINGERING;
    c->linger_until_ms = loop_now_ms(c) + LINGER_WHOLE_MS;
    strbuf_done(&c->pending);
    set_due(c, LINGER_MS);
    http_wire_end(c);
    if (c->state != HTTP_CONN_CLOSED && c->gone)
        http_conn_close(c);
    else if (c->state != HTTP_CONN_CLOSED)
        http_wire_start(c);
    http_server_changed(c->server);
}

static void discard(struct http_conn *c, size_t len)
{
    c->discarded += len;
    if (c->discarded > MAX_DISCARD || loop_now_ms(c) > c->linger_until_ms)
        http_conn_close(c);
    else
        set_due(c, LINGER_MS);
}

/* --- replies
 * ------------------------------------------------------------------------------------------------- */

static void reply(struct http_conn *c, const struct http_exchange *x, struct str body)
{
    struct http_reply_facts facts = { .date = http_server_date(c->server),
                                      .body_len = body.len,
                                      .keep_alive = c->keep_alive };

    c->state = HTTP_CONN_REPLYING;
    c->head = STRBUF(MAX_HEAD);
    http_reply_head(&c->head, x, &facts);
    c->left[0] = strbuf_str(&c->head);
    c->left[1] = str_is(x->method, "HEAD") || !http_reply_has_body(x->status) ? STR("") : body;
    set_due(c, c->server->options.idle_timeout_ms);
    http_wire_push(c);
}

/* An answer of the server's own, after which the connection is of no use. @why is a line, and a literal. */
static void refuse(struct http_conn *c, int status, const char *why)
{
    struct http_exchange x = { .status = status };

    x.reply_headers[x.reply_header_count++] =
        (struct http_header){ STR("Content-Type"), STR("text/plain; charset=utf-8") };
    c->keep_alive = false;
    c->parse.stage = HTTP_PARSE_NOTHING;
    reply(c, &x, str_of(why));
}

static void answer(struct http_conn *c)
{
    struct http_exchange *x = &c->work->x;

    if (!http_reply_is_sound(x)) {
        x->status = 500;
        x->reply_header_count = 0;
        strbuf_reset(&x->reply);
    }
    c->keep_alive = c->keep_alive && !c->server->draining && !c->gone;
    reply(c, x, strbuf_str(&x->reply));
}

void http_conn_sent(struct http_conn *c)
{
    if (c->state != HTTP_CONN_REPLYING)
        return;
    work_free(TAKE(c->work));
    strbuf_done(&c->head);
    if (c->keep_alive)
        conn_next(c);
    else
        linger(c);
}

/* --- requests
 * ------------------------------------------------------------------------------------------------ */

static void handler_fiber(void *arg)
{
    struct http_conn *c = arg;
    struct http_server *s = c->server;
    struct http_exchange *x = &c->work->x;

    x->fiber = fiber_current(s->object.io->sched);
    s->options.handler(s->options.ctx, x);
    x->fiber = NULL;
    if (c->state != HTTP_CONN_CLOSED)
        answer(c);
    http_server_changed(s);
    conn_unref(c);
}

static void start_handler(struct http_conn *c)
{
    struct http_server *s = c->server;
    struct http_work *w = xcalloc(1, sizeof(*w));

    c->keep_alive = c->parse.keep_alive;
    w->x = (struct http_exchange){ .io = s->object.io,
                                   .a = arena_new(),
                                   .peer = str_of(c->peer),
                                   .tls = s->tls != NULL,
                                   .reply = STRBUF(MAX_REPLY) };
    if (http_parse_take(&c->parse, &w->x, &w->head, &w->body) == HTTP_PARSE_REFUSED) {
        work_free(w);
        refuse(c, c->parse.refused_status, c->parse.refused_why);
        return;
    }
    if (s->closing) {
        work_free(w);
        refuse(c, 503, "the server is stopping\n");
        return;
    }
    c->work = w;
    c->state = HTTP_CONN_HANDLING;
    c->due_ms = 0;
    c->refs++;
    group_spawn(s->handlers, "http-handler", handler_fiber, c);
}

static void wait_for_more(struct http_conn *c)
{
    const struct http_server_options *o = &c->server->options;

    if (c->parse.stage != c->stage) {
        c->stage = c->parse.stage;
        set_due(c, c->stage == HTTP_PARSE_HEAD ? o->header_timeout_ms : o->body_timeout_ms);
    }
    if (c->parse.wants_continue && c->stage == HTTP_PARSE_BODY) {
        c->parse.wants_continue = false;
        c->left[0] = STR("HTTP/1.1 100 Continue\r\n\r\n");
        http_wire_push(c);
    }
}

/* Gives how much was used: all of it, up to the end of a request, or nothing of interest after a refusal. */
static size_t parse(struct http_conn *c, struct str bytes)
{
    size_t used = 0;

    switch (http_parse_feed(&c->parse, bytes, &used)) {
    case HTTP_PARSE_MORE:
        wait_for_more(c);
        break;
    case HTTP_PARSE_REQUEST:
        start_handler(c);
        break;
    case HTTP_PARSE_REFUSED:
        refuse(c, c->parse.refused_status, c->parse.refused_why);
        break;
    }
    return used;
}

static void keep(struct http_conn *c, struct str rest)
{
    if (rest.len == 0)
        return;
    strbuf_add(&c->pending, rest);
    if (c->pending.full) {
        http_conn_close(c);
    } else if (c->pending.len > MAX_PENDING && !c->paused) {
        c->paused = true;
        http_wire_pause(c);
    }
}

void http_conn_take(struct http_conn *c, struct str bytes)
{
    size_t used = 0;

    if (c->state == HTTP_CONN_LINGERING) {
        discard(c, bytes.len);
        return;
    }
    if (c->state == HTTP_CONN_READING)
        used = parse(c, bytes);
    if (c->state == HTTP_CONN_HANDLING || c->state == HTTP_CONN_REPLYING)
        keep(c, str_sub(bytes, used, bytes.len));
}

/* After a reply: the next request, of which some or all may have come already. */
static void conn_next(struct http_conn *c)
{
    struct str bytes = str_sub(strbuf_str(&c->pending), c->pending_from, c->pending.len);

    c->state = HTTP_CONN_READING;
    c->stage = HTTP_PARSE_NOTHING;
    set_due(c, c->server->options.idle_timeout_ms);
    if (bytes.len)
        c->pending_from += parse(c, bytes);
    if (c->pending_from >= c->pending.len || c->state != HTTP_CONN_HANDLING) {
        strbuf_done(&c->pending);
        c->pending_from = 0;
    }
    if (c->paused && c->pending.len - c->pending_from <= MAX_PENDING / 2 && c->state != HTTP_CONN_CLOSED) {
        c->paused = false;
        http_wire_start(c);
    }
}

void http_conn_eof(struct http_conn *c)
{
    c->gone = true;
    if (c->state == HTTP_CONN_READING || c->state == HTTP_CONN_LINGERING)
        http_conn_close(c);
    else if (c->state == HTTP_CONN_HANDLING)
        end_waiting(c);
}

/* --- the beginning
 * ------------------------------------------------------------------------------------------- */

static void name_peer(struct http_conn *c)
{
    struct sockaddr_storage address;
    int len = sizeof(address);
    char host[INET6_ADDRSTRLEN] = "unknown";
    bool six = false;

    if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&address, &len) == 0) {
        const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)&address;

        six = address.ss_family == AF_INET6;
        (void)uv_ip_name((const struct sockaddr *)&address, host, sizeof(host));
        /* the port is at the same place in both kinds of address */
        snprintf(c->peer, sizeof(c->peer), six ? "[%s]:%u" : "%s:%u", host, ntohs(a6->sin6_port));
        return;
    }
    snprintf(c->peer, sizeof(c->peer), "%s", host);
}

static struct http_conn *conn_new(struct http_server *s)
{
    struct http_conn *c = xcalloc(1, sizeof(*c));

    c->server = s;
    c->refs = 2;
    uv_tcp_init(s->listener.loop, &c->tcp);
    uv_timer_init(s->listener.loop, &c->timer);
    c->tcp.data = c->timer.data = c;
    c->pending = STRBUF(MAX_PENDING + 2 * HTTP_READ_BYTES);
    http_parse_init(&c->parse, &s->limits);
    c->next = s->conns;
    if (s->conns)
        s->conns->prev = c;
    s->conns = c;
    s->conn_count++;
    return c;
}

void http_conn_accept(struct http_server *s)
{
    struct http_conn *c = conn_new(s);
    size_t over = s->conn_count > s->options.max_connections ? s->conn_count - s->options.max_connections : 0;

    if (uv_accept((uv_stream_t *)&s->listener, (uv_stream_t *)&c->tcp) || over > TURNED_AWAY_MAX ||
        (over && s->tls)) {
        http_conn_close(c);
        return;
    }
    (void)uv_tcp_nodelay(&c->tcp, 1);
    name_peer(c);
    if (over) {
        refuse(c, 503, "too many connections\n");
        return;
    }
    if (s->tls)
        c->tls = tls_stream_new(s->tls);
    set_due(c, s->options.header_timeout_ms); /* covers a TLS handshake */
    http_wire_start(c);
}

bool http_conn_is_busy(const struct http_conn *c)
{
    return c->state == HTTP_CONN_HANDLING || c->state == HTTP_CONN_REPLYING ||
           (c->state == HTTP_CONN_READING && c->parse.stage != HTTP_PARSE_NOTHING);
}

void http_conn_stop(struct http_conn *c)
{
    c->keep_alive = false;
    if (c->state == HTTP_CONN_HANDLING)
        end_waiting(c);
    else if (c->state == HTTP_CONN_READING && !http_conn_is_busy(c))
        http_conn_close(c);
}
