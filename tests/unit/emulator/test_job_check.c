/* What Vertex refuses in a well-formed CustomJob, one change to a good job at a time. */
#include "../test.h"

#include "emulator/job_check.h"
#include "emulator/job_rules.h"
#include "emulator/proto.h"

static const char good_job[] =
    "{\"displayName\":\"d\",\"labels\":{\"wandb-run-id\":\"abc\"},\"jobSpec\":{\"workerPoolSpecs\":[{"
    "\"replicaCount\":\"1\",\"machineSpec\":{\"machineType\":\"n1-standard-4\"},"
    "\"containerSpec\":{\"imageUri\":\"i\",\"env\":[{\"name\":\"A\",\"value\":\"b\"}]}}]}}";

/* @change is merged over the good job. */
static int check(struct arena *a, const char *change, struct refusal *r)
{
    struct jval *base = NULL, *over = NULL;
    struct err e = { 0 };

    r->a = a;
    assert_int_equal(jval_from_json(a, STR(good_job), "good", NULL, &base, &e), 0);
    must(jval_from_json(a, str_of(change), "change", NULL, &over, &e), &e);
    return job_check(r, jval_merge(a, base, over), STR("us-central1"));
}

#define POOL(more) "{\"jobSpec\":{\"workerPoolSpecs\":[{\"replicaCount\":\"1\"," more "}]}}"
#define MACHINE    "\"machineSpec\":{\"machineType\":\"n1-standard-4\"}"

static const struct {
    const char *change, *field, *message;
} rows[] = {
    { "{\"displayName\":\"\"}", "display_name", "Required field is not set." },
    { "{\"labels\":{\"Upper\":\"x\"}}", "labels", "There can be no more than 64 labels" },
    { "{\"labels\":{\"-a\":\"x\"}}", "labels", "Label keys must start with a letter or number" },
    { "{\"labels\":{\"a\":\"x y\"}}", "labels", "lowercase letters" },
    { "{\"jobSpec\":{\"workerPoolSpecs\":[]}}", "job_spec.worker_pool_specs", "Required field is not set." },
    { POOL(MACHINE), "job_spec.worker_pool_specs[0].task", "Required field is not set." },
    { POOL(MACHINE ",\"containerSpec\":{}"), "job_spec.worker_pool_specs[0].container_spec.image_uri",
      "Required field is not set." },
    { POOL("\"containerSpec\":{\"imageUri\":\"i\"}"),
      "job_spec.worker_pool_specs[0].machine_spec.machine_type", "Required field is not set." },
    { POOL("\"machineSpec\":{\"machineType\":\"n1-standard-1\"},\"containerSpec\":{\"imageUri\":\"i\"}"),
      "job_spec.worker_pool_specs[0].machine_spec.machine_type",
      "Machine type \"n1-standard-1\" is not supported." },
    { POOL("\"machineSpec\":{\"machineType\":\"n1-standard-4\",\"acceleratorType\":\"NVIDIA_L4\"},"
           "\"containerSpec\":{\"imageUri\":\"i\"}"),
      "job_spec.worker_pool_specs[0].machine_spec.accelerator_type",
      "Both `accelerator_type` and `accelerator_count` should be specified or none." },
    { POOL(MACHINE ",\"containerSpec\":{\"imageUri\":\"i\",\"env\":[{\"name\":\"A\",\"value\":\"1\"},"
                   "{\"name\":\"A\",\"value\":\"2\"}]}"),
      "job_spec.worker_pool_specs[0].container_spec.env", "EnvVar names must be unique." },
    { POOL(MACHINE ",\"containerSpec\":{\"imageUri\":\"i\",\"env\":[{\"name\":\"A\"}]}"),
      "job_spec.worker_pool_specs[0].container_spec.env[0].value", "Required field is not set." },
    { POOL(MACHINE ",\"containerSpec\":{\"imageUri\":\"i\",\"env\":[{\"name\":\"1A\",\"value\":\"x\"}]}"),
      "job_spec.worker_pool_specs[0].container_spec.env[0].name", "valid C identifier" },
    { POOL(MACHINE ",\"pythonPackageSpec\":{\"executorImageUri\":\"e\",\"pythonModule\":\"m\"}"),
      "job_spec.worker_pool_specs[0].python_package_spec.package_uris", "Required field is not set." },
    { POOL(MACHINE ",\"containerSpec\":{\"imageUri\":\"i\"},\"diskSpec\":{\"bootDiskSizeGb\":50}"),
      "job_spec.worker_pool_specs[0].disk_spec.boot_disk_size_gb", "between 100 and 64000" },
    { "{\"jobSpec\":{\"network\":\"projects/my-project/global/networks/n\"}}", "job_spec.network",
      "project_number" },
    { "{\"jobSpec\":{\"baseOutputDirectory\":{\"outputUriPrefix\":\"/tmp\"}}}",
      "job_spec.base_output_directory.output_uri_prefix", "gs://" },
    { "{\"jobSpec\":{\"tensorboard\":\"t\"}}", "job_spec.service_account", "required when a Tensorboard" },
    { "{\"jobSpec\":{\"scheduling\":{\"maxWaitDuration\":\"1s\"}}}", "job_spec.scheduling.max_wait_duration",
      "FLEX_START" },
    { "{\"jobSpec\":{\"scheduling\":{\"strategy\":\"FLEX_START\"}}}",
      "job_spec.worker_pool_specs[0].machine_spec", "GPUs" },
    { "{\"encryptionSpec\":{\"kmsKeyName\":\"projects/p/locations/europe-west4/keyRings/k/cryptoKeys/c\"}}",
      "encryption_spec.kms_key_name", "us-central1" },
};

static void each_fault_is_named_with_its_field(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO_PTR(arena) a = arena_new();
        struct refusal r = { 0 };
        const char *begin;

        assert_int_equal(check(a, rows[i].change, &r), -ERR_INVALID);
        begin = arena_printf(a, "List of found errors:\t1.Field: %s; Message: ", rows[i].field);
        if (strncmp(r.message, begin, strlen(begin)) != 0 || !strstr(r.message, rows[i].message))
            fail_msg("%s: %s", rows[i].change, r.message);
        assert_int_equal(r.message[strlen(r.message) - 1], '\t');
        assert_int_equal(jval_len(r.violations), 1);
    }
}

static void a_good_job_passes(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct refusal r = { 0 };

    (void)state;
    assert_int_equal(check(a, "{}", &r), 0);
    assert_int_equal(check(a, "{\"jobSpec\":{\"serviceAccount\":\"a@p.iam.gserviceaccount.com\"}}", &r), 0);
}

static void several_faults_come_in_one_numbered_list(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct refusal r = { 0 };

    (void)state;
    assert_int_equal(check(a, "{\"displayName\":\"\",\"jobSpec\":{\"network\":\"x\"}}", &r), -ERR_INVALID);
    assert_non_null(strstr(r.message, "\t2.Field: job_spec.network; Message: "));
    assert_int_equal(jval_len(r.violations), 2);
}

static void the_first_pool_has_one_replica_and_others_at_least_one(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct refusal r = { 0 };

    (void)state;
    assert_int_equal(check(a,
                           "{\"jobSpec\":{\"workerPoolSpecs\":[{\"replicaCount\":\"2\"," MACHINE
                           ",\"containerSpec\":{\"imageUri\":\"i\"}},{},{" MACHINE
                           ",\"containerSpec\":{\"imageUri\":\"i\"}}]}}",
                           &r),
                     -ERR_INVALID);
    assert_non_null(strstr(r.message, "1.Field: job_spec.worker_pool_specs[0].replica_count"));
    assert_non_null(strstr(r.message, "2.Field: job_spec.worker_pool_specs[2].replica_count"));
    assert_int_equal(jval_len(r.violations), 2);
}

/* --- rules of the life cycle -------------------------------------------------------------------------------
 */

static void exit_codes_mean_what_vertex_makes_of_them(void **state)
{
    static const struct {
        struct replica_exit x;
        enum exit_verdict want;
    } table[] = {
        { { .primary = true, .status = 0 }, VERDICT_SUCCESS },
        { { .primary = false, .status = 0 }, VERDICT_IGNORED },
        { { .primary = true, .status = 1 }, VERDICT_PERMANENT },
        { { .primary = false, .status = 1 }, VERDICT_PERMANENT },
        { { .primary = true, .status = 139 }, VERDICT_RESTART },
        { { .primary = true, .status = 11 }, VERDICT_RESTART },
        { { .primary = true, .status = 134, .restarts = 2 }, VERDICT_RESTART },
        { { .primary = true, .status = 6, .restarts = 3 }, VERDICT_PERMANENT },
        { { .primary = true, .status = 6, .disable_retries = true }, VERDICT_PERMANENT },
        { { .primary = true, .status = 137 }, VERDICT_PERMANENT },
        { { .primary = true, .status = 128, .never_started = true }, VERDICT_PERMANENT },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        assert_int_equal(exit_verdict(&table[i].x), table[i].want);
}

static void the_failure_text_carries_replica_status_and_tail(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct failure_text f = { .replica = STR("workerpool0-0"),
                              .status = 1,
                              .tail = STR("ValueError: x"),
                              .gcp_number = 123,
                              .job_id = 456 };

    (void)state;
    assert_string_equal(failure_message(a, &f),
                        "The replica workerpool0-0 exited with a non-zero status of 1. Termination reason: "
                        "Error. ValueError: x To "
                        "find out more about why your job exited please check the logs: "
                        "https://console.cloud.google.com/logs/"
                        "viewer?project=123&resource=ml_job%2Fjob_id%2F456&advancedFilter="
                        "resource.type%3D%22ml_job%22%0Aresource.labels.job_id%3D%22456%22");
    f.status = 137;
    assert_non_null(
        strstr(failure_message(a, &f), "ran out of memory and exited with a non-zero status of 137."));
}

static void ended_jobs_never_move_again(void **state)
{
    (void)state;
    for (int to = JOB_STATE_QUEUED; to <= JOB_STATE_CANCELLED; to++) {
        assert_false(job_state_may_follow(JOB_STATE_SUCCEEDED, (enum job_state)to));
        assert_false(job_state_may_follow(JOB_STATE_FAILED, (enum job_state)to));
        assert_false(job_state_may_follow(JOB_STATE_CANCELLED, (enum job_state)to));
    }
    assert_true(job_state_may_follow(JOB_STATE_PENDING, JOB_STATE_RUNNING));
    assert_false(job_state_may_follow(JOB_STATE_CANCELLING, JOB_STATE_RUNNING));
}

static void waits_are_divided_by_speed_and_grace_has_a_floor(void **state)
{
    (void)state;
    assert_int_equal(scaled_wait_ms(WAIT_PROVISION_MS, 1.0), 180000);
    assert_int_equal(scaled_wait_ms(WAIT_PROVISION_MS, 1000000.0), 0);
    assert_int_equal(grace_ms(1.0), 10000);
    assert_int_equal(grace_ms(1000000.0), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_is_named_with_its_field),
        cmocka_unit_test(a_good_job_passes),
        cmocka_unit_test(several_faults_come_in_one_numbered_list),
        cmocka_unit_test(the_first_pool_has_one_replica_and_others_at_least_one),
        cmocka_unit_test(exit_codes_mean_what_vertex_makes_of_them),
        cmocka_unit_test(the_failure_text_carries_replica_status_and_tail),
        cmocka_unit_test(ended_jobs_never_move_again),
        cmocka_unit_test(waits_are_divided_by_speed_and_grace_has_a_floor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
