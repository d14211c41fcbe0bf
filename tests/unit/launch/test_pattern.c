/* The regular expressions of template schemas. */
#include "launch/pattern.h"

#include "util.h"

static bool matches(struct arena *a, const char *pattern, const char *subject)
{
    struct pattern *p = NULL;
    struct err e = { 0 };

    if (pattern_compile(a, str_of(pattern), &p, &e))
        fail_msg("%s: %s", pattern, e.msg);
    return pattern_matches(p, str_of(subject));
}

static void a_pattern_matches_what_ecma_script_says(void **state)
{
    static const struct {
        const char *pattern, *subject;
        bool matches;
    } rows[] = {
        { "b", "abc", true },
        { "^b", "abc", false },
        { "b$", "abc", false },
        { "^a.c$", "abc", true },
        { "^a.c$", "a\nc", false },
        { "^[a-z]+-[0-9]{2,3}$", "gpu-12", true },
        { "^[a-z]+-[0-9]{2,3}$", "gpu-1234", false },
        { "^[a-z]+-[0-9]{2,3}$", "gpu-1", false },
        { "^(foo|bar|)$", "bar", true },
        { "^(foo|bar|)$", "", true },
        { "^(foo|bar)$", "fobar", false },
        { "^(?:ab)*$", "ababab", true },
        { "^(?:ab)*$", "aba", false },
        { "^a?b??$", "b", true },
        { "^\\d+\\.\\w\\s\\S$", "12.x y", true },
        { "^[^a-c]$", "d", true },
        { "^[^a-c]$", "b", false },
        { "^[\\D]$", "7", false },
        { "^[]$", "]", false },
        { "^[\\]\\-x-]+$", "]-x", true },
        { "^[z-]$", "-", true },
        { "^\\x41\\u00e9$", "A\303\251", true },
        { "^.$", "\303\251", true },
        { "^\\W$", "\303\251", true },
        { "^(a*)*$", "aaaa", true },
        { "^(a{2}){3}$", "aaaaaa", true },
        { "^(a{2}){3}$", "aaaaa", false },
        { "^a{0}b$", "b", true },
        { "^a{2,}$", "aaaaa", true },
        { "", "anything", true },
        { "x|^$", "", true },
        { "[a-fc-x]", "m", true },
    };
    AUTO_PTR(arena) a = arena_new();

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (matches(a, rows[i].pattern, rows[i].subject) != rows[i].matches)
            fail_msg("/%s/ on \"%s\"", rows[i].pattern, rows[i].subject);
    }
}

static void a_wrong_pattern_is_refused_with_its_column(void **state)
{
    static const struct {
        const char *pattern, *says;
    } rows[] = {
        { "a(b", "column 4: \"(\" is never closed" },
        { "a)b", "column 2: \")\" without \"(\"" },
        { "[a-", "\"[\" is never closed" },
        { "[z-a]", "ends before it begins" },
        { "*a", "column 1: nothing before \"*\"" },
        { "a**", "nothing before \"*\"" },
        { "a{2,1}", "m over n" },
        { "a{x}", "expected a count" },
        { "a{1001}", "at most 1000" },
        { "(a)\\1", "back-references are not supported" },
        { "(?=a)", "only (?:...) is supported" },
        { "(?<n>a)", "only (?:...) is supported" },
        { "\\bfoo", "\\b is not supported" },
        { "\\p{L}", "\\p is not supported" },
        { "\\q", "unknown escape" },
        { "a\\", "a backslash at the end" },
        { "\\u12", "4 hexadecimal digits" },
    };
    AUTO_PTR(arena) a = arena_new();

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pattern *p = NULL;
        struct err e = { 0 };

        assert_int_equal(pattern_compile(a, str_of(rows[i].pattern), &p, &e), -ERR_INVALID);
        if (!strstr(e.msg, rows[i].says))
            fail_msg("/%s/ says: %s", rows[i].pattern, e.msg);
    }
}

static void a_pattern_that_would_explode_is_refused(void **state)
{
    static const char *const bombs[] = { "((((a{100}){100}){100}){100})", "(((){1000}){1000}){1000}",
                                         "(a|b|c|d){500}", "((((((((((((((((((((((a))))))))))))))))))))))" };
    AUTO_PTR(arena) a = arena_new();
    char *longer = arena_alloc(a, PATTERN_MAX_BYTES + 2);
    struct pattern *p = NULL;

    for (size_t i = 0; i < ARRAY_LEN(bombs); i++)
        assert_int_not_equal(pattern_compile(a, str_of(bombs[i]), &p, NULL), 0);
    memset(longer, 'a', PATTERN_MAX_BYTES + 1);
    assert_int_equal(pattern_compile(a, str_of(longer), &p, NULL), -ERR_LIMIT);
}

/* A backtracking engine would need longer than the universe has. */
static void nested_repetitions_take_linear_time(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    char *subject = arena_alloc(a, PATTERN_MAX_SUBJECT + 2);

    memset(subject, 'a', PATTERN_MAX_SUBJECT - 1);
    subject[PATTERN_MAX_SUBJECT - 1] = 'b';
    assert_false(matches(a, "^(a+)+$", subject));
    assert_false(matches(a, "^(a|a?)+$", subject));
    subject[PATTERN_MAX_SUBJECT] = 'a';
    assert_false(matches(a, "a", subject)); /* longer than is looked at */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_matches_what_ecma_script_says),
        cmocka_unit_test(a_wrong_pattern_is_refused_with_its_column),
        cmocka_unit_test(a_pattern_that_would_explode_is_refused),
        cmocka_unit_test(nested_repetitions_take_linear_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
