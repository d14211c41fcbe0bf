/* tests/unit/base/test_log.c: a line of the log as it is written, whatever the values hold. */
#include "../test.h"

#include <stdio.h>
#include <unistd.h>

#include "base/jval.h"
#include "base/log.h"

/* What log_set_file() was given since the last call; stderr gets it as well. */
static struct file {
    FILE *f;
    char text[8192];
} file;

static const char *logged(void)
{
    size_t n = 0;

    rewind(file.f);
    n = fread(file.text, 1, sizeof(file.text) - 1, file.f);
    file.text[n] = '\0';
    rewind(file.f);
    assert_int_equal(ftruncate(fileno(file.f), 0), 0);
    return file.text;
}

static int open_file(void **state)
{
    (void)state;
    file.f = tmpfile();
    log_set_file(fileno(file.f));
    return 0;
}

static int close_file(void **state)
{
    (void)state;
    log_set_file(-1);
    log_set_role(NULL);
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_AUTO);
    fclose(file.f);
    return 0;
}

static const struct jval *parsed(struct arena *a)
{
    struct jval *v = NULL;
    struct err e = { 0 };

    must(jval_from_json(a, str_of(logged()), "the line", NULL, &v, &e), &e);
    return v;
}

static void a_json_line_has_what_cloud_logging_reads(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    const struct jval *v;

    (void)state;
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    log_set_role("agent");
    LOG_WARNING("queue.unreachable", "queue=%s error=\"%s\"", "q", "no \"route\"");
    v = parsed(a);
    assert_true(str_is(jval_str(jval_get(v, "severity")), "WARNING"));
    assert_true(str_is(jval_str(jval_get(v, "event")), "queue.unreachable"));
    assert_true(str_is(jval_str(jval_get(v, "role")), "agent"));
    assert_true(str_is(jval_str(jval_get(v, "message")), "queue=q error=\"no \"route\"\""));
    assert_int_equal(jval_str(jval_get(v, "time")).len, strlen("2026-01-01T00:00:00.000Z"));
}

static void a_value_can_neither_end_the_line_nor_spoil_the_json(void **state)
{
    AUTO_PTR(arena) a = arena_new();

    (void)state;
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    LOG_INFO("e", "v=%s", "one\ntwo\x1b[31m\x7f \xff\xc3( \xc3\xa9 \\");
    assert_true(str_is(jval_str(jval_get(parsed(a), "message")),
                       "v=one two [31m  \xef\xbf\xbd\xef\xbf\xbd( \xc3\xa9 \\"));
}

static void a_text_line_is_one_line(void **state)
{
    const char *line;

    (void)state;
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    LOG_ERROR("e", "v=%s", "a\nb\xff");
    line = logged();
    assert_non_null(strstr(line, "ERROR   e v=a b\xef\xbf\xbd\n"));
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void a_level_below_the_least_is_not_even_formatted(void **state)
{
    (void)state;
    log_configure(LOG_LEVEL_WARNING, LOG_FORMAT_TEXT);
    LOG_INFO("e", "v=%d", 1);
    assert_string_equal(logged(), "");
    assert_false(log_enabled(LOG_LEVEL_INFO));
}

static void values_without_end_are_left_out_and_the_line_says_so(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    char *long_text = malloc(40000);

    (void)state;
    memset(long_text, 'x', 39999);
    long_text[39999] = '\0';
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    LOG_INFO("e", "v=%s", long_text);
    assert_true(str_is(jval_str(jval_get(parsed(a), "message")), "(longer than 16 KiB: left out)"));
    free(long_text);
}

int main(void)
{
#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, open_file, close_file)
    const struct CMUnitTest tests[] = {
        WITH_FILE(a_json_line_has_what_cloud_logging_reads),
        WITH_FILE(a_value_can_neither_end_the_line_nor_spoil_the_json),
        WITH_FILE(a_text_line_is_one_line),
        WITH_FILE(a_level_below_the_least_is_not_even_formatted),
        WITH_FILE(values_without_end_are_left_out_and_the_line_says_so),
    };

    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
