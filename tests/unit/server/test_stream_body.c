/* server/stream_body: what a running script logs. */
#include "server/stream_body.h"

#include "../test.h"

static void lines_come_with_their_numbers_and_the_rest_with_them(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct stream_body body;
    struct err e = { 0 };

    must(stream_body_read(a,
                          STR("{\"files\":{\"wandb-history.jsonl\":{\"offset\":3,\"content\":[\"{}\",7]},"
                              "\"wandb-summary.json\":{\"content\":[\"{\",\"{\\\"a\\\":1}\"]},\"mine\":{"
                              "\"content\":[\"x\"]}},"
                              "\"complete\":true,\"exitcode\":2,\"uploaded\":[\"f\"]}"),
                          &body, &e),
         &e);
    assert_int_equal(body.post.part_count, 1);
    assert_int_equal(body.parts[0].stream, RUN_HISTORY);
    assert_int_equal(body.parts[0].offset, 3);
    assert_int_equal(body.parts[0].len, 1);
    assert_true(str_is(body.post.summary, "{\"a\":1}"));
    assert_true(body.post.complete && body.post.exit_code == 2);
    assert_int_equal(body.post.uploaded_count, 1);
}

static void a_line_number_that_no_run_has_is_dropped(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct stream_body body;
    struct err e = { 0 };

    must(stream_body_read(
             a,
             STR("{\"files\":{\"output.log\":{\"offset\":9223372036854775807,\"content\":[\"a\",\"b\"]},"
                 "\"wandb-events.jsonl\":{\"offset\":-5,\"content\":[\"{}\"]}}}"),
             &body, &e),
         &e);
    assert_int_equal(body.post.part_count, 1);
    assert_int_equal(body.parts[0].stream, RUN_EVENTS);
    assert_int_equal(body.parts[0].offset, 0);
}

static void a_nul_byte_is_shown_as_one_that_could_not_be_read(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct stream_body body;
    struct err e = { 0 };

    must(stream_body_read(a, STR("{\"files\":{\"output.log\":{\"content\":[\"a\\u0000b\"]}}}"), &body, &e),
         &e);
    assert_true(str_is(body.parts[0].lines[0], "a\xef\xbf\xbd"
                                               "b"));
}

static void what_is_no_object_is_refused(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct stream_body body;
    struct err e = { 0 };

    assert_int_equal(stream_body_read(a, STR("[]"), &body, &e), -ERR_INVALID);
    assert_string_equal(e.msg, "file_stream takes a JSON object: this is none");
    assert_true(stream_body_read(a, STR("{"), &body, &e) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_with_their_numbers_and_the_rest_with_them),
        cmocka_unit_test(a_line_number_that_no_run_has_is_dropped),
        cmocka_unit_test(a_nul_byte_is_shown_as_one_that_could_not_be_read),
        cmocka_unit_test(what_is_no_object_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
