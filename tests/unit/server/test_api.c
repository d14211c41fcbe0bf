/* server: the API as a client meets it: over HTTP in the simulated world. */
#include "api.h"

#define MAKE_QUEUE                                                                                           \
    "mutation{createRunQueue(input:{entityName:\"ann\",projectName:\"model-registry\",queueName:\"q\","      \
    "access:PROJECT}){success queueID}}"
#define PUSH                                                                                                 \
    "mutation{pushToRunQueueByName(input:{entityName:\"ann\",projectName:\"model-registry\",queueName:"      \
    "\"q\","                                                                                                 \
    "runSpec:\"{\\\"entity\\\":\\\"ann\\\",\\\"project\\\":\\\"Demo\\\"}\"}){runQueueItemId runSpec}}"
#define POP                                                                                                  \
    "mutation{popFromRunQueue(input:{entityName:\"ann\",projectName:\"model-registry\",queueName:\"q\"})"    \
    "{runQueueItemId runSpec}}"

static const char *push(struct api *t)
{
    return jval_str(data(t, t->ann, PUSH, "pushToRunQueueByName.runQueueItemId")).ptr;
}

/* --- doors --- */

static void doors_test(struct world *w)
{
    struct api t;
    const char *url;
    struct http_reply r;

    api_open(&t, w);
    url = arena_printf(w->a, "%s/graphql", t.base);
    assert_non_null(t.admin);
    assert_int_equal(secret_len(t.admin), 40);
    assert_int_equal(request(&t, "POST", url, NULL, "{}").status, 401);
    {
        AUTO_PTR(secret) wrong = secret_new(STR("0000000000000000000000000000000000000000"));

        r = request(&t, "POST", url, wrong, "{}");
        assert_int_equal(r.status, 401);
        assert_true(str_find(r.body, STR("{\"errors\":[{\"message\":")) == 0);
    }
    r = request(&t, "POST", url, t.ann, "nonsense");
    assert_int_equal(r.status, 400);
    assert_true(str_find(r.body, STR("is not JSON")) > 0);
    assert_int_equal(request(&t, "POST", url, t.ann, "[]").status, 400);
    assert_int_equal(request(&t, "GET", arena_printf(w->a, "%s/nowhere", t.base), t.ann, "").status, 404);
    assert_int_equal(request(&t, "GET", arena_printf(w->a, "%s/readyz", t.base), NULL, "").status, 200);
    is_text(data(&t, t.ann, "{viewer{username}}", "viewer.username"), "ann");
    api_close(&t);
}

static void a_request_needs_a_known_key_and_a_json_body(void **state)
{
    world_run(doors_test);
}

static void members_test(struct world *w)
{
    struct api t;
    const char *look = "{project(entityName:\"ann\",name:\"model-registry\"){runQueue(name:\"q\"){name}}}";
    const char *item;
    int status = 0;

    api_open(&t, w);
    (void)data(&t, t.ann, MAKE_QUEUE, "");
    item = push(&t);
    assert_true(jval_is(data(&t, t.bob, look, "project"), JVAL_NULL));
    is_text(data(&t, t.admin, look, "project.runQueue.name"), "q");
    (void)ask(&t, t.bob, &status, PUSH);
    assert_int_equal(status, 404);
    (void)ask(&t, t.bob, &status, POP);
    assert_int_equal(status, 404);
    (void)ask(&t, t.bob, &status,
              arena_printf(w->a, "mutation{stopRunQueueItem(input:{runQueueItemId:\"%s\"}){success}}", item));
    assert_int_equal(status, 404);
    assert_true(
        jval_is(data(&t, t.bob, arena_printf(w->a, "{runQueueItem(id:\"%s\"){state}}", item), "runQueueItem"),
                JVAL_NULL));
    api_close(&t);
}

static void a_user_sees_only_its_own_entity_and_an_admin_all(void **state)
{
    world_run(members_test);
}

/* --- items --- */

static void life_test(struct world *w)
{
    static const char *const states[] = { "PENDING", "LEASED", "CLAIMED", "RUNNING", "FINISHED" };
    struct api t;
    const struct jval *history;
    const char *item;

    api_open(&t, w);
    (void)data(&t, t.ann, MAKE_QUEUE, "");
    item = push(&t);
    is_text(data(&t, t.ann, POP, "popFromRunQueue.runQueueItemId"), item);
    (void)data(
        &t, t.ann,
        arena_printf(
            w->a, "mutation{ackRunQueueItem(input:{runQueueItemId:\"%s\",runName:\"run1\"}){success}}", item),
        "");
    (void)data(&t, t.ann,
               arena_printf(w->a,
                            "mutation{noteRunQueueItem(input:{runQueueItemId:\"%s\",message:\"on Vertex\","
                            "running:true}){success}}",
                            item),
               "");
    for (int i = 0; i < 2; i++) /* repeated after a lost answer */
        assert_true(jval_bool(data(&t, t.ann,
                                   arena_printf(w->a,
                                                "mutation{finishRunQueueItem(input:{runQueueItemId:\"%s\","
                                                "outcome:FINISHED}){success}}",
                                                item),
                                   "finishRunQueueItem.success")));
    history =
        data(&t, t.ann, arena_printf(w->a, "{runQueueItem(id:\"%s\"){history{at state by note}}}", item),
             "runQueueItem.history");
    assert_int_equal(jval_len(history), ARRAY_LEN(states));
    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        is_text(jval_get(jval_at(history, i), "state"), states[i]);
    is_text(data(&t, t.ann, "{project(entityName:\"ann\",name:\"demo\"){run(name:\"run1\"){state}}}",
                 "project.run.state"),
            "finished");
    api_close(&t);
}

static void an_items_life_can_be_read_from_its_history(void **state)
{
    world_run(life_test);
}

static void push_later(void *arg)
{
    struct api *t = arg;

    if (io_sleep(t->w->io, 5000, NULL) == 0)
        (void)push(t);
}

static void wait_test(struct world *w)
{
    struct api t;
    struct group *g = group_new(w->io);
    int64_t begun;

    api_open(&t, w);
    (void)data(&t, t.ann, MAKE_QUEUE, "");
    begun = io_now_ms(w->io);
    assert_true(jval_is(data(&t, t.ann, POP, "popFromRunQueue"), JVAL_NULL));
    assert_true(io_now_ms(w->io) - begun >= 20000); /* nothing came: the whole wait */

    group_spawn(g, "push later", push_later, &t);
    begun = io_now_ms(w->io);
    assert_non_null(jval_str(data(&t, t.ann, POP, "popFromRunQueue.runQueueItemId")).ptr);
    assert_in_range(io_now_ms(w->io) - begun, 5000, 6000);
    group_wait(g);
    group_free(g);
    api_close(&t);
}

static void a_waiting_pop_is_answered_when_an_item_comes(void **state)
{
    world_run(wait_test);
}

static void lease_test(struct world *w)
{
    struct api t;
    const char *item;
    struct err e = { 0 };

    api_open(&t, w);
    (void)data(&t, t.ann, MAKE_QUEUE, "");
    item = push(&t);
    is_text(data(&t, t.ann, POP, "popFromRunQueue.runQueueItemId"), item);
    must(io_sleep(w->io, 55000, &e), &e);
    is_text(data(&t, t.ann, POP, "popFromRunQueue.runQueueItemId"),
            item); /* waits for the lease to run out */
    api_close(&t);
}

static void an_item_that_is_not_acknowledged_goes_to_the_next_agent(void **state)
{
    world_run(lease_test);
}

static void clock_test(struct world *w)
{
    struct api t;
    const char *item;
    struct err e = { 0 };

    api_open(&t, w);
    (void)data(&t, t.ann, MAKE_QUEUE, "");
    item = push(&t);
    is_text(data(&t, t.ann, POP, "popFromRunQueue.runQueueItemId"), item);
    sim_node_set_clock(w->node, 3 * 60 * 60 * 1000, 0);
    must(io_sleep(w->io, 30000, &e), &e);
    assert_true(jval_is(data(&t, t.ann, POP, "popFromRunQueue"), JVAL_NULL));
    sim_node_set_clock(w->node, -3 * 60 * 60 * 1000, 0);
    must(io_sleep(w->io, 40000, &e), &e);
    is_text(data(&t, t.ann, POP, "popFromRunQueue.runQueueItemId"), item);
    api_close(&t);
}

static void a_clock_that_is_set_ends_no_lease_and_keeps_none(void **state)
{
    world_run(clock_test);
}

static void refuse_test(struct world *w)
{
    static const struct {
        const char *document, *says;
    } rows[] = {
        { "mutation{pushToRunQueueByName(input:{entityName:\"ann\",projectName:\"model-registry\",queueName:"
          "\"q\","
          "priority:0,runSpec:\"{}\"}){runQueueItemId}}",
          "no priorities" },
        { "mutation{pushToRunQueueByName(input:{entityName:\"ann\",projectName:\"model-registry\",queueName:"
          "\"q\","
          "runSpec:\"[]\"}){runQueueItemId}}",
          "must be a JSON object" },
        { "mutation{pushToRunQueueByName(input:{entityName:\"ann\",projectName:\"model-registry\",queueName:"
          "\"q\","
          "templateVariableValues:\"{\\\"x\\\":1}\",runSpec:\"{}\"}){runQueueItemId}}",
          "no template variable \"x\"" },
        { "mutation{createRunQueue(input:{entityName:\"ann\",projectName:\"model-registry\",queueName:\"a/"
          "b\","
          "access:PROJECT}){success}}",
          "bad queue name" },
        { "mutation{createDefaultResourceConfig(input:{entityName:\"ann\",resource:\"vertex\",config:\"{\"})"
          "{success}}",
          "config" },
    };
    struct api t;

    api_open(&t, w);
    (void)data(&t, t.ann, MAKE_QUEUE, "");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int status = 0;
        const struct jval *answer = ask(&t, t.ann, &status, rows[i].document);

        assert_int_equal(status, 400);
        if (str_find(jval_str(jval_path(answer, "errors.0.message")), str_of(rows[i].says)) < 0)
            fail_msg("row %zu: %s", i, jval_text(w->a, answer, JVAL_COMPACT).ptr);
    }
    api_close(&t);
}

static void wrong_input_is_refused_with_its_reason(void **state)
{
    world_run(refuse_test);
}

/* --- runs --- */

static void files_test(struct world *w)
{
    struct api t;
    struct http_reply r;
    const char *url, *stream;

    api_open(&t, w);
    (void)data(&t, t.ann, "mutation{upsertBucket(input:{name:\"r1\",modelName:\"p\"}){inserted bucket{id}}}",
               "");
    stream = arena_printf(w->a, "%s/files/ann/p/r1/file_stream", t.base);
    r = request(&t, "POST", stream, t.ann,
                "{\"files\":{\"output.log\":{\"offset\":0,\"content\":[\"hello\"]}},\"complete\":true,"
                "\"exitcode\":0}");
    assert_int_equal(r.status, 200);
    assert_string_equal(r.body.ptr, "{\"exitcode\":0,\"limits\":{},\"stopped\":false}");
    assert_int_equal(request(&t, "POST", stream, t.bob, "{}").status, 404);
    is_text(data(&t, t.ann, "{project(name:\"p\"){run(name:\"r1\"){state consoleLines}}}",
                 "project.run.consoleLines.0"),
            "hello");

    url = jval_str(data(&t, t.ann,
                        "mutation{createRunFiles(input:{entityName:\"ann\",projectName:\"p\",runName:\"r1\","
                        "files:[\"media/a b.txt\"]}){files{uploadUrl}}}",
                        "createRunFiles.files.0.uploadUrl"))
              .ptr;
    assert_int_equal(request(&t, "PUT", url, NULL, "content").status, 200);
    assert_int_equal(request(&t, "PUT", arena_printf(w->a, "%sx", url), NULL, "content").status, 403);
    r = request(&t, "GET", arena_printf(w->a, "%s/files/ann/p/r1/media/a%%20b.txt", t.base), t.ann, "");
    assert_string_equal(r.body.ptr, "content");
    api_close(&t);
}

static void a_run_streams_its_log_and_uploads_by_signed_address(void **state)
{
    world_run(files_test);
}

/* Whose run it is that @key logs with these headers. */
static const char *owner(struct api *t, const struct secret *key, const char *run, const char *name,
                         const char *email)
{
    const struct http_header headers[] = { { STR("X-WANDB-USERNAME"), str_of(name) },
                                           { STR("X-WANDB-USER-EMAIL"), str_of(email) } };
    const char *document = arena_printf(t->w->a,
                                        "{\"query\":\"mutation{upsertBucket(input:{entityName:\\\"crew\\\","
                                        "modelName:\\\"p\\\",name:\\\"%s\\\"}){bucket{user{username}}}}\"}",
                                        run);
    const struct http_request req = { .method = "POST",
                                      .url = arena_printf(t->w->a, "%s/graphql", t->base),
                                      .auth = { HTTP_AUTH_BASIC, "api", key },
                                      .headers = headers,
                                      .header_count = ARRAY_LEN(headers),
                                      .body = str_of(document),
                                      .timeout_ms = 60000 };
    struct http_reply reply = { 0 };
    struct jval *answer = NULL;
    struct err e = { 0 };

    must(http_send(t->w->io, t->w->a, &req, &reply, &e), &e);
    must(jval_from_json(t->w->a, reply.body, "answer", NULL, &answer, &e), &e);
    return arena_cstr(t->w->a, jval_str(jval_path(answer, "data.upsertBucket.bucket.user.username")));
}

static void owner_test(struct world *w)
{
    static const char *const members[] = { "ann", "eve", NULL };
    const struct admin_user_options eve = { .username = "eve", .email = "eve@example.com" },
                                    bot = { .username = "bot", .team = "crew", .role = "member" };
    const struct admin_team_options crew = { .name = "crew", .members = members };
    struct api t;
    struct err e = { 0 };

    api_open(&t, w);
    must(server_user_create(t.server, &eve, &t.keys[0], &e), &e);
    must(server_team_create(t.server, &crew, &e), &e);
    must(server_user_create(t.server, &bot, &t.keys[1], &e), &e);
    assert_string_equal(owner(&t, t.keys[1], "r1", "ann", ""), "ann");
    assert_string_equal(owner(&t, t.keys[1], "r2", "", "eve@example.com"), "eve");
    assert_string_equal(owner(&t, t.keys[1], "r3", "", ""), "bot");    /* clients send them empty */
    assert_string_equal(owner(&t, t.keys[1], "r4", "bob", ""), "bot"); /* not of the team */
    assert_string_equal(owner(&t, t.ann, "r5", "eve", ""), "ann");     /* a person speaks for itself */
    api_close(&t);
}

static void a_service_account_logs_runs_for_people_of_its_team(void **state)
{
    world_run(owner_test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_needs_a_known_key_and_a_json_body),
        cmocka_unit_test(a_user_sees_only_its_own_entity_and_an_admin_all),
        cmocka_unit_test(an_items_life_can_be_read_from_its_history),
        cmocka_unit_test(a_waiting_pop_is_answered_when_an_item_comes),
        cmocka_unit_test(an_item_that_is_not_acknowledged_goes_to_the_next_agent),
        cmocka_unit_test(a_clock_that_is_set_ends_no_lease_and_keeps_none),
        cmocka_unit_test(wrong_input_is_refused_with_its_reason),
        cmocka_unit_test(a_run_streams_its_log_and_uploads_by_signed_address),
        cmocka_unit_test(a_service_account_logs_runs_for_people_of_its_team),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
