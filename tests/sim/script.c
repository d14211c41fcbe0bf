/* tests/sim/script.c: a script that uses wandb. Its requests are made beside it, as by wandb's own service:
 * when the script is killed, one that is under way goes on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jval.h"
#include "base/mem.h"
#include "wandb/wandb.h"
#include "wandb_side.h"

enum { BEAT_MS = 30 * 1000, TRY_AGAIN_MS = 1000, LOOK_MS = 50, EXIT_INTERRUPTED = 255 };

static const char START_RUN[] = "mutation UpsertBucket($name: String!) { upsertBucket(input: {name: $name, "
                                "modelName: \"sim\", entityName: "
                                "\"ada\"}) { bucket { id } inserted } }";

/* One thing that is told; shared by the script and the fiber that tells it. */
struct word {
    struct world *world;
    char run_id[40];
    char body[64]; /* of a post to the run's file stream; "": start the run */
    int refs;
    bool done, ok, stop_asked;
};

static void word_unref(struct word *t)
{
    if (--t->refs == 0)
        free(t);
}

static int start_run(struct io *io, struct arena *a, const struct word *t)
{
    const struct wandb_options o = { .base_url = WORLD_SERVER_URL,
                                     .api_key = t->world->key,
                                     .user_agent_version = "0.1.0" };
    AUTO_PTR(wandb) wandb = wandb_new(io, &o);
    struct jval *variables = jval_new_object(a);
    const struct jval *data = NULL;

    jval_set_cstr(a, variables, "name", t->run_id);
    return wandb_call(wandb, a, &(struct wandb_request){ .document = START_RUN, .variables = variables },
                      &data, NULL);
}

static int post(struct io *io, struct arena *a, struct word *t)
{
    struct http_request req = { .method = "POST",
                                .url = arena_printf(a, WORLD_SERVER_URL "/files/ada/sim/%s/file_stream",
                                                    t->run_id),
                                .auth = { HTTP_AUTH_BASIC, "api", t->world->key },
                                .body = str_of(t->body) };
    struct http_reply reply = { 0 };
    struct jval *answer = NULL;
    int rc = http_send(io, a, &req, &reply, NULL);

    if (rc)
        return rc;
    if (reply.status != 200)
        return -ERR_REMOTE;
    if (!jval_from_json(a, reply.body, "the answer", NULL, &answer, NULL))
        t->stop_asked = jval_bool(jval_get(answer, "stopped"));
    return 0;
}

static void tell_run(void *arg)
{
    struct word *t = arg;
    struct io *io = sim_node_io(t->world->emulator);
    AUTO_PTR(arena) a = arena_new();

    t->ok = (t->body[0] ? post(io, a, t) : start_run(io, a, t)) == 0;
    t->done = true;
    word_unref(t);
}

struct script {
    struct sim_process *process;
    struct world_item *item;
    char run_id[40];
    int signal; /* that ended it; 0: none did */
    bool stop_asked;
};

/* False when a signal came first. */
static bool wait_ms(struct script *s, int64_t ms)
{
    return sim_process_sleep(s->process, ms, &s->signal) == 0;
}

/* Until it is heard; once only when @again is false. False when a signal came first. */
static bool tell(struct script *s, const char *body, bool again)
{
    bool ok = false;

    do {
        struct word *t = xcalloc(1, sizeof(*t));

        t->world = sim_process_ctx(s->process);
        t->refs = 2;
        snprintf(t->run_id, sizeof(t->run_id), "%s", s->run_id);
        snprintf(t->body, sizeof(t->body), "%s", body);
        group_spawn(t->world->words, "word of a script", tell_run, t);
        while (!t->done && wait_ms(s, LOOK_MS))
            continue;
        ok = t->ok;
        s->stop_asked = s->stop_asked || (t->done && t->stop_asked);
        word_unref(t);
    } while (!ok && again && !s->signal && wait_ms(s, TRY_AGAIN_MS));
    return !s->signal;
}

static int end_run(struct script *s, int exit_status)
{
    char body[64];

    snprintf(body, sizeof(body), "{\"complete\":true,\"exitcode\":%d}", exit_status);
    s->item->run_over = true;
    (void)tell(s, body, true);
    return exit_status;
}

static int work(struct script *s)
{
    int64_t left_ms = s->item->runs_for_ms;

    while (left_ms > 0) {
        int64_t part_ms = left_ms < BEAT_MS ? left_ms : BEAT_MS;

        if (!wait_ms(s, part_ms) || (s->item->has_run && !tell(s, "{}", false)))
            return 0;
        if (s->stop_asked && s->item->heeds_stop)
            return end_run(s, EXIT_INTERRUPTED);
        left_ms -= part_ms;
    }
    return s->item->has_run ? end_run(s, s->item->exit_status) : s->item->exit_status;
}

static const char *variable(const char *const *env, const char *name)
{
    size_t len = strlen(name);

    for (; *env; env++)
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
            return *env + len + 1;
    return "";
}

int script_run(struct sim_process *p, struct world_item *item, const char *const *env, int *ret_signal)
{
    struct script s = { .process = p, .item = item };
    int status = 0;

    item->run_over = false;
    snprintf(s.run_id, sizeof(s.run_id), "%s", variable(env, "WANDB_RUN_ID"));
    if (!item->has_run || tell(&s, "", true))
        status = work(&s);
    *ret_signal = s.signal;
    item->killed = item->killed || s.signal;
    return s.signal ? 128 + s.signal : status;
}
