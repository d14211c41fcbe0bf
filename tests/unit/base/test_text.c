/* tests/unit/base/test_text.c: errors, views, buffers, encodings, times. */
#include "../test.h"

#include "base/crypto.h"
#include "base/err.h"
#include "base/map.h"
#include "base/problems.h"
#include "base/timefmt.h"

static void an_error_gathers_context_and_stays_one_line(void **state)
{
    struct err e = { 0 };

    (void)state;
    assert_int_equal(err_set(&e, ERR_INVALID, "bad\nvalue %d", 7), -ERR_INVALID);
    assert_int_equal(err_wrap(&e, "queue %s", "q"), -ERR_INVALID);
    assert_string_equal(e.msg, "queue q: bad value 7");
    assert_int_equal(err_set_http(&e, 429, "slow"), -ERR_THROTTLED);
    assert_true(err_is_transient(&e));
}

static void a_long_message_is_cut_between_characters(void **state)
{
    struct err e = { 0 };
    char text[2000];

    (void)state;
    for (size_t i = 0; i + 2 < sizeof(text); i += 2)
        memcpy(text + i, "\xc3\xa9", 3);
    err_set(&e, ERR_OS, "%s", text);
    assert_true(str_is_utf8(str_of(e.msg)));
    err_set(&e, ERR_OS, "x%s", text);
    assert_true(str_is_utf8(str_of(e.msg)));
}

static void wrong_bytes_in_a_message_become_question_marks(void **state)
{
    struct err e = { 0 };

    (void)state;
    err_set(&e, ERR_INVALID, "%s", "near '\xce\x80\xdd\xa2\xd3\xdf' \xff\xed\xa0\x80.");
    assert_string_equal(e.msg, "near '\xce\x80\xdd\xa2"
                               "?"
                               "?"
                               "' "
                               "?"
                               "?"
                               "?"
                               "?"
                               ".");
}

static void a_buffer_past_its_cap_says_so(void **state)
{
    AUTO_STRBUF struct strbuf b = STRBUF(5);
    struct err e = { 0 };

    (void)state;
    strbuf_addz(&b, "12345");
    assert_int_equal(strbuf_check(&b, &e), 0);
    strbuf_addc(&b, '6');
    assert_string_equal(strbuf_cstr(&b), "12345");
    assert_int_equal(strbuf_check(&b, &e), -ERR_LIMIT);
}

static void numbers_are_read_whole_or_not_at_all(void **state)
{
    int64_t n = 0;

    (void)state;
    assert_true(str_to_i64(STR("-9223372036854775808"), &n));
    assert_true(n == INT64_MIN);
    assert_false(str_to_i64(STR("9223372036854775808"), &n));
    assert_false(str_to_i64(STR("1 "), &n));
    assert_false(str_to_i64(STR(" 1"), &n));
    assert_false(str_to_i64(STR("+1"), &n));
    assert_false(str_to_i64(STR(""), &n));
}

static void the_nearest_name_is_near(void **state)
{
    static const char *const names[] = { "machine_type", "accelerator_type", "accelerator_count", NULL };

    (void)state;
    assert_string_equal(nearest_name(STR("machine_typ"), names), "machine_type");
    assert_null(nearest_name(STR("disk"), names));
}

static void base64_goes_both_ways(void **state)
{
    static const char *const plain[] = { "", "f", "fo", "foo", "foob", "fooba", "foobar" };
    static const char *const coded[] = { "", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy" };
    struct arena *a = arena_new();
    struct err e = { 0 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
        AUTO_STRBUF struct strbuf b = STRBUF(100);
        struct str back = { 0 };

        strbuf_add_base64(&b, str_of(plain[i]));
        assert_string_equal(strbuf_cstr(&b), coded[i]);
        assert_int_equal(base64_decode(a, strbuf_str(&b), &back, &e), 0);
        assert_true(str_eq(back, str_of(plain[i])));
    }
    assert_int_equal(base64_decode(a, STR("Zm9v!"), &(struct str){ 0 }, &e), -ERR_INVALID);
    arena_free(a);
}

static void points_in_time_go_both_ways(void **state)
{
    char text[RFC3339_SIZE];
    int64_t ms = 0;

    (void)state;
    assert_string_equal(rfc3339_format(1767323045678, text), "2026-01-02T03:04:05.678Z");
    assert_true(rfc3339_parse(STR("2026-01-02T03:04:05.678Z"), &ms));
    assert_true(ms == 1767323045678);
    assert_true(rfc3339_parse(STR("2026-01-02T05:04:05.678123456+02:00"), &ms));
    assert_true(ms == 1767323045678);
    assert_true(rfc3339_parse(STR("2024-02-29T00:00:00Z"), &ms));
    assert_string_equal(rfc3339_format(ms, text), "2024-02-29T00:00:00.000Z");
    assert_false(rfc3339_parse(STR("2026-02-29T00:00:00Z"), &ms));
    assert_true(rfc3339_parse(STR("2026-01-02t03:04:05-01:30"), &ms));
    assert_string_equal(rfc3339_format(ms, text), "2026-01-02T04:34:05.000Z");
    assert_true(duration_parse_proto(STR("1.5s"), &ms));
    assert_true(ms == 1500);
    assert_false(duration_parse_proto(STR("1h"), &ms));
    assert_true(duration_parse_human(STR("2h30m"), &ms));
    assert_true(ms == 9000000);
}

static bool count_entry(struct str key, void *value, void *ctx)
{
    *(size_t *)ctx += key.len + (value != NULL);
    return true;
}

static void what_is_no_point_in_time_is_refused(void **state)
{
    const char *const wrong[] = { "",
                                  "2026-01-02",
                                  "2026-13-02T03:04:05Z",
                                  "2026-01-02T24:04:05Z",
                                  "2026-01-02T03:60:05Z",
                                  "2026-01-02T03:04:61Z",
                                  "2026-01-02T03:04:05",
                                  "2026-01-02T03:04:05.Z",
                                  "2026-01-02T03:04:05.0123456789Z",
                                  "2026-01-02T03:04:05+24:00",
                                  "2026-01-02T03:04:05-Z",
                                  "2026-01-02T03:04:05Z " };
    int64_t ms = 7;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(rfc3339_parse(str_of(wrong[i]), &ms));
    assert_true(ms == 7);
}

static void utf8_is_well_formed_or_refused(void **state)
{
    const char *const right[] = { "", "A\x7f", "\xc2\x80\xdf\xbf",
                                  "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf",
                                  "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" };
    const char *const wrong[] = { "\x80",
                                  "\xc1\xbf",
                                  "\xc2",
                                  "\xc2\x41",
                                  "\xe0\x9f\xbf",
                                  "\xed\xa0\x80",
                                  "\xe2\x82",
                                  "\xe2\x82\x41",
                                  "\xf0\x8f\xbf\xbf",
                                  "\xf4\x90\x80\x80",
                                  "\xf5\x80\x80\x80",
                                  "\xff" };

    for (size_t i = 0; i < ARRAY_LEN(right); i++)
        assert_true(str_is_utf8(str_of(right[i])));
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(str_is_utf8(str_of(wrong[i])));
}

static void a_map_holds_what_was_put(void **state)
{
    AUTO_PTR(map) m = map_new();
    int one = 1;
    size_t sum = 0;

    (void)state;
    assert_null(map_put(m, STR("a"), &one));
    assert_ptr_equal(map_put(m, STR("a"), NULL), &one);
    map_put(m, STR("bc"), &one);
    map_each(m, count_entry, &sum);
    assert_int_equal(sum, 4);
    assert_ptr_equal(map_remove(m, STR("bc")), &one);
    assert_null(map_get(m, STR("bc")));
    assert_int_equal(map_count(m), 1);
}

static void secrets_compare_by_value(void **state)
{
    AUTO_PTR(secret) a = secret_new(STR("local-key"));
    AUTO_PTR(secret) b = secret_dup(a);
    AUTO_PTR(secret) c = secret_new(STR("local-kez"));

    (void)state;
    assert_true(secret_eq(a, b));
    assert_false(secret_eq(a, c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_gathers_context_and_stays_one_line),
        cmocka_unit_test(a_long_message_is_cut_between_characters),
        cmocka_unit_test(wrong_bytes_in_a_message_become_question_marks),
        cmocka_unit_test(a_buffer_past_its_cap_says_so),
        cmocka_unit_test(numbers_are_read_whole_or_not_at_all),
        cmocka_unit_test(the_nearest_name_is_near),
        cmocka_unit_test(base64_goes_both_ways),
        cmocka_unit_test(points_in_time_go_both_ways),
        cmocka_unit_test(what_is_no_point_in_time_is_refused),
        cmocka_unit_test(utf8_is_well_formed_or_refused),
        cmocka_unit_test(a_map_holds_what_was_put),
        cmocka_unit_test(secrets_compare_by_value),
    };

    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
