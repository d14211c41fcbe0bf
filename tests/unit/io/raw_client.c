/* tests/unit/io/raw_client.c */
#include "../test.h"

#include "raw_client.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct raw raw_open(struct io *io, uint16_t port)
{
    struct raw r = { .io = io, .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .got = STRBUF(1 << 24) };
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval patience = { .tv_sec = 10 };

    assert_int_equal(setsockopt(r.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    assert_int_equal(connect(r.fd, (struct sockaddr *)&to, sizeof(to)), 0); /* the backlog takes it */
    return r;
}

struct sent {
    int fd;
    struct str text;
    ssize_t len;
};

static void send_on_thread(void *arg)
{
    struct sent *s = arg;

    s->len = send(s->fd, s->text.ptr, s->text.len, MSG_NOSIGNAL);
}

void raw_send(struct raw *r, const char *text)
{
    struct sent s = { r->fd, str_of(text), 0 };
    struct err e;

    must(io_work(r->io, send_on_thread, &s, &e), &e);
    assert_int_equal(s.len, s.text.len);
}

static void read_on_thread(void *arg)
{
    struct raw *r = arg;
    char chunk[16384];

    while (!r->until || !strstr(strbuf_cstr(&r->got), r->until)) {
        ssize_t n = recv(r->fd, chunk, sizeof(chunk), 0);

        r->ended = n == 0;
        if (n <= 0)
            return;
        strbuf_add(&r->got, (struct str){ chunk, (size_t)n });
    }
}

const char *raw_read(struct raw *r, const char *until)
{
    struct err e;

    r->until = until;
    must(io_work(r->io, read_on_thread, r, &e), &e);
    return strbuf_cstr(&r->got);
}

void raw_close(struct raw *r)
{
    close(r->fd);
    strbuf_done(&r->got);
}

const char *raw_ask(struct io *io, struct arena *a, uint16_t port, const char *text)
{
    struct raw r = raw_open(io, port);
    const char *got = NULL;

    raw_send(&r, text);
    got = arena_strdup(a, raw_read(&r, NULL));
    assert_true(r.ended);
    raw_close(&r);
    return got;
}
