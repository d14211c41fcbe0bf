/*
 * io/real/http_wire.c: a connection's socket, with or without TLS: bytes in, bytes out.
 *
 * What is to be sent is offered to the socket directly; only what it does not take is copied, a piece at a
 * time, so a slow client costs one piece of memory and not its whole reply twice.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "io/real/http_internal.h"

enum { PIECE_BYTES = 256 * 1024, PIECES_AT_ONCE = 8 };

struct sending {
    uv_write_t request;
    struct http_conn *conn;
    char data[];
};

/* --- in
 * ------------------------------------------------------------------------------------------------------ */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *ret)
{
    const struct http_conn *c = h->data;

    (void)suggested;
    *ret = uv_buf_init(c->server->read_buffer, HTTP_READ_BYTES);
}

/* The cipher text has been copied by feeding, so the plain text may take its place. */
static void take_tls(struct http_conn *c, struct str bytes)
{
    size_t n = 0;

    tls_stream_feed(c->tls, bytes);
    for (;;) {
        n = tls_stream_read(c->tls, c->server->read_buffer, HTTP_READ_BYTES);
        if (n == 0)
            break;
        http_conn_take(c, (struct str){ c->server->read_buffer, n });
        if (c->state == HTTP_CONN_CLOSED)
            return;
    }
    http_wire_push(c); /* the handshake's part, if any */
    if (tls_stream_state(c->tls) != TLS_OPEN)
        http_conn_eof(c);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct http_conn *c = stream->data;

    if (n < 0)
        http_conn_eof(c);
    else if (n > 0 && c->tls)
        take_tls(c, (struct str){ buf->base, (size_t)n });
    else if (n > 0)
        http_conn_take(c, (struct str){ buf->base, (size_t)n });
}

void http_wire_start(struct http_conn *c)
{
    int rc = uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);

    if (rc && rc != UV_EALREADY)
        http_conn_close(c);
}

void http_wire_pause(struct http_conn *c)
{
    uv_read_stop((uv_stream_t *)&c->tcp);
}

/* --- out
 * ----------------------------------------------------------------------------------------------------- */

static void on_written(uv_write_t *w, int status)
{
    struct sending *s = w->data;
    struct http_conn *c = s->conn;

    c->sending = NULL;
    free(s);
    if (c->state == HTTP_CONN_CLOSED)
        return;
    if (status) {
        http_conn_close(c);
        return;
    }
    if (c->state == HTTP_CONN_REPLYING) /* the client reads, if slowly */
        http_conn_set_due(c, c->server->options.idle_timeout_ms);
    http_wire_push(c);
}

static void send_later(struct http_conn *c, struct str bytes)
{
    struct sending *s = xmalloc(sizeof(*s) + bytes.len);
    uv_buf_t buf = uv_buf_init(s->data, (unsigned)bytes.len);

    memcpy(s->data, bytes.ptr, bytes.len);
    s->conn = c;
    s->request.data = s;
    if (uv_write(&s->request, (uv_stream_t *)&c->tcp, &buf, 1, on_written)) {
        free(s);
        http_conn_close(c);
        return;
    }
    c->sending = s;
}

static size_t try_write(struct http_conn *c, const uv_buf_t *bufs, unsigned count)
{
    int n = uv_try_write((uv_stream_t *)&c->tcp, bufs, count);

    if (n < 0 && n != UV_EAGAIN)
        http_conn_close(c);
    return n > 0 ? (size_t)n : 0;
}

static void consume(struct http_conn *c, size_t n)
{
    for (int i = 0; i < 2; i++) {
        size_t part = n < c->left[i].len ? n : c->left[i].len;

        c->left[i] = str_sub(c->left[i], part, c->left[i].len);
        n -= part;
    }
}

static struct str first_left(const struct http_conn *c)
{
    return c->left[0].len ? c->left[0] : c->left[1];
}

/* Gives true when there may be more to do at once. @later: not in this turn of the loop. */
static bool push_plain(struct http_conn *c, bool later)
{
    uv_buf_t bufs[2];
    struct str rest = { 0 };

    for (int i = 0; i < 2; i++)
        bufs[i] = uv_buf_init((char *)(uintptr_t)c->left[i].ptr, (unsigned)c->left[i].len);
    consume(c, later ? 0 : try_write(c, bufs, 2));
    rest = str_sub(first_left(c), 0, PIECE_BYTES);
    if (c->state == HTTP_CONN_CLOSED || rest.len == 0)
        return false;
    consume(c, rest.len);
    send_later(c, rest);
    return false;
}

static bool push_tls(struct http_conn *c, bool later)
{
    char *buf = c->server->write_buffer;
    size_t n = 0, sent = 0;

    n = tls_stream_write(c->tls, first_left(c));
    consume(c, n);
    n = tls_stream_output(c->tls, buf, HTTP_WRITE_BYTES);
    if (n == 0)
        return false;
    sent = later ? 0 : try_write(c, &(uv_buf_t){ .base = buf, .len = n }, 1);
    if (c->state == HTTP_CONN_CLOSED)
        return false;
    if (sent < n)
        send_later(c, (struct str){ buf + sent, n - sent });
    return sent == n;
}

static void push_left(struct http_conn *c, bool later)
{
    if (c->tls) {
        while (push_tls(c, later))
            ;
        if (tls_stream_state(c->tls) == TLS_FAILED && first_left(c).len)
            http_conn_close(c);
    } else if (first_left(c).len) {
        (void)push_plain(c, later);
    }
}

/* A file may be of any length, and its client read fast: after some pieces the others have their turn. */
void http_wire_push(struct http_conn *c)
{
    int pieces = 0;

    do {
        if (c->sending || c->state == HTTP_CONN_CLOSED)
            return;
        push_left(c, pieces++ >= PIECES_AT_ONCE);
        if (c->sending || c->state == HTTP_CONN_CLOSED || first_left(c).len > 0)
            return;
    } while (http_conn_refill(c));
    http_conn_sent(c);
}

void http_wire_end(struct http_conn *c)
{
    uv_os_fd_t fd = -1;

    if (c->tls) {
        tls_stream_end(c->tls);
        while (!c->sending && c->state != HTTP_CONN_CLOSED && push_tls(c, false))
            ;
    }
    if (c->state != HTTP_CONN_CLOSED && uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0)
        (void)shutdown(fd, SHUT_WR); /* what is with the system already still goes out */
}
