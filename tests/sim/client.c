/* tests/sim/client.c: the person at the other end: makes the queue, pushes items, watches both services. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jval.h"
#include "invariants.h"
#include "io/http.h"
#include "wandb/wandb.h"

enum { WATCH_MS = 5000, WATCH_CALM_MS = 15000, VERTEX_ROUNDS = 3 };

static const char MAKE_QUEUE[] =
    "mutation M($config: JSONString!) { upsertRunQueue(input: {entityName: \"ada\", projectName: "
    "\"model-registry\", queueName: \"q\", resourceType: \"vertex\", resourceConfig: $config}) { success "
    "configSchemaValidationErrors } }";
static const char PUSH[] =
    "mutation M($spec: JSONString!) { pushToRunQueueByName(input: {entityName: \"ada\", projectName: "
    "\"model-registry\", queueName: \"q\", runSpec: $spec}) { runQueueItemId } }";
static const char STOP[] =
    "mutation M($id: ID!) { stopRunQueueItem(input: {runQueueItemId: $id}) { success } }";
/* What one says who had the item once. */
static const struct old_word {
    const char *field, *document;
} OLD_WORDS[] = {
    { "ackRunQueueItem",
      "mutation M($id: ID!, $fence: Int) { ackRunQueueItem(input: {runQueueItemId: $id, runName: "
      "\"of-one-who-lost-it\", fence: $fence}) { success } }" },
    { "failRunQueueItem",
      "mutation M($id: ID!, $fence: Int) { failRunQueueItem(input: {runQueueItemId: $id, message: "
      "\"of one who lost it\", stage: \"agent\", fence: $fence}) { success } }" },
    { "updateRunQueueItemWarning",
      "mutation M($id: ID!, $fence: Int) { updateRunQueueItemWarning(input: "
      "{runQueueItemId: $id, message: \"of one who lost it\", stage: \"agent\", fence: "
      "$fence}) { success } }" },
    { "noteRunQueueItem",
      "mutation M($id: ID!, $fence: Int) { noteRunQueueItem(input: {runQueueItemId: $id, message: "
      "\"of one who lost it\", running: true, fence: $fence}) { success } }" },
    { "finishRunQueueItem",
      "mutation M($id: ID!, $fence: Int) { finishRunQueueItem(input: {runQueueItemId: $id, "
      "outcome: FINISHED, message: \"of one who lost it\", fence: $fence}) { success } }" },
};
static const char WATCH[] = "query Q { project(name: \"model-registry\", entityName: \"ada\") { "
                            "runQueue(name: \"q\") { runQueueItems "
                            "{ edges { node { id state error { message } history { state note } } } } } } }";

static const char CONFIG[] =
    "{\"resource_args\":{\"vertex\":{\"spec\":{\"worker_pool_specs\":[{\"machine_spec\":{\"machine_type\":"
    "\"n1-standard-4\"},\"replica_count\":1,\"container_spec\":{\"image_uri\":\"${image_uri}\",\"command\":"
    "[\"job\"]}}],\"staging_bucket\":\"gs://"
    "sim-bucket\"},\"run\":{\"restart_job_on_worker_restart\":false}}}}";

struct client {
    struct io *io;
    struct world *w;
    struct wandb *wandb;
};

static int ask(struct client *c, struct arena *a, const char *document, const struct jval *variables,
               const struct jval **ret)
{
    struct err e = { 0 };
    const struct wandb_request req = { .document = document, .variables = variables };
    int rc = 0;

    c->w->asking = true;
    rc = wandb_call(c->wandb, a, &req, ret, &e);
    c->w->asking = false;
    if (rc && rc != -ERR_CANCELLED && rc != -ERR_NET)
        world_break(c->w, "the client was refused: %s", e.msg);
    return rc;
}

static int make_queue(struct client *c)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *variables = jval_new_object(a);
    const struct jval *data = NULL;

    jval_set_cstr(a, variables, "config", CONFIG);
    return ask(c, a, MAKE_QUEUE, variables, &data);
}

/* 0 also when it is there already: its answer was lost. */
static int post(struct client *c, const char *path, const char *body)
{
    AUTO_PTR(arena) a = arena_new();
    const struct http_request req = { .method = "POST",
                                      .url = arena_printf(a, "http://emulator:8081%s", path),
                                      .body = str_of(body) };
    struct http_reply reply = { 0 };
    struct err e = { 0 };
    int rc = http_send(c->io, a, &req, &reply, &e);

    if (!rc && reply.status != 200 && reply.status != 409)
        world_break(c->w, "%s: status %d %.*s", path, reply.status, STR_ARG(reply.body));
    return rc;
}

static int make_secret(struct client *c)
{
    int rc = post(c, "/v1/projects/sim-project/secrets?secretId=token", "{}");

    return rc ? rc
              : post(c, "/v1/projects/sim-project/secrets/token:addVersion",
                     "{\"payload\":{\"data\":\"" WORLD_SECRET_BASE64 "\"}}");
}

/* The whole pool again: an item's lists replace those of its queue. */
static const char *spec_text(struct arena *a, const struct world_item *item)
{
    return arena_printf(
        a,
        "{\"entity\":\"ada\",\"project\":\"sim\",\"uri\":\"%s\",\"name\":\"%s\",\"resource\":\"vertex\","
        "\"docker\":"
        "{\"docker_image\":\"registry/"
        "job:1\"},\"resource_args\":{\"vertex\":{\"spec\":{\"worker_pool_specs\":"
        "[{\"machine_spec\":{\"machine_type\":\"n1-standard-4\"},\"replica_count\":1,\"container_spec\":"
        "{\"image_uri\":\"${image_uri}\",\"command\":[\"job\"],\"args\":[\"%s\"],\"env\":"
        "[{\"name\":\"" WORLD_SECRET_VARIABLE
        "\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"token\"}}}]}}]}}}}",
        item->scheduler ? "placeholder-uri-scheduler" : "", item->label, item->label);
}

static int push(struct client *c, struct world_item *item)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *variables = jval_new_object(a);
    const struct jval *data = NULL;

    jval_set_cstr(a, variables, "spec", spec_text(a, item));
    int rc = ask(c, a, PUSH, variables, &data);
    if (rc)
        return rc;
    struct str id = jval_str(jval_path(data, "pushToRunQueueByName.runQueueItemId"));
    snprintf(item->id, sizeof(item->id), "%.*s", STR_ARG(id));
    sim_note(c->w->sim, "%s is item %s", item->label, item->id);
    return 0;
}

/* In the words for an end that the server only concludes. */
#define SILENCE "heartbeats"

static bool is_end(struct str state)
{
    return str_is(state, "FINISHED") || str_is(state, "FAILED") || str_is(state, "STOPPED");
}

/* How often the history moves into an end. What is noted while it is only concluded is no move. */
static int count_ends(const struct world *w, const struct jval *history)
{
    struct str before = { 0 };
    int ends = 0;

    for (size_t i = 0; i < jval_len(history); i++) {
        struct str now = jval_str(jval_get(jval_at(history, i), "state"));
        bool concluded =
            w->wandb && str_find(jval_str(jval_get(jval_at(history, i), "note")), STR(SILENCE)) >= 0;
        ends += is_end(now) && !concluded && !str_eq(now, before);
        before = now;
    }
    return ends;
}

/* Each pop is a line of its history. */
static int count_pops(const struct jval *history)
{
    int pops = 0;

    for (size_t i = 0; i < jval_len(history); i++) {
        struct str note = jval_str(jval_get(jval_at(history, i), "note"));
        pops += str_is(note, "taken") || str_is(note, "taken over");
    }
    return pops;
}

/* Silence is no end that counts: its agent, or its run, may come back. */
static void check_stays(struct world *w, const struct world_item *item, struct str now)
{
    if (is_end(str_of(item->state)) && !str_is(now, item->state) && !strstr(item->error, SILENCE))
        world_break(w, "%s was %s, and is %.*s now", item->label, item->state, STR_ARG(now));
}

/* With a W&B server: an item ends with its run, and fails when that never started, was killed and said
 * nothing more, or was asked to end. */
static bool ended_with_run(const struct world_item *item, bool ran)
{
    if (strcmp(item->state, "FAILED") != 0)
        return ran && item->has_run && !item->exit_status && strcmp(item->state, "FINISHED") == 0;
    if (strstr(item->error, SILENCE))
        return item->killed;
    return (ran && (item->exit_status || !item->has_run)) || item->stop_asked;
}

static void check_item(struct world *w, const struct world_item *item)
{
    struct str state = str_of(item->state);
    bool ran = item->started == 1 || (item->started > 1 && w->scarce);
    bool by_itself = w->wandb ? ended_with_run(item, ran)
                              : ran && str_is(state, item->exit_status ? "FAILED" : "FINISHED");
    bool right = by_itself || world_may_fail(w, item) || (item->stop_asked && str_is(state, "STOPPED"));

    if (item->ends > 1)
        world_break(w, "%s ended %d times", item->label, item->ends);
    if (is_end(state) && item->living && !item->run_over)
        world_break(w, "%s is %s while its job lives", item->label, item->state);
    if (is_end(state) && !right)
        world_break(w, "%s is %s (%s), but started %d times and exits with %d", item->label, item->state,
                    item->error, item->started, item->exit_status);
}

static void see_item(struct world *w, const struct jval *node)
{
    struct str id = jval_str(jval_get(node, "id")), error = jval_str(jval_path(node, "error.message"));

    for (size_t i = 0; i < w->item_count; i++) {
        struct world_item *item = &w->items[i];
        if (!str_is(id, item->id))
            continue;
        check_stays(w, item, jval_str(jval_get(node, "state")));
        snprintf(item->state, sizeof(item->state), "%.*s", STR_ARG(jval_str(jval_get(node, "state"))));
        snprintf(item->error, sizeof(item->error), "%.*s", STR_ARG(error));
        item->ends = count_ends(w, jval_get(node, "history"));
        item->pops = count_pops(jval_get(node, "history"));
        check_item(w, item);
    }
}

/* One who had the item before it was lent again has no say: refused, or told that nothing was done. */
static int try_old_token(struct client *c, struct world_item *item)
{
    AUTO_PTR(arena) a = arena_new();
    const struct old_word *word = &OLD_WORDS[sim_random_range(c->w->sim, 0, ARRAY_LEN(OLD_WORDS) - 1)];
    struct jval *variables = jval_new_object(a);
    const struct wandb_request req = { .document = word->document, .variables = variables };
    const struct jval *data = NULL;
    int rc;

    jval_set_cstr(a, variables, "id", item->id);
    jval_set_int(a, variables, "fence", sim_random_range(c->w->sim, 1, item->pops - 1));
    c->w->asking = true;
    rc = wandb_call(c->wandb, a, &req, &data, NULL);
    c->w->asking = false;
    if (!rc && jval_bool(jval_get(jval_get(data, word->field), "success")))
        world_break(c->w, "the server believed %s with an old token of %s", word->field, item->label);
    return rc == -ERR_CANCELLED || rc == -ERR_NET ? rc : 0;
}

static int try_old_tokens(struct client *c)
{
    int rc = 0;

    for (size_t i = 0; !rc && !c->w->wandb && i < c->w->item_count; i++)
        if (c->w->items[i].pops > 1 && sim_random_unit(c->w->sim) < 0.1)
            rc = try_old_token(c, &c->w->items[i]);
    return rc;
}

static int watch_queue(struct client *c)
{
    AUTO_PTR(arena) a = arena_new();
    const struct jval *data = NULL;
    int rc = ask(c, a, WATCH, NULL, &data);

    if (rc)
        return rc;
    const struct jval *edges = jval_path(data, "project.runQueue.runQueueItems.edges");
    for (size_t i = 0; i < jval_len(edges); i++)
        see_item(c->w, jval_get(jval_at(edges, i), "node"));
    return try_old_tokens(c);
}

static bool is_live_state(struct str state)
{
    return str_is(state, "JOB_STATE_QUEUED") || str_is(state, "JOB_STATE_PENDING") ||
           str_is(state, "JOB_STATE_RUNNING") || str_is(state, "JOB_STATE_CANCELLING");
}

/* Two jobs of an item: never both alive; and never two at all where there is enough of everything. */
static void check_pair(struct world *w, const struct jval *a, const struct jval *b)
{
    struct str item = jval_str(jval_path(a, "labels.slipway-item"));
    bool both_live =
        is_live_state(jval_str(jval_get(a, "state"))) && is_live_state(jval_str(jval_get(b, "state")));

    if (str_eq(item, jval_str(jval_path(b, "labels.slipway-item"))) && (both_live || !w->scarce))
        world_break(w, "item %.*s has two %sVertex jobs", STR_ARG(item), both_live ? "live " : "");
}

/* Vertex's own list of a region, behind those in @all. */
static int list_region(struct client *c, struct arena *a, const char *region, struct jval *all)
{
    struct http_reply reply = { 0 };
    struct jval *list = NULL;
    struct err e = { 0 };
    const struct http_request req = {
        .url = arena_printf(
            a, "http://emulator:8081/v1/projects/sim-project/locations/%s/customJobs?pageSize=100", region)
    };
    int rc = http_send(c->io, a, &req, &reply, &e);

    if (rc)
        return rc;
    if (reply.status != 200 || jval_from_json(a, reply.body, "the job list", NULL, &list, &e)) {
        world_break(c->w, "the job list: status %d %.*s", reply.status, STR_ARG(reply.body));
        return 0;
    }
    for (size_t i = 0; i < jval_len(jval_get(list, "customJobs")); i++)
        jval_push(a, all, jval_at(jval_get(list, "customJobs"), i));
    return 0;
}

static void note_life(struct world *w, const struct jval *job, bool lives)
{
    struct str label = jval_str(jval_path(job, "jobSpec.workerPoolSpecs.0.containerSpec.args.0"));

    for (size_t i = 0; i < w->item_count; i++)
        w->items[i].lives = w->items[i].lives || (lives && str_is(label, w->items[i].label));
}

static int watch_vertex(struct client *c)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *jobs = jval_new_array(a);
    int64_t live = 0;
    int rc = list_region(c, a, "us-central1", jobs);

    rc = rc ? rc : list_region(c, a, "us-east4", jobs);
    if (rc)
        return rc;
    for (size_t i = 0; i < c->w->item_count; i++)
        c->w->items[i].lives = false;
    for (size_t i = 0; i < jval_len(jobs); i++) {
        bool lives = is_live_state(jval_str(jval_get(jval_at(jobs, i), "state")));

        live += lives;
        note_life(c->w, jval_at(jobs, i), lives);
        if (lives)
            invariants_job(c->w, jval_str(jval_get(jval_at(jobs, i), "name")));
        for (size_t j = 0; j < i; j++)
            check_pair(c->w, jval_at(jobs, i), jval_at(jobs, j));
    }
    c->w->vertex_live = live;
    if (live > world_live_max(c->w, false) + world_live_max(c->w, true))
        world_break(c->w, "%lld Vertex jobs live, %lld may", (long long)live,
                    (long long)(world_live_max(c->w, false) + world_live_max(c->w, true)));
    return 0;
}

/* With a W&B server an item that was acknowledged stays as it is when the disk of its agent is lost while no
 * job of it lives: nobody knows of it. And what ended by silence goes on while an agent has it in hand. */
static bool is_over(const struct world *w, const struct world_item *item)
{
    bool ended = is_end(str_of(item->state));

    if (!w->wandb)
        return ended;
    return invariants_is_held(w, item) ? false
                                       : ended || (item->lost && !item->lives && !item->living &&
                                                   strcmp(item->state, "CLAIMED") == 0);
}

static bool all_ended(const struct world *w)
{
    for (size_t i = 0; i < w->item_count; i++)
        if (!is_over(w, &w->items[i]))
            return false;
    return true;
}

static int stop(struct client *c, struct world_item *item)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *variables = jval_new_object(a);
    const struct jval *data = NULL;

    jval_set_cstr(a, variables, "id", item->id);
    sim_note(c->w->sim, "%s is to stop", item->label);
    int rc = ask(c, a, STOP, variables, &data);
    item->stop_asked = !rc;
    return rc;
}

static int stop_what_is_due(struct client *c, int64_t since_ms)
{
    for (size_t i = 0; i < c->w->item_count; i++) {
        struct world_item *item = &c->w->items[i];
        if (!item->id[0] || item->stop_asked || !item->stop_at_ms || since_ms < item->stop_at_ms ||
            is_end(str_of(item->state)))
            continue;
        int rc = stop(c, item);
        if (rc)
            return rc;
    }
    return 0;
}

static int push_what_is_due(struct client *c, int64_t since_ms)
{
    for (size_t i = 0; i < c->w->item_count; i++) {
        struct world_item *item = &c->w->items[i];
        if (item->id[0] || since_ms < item->push_at_ms)
            continue;
        int rc = push(c, item);
        if (rc)
            return rc;
    }
    return 0;
}

static int go_round(struct client *c, int64_t since_ms, bool look_at_vertex)
{
    int rc = push_what_is_due(c, since_ms);

    rc = rc ? rc : stop_what_is_due(c, since_ms);
    rc = rc ? rc : watch_queue(c);
    return rc || !look_at_vertex ? rc : watch_vertex(c);
}

/* Two more rounds after the last end: nothing may move then. */
static void client_work(struct client *c)
{
    int64_t begun_ms = 0;
    int quiet = 0, round = 0;

    while (make_queue(c) || make_secret(c))
        if (io_sleep(c->io, 100, NULL) || c->w->broken[0])
            return;
    c->w->queue_ready = true;
    begun_ms = io_now_ms(c->io);
    while (quiet < 3 && !c->w->broken[0]) {
        int64_t since_ms = io_now_ms(c->io) - begun_ms;
        bool look = quiet || round++ % VERTEX_ROUNDS == 0; /* its lists are long, and programs tell more */
        int rc = go_round(c, since_ms, look);

        if (rc && rc != -ERR_NET) /* the server is down: next round */
            return;
        quiet = all_ended(c->w) ? quiet + 1 : 0;
        if (io_sleep(c->io, quiet ? 30000 : c->w->calm ? WATCH_CALM_MS : WATCH_MS, NULL))
            return;
    }
    c->w->done = true;
}

void client_main(struct io *io, void *world)
{
    struct world *w = world;
    const struct wandb_options o = { .base_url = w->wandb ? WORLD_OWNER_URL : WORLD_SERVER_URL,
                                     .api_key = w->key,
                                     .user_agent_version = "0.1.0" };
    struct client c = { .io = io, .w = w, .wandb = wandb_new(io, &o) };

    client_work(&c);
    wandb_free(c.wandb);
    if (!w->done && !io_cancelled(io))
        world_break(w, "the client gave up");
}
