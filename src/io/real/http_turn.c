/*
 * io/real/http_turn.c: a connection's requests, one after the other: from bytes to a handler on a fiber, and
 * its reply.
 *
 * Reading goes on while a handler runs: that is how a client's going is seen. What comes then (pipelined
 * requests) is kept up to a cap; over it the socket is left alone until the handler is done.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/real/http_internal.h"

enum { MAX_REPLY = 64 * 1024 * 1024, MAX_HEAD = 256 * 1024, FILE_PIECE_BYTES = 256 * 1024 };

static void conn_next(struct http_conn *c);

/* --- replies
 * ------------------------------------------------------------------------------------------------- */

static void reply(struct http_conn *c, const struct http_exchange *x, struct str body)
{
    struct http_reply_facts facts = { .date = http_server_date(c->server),
                                      .body_len = x->file ? x->file->left : body.len,
                                      .keep_alive = c->keep_alive };

    c->state = HTTP_CONN_REPLYING;
    c->head = STRBUF(MAX_HEAD);
    http_reply_head(&c->head, x, &facts);
    c->left[0] = strbuf_str(&c->head);
    c->left[1] = str_is(x->method, "HEAD") || !http_reply_has_body(x->status) ? STR("") : body;
    if (x->file && c->left[1].len == 0 && (str_is(x->method, "HEAD") || !http_reply_has_body(x->status)))
        x->file->left = 0;
    http_conn_set_due(c, c->server->options.idle_timeout_ms);
    http_wire_push(c);
}

bool http_conn_refill(struct http_conn *c)
{
    struct http_work *w = c->state == HTTP_CONN_REPLYING ? c->work : NULL;
    size_t n;

    if (!w || !w->x.file || w->x.file->left == 0)
        return false;
    if (!w->piece)
        w->piece = xmalloc(FILE_PIECE_BYTES);
    n = http_file_read(w->x.file, w->piece, FILE_PIECE_BYTES);
    if (n == 0) { /* shorter than was announced: the client must not take it for whole */
        http_conn_close(c);
        return false;
    }
    c->left[1] = (struct str){ w->piece, n };
    return true;
}

void http_conn_refuse(struct http_conn *c, int status, const char *why)
{
    struct http_exchange x = { .status = status };

    x.reply_headers[x.reply_header_count++] =
        (struct http_header){ STR("Content-Type"), STR("text/plain; charset=utf-8") };
    c->keep_alive = false;
    c->parse.stage = HTTP_PARSE_NOTHING;
    if (c->left[0].len) /* a "100 Continue" got stuck: there is no way to say more */
        http_conn_close(c);
    else
        reply(c, &x, str_of(why));
}

static void answer(struct http_conn *c)
{
    struct http_exchange *x = &c->work->x;

    if (!http_reply_is_sound(x)) {
        x->status = 500;
        x->reply_header_count = 0;
        strbuf_reset(&x->reply);
        http_file_close(x->file);
        x->file = NULL;
    }
    c->keep_alive = c->keep_alive && !c->server->draining && !c->gone;
    reply(c, x, strbuf_str(&x->reply));
}

void http_conn_sent(struct http_conn *c)
{
    if (c->state != HTTP_CONN_REPLYING)
        return;
    http_work_free(TAKE(c->work));
    strbuf_done(&c->head);
    if (c->keep_alive)
        conn_next(c);
    else
        http_conn_linger(c);
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
    http_conn_unref(c);
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
    if (http_parse_take(&c->parse, &w->x, &w->memory) == HTTP_PARSE_REFUSED) {
        http_work_free(w);
        http_conn_refuse(c, c->parse.refused_status, c->parse.refused_why);
        return;
    }
    if (s->closing) {
        http_work_free(w);
        http_conn_refuse(c, 503, "the server is stopping\n");
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
        http_conn_set_due(c, c->stage == HTTP_PARSE_HEAD ? o->header_timeout_ms : o->body_timeout_ms);
    } else if (c->parse.spooled.path) {
        http_conn_set_due(c, o->body_timeout_ms); /* as long as it comes */
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
        http_conn_refuse(c, c->parse.refused_status, c->parse.refused_why);
        break;
    }
    return used;
}

static void keep(struct http_conn *c, struct str rest)
{
    size_t left = c->pending.len - c->pending_from;

    if (rest.len == 0)
        return;
    if (c->pending_from > 0) {
        memmove(c->pending.ptr, c->pending.ptr + c->pending_from, left);
        strbuf_truncate(&c->pending, left);
        c->pending_from = 0;
    }
    strbuf_add(&c->pending, rest);
    if (c->pending.full) {
        http_conn_close(c);
    } else if (c->pending.len > HTTP_MAX_PENDING && !c->paused) {
        c->paused = true;
        http_wire_pause(c);
    }
}

void http_conn_take(struct http_conn *c, struct str bytes)
{
    size_t used = 0;

    if (c->state == HTTP_CONN_LINGERING) {
        http_conn_discard(c, bytes.len);
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
    http_conn_set_due(c, c->server->options.idle_timeout_ms);
    if (bytes.len)
        c->pending_from += parse(c, bytes);
    if (c->pending_from >= c->pending.len || c->state != HTTP_CONN_HANDLING) {
        strbuf_done(&c->pending);
        c->pending_from = 0;
    }
    if (c->paused && c->pending.len - c->pending_from <= HTTP_MAX_PENDING / 2 &&
        c->state != HTTP_CONN_CLOSED) {
        c->paused = false;
        http_wire_start(c);
    }
}
