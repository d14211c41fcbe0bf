/* tests/unit/wandb/test_client.c: what goes onto the wire, and what becomes of the answers. In the simulator.
 */
#include "../test.h"

#include <stdio.h>
#include <unistd.h>

#include "base/crypto.h"
#include "io/file.h"
#include "io/sim.h"
#include "wandb/wandb.h"

#define KEY "0123456789abcdef0123456789abcdef01234567"

typedef void (*case_fn)(struct wandb *w, struct io *io);

/* A server that gives one answer and remembers the question. */
struct peer {
    const char *only_key; /* others are refused with 401; NULL: any is good */
    int calls;
    int status;
    const char *answer, *server, *retry_after;
    int64_t delay_ms;
    struct strbuf body, auth, agent, prefer, path;
    case_fn run;
    bool ran;
    const char *home;
    wandb_key_fn newer_key;
    int renewals;
};

static void keep(struct strbuf *b, struct str text)
{
    strbuf_reset(b);
    strbuf_add(b, text);
}

static struct str basic_auth(struct arena *a, const char *key)
{
    AUTO_STRBUF struct strbuf b = STRBUF(200);

    strbuf_addz(&b, "Basic ");
    strbuf_add_base64(&b, str_of(arena_printf(a, "api:%s", key)));
    return arena_str(a, strbuf_str(&b));
}

static void answer(void *ctx, struct http_exchange *x)
{
    struct peer *p = ctx;

    keep(&p->path, x->path);
    keep(&p->body, x->body);
    keep(&p->auth, http_header_get(x->headers, x->header_count, "Authorization"));
    keep(&p->agent, http_header_get(x->headers, x->header_count, "User-Agent"));
    keep(&p->prefer, http_header_get(x->headers, x->header_count, "Prefer"));
    p->calls++;
    if (p->only_key && !str_eq(strbuf_str(&p->auth), basic_auth(x->a, p->only_key))) {
        http_reply_text(x, 401, "application/json", STR("{\"error\":\"unknown key\"}"));
        return;
    }
    if (p->delay_ms && io_sleep(x->io, p->delay_ms, NULL))
        return;
    if (p->server)
        http_reply_header(x, "Server", str_of(p->server));
    if (p->retry_after)
        http_reply_header(x, "Retry-After", str_of(p->retry_after));
    http_reply_text(x, p->status, "application/json", str_of(p->answer));
}

static void run_server(struct io *io, void *arg)
{
    struct http_server *s = NULL;

    assert_int_equal(
        http_listen(io, &(struct http_server_options){ .port = 80, .handler = answer, .ctx = arg }, &s, NULL),
        0);
    while (io_sleep(io, 1000, NULL) == 0)
        continue;
    http_server_close(s);
}

static struct peer *current;

static void run_client(struct io *io, void *arg)
{
    struct peer *p = arg;
    AUTO_PTR(secret) key = secret_new(STR(KEY));
    const struct wandb_options o = { .base_url = "http://server:80",
                                     .api_key = key,
                                     .user_agent_version = "1.2.3",
                                     .newer_key = p->newer_key,
                                     .newer_key_ctx = p };
    AUTO_PTR(wandb) w = wandb_new(io, &o);

    p->run(w, io);
    p->ran = true;
}

static void with_peer(struct peer *p, case_fn run)
{
    struct sim *s = sim_new(7);
    struct sim_node *server = sim_node_new(s, "server"), *client = sim_node_new(s, "client");
    int steps = 0;

    p->body = STRBUF(100000);
    p->auth = p->agent = p->prefer = p->path = STRBUF(1000);
    p->run = run;
    p->status = p->status ? p->status : 200;
    current = p;
    if (p->home)
        sim_node_set_env(client, "HOME", p->home);
    sim_node_start(server, run_server, p);
    sim_node_start(client, run_client, p);
    while (!p->ran && steps++ < 100000 && sim_step(s))
        continue;
    assert_true(p->ran);
    sim_free(s);
    strbuf_done(&p->body);
    strbuf_done(&p->auth);
    strbuf_done(&p->agent);
    strbuf_done(&p->prefer);
    strbuf_done(&p->path);
}

/* --- requests ------------------------------------------------------------------------------------------- */

static void pop_once(struct wandb *w, struct io *io)
{
    AUTO_PTR(arena) a = arena_new();
    AUTO_STRBUF struct strbuf basic = STRBUF(200);
    const struct wandb_pop req = { STR("ent"), STR("q"), STR("agent1"), 20 };
    struct wandb_item item = { 0 };
    struct err e = { 0 };

    assert_int_equal(wandb_item_pop(w, a, &req, &item, &e), 0);
    assert_true(str_is(item.id, "i1"));
    assert_true(str_is(jval_str(jval_get(item.spec, "project")), "p"));
    assert_string_equal(
        strbuf_cstr(&current->body),
        "{\"query\":\"mutation popFromRunQueue($entity: String!, $project: String!, $queueName: String!, "
        "$launchAgentId: ID) {\\n  popFromRunQueue(\\n    input: {entityName: $entity, projectName: "
        "$project, "
        "queueName: $queueName, launchAgentId: $launchAgentId}\\n  ) {\\n    runQueueItemId\\n    runSpec\\n "
        " }"
        "\\n}\\n\",\"variables\":{\"entity\":\"ent\",\"project\":\"model-registry\",\"queueName\":\"q\","
        "\"launchAgentId\":\"agent1\"},\"operationName\":\"popFromRunQueue\"}");
    assert_string_equal(strbuf_cstr(&current->path), "/graphql");
    assert_string_equal(strbuf_cstr(&current->agent), "W&B Internal Client slipway/1.2.3");
    assert_string_equal(strbuf_cstr(&current->prefer), "wait=20");
    strbuf_addz(&basic, "Basic ");
    strbuf_add_base64(&basic, STR("api:" KEY));
    assert_string_equal(strbuf_cstr(&current->auth), strbuf_cstr(&basic));
    assert_true(wandb_is_slipway(w));
}

static void a_pop_says_who_asks_and_how_long_it_may_wait(void **state)
{
    struct peer p = {
        .answer =
            "{\"data\":{\"popFromRunQueue\":{\"runQueueItemId\":\"i1\",\"runSpec\":{\"project\":\"p\"}}}}",
        .server = "slipway/0.1.0",
        .delay_ms = 35000, /* longer than any other call may take */
    };

    (void)state;
    with_peer(&p, pop_once);
}

static void pop_empty(struct wandb *w, struct io *io)
{
    AUTO_PTR(arena) a = arena_new();
    const struct wandb_pop req = { STR("ent"), STR("q"), { 0 }, 0 };
    struct wandb_item item = { .id = STR("old") };

    assert_int_equal(wandb_item_pop(w, a, &req, &item, NULL), 0);
    assert_int_equal(item.id.len, 0);
    assert_non_null(strstr(strbuf_cstr(&current->body), "\"launchAgentId\":null"));
    assert_int_equal(current->prefer.len, 0);
    assert_false(wandb_is_slipway(w));
}

static void an_empty_queue_is_an_answer(void **state)
{
    struct peer p = { .answer = "{\"data\":{\"popFromRunQueue\":null}}", .server = "nginx" };

    (void)state;
    with_peer(&p, pop_empty);
}

static void ack_refused(struct wandb *w, struct io *io)
{
    struct err e = { 0 };

    assert_int_equal(wandb_item_ack(w, &(struct wandb_hold){ STR("i1"), 0 }, STR("abcd1234"), &e),
                     -ERR_CONFLICT);
    assert_non_null(
        strstr(strbuf_cstr(&current->body), "\"variables\":{\"itemId\":\"i1\",\"runId\":\"abcd1234\"}"));
}

static void an_ack_without_success_is_a_conflict(void **state)
{
    struct peer p = { .answer = "{\"data\":{\"ackRunQueueItem\":{\"success\":false}}}" };

    (void)state;
    with_peer(&p, ack_refused);
}

static void no_run(struct wandb *w, struct io *io)
{
    AUTO_PTR(arena) a = arena_new();
    const struct wandb_run_ref ref = { STR("e"), STR("P"), STR("r") };
    struct wandb_run_status status = { .stop_asked = true };

    assert_int_equal(wandb_run_status(w, a, &ref, &status, NULL), 0);
    assert_int_equal(status.state.len, 0);
    assert_false(status.stop_asked);
    assert_non_null(strstr(strbuf_cstr(&current->body), "{\"p0\":\"P\",\"e0\":\"e\",\"n0\":\"r\"}"));
}

static void two_runs(struct wandb *w, struct io *io)
{
    AUTO_PTR(arena) a = arena_new();
    const struct wandb_run_ref refs[] = { { STR("e"), STR("P"), STR("one") },
                                          { STR("e"), STR("P"), STR("two") } };
    struct wandb_run_status found[2] = { { .stop_asked = true } };

    assert_int_equal(wandb_run_statuses(w, a, refs, 2, found, NULL), 0);
    assert_int_equal(found[0].state.len, 0);
    assert_false(found[0].stop_asked);
    assert_true(str_is(found[1].state, "running"));
    assert_true(found[1].stop_asked);
}

static void many_runs_are_asked_for_at_once(void **state)
{
    struct peer p = { .answer = "{\"data\":{\"r0\":null,\"r1\":{\"run\":{\"state\":\"running\",\"stopped\":"
                                "true}}}}" };

    (void)state;
    with_peer(&p, two_runs);
}

static void two_stops(struct wandb *w, struct io *io)
{
    AUTO_PTR(arena) a = arena_new();
    const struct wandb_queue_ref q = { STR("e"), STR("q") };
    struct wandb_stops stops = { 0 };

    assert_int_equal(wandb_stop_requests(w, a, &q, &stops, NULL), 0);
    assert_int_equal(stops.len, 2);
    assert_true(str_is(stops.items[0].item_id, "i1"));
    assert_true(str_is(stops.items[0].run_state, "running"));
    assert_true(str_is(stops.items[1].item_id, "i2"));
    assert_int_equal(stops.items[1].run_state.len, 0);
}

static void stop_requests_of_a_queue_come_as_a_list(void **state)
{
    struct peer p = { .answer = "{\"data\":{\"project\":{\"runQueue\":{\"runQueueItems\":{\"edges\":["
                                "{\"node\":{\"id\":\"i1\",\"run\":{\"state\":\"running\"}}},"
                                "{\"node\":{\"id\":\"i2\",\"run\":null}}],"
                                "\"pageInfo\":{\"endCursor\":\"x\",\"hasNextPage\":false}}}}}}" };

    (void)state;
    with_peer(&p, two_stops);
}

static void a_run_that_is_not_there_is_an_answer(void **state)
{
    struct peer p = { .answer = "{\"data\":{\"r0\":{\"run\":null}}}" };

    (void)state;
    with_peer(&p, no_run);
}

/* --- errors --------------------------------------------------------------------------------------------- */

static const char *expected_message;
static enum err_code expected_code;
static uint32_t expected_retry_after_ms;

static void fails(struct wandb *w, struct io *io)
{
    AUTO_PTR(arena) a = arena_new();
    struct wandb_viewer viewer = { 0 };
    struct err e = { 0 };

    assert_int_equal(wandb_viewer(w, a, &viewer, &e), -(int)expected_code);
    assert_string_equal(e.msg, expected_message);
    assert_int_equal(e.http_status, current->status);
    assert_int_equal(e.retry_after_ms, expected_retry_after_ms);
}

static void errors_keep_their_words_their_place_and_their_code(void **state)
{
    static const struct {
        struct peer peer;
        enum err_code code;
        uint32_t retry_after_ms;
        const char *message;
    } cases[] = {
        { { .status = 200,
            .answer = "{\"data\":{\"viewer\":{}},\"errors\":[{\"message\":\"no\",\"path\":[\"a\",1]},{}]}" },
          ERR_INVALID,
          0,
          "Viewer: no [a.1] (and 1 more)" },
        { { .status = 403, .answer = "{\"errors\":[{\"message\":\"not yours\"}]}" },
          ERR_DENIED,
          0,
          "Viewer: not yours (HTTP 403)" },
        { { .status = 404, .answer = "{\"errors\":[{\"message\":\"no such item\"}]}" },
          ERR_NOT_FOUND,
          0,
          "Viewer: no such item (HTTP 404)" },
        /* not in a GraphQL server's form: something on the way cannot know what there is */
        { { .status = 404, .answer = "{\"error\":{\"message\":\"no route\"}}" },
          ERR_REMOTE,
          0,
          "Viewer: no route (HTTP 404)" },
        { { .status = 409, .answer = "" },
          ERR_REMOTE,
          0,
          "Viewer: http://server:80 answered HTTP 409 without a reason" },
        { { .status = 401, .answer = "{\"error\":\"bad key\"}" },
          ERR_AUTH,
          0,
          "Viewer: http://server:80 refused the API key (HTTP 401): bad key" },
        { { .status = 429, .answer = "<html>", .retry_after = "7" },
          ERR_THROTTLED,
          7000,
          "Viewer: http://server:80 answered HTTP 429 without a reason" },
        { { .status = 502, .answer = "" },
          ERR_REMOTE,
          0,
          "Viewer: http://server:80 answered HTTP 502 without a reason" },
        { { .status = 500, .answer = "{\"error\":{\"message\":\"oops\"}}" },
          ERR_REMOTE,
          0,
          "Viewer: oops (HTTP 500)" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct peer p = cases[i].peer;

        expected_message = cases[i].message;
        expected_code = cases[i].code;
        expected_retry_after_ms = cases[i].retry_after_ms;
        with_peer(&p, fails);
    }
}

static void not_an_api(struct wandb *w, struct io *io)
{
    AUTO_PTR(arena) a = arena_new();
    struct wandb_viewer viewer = { 0 };
    struct err e = { 0 };

    assert_int_equal(wandb_viewer(w, a, &viewer, &e), -ERR_PROTO);
    assert_non_null(strstr(e.msg, "is it the address of a W&B API?"));
}

static void a_page_instead_of_an_answer_is_told_as_such(void **state)
{
    struct peer p = { .answer = "<!doctype html>" };

    (void)state;
    with_peer(&p, not_an_api);
}

/* --- settings ------------------------------------------------------------------------------------------- */

static void log_in_and_load(struct wandb *w, struct io *io)
{
    AUTO_PTR(arena) a = arena_new();
    AUTO_PTR(secret) key = secret_new(STR(KEY));
    struct wandb_settings s = { 0 };
    const char *path = NULL;
    struct err e = { 0 };

    assert_int_equal(wandb_login_save(io, a, "http://127.0.0.1:9/", key, &path, &e), 0);
    assert_int_equal(wandb_settings_load(io, a, NULL, &s, &e), 0);
    assert_string_equal(s.base_url, "http://127.0.0.1:9");
    assert_string_equal(s.api_key_from, path);
    assert_true(secret_eq(s.api_key, key));
    secret_free(s.api_key);
    s.api_key = NULL;
    assert_int_equal(wandb_settings_load(io, a, "https://api.wandb.ai", &s, &e), 0);
    assert_null(s.api_key);
    assert_string_equal(s.base_url_from, "the command line");
}

static void what_login_saves_is_found_again_for_that_server_only(void **state)
{
    char home[FOLDER_SIZE], path[200];
    struct peer p = { .answer = "", .home = home };

    folder_make(home);
    with_peer(&p, log_in_and_load);
    snprintf(path, sizeof(path), "%s/.netrc", home);
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof(path), "%s/.config/wandb/settings", home);
    assert_int_equal(unlink(path), 0);
    folder_remove(home);
}

/* --- a key that rotates --------------------------------------------------------------------------------- */

#define NEW_KEY "fedcba9876543210fedcba9876543210fedcba98"
#define VIEWER  "{\"data\":{\"viewer\":{\"username\":\"ada\",\"entity\":\"ada\"}}}"

static int give_new_key(void *ctx, struct secret **ret, struct err *e)
{
    struct peer *p = ctx;

    p->renewals++;
    *ret = secret_new(STR(NEW_KEY));
    return 0;
}

static int give_old_key(void *ctx, struct secret **ret, struct err *e)
{
    struct peer *p = ctx;

    p->renewals++;
    *ret = secret_new(STR(KEY));
    return 0;
}

static int give_none_now(void *ctx, struct secret **ret, struct err *e)
{
    return err_set(e, ERR_REMOTE, "try later");
}

static void ask_twice(struct wandb *w, struct io *io)
{
    AUTO_PTR(arena) a = arena_new();
    struct wandb_viewer viewer = { 0 };
    struct err e = { 0 };

    must(wandb_viewer(w, a, &viewer, &e), &e);
    must(wandb_viewer(w, a, &viewer, &e), &e);
    assert_string_equal(secret_unwrap(wandb_api_key(w)).ptr, NEW_KEY);
}

static void a_refused_key_is_replaced_and_the_call_sent_again(void **state)
{
    struct peer p = { .answer = VIEWER, .only_key = NEW_KEY, .newer_key = give_new_key };

    with_peer(&p, ask_twice);
    assert_int_equal(p.calls, 3);
    assert_int_equal(p.renewals, 1);
}

static void ask_in_vain(struct wandb *w, struct io *io)
{
    AUTO_PTR(arena) a = arena_new();
    struct wandb_viewer viewer = { 0 };
    struct err e = { 0 };

    assert_int_equal(wandb_viewer(w, a, &viewer, &e), -ERR_AUTH);
    assert_non_null(strstr(e.msg, "refused the API key"));
}

static void a_refusal_stays_one_when_there_is_no_newer_key(void **state)
{
    struct peer p = { .answer = VIEWER, .only_key = NEW_KEY, .newer_key = give_old_key };
    struct peer without = { .answer = VIEWER, .only_key = NEW_KEY };

    with_peer(&p, ask_in_vain);
    assert_int_equal(p.calls, 1);
    assert_int_equal(p.renewals, 1);
    with_peer(&without, ask_in_vain);
    assert_int_equal(without.calls, 1);
}

static void a_new_key_that_is_refused_too_is_not_tried_for_ever(void **state)
{
    struct peer p = { .answer = VIEWER, .only_key = "another", .newer_key = give_new_key };

    with_peer(&p, ask_in_vain);
    assert_int_equal(p.calls, 2);
}

static void ask_and_wait(struct wandb *w, struct io *io)
{
    AUTO_PTR(arena) a = arena_new();
    struct wandb_viewer viewer = { 0 };
    struct err e = { 0 };

    assert_int_equal(wandb_viewer(w, a, &viewer, &e), -ERR_REMOTE);
    assert_true(err_is_transient(&e));
}

static void a_call_may_be_tried_again_when_the_new_key_cannot_be_read_now(void **state)
{
    struct peer p = { .answer = VIEWER, .only_key = NEW_KEY, .newer_key = give_none_now };

    with_peer(&p, ask_and_wait);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pop_says_who_asks_and_how_long_it_may_wait),
        cmocka_unit_test(an_empty_queue_is_an_answer),
        cmocka_unit_test(an_ack_without_success_is_a_conflict),
        cmocka_unit_test(a_run_that_is_not_there_is_an_answer),
        cmocka_unit_test(many_runs_are_asked_for_at_once),
        cmocka_unit_test(stop_requests_of_a_queue_come_as_a_list),
        cmocka_unit_test(errors_keep_their_words_their_place_and_their_code),
        cmocka_unit_test(a_page_instead_of_an_answer_is_told_as_such),
        cmocka_unit_test(a_refused_key_is_replaced_and_the_call_sent_again),
        cmocka_unit_test(a_refusal_stays_one_when_there_is_no_newer_key),
        cmocka_unit_test(a_new_key_that_is_refused_too_is_not_tried_for_ever),
        cmocka_unit_test(a_call_may_be_tried_again_when_the_new_key_cannot_be_read_now),
        cmocka_unit_test(what_login_saves_is_found_again_for_that_server_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
