/* Google's answers as causes, and what follows from each: reference 1.9 to 1.11 as a table. */
#include "launch/cause.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/defs.h"

static const struct {
    int http_status;
    const char *text;
    enum launch_cause cause;
    enum launch_remedy remedy;
} refusals[] = {
    { 400, "List of found errors:\t1.Field: F; Message: M\t", CAUSE_INVALID, REMEDY_FAIL },
    { 400,
      "List of found errors:\t1.Field: job_spec.worker_pool_specs[0].machine_spec; Message: M\t2.Field: "
      "F2; "
      "Message: M2\t",
      CAUSE_INVALID, REMEDY_FAIL },
    { 400, "There can be no more than 64 labels attached to a single resource. Label keys and values",
      CAUSE_INVALID, REMEDY_FAIL },
    { 400, "EnvVar names must be unique.", CAUSE_INVALID, REMEDY_FAIL },
    { 400, "Invalid value at 'custom_job.job_spec' (AcceleratorType), \"X\"", CAUSE_INVALID, REMEDY_FAIL },
    { 400, "Machine type \"a2-highgpu-1g\" needs an accelerator.", CAUSE_INVALID, REMEDY_FAIL },
    { 400, "The strategy is not supported.", CAUSE_INVALID, REMEDY_FAIL },
    { 400, "Invalid JSON payload received. Unknown name \"foo\"", CAUSE_INVALID, REMEDY_FAIL },
    { 400, "Machine type \"a2-highgpu-1g\" is not supported.", CAUSE_NOT_OFFERED, REMEDY_SKIP_RUNG },
    { 400, "You do not have permission to act as service_account: x@y. (or it may not exist).", CAUSE_DENIED,
      REMEDY_FAIL },
    { 401, "Request had invalid authentication credentials.", CAUSE_CREDENTIALS, REMEDY_WAIT },
    { 403, "Permission 'aiplatform.customJobs.create' denied", CAUSE_DENIED, REMEDY_FAIL },
    { 403, "Vertex AI API has not been used in project 1 before or it is disabled.", CAUSE_DENIED,
      REMEDY_FAIL },
    { 403, "PERMISSION_DENIED (USER_PROJECT_DENIED): caller lacks serviceusage.services.use", CAUSE_DENIED,
      REMEDY_FAIL },
    { 403, "PERMISSION_DENIED (SERVICE_DISABLED): enable it", CAUSE_DENIED, REMEDY_FAIL },
    { 401, "UNAUTHENTICATED (ACCESS_TOKEN_EXPIRED): Request had invalid authentication credentials.",
      CAUSE_CREDENTIALS, REMEDY_WAIT },
    { 404, "not found", CAUSE_INVALID, REMEDY_FAIL },
    { 409, "ABORTED", CAUSE_ABORTED, REMEDY_RETRY },
    { 429,
      "The following quota metrics exceed quota limits: "
      "aiplatform.googleapis.com/custom_model_training_cpus",
      CAUSE_QUOTA, REMEDY_NEXT_RUNG },
    { 429, "Quota exceeded for quota metric 'm' and limit 'l per minute per region' of service 's'",
      CAUSE_RATE_LIMIT, REMEDY_RETRY },
    { 429, "RATE_LIMIT_EXCEEDED", CAUSE_RATE_LIMIT, REMEDY_RETRY },
    { 429, "too much", CAUSE_QUOTA, REMEDY_NEXT_RUNG },
    { 429, "Resources are insufficient in region: r. Try a different region", CAUSE_STOCKOUT,
      REMEDY_NEXT_RUNG },
    { 500, "INTERNAL", CAUSE_OUTAGE, REMEDY_RETRY },
    { 503, "UNAVAILABLE", CAUSE_OUTAGE, REMEDY_RETRY },
    { 504, "DEADLINE_EXCEEDED", CAUSE_OUTAGE, REMEDY_RETRY },
};

static void each_refusal_of_a_create_has_its_cause_and_its_remedy(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        struct err e = { 0 };
        enum launch_cause cause;

        (void)!err_set_http(&e, refusals[i].http_status, "%s", refusals[i].text);
        cause = launch_cause_of_create(&e);
        if (cause != refusals[i].cause || launch_remedy(cause) != refusals[i].remedy)
            fail_msg("%d %s: %s", refusals[i].http_status, refusals[i].text, launch_cause_name(cause));
    }
    assert_int_equal(launch_cause_of_create(NULL), CAUSE_OUTAGE);
    assert_int_equal(launch_cause_of_create(&(struct err){ .code = ERR_NET }), CAUSE_OUTAGE);
}

static void a_429_with_a_time_to_come_again_is_a_rate(void **state)
{
    const struct err hinted = { .code = ERR_THROTTLED, .retry_after_ms = 7000 };

    const struct err machines = { .code = ERR_THROTTLED,
                                  .retry_after_ms = 7000,
                                  .msg = "The following quota metrics exceed quota limits: x" };

    assert_int_equal(launch_cause_of_create(&hinted), CAUSE_RATE_LIMIT);
    assert_int_equal(launch_cause_of_create(&machines), CAUSE_QUOTA); /* the words go before the hint */
}

static void each_cause_has_its_name_and_its_remedy(void **state)
{
    static const struct {
        const char *name;
        enum launch_remedy remedy;
        bool may_be_long;
    } rows[CAUSE_COUNT] = {
        [CAUSE_NONE] = { "none", REMEDY_FAIL, false },
        [CAUSE_OUTAGE] = { "outage", REMEDY_RETRY, false },
        [CAUSE_RATE_LIMIT] = { "rate_limit", REMEDY_RETRY, false },
        [CAUSE_ABORTED] = { "aborted", REMEDY_RETRY, false },
        [CAUSE_QUOTA] = { "quota", REMEDY_NEXT_RUNG, true },
        [CAUSE_STOCKOUT] = { "stockout", REMEDY_NEXT_RUNG, true },
        [CAUSE_NOT_OFFERED] = { "not_offered", REMEDY_SKIP_RUNG, false },
        [CAUSE_CREDENTIALS] = { "credentials", REMEDY_WAIT, false },
        [CAUSE_DENIED] = { "denied", REMEDY_FAIL, false },
        [CAUSE_INVALID] = { "invalid", REMEDY_FAIL, false },
        [CAUSE_PREEMPTED] = { "preempted", REMEDY_RESUME, true },
        [CAUSE_PROGRAM] = { "program", REMEDY_FAIL, false },
        [CAUSE_OUT_OF_MEMORY] = { "out_of_memory", REMEDY_FAIL, false },
        [CAUSE_CANNOT_START] = { "cannot_start", REMEDY_FAIL, false },
        [CAUSE_INTERNAL] = { "internal", REMEDY_FAIL, false },
        [CAUSE_START_TIMEOUT] = { "start_timeout", REMEDY_NEXT_RUNG, true },
        [CAUSE_DEADLINE] = { "deadline", REMEDY_FAIL, false },
        [CAUSE_GONE] = { "gone", REMEDY_FAIL, false },
    };

    for (int c = 0; c < CAUSE_COUNT; c++) {
        assert_string_equal(launch_cause_name(c), rows[c].name);
        assert_int_equal(launch_remedy(c), rows[c].remedy);
        assert_int_equal(launch_cause_is_capacity(c), rows[c].may_be_long);
    }
}

static void each_end_of_a_job_has_its_cause(void **state)
{
#define STOCKOUT_TEXT "Resources are insufficient in region: us-central1. Try a different region"
    static const struct {
        const char *text;
        bool ran, spot;
        enum launch_cause cause;
        enum launch_remedy remedy;
    } rows[] = {
        { "The replica workerpool0-0 exited with a non-zero status of 1. Termination reason: Error.", true,
          false, CAUSE_PROGRAM, REMEDY_FAIL },
        { "... exited with a non-zero status of 128. Termination reason: StartError.", false, false,
          CAUSE_CANNOT_START, REMEDY_FAIL },
        { "The replica workerpool0-0 ran out of memory and exited with a non-zero status of 137.", true,
          false, CAUSE_OUT_OF_MEMORY, REMEDY_FAIL },
        { STOCKOUT_TEXT, false, false, CAUSE_STOCKOUT, REMEDY_NEXT_RUNG },
        { STOCKOUT_TEXT, true, false, CAUSE_STOCKOUT, REMEDY_NEXT_RUNG },
        { STOCKOUT_TEXT, false, true, CAUSE_STOCKOUT, REMEDY_NEXT_RUNG },
        { STOCKOUT_TEXT, true, true, CAUSE_PREEMPTED, REMEDY_RESUME },
        { "Internal error occurred for the current attempt.", true, true, CAUSE_INTERNAL, REMEDY_FAIL },
        { "The job exceeded its maximum running time of 60s and was stopped.", true, false, CAUSE_DEADLINE,
          REMEDY_FAIL },
        { "", true, true, CAUSE_PROGRAM, REMEDY_FAIL },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct launch_end end = { str_of(rows[i].text), rows[i].ran, rows[i].spot };
        enum launch_cause cause = launch_cause_of_end(&end);

        if (cause != rows[i].cause || launch_remedy(cause) != rows[i].remedy)
            fail_msg("%s: %s", rows[i].text, launch_cause_name(cause));
    }
}

static void cause_names_read_back(void **state)
{
    enum launch_cause back = CAUSE_NONE;

    for (int c = 0; c < CAUSE_COUNT; c++) {
        assert_true(launch_cause_parse(str_of(launch_cause_name(c)), &back));
        assert_int_equal(back, c);
        if (launch_cause_is_capacity(c)) /* who waits for long comes back */
            assert_int_not_equal(launch_remedy(c), REMEDY_FAIL);
    }
    assert_false(launch_cause_parse(STR("bad luck"), &back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_refusal_of_a_create_has_its_cause_and_its_remedy),
        cmocka_unit_test(a_429_with_a_time_to_come_again_is_a_rate),
        cmocka_unit_test(each_cause_has_its_name_and_its_remedy),
        cmocka_unit_test(each_end_of_a_job_has_its_cause),
        cmocka_unit_test(cause_names_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
