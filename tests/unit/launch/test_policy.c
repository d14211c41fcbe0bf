/* The ladder and the limits of launch-config.yaml, and what a rung makes of a queue config. */
#include "launch/policy.h"

#include "../test.h"
#include "launch/render.h"
#include "launch/spec.h"

/* @yaml is the object `vertex`. The message of a failure; NULL: it was right. */
static const char *decode(struct arena *a, const char *yaml, struct launch_policies *ret)
{
    struct err *e = arena_alloc(a, sizeof(*e));
    struct jval *v = NULL;
    struct dec d;

    *e = (struct err){ 0 };
    launch_policies_default(ret);
    assert_int_equal(jval_from_yaml(a, str_of(yaml), "vertex", NULL, &v, e), 0);
    dec_init(&d, a, v, "vertex", ERR_CONFIG, e);
    launch_policies_decode(&d, ret);
    return dec_failed(&d) ? e->msg : NULL;
}

static void without_a_ladder_there_is_one_rung_that_changes_nothing(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct launch_policies p;

    assert_null(decode(a, "{project: p}", &p));
    assert_int_equal(p.all.rung_count, 1);
    assert_string_equal(launch_rung_text(a, &p.all.rungs[0]), "");
    assert_int_equal(p.all.start_timeout_ms, 1800 * 1000);
    assert_int_equal(p.all.max_resumes, 5);
    assert_ptr_equal(launch_policy_of(&p, STR("any")), &p.all);
}

static void a_ladder_is_all_combinations_regions_fastest(void **state)
{
    static const char *const want[] = {
        "us-central1, SPOT, a",     "us-east4, SPOT, a",     "us-central1, STANDARD, a",
        "us-east4, STANDARD, a",    "us-central1, SPOT, b",  "us-east4, SPOT, b",
        "us-central1, STANDARD, b", "us-east4, STANDARD, b", "FLEX_START",
    };
    AUTO_PTR(arena) a = arena_new();
    struct launch_policies p;
    const struct launch_policy *gpu;

    assert_null(decode(a,
                       "staging_buckets: {us-east4: gs://east}\n"
                       "stockout_rounds: 3\n"
                       "queues:\n"
                       "  gpu:\n"
                       "    ladder:\n"
                       "    - region: [us-central1, us-east4]\n"
                       "      strategy: [SPOT, STANDARD]\n"
                       "      machine: [{machine_type: a}, {machine_type: b}]\n"
                       "    - strategy: FLEX_START\n"
                       "    max_resumes: 0\n",
                       &p));
    gpu = launch_policy_of(&p, STR("gpu"));
    assert_int_equal(gpu->rung_count, ARRAY_LEN(want));
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        assert_string_equal(launch_rung_text(a, &gpu->rungs[i]), want[i]);
    assert_true(str_is(gpu->rungs[1].staging_bucket, "gs://east"));
    assert_int_equal(gpu->rungs[0].staging_bucket.len, 0);
    assert_int_equal(gpu->stockout_rounds, 3);
    assert_int_equal(gpu->max_resumes, 0);
    assert_int_equal(p.all.max_resumes, 5);
}

static void what_is_wrong_is_said(void **state)
{
    static const char *const rows[][2] = {
        { "{ladder: []}", "is empty" },
        { "{ladder: [1]}", "vertex.ladder[0]" },
        { "{ladder: [{region: []}]}", "vertex.ladder[0].region: is empty" },
        { "{ladder: [{strategy: SPOT}, {machine: [], strategy: SPOT}]}", "ladder[1].machine: is empty" },
        { "{ladder: [{strategy: []}]}", "vertex.ladder[0].strategy: is empty" },
        { "{ladder: [{strategy: 1}]}", "\"\" is none of STANDARD, SPOT, FLEX_START" },
        { "{ladder: [{strategy: CHEAP}]}", "\"CHEAP\" is none of STANDARD, SPOT, FLEX_START" },
        { "{ladder: [{regoin: us-central1}]}", "did you mean \"region\"" },
        { "{ladder: [{region: US}]}", "not the name of a region" },
        { "{ladder: [{region: ''}]}", "not the name of a region" },
        { "{ladder: [{region: us.east}]}", "not the name of a region" },
        { "{ladder: [{region: us:east}]}", "not the name of a region" },
        { "{ladder: [{region: 'us{east'}]}", "not the name of a region" },
        { "{ladder: [{region: [a, 5, b]}]}", "vertex.ladder[0].region: has an element" },
        { "{ladder: [{region: US, machine: {machine_type: a}}]}", "not the name of a region" },
        { "{ladder: [{region: US}, {region: us-central1}]}", "not the name of a region" },
        { "{ladder: [{machine: n1}]}", "is not a map such as" },
        { "{ladder: [{machine: {machine_typ: a}}]}", "did you mean \"machine_type\"" },
        { "{ladder: [{machine: {accelerator_count: 1}}]}", "machine_type" },
        { "{regions: us-central1}", "regions" },
        { "{regions: [US, us-central1]}", "vertex.regions: has an element" },
        { "{staging_buckets: gs://bucket}", "is not a map of regions and buckets" },
        { "{staging_buckets: {US: gs://bucket, us-central1: gs://b}}", "us-central1: gs://bucket" },
        { "{staging_buckets: {us-central1: bucket}}", "us-central1: gs://bucket" },
        { "{stockout_rounds: 0}", "not a number from 1" },
        { "{stockout_rounds: 1001}", "not a number from 1 to 1000" },
        { "{start_timeout_seconds: 31536001}", "not a number from 0 to 31536000" },
        { "{max_resumes: -1}", "not a number from 0" },
        { "{deadline_seconds: soon}", "deadline_seconds" },
        { "{queues: {gpu: {lader: []}}}", "did you mean \"ladder\"" },
        { "{queues: [gpu]}", "queues" },
        { "{queues: {gpu: SPOT, cpu: {}}}", "vertex.queues.gpu" },
        { "{queues: {gpu: {max_resumes: 5000}, cpu: {}}}", "vertex.queues.gpu.max_resumes" },
        { "{waiting_holds_slot: sometimes}", "waiting_holds_slot" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO_PTR(arena) a = arena_new();
        struct launch_policies p;
        const char *said = decode(a, rows[i][0], &p);

        if (!said || !strstr(said, rows[i][1]))
            fail_msg("%s: %s", rows[i][0], said ? said : "was taken");
    }
}

/* A ladder of @count regions; the message of a failure. */
static const char *decode_regions(struct arena *a, size_t count, struct launch_policies *ret)
{
    AUTO_STRBUF struct strbuf b = STRBUF(1 << 16);

    strbuf_add(&b, STR("{ladder: [{region: ["));
    for (size_t i = 0; i < count; i++)
        strbuf_addf(&b, "%sr%zu", i ? ", " : "", i);
    strbuf_add(&b, STR("]}]}"));
    return decode(a, strbuf_cstr(&b), ret);
}

static void a_ladder_has_64_rungs_at_most(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct launch_policies p;
    const char *said = decode_regions(a, LADDER_MAX_RUNGS + 1, &p);

    assert_non_null(said);
    assert_non_null(strstr(said, "gives more than 64 rungs"));
    assert_null(decode_regions(a, LADDER_MAX_RUNGS, &p));
    assert_int_equal(p.all.rung_count, LADDER_MAX_RUNGS);
    assert_string_equal(launch_rung_text(a, &p.all.rungs[63]), "r63");
}

static void a_queue_has_its_own_limits_and_the_rest_from_all(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct launch_policies p;
    const struct launch_policy *gpu, *cpu;

    assert_null(
        decode(a,
               "{regions: [us-east4, us-west1], staging_buckets: {us-west1: gs://w},"
               " deadline_seconds: 60, waiting_holds_slot: true, queues: {"
               "gpu: {ladder: [{region: us-west1}], waiting_holds_slot: false, start_timeout_seconds: 0},"
               "cpu: {stockout_rounds: 1000, deadline_seconds: 31536000}}}",
               &p));
    gpu = launch_policy_of(&p, STR("gpu"));
    cpu = launch_policy_of(&p, STR("cpu"));
    assert_int_equal(p.len, 2);
    assert_int_equal(gpu->rung_count, 1);
    assert_true(str_is(gpu->rungs[0].staging_bucket, "gs://w"));
    assert_false(gpu->rungs[0].region_is_default);
    assert_false(gpu->waiting_holds_slot);
    assert_int_equal(gpu->start_timeout_ms, 0);
    assert_int_equal(gpu->deadline_ms, 60000);
    assert_int_equal(cpu->rung_count, 2);
    assert_true(cpu->rungs[1].region_is_default);
    assert_true(str_is(cpu->rungs[1].staging_bucket, "gs://w"));
    assert_true(cpu->waiting_holds_slot);
    assert_int_equal(cpu->stockout_rounds, 1000);
    assert_int_equal(cpu->deadline_ms, INT64_C(31536000000));
    assert_ptr_equal(launch_policy_of(&p, STR("tpu")), &p.all);
}

static void the_environment_s_start_time_out_is_for_all_queues(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct launch_policies p;

    assert_null(decode(a, "{queues: {gpu: {start_timeout_seconds: 5}}}", &p));
    assert_int_equal(launch_policy_of(&p, STR("gpu"))->start_timeout_ms, 5000);
    launch_policies_start_timeout(&p, 1500);
    assert_int_equal(launch_policy_of(&p, STR("gpu"))->start_timeout_ms, 1500);
    assert_int_equal(p.all.start_timeout_ms, 1500);
}

/* --- a rung in a request -------------------------------------------------------------------------------- */

static const char SPEC[] =
    "{entity: e, project: p, docker: {docker_image: img},\n"
    "resource_args: {vertex: {spec: {location: us-west1, staging_bucket: gs://west,\n"
    "  labels: {where: '${region}'},\n"
    "  job_spec: {scheduling: {strategy: STANDARD}},\n"
    "  worker_pool_specs: [\n"
    "    {machine_spec: {machine_type: n1-standard-4}, replica_count: 1, container_spec: {image_uri: i}},\n"
    "    {machine_spec: {machine_type: n1-standard-4}, replica_count: 2, container_spec: {image_uri: i}},\n"
    "    {machine_spec: {machine_type: e2-small}, replica_count: 1, container_spec: {image_uri: i}}]}}}}\n";

static void render(struct arena *a, const struct launch_rung *rung, struct rendered *ret)
{
    struct problems p = { .a = a, .file = "" };
    struct launch_spec spec = { 0 };
    struct jval *v = NULL;
    struct err e = { 0 };
    struct render_input in = { .spec = &spec,
                               .run_id = STR("r"),
                               .image_uri = STR("img"),
                               .gcp_project = STR("p"),
                               .region = STR("us-central1"),
                               .rung = rung };

    assert_int_equal(jval_from_yaml(a, str_of(SPEC), "spec", NULL, &v, &e), 0);
    if (launch_spec_parse(v, &spec, &p, &e) || render_custom_job(&in, ret, &p, &e))
        fail_msg("%s", e.msg);
}

static const char *text_at(const struct rendered *r, const char *path)
{
    struct str s = jval_str(jval_path(r->request, path));

    return s.len ? s.ptr : "";
}

static void a_rung_replaces_region_bucket_strategy_and_the_main_machine(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct launch_policies p;
    struct rendered r = { 0 };

    assert_null(decode(a,
                       "staging_buckets: {us-east4: gs://east}\n"
                       "ladder: [{region: us-east4, strategy: SPOT, machine: {machine_type: g2-standard-4,"
                       " accelerator_type: NVIDIA_L4, accelerator_count: 1}}]",
                       &p));
    render(a, &p.all.rungs[0], &r);
    assert_true(str_is(r.region, "us-east4"));
    assert_true(r.names_region && r.is_spot && !r.is_flexible);
    assert_string_equal(text_at(&r, "labels.where"), "us-east4");
    assert_string_equal(text_at(&r, "jobSpec.scheduling.strategy"), "SPOT");
    assert_memory_equal(text_at(&r, "jobSpec.baseOutputDirectory.outputUriPrefix"), "gs://east/", 10);
    for (int i = 0; i < 2; i++) {
        const char *path = arena_printf(a, "jobSpec.workerPoolSpecs.%d.machineSpec.", i);

        assert_string_equal(text_at(&r, arena_printf(a, "%smachineType", path)), "g2-standard-4");
        assert_string_equal(text_at(&r, arena_printf(a, "%sacceleratorType", path)), "NVIDIA_L4");
    }
    assert_string_equal(text_at(&r, "jobSpec.workerPoolSpecs.2.machineSpec.machineType"), "e2-small");
}

static void a_default_region_gives_way_to_the_config_s_own(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct launch_policies p;
    struct rendered r = { 0 };

    assert_null(decode(a, "{regions: [us-east4], staging_buckets: {us-east4: gs://east}}", &p));
    render(a, &p.all.rungs[0], &r);
    assert_true(str_is(r.region, "us-west1"));
    assert_true(r.names_region);
    assert_memory_equal(text_at(&r, "jobSpec.baseOutputDirectory.outputUriPrefix"), "gs://west/", 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_ladder_there_is_one_rung_that_changes_nothing),
        cmocka_unit_test(a_ladder_is_all_combinations_regions_fastest),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(a_ladder_has_64_rungs_at_most),
        cmocka_unit_test(a_queue_has_its_own_limits_and_the_rest_from_all),
        cmocka_unit_test(the_environment_s_start_time_out_is_for_all_queues),
        cmocka_unit_test(a_rung_replaces_region_bucket_strategy_and_the_main_machine),
        cmocka_unit_test(a_default_region_gives_way_to_the_config_s_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
