/* When to come again, as a server may say it in Retry-After (RFC 9110, 10.2.3), and more loosely. */
#include "../test.h"

#include "base/defs.h"
#include "io/http.h"

/* Sun, 06 Nov 1994 08:49:37 GMT */
#define NOW_MS INT64_C(784111777000)

static uint32_t wait_ms(const char *name, const char *value)
{
    struct http_header headers[] = { { STR("Content-Type"), STR("text/plain") },
                                     { str_of(name), str_of(value) } };
    const struct http_reply reply = { .headers = headers, .header_count = ARRAY_LEN(headers) };

    return http_retry_after_ms(&reply, NOW_MS);
}

static void seconds_and_dates_are_times_to_wait(void **state)
{
    static const struct {
        const char *value;
        uint32_t ms;
    } rows[] = {
        { "7", 7000 },
        { "0.25", 250 },
        { "3600", 3600 * 1000 },
        { "86400", 3600 * 1000 }, /* no longer than an hour, whoever says so */
        { "1e300", 3600 * 1000 },
        { "Sun, 06 Nov 1994 08:49:57 GMT", 20000 },
        { "Mon, 07 Nov 1994 08:49:37 GMT", 3600 * 1000 },
        { "Sun, 06 Nov 1994 08:49:37 GMT", 0 }, /* now, or before */
        { "Sat, 05 Nov 1994 08:49:37 GMT", 0 },
        { "0", 0 },
        { "-5", 0 },
        { "nan", 0 },
        { "", 0 },
        { "soon", 0 },
        { "Sun, 06 Nov 1994 08:49:57 CET", 0 }, /* not dates */
        { "Sun, 06 Foo 1994 08:49:57 GMT", 0 },
        { "Sun, 06 ovD 1994 08:49:57 GMT", 0 },
        { "Sun, 06 Nov 1994 08:49 GMT", 0 },
        { "Sun, 36 Nov 1994 08:49:57 GMT", 0 },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (wait_ms("Retry-After", rows[i].value) != rows[i].ms)
            fail_msg("\"%s\": %u ms", rows[i].value, wait_ms("Retry-After", rows[i].value));
}

static void the_header_s_name_is_read_in_any_case_and_no_other_counts(void **state)
{
    assert_int_equal(wait_ms("retry-after", "7"), 7000);
    assert_int_equal(wait_ms("RETRY-AFTER", "7"), 7000);
    assert_int_equal(wait_ms("X-Retry-After", "7"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seconds_and_dates_are_times_to_wait),
        cmocka_unit_test(the_header_s_name_is_read_in_any_case_and_no_other_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
