/* Protobuf's JSON mapping for CustomJob: both spellings, enums, integers, durations, masks. */
#include "../test.h"

#include "emulator/proto.h"

static struct jval *parse(struct arena *a, const char *json)
{
    struct jval *v = NULL;
    struct err e = { 0 };
    const struct jval_limits limits = { .last_key_wins = true };

    must(jval_from_json(a, str_of(json), "test", &limits, &v, &e), &e);
    return v;
}

static const struct {
    const char *in, *out;
} good[] = {
    { "{}", "{}" },
    { "{\"displayName\":\"x\"}", "{\"displayName\":\"x\"}" },
    { "{\"display_name\":\"x\"}", "{\"displayName\":\"x\"}" },
    { "{\"display_name\":null}", "{}" },
    /* output only fields are ignored, whatever they hold */
    { "{\"name\":5,\"state\":\"x\",\"create_time\":{},\"error\":1}", "{}" },
    { "{\"labels\":{\"some_key\":\"v\"}}", "{\"labels\":{\"some_key\":\"v\"}}" },
    { "{\"job_spec\":{\"worker_pool_specs\":[{\"replica_count\":1},{}]}}",
      "{\"jobSpec\":{\"workerPoolSpecs\":[{\"replicaCount\":\"1\"},{}]}}" },
    { "{\"jobSpec\":{\"workerPoolSpecs\":[{\"replicaCount\":\"12\"}]}}",
      "{\"jobSpec\":{\"workerPoolSpecs\":[{\"replicaCount\":\"12\"}]}}" },
    { "{\"jobSpec\":{\"workerPoolSpecs\":[{\"replicaCount\":3.0}]}}",
      "{\"jobSpec\":{\"workerPoolSpecs\":[{\"replicaCount\":\"3\"}]}}" },
    { "{\"jobSpec\":{\"workerPoolSpecs\":[{\"machineSpec\":{\"acceleratorType\":8,\"acceleratorCount\":\"2\"}"
      "}]}}",
      "{\"jobSpec\":{\"workerPoolSpecs\":[{\"machineSpec\":{\"acceleratorType\":\"NVIDIA_TESLA_A100\","
      "\"acceleratorCount\":2}}]}}" },
    { "{\"jobSpec\":{\"scheduling\":{\"strategy\":77}}}",
      "{\"jobSpec\":{\"scheduling\":{\"strategy\":77}}}" },
    { "{\"jobSpec\":{\"scheduling\":{\"timeout\":\"3600s\",\"maxWaitDuration\":\"0s\"}}}",
      "{\"jobSpec\":{\"scheduling\":{\"timeout\":\"3600s\",\"maxWaitDuration\":\"0s\"}}}" },
    { "{\"jobSpec\":{\"scheduling\":{\"timeout\":\"1.5s\"}}}",
      "{\"jobSpec\":{\"scheduling\":{\"timeout\":\"1.500s\"}}}" },
    { "{\"jobSpec\":{\"scheduling\":{\"timeout\":\"1.0000s\"}}}",
      "{\"jobSpec\":{\"scheduling\":{\"timeout\":\"1s\"}}}" },
    { "{\"jobSpec\":{\"scheduling\":{}}}", "{\"jobSpec\":{\"scheduling\":{}}}" },
};

static void input_in_any_accepted_form_becomes_canonical(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        AUTO_PTR(arena) a = arena_new();
        struct refusal r = { .a = a };
        struct jval *v = NULL;

        if (proto_read(&r, &proto_custom_job, parse(a, good[i].in), "custom_job", &v))
            fail_msg("%s: %s", good[i].in, r.message);
        assert_string_equal(jval_text(a, v, JVAL_COMPACT).ptr, good[i].out);
    }
}

static const struct {
    const char *in, *message;
} bad[] = {
    { "[]", "Invalid value at 'custom_job' (type.googleapis.com/google.cloud.aiplatform.v1.CustomJob), []" },
    { "{\"jobSpec\":{\"foo\":1}}",
      "Invalid JSON payload received. Unknown name \"foo\" at 'custom_job.job_spec': Cannot find field." },
    { "{\"foo\":1}",
      "Invalid JSON payload received. Unknown name \"foo\" at 'custom_job': Cannot find field." },
    { "{\"displayName\":5}", "Invalid value at 'custom_job.display_name' (TYPE_STRING), 5" },
    { "{\"jobSpec\":{\"workerPoolSpecs\":[{\"replicaCount\":3.5}]}}",
      "Invalid value at 'custom_job.job_spec.worker_pool_specs[0].replica_count' (TYPE_INT64), 3.5" },
    { "{\"jobSpec\":{\"workerPoolSpecs\":[{\"machineSpec\":{\"acceleratorType\":\"X\"}}]}}",
      "Invalid value at 'custom_job.job_spec.worker_pool_specs[0].machine_spec.accelerator_type' "
      "(type.googleapis.com/google.cloud.aiplatform.v1.AcceleratorType), \"X\"" },
    { "{\"jobSpec\":{\"enableWebAccess\":\"true\"}}",
      "Invalid value at 'custom_job.job_spec.enable_web_access' (TYPE_BOOL), \"true\"" },
    { "{\"jobSpec\":{\"scheduling\":{\"timeout\":3600}}}",
      "Invalid value at 'custom_job.job_spec.scheduling.timeout' "
      "(type.googleapis.com/google.protobuf.Duration), 3600" },
    { "{\"jobSpec\":{\"scheduling\":{\"timeout\":\"1h\"}}}",
      "Invalid value at 'custom_job.job_spec.scheduling.timeout' "
      "(type.googleapis.com/google.protobuf.Duration), \"1h\"" },
    { "{\"labels\":{\"a\":1}}", "Invalid value at 'custom_job.labels[0].value' (TYPE_STRING), 1" },
    { "{\"displayName\":\"a\",\"display_name\":\"b\"}",
      "Invalid JSON payload received. \"display_name\" at 'custom_job' is set twice: as 'displayName' and as "
      "'display_name'. Give it once." },
    { "{\"jobSpec\":{\"workerPoolSpecs\":[{\"containerSpec\":{},\"pythonPackageSpec\":{}}]}}",
      "Invalid value at 'custom_job.job_spec.worker_pool_specs[0]' (oneof), oneof field 'task' is already "
      "set. "
      "Cannot set 'pythonPackageSpec'" },
    { "{\"a\":1,\"b\":2}",
      "Invalid JSON payload received. Unknown name \"a\" at 'custom_job': Cannot find field.\n"
      "Invalid JSON payload received. Unknown name \"b\" at 'custom_job': Cannot find field." },
};

static void wrong_input_is_refused_in_googles_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        AUTO_PTR(arena) a = arena_new();
        struct refusal r = { .a = a };
        struct jval *v = NULL;

        assert_int_equal(proto_read(&r, &proto_custom_job, parse(a, bad[i].in), "custom_job", &v),
                         -ERR_INVALID);
        assert_string_equal(r.message, bad[i].message);
        assert_int_equal(r.code, RPC_INVALID_ARGUMENT);
        assert_true(jval_len(r.violations) > 0);
        assert_null(v);
    }
}

static const char whole[] =
    "{\"name\":\"n\",\"displayName\":\"d\",\"state\":\"JOB_STATE_RUNNING\",\"labels\":{\"a\":\"1\",\"b\":"
    "\"2\"},"
    "\"jobSpec\":{\"workerPoolSpecs\":[{\"replicaCount\":\"1\",\"machineSpec\":{\"machineType\":\"m\","
    "\"acceleratorType\":\"NVIDIA_L4\"}},{}],\"enableWebAccess\":false,\"serviceAccount\":\"\"}}";

static const struct {
    const char *mask, *out;
} masks[] = {
    { "name,state", "{\"name\":\"n\",\"state\":\"JOB_STATE_RUNNING\"}" },
    { "display_name", "{\"displayName\":\"d\"}" },
    { "labels.b", "{\"labels\":{\"b\":\"2\"}}" },
    { "labels.b,labels", "{\"labels\":{\"a\":\"1\",\"b\":\"2\"}}" },
    { "jobSpec.workerPoolSpecs.replicaCount",
      "{\"jobSpec\":{\"workerPoolSpecs\":[{\"replicaCount\":\"1\"},{}]}}" },
};

static void a_mask_keeps_what_it_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
        AUTO_PTR(arena) a = arena_new();
        struct refusal r = { .a = a };
        struct proto_mask *mask = NULL;
        struct proto_write_options o = { 0 };

        assert_int_equal(proto_mask(&r, &proto_custom_job, str_of(masks[i].mask), &mask), 0);
        o.mask = mask;
        assert_string_equal(
            jval_text(a, proto_write(a, &proto_custom_job, parse(a, whole), &o), JVAL_COMPACT).ptr,
            masks[i].out);
    }
}

static void a_mask_with_an_unknown_path_is_refused(void **state)
{
    static const char *const paths[] = { "nope", "jobSpec.nope", "name.x", "name,,state" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        AUTO_PTR(arena) a = arena_new();
        struct refusal r = { .a = a };
        struct proto_mask *mask = NULL;

        assert_int_equal(proto_mask(&r, &proto_custom_job, str_of(paths[i]), &mask), -ERR_INVALID);
    }
}

static void output_leaves_defaults_out_and_numbers_enums_on_request(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    const struct proto_write_options numbers = { .enums_as_numbers = true };
    struct jval *v = proto_write(a, &proto_custom_job, parse(a, whole), &numbers);

    (void)state;
    assert_int_equal(jval_int(jval_get(v, "state")), 3);
    assert_int_equal(jval_int(jval_path(v, "jobSpec.workerPoolSpecs.0.machineSpec.acceleratorType")), 11);
    assert_null(jval_path(v, "jobSpec.enableWebAccess"));
    assert_null(jval_path(v, "jobSpec.serviceAccount"));
    assert_int_equal(jval_len(jval_path(v, "jobSpec.workerPoolSpecs")), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(input_in_any_accepted_form_becomes_canonical),
        cmocka_unit_test(wrong_input_is_refused_in_googles_words),
        cmocka_unit_test(a_mask_keeps_what_it_names),
        cmocka_unit_test(a_mask_with_an_unknown_path_is_refused),
        cmocka_unit_test(output_leaves_defaults_out_and_numbers_enums_on_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
