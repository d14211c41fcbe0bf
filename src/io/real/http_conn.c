/* io/real/http_conn.c: one connection's life: its beginning, its time-outs, its end. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/real/http_internal.h"

enum {
    MAX_DISCARD = 64 * 1024 * 1024, /* of a body that is not wanted */
    LINGER_MS = 2000,               /* without a byte */
    LINGER_WHOLE_MS = 30000,
    TURNED_AWAY_MAX = 64 /* connections over the cap that are told so; others are closed without a word */
};

/* --- time
 * ---------------------------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *t);

static int64_t loop_now_ms(const struct http_conn *c)
{
    return (int64_t)uv_now(c->tcp.loop);
}

/* The timer is left alone when it looks early enough: a busy connection then arms it once a minute. */
void http_conn_set_due(struct http_conn *c, int64_t ms)
{
    c->due_ms = loop_now_ms(c) + (ms > 0 ? ms : 1);
    if (c->timer_ms && c->timer_ms <= c->due_ms)
        return;
    c->timer_ms = c->due_ms;
    uv_timer_start(&c->timer, on_timer, (uint64_t)(c->due_ms - loop_now_ms(c)), 0);
}

static void time_is_over(struct http_conn *c)
{
    if (c->state == HTTP_CONN_READING && c->parse.stage != HTTP_PARSE_NOTHING)
        http_conn_refuse(c, 408, "the request did not come in time\n");
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
        http_conn_set_due(c, left);
    else
        time_is_over(c);
}

/* --- the end
 * ------------------------------------------------------------------------------------------------- */

void http_work_free(struct http_work *w)
{
    if (!w)
        return;
    http_file_close(w->x.file);
    arena_free(w->x.a);
    strbuf_done(&w->x.reply);
    http_request_memory_free(&w->memory);
    free(w->piece);
    free(w);
}

void http_conn_unref(struct http_conn *c)
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
    s->lingering -= c->lingers;
    http_work_free(c->work);
    http_parse_done(&c->parse);
    strbuf_done(&c->pending);
    strbuf_done(&c->head);
    tls_stream_free(c->tls);
    free(c);
    http_server_changed(s);
}

static void on_handle_closed(uv_handle_t *h)
{
    http_conn_unref(h->data);
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
void http_conn_linger(struct http_conn *c)
{
    c->state = HTTP_CONN_LINGERING;
    c->lingers = true;
    c->server->lingering++;
    c->linger_until_ms = loop_now_ms(c) + LINGER_WHOLE_MS;
    strbuf_done(&c->pending);
    http_conn_set_due(c, LINGER_MS);
    http_wire_end(c);
    if (c->state != HTTP_CONN_CLOSED && c->gone)
        http_conn_close(c);
    else if (c->state != HTTP_CONN_CLOSED)
        http_wire_start(c);
    http_server_changed(c->server);
}

void http_conn_discard(struct http_conn *c, size_t len)
{
    c->discarded += len;
    if (c->discarded > MAX_DISCARD || loop_now_ms(c) > c->linger_until_ms)
        http_conn_close(c);
    else
        http_conn_set_due(c, LINGER_MS);
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
    c->pending = STRBUF(HTTP_MAX_PENDING + 2 * HTTP_READ_BYTES);
    http_parse_init(&c->parse, &s->limits);
    c->next = s->conns;
    if (s->conns)
        s->conns->prev = c;
    s->conns = c;
    s->conn_count++;
    return c;
}

/* The file's mode says so too; not every system looks at it. */
static bool is_own_user(const struct http_conn *c)
{
    struct ucred who = { 0 };
    socklen_t len = sizeof(who);
    uv_os_fd_t fd;

    return uv_fileno((const uv_handle_t *)&c->tcp, &fd) == 0 &&
           getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && (who.uid == geteuid() || who.uid == 0);
}

void http_conn_accept(struct http_server *s)
{
    struct http_conn *c = conn_new(s);
    bool over = s->conn_count - s->lingering > s->options.max_connections;
    bool without_a_word = over && (s->tls || s->lingering >= TURNED_AWAY_MAX);

    if (uv_accept((uv_stream_t *)&s->listener, (uv_stream_t *)&c->tcp) || without_a_word) {
        http_conn_close(c);
        return;
    }
    if (s->options.unix_path && !is_own_user(c)) {
        http_conn_close(c);
        return;
    }
    (void)uv_tcp_nodelay(&c->tcp, 1); /* a Unix socket has no such delay, and says so */
    name_peer(c);
    if (over) {
        http_conn_refuse(c, 503, "too many connections\n");
        return;
    }
    if (s->tls)
        c->tls = tls_stream_new(s->tls);
    http_conn_set_due(c, s->options.header_timeout_ms); /* covers a TLS handshake */
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
