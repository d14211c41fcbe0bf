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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
