/*
 * bench/load/load.c: clients of a queue, each with one request under way, on one thread.
 *
 *   load PROTOCOL push|lease PORT CLIENTS COUNT BYTES [KEY ENTITY QUEUE AGENT]
 *
 * Prints {"operations", "seconds", "per_second", "p50_ms", "p99_ms", "max_ms"}; the times are those of
 * pushes, or of takes alone: what an agent waits for. Exit status 1, and the reply, at the first refusal.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/defs.h"
#include "base/mem.h"
#include "load.h"

enum { CLIENTS_MAX = 1000 };

struct load {
    struct load_options o;
    const struct load_protocol *protocol;
    int epoll;
    int64_t begun, ended; /* operations */
    int64_t *times_ns;    /* of each */
};

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void open_client(struct load *l, struct load_client *c, int number)
{
    struct sockaddr_in where = { .sin_family = AF_INET, .sin_port = htons((uint16_t)l->o.port) };
    struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };
    int on = 1;

    *c = (struct load_client){ .o = &l->o, .number = number, .out = STRBUF(BODY_MAX * 3) };
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&where, sizeof(where)))
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (fcntl(c->fd, F_SETFL, O_NONBLOCK) || epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &ev))
        die("epoll_ctl");
}

/* Requests are small enough for the socket's buffer nearly always; if not, epoll tells when to go on. */
static void send_rest(struct load *l, struct load_client *c)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

    while (c->sent < c->out.len) {
        ssize_t n = write(c->fd, strbuf_cstr(&c->out) + c->sent, c->out.len - c->sent);

        if (n < 0 && errno != EAGAIN)
            die("write");
        if (n < 0)
            break;
        c->sent += (size_t)n;
    }
    ev.events |= c->sent < c->out.len ? (uint32_t)EPOLLOUT : 0;
    if (epoll_ctl(l->epoll, EPOLL_CTL_MOD, c->fd, &ev))
        die("epoll_ctl");
}

static void ask(struct load *l, struct load_client *c)
{
    if (c->step == 0 && l->begun == l->o.count)
        return;
    l->begun += c->step == 0;
    strbuf_reset(&c->out);
    c->sent = 0;
    l->protocol->ask(c, &c->out);
    c->begun_ns = now_ns();
    send_rest(l, c);
}

/* Its reply is there: on with the second step, or the next operation. */
static void go_on(struct load *l, struct load_client *c)
{
    if (c->step == 0)
        c->op_begun_ns = now_ns() - c->begun_ns;
    if (l->o.op == LOAD_LEASE && c->step == 0) {
        c->step = 1;
    } else {
        c->step = 0;
        l->times_ns[l->ended++] = c->op_begun_ns;
    }
    ask(l, c);
}

static void receive(struct load *l, struct load_client *c)
{
    ssize_t n = read(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len);
    int64_t used;

    if (n <= 0 && errno != EAGAIN)
        die("the queue closed a connection");
    c->in_len += n > 0 ? (size_t)n : 0;
    used = l->protocol->answer(c, (struct str){ c->in, c->in_len });
    if (used < 0) {
        fprintf(stderr, "refused: %.*s\n", (int)(c->in_len < 2000 ? c->in_len : 2000), c->in);
        exit(1);
    }
    if (!used)
        return;
    memmove(c->in, c->in + used, c->in_len - (size_t)used);
    c->in_len -= (size_t)used;
    go_on(l, c);
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static void print(struct load *l, double seconds)
{
    qsort(l->times_ns, (size_t)l->ended, sizeof(*l->times_ns), by_size);
    printf(
        "{\"operations\": %lld, \"seconds\": %.3f, \"per_second\": %.0f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, "
        "\"max_ms\": %.3f}\n",
        (long long)l->ended, seconds, (double)l->ended / seconds, (double)l->times_ns[l->ended / 2] / 1e6,
        (double)l->times_ns[l->ended * 99 / 100] / 1e6, (double)l->times_ns[l->ended - 1] / 1e6);
}

static void run(struct load *l)
{
    struct load_client *clients = xcalloc((size_t)l->o.clients, sizeof(*clients));
    struct epoll_event events[64];
    int64_t start;

    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < l->o.clients; i++)
        open_client(l, &clients[i], i);
    start = now_ns();
    for (int i = 0; i < l->o.clients; i++)
        ask(l, &clients[i]);
    while (l->ended < l->o.count) {
        int n = epoll_wait(l->epoll, events, ARRAY_LEN(events), -1);

        for (int i = 0; i < n; i++) {
            if (events[i].events & EPOLLOUT)
                send_rest(l, events[i].data.ptr);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                receive(l, events[i].data.ptr);
        }
    }
    print(l, (double)(now_ns() - start) / 1e9);
    for (int i = 0; i < l->o.clients; i++) {
        close(clients[i].fd);
        strbuf_done(&clients[i].out);
    }
    close(l->epoll);
    free(clients);
}

static const struct load_protocol *find_protocol(const char *name)
{
    const struct load_protocol *const all[] = { &load_graphql, &load_beanstalkd, &load_redis };

    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    return NULL;
}

static bool parse_numbers(char **argv, struct load_options *o)
{
    int64_t port, clients;

    if (!str_to_i64(str_of(argv[0]), &port) || !str_to_i64(str_of(argv[1]), &clients) ||
        !str_to_i64(str_of(argv[2]), &o->count) || !str_to_i64(str_of(argv[3]), &o->bytes))
        return false;
    o->port = (int)port;
    o->clients = (int)clients;
    return port > 0 && port < 65536 && clients > 0 && clients <= CLIENTS_MAX && o->count > 0 &&
           o->bytes > 0 && o->bytes <= BODY_MAX;
}

int main(int argc, char **argv)
{
    struct load l = { .protocol = argc > 6 ? find_protocol(argv[1]) : NULL };
    AUTO_STRBUF struct strbuf key = STRBUF(256), login = STRBUF(512);
    char body[BODY_MAX + 1] = "";

    if (!l.protocol || !parse_numbers(argv + 3, &l.o) || (l.protocol == &load_graphql && argc != 11)) {
        fprintf(stderr,
                "usage: %s graphql|beanstalkd|redis push|lease PORT CLIENTS COUNT BYTES [KEY ENTITY "
                "QUEUE AGENT]\n",
                argv[0]);
        return 2;
    }
    l.o.op = strcmp(argv[2], "push") == 0 ? LOAD_PUSH : LOAD_LEASE;
    if (argc == 11) {
        strbuf_addf(&key, "api:%s", argv[7]);
        strbuf_add_base64(&login, strbuf_str(&key));
        l.o.login = strbuf_cstr(&login);
        l.o.entity = argv[8];
        l.o.queue = argv[9];
        l.o.agent = argv[10];
    }
    memset(body, 'x', (size_t)l.o.bytes);
    l.o.body = body;
    l.times_ns = xcalloc((size_t)l.o.count, sizeof(*l.times_ns));
    run(&l);
    free(l.times_ns);
    return 0;
}
