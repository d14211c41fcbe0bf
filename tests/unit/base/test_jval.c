/* tests/unit/base/test_jval.c: JSON and YAML in, tree, JSON out. */
#include "../test.h"
#include <stdio.h>

#include "base/jval.h"

struct text_case {
    const char *in, *out;
};

static const char *yaml_to_json(struct arena *a, const char *text)
{
    struct jval *v = NULL;
    struct err e = { 0 };

    if (jval_from_yaml(a, str_of(text), "t.yaml", NULL, &v, &e))
        return arena_strdup(a, e.msg);
    return jval_text(a, v, JVAL_COMPACT).ptr;
}

#define BRACKETS_OPEN  "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
#define BRACKETS_CLOSE "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"

static const char *json_to_json(struct arena *a, const char *text, enum jval_style style)
{
    struct jval *v = NULL;
    struct err e = { 0 };

    if (jval_from_json(a, str_of(text), "t.json", NULL, &v, &e))
        return arena_strdup(a, e.msg);
    return jval_text(a, v, style).ptr;
}

static void plain_scalars_read_as_pyyaml_reads_them(void **state)
{
    static const struct text_case cases[] = {
        { "no", "false" },
        { "Yes", "true" },
        { "y", "\"y\"" },
        { "010", "8" },
        { "08", "\"08\"" },
        { "0o10", "\"0o10\"" },
        { "1_000", "1000" },
        { "1:30", "90" },
        { "12:30:45", "45045" },
        { "1e3", "\"1e3\"" },
        { "1.0e3", "\"1.0e3\"" },
        { "1.0e+3", "1000.0" },
        { "0x1F", "31" },
        { "0b101", "5" },
        { "-7", "-7" },
        { "~", "null" },
        { "", "null" },
        { "'no'", "\"no\"" },
        { "1.5", "1.5" },
        { ".5", "0.5" },
        { "2024-01-01", "\"2024-01-01\"" },
        { "99999999999999999999", "\"99999999999999999999\"" },
        { "0_", "0" },
        { "1_0:30", "630" },
        { "1:60", "\"1:60\"" },
        { "1:30.5", "90.5" },
        { "-1_0:00.5_0", "-600.5" },
        { "1:30.5:1", "\"1:30.5:1\"" },
        { "-.5", "\"-.5\"" },
        { "-1.", "-1.0" },
        { "1_0.0_1", "10.01" },
        { "1.5e3", "\"1.5e3\"" },
        { ".5e-1", "0.05" },
        { ".", "\".\"" },
        { "._1", "\"._1\"" },
        { "1.2.3", "\"1.2.3\"" },
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(yaml_to_json(a, cases[i].in), cases[i].out);
    arena_free(a);
}

static void yaml_structures_become_trees(void **state)
{
    static const struct text_case cases[] = {
        { "a: [1, {b: c}]\nd: |\n  x\n  y\n", "{\"a\":[1,{\"b\":\"c\"}],\"d\":\"x\\ny\\n\"}" },
        { "x: &x {p: 1, q: 2}\ny:\n  <<: *x\n  q: 3\n", "{\"x\":{\"p\":1,\"q\":2},\"y\":{\"q\":3,\"p\":1}}" },
        { "a: 1\na: 2\n", "t.yaml:2:1: key \"a\" is given twice; first at 1:1" },
        { "a: [1, 2\nb: 3\n", "t.yaml:2:2: did not find expected ',' or ']'" },
        { "a: *nope\n", "t.yaml:1:4: alias to an anchor that is not (yet) complete" },
        { "a: &a [*a]\n", "t.yaml:1:8: alias to an anchor that is not (yet) complete" },
        { "--- 1\n--- 2\n", "t.yaml:2:1: a second document; one is expected" },
        { "a: !!python/object:os.system x\n", "t.yaml:1:4: this tag is not supported; write a plain value" },
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(yaml_to_json(a, cases[i].in), cases[i].out);
    arena_free(a);
}

static void an_alias_bomb_is_refused_by_the_node_cap(void **state)
{
    struct arena *a = arena_new();
    AUTO_STRBUF struct strbuf b = STRBUF(10000);

    (void)state;
    strbuf_addz(&b, "a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 9; i++)
        strbuf_addf(&b, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1, i - 1,
                    i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    assert_non_null(strstr(yaml_to_json(a, strbuf_cstr(&b)), "too many values"));
    arena_free(a);
}

static void aliases_cannot_nest_deeper_than_the_cap(void **state)
{
    struct arena *a = arena_new();
    AUTO_STRBUF struct strbuf b = STRBUF(10000);

    (void)state;
    strbuf_addz(&b, "a0: &a0 [x]\n");
    for (int i = 1; i < 100; i++)
        strbuf_addf(&b, "a%d: &a%d [*a%d]\n", i, i, i - 1);
    assert_string_equal(yaml_to_json(a, strbuf_cstr(&b)), "t.yaml:64:12: nested too deep");
    arena_free(a);
}

/* 100,000 keys: a scan for each would be 5,000,000,000 comparisons, and the test would time out. */
static void a_large_mapping_is_read_in_step_with_its_size(void **state)
{
    struct arena *a = arena_new();
    AUTO_STRBUF struct strbuf b = STRBUF(4 * 1024 * 1024);
    struct jval *v = NULL;
    struct err e = { 0 };

    (void)state;
    for (int i = 0; i < 100000; i++)
        strbuf_addf(&b, "key%d: %d\n", i, i);
    assert_int_equal(jval_from_yaml(a, strbuf_str(&b), "t.yaml", NULL, &v, &e), 0);
    assert_int_equal(jval_len(v), 100000);
    assert_int_equal(jval_int(jval_at(v, 99999)), 99999);
    strbuf_addz(&b, "key77: again\n");
    assert_int_equal(jval_from_yaml(a, strbuf_str(&b), "t.yaml", NULL, &v, &e), -ERR_INVALID);
    assert_string_equal(e.msg, "t.yaml:100001:1: key \"key77\" is given twice; first at 78:1");
    arena_free(a);
}

static void a_string_over_the_buffers_cap_is_not_cut_in_silence(void **state)
{
    struct arena *a = arena_new();
    AUTO_STRBUF struct strbuf b = STRBUF(8);

    (void)state;
    jval_write(&b, jval_new_cstr(a, "longer than eight"), JVAL_PYTHON);
    assert_true(b.full);
    arena_free(a);
}

static void deep_nesting_is_refused(void **state)
{
    struct arena *a = arena_new();
    AUTO_STRBUF struct strbuf b = STRBUF(200000);

    (void)state;
    for (int i = 0; i < 100000; i++)
        strbuf_addc(&b, '[');
    assert_string_equal(json_to_json(a, strbuf_cstr(&b), JVAL_COMPACT),
                        "t.json: nested deeper than 64 levels");
    assert_non_null(strstr(yaml_to_json(a, strbuf_cstr(&b)), "nested too deep"));
    arena_free(a);
}

/* Brackets in strings nest nothing, wherever the string ends. */
static void quotes_and_backslashes_do_not_hide_nesting(void **state)
{
    static const char *const openings[] = { "\"\"", "\"a\\\"[\"", "\"\\\\\"", "\"\\\\\\\"[{\"",
                                            "\"[[\\\\\\\\\"" };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(openings); i++) {
        for (int depth = 64; depth <= 65; depth++) { /* of which the first is the outer list's */
            AUTO_STRBUF struct strbuf b = STRBUF(1000);
            const char *read = NULL;

            strbuf_addf(&b, "[%s", openings[i]);
            strbuf_addf(&b, ",%.*s%.*s]", depth - 1, BRACKETS_OPEN, depth - 1, BRACKETS_CLOSE);
            read = json_to_json(a, strbuf_cstr(&b), JVAL_COMPACT);
            assert_string_equal(read, depth == 64 ? strbuf_cstr(&b) : "t.json: nested deeper than 64 levels");
        }
    }
    arena_free(a);
}

static void json_values_keep_the_place_they_came_from(void **state)
{
    struct arena *a = arena_new();
    struct jval *v = NULL;
    struct err e = { 0 };
    const char *text = "{\n  \"a\": [10,\n   {\"b\\\"}\": \"\xc3\xa9\", \"c\": null}],\n \"d\":true}";

    (void)state;
    assert_int_equal(jval_from_json(a, str_of(text), "t", NULL, &v, &e), 0);
    assert_int_equal(jval_pos(jval_path(v, "a.0")).line, 2);
    assert_int_equal(jval_pos(jval_path(v, "a.0")).column, 9);
    assert_int_equal(jval_pos(jval_path(v, "a.1.c")).line, 3);
    assert_int_equal(jval_pos(jval_path(v, "a.1.c")).column, 23);
    assert_int_equal(jval_key_pos_at(v, 1).line, 4);
    assert_int_equal(jval_key_pos_at(v, 1).column, 2);
    assert_int_equal(jval_pos(jval_get(v, "d")).column, 6);
    arena_free(a);
}

static void json_is_written_as_asked(void **state)
{
    static const struct {
        const char *in, *out;
        enum jval_style style;
    } cases[] = {
        { "{\"a\":[1,2],\"b\":\"\xc3\xa9\xf0\x9f\x98\x80\"}",
          "{\"a\": [1, 2], \"b\": \"\\u00e9\\ud83d\\ude00\"}", JVAL_PYTHON },
        { "\"a\x7f\"", "\"a\\u007f\"", JVAL_PYTHON },
        { "[-0.0, 1e15, 1e16, 0.0001, 5e-324]", "[-0.0, 1000000000000000.0, 1e+16, 0.0001, 5e-324]",
          JVAL_PYTHON },
        { "[0.1, 1e300, 1.0, 123456789012345678, 1e22, -0.0001, 1e-7]",
          "[0.1,1e+300,1.0,123456789012345678,1e+22,-0.0001,1e-07]", JVAL_COMPACT },
        { "{\"a\":{},\"b\":[1]}", "{\n  \"a\": {},\n  \"b\": [\n    1\n  ]\n}", JVAL_PRETTY },
        { "\"\\u0000\\n/\\\\\"", "\"\\u0000\\n/\\\\\"", JVAL_COMPACT },
        { "{\"a\":1,\"a\":2}", "t.json:1:10: duplicate object key near '\"a\"'", JVAL_COMPACT },
        { "[1,", "t.json:1:3: ']' expected near end of file", JVAL_COMPACT },
        { "99999999999999999999", "t.json:1:20: too big integer near '99999999999999999999'", JVAL_COMPACT },
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(json_to_json(a, cases[i].in, cases[i].style), cases[i].out);
    arena_free(a);
}

static void merging_goes_into_objects_and_replaces_the_rest(void **state)
{
    struct arena *a = arena_new();
    struct jval *base = NULL;
    struct jval *over = NULL;
    struct err e = { 0 };

    (void)state;
    assert_int_equal(jval_from_json(a, STR("{\"a\":{\"x\":1,\"y\":[1,2]},\"b\":1}"), "t", NULL, &base, &e),
                     0);
    assert_int_equal(jval_from_json(a, STR("{\"a\":{\"y\":[3]},\"c\":{}}"), "t", NULL, &over, &e), 0);
    assert_string_equal(jval_text(a, jval_merge(a, base, over), JVAL_COMPACT).ptr,
                        "{\"a\":{\"x\":1,\"y\":[3]},\"b\":1,\"c\":{}}");
    assert_true(jval_equal(base, jval_copy(a, base)));
    assert_false(jval_equal(base, over));
    arena_free(a);
}

static void assert_member(const struct jval *v, int i)
{
    char key[20];

    snprintf(key, sizeof(key), "k%d", i);
    if (!jval_get(v, key) || jval_int(jval_get(v, key)) != i)
        fail_msg("%s: %lld of %zu", key, (long long)jval_int(jval_get(v, key)), jval_len(v));
}

/* Big objects have an index, which every way of changing them must keep right. */
static void members_of_a_big_object_are_found_whatever_is_done_to_it(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *v = jval_new_object(a), *copy;
    enum { COUNT = 1000 };

    for (int i = 0; i < COUNT; i++) {
        jval_set_int(a, v, arena_printf(a, "k%d", i), i);
        assert_member(v, i / 2);
        assert_member(v, i);
        assert_null(jval_get(v, "absent"));
    }
    jval_set_int(a, v, "k500", 7);
    assert_int_equal(jval_len(v), COUNT);
    assert_int_equal(jval_int(jval_get(v, "k500")), 7);
    copy = jval_copy(a, v);
    jval_set_int(a, copy, "k500", 500);
    assert_true(jval_remove(copy, "k10"));
    assert_false(jval_remove(copy, "k10"));
    for (int i = 11; i < COUNT; i++)
        assert_member(copy, i);
    jval_set_int(a, copy, "k10", 10);
    for (int i = 0; i < COUNT; i++)
        assert_member(copy, i);
    assert_int_equal(jval_int(jval_get(v, "k500")), 7);
    assert_true(str_is(jval_key_at(copy, COUNT - 1), "k10"));
    assert_false(jval_equal(v, copy));
    jval_set_int(a, v, "k500", 500);
    assert_true(jval_equal(v, copy));
    assert_true(jval_equal(jval_merge(a, v, copy), v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_scalars_read_as_pyyaml_reads_them),
        cmocka_unit_test(yaml_structures_become_trees),
        cmocka_unit_test(an_alias_bomb_is_refused_by_the_node_cap),
        cmocka_unit_test(aliases_cannot_nest_deeper_than_the_cap),
        cmocka_unit_test(a_large_mapping_is_read_in_step_with_its_size),
        cmocka_unit_test(a_string_over_the_buffers_cap_is_not_cut_in_silence),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(quotes_and_backslashes_do_not_hide_nesting),
        cmocka_unit_test(json_values_keep_the_place_they_came_from),
        cmocka_unit_test(json_is_written_as_asked),
        cmocka_unit_test(merging_goes_into_objects_and_replaces_the_rest),
        cmocka_unit_test(members_of_a_big_object_are_found_whatever_is_done_to_it),
    };

    return cmocka_run_group_tests_name("jval", tests, NULL, NULL);
}
