/* {{name}} in a queue config: reading, checking, filling. */
#include "launch/macro.h"
#include "launch/template.h"

#include "util.h"

static const struct jval *load(struct arena *a, const char *text)
{
    struct jval *v = NULL;
    struct err e = { 0 };

    if (template_load(a, str_of(text), "q.yaml", &v, &e))
        fail_msg("%s in %s", e.msg, text);
    return v;
}

static const char *compact(struct arena *a, const struct jval *v)
{
    return jval_text(a, v, JVAL_COMPACT).ptr;
}

static const struct jval *filled(struct arena *a, const struct jval *config, const char *values)
{
    struct problems p = { .a = a, .file = "" };
    const struct jval *out = NULL;

    if (template_fill(config, json(a, values), &out, &p, NULL))
        fail_msg("%s", problems_text(&p));
    return out;
}

/* --- tokens and files --- */

static void a_bare_token_reads_like_a_quoted_one(void **state)
{
    static const struct {
        const char *text, *tree;
    } rows[] = {
        { "a: {{x}}", "{\"a\":\"{{x}}\"}" },
        { "a: {{ x }}  # {{c}}", "{\"a\":\"{{ x }}\"}" },
        { "a: \"{{x}}\"", "{\"a\":\"{{x}}\"}" },
        { "a: '{{x}}'", "{\"a\":\"{{x}}\"}" },
        { "a: n1-{{kind}}-{{n}}", "{\"a\":\"n1-{{kind}}-{{n}}\"}" },
        { "- {{x}}\n- b{{y}}", "[\"{{x}}\",\"b{{y}}\"]" },
        { "{\"a\": {{x}}, \"b\":{{y}}, \"c\": [{{x}},1]}",
          "{\"a\":\"{{x}}\",\"b\":\"{{y}}\",\"c\":[\"{{x}}\",1]}" },
        { "a: {b: {{x}}}", "{\"a\":{\"b\":\"{{x}}\"}}" },
        { "a: |\n  {{x}} b\n", "{\"a\":\"{{x}} b\\n\"}" },
        { "{{k}}: 1", "{\"{{k}}\":1}" },
        { "a: {b: {c: 1}}", "{\"a\":{\"b\":{\"c\":1}}}" },
        { "a: '{{ b.c }} {{}} {{1}}'", "{\"a\":\"{{ b.c }} {{}} {{1}}\"}" },
    };
    AUTO_PTR(arena) a = arena_new();

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_string_equal(compact(a, load(a, rows[i].text)), rows[i].tree);
}

static void columns_are_those_the_user_wrote(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    const struct jval *v = load(a, "x: 1\na: [ {{one}}, \"{{two}}\", 3 ]\n");
    struct jval *none = NULL;
    struct err e = { 0 };

    assert_int_equal(jval_pos(jval_at(jval_get(v, "a"), 0)).column, 6);
    assert_int_equal(jval_pos(jval_at(jval_get(v, "a"), 1)).column, 15);
    assert_int_equal(jval_pos(jval_at(jval_get(v, "a"), 2)).column, 26);
    assert_int_equal(jval_pos(jval_at(jval_get(v, "a"), 2)).line, 2);
    assert_int_equal(template_load(a, STR("a: {{x}}\n{{y}}: 1\n{{y}}: 2\n"), "q.yaml", &none, &e),
                     -ERR_INVALID);
    assert_string_equal(e.msg, "q.yaml:3:1: key \"{{y}}\" is given twice; first at 2:1");
}

static void the_characters_used_inside_are_refused(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *none = NULL;
    struct err e = { 0 };

    assert_int_equal(template_load(a, STR("a: {{x}}\nb: \"\xEF\xB7\x90\""), "q", &none, &e), -ERR_INVALID);
    assert_non_null(strstr(e.msg, "q:2: the characters U+FDD0"));
}

static void every_token_is_found_with_its_place(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    const struct template_use *uses = NULL;

    assert_int_equal(template_uses(a, STR("a: {{x}}\n\303\251: 'b-{{ y }}{{x}}'\n"), &uses), 3);
    assert_int_equal(uses[0].pos.line, 1);
    assert_int_equal(uses[0].pos.column, 4);
    assert_int_equal(uses[1].pos.line, 2);
    assert_int_equal(uses[1].pos.column, 7);
    assert_int_equal(uses[2].pos.column, 14);
    assert_true(str_is(uses[1].name, "y"));
}

/* --- values --- */

#define VARIABLES                                                                                            \
    "{\"n\":{\"schema\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":8}},"                                \
    "\"kind\":{\"schema\":{\"type\":\"string\",\"enum\":[\"NVIDIA_L4\",\"NVIDIA_TESLA_T4\"],"                \
    "\"default\":\"NVIDIA_L4\"}},"                                                                           \
    "\"lr\":{\"schema\":{\"type\":\"float\",\"default\":0.5}},"                                              \
    "\"on\":{\"schema\":{\"type\":\"boolean\",\"default\":true}},"                                           \
    "\"tag\":{\"schema\":{\"type\":\"string\",\"pattern\":\"^[a-z]+$\",\"default\":\"a\"}},"                 \
    "\"size\":{\"schema\":{\"type\":\"integer\",\"enum\":[1,2,4,8],\"default\":1}}}"

/* As from the wire: without positions. */
static const char *chosen(struct arena *a, const char *values)
{
    const struct jval_limits wire = { .last_key_wins = true };
    struct problems p = { .a = a, .file = "" };
    const struct jval *out = NULL;
    struct jval *v = NULL;

    assert_int_equal(jval_from_json(a, str_of(values), "", &wire, &v, NULL), 0);
    if (template_values(json(a, VARIABLES), v, &out, &p, NULL))
        return problems_text(&p);
    return compact(a, out);
}

static void values_come_from_the_push_or_the_default(void **state)
{
    AUTO_PTR(arena) a = arena_new();

    assert_string_equal(
        chosen(a, "{\"n\":3.0,\"kind\":null,\"on\":\"false\",\"lr\":2,\"tag\":\"b\",\"size\":8}"),
        "{\"n\":3,\"kind\":\"NVIDIA_L4\",\"lr\":2,\"on\":false,\"tag\":\"b\",\"size\":8}");
}

static void a_wrong_value_says_what_would_do(void **state)
{
    static const struct {
        const char *values, *says;
    } rows[] = {
        { "{}", "{{n}}: needs a value: an integer from 1 to 8\n" },
        { "[]", "templateVariableValues: must be an object, not a list\n" },
        { "{\"n\":\"4\"}", "{{n}}: expected an integer from 1 to 8, got \"4\"; did you mean 4?\n" },
        { "{\"n\":9}", "{{n}}: expected an integer from 1 to 8, got 9; did you mean 8?\n" },
        { "{\"n\":-1}", "{{n}}: expected an integer from 1 to 8, got -1; did you mean 1?\n" },
        { "{\"n\":1.5}", "{{n}}: expected an integer from 1 to 8, got 1.5\n" },
        { "{\"n\":true}", "{{n}}: expected an integer from 1 to 8, got true\n" },
        { "{\"n\":{\"a\":1}}", "{{n}}: expected an integer from 1 to 8, got an object\n" },
        { "{\"n\":1,\"kind\":\"nvidia_l4\"}",
          "{{kind}}: expected one of \"NVIDIA_L4\", \"NVIDIA_TESLA_T4\", got \"nvidia_l4\"; did you mean "
          "\"NVIDIA_L4\"?\n" },
        { "{\"n\":1,\"size\":7}", "{{size}}: expected one of 1, 2, 4, 8, got 7; did you mean 8?\n" },
        { "{\"n\":1,\"tag\":\"A b\"}", "{{tag}}: expected a string that matches /^[a-z]+$/, got \"A b\"\n" },
        { "{\"n\":1,\"tag\":3}", "{{tag}}: expected a string that matches /^[a-z]+$/, got 3\n" },
        { "{\"n\":1,\"on\":\"yes\"}", "{{on}}: expected true or false, got \"yes\"\n" },
        { "{\"n\":1,\"lr\":\"1e-3\"}", "{{lr}}: expected a number, got \"1e-3\"; did you mean 0.001?\n" },
        { "{\"n\":1,\"knd\":\"x\"}",
          "this queue has no template variable \"knd\"; did you mean \"kind\"?\n" },
    };
    AUTO_PTR(arena) a = arena_new();

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_string_equal(chosen(a, rows[i].values), rows[i].says);
}

static void all_wrong_values_are_told_at_once(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    const char *text = chosen(a, "{\"n\":0,\"on\":1,\"other\":1}");

    assert_non_null(strstr(text, "{{n}}"));
    assert_non_null(strstr(text, "{{on}}"));
    assert_non_null(strstr(text, "\"other\""));
}

static void a_text_takes_the_variables_type(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    const struct jval *v = json(a, VARIABLES);

    assert_int_equal(jval_int(template_value_of_text(a, v, STR("n"), STR("4"))), 4);
    assert_true(jval_is(template_value_of_text(a, v, STR("tag"), STR("4")), JVAL_STR));
    assert_true(jval_bool(template_value_of_text(a, v, STR("on"), STR("true"))));
    assert_true(jval_real(template_value_of_text(a, v, STR("lr"), STR("0.25"))) == 0.25);
    assert_true(jval_is(template_value_of_text(a, v, STR("n"), STR("four")), JVAL_STR));
}

/* --- filling --- */

static void a_whole_token_keeps_the_values_type(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    const struct jval *config = json(a, "{\"count\":\"{{ n }}\",\"name\":\"m-{{k}}-{{n}}\",\"l\":[\"{{k}}\"],"
                                        "\"b\":\"{{b}}\",\"same\":1}");

    assert_string_equal(compact(a, filled(a, config, "{\"n\":4,\"k\":\"a\",\"b\":true}")),
                        "{\"count\":4,\"name\":\"m-a-4\",\"l\":[\"a\"],\"b\":true,\"same\":1}");
}

static void a_place_for_text_gets_text(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    const struct jval *config =
        yaml(a, "resource_args:\n  vertex:\n    spec:\n      worker_pool_specs:\n"
                "      - replica_count: '{{n}}'\n        container_spec:\n          args: ['{{n}}']\n"
                "          env: [{name: A, value: '{{n}}'}]\n      labels: {l: '{{n}}'}\n");

    assert_string_equal(
        compact(a, filled(a, config, "{\"n\":2}")),
        "{\"resource_args\":{\"vertex\":{\"spec\":{\"worker_pool_specs\":[{\"replica_count\":2,"
        "\"container_spec\":{\"args\":[\"2\"],\"env\":[{\"name\":\"A\",\"value\":\"2\"}]}}],"
        "\"labels\":{\"l\":\"2\"}}}}}");
}

/* What comes out after macros are filled in as well. */
static void no_value_changes_what_stands_around_it(void **state)
{
    static const struct {
        const char *config, *value, *becomes;
    } rows[] = {
        { "{{x}}", "\", \"b\": \"", "\", \"b\": \"" },
        { "a {{x}} b", "\n- c: d\n'\"", "a \n- c: d\n'\" b" },
        { "{{x}}", "!!python/object:x", "!!python/object:x" },
        { "{{x}}", "{{y}}", "{{y}}" },
        { "-{{x}}-", "{{x}}{{y}}", "-{{x}}{{y}}-" },
        { "{{x}}", "${WANDB_API_KEY}", "${WANDB_API_KEY}" },
        { "a${run_id}-{{x}}", "${run_id}", "aab12-${run_id}" },
        { "{{x}}", "$${run_id}", "$${run_id}" },
        { "{{x}}", "$$${run_id}", "$$${run_id}" },
        { "${{x}}", "{run_id}", "${run_id}" },
        { "$${{x}}", "{run_id}", "$${run_id}" },
        { "${{{x}}}", "run_id", "${run_id}" },
        { "${run_{{x}}}", "id", "${run_id}" },
        { "{{x}}{run_id}", "$", "${run_id}" },
        { "{{x}}${run_id}", "$", "$ab12" },
        { "{{x}}${run_id}", "$$", "$$ab12" },
        { "{{x}}$${run_id}", "$", "$${run_id}" },
        { "${{x}}{run_id}", "", "${run_id}" },
        { "{{x}}run_id}", "${", "${run_id}" },
        { "{{x}}", "${nope} $", "${nope} $" },
        { "$ {{x}} $$", "$$", "$ $$ $$" },
    };
    static const struct macro items[] = { { "run_id", { "ab12", 4 } } };
    const struct macro_set set = { .items = items, .len = 1 };
    AUTO_PTR(arena) a = arena_new();

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct jval *values = jval_new_object(a), *list = jval_new_array(a);
        struct problems p = { .a = a, .file = "" };
        const struct jval *out = NULL;

        jval_set_cstr(a, values, "x", rows[i].value);
        jval_push(a, list, jval_new_cstr(a, rows[i].config));
        assert_int_equal(template_fill(list, values, &out, &p, NULL), 0);
        assert_int_equal(macro_expand(out, &set, &out, &p, NULL), 0);
        assert_int_equal(p.len, 0);
        if (!str_is(jval_str(jval_at(out, 0)), rows[i].becomes))
            fail_msg("row %zu: %s", i, jval_str(jval_at(out, 0)).ptr);
    }
}

static void a_token_without_a_value_is_an_error_with_the_nearest_name(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct problems p = { .a = a, .file = "q" };
    const struct jval *out = NULL;

    assert_int_equal(
        template_fill(load(a, "a:\n- {{machin}}\n- b\n"), json(a, "{\"machine\":\"m\"}"), &out, &p, NULL),
        -ERR_INVALID);
    assert_null(out);
    assert_string_equal(problems_text(&p),
                        "q:2:3: a[0]: {{machin}} has no value: the queue does not declare the "
                        "variable; did you mean {{machine}}?\n");
}

static void braces_are_plain_text_in_a_queue_without_variables(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    const struct jval *config = json(a, "[\"{{x}}\"]");

    assert_ptr_equal(filled(a, config, "{}"), config);
}

static void positions_survive(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    const struct jval *out = filled(a, load(a, "a: 1\nb: {{x}}\n"), "{\"x\":5}");

    assert_int_equal(jval_int(jval_get(out, "b")), 5);
    assert_int_equal(jval_pos(jval_get(out, "b")).line, 2);
    assert_int_equal(jval_key_pos_at(out, 1).line, 2);
}

static void growth_is_capped(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *values = jval_new_object(a), *one = jval_new_array(a), *many = jval_new_array(a);
    AUTO_STRBUF struct strbuf text = STRBUF(1 << 20);
    const size_t len = 60000;
    char *value = arena_alloc(a, len + 1);
    struct problems p = { .a = a, .file = "" };
    const struct jval *out = NULL;

    memset(value, 'v', len);
    jval_set_cstr(a, values, "x", value);
    for (int i = 0; i < 30; i++)
        strbuf_addz(&text, "{{x}}");
    jval_push(a, one, jval_new_str(a, strbuf_str(&text)));
    assert_int_equal(template_fill(one, values, &out, &p, NULL), -ERR_INVALID);
    assert_non_null(strstr(problems_text(&p), "too long"));
    p = (struct problems){ .a = a, .file = "" };
    for (int i = 0; i < 100; i++)
        jval_push(a, many, jval_new_cstr(a, "{{x}}"));
    assert_int_equal(template_fill(many, values, &out, &p, NULL), -ERR_INVALID);
    jval_set_cstr(a, values, "x", "");
    for (int i = 0; i < 10001; i++)
        jval_push(a, many, jval_new_cstr(a, "{{x}}"));
    p = (struct problems){ .a = a, .file = "" };
    assert_int_equal(template_fill(many, values, &out, &p, NULL), -ERR_INVALID);
    assert_non_null(strstr(problems_text(&p), "more than 10000 template tokens"));
}

/* --- definitions --- */

static void a_wrong_definition_is_refused_when_it_is_saved(void **state)
{
    static const struct {
        const char *variables, *says;
    } rows[] = {
        { "[]", "template_variables: must be an object, not a list" },
        { "{\"1x\":{\"schema\":{}}}", "template_variables.1x: not a variable's name" },
        { "{\"x\":{}}", "template_variables.x: needs a member \"schema\" with an object" },
        { "{\"x\":{\"schema\":{\"type\":\"int\"}}}",
          "x.schema.type: expected string, integer, number or boolean" },
        { "{\"x\":{\"schema\":{\"type\":\"strin\"}}}", "did you mean string?" },
        { "{\"x\":{\"schema\":{\"minimumm\":1}}}",
          "unknown keyword \"minimumm\"; did you mean \"minimum\"?" },
        { "{\"x\":{\"schema\":{\"enum\":[]}}}", "expected a list of 1 to 1000 values" },
        { "{\"x\":{\"schema\":{\"type\":\"string\",\"enum\":[\"a\",3]}}}", "value 2 is an integer" },
        { "{\"x\":{\"schema\":{\"type\":\"integer\",\"minimum\":\"1\"}}}",
          "x.schema.minimum: expected a number" },
        { "{\"x\":{\"schema\":{\"type\":\"string\",\"maximum\":1}}}", "only numbers have one" },
        { "{\"x\":{\"schema\":{\"type\":\"integer\",\"minimum\":2,\"maximum\":1}}}", "no value would do" },
        { "{\"x\":{\"schema\":{\"type\":\"string\",\"pattern\":\"(\"}}}", "x.schema.pattern: column 2:" },
        { "{\"x\":{\"schema\":{\"pattern\":\"a\"}}}", "only strings have one" },
        { "{\"x\":{\"schema\":{\"type\":\"integer\",\"maximum\":4,\"default\":9}}}",
          "x.schema.default: expected an integer of at most 4, got 9; did you mean 4?" },
    };
    AUTO_PTR(arena) a = arena_new();

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct problems p = { .a = a, .file = "" };

        assert_int_equal(template_variables_check(json(a, rows[i].variables), NULL, &p, NULL), -ERR_INVALID);
        if (!strstr(problems_text(&p), rows[i].says))
            fail_msg("row %zu: %s", i, problems_text(&p));
    }
}

static void definitions_and_tokens_must_agree(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct problems p = { .a = a, .file = "" };
    const struct jval *variables = json(a, "{\"x\":{\"schema\":{}},\"old\":{\"schema\":{}}}");

    assert_int_equal(template_variables_check(variables, json(a, "[\"{{x}}\"]"), &p, NULL), 0);
    assert_non_null(
        strstr(problems_text(&p), "warning: template_variables: the config does not use {{old}}"));
    assert_int_equal(template_variables_check(variables, json(a, "[\"{{x}}{{xx}}\"]"), &p, NULL),
                     -ERR_INVALID);
    assert_non_null(
        strstr(problems_text(&p), "{{xx}} is not among the template variables; did you mean {{x}}?"));
}

static void types_are_proposed_from_the_place(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    const struct jval *config =
        load(a, "spec:\n  restart_job_on_worker_restart: {{again}}\n  timeout: {{t}}\n  worker_pool_specs:\n"
                "  - machineSpec:\n      machine_type: {{m}}\n      acceleratorType: {{g}}\n"
                "      accelerator_count: {{n}}\n    container_spec: {args: [\"--n={{n}}\", {{free}}]}\n");
    const struct jval *v = template_propose(a, config, true);

    assert_string_equal(
        compact(a, template_propose(a, config, false)),
        "{\"again\":{\"schema\":{\"type\":\"boolean\"}},\"t\":{\"schema\":{\"type\":\"integer\"}},"
        "\"m\":{\"schema\":{\"type\":\"string\"}},\"g\":{\"schema\":{\"type\":\"string\"}},"
        "\"n\":{\"schema\":{\"type\":\"integer\"}},\"free\":{\"schema\":{\"type\":\"string\"}}}");
    assert_non_null(strstr(compact(a, jval_path(v, "g.schema.enum")), "\"NVIDIA_L4\""));
    assert_null(strstr(compact(a, jval_path(v, "g.schema.enum")), "UNSPECIFIED"));
    assert_non_null(strstr(compact(a, jval_path(v, "m.schema.enum")), "\"n1-standard-8\""));
}

/* --- what a launch carries --- */

static void a_record_is_checked_again_and_brings_its_values_along(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct problems p = { .a = a, .file = "" };
    const struct jval *variables = json(a, VARIABLES);
    const struct jval *record = template_record(a, variables, json(a, "{\"n\":9,\"tag\":\"{{b\"}"));

    template_record_check(record, &p);
    assert_int_equal(p.errors, 2);
    assert_string_equal(compact(a, template_given(a, json(a, "{\"n\":{}}"), record)), "{\"n\":9}");
    assert_string_equal(compact(a, template_given(a, variables, json(a, "{\"any\":1}"))), "{\"any\":1}");
    assert_true(template_record_has_braces(record));
    assert_false(template_record_has_braces(json(a, "{\"x\":\"{{\"}")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bare_token_reads_like_a_quoted_one),
        cmocka_unit_test(columns_are_those_the_user_wrote),
        cmocka_unit_test(the_characters_used_inside_are_refused),
        cmocka_unit_test(every_token_is_found_with_its_place),
        cmocka_unit_test(values_come_from_the_push_or_the_default),
        cmocka_unit_test(a_wrong_value_says_what_would_do),
        cmocka_unit_test(all_wrong_values_are_told_at_once),
        cmocka_unit_test(a_text_takes_the_variables_type),
        cmocka_unit_test(a_whole_token_keeps_the_values_type),
        cmocka_unit_test(a_place_for_text_gets_text),
        cmocka_unit_test(no_value_changes_what_stands_around_it),
        cmocka_unit_test(a_token_without_a_value_is_an_error_with_the_nearest_name),
        cmocka_unit_test(braces_are_plain_text_in_a_queue_without_variables),
        cmocka_unit_test(positions_survive),
        cmocka_unit_test(growth_is_capped),
        cmocka_unit_test(a_wrong_definition_is_refused_when_it_is_saved),
        cmocka_unit_test(definitions_and_tokens_must_agree),
        cmocka_unit_test(types_are_proposed_from_the_place),
        cmocka_unit_test(a_record_is_checked_again_and_brings_its_values_along),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
