/* From queue config and launch spec to the request. */
#include "launch/render.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/secret.h"
#include "launch/checks.h"
#include "util.h"

#define POOL                                                                                                 \
    "{\"machine_spec\":{\"machine_type\":\"n1-standard-4\"},\"replica_count\":1,\"container_spec\":{}}"

struct world {
    struct arena *a;
    struct problems p;
    struct launch_spec spec;
    struct render_input in;
    struct rendered out;
    struct err e;
    int r;
};

static void render_spec(struct world *w, const char *spec_text)
{
    const struct jval *spec = json(w->a, spec_text);

    w->p = (struct problems){ .a = w->a, .file = "" };
    if (launch_spec_parse(spec, &w->spec, &w->p, &w->e))
        fail_msg("%s", w->e.msg);
    w->in = (struct render_input){ .spec = &w->spec,
                                   .base_url = STR("http://127.0.0.1:8080"),
                                   .run_id = STR("ab12cd34"),
                                   .run_name = STR("my run"),
                                   .queue_name = STR("q"),
                                   .queue_entity = STR("ent"),
                                   .item_id = STR("item1"),
                                   .author = STR("me"),
                                   .image_uri = w->spec.image_uri,
                                   .gcp_project = STR("proj"),
                                   .region = STR("us-central1"),
                                   .agent_label = STR("agent1"),
                                   .attempt_label = STR("try1"),
                                   .now_unix_ms = 1767323045678 };
    w->r = render_custom_job(&w->in, &w->out, &w->p, &w->e);
}

/* A spec with image "reg/img:1" around a vertex block and overrides (JSON texts). */
static void render(struct world *w, const char *vertex, const char *overrides)
{
    render_spec(
        w, arena_printf(w->a,
                        "{\"entity\":\"ent\",\"project\":\"p\",\"docker\":{\"docker_image\":\"reg/img:1\"},"
                        "\"resource_args\":{\"vertex\":%s},\"overrides\":%s}",
                        vertex, overrides));
}

static const char *at(struct world *w, const char *path)
{
    const struct jval *v;

    if (w->r)
        fail_msg("%s", problems_text(&w->p));
    v = jval_path(w->out.request, path);
    return v ? jval_text(w->a, v, JVAL_COMPACT).ptr : "nothing";
}

static void assert_problem(struct world *w, const char *text)
{
    const char *all = problems_text(&w->p);

    if (!strstr(all, text))
        fail_msg("no problem says: %s\nall of them:\n%s", text, all);
}

static const char *with_pool(struct world *w, const char *more_spec, const char *run)
{
    return arena_printf(w->a, "{\"spec\":{\"worker_pool_specs\":[" POOL "]%s%s},\"run\":%s}",
                        more_spec[0] ? "," : "", more_spec, run);
}

static const char *read_file(struct arena *a, const char *path)
{
    FILE *f = fopen(path, "rb");
    char *text = arena_alloc(a, 65536);

    if (!f)
        fail_msg("cannot open %s", path);
    text[fread(text, 1, 65535, f)] = '\0';
    fclose(f);
    return text;
}

/* SLIPWAY_GOLDEN=write makes the files anew; read them before you commit them. */
static void example_gives_its_golden_request(const char *name)
{
    AUTO_PTR(arena) a = arena_new();
    struct world w = { .a = a };
    const char *config = read_file(a, arena_printf(a, SOURCE_ROOT "/examples/queues/%s.yaml", name));
    const char *golden = arena_printf(a, SOURCE_ROOT "/tests/unit/launch/golden/%s.json", name);
    struct str got;

    render(&w, jval_text(a, yaml(a, config), JVAL_COMPACT).ptr,
           "{\"args\":[\"--lr\",\"0.1\"],\"run_config\":{\"lr\":0.1}}");
    if (w.r)
        fail_msg("%s", problems_text(&w.p));
    assert_int_equal(w.p.len, 0);
    got = jval_text(a, w.out.request, JVAL_PRETTY);
    if (getenv("SLIPWAY_GOLDEN")) {
        FILE *f = fopen(golden, "wb");

        assert_non_null(f);
        fprintf(f, "%s\n", got.ptr);
        fclose(f);
    }
    assert_string_equal(arena_printf(a, "%s\n", got.ptr), read_file(a, golden));
}

static void the_minimal_example_gives_its_golden_request(void **state)
{
    example_gives_its_golden_request("minimal");
}

static void the_two_pool_example_gives_its_golden_request(void **state)
{
    example_gives_its_golden_request("two-pools");
}

static void an_unknown_key_is_named_with_its_place_and_the_nearest_name(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct world w = { .a = a };

    render(
        &w,
        "{\"spec\":{\"worker_pool_specs\":[{\"machine_spec\":{\"machine_typ\":\"x\"},\"container_spec\":{}}],"
        "\"stagingBuckt\":\"b\",\"state\":3},\"run\":{\"worker_pool_specs\":[],\"nonsense\":1}}",
        "{}");
    assert_int_equal(w.r, -ERR_INVALID);
    assert_problem(&w,
                   "vertex.spec.worker_pool_specs[0].machine_spec: unknown key \"machine_typ\"; did you mean "
                   "\"machine_type\"?");
    assert_problem(&w, "vertex.spec: unknown key \"stagingBuckt\"; did you mean \"stagingBucket\"?");
    assert_problem(&w, "vertex.spec: \"state\" is set by Vertex");
    assert_problem(&w, "vertex.run: \"worker_pool_specs\" does not belong here but under spec");
    assert_problem(&w, "vertex.run: unknown key \"nonsense\"");
}

/* What stands under spec and run, and what the request then has at a path. */
static const struct {
    const char *spec, *run, *path, *want;
} places[] = {
    { "", "{\"timeout\":3600}", "jobSpec.scheduling.timeout", "\"3600s\"" },
    { "\"timeout\":\"3600s\"", "{}", "jobSpec.scheduling.timeout", "\"3600s\"" },
    { "\"scheduling\":{\"timeout\":{\"seconds\":3600}}", "{}", "jobSpec.scheduling.timeout", "\"3600s\"" },
    { "", "{\"scheduling\":{\"timeout\":1.5}}", "jobSpec.scheduling.timeout", "\"1.500s\"" },
    { "\"jobSpec\":{\"scheduling\":{\"disableRetries\":true}}", "{}", "jobSpec.scheduling.disableRetries",
      "true" },
    { "", "{\"scheduling_strategy\":\"SPOT\"}", "jobSpec.scheduling.strategy", "\"SPOT\"" },
    { "\"scheduling\":{\"strategy\":4}", "{}", "jobSpec.scheduling.strategy", "\"SPOT\"" },
    { "", "{\"max_wait_duration\":0,\"strategy\":\"FLEX\"}", "jobSpec.scheduling.maxWaitDuration", "\"0s\"" },
    { "\"service_account\":\"a@b\"", "{\"serviceAccount\":\"a@b\"}", "jobSpec.serviceAccount", "\"a@b\"" },
    { "\"base_output_dir\":\"gs://b/o\"", "{}", "jobSpec.baseOutputDirectory.outputUriPrefix",
      "\"gs://b/o\"" },
    { "\"baseOutputDirectory\":{\"outputUriPrefix\":\"gs://b/o\"}", "{}",
      "jobSpec.baseOutputDirectory.outputUriPrefix", "\"gs://b/o\"" },
    { "\"base_output_directory\":\"gs://b/o\"", "{}", "jobSpec.baseOutputDirectory.outputUriPrefix",
      "\"gs://b/o\"" },
    { "\"staging_bucket\":\"b/\"", "{}", "jobSpec.baseOutputDirectory.outputUriPrefix",
      "\"gs://b/aiplatform-custom-job-2026-01-02-03:04:05.678\"" },
    { "\"encryption_spec_key_name\":\"projects/p/locations/us-central1/keyRings/r/cryptoKeys/k\"", "{}",
      "encryptionSpec", "{\"kmsKeyName\":\"projects/p/locations/us-central1/keyRings/r/cryptoKeys/k\"}" },
    { "\"encryptionSpec\":{\"kms_key_name\":\"projects/p/locations/us-central1/keyRings/r/cryptoKeys/"
      "k\"}",
      "{}", "encryptionSpec.kmsKeyName", "\"projects/p/locations/us-central1/keyRings/r/cryptoKeys/k\"" },
    { "\"persistent_resource_id\":\"pr\"", "{}", "jobSpec.persistentResourceId", "\"pr\"" },
    { "\"enable_web_access\":true", "{}", "jobSpec.enableWebAccess", "true" },
    { "", "{\"enable_dashboard_access\":true}", "jobSpec.enableDashboardAccess", "true" },
    { "\"reserved_ip_ranges\":[\"r1\"]", "{}", "jobSpec.reservedIpRanges", "[\"r1\"]" },
    { "",
      "{\"psc_interface_config\":{\"network_attachment\":\"n\",\"dns_peering_configs\":[{\"domain\":\"a."
      "\","
      "\"target_project\":\"p\",\"target_network\":\"v\"}]}}",
      "jobSpec.pscInterfaceConfig",
      "{\"networkAttachment\":\"n\",\"dnsPeeringConfigs\":[{\"domain\":\"a.\",\"targetProject\":\"p\","
      "\"targetNetwork\":\"v\"}]}" },
    { "", "{\"tensorboard\":\"projects/p/locations/us-central1/tensorboards/1\",\"service_account\":\"s@p\"}",
      "jobSpec.tensorboard", "\"projects/p/locations/us-central1/tensorboards/1\"" },
    { "\"experiment\":\"x\",\"experiment_run\":\"y\"", "{\"service_account\":\"s@p\"}",
      "jobSpec.experimentRun",
      "\"projects/proj/locations/us-central1/metadataStores/default/contexts/x-y\"" },
    { "\"network\":\"projects/123/global/networks/vpc\"", "{}", "jobSpec.network",
      "\"projects/123/global/networks/vpc\"" },
    { "\"display_name\":\"x ${run_id}\"", "{}", "displayName", "\"x ab12cd34\"" },
    { "", "{\"restart_job_on_worker_restart\":true}", "jobSpec.scheduling",
      "{\"restartJobOnWorkerRestart\":true}" },
};

static void every_place_and_spelling_leads_to_the_same_field(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        AUTO_PTR(arena) a = arena_new();
        struct world w = { .a = a };

        render(&w, with_pool(&w, places[i].spec, places[i].run), "{}");
        assert_string_equal(at(&w, places[i].path), places[i].want);
    }
}

static void every_message_of_a_pool_is_taken_over(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct world w = { .a = a };

    render(
        &w,
        "{\"spec\":{\"network\":\"projects/1/global/networks/n\",\"workerPoolSpecs\":[{\"machineSpec\":"
        "{\"machine_type\":\"a2-highgpu-1g\",\"acceleratorType\":8,\"accelerator_count\":\"1\",\"tpu_"
        "topology\":\"2x2\","
        "\"reservation_affinity\":{\"reservation_affinity_type\":\"SPECIFIC_RESERVATION\",\"key\":\"compute."
        "googleapis.com/reservation-name\","
        "\"values\":[\"projects/p/zones/z/reservations/"
        "r\"]},\"gpu_partition_size\":\"1g.10gb\"},\"replica_count\":1.0,\"nfs_mounts\":"
        "[{\"server\":\"s\",\"path\":\"/"
        "p\",\"mount_point\":\"m\"}],\"lustre_mounts\":[{\"instance_ip\":\"i\","
        "\"volume_handle\":\"h\",\"filesystem\":\"f\",\"mount_point\":\"m\"}],\"disk_spec\":{\"boot_disk_"
        "type\":"
        "\"pd-ssd\",\"boot_disk_size_gb\":200},\"container_spec\":{}},{},{\"machine_spec\":{\"machine_type\":"
        "\"n1\"},\"replica_count\":\"3\",\"python_package_spec\":{\"executor_image_uri\":\"x\",\"package_"
        "uris\":"
        "[\"gs://b/p\"],\"python_module\":\"m\"}}]}}",
        "{}");
    assert_string_equal(
        at(&w, "jobSpec.workerPoolSpecs.0.machineSpec"),
        "{\"machineType\":\"a2-highgpu-1g\",\"acceleratorType\":\"NVIDIA_TESLA_A100\",\"acceleratorCount\":1,"
        "\"tpuTopology\":\"2x2\",\"reservationAffinity\":{\"reservationAffinityType\":"
        "\"SPECIFIC_RESERVATION\",\"key\":\"compute.googleapis.com/reservation-name\",\"values\":[\"projects/"
        "p/zones/z/reservations/r\"]},\"gpuPartitionSize\":\"1g.10gb\"}");
    assert_string_equal(at(&w, "jobSpec.workerPoolSpecs.0.replicaCount"), "\"1\"");
    assert_string_equal(at(&w, "jobSpec.workerPoolSpecs.0.nfsMounts"),
                        "[{\"server\":\"s\",\"path\":\"/p\",\"mountPoint\":\"m\"}]");
    assert_string_equal(
        at(&w, "jobSpec.workerPoolSpecs.0.lustreMounts"),
        "[{\"instanceIp\":\"i\",\"volumeHandle\":\"h\",\"filesystem\":\"f\",\"mountPoint\":\"m\"}]");
    assert_string_equal(at(&w, "jobSpec.workerPoolSpecs.0.diskSpec"),
                        "{\"bootDiskType\":\"pd-ssd\",\"bootDiskSizeGb\":200}");
    assert_string_equal(at(&w, "jobSpec.workerPoolSpecs.1"), "{}");
    assert_string_equal(at(&w, "jobSpec.workerPoolSpecs.2.replicaCount"), "\"3\"");
    assert_string_equal(at(&w, "jobSpec.workerPoolSpecs.2.pythonPackageSpec.pythonModule"), "\"m\"");
}

static void fields_of_the_beta_api_are_sent_to_it(void **state)
{
    static const struct {
        const char *machine;
        bool beta;
    } rows[] = { { "{\"machine_type\":\"n1-standard-8\"}", false },
                 { "{\"machine_type\":\"n1-standard-8\",\"min_gpu_driver_version\":\"550\"}", true },
                 { "{\"machine_type\":\"n1-standard-8\",\"multihostGpuNodeCount\":2}", true } };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO_PTR(arena) a = arena_new();
        struct world w = { .a = a };

        render(&w,
               arena_printf(
                   a, "{\"spec\":{\"worker_pool_specs\":[{\"machine_spec\":%s,\"container_spec\":{}}]}}",
                   rows[i].machine),
               "{}");
        assert_int_equal(w.r, 0);
        assert_int_equal(request_needs_v1beta1(w.out.request), rows[i].beta);
    }
}

static void a_field_given_twice_must_agree(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct world w = { .a = a };

    render(&w, with_pool(&w, "\"timeout\":\"3600s\"", "{\"timeout\":3600}"), "{}");
    assert_string_equal(at(&w, "jobSpec.scheduling.timeout"), "\"3600s\"");
    render(&w, with_pool(&w, "\"timeout\":60", "{\"timeout\":3600}"), "{}");
    assert_int_equal(w.r, -ERR_INVALID);
    assert_problem(&w, "vertex.run.timeout: given twice with different values: also at vertex.spec.timeout");
}

static const char *env_of(struct world *w, const char *name)
{
    const struct jval *env = jval_path(w->out.request, "jobSpec.workerPoolSpecs.0.containerSpec.env");
    const char *found = "nothing";
    int times = 0;

    for (size_t i = 0; i < jval_len(env); i++) {
        if (str_is(jval_str(jval_get(jval_at(env, i), "name")), name)) {
            found = jval_text(w->a, jval_at(env, i), JVAL_COMPACT).ptr;
            times++;
        }
    }
    assert_true(times <= 1);
    return found;
}

static void the_environment_is_merged_by_name(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct world w = { .a = a };

    render(
        &w,
        "{\"spec\":{\"worker_pool_specs\":[{\"container_spec\":{\"env\":[{\"name\":\"WANDB_BASE_URL\","
        "\"value\":\"u\"},"
        "{\"name\":\"WANDB_API_KEY\",\"value\":\"stolen\"},{\"name\":\"WANDB_CONFIG_0\",\"value\":\"x\"},"
        "{\"name\":\"WANDB_CONFIG_DIR\",\"value\":\"/d\"},{\"name\":\"S\",\"valueFrom\":{\"secret_key_ref\":"
        "{\"name\":\"hf\",\"key\":\"k\"}}}]}}]}}",
        "{\"run_config\":{\"a\":\"$(HOME)\"}}");
    assert_int_equal(w.r, 0);
    assert_string_equal(env_of(&w, "WANDB_BASE_URL"), "{\"name\":\"WANDB_BASE_URL\",\"value\":\"u\"}");
    assert_string_equal(env_of(&w, "WANDB_API_KEY"),
                        "{\"name\":\"WANDB_API_KEY\",\"valueFrom\":{\"secretKeyRef\":"
                        "{\"name\":\"slipway:wandb-api-key\"}}}");
    assert_string_equal(env_of(&w, "WANDB_CONFIG_0"), "nothing");
    assert_string_equal(env_of(&w, "WANDB_CONFIG_DIR"), "{\"name\":\"WANDB_CONFIG_DIR\",\"value\":\"/d\"}");
    assert_string_equal(env_of(&w, "WANDB_CONFIG"),
                        "{\"name\":\"WANDB_CONFIG\",\"value\":\"{\\\"a\\\": \\\"$$(HOME)\\\"}\"}");
    assert_string_equal(env_of(&w, "S"), "{\"name\":\"S\",\"valueFrom\":{\"secretKeyRef\":{\"name\":"
                                         "\"projects/proj/secrets/hf/versions/latest\",\"key\":\"k\"}}}");
    assert_problem(&w, "WANDB_API_KEY is set by the agent");
}

static void env_may_be_an_object_and_a_repeated_name_must_agree(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct world w = { .a = a };

    render(&w, "{\"spec\":{\"worker_pool_specs\":[{\"container_spec\":{\"env\":{\"A\":\"b\"}}}]}}", "{}");
    assert_string_equal(env_of(&w, "A"), "{\"name\":\"A\",\"value\":\"b\"}");
    render(&w,
           "{\"spec\":{\"worker_pool_specs\":[{\"container_spec\":{\"env\":[{\"name\":\"A\",\"value\":\"1\"},"
           "{\"name\":\"A\",\"value\":\"2\"},{\"name\":\"9\",\"value\":\"1\"},{\"name\":\"B\",\"value\":1},"
           "{\"name\":\"K\",\"value_from\":{\"secret_key_ref\":{\"name\":\"slipway:wandb-api-key\"}}}]}}]}}",
           "{}");
    assert_problem(&w, "env[1]: variable A is given twice with different values");
    assert_problem(&w, "env[2]: \"9\" is not a name for a variable");
    assert_problem(&w, "env[3]: the value must be a string");
    assert_problem(&w, "env[4].value_from.secret_key_ref: names that begin with \"slipway:\"");
}

static void what_vertex_would_refuse_is_said_here(void **state)
{
    static const struct {
        const char *spec, *run, *want;
    } rows[] = {
        { "\"network\":\"projects/my-proj/global/networks/n\"", "{}", "needs the project's number" },
        { "\"network\":\"default\"", "{}", "expected projects/NUMBER/global/networks/NAME" },
        { "\"encryption_spec_key_name\":\"projects/p/locations/europe-west4/keyRings/r/cryptoKeys/k\"", "{}",
          "the key is in europe-west4, the job in us-central1" },
        { "\"base_output_dir\":\"/tmp\"", "{}", "expected gs://BUCKET/FOLDER" },
        { "\"labels\":{\"Team\":\"x\"}", "{}", "labels.Team: a label's key has" },
        { "\"labels\":{\"team\":\"X Y\"}", "{}", "this is \"X Y\"; did you mean \"x-y\"?" },
        { "\"labels\":{\"slipway-item\":\"x\"}", "{}", "is set by the agent; take it out" },
        { "\"display_name\":\"\"", "{}", "1 to 128 characters" },
        { "", "{\"tensorboard\":\"t\"}", "needs a service_account" },
        { "", "{\"tensorboard\":\"t\",\"experiment\":\"e\",\"service_account\":\"s\"}",
          "cannot be set together" },
        { "", "{\"timeout\":\"1h\"}", "expected seconds" },
        { "", "{\"timeout\":-1}", "expected seconds" },
        { "", "{\"restart_job_on_worker_restart\":\"true\"}",
          "expected true or false, got the string \"true\"; write it without quotes" },
        { "", "{\"scheduling_strategy\":\"spot\"}", "\"spot\" must be written \"SPOT\"" },
        { "", "{\"scheduling_strategy\":\"FLEX_START\"}", "FLEX_START is for machines with GPUs (L4" },
        { "\"project\":\"a/b\"", "{}", "is not the name of a Google Cloud project" },
        { "\"location\":\"evil.com/\"", "{}", "is not the name of a region" },
        { "\"credentials\":\"x\"", "{}", "\"credentials\" is a setting of the agent" },
        { "\"display_name\":\"{{ who }}\"", "{}", "the template variable {{who}} has no value" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO_PTR(arena) a = arena_new();
        struct world w = { .a = a };

        render(&w, with_pool(&w, rows[i].spec, rows[i].run), "{}");
        assert_int_equal(w.r, -ERR_INVALID);
        assert_problem(&w, rows[i].want);
        assert_null(w.out.request);
    }
}

static void wrong_pools_are_refused(void **state)
{
    static const struct {
        const char *pools, *want;
    } rows[] = {
        { "[]", "at least one worker pool" },
        { "[{}]", "[0]: the first pool is the primary replica" },
        { "[{\"replica_count\":2,\"container_spec\":{}}]",
          "[0].replica_count: the first pool is the primary replica, so this is 1" },
        { "[{\"machine_spec\":{}}]", "has neither container_spec nor python_package_spec" },
        { "[{\"container_spec\":{},\"python_package_spec\":{\"executor_image_uri\":\"x\",\"package_uris\":[],"
          "\"python_module\":\"m\"}}]",
          "has both" },
        { "[{\"container_spec\":{},\"machine_spec\":{\"accelerator_type\":\"NVIDIA_L4\"}}]",
          "accelerator_type without accelerator_count" },
        { "[{\"container_spec\":{},\"machine_spec\":{\"accelerator_count\":1}}]",
          "accelerator_count without accelerator_type" },
        { "[{\"container_spec\":{},\"replica_count\":1.5}]", "expected an integer, got 1.5" },
        { "[{\"container_spec\":{},\"nfs_mounts\":[{\"server\":\"s\"}]}]", "\"path\" is missing" },
        { "[{\"container_spec\":{\"imageUri\":\"a\",\"image_uri\":\"b\"}}]",
          "given twice with different values" },
        { "\"x\"", "expected a list, got the string \"x\"" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO_PTR(arena) a = arena_new();
        struct world w = { .a = a };

        render(&w, arena_printf(a, "{\"spec\":{\"worker_pool_specs\":%s}}", rows[i].pools), "{}");
        assert_int_equal(w.r, -ERR_INVALID);
        assert_problem(&w, rows[i].want);
    }
}

static void an_unknown_accelerator_only_warns(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct world w = { .a = a };

    render(&w,
           "{\"spec\":{\"worker_pool_specs\":[{\"container_spec\":{},\"machine_spec\":{\"accelerator_type\":"
           "\"NVIDIA_L5\",\"accelerator_count\":1}}]}}",
           "{}");
    assert_string_equal(at(&w, "jobSpec.workerPoolSpecs.0.machineSpec.acceleratorType"), "\"NVIDIA_L5\"");
    assert_problem(
        &w, "\"NVIDIA_L5\" is not a value known here and is sent as it is; did you mean \"NVIDIA_L4\"?");
}

static void the_block_is_found_under_both_names_and_must_be_there(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct world w = { .a = a };

    render_spec(
        &w,
        "{\"entity\":\"e\",\"project\":\"p\",\"image_uri\":\"i\",\"resource_args\":{\"gcp-vertex\":{\"spec\":"
        "{\"worker_pool_specs\":[" POOL "]}}}}");
    assert_int_equal(w.r, 0);
    assert_true(str_is(w.out.region, "us-central1"));
    render_spec(
        &w, "{\"entity\":\"e\",\"project\":\"p\",\"image_uri\":\"i\",\"resource_args\":{\"kubernetes\":{}}}");
    assert_int_equal(w.r, -ERR_INVALID);
    render_spec(&w, "{\"entity\":\"e\",\"project\":\"p\",\"image_uri\":\"i\"}");
    assert_problem(&w, "no Vertex configuration");
    render_spec(&w, "{\"entity\":\"e\",\"project\":\"p\",\"resource_args\":{\"vertex\":{\"spec\":"
                    "{\"worker_pool_specs\":[" POOL "]}}}}");
    assert_problem(&w, "no image");
}

static void a_config_is_checked_before_its_variables_are_known(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct problems p = { .a = a, .file = "q.yaml" };
    struct err e = { 0 };

    assert_int_equal(
        queue_config_check(
            yaml(a, "spec:\n  worker_pool_specs:\n  - machine_spec:\n      machine_type: '{{m}}'\n"
                    "      accelerator_count: '{{n}}'\n    container_spec: {image_uri: '${image_uri}'}\n"
                    "run:\n  timeout: '{{ t }}'\n"),
            &p, &e),
        0);
    assert_int_equal(
        queue_config_check(yaml(a, "spec:\n  worker_pool_specs:\n  - machine_spec: {machine_typ: x}\n"), &p,
                           &e),
        -ERR_INVALID);
    assert_non_null(
        strstr(problems_text(&p), "q.yaml:3:20: spec.worker_pool_specs[0].machine_spec: unknown key"));
}

/* Every text of up to four of these letters: what is special, what is beside it, what an escape is made of.
 */
static void a_label_is_valid_and_says_which_text_it_came_from(void **state)
{
    static const char letters[] = { '_', 'a', 'f', 'B', '.', '5', 'h' };
    enum { N = sizeof(letters), ALL = N * N * N * N };
    AUTO_PTR(arena) a = arena_new();

    for (int number = 0; number < ALL; number++) {
        for (size_t len = 0; len <= 4; len++) {
            char text[4];
            struct str label, back;
            int rest = number;

            for (size_t i = 0; i < len; i++, rest /= N)
                text[i] = letters[rest % N];
            label = label_value(a, (struct str){ text, len });
            assert_true(label_is_valid(label, false));
            assert_true(label_text(a, label, &back));
            assert_true(str_eq(back, (struct str){ text, len }));
        }
    }
}

static void a_digest_and_a_broken_label_have_no_text(void **state)
{
    static const char *const wrong[] = { "__", "a__4", "__4G", "__zz", "___42" };
    AUTO_PTR(arena) a = arena_new();
    char many[200];
    struct str back;

    memset(many, 'a', sizeof(many));
    assert_false(label_text(a, label_value(a, (struct str){ many, sizeof(many) }), &back));
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(label_text(a, str_of(wrong[i]), &back));
}

static void labels_are_valid_reversible_and_distinct(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    char many[200];

    assert_true(str_is(label_value(a, STR("ab_12-x")), "ab_12-x"));
    assert_true(str_is(label_value(a, STR("aB")), "a__42"));
    assert_true(str_is(label_value(a, STR("a__42")), "a__5f_42"));
    assert_true(str_is(label_value(a, STR("_B")), "__5f__42"));
    memset(many, 'Q', sizeof(many));
    assert_int_equal(label_value(a, (struct str){ many, 200 }).len, 63);
    assert_false(
        str_eq(label_value(a, (struct str){ many, 200 }), label_value(a, (struct str){ many, 199 })));
}

static const struct secret *lookup(void *ctx, struct str name, struct str field)
{
    return str_is(name, JOB_ENV_API_KEY_REF) ? ctx : NULL;
}

static void secrets_are_filled_in_as_correct_json(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    AUTO_PTR(secret) key = secret_new(STR("a\"b\\$(X)\n"));
    AUTO_STRBUF struct strbuf out = STRBUF(1 << 20);
    struct world w = { .a = a };
    struct jval *back = NULL;

    render(&w, with_pool(&w, "", "{}"), "{}");
    assert_int_equal(request_fill_secrets(w.out.request, lookup, key, &out, &w.e), 0);
    assert_int_equal(jval_from_json(a, strbuf_str(&out), "request", NULL, &back, &w.e), 0);
    assert_true(str_is(jval_str(jval_path(back, "jobSpec.workerPoolSpecs.0.containerSpec.env.1.value")),
                       "a\"b\\$$(X)\n"));
    assert_null(strstr(strbuf_cstr(&out), "valueFrom"));
}

static void a_secret_that_cannot_be_had_is_named(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    AUTO_PTR(secret) key = secret_new(STR("k"));
    AUTO_STRBUF struct strbuf out = STRBUF(1 << 20);
    struct world w = { .a = a };

    render(&w,
           "{\"spec\":{\"worker_pool_specs\":[{\"container_spec\":{\"env\":[{\"name\":\"S\",\"valueFrom\":"
           "{\"secretKeyRef\":{\"name\":\"hf\"}}}]}}]}}",
           "{}");
    assert_int_equal(w.r, 0);
    assert_int_equal(request_fill_secrets(w.out.request, lookup, key, &out, &w.e), -ERR_NOT_FOUND);
    assert_non_null(
        strstr(w.e.msg, "variable S: no value for the secret \"projects/proj/secrets/hf/versions/latest\""));
}

static void the_region_macro_is_where_the_job_runs(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct world w = { .a = a };

    render(&w, with_pool(&w, "\"labels\":{\"r\":\"${region}\"}", "{}"), "{}");
    assert_string_equal(at(&w, "labels.r"), "\"us-central1\"");
    render(&w, with_pool(&w, "\"labels\":{\"r\":\"${region}\"},\"location\":\"Europe-West4\"", "{}"), "{}");
    assert_string_equal(at(&w, "labels.r"), "\"europe-west4\"");
}

static void recorded_template_values_are_checked_again(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct world w = { .a = a };

    render_spec(
        &w,
        "{\"entity\":\"e\",\"project\":\"p\",\"docker\":{\"docker_image\":\"i:1\"},\"template_variables\":"
        "{\"n\":{\"schema\":{\"type\":\"integer\",\"maximum\":4},\"value\":16}},"
        "\"resource_args\":{\"vertex\":{\"spec\":{\"worker_pool_specs\":[" POOL "]}}}}");
    assert_int_equal(w.r, -ERR_INVALID);
    assert_problem(&w, "template_variables.n: expected an integer of at most 4, got 16; did you mean 4?");
}

static void braces_from_a_recorded_value_are_text(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct world w = { .a = a };

    render_spec(
        &w,
        "{\"entity\":\"e\",\"project\":\"p\",\"docker\":{\"docker_image\":\"i:1\"},\"template_variables\":"
        "{\"t\":{\"schema\":{\"type\":\"string\"},\"value\":\"{{y}}\"}},"
        "\"resource_args\":{\"vertex\":{\"spec\":{\"display_name\":\"{{y}}\","
        "\"worker_pool_specs\":[" POOL "]}}}}");
    assert_string_equal(at(&w, "displayName"), "\"{{y}}\"");
}

/* Who launches cannot mend the config; who wrote it can. */
static void a_label_filled_by_a_macro_is_made_valid_and_a_wrong_one_is_refused(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct world w = { .a = a };

    render(&w, with_pool(&w, "\"labels\":{\"p\":\"for-${project_name}\",\"i\":\"${image_uri}\"}", "{}"),
           "{}");
    assert_string_equal(at(&w, "labels.p"), "\"for-p\"");
    assert_string_equal(at(&w, "labels.i"), "\"reg__2fimg__3a1\"");
    render(&w, with_pool(&w, "\"labels\":{\"p\":\"For You\"}", "{}"), "{}");
    assert_int_equal(w.r, -ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_minimal_example_gives_its_golden_request),
        cmocka_unit_test(the_two_pool_example_gives_its_golden_request),
        cmocka_unit_test(an_unknown_key_is_named_with_its_place_and_the_nearest_name),
        cmocka_unit_test(every_place_and_spelling_leads_to_the_same_field),
        cmocka_unit_test(every_message_of_a_pool_is_taken_over),
        cmocka_unit_test(fields_of_the_beta_api_are_sent_to_it),
        cmocka_unit_test(a_field_given_twice_must_agree),
        cmocka_unit_test(the_environment_is_merged_by_name),
        cmocka_unit_test(env_may_be_an_object_and_a_repeated_name_must_agree),
        cmocka_unit_test(what_vertex_would_refuse_is_said_here),
        cmocka_unit_test(wrong_pools_are_refused),
        cmocka_unit_test(an_unknown_accelerator_only_warns),
        cmocka_unit_test(the_block_is_found_under_both_names_and_must_be_there),
        cmocka_unit_test(a_config_is_checked_before_its_variables_are_known),
        cmocka_unit_test(labels_are_valid_reversible_and_distinct),
        cmocka_unit_test(a_label_is_valid_and_says_which_text_it_came_from),
        cmocka_unit_test(a_digest_and_a_broken_label_have_no_text),
        cmocka_unit_test(secrets_are_filled_in_as_correct_json),
        cmocka_unit_test(a_secret_that_cannot_be_had_is_named),
        cmocka_unit_test(the_region_macro_is_where_the_job_runs),
        cmocka_unit_test(a_label_filled_by_a_macro_is_made_valid_and_a_wrong_one_is_refused),
        cmocka_unit_test(recorded_template_values_are_checked_again),
        cmocka_unit_test(braces_from_a_recorded_value_are_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
