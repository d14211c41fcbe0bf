/* The list filter grammar: what it accepts, how it binds, where it says an error is. */
#include "../test.h"

#include "emulator/filter.h"

/* The thing under test: fields a=1 b=2, labels.k=v, name="run-abc", n=10. */
static bool test_one(const struct filter *t, const void *thing)
{
    (void)thing;
    if (filter_path_is(t, "a"))
        return filter_compare_str(t->op, STR("1"), t->value);
    if (filter_path_is(t, "b"))
        return filter_compare_str(t->op, STR("2"), t->value);
    if (filter_path_is(t, "labels.k"))
        return filter_compare_str(t->op, STR("v"), t->value);
    if (filter_path_is(t, "labels.wandb-run-id"))
        return filter_compare_str(t->op, STR("x.y"), t->value);
    if (filter_path_is(t, "name"))
        return filter_compare_str(t->op, STR("run-abc"), t->value);
    return false;
}

static const struct {
    const char *text;
    bool match;
} rows[] = {
    { "", true },
    { "   ", true },
    { "a=1", true },
    { "a=2", false },
    { "a = \"1\"", true },
    { "a='1'", true },
    { "a!=1", false },
    { "a<2", true },
    { "a<=1", true },
    { "a>1", false },
    { "a>=1", true },
    { "a=1 AND b=2", true },
    { "a=1 AND b=3", false },
    { "a=1 b=2", true }, /* side by side is AND */
    { "a=9 OR b=2", true },
    { "a=9 OR b=9", false },
    /* OR binds tighter: a=9 AND (b=2 OR b=9) is false; (a=9 AND b=2) OR b=2 would be true */
    { "a=9 AND b=9 OR b=2", false },
    { "a=1 OR a=9 AND b=9", false },
    { "(a=9 AND b=9) OR b=2", true },
    { "a=1 OR (a=9 AND b=9)", true },
    { "NOT a=1", false },
    { "NOT a=9", true },
    { "-a=9", true },
    { "- a=1", false },
    { "NOT (a=1 AND b=9)", true },
    { "NOT (a=9 OR b=2)", false },
    { "NOT NOT a=1", true },
    { "NOT a=9 AND NOT b=9", true },
    { "NOT a=1 OR b=2", true },
    { "a=(9 OR 1)", true },
    { "a=(\"8\" OR \"9\")", false },
    { "labels.k=v", true },
    { "labels.k:*", true },
    { "labels.other:*", false },
    { "labels.wandb-run-id=\"x.y\"", true },
    { "labels.\"wandb-run-id\"=x.y", true },
    { "name:run*", true },
    { "name:\"*abc\"", true },
    { "name:r*-*c", true },
    { "name:r*-*d", false },
    { "name:run", false },
    { "name=\"run\\-abc\"", true },
    { "((((a=1))))", true },
};

static void filters_match_as_aip_160_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO_PTR(arena) a = arena_new();
        struct filter *f = NULL;
        struct err e = { 0 };

        if (filter_parse(a, str_of(rows[i].text), &f, &e))
            fail_msg("%s: %s", rows[i].text, e.msg);
        if (filter_match(f, test_one, NULL) != rows[i].match)
            fail_msg("%s: expected %d", rows[i].text, rows[i].match);
    }
}

static const struct {
    const char *text, *message;
} bad[] = {
    { "a", "an operator (= != < <= > >= :) is missing at character 2" },
    { "a=", "a value is missing at character 3" },
    { "=1", "a field name is missing at character 1" },
    { "a=1 AND", "a field name is missing at character 8" },
    { "(a=1", "\")\" is missing at character 5" },
    { "a=1)", "a \")\" without its \"(\" at character 4" },
    { "a=\"1", "a string without its closing quote at character 3" },
    { "a!1", "\"!\" must be followed by \"=\" at character 2" },
    { "a=(1 2)", "\")\" or OR is missing at character 6" },
    { "a.=1", "a field name is missing at character 3" },
    { "a=1 & b=2", "an unexpected character at character 5" },
};

static void errors_name_the_character(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        AUTO_PTR(arena) a = arena_new();
        struct filter *f = NULL;
        struct err e = { 0 };

        assert_int_equal(filter_parse(a, str_of(bad[i].text), &f, &e), -ERR_INVALID);
        assert_string_equal(e.msg, bad[i].message);
        assert_null(f);
    }
}

static void brackets_and_lengths_are_capped(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    AUTO_STRBUF struct strbuf text = STRBUF(100000);
    struct filter *f = NULL;
    struct err e = { 0 };

    (void)state;
    for (int i = 0; i < 1000; i++)
        strbuf_addc(&text, '(');
    assert_int_equal(filter_parse(a, strbuf_str(&text), &f, &e), -ERR_LIMIT);
    strbuf_reset(&text);
    for (int i = 0; i < 20001; i++)
        strbuf_addc(&text, ' ');
    assert_int_equal(filter_parse(a, strbuf_str(&text), &f, &e), -ERR_LIMIT);
}

static int count_test(struct filter *test, void *ctx, struct err *e)
{
    (void)test;
    (void)e;
    ++*(int *)ctx;
    return 0;
}

static void a_long_chain_is_walked_without_deep_stacks(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    AUTO_STRBUF struct strbuf text = STRBUF(100000);
    struct filter *f = NULL;
    struct err e = { 0 };
    int tests = 0;

    (void)state;
    strbuf_addz(&text, "a=9");
    for (int i = 0; i < 1500; i++)
        strbuf_addz(&text, " OR a=1");
    assert_int_equal(filter_parse(a, strbuf_str(&text), &f, &e), 0);
    assert_int_equal(filter_each(f, count_test, &tests, &e), 0);
    assert_int_equal(tests, 1501);
    assert_true(filter_match(f, test_one, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_match_as_aip_160_says),
        cmocka_unit_test(errors_name_the_character),
        cmocka_unit_test(brackets_and_lengths_are_capped),
        cmocka_unit_test(a_long_chain_is_walked_without_deep_stacks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
