/* A queue config as a rung changes it, and where in a config the block is that says so. */
#include "launch/ladder.h"

#include "launch/places.h"
#include "util.h"

/* The region is the config's own affair, or the rung's: @rung as YAML {region, bucket, strategy, machine}. */
static const char *applied(struct arena *a, const char *block, const char *rung, bool is_default)
{
    const struct jval *r = yaml(a, rung);
    const struct launch_rung in = { .region = jval_str(jval_get(r, "region")),
                                    .staging_bucket = jval_str(jval_get(r, "bucket")),
                                    .strategy = jval_str(jval_get(r, "strategy")),
                                    .machine = jval_get(r, "machine"),
                                    .region_is_default = is_default };
    AUTO_STRBUF struct strbuf b = STRBUF(1 << 16);

    jval_write(&b, ladder_apply(a, yaml(a, block), &in), JVAL_COMPACT);
    return arena_strdup(a, strbuf_cstr(&b));
}

static const char *plain(struct arena *a, const char *block)
{
    AUTO_STRBUF struct strbuf b = STRBUF(1 << 16);

    jval_write(&b, yaml(a, block), JVAL_COMPACT);
    return arena_strdup(a, strbuf_cstr(&b));
}

static void a_region_is_named_wherever_the_language_lets_it_be(void **state)
{
    static const struct {
        const char *block;
        bool names;
    } rows[] = {
        { "{spec: {location: r}}", true },
        { "{spec: {region: r}}", true },
        { "{run: {location: r}}", true },
        { "{spec: {job_spec: {location: r}}}", true }, /* a wrong place: said later, and not overruled */
        { "{spec: {jobSpec: {scheduling: {region: r}}}}", true },
        { "{spec: {location: null}, run: {}}", false },
        { "{spec: {location: null}, run: {region: r}}", true },
        { "{spec: {labels: {location: r}}}", false }, /* a label of that name */
        { "{spec: {worker_pool_specs: [{location: r}]}}", false },
        { "{spec: [location]}", false },
        { "[1]", false },
        { "{}", false },
    };
    AUTO_PTR(arena) a = arena_new();

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (ladder_names_region(yaml(a, rows[i].block)) != rows[i].names)
            fail_msg("%s", rows[i].block);
    assert_false(ladder_names_region(NULL));
}

static void a_rung_replaces_what_the_config_says_wherever_it_says_it(void **state)
{
    static const struct {
        const char *block, *rung, *want;
    } rows[] = {
        { "{spec: {location: a}, run: {region: b}}", "{region: r}", "{run: {}, spec: {location: r}}" },
        { "{run: {location: b}}", "{region: r}", "{run: {}, spec: {location: r}}" },
        { "{spec: null}", "{region: r}", "{spec: {location: r}}" },
        { "{}", "{region: r, bucket: 'gs://x'}", "{spec: {location: r, staging_bucket: 'gs://x'}}" },
        { "{spec: {stagingBucket: 'gs://old'}}", "{region: r, bucket: 'gs://x'}",
          "{spec: {location: r, staging_bucket: 'gs://x'}}" },
        { "{spec: {staging_bucket: 'gs://old'}}", "{region: r}",
          "{spec: {staging_bucket: 'gs://old', location: r}}" }, /* no bucket for it: the config's stays */
        { "{spec: {job_spec: {scheduling: {strategy: SPOT}}}, run: {scheduling_strategy: SPOT}}",
          "{strategy: STANDARD}",
          "{spec: {job_spec: {scheduling: {}}, scheduling_strategy: STANDARD}, run: {}}" },
        { "{spec: {labels: {location: a}}}", "{region: r}", "{spec: {labels: {location: a}, location: r}}" },
        { "{spec: {location: a}}", "{}", "{spec: {location: a}}" }, /* it leaves all open */
        { "{builder: {location: a}}", "{region: r}", "{builder: {location: a}, spec: {location: r}}" },
    };
    AUTO_PTR(arena) a = arena_new();

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO_STRBUF struct strbuf b = STRBUF(1 << 12);
        const char *got = applied(a, rows[i].block, rows[i].rung, false);

        strbuf_addf(&b, "%s, not %s", got, plain(a, rows[i].want));
        if (!jval_equal(json(a, got), yaml(a, rows[i].want)))
            fail_msg("%s with %s: %s", rows[i].block, rows[i].rung, strbuf_cstr(&b));
    }
}

static void the_machine_goes_to_the_first_pool_and_to_those_like_it(void **state)
{
#define NEW "{machine_type: g2, accelerator_type: NVIDIA_L4, accelerator_count: 1}"
    static const char *const rows[][2] = {
        { "[{machine_spec: {machine_type: a}}, {machine_spec: {machine_type: a}, replica_count: 3},"
          " {machine_spec: {machine_type: b}}]",
          "[{machine_spec: " NEW "}, {machine_spec: " NEW ", replica_count: 3},"
          " {machine_spec: {machine_type: b}}]" },
        { "[{machineSpec: {machineType: a}}]", "[{machineSpec: " NEW "}]" },
        { "[{replica_count: 1}, {replica_count: 2}, {machine_spec: {machine_type: b}}]",
          "[{replica_count: 1, machine_spec: " NEW "}, {replica_count: 2}, {machine_spec: {machine_type: "
          "b}}]" },
        { "[{machine_spec: {machine_type: a}}, {}, {replica_count: 1}]",
          "[{machine_spec: " NEW "}, {}, {replica_count: 1}]" }, /* {}: a pool left out */
        { "[{}, {machine_spec: {machine_type: a}}]", "[{}, {machine_spec: {machine_type: a}}]" },
        { "[]", "[]" },
        { "{a: 1}", "{a: 1}" }, /* not a list: said when it is read */
        { "[[1], text, null]", "[[1], text, null]" },
    };
    AUTO_PTR(arena) a = arena_new();

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *names[] = { "worker_pool_specs", "workerPoolSpecs" };
        const char *name = names[i % 2];
        const char *block = arena_printf(a, "{spec: {job_spec: {%s: %s}}}", name, rows[i][0]);
        const char *want = arena_printf(a, "{spec: {job_spec: {%s: %s}}}", name, rows[i][1]);
        const char *got = applied(a, block, "{machine: " NEW "}", false);

        if (!jval_equal(json(a, got), yaml(a, want)))
            fail_msg("%s: %s", block, got);
    }
}

static void a_default_region_gives_way_and_the_rest_of_the_rung_does_not(void **state)
{
    static const char rung[] = "{region: r, bucket: 'gs://x', strategy: SPOT}";
    AUTO_PTR(arena) a = arena_new();
    const char *own = applied(a, "{run: {location: mine}}", rung, true);
    const char *open = applied(a, "{run: {}}", rung, true);

    assert_true(
        jval_equal(json(a, own), yaml(a, "{run: {location: mine}, spec: {scheduling_strategy: SPOT}}")));
    assert_true(jval_equal(json(a, open), yaml(a, "{run: {}, spec: {location: r, staging_bucket: 'gs://x',"
                                                  " scheduling_strategy: SPOT}}")));
}

static void what_is_no_config_is_left_for_who_reads_it(void **state)
{
    static const char *const blocks[] = { "[1, 2]", "text", "null", "{spec: [1]}", "{spec: text}" };
    AUTO_PTR(arena) a = arena_new();

    for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
        const char *got =
            applied(a, blocks[i], "{region: r, strategy: SPOT, machine: {machine_type: g2}}", false);

        assert_string_equal(got, plain(a, blocks[i]));
    }
}

/* --- where the block is --------------------------------------------------------------------------------- */

/* "where: block", or all problems. */
static const char *block_of(struct arena *a, const char *config)
{
    struct problems p = { .a = a, .file = "" };
    struct converter c = { .a = a, .p = &p };
    const struct path *at = NULL;
    const struct jval *block = config_block(&c, yaml(a, config), &at);
    AUTO_STRBUF struct strbuf b = STRBUF(1 << 16);

    if (block) {
        strbuf_addf(&b, "%s: ", path_text(a, at));
        jval_write(&b, block, JVAL_COMPACT);
        strbuf_addc(&b, '\n');
    }
    strbuf_add(&b, str_of(problems_text(&p)));
    return arena_strdup(a, strbuf_cstr(&b));
}

static void the_block_is_found_in_each_wrapping_and_what_is_beside_it_is_said(void **state)
{
    static const char *const rows[][2] = {
        { "{spec: {a: 1}}", ": {\"spec\":{\"a\":1}}\n" },
        { "{vertex: {spec: {}}}", "vertex: {\"spec\":{}}\n" },
        { "{gcp-vertex: {spec: {}}}", "gcp-vertex: {\"spec\":{}}\n" },
        { "{vertex: {spec: {}}, gcp-vertex: {spec: {}}}", "vertex: {\"spec\":{}}\n" },
        { "{vertex: {}, gcp-vertex: {spec: {}}}", "gcp-vertex: {\"spec\":{}}\n" },
        { "{resource_args: {vertex: {spec: {}}}}", "resource_args.vertex: {\"spec\":{}}\n" },
        { "{resource_args: {vertex: {vertex: {spec: {}}}}}", "resource_args.vertex.vertex: {\"spec\":{}}\n" },
        { "{vertex: {spec: {}}, kubernetes: {a: 1}, builder: {b: 1}}", "vertex: {\"spec\":{}}\n" },
        { "{vertex: {spec: {}}, run: {}}", "vertex: {\"spec\":{}}\n" }, /* empty: nothing is lost */
        { "{vertex: {spec: {}}, gcp-vertex: {spec: {a: 1}}}", "both \"vertex\" (line 1) and \"gcp-vertex\"" },
        { "{vertex: {spec: {}}, run: {a: 1}}", "\"run\" stands beside \"vertex\" and is not used" },
        { "{vertex: {spec: {}}, spec: {a: 1}}", "\"spec\" stands beside \"vertex\" and is not used" },
        { "{vertex: {spec: {}}, teapot: {a: 1}}", "\"teapot\" stands beside \"vertex\" and is not used" },
        { "{vertex: {}}", "no Vertex configuration here" },
        { "{gcp-vertex: null}", "no Vertex configuration here" },
        { "{}", "no Vertex configuration here" },
        { "null", "no Vertex configuration here" },
        { "[1]", "expected an object with" },
        { "{vertex: text}", "expected an object with" },
        { "{resource_args: {spec: {}}}", "no Vertex configuration here" },
        { "{resource_args: {vertex: {}}}", "no Vertex configuration here" },
        { "{vertex: [1]}", "vertex: [1]" }, /* found; that it is a list is said by who reads it */
    };
    AUTO_PTR(arena) a = arena_new();

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *got = block_of(a, rows[i][0]);

        if (!strstr(got, rows[i][1]))
            fail_msg("%s: %s", rows[i][0], got);
    }
}

static const char *gathered(struct arena *a, const char *block, struct gathered *ret)
{
    struct problems p = { .a = a, .file = "" };
    struct converter c = { .a = a, .p = &p };

    *ret = (struct gathered){ 0 };
    places_gather(&c, yaml(a, block), NULL, ret);
    return problems_text(&p);
}

static void a_field_is_gathered_from_each_of_its_places_and_twice_only_when_equal(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct gathered g;

    assert_string_equal(gathered(a, "{spec: {timeout: 60, labels: null}, run: {timeout: '60s'}}", &g), "");
    assert_true(str_is(jval_str(g.at[TARGET_TIMEOUT].value), "60s"));
    assert_null(g.at[TARGET_LABELS].raw);
    assert_non_null(strstr(gathered(a, "{spec: {timeout: 60}, run: {timeout: 61}}", &g),
                           "given twice with different values: also at spec.timeout in line 1"));
    assert_string_equal(gathered(a, "{builder: {type: kaniko}, spec: {}}", &g), "");
    assert_non_null(strstr(gathered(a, "{spec: {builder: {type: kaniko}}}", &g), "builder"));
    assert_non_null(strstr(gathered(a, "{spec: [1]}", &g), "expected an object, got a list"));
    assert_non_null(strstr(gathered(a, "[1]", &g), "expected an object, got a list"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_region_is_named_wherever_the_language_lets_it_be),
        cmocka_unit_test(a_rung_replaces_what_the_config_says_wherever_it_says_it),
        cmocka_unit_test(the_machine_goes_to_the_first_pool_and_to_those_like_it),
        cmocka_unit_test(a_default_region_gives_way_and_the_rest_of_the_rung_does_not),
        cmocka_unit_test(what_is_no_config_is_left_for_who_reads_it),
        cmocka_unit_test(the_block_is_found_in_each_wrapping_and_what_is_beside_it_is_said),
        cmocka_unit_test(a_field_is_gathered_from_each_of_its_places_and_twice_only_when_equal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
