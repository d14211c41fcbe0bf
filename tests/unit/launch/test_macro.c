/* ${name} in a queue config. */
#include "launch/macro.h"

#include "util.h"

static const struct macro items[] = { { "run_id", { "ab12", 4 } },
                                      { "run_name", { NULL, 0 } },
                                      { "image_uri", { "reg/${run_id}:1", 15 } } };
static const struct macro_set set = { items, ARRAY_LEN(items) };

static const char *expanded(struct problems *p, const char *text)
{
    const struct jval *out = NULL;
    struct err e = { 0 };

    if (macro_expand(json(p->a, text), &set, &out, p, &e))
        return NULL;
    return jval_text(p->a, out, JVAL_COMPACT).ptr;
}

static void known_names_are_replaced_and_unknown_ones_stay(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct problems p = { .a = a, .file = "" };

    assert_string_equal(expanded(&p, "{\"a\": [\"${run_id}-${nope}-${run_id}\"]}"),
                        "{\"a\":[\"ab12-${nope}-ab12\"]}");
    assert_int_equal(p.errors, 0);
    assert_int_equal(p.warnings, 1);
}

static void a_near_name_is_suggested_with_its_place(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct problems p = { .a = a, .file = "q.json" };

    assert_string_equal(expanded(&p, "{\"a\": [\"${run_di}\"]}"), "{\"a\":[\"${run_di}\"]}");
    assert_non_null(strstr(problems_text(&p), "a[0]: "));
    assert_non_null(
        strstr(problems_text(&p), "unknown macro ${run_di} stays as written; did you mean ${run_id}?"));
}

static void keys_and_other_types_are_left_alone(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct problems p = { .a = a, .file = "" };

    assert_string_equal(expanded(&p, "{\"${run_id}\": 3, \"b\": [null, true, 1.5]}"),
                        "{\"${run_id}\":3,\"b\":[null,true,1.5]}");
}

static void inserted_text_is_not_expanded_again(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct problems p = { .a = a, .file = "" };

    assert_string_equal(expanded(&p, "[\"${image_uri}\"]"), "[\"reg/${run_id}:1\"]");
}

static void a_doubled_dollar_makes_it_literal(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct problems p = { .a = a, .file = "" };

    assert_string_equal(expanded(&p, "[\"$${run_id} $$ $x ${ ${} ${a b} $\"]"),
                        "[\"${run_id} $$ $x ${ ${} ${a b} $\"]");
    assert_int_equal(p.len, 0);
}

static void a_known_name_without_a_value_is_an_error(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct problems p = { .a = a, .file = "" };

    assert_null(expanded(&p, "[\"x-${run_name}\"]"));
    assert_non_null(strstr(problems_text(&p), "${run_name} has no value for this launch"));
}

static void expansion_keeps_positions(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct problems p = { .a = a, .file = "" };
    const struct jval *in = json(a, "{\n  \"a\": \"${run_id}\"}"), *out = NULL;

    assert_int_equal(macro_expand(in, &set, &out, &p, NULL), 0);
    assert_int_equal(jval_pos(jval_get(out, "a")).line, 2);
    assert_int_equal(jval_key_pos_at(out, 0).line, 2);
}

static void growth_is_capped(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    AUTO_STRBUF struct strbuf b = STRBUF(1 << 20);
    const size_t len = 70000;
    char *value = arena_alloc(a, len);
    const struct macro big[] = { { "x", { value, len } } };
    const struct macro_set bigs = { big, 1 };
    struct problems p = { .a = a, .file = "" };
    const struct jval *out = NULL;

    memset(value, 'v', len);
    strbuf_addz(&b, "[\"");
    for (int i = 0; i < 20; i++)
        strbuf_addz(&b, "${x}");
    strbuf_addz(&b, "\"]");
    assert_int_equal(macro_expand(json(a, strbuf_cstr(&b)), &bigs, &out, &p, NULL), -ERR_INVALID);
    assert_null(out);
}

static void a_macro_in_a_text_is_noticed(void **state)
{
    assert_true(macro_is_in(STR("x${run_id}")));
    assert_false(macro_is_in(STR("$${run_id}")));
    assert_false(macro_is_in(STR("$run ${} {x}")));
}

static void dollars_come_in_pairs_before_a_macro(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct problems p = { .a = a, .file = "" };

    assert_string_equal(expanded(&p, "[\"$$${run_id} $$$${run_id} $$$\"]"), "[\"$ab12 $${run_id} $$$\"]");
    assert_int_equal(p.len, 0);
}

static void strict_makes_an_unknown_macro_an_error(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct problems p = { .a = a, .file = "" };
    const struct macro_set strict = { items, ARRAY_LEN(items), .strict = true };
    const struct jval *out = NULL;

    assert_int_equal(macro_expand(json(a, "[\"${nope}\"]"), &strict, &out, &p, NULL), -ERR_INVALID);
    assert_null(out);
}

static const char *environment(void *ctx, const char *name)
{
    static const char *const rows[][2] = {
        { "WANDB_API_KEY", "secret" }, { "WANDB_TEAM", "vision" }, { "HOME", "/root" }, { "run_id", "not me" }
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(rows[i][0], name) == 0)
            return rows[i][1];
    return NULL;
}

static const char *with_environment(struct problems *p, const char *const *allow, const char *text)
{
    const struct macro_env env = { .allow = allow, .get = environment };
    const struct macro_set s = { items, ARRAY_LEN(items), .env = &env };
    const struct jval *out = NULL;

    if (macro_expand(json(p->a, text), &s, &out, p, NULL))
        fail_msg("%s", problems_text(p));
    return jval_text(p->a, out, JVAL_COMPACT).ptr;
}

static void the_environment_gives_what_is_allowed_and_nothing_else(void **state)
{
    static const char *const allow[] = { "WANDB_*", "GONE", NULL };
    AUTO_PTR(arena) a = arena_new();
    struct problems p = { .a = a, .file = "" };

    assert_string_equal(
        with_environment(&p, allow, "[\"${WANDB_TEAM} ${HOME} ${WANDB_API_KEY} ${GONE} ${nope} ${run_id}\"]"),
        "[\"vision ${HOME} ${WANDB_API_KEY} ${GONE} ${nope} ab12\"]");
    assert_int_equal(p.warnings, 4);
    assert_non_null(strstr(problems_text(&p),
                           "${HOME} stays as written: to fill it from the agent's environment, "
                           "list it under macros.allow_env"));
    assert_non_null(strstr(problems_text(&p), "${GONE} stays as written: macros.allow_env allows it"));
    assert_null(strstr(problems_text(&p), "secret"));
    assert_null(strstr(problems_text(&p), "/root"));
}

static void the_api_key_must_be_named_in_full(void **state)
{
    static const char *const allow[] = { "WANDB_API_KEY", NULL };
    AUTO_PTR(arena) a = arena_new();
    struct problems p = { .a = a, .file = "" };

    assert_string_equal(with_environment(&p, allow, "[\"${WANDB_API_KEY}\"]"), "[\"secret\"]");
}

static void what_may_be_allowed_is_a_name_or_a_prefix(void **state)
{
    assert_true(macro_allow_is_valid(STR("FOO")));
    assert_true(macro_allow_is_valid(STR("FOO_*")));
    assert_false(macro_allow_is_valid(STR("*")));
    assert_false(macro_allow_is_valid(STR("")));
    assert_false(macro_allow_is_valid(STR("F*O")));
    assert_false(macro_allow_is_valid(STR("1X")));
    assert_false(macro_allow_is_valid(STR("A B")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_names_are_replaced_and_unknown_ones_stay),
        cmocka_unit_test(a_near_name_is_suggested_with_its_place),
        cmocka_unit_test(keys_and_other_types_are_left_alone),
        cmocka_unit_test(inserted_text_is_not_expanded_again),
        cmocka_unit_test(a_doubled_dollar_makes_it_literal),
        cmocka_unit_test(a_known_name_without_a_value_is_an_error),
        cmocka_unit_test(expansion_keeps_positions),
        cmocka_unit_test(growth_is_capped),
        cmocka_unit_test(a_macro_in_a_text_is_noticed),
        cmocka_unit_test(dollars_come_in_pairs_before_a_macro),
        cmocka_unit_test(strict_makes_an_unknown_macro_an_error),
        cmocka_unit_test(the_environment_gives_what_is_allowed_and_nothing_else),
        cmocka_unit_test(the_api_key_must_be_named_in_full),
        cmocka_unit_test(what_may_be_allowed_is_a_name_or_a_prefix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
