/* The emulator over HTTP on loopback: jobs really run as processes of this machine. */
#include "../test.h"

#include <stdio.h>
#include <unistd.h>

#include "base/jval.h"
#include "emulator/emulator.h"
#include "io/real.h"

enum { DEADLINE_MS = 30000 };

#define JOBS "/v1/projects/p/locations/us-central1/customJobs"

struct world {
    struct io *io;
    struct arena *a;
    char folder[FOLDER_SIZE];
    struct emulator_options options;
    struct emulator *m;
    struct http_server *server;
};

static void world_up(struct world *w)
{
    struct http_server_options o = { .handler = emulator_handle };
    struct err e = { 0 };

    must(emulator_new(w->io, &w->options, &w->m, &e), &e);
    o.ctx = w->m;
    assert_int_equal(http_listen(w->io, &o, &w->server, &e), 0);
    emulator_start(w->m);
}

static void world_down(struct world *w)
{
    http_server_close(w->server);
    emulator_free(w->m);
}

/* One request; @body NULL for none. The status, and the answer as JSON (NULL when it is not). */
static int call(struct world *w, const char *method, const char *path, const char *body, struct jval **ret)
{
    struct http_header type = { STR("Content-Type"), STR("application/json") };
    struct http_request req = { .method = method, .headers = &type, .header_count = 1 };
    struct http_reply reply = { 0 };
    struct err e = { 0 };

    req.url = arena_printf(w->a, "http://127.0.0.1:%d%s", http_server_port(w->server), path);
    req.body = str_of(body);
    if (http_send(w->io, w->a, &req, &reply, &e))
        fail_msg("%s %s: %s", method, path, e.msg);
    if (ret && jval_from_json(w->a, reply.body, "answer", NULL, ret, &e))
        fail_msg("%s %s: %s: %.*s", method, path, e.msg, STR_ARG(reply.body));
    return reply.status;
}

static const char *text_of(const struct jval *v, const char *path)
{
    struct str s = jval_str(jval_path(v, path));

    return s.ptr ? s.ptr : "";
}

static const char *job_body(struct world *w, const char *name, const char *container)
{
    return arena_printf(
        w->a,
        "{\"displayName\":\"%s\",\"labels\":{\"kind\":\"%s\"},\"jobSpec\":{\"workerPoolSpecs\":[{"
        "\"replicaCount\":1,\"machineSpec\":{\"machineType\":\"n1-standard-4\"},\"containerSpec\":%s}]}}",
        name, name, container);
}

/* Create and give the path of the job ("/v1/projects/N/..."). */
static const char *create(struct world *w, const char *body)
{
    struct jval *v = NULL;

    if (call(w, "POST", JOBS, body, &v) != 200)
        fail_msg("create: %s", text_of(v, "error.message"));
    assert_string_equal(text_of(v, "state"), "JOB_STATE_PENDING");
    return arena_printf(w->a, "/v1/%s", text_of(v, "name"));
}

static struct jval *wait_for(struct world *w, const char *path, const char *state)
{
    int64_t until = io_now_ms(w->io) + DEADLINE_MS;
    struct jval *v = NULL;
    struct err e;

    for (;;) {
        assert_int_equal(call(w, "GET", path, NULL, &v), 200);
        if (strcmp(text_of(v, "state"), state) == 0)
            return v;
        if (io_now_ms(w->io) > until)
            fail_msg("still %s, not %s: %s", text_of(v, "state"), state, text_of(v, "error.message"));
        assert_int_equal(io_sleep(w->io, 10, &e), 0);
    }
}

static struct jval *entries(struct world *w, const char *job_path, const char *more)
{
    const char *id = strrchr(job_path, '/') + 1;
    struct jval *v = NULL;
    int status =
        call(w, "POST", "/v2/entries:list",
             arena_printf(w->a,
                          "{\"resourceNames\":[\"projects/p\"],\"pageSize\":1000,\"filter\":"
                          "\"resource.type=\\\"ml_job\\\" AND resource.labels.job_id=\\\"%s\\\"%s\"}",
                          id, more),
             &v);

    if (status != 200)
        fail_msg("%s", text_of(v, "error.message"));
    return v;
}

/* Every line of the programs, one below the other. */
static const char *output(struct world *w, const char *job_path)
{
    struct jval *v = entries(w, job_path, " AND NOT resource.labels.task_name=\\\"service\\\"");
    const char *all = "";

    for (size_t i = 0; i < jval_len(jval_get(v, "entries")); i++)
        all = arena_printf(w->a, "%s%s\n", all,
                           text_of(jval_at(jval_get(v, "entries"), i), "jsonPayload.message"));
    return all;
}

typedef void (*body_fn)(struct world *w);

static int world_main(struct io *io, void *arg, struct err *e)
{
    struct world w = { .io = io, .a = arena_new() };
    body_fn *body = arg;

    (void)e;
    folder_make(w.folder);
    w.options = (struct emulator_options){ .data_dir = w.folder, .speed = 1e9, .fast_and_unsafe_db = true };
    world_up(&w);
    (*body)(&w);
    world_down(&w);
    folder_remove(w.folder);
    arena_free(w.a);
    return 0;
}

static void in_world(body_fn body)
{
    struct err e = { 0 };

    assert_int_equal(io_real_run(world_main, &body, &e), 0);
}

/* --- jobs that run
 * ------------------------------------------------------------------------------------------- */

static void succeed(struct world *w)
{
    const char *path =
        create(w, job_body(w, "a",
                           "{\"imageUri\":\"i\",\"command\":[\"sh\",\"-c\",\"echo hi $A $AB\"],"
                           "\"env\":[{\"name\":\"A\",\"value\":\"x\"},"
                           "{\"name\":\"AB\",\"value\":\"$(A)y $$(A) $(NO)\"}]}"));
    struct jval *v = wait_for(w, path, "JOB_STATE_SUCCEEDED");

    assert_true(strlen(text_of(v, "startTime")) > 0);
    assert_true(strlen(text_of(v, "endTime")) > 0);
    assert_null(jval_get(v, "error"));
    assert_string_equal(output(w, path), "hi x xy $(A) $(NO)\n");
}

static void a_job_runs_its_command_and_succeeds(void **state)
{
    (void)state;
    in_world(succeed);
}

static void fail_job(struct world *w)
{
    const char *path = create(
        w, job_body(w, "a", "{\"imageUri\":\"i\",\"command\":[\"sh\",\"-c\",\"echo boom >&2; exit 3\"]}"));
    struct jval *v = wait_for(w, path, "JOB_STATE_FAILED");

    assert_int_equal(jval_int(jval_path(v, "error.code")), 3);
    assert_non_null(
        strstr(text_of(v, "error.message"),
               "The replica workerpool0-0 exited with a non-zero status of 3. Termination reason: Error. "
               "boom To find out more"));
    v = entries(w, path, " AND severity>=ERROR");
    assert_int_equal(jval_len(jval_get(v, "entries")), 1);
}

static void a_failed_job_tells_status_and_last_lines(void **state)
{
    (void)state;
    in_world(fail_job);
}

static void start_error(struct world *w)
{
    struct jval *v =
        wait_for(w, create(w, job_body(w, "a", "{\"imageUri\":\"nowhere\"}")), "JOB_STATE_FAILED");

    assert_non_null(strstr(text_of(v, "error.message"), "status of 128. Termination reason: StartError."));
    v = wait_for(w, create(w, job_body(w, "b", "{\"imageUri\":\"i\",\"command\":[\"no-such-program\"]}")),
                 "JOB_STATE_FAILED");
    assert_non_null(
        strstr(text_of(v, "error.message"), "exec: \"no-such-program\": executable file not found"));
}

static void an_unknown_image_without_a_command_does_not_start(void **state)
{
    (void)state;
    in_world(start_error);
}

static const char *create_builtin(struct world *w, const char *command)
{
    return create(w, job_body(w, "a", arena_printf(w->a, "{\"imageUri\":\"i\",\"command\":%s}", command)));
}

static void slept(struct world *w)
{
    const char *ends = create_builtin(w, "[\":sleep\",\"0\"]"),
               *fails = create_builtin(w, "[\":sleep\",\"0\",\"3\"]"),
               *stays = create_builtin(w, "[\":sleep\",\"1000\"]");
    struct jval *v = NULL;

    wait_for(w, ends, "JOB_STATE_SUCCEEDED");
    v = wait_for(w, fails, "JOB_STATE_FAILED");
    assert_non_null(strstr(text_of(v, "error.message"), "exited with a non-zero status of 3."));
    wait_for(w, stays, "JOB_STATE_RUNNING");
    assert_int_equal(call(w, "POST", arena_printf(w->a, "%s:cancel", stays), "{}", &v), 200);
    wait_for(w, stays, "JOB_STATE_CANCELLED");
}

static void a_job_may_sleep_without_a_process(void **state)
{
    (void)state;
    in_world(slept);
}

static void wrong_sleep(struct world *w)
{
    static const char *const wrong[] = { "[\":sleep\"]",
                                         "[\":sleep\",\"-1\"]",
                                         "[\":sleep\",\"x\"]",
                                         "[\":sleep\",\"31536001\"]",
                                         "[\":sleep\",\"1\",\"256\"]",
                                         "[\":sleep\",\"1\",\"2\",\"3\"]" };
    struct jval *v;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        v = wait_for(w, create_builtin(w, wrong[i]), "JOB_STATE_FAILED");
        assert_non_null(
            strstr(text_of(v, "error.message"), "status of 128. Termination reason: StartError."));
        assert_non_null(strstr(text_of(v, "error.message"), ":sleep takes SECONDS"));
    }
    v = wait_for(w, create_builtin(w, "[\":nap\"]"), "JOB_STATE_FAILED");
    assert_non_null(strstr(text_of(v, "error.message"), "\":nap\" is not a program of the emulator"));
}

static void a_built_in_program_is_told_what_is_wrong(void **state)
{
    (void)state;
    in_world(wrong_sleep);
}

static void retried(struct world *w)
{
    /* the folder is the job's HOME: the third run finds two marks and succeeds */
    const char *path = create(
        w,
        job_body(
            w, "a",
            "{\"imageUri\":\"i\",\"command\":[\"sh\",\"-c\",\"[ -e two ] && exit 0; [ -e one ] && touch two; "
            "touch one; exit 139\"]}"));

    wait_for(w, path, "JOB_STATE_SUCCEEDED");
}

static void a_crash_restarts_the_whole_job(void **state)
{
    (void)state;
    in_world(retried);
}

static void cancelled(struct world *w)
{
    const char *path = create(w, job_body(w, "a", "{\"imageUri\":\"i\",\"command\":[\"sleep\",\"1000\"]}"));
    struct jval *v = NULL;

    wait_for(w, path, "JOB_STATE_RUNNING");
    assert_int_equal(call(w, "DELETE", path, NULL, &v), 400);
    assert_string_equal(text_of(v, "error.status"), "FAILED_PRECONDITION");
    assert_int_equal(call(w, "POST", arena_printf(w->a, "%s:cancel", path), "{}", &v), 200);
    v = wait_for(w, path, "JOB_STATE_CANCELLED");
    assert_int_equal(jval_int(jval_path(v, "error.code")), 1);
    assert_int_equal(call(w, "POST", arena_printf(w->a, "%s:cancel", path), "{}", &v), 200);
    assert_int_equal(call(w, "DELETE", path, NULL, &v), 200);
    assert_true(jval_bool(jval_get(v, "done")));
    assert_int_equal(call(w, "GET", arena_printf(w->a, "/ui/%s", text_of(v, "name")), NULL, &v), 200);
    assert_int_equal(call(w, "GET", path, NULL, &v), 404);
    assert_string_equal(text_of(v, "error.status"), "NOT_FOUND");
}

static void a_running_job_can_be_cancelled_then_deleted(void **state)
{
    (void)state;
    in_world(cancelled);
}

static void two_pools(struct world *w)
{
    static const char pool[] = "{\"replicaCount\":%d,\"machineSpec\":{\"machineType\":\"n1-standard-4\"},"
                               "\"containerSpec\":{\"imageUri\":\"i\",\"command\":[\"sh\",\"-c\",\"%s\"]}}";
    char primary[400], workers[400];
    const struct jval *spec;
    const char *path;

    snprintf(primary, sizeof(primary), pool, 1, "sleep 0.2; echo $CLUSTER_SPEC");
    snprintf(workers, sizeof(workers), pool, 2, "sleep 1000");
    path = create(w, arena_printf(w->a, "{\"displayName\":\"d\",\"jobSpec\":{\"workerPoolSpecs\":[%s,%s]}}",
                                  primary, workers));
    wait_for(w, path, "JOB_STATE_SUCCEEDED"); /* although the workers never end by themselves */
    spec = jval_path(entries(w, path, " AND resource.labels.task_name=\\\"workerpool0-0\\\""),
                     "entries.0.jsonPayload");
    assert_int_equal(jval_len(jval_path(spec, "cluster.workerpool0")), 1);
    assert_int_equal(jval_len(jval_path(spec, "cluster.workerpool1")), 2);
    assert_string_equal(text_of(spec, "task.type"), "workerpool0");
}

static void the_end_of_the_primary_ends_the_workers(void **state)
{
    (void)state;
    in_world(two_pools);
}

static void timed_out(struct world *w)
{
    const char *body =
        "{\"displayName\":\"d\",\"jobSpec\":{\"scheduling\":{\"timeout\":\"0.2s\"},\"workerPoolSpecs\":[{"
        "\"replicaCount\":1,\"machineSpec\":{\"machineType\":\"n1-standard-4\"},\"containerSpec\":{"
        "\"imageUri\":\"i\",\"command\":[\"sleep\",\"1000\"]}}]}}";
    struct jval *v = wait_for(w, create(w, body), "JOB_STATE_FAILED");

    assert_int_equal(jval_int(jval_path(v, "error.code")), 4);
}

static void a_job_over_its_time_is_stopped(void **state)
{
    (void)state;
    in_world(timed_out);
}

static void restarted(struct world *w)
{
    const char *path = create(w, job_body(w, "a",
                                          "{\"imageUri\":\"i\",\"command\":[\"sh\",\"-c\",\"[ -e mark ] && "
                                          "exit 0; touch mark; sleep 1000\"]}"));
    int64_t until = io_now_ms(w->io) + DEADLINE_MS;
    struct err e;

    wait_for(w, path, "JOB_STATE_RUNNING");
    while (access(arena_printf(w->a, "%s/home/mark", w->folder), F_OK) != 0 && io_now_ms(w->io) < until)
        assert_int_equal(io_sleep(w->io, 10, &e), 0);
    world_down(w);
    world_up(w);
    wait_for(w, path, "JOB_STATE_SUCCEEDED");
}

static void a_live_job_is_taken_up_after_a_restart(void **state)
{
    (void)state;
    in_world(restarted);
}

/* --- the rest of the surface
 * ---------------------------------------------------------------------------------- */

static void listed(struct world *w)
{
    const char *sleep = "{\"imageUri\":\"i\",\"command\":[\"sleep\",\"1000\"]}";
    const char *first = create(w, job_body(w, "a", sleep)), *second = create(w, job_body(w, "b", sleep)),
               *token;
    struct jval *v = NULL;

    assert_int_equal(call(w, "GET", JOBS "?pageSize=1&readMask=name", NULL, &v), 200);
    assert_int_equal(jval_len(jval_get(v, "customJobs")), 1);
    assert_int_equal(jval_len(jval_path(v, "customJobs.0")), 1);
    assert_string_equal(text_of(v, "customJobs.0.name"), second + 4); /* newest first */
    token = text_of(v, "nextPageToken");
    create(w, job_body(w, "c", sleep)); /* does not shift the next page */
    assert_int_equal(call(w, "GET", arena_printf(w->a, JOBS "?pageSize=1&pageToken=%s", token), NULL, &v),
                     200);
    assert_string_equal(text_of(v, "customJobs.0.name"), first + 4);
    assert_null(jval_get(v, "nextPageToken"));
    assert_int_equal(
        call(w, "GET", arena_printf(w->a, JOBS "?pageToken=%s&filter=state%%3DRUNNING", token), NULL, &v),
        400);
    assert_int_equal(call(w, "GET",
                          JOBS "?filter=labels.kind%3D%22a%22%20AND%20NOT%20state%3D%22JOB_STATE_FAILED%22",
                          NULL, &v),
                     200);
    assert_int_equal(jval_len(jval_get(v, "customJobs")), 1);
    assert_string_equal(text_of(v, "customJobs.0.displayName"), "a");
    assert_int_equal(call(w, "GET", JOBS "?filter=update_time%3D1", NULL, &v), 400);
    assert_string_equal(text_of(v, "error.message"), "Invalid filter: unknown field \"update_time\".");
    assert_int_equal(call(w, "GET", JOBS "?%24alt=json%3Benum-encoding%3Dint", NULL, &v), 200);
    assert_true(jval_is(jval_path(v, "customJobs.0.state"), JVAL_INT));
    assert_int_equal(call(w, "GET", "/v1/projects/p/locations/europe-west4/customJobs", NULL, &v), 200);
    assert_int_equal(jval_len(v), 0);
}

static void lists_are_filtered_paged_and_masked(void **state)
{
    (void)state;
    in_world(listed);
}

static int get_with(struct world *w, const char *path, const char *header, const char *value,
                    struct jval **ret)
{
    struct http_header h = { str_of(header), str_of(value) };
    struct http_request req = { .headers = &h, .header_count = header ? 1 : 0 };
    struct http_reply reply = { 0 };
    struct err e = { 0 };

    req.url = arena_printf(w->a, "http://127.0.0.1:%d%s", http_server_port(w->server), path);
    assert_int_equal(http_send(w->io, w->a, &req, &reply, &e), 0);
    if (ret)
        assert_int_equal(jval_from_json(w->a, reply.body, "answer", NULL, ret, &e), 0);
    return reply.status;
}

static void tokens(struct world *w)
{
    static const char path[] = "/computeMetadata/v1/instance/service-accounts/default/token?scopes=x";
    struct jval *v = NULL;
    const char *token;

    world_down(w);
    w->options.require_auth = true;
    w->options.gcp_project = "p";
    world_up(w);
    assert_int_equal(get_with(w, path, NULL, NULL, NULL), 403);
    assert_int_equal(get_with(w, path, "Metadata-Flavor", "Google", &v), 200);
    token = arena_printf(w->a, "Bearer %s", text_of(v, "access_token"));
    assert_int_equal(get_with(w, JOBS, NULL, NULL, &v), 401);
    assert_string_equal(text_of(v, "error.status"), "UNAUTHENTICATED");
    assert_int_equal(get_with(w, JOBS, "Authorization", "Bearer nonsense", &v), 401);
    assert_int_equal(get_with(w, JOBS, "Authorization", token, &v), 200);
    world_down(w);
    world_up(w);
    assert_int_equal(get_with(w, JOBS, "Authorization", token, &v), 200); /* tokens live over a restart */
}

static void callers_need_a_token_when_asked_for(void **state)
{
    (void)state;
    in_world(tokens);
}

static void errors(struct world *w)
{
    struct jval *v = NULL;

    assert_int_equal(call(w, "POST", JOBS, "{nonsense", &v), 400);
    assert_string_equal(text_of(v, "error.status"), "INVALID_ARGUMENT");
    assert_int_equal(call(w, "POST", JOBS, "{\"jobSpec\":{\"foo\":null}}", &v), 400);
    assert_non_null(strstr(text_of(v, "error.message"), "Unknown name \"foo\" at 'custom_job.job_spec'"));
    assert_int_equal(call(w, "POST", JOBS, "{}", &v), 400);
    assert_string_equal(text_of(v, "error.details.0.fieldViolations.0.field"), "display_name");
    assert_int_equal(call(w, "GET", "/v1/projects/p/locations/us-central1/models", NULL, &v), 404);
    assert_int_equal(call(w, "GET", JOBS "/12", NULL, &v), 404);
    assert_int_equal(call(w, "PATCH", JOBS "/12", "{}", &v), 404);
    assert_int_equal(call(w, "GET", "/ui/projects/p/locations/us-central1", NULL, &v), 200);
    assert_string_equal(text_of(v, "locationId"), "us-central1");
}

static void errors_have_googles_shape(void **state)
{
    (void)state;
    in_world(errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_runs_its_command_and_succeeds),
        cmocka_unit_test(a_failed_job_tells_status_and_last_lines),
        cmocka_unit_test(an_unknown_image_without_a_command_does_not_start),
        cmocka_unit_test(a_job_may_sleep_without_a_process),
        cmocka_unit_test(a_built_in_program_is_told_what_is_wrong),
        cmocka_unit_test(a_crash_restarts_the_whole_job),
        cmocka_unit_test(a_running_job_can_be_cancelled_then_deleted),
        cmocka_unit_test(the_end_of_the_primary_ends_the_workers),
        cmocka_unit_test(a_job_over_its_time_is_stopped),
        cmocka_unit_test(a_live_job_is_taken_up_after_a_restart),
        cmocka_unit_test(lists_are_filtered_paged_and_masked),
        cmocka_unit_test(callers_need_a_token_when_asked_for),
        cmocka_unit_test(errors_have_googles_shape),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
