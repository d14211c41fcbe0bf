/* tests/unit/io/test_http_parse.c: which requests are taken, and which are refused with what. */
#include "../test.h"

#include "io/real/http_parse.h"

#define HOST    "Host: t\r\n"
#define POST    "POST / HTTP/1.1\r\n" HOST
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

static const struct http_limits limits = { .max_header_bytes = 1000, .max_body_bytes = 100 };

/* A request out of the only bytes of a client, or the status it is refused with; 0: more is wanted. */
static int feed(struct arena *a, struct str bytes, struct http_exchange *ret)
{
    struct http_parse p;
    struct http_request_memory memory = { 0 };
    enum http_parse_result r;
    size_t used = 0;
    int status = 0;

    *ret = (struct http_exchange){ .a = a };
    http_parse_init(&p, &limits);
    r = http_parse_feed(&p, bytes, &used);
    if (r == HTTP_PARSE_REQUEST)
        r = http_parse_take(&p, ret, &memory);
    if (r == HTTP_PARSE_REQUEST) {
        status = 200;
        for (size_t i = 0; i < ret->header_count; i++)
            ((struct http_header *)(uintptr_t)ret->headers)[i] =
                (struct http_header){ arena_str(a, ret->headers[i].name),
                                      arena_str(a, ret->headers[i].value) };
        ret->query = arena_str(a, ret->query);
        ret->body = arena_str(a, ret->body);
    } else if (r == HTTP_PARSE_REFUSED) {
        status = p.refused_status;
        assert_true(str_has_suffix(str_of(p.refused_why), STR("\n")));
    }
    http_request_memory_free(&memory);
    http_parse_done(&p);
    return status;
}

struct sample {
    struct str bytes;
    int status;
};

static void check(const struct sample *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        AUTO_PTR(arena) a = arena_new();
        struct http_exchange x;
        int status = feed(a, samples[i].bytes, &x);

        if (status != samples[i].status)
            fail_msg("%d, not %d, for:\n%.*s", status, samples[i].status, STR_ARG(samples[i].bytes));
    }
}

/* How requests are smuggled past a proxy: the two must never disagree where a request ends. */
static void a_request_whose_end_is_in_doubt_is_refused(void **state)
{
    const struct sample samples[] = {
        { STR(POST "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), 400 },
        { STR(POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\na"), 400 },
        { STR(POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400 },
        { STR(POST "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n"), 400 },
        { STR(POST "Content-Length: +1\r\n\r\na"), 400 },
        { STR(POST "Content-Length: -1\r\n\r\na"), 400 },
        { STR(POST "Content-Length: 1 1\r\n\r\na"), 400 },
        { STR(POST "Content-Length: 1, 1\r\n\r\na"), 400 },
        { STR(POST "Content-Length: 0x1\r\n\r\na"), 400 },
        { STR(POST "Content-Length: \r\n\r\n"), 400 },
        { STR(POST "Content-Length: 99999999999999999999999\r\n\r\na"), 400 },
        { STR(POST "Content-Length : 1\r\n\r\na"), 400 },
        { STR(POST "Transfer-Encoding: gzip\r\n\r\n"), 501 },
        { STR(POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 501 },
        { STR(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400 },
        { STR(POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), 501 },
        { STR("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 501 },
        { STR(CHUNKED "-1\r\na\r\n0\r\n\r\n"), 400 },
        { STR(CHUNKED "0x1\r\na\r\n0\r\n\r\n"), 400 },
        { STR(CHUNKED "1\r\nab\r\n0\r\n\r\n"), 400 },
        { STR(CHUNKED "1\na\n0\n\n"), 400 },
        { STR(CHUNKED "fffffffffffffffff\r\na\r\n0\r\n\r\n"), 400 },
        { STR("GET / HTTP/1.1\nHost: t\n\n"), 400 },
        { STR("GET / HTTP/1.1\nHost: t\r\n\r\n"), 400 },
        { STR("GET / HTTP/1.1\r\nHost: t\r\n\n"), 400 },
        { STR(CHUNKED "0\r\n\n"), 400 },
        { STR(CHUNKED "0\r\nT: t\n\r\n"), 400 },
        { STR(CHUNKED "0\r\nT: t\r\n u\r\n\r\n"), 400 },
        { STR("GET / HTTP/1.1\r\nHost: t\rX: y\r\n\r\n"), 400 },
        { STR("GET / HTTP/1.1\r\nHost: t\r\n\rX: y\r\n\r\n"), 400 },
        { STR("GET / HTTP/1.1\r\nHost: t\r\nX: y\n\r\n"), 400 },
        { STR("GET / HTTP/1.1\r\nHost: t\r\nX: a\r\n b\r\n\r\n"), 400 },
        { STR("GET / HTTP/1.1\r\nHost: t\r\n X: a\r\n\r\n"), 400 },
        { STR(POST "Content-Length:\r\n 1\r\n\r\na"), 400 },
    };

    (void)state;
    check(samples, ARRAY_LEN(samples));
}

static void what_is_no_http_request_is_refused(void **state)
{
    const struct sample samples[] = {
        { STR("GET / HTTP/1.1\r\n\r\n"), 400 },
        { STR("GET / HTTP/1.1\r\n" HOST HOST "\r\n"), 400 },
        { STR("GET / HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n"), 400 },
        { STR("GET / HTTP/1.1\r\n" HOST ": a\r\n\r\n"), 400 },
        { STR("GET / HTTP/1.1\r\n" HOST "no colon\r\n\r\n"), 400 },
        { STR("GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n"), 400 },
        { STR("GET /a\x01 HTTP/1.1\r\n" HOST "\r\n"), 400 },
        { STR("GET /a%00b HTTP/1.1\r\n" HOST "\r\n"), 400 },
        { STR("GET /a#b HTTP/1.1\r\n" HOST "\r\n"), 400 },
        { STR("GET a HTTP/1.1\r\n" HOST "\r\n"), 400 },
        { STR("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), 400 },
        { STR("CONNECT t:1 HTTP/1.1\r\n" HOST "\r\n"), 400 },
        { STR("GET / HTTP/1.1\r\n" HOST "Expect: wonders\r\n\r\n"), 417 },
        { STR("BREW / HTTP/1.1\r\n" HOST "\r\n"), 501 },
        { STR("GET / HTTP/1.2\r\n" HOST "\r\n"), 505 },
        { STR("GET / HTTP/2.0\r\n" HOST "\r\n"), 505 },
        { STR("GET / HTTP/0.9\r\n" HOST "\r\n"), 505 },
        { STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505 },
        { STR("\x16\x03\x01\x00\xa5\x01"), 501 },
        { STR("GET /\r\n\r\n"), 505 },
    };

    (void)state;
    check(samples, ARRAY_LEN(samples));
}

static void chunked_bodies_are_capped_with_all_that_is_around_them(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    AUTO_STRBUF struct strbuf text = STRBUF(100000);
    struct http_exchange x;

    (void)state;
    strbuf_addz(&text, CHUNKED);
    for (int i = 0; i < 101; i++)
        strbuf_addz(&text, "1\r\na\r\n");
    assert_int_equal(feed(a, strbuf_str(&text), &x), 413);
    strbuf_reset(&text);
    strbuf_addz(&text, CHUNKED "1;");
    for (int i = 0; i < 1200; i++)
        strbuf_addz(&text, "e");
    assert_int_equal(feed(a, strbuf_str(&text), &x), 413);
    strbuf_reset(&text);
    strbuf_addz(&text, CHUNKED "0\r\n");
    for (int i = 0; i < 1200; i++)
        strbuf_addz(&text, "T: t\r\n");
    assert_int_equal(feed(a, strbuf_str(&text), &x), 413);
}

static void odd_but_lawful_requests_are_taken(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct http_exchange x;

    (void)state;
    assert_int_equal(
        feed(a, STR("\r\nGET /%41%zz%4?a=%20 HTTP/1.1\r\nhost:\r\nX:\r\nY: \t a b \t\r\n\r\n"), &x), 200);
    assert_true(str_is(x.path, "/A%zz%4"));
    assert_true(str_is(x.query, "a=%20"));
    assert_int_equal(x.header_count, 3);
    assert_true(str_is(x.headers[0].name, "host"));
    assert_true(str_is(x.headers[1].value, ""));
    assert_true(str_is(x.headers[2].value, "a b"));
    assert_int_equal(feed(a, STR("GET http://t?q HTTP/1.1\r\n" HOST "\r\n"), &x), 200);
    assert_true(str_is(x.path, "/"));
    assert_true(str_is(x.query, "q"));
    assert_int_equal(
        feed(a, STR("GET / HTTP/1.1\r\n" HOST "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b"),
             &x),
        200);
    assert_int_equal(x.body.len, 2);
    assert_int_equal(feed(a, STR(CHUNKED "A;x=\"y;z\"\r\n0123456789\r\n000\r\n\r\n"), &x), 200);
    assert_true(str_is(x.body, "0123456789"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_whose_end_is_in_doubt_is_refused),
        cmocka_unit_test(what_is_no_http_request_is_refused),
        cmocka_unit_test(chunked_bodies_are_capped_with_all_that_is_around_them),
        cmocka_unit_test(odd_but_lawful_requests_are_taken),
    };

    return cmocka_run_group_tests_name("http_parse", tests, NULL, NULL);
}
