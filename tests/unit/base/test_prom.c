/* tests/unit/base/test_prom.c: what Prometheus is told. */
#include "../test.h"

#include "base/prom.h"

static void a_request_is_counted_by_its_answer_and_by_how_long_it_took(void **state)
{
    struct prom_calls c = { 0 };
    const struct prom_calls_names names = { "x_request", "to", "Requests" };
    const struct prom_kind kind = { "a", &c };
    AUTO_STRBUF struct strbuf b = STRBUF(8192);

    prom_calls_add(&c, 200, 5); /* a limit belongs to its bucket */
    prom_calls_add(&c, 204, 6);
    prom_calls_add(&c, 429, 0);
    prom_calls_add(&c, 503, 60000);
    prom_calls_add(&c, 0, -3); /* a clock never goes back here; if it did, no time passed */
    prom_calls_write(&b, &names, &kind, 1);
    assert_non_null(strstr(strbuf_cstr(&b), "x_requests_total{to=\"a\",answer=\"2xx\"} 2\n"));
    assert_non_null(strstr(strbuf_cstr(&b), "x_requests_total{to=\"a\",answer=\"429\"} 1\n"));
    assert_non_null(strstr(strbuf_cstr(&b), "x_requests_total{to=\"a\",answer=\"5xx\"} 1\n"));
    assert_non_null(strstr(strbuf_cstr(&b), "x_requests_total{to=\"a\",answer=\"none\"} 1\n"));
    assert_null(strstr(strbuf_cstr(&b), "answer=\"4xx\""));
    assert_non_null(strstr(strbuf_cstr(&b), "x_request_seconds_bucket{to=\"a\",le=\"0.005\"} 3\n"));
    assert_non_null(strstr(strbuf_cstr(&b), "x_request_seconds_bucket{to=\"a\",le=\"0.01\"} 4\n"));
    assert_non_null(strstr(strbuf_cstr(&b), "x_request_seconds_bucket{to=\"a\",le=\"30\"} 4\n"));
    assert_non_null(strstr(strbuf_cstr(&b), "x_request_seconds_bucket{to=\"a\",le=\"+Inf\"} 5\n"));
    assert_non_null(strstr(strbuf_cstr(&b), "x_request_seconds_count{to=\"a\"} 5\n"));
}

static void a_labels_value_is_escaped(void **state)
{
    AUTO_STRBUF struct strbuf b = STRBUF(64);

    prom_text(&b, STR("a\"b\\c\nd"));
    assert_string_equal(strbuf_cstr(&b), "a\\\"b\\\\c\\nd");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_counted_by_its_answer_and_by_how_long_it_took),
        cmocka_unit_test(a_labels_value_is_escaped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
