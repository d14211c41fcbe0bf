/* tests/unit/io/test_http_server.c: the server as a client on a socket sees it. */
#include "../test.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file.h"
#include "io/http.h"
#include "io/real.h"
#include "raw_client.h"

/* A server and what its handlers have seen. Each test runs its body as the first fiber of a world of its own.
 */
struct bench {
    struct io *io;
    struct http_server_options options;
    void (*body)(struct bench *b);
    struct arena *a;
    struct http_server *server;
    struct cond changed;
    int started, finished, wait_rc;
    char dir[FOLDER_SIZE];
};

#define CLOSE "Host: t\r\nConnection: close\r\n"

static void note(struct bench *b, int *counter)
{
    ++*counter;
    cond_broadcast(b->io, &b->changed);
}

static void wait_for(struct bench *b, const int *counter)
{
    struct err e;

    while (*counter == 0)
        assert_int_equal(cond_wait(b->io, &b->changed, 10000, &e), 0);
}

static void handle(void *ctx, struct http_exchange *x)
{
    struct bench *b = ctx;
    struct cond never = { 0 };
    struct err e;

    note(b, &b->started);
    if (str_is(x->path, "/sleep"))
        (void)!io_sleep(x->io, 60, &e);
    if (str_has_prefix(x->path, STR("/yield")))
        (void)!io_sleep(x->io, 0, &e);
    if (str_is(x->path, "/wait")) {
        http_wait_begin(x);
        b->wait_rc = cond_wait(x->io, &never, 30000, &e);
        http_wait_end(x);
    }
    if (str_is(x->path, "/split"))
        http_reply_header(x, "X-Bad", STR("a\r\nX-More: b"));
    if (str_has_prefix(x->path, STR("/file")) &&
        http_reply_file(x, arena_printf(x->a, "%s%.*s", b->dir, STR_ARG(x->path)), "text/x", &e) == 0) {
        note(b, &b->finished);
        return;
    }
    if (x->body_path) /* a body on the disk is told as one in memory */
        must(file_read(x->io, x->a, x->body_path, 1 << 20, &x->body, &e), &e);
    if (str_is(x->path, "/large"))
        for (int i = 0; i < 8 * 1024 * 1024; i += 64)
            strbuf_addz(&x->reply, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n");
    else
        strbuf_addf(&x->reply, "[%.*s %.*s?%.*s|%.*s|%zu]", STR_ARG(x->method), STR_ARG(x->path),
                    STR_ARG(x->query), STR_ARG(x->body), x->header_count);
    x->status = 200;
    note(b, &b->finished);
}

static int run_body(struct io *io, void *arg, struct err *e)
{
    struct bench *b = arg;

    b->io = io;
    b->a = arena_new();
    b->options.handler = handle;
    b->options.ctx = b;
    if (http_listen(io, &b->options, &b->server, e))
        return -(int)e->code;
    b->body(b);
    http_server_close(b->server);
    arena_free(b->a);
    return 0;
}

static void with_server(void (*body)(struct bench *b), struct http_server_options options)
{
    struct bench b = { .options = options, .body = body };
    struct err e = { 0 };

    must(io_real_run(run_body, &b, &e), &e);
}

static const char *ask(struct bench *b, const char *text)
{
    return raw_ask(b->io, b->a, http_server_port(b->server), text);
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void assert_not(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("\"%s\" is in:\n%s", part, text);
}

/* --- what is served --- */

static void ordinary(struct bench *b)
{
    const char *got = ask(b, "GET /a%20b+c?q=%20+ HTTP/1.1\r\n" CLOSE "X: 1\r\n\r\n");

    assert_has(got, "HTTP/1.1 200 OK\r\nDate: ");
    assert_has(got, " GMT\r\nContent-Length: 22\r\nConnection: close\r\n\r\n[GET /a b+c?q=%20+||3]");
    got = ask(b, "GET http://elsewhere/a?b HTTP/1.1\r\n" CLOSE "\r\n");
    assert_has(got, "[GET /a?b||2]");
    got = ask(b, "GET /old HTTP/1.0\r\n\r\n");
    assert_has(got, "Connection: close\r\n\r\n[GET /old?||0]");
    got = ask(b, "GET /a HTTP/1.1\r\n" CLOSE "Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n");
    assert_has(got, "[GET /a?||4]");
}

static void requests_are_handed_to_the_handler_as_they_were_sent(void **state)
{
    (void)state;
    with_server(ordinary, (struct http_server_options){ 0 });
}

static void head(struct bench *b)
{
    const char *got = ask(b, "HEAD /a HTTP/1.1\r\n" CLOSE "\r\n");

    assert_has(got, "Content-Length: 13\r\n");
    assert_not(got, "[HEAD");
}

static void head_is_answered_without_a_body(void **state)
{
    (void)state;
    with_server(head, (struct http_server_options){ 0 });
}

static void bodies(struct bench *b)
{
    struct raw r = raw_open(b->io, http_server_port(b->server));

    assert_has(ask(b, "POST / HTTP/1.1\r\n" CLOSE "Content-Length: 5\r\n\r\nhello"), "|hello|");
    assert_has(ask(b, "POST / HTTP/1.1\r\n" CLOSE "Transfer-Encoding: chunked\r\n\r\n"
                      "3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: t\r\n\r\n"),
               "|hello|3]");
    raw_send(&r, "POST /c HTTP/1.1\r\n" CLOSE "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_string_equal(raw_read(&r, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    assert_int_equal(b->started, 2);
    raw_send(&r, "hello");
    assert_has(raw_read(&r, NULL), "Continue\r\n\r\nHTTP/1.1 200 OK\r\n");
    raw_close(&r);
}

static void bodies_come_whole_chunked_or_after_a_continue(void **state)
{
    (void)state;
    with_server(bodies, (struct http_server_options){ 0 });
}

static void pipelined(struct bench *b)
{
    struct raw r = raw_open(b->io, http_server_port(b->server));
    const char *got = NULL;

    raw_send(&r,
             "GET /sleep HTTP/1.1\r\nHost: t\r\n\r\nPOST /two HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n");
    raw_send(&r, "\r\nhiGET /three HTTP/1.1\r\nHost: t\r\n\r\nGET /fo");
    (void)raw_read(&r, "/three");
    raw_send(&r, "ur HTTP/1.1\r\n" CLOSE "\r\n");
    got = raw_read(&r, NULL);
    assert_has(got, "/sleep");
    assert_has(strstr(got, "/sleep"), "/two?|hi|");
    assert_has(strstr(got, "/two"), "/three");
    assert_has(strstr(got, "/three"), "/four");
    raw_close(&r);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    with_server(pipelined, (struct http_server_options){ 0 });
}

static void many_pipelined(struct bench *b)
{
    struct raw r = raw_open(b->io, http_server_port(b->server));
    AUTO_STRBUF struct strbuf text = STRBUF(1 << 20);
    size_t count = 0;

    for (int i = 0; i < 8000; i++) /* more than is kept for later: reading has to stop and go on */
        strbuf_addf(&text, "GET /yield/%d HTTP/1.1\r\nHost: a-host-of-some-length\r\n%s\r\n", i,
                    i == 7999 ? "Connection: close\r\n" : "");
    raw_send(&r, strbuf_cstr(&text));
    for (const char *at = raw_read(&r, NULL); (at = strstr(at, "HTTP/1.1 200 OK")); at++)
        count++;
    assert_int_equal(count, 8000);
    assert_has(strbuf_cstr(&r.got), "[GET /yield/7999?");
    raw_close(&r);
}

static void thousands_of_pipelined_requests_are_all_answered(void **state)
{
    (void)state;
    with_server(many_pipelined, (struct http_server_options){ 0 });
}

static void large(struct bench *b)
{
    struct raw r = raw_open(b->io, http_server_port(b->server));

    raw_send(&r, "GET /large HTTP/1.1\r\n" CLOSE "\r\n");
    wait_for(b, &b->finished); /* by then the socket is full: nobody reads yet */
    assert_has(raw_read(&r, NULL), "Content-Length: 8388608\r\n");
    assert_int_equal(strlen(strstr(strbuf_cstr(&r.got), "\r\n\r\n") + 4), 8388608);
    raw_close(&r);
}

static void a_reply_larger_than_the_socket_takes_arrives_whole(void **state)
{
    (void)state;
    with_server(large, (struct http_server_options){ 0 });
}

static void split(struct bench *b)
{
    const char *got = ask(b, "GET /split HTTP/1.1\r\n" CLOSE "\r\n");

    assert_has(got, "HTTP/1.1 500 ");
    assert_not(got, "X-More");
}

static void a_reply_header_with_a_line_break_is_not_sent(void **state)
{
    (void)state;
    with_server(split, (struct http_server_options){ 0 });
}

/* --- what is refused --- */

static const char *long_header(struct bench *b, size_t len)
{
    char *text = arena_alloc(b->a, len + 1);

    memset(text, 'x', len);
    return arena_printf(b->a, "GET / HTTP/1.1\r\n" CLOSE "X: %s\r\n\r\n", text);
}

static void caps(struct bench *b)
{
    AUTO_STRBUF struct strbuf many = STRBUF(1 << 20);

    strbuf_addz(&many, "GET / HTTP/1.1\r\n" CLOSE);
    for (int i = 0; i < 99; i++)
        strbuf_addf(&many, "X-%d: y\r\n", i);
    strbuf_addz(&many, "\r\n");
    assert_has(ask(b, strbuf_cstr(&many)), "HTTP/1.1 431 ");
    assert_has(ask(b, long_header(b, 3000)), "HTTP/1.1 200 ");
    assert_has(ask(b, long_header(b, 5000)), "HTTP/1.1 431 ");
    assert_has(ask(b, "POST / HTTP/1.1\r\n" CLOSE "Content-Length: 1001\r\n\r\n"), "HTTP/1.1 413 ");
    assert_has(ask(b, "POST / HTTP/1.1\r\n" CLOSE "Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n"),
               "HTTP/1.1 413 ");
    assert_int_equal(b->started, 1);
}

static void long_target(struct bench *b)
{
    char *text = arena_alloc(b->a, 20001);

    memset(text, 'x', 20000);
    assert_has(ask(b, arena_printf(b->a, "GET /%s HTTP/1.1\r\n" CLOSE "\r\n", text)), "HTTP/1.1 414 ");
    assert_int_equal(b->started, 0);
}

static void a_target_over_its_cap_is_refused(void **state)
{
    (void)state;
    with_server(long_target, (struct http_server_options){ 0 });
}

static void headers_and_bodies_over_their_caps_are_refused(void **state)
{
    (void)state;
    with_server(caps, (struct http_server_options){ .max_header_bytes = 4000, .max_body_bytes = 1000 });
}

static void bad(struct bench *b)
{
    const char *got = ask(b, "GET / HTTP/1.1\r\n" CLOSE "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab");

    assert_has(got, "HTTP/1.1 400 Bad Request\r\n");
    assert_has(got, "\r\n\r\nthe request contradicts itself about its length\n");
    assert_int_equal(b->started, 0);
}

static void a_bad_request_gets_400_and_one_line_and_is_closed(void **state)
{
    (void)state;
    with_server(bad, (struct http_server_options){ 0 });
}

/* --- time and numbers --- */

static void idle(struct bench *b)
{
    struct raw silent = raw_open(b->io, http_server_port(b->server));
    struct raw r = raw_open(b->io, http_server_port(b->server));

    raw_send(&r, "GET / HTTP/1.1\r\nHost: t\r\n\r\n");
    assert_has(raw_read(&r, NULL), "Connection: keep-alive\r\n");
    assert_true(r.ended);
    assert_string_equal(raw_read(&silent, NULL), "");
    assert_true(silent.ended);
    raw_close(&r);
    raw_close(&silent);
}

static void an_idle_connection_is_closed(void **state)
{
    (void)state;
    with_server(idle, (struct http_server_options){ .idle_timeout_ms = 30, .header_timeout_ms = 30 });
}

static void slow(struct bench *b)
{
    assert_has(ask(b, "GET / HTTP/1.1\r\nHost: t\r\nX"), "HTTP/1.1 408 ");
    assert_has(ask(b, "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\nabc"), "HTTP/1.1 408 ");
    assert_int_equal(b->started, 0);
}

static void a_slow_header_or_body_is_cut_off(void **state)
{
    (void)state;
    with_server(slow, (struct http_server_options){ .header_timeout_ms = 30, .body_timeout_ms = 30 });
}

static void stuck(struct bench *b)
{
    struct raw r = raw_open(b->io, http_server_port(b->server));
    int64_t until = io_now_ms(b->io) + 10000;
    const char *got = NULL;

    raw_send(&r, "GET /large HTTP/1.1\r\nHost: t\r\n\r\n");
    wait_for(b, &b->finished);
    do /* its place is free again once it has been cut off */
        got = ask(b, "GET / HTTP/1.1\r\n" CLOSE "\r\n");
    while (strstr(got, " 503 ") && io_now_ms(b->io) < until);
    assert_has(got, " 200 ");
    raw_close(&r);
}

static void a_client_that_does_not_read_its_reply_is_cut_off(void **state)
{
    (void)state;
    with_server(stuck, (struct http_server_options){ .max_connections = 1, .idle_timeout_ms = 50 });
}

static void crowd(struct bench *b)
{
    struct raw two[2];

    for (int i = 0; i < 2; i++) {
        two[i] = raw_open(b->io, http_server_port(b->server));
        raw_send(&two[i], "GET / HTTP/1.1\r\nHost: t\r\n\r\n");
        (void)raw_read(&two[i], "]");
    }
    assert_has(ask(b, "GET / HTTP/1.1\r\n" CLOSE "\r\n"), "HTTP/1.1 503 ");
    assert_int_equal(b->started, 2);
    for (int i = 0; i < 2; i++)
        raw_close(&two[i]);
}

static void a_connection_over_the_cap_is_turned_away(void **state)
{
    (void)state;
    with_server(crowd, (struct http_server_options){ .max_connections = 2 });
}

/* --- going away --- */

static void gone(struct bench *b)
{
    struct raw r = raw_open(b->io, http_server_port(b->server));

    raw_send(&r, "GET /wait HTTP/1.1\r\nHost: t\r\n\r\n");
    wait_for(b, &b->started);
    raw_close(&r);
    wait_for(b, &b->finished);
    assert_int_equal(b->wait_rc, -ERR_CANCELLED);
}

static void a_waiting_handler_is_told_that_its_client_has_gone(void **state)
{
    (void)state;
    with_server(gone, (struct http_server_options){ 0 });
}

static void not_waiting(struct bench *b)
{
    struct raw r = raw_open(b->io, http_server_port(b->server));

    raw_send(&r, "GET /sleep HTTP/1.1\r\nHost: t\r\n\r\n");
    wait_for(b, &b->started);
    raw_close(&r);
    wait_for(b, &b->finished); /* and nothing is written to a freed connection: the sanitizer looks */
}

static void a_working_handler_finishes_though_its_client_has_gone(void **state)
{
    (void)state;
    with_server(not_waiting, (struct http_server_options){ 0 });
}

static void half_closed(struct bench *b)
{
    struct raw r = raw_open(b->io, http_server_port(b->server));

    raw_send(&r, "GET /sleep HTTP/1.1\r\nHost: t\r\n\r\n");
    assert_int_equal(shutdown(r.fd, SHUT_WR), 0);
    assert_has(raw_read(&r, NULL), "Connection: close\r\n\r\n[GET /sleep");
    raw_close(&r);
}

static void a_client_that_only_stops_sending_is_answered(void **state)
{
    (void)state;
    with_server(half_closed, (struct http_server_options){ 0 });
}

static void drain(struct bench *b)
{
    struct raw quiet = raw_open(b->io, http_server_port(b->server));
    struct raw r = raw_open(b->io, http_server_port(b->server));
    struct raw w = raw_open(b->io, http_server_port(b->server));
    struct http_server *again = NULL;
    struct err e;

    raw_send(&w, "GET /wait HTTP/1.1\r\nHost: t\r\n\r\n");
    wait_for(b, &b->started);
    b->started = 0;
    raw_send(&r, "GET /sleep HTTP/1.1\r\nHost: t\r\n\r\n");
    wait_for(b, &b->started);
    http_server_close(b->server);
    assert_has(raw_read(&r, NULL), "Connection: close\r\n\r\n[GET /sleep");
    assert_int_equal(b->wait_rc, -ERR_CANCELLED);
    assert_true(r.ended);
    assert_string_equal(raw_read(&quiet, NULL), "");
    raw_close(&quiet);
    raw_close(&r);
    raw_close(&w);
    must(http_listen(b->io, &b->options, &again, &e), &e);
    b->server = again;
}

static void closing_lets_the_running_answer_finish_but_not_a_mere_wait(void **state)
{
    (void)state;
    with_server(drain, (struct http_server_options){ .drain_ms = 10000 });
}

/* --- files: bodies that are too long for memory, replies from the disk --- */

static bool admit(void *ctx, struct str method, struct str path)
{
    return str_is(method, "PUT") && str_has_prefix(path, STR("/a b"));
}

static const char *put(struct bench *b, const char *target, int len)
{
    return ask(b, arena_printf(b->a, "PUT %s HTTP/1.1\r\n" CLOSE "Content-Length: %d\r\n\r\n%0*d", target,
                               len, len, 7));
}

static void spool(struct bench *b)
{
    static const char chunked[] = "PUT /a%20b HTTP/1.1\r\n" CLOSE "Transfer-Encoding: chunked\r\n\r\n"
                                  "14\r\n01234567890123456789\r\n0\r\n\r\n";
    struct err e = { 0 };
    const char *got = put(b, "/a%20b?x=1", 50);

    assert_has(got, "HTTP/1.1 200 OK");
    assert_has(got, "[PUT /a b?x=1|00000000000000000000000000000000000000000000000007|3]");
    assert_has(put(b, "/a%20b", 10), "[PUT /a b?|0000000007|3]"); /* fits */
    assert_has(put(b, "/a%20b", 101), "413");                     /* over the cap of files */
    assert_has(put(b, "/other", 50), "413");
    assert_has(ask(b, "POST /a%20b HTTP/1.1\r\n" CLOSE "Content-Length: 50\r\n\r\n"), "413");
    assert_has(ask(b, chunked), "413");               /* its length is not announced */
    assert_int_equal(rmdir(b->options.spool_dir), 0); /* nothing is left behind */
    assert_has(put(b, "/a%20b", 50), "507");
    must(file_mkdirs(b->io, b->options.spool_dir, &e), &e);
}

static void broken_off(struct bench *b)
{
    struct raw r = raw_open(b->io, http_server_port(b->server));
    struct err e = { 0 };

    raw_send(&r, "PUT /a%20b HTTP/1.1\r\nHost: t\r\nContent-Length: 50\r\n\r\n01234567890123456789");
    must(io_sleep(b->io, 20, &e), &e);
    raw_close(&r);
    for (int i = 0; i < 500 && rmdir(b->options.spool_dir) < 0; i++)
        must(io_sleep(b->io, 10, &e), &e);
    assert_false(file_exists(b->io, b->options.spool_dir));
    assert_int_equal(b->started, 0);
}

static void with_spool(void (*body)(struct bench *b))
{
    char dir[FOLDER_SIZE], path[FOLDER_SIZE + 8];

    folder_make(dir);
    snprintf(path, sizeof(path), "%s/spool", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    with_server(body,
                (struct http_server_options){
                    .max_body_bytes = 16, .max_spooled_bytes = 100, .spool_dir = path, .admit = admit });
    folder_remove(dir);
}

static void a_body_too_long_for_memory_goes_to_a_file_where_it_is_let_in(void **state)
{
    with_spool(spool);
}

static void what_is_left_of_a_body_that_broke_off_is_removed(void **state)
{
    with_spool(broken_off);
}

static void files(struct bench *b)
{
    AUTO_STRBUF struct strbuf large = STRBUF(32 << 20);
    struct err e = { 0 };
    const char *got;

    folder_make(b->dir);
    must(file_write(b->io, arena_printf(b->a, "%s/file", b->dir), STR("0123456789"), 0600, &e), &e);
    while (large.len < 12 << 20)
        strbuf_addf(&large, "%zu\n", large.len);
    must(file_write(b->io, arena_printf(b->a, "%s/file-large", b->dir), strbuf_str(&large), 0600, &e), &e);
    got = ask(b, "GET /file HTTP/1.1\r\n" CLOSE "\r\n");
    assert_has(got, "Content-Type: text/x\r\n");
    assert_has(got, "Content-Length: 10\r\nConnection: close\r\n\r\n0123456789");
    got = ask(b, "HEAD /file HTTP/1.1\r\n" CLOSE "\r\n");
    assert_has(got, "Content-Length: 10\r\nConnection: close\r\n\r\n");
    assert_not(got, "0123");
    got = ask(b, "GET /file HTTP/1.1\r\nHost: t\r\nRange: bytes=3-5\r\n\r\nGET /file HTTP/1.1\r\n" CLOSE
                 "Range: bytes=10-\r\n\r\n");
    assert_has(got, "HTTP/1.1 206 Partial Content\r\n");
    assert_has(got, "Content-Range: bytes 3-5/10\r\n");
    assert_has(got, "\r\n\r\n345HTTP/1.1 416 Range Not Satisfiable\r\n");
    assert_has(got, "Content-Range: bytes */10\r\n");
    got = ask(b, "GET /file-large HTTP/1.1\r\n" CLOSE "\r\n");
    got = strstr(got, "\r\n\r\n");
    assert_non_null(got);
    assert_true(str_eq(str_of(got + 4), strbuf_str(&large)));
    assert_has(ask(b, "GET /file-none HTTP/1.1\r\n" CLOSE "\r\n"), "[GET /file-none?||2]");
    folder_remove(b->dir);
}

static void a_file_of_any_length_is_a_reply_whole_or_in_part(void **state)
{
    with_server(files, (struct http_server_options){ 0 });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_handed_to_the_handler_as_they_were_sent),
        cmocka_unit_test(head_is_answered_without_a_body),
        cmocka_unit_test(bodies_come_whole_chunked_or_after_a_continue),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(thousands_of_pipelined_requests_are_all_answered),
        cmocka_unit_test(a_reply_larger_than_the_socket_takes_arrives_whole),
        cmocka_unit_test(a_reply_header_with_a_line_break_is_not_sent),
        cmocka_unit_test(a_target_over_its_cap_is_refused),
        cmocka_unit_test(headers_and_bodies_over_their_caps_are_refused),
        cmocka_unit_test(a_bad_request_gets_400_and_one_line_and_is_closed),
        cmocka_unit_test(an_idle_connection_is_closed),
        cmocka_unit_test(a_slow_header_or_body_is_cut_off),
        cmocka_unit_test(a_client_that_does_not_read_its_reply_is_cut_off),
        cmocka_unit_test(a_connection_over_the_cap_is_turned_away),
        cmocka_unit_test(a_waiting_handler_is_told_that_its_client_has_gone),
        cmocka_unit_test(a_working_handler_finishes_though_its_client_has_gone),
        cmocka_unit_test(a_client_that_only_stops_sending_is_answered),
        cmocka_unit_test(closing_lets_the_running_answer_finish_but_not_a_mere_wait),
        cmocka_unit_test(a_body_too_long_for_memory_goes_to_a_file_where_it_is_let_in),
        cmocka_unit_test(what_is_left_of_a_body_that_broke_off_is_removed),
        cmocka_unit_test(a_file_of_any_length_is_a_reply_whole_or_in_part),
    };

    return cmocka_run_group_tests_name("http_server", tests, NULL, NULL);
}
