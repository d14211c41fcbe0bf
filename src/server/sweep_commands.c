/* server/sweep_commands.c: what an agent of a sweep is told to do. */
#include "server/sweep_commands.h"

#include "base/log.h"
#include "server/search/search.h"
#include "server/sweep_stops.h"

enum {
    TRIES = 16,      /* agents that ask at once get a position each, one after the other */
    RUNS_READ = 500, /* of the latest runs, for methods that look at them */
    CONFIG_MAX_BYTES = 1 << 20,
    RUN_ID_LEN = 8
};

struct telling {
    struct server *s;
    struct arena *a;
    const struct sweep_beat *beat;
    struct store_sweep sweep;
    const struct jval *config;
    const struct search *search;
    struct jval *commands;
};

int sweep_config(struct arena *a, struct str text, const struct jval **ret, struct err *e)
{
    const struct jval_limits limits = { .max_bytes = CONFIG_MAX_BYTES };
    struct jval *config = NULL;
    int rc = jval_from_yaml(a, text, "the sweep's config", &limits, &config, e);

    if (rc == 0)
        *ret = config;
    return rc;
}

static struct jval *add(struct telling *t, const char *type)
{
    struct jval *o = jval_new_object(t->a);

    jval_set_cstr(t->a, o, "type", type);
    jval_push(t->a, t->commands, o);
    return o;
}

/* --- stopping --- */

/* Again with each heartbeat, until it has ended. A scheduler takes a stop for the end of the whole sweep. */
static int tell_stops(struct telling *t, const struct jval *early, struct err *e)
{
    const struct jval *runs = t->beat->runs;

    for (size_t i = 0; !t->sweep.is_launched && i < jval_len(runs); i++) {
        struct store_run run = { 0 };
        struct str name = jval_key_at(runs, i);
        int rc = store_run_by_name(t->s->store, t->a, t->sweep.project_id, name, &run, e);

        if (rc == -ERR_NOT_FOUND)
            continue;
        if (rc < 0)
            return rc;
        if (run.stop_asked || jval_has_text(early, name))
            jval_set_str(t->a, add(t, "stop"), STR("run_id"), jval_new_str(t->a, name));
    }
    return 0;
}

/* --- the next run --- */

/* Searching with many runs takes tens of milliseconds, so it is done beside the loop. */
struct looking {
    struct arena *a;
    const struct search *search;
    struct search_state state;
    const struct store_run *runs; /* newest first */
    size_t len;
    const struct jval *args;
    bool target_reached;
};

static void read_run(struct looking *k, const struct store_run *r, struct search_run *ret)
{
    const struct search_metric *m = &k->search->metric;
    struct jval *config = NULL;

    ret->ended = run_state_is_ended(r->state);
    if (r->config.ptr && jval_from_json(k->a, r->config, "config", NULL, &config, NULL) == 0)
        ret->args = config;
    ret->has_loss = search_metric_in(m, k->a, r->summary, &ret->loss);
    if (ret->has_loss && m->has_target && !search_better(m, m->target, ret->loss))
        k->target_reached = true;
}

static void look(void *arg)
{
    struct looking *k = arg;
    struct search_run *runs = arena_array(k->a, k->len + 1, sizeof(*runs));

    for (size_t i = 0; i < k->len; i++)
        read_run(k, &k->runs[k->len - 1 - i], &runs[i]);
    k->state.runs = runs;
    k->state.run_count = k->len;
    if (!k->target_reached)
        k->args = search_next(k->search, &k->state, k->a);
}

/* *ret NULL: the search is at its end. */
static int next_args(struct telling *t, const struct jval **ret, struct err *e)
{
    struct looking k = { .a = t->a,
                         .search = t->search,
                         .state = { .seed = (uint64_t)t->sweep.seed, .position = t->sweep.handed_out } };
    const struct store_sweep_run_query q = { .project_id = t->sweep.project_id,
                                             .sweep = t->sweep.name,
                                             .page = { .first = RUNS_READ } };
    struct store_run *runs = NULL;
    int rc = 0;

    if (t->search->method != SEARCH_BAYES && !t->search->metric.has_target) {
        look(&k);
    } else {
        rc = store_sweep_runs(t->s->store, t->a, &q, &runs, &k.len, e);
        k.runs = runs;
        if (rc == 0)
            rc = io_work(t->s->io, look, &k, e);
    }
    if (rc == 0)
        *ret = k.args;
    return rc;
}

static int hand_out(struct telling *t, const struct jval *args, bool *ret_taken, struct err *e)
{
    char *name = arena_alloc(t->a, RUN_ID_LEN + 1);
    const struct store_hand_out h = { .sweep_id = t->sweep.id,
                                      .agent_id = t->beat->agent->id,
                                      .user_id = t->beat->agent->user_id,
                                      .position = t->sweep.handed_out,
                                      .run_name = { name, RUN_ID_LEN },
                                      .args = jval_text(t->a, args, JVAL_COMPACT),
                                      .now_unix_ms = t->beat->now_unix_ms };
    struct jval *o;
    int rc;

    io_random_id(t->s->io, name, RUN_ID_LEN);
    rc = store_sweep_hand_out(t->s->store, &h, ret_taken, e);
    if (rc < 0 || !*ret_taken)
        return rc;
    LOG_INFO("sweep.run_handed_out", "sweep=%.*s position=%lld run=%s agent=%.*s", STR_ARG(t->sweep.name),
             (long long)h.position, name, STR_ARG(t->beat->agent->uid));
    o = add(t, "run");
    jval_set_cstr(t->a, o, "run_id", name);
    jval_set(t->a, o, "args", args);
    jval_set_str(t->a, o, STR("program"), jval_new_str(t->a, jval_str(jval_get(t->config, "program"))));
    return 0;
}

/* No further runs. A scheduler takes an exit for the end of the whole sweep, also of runs that it waits for;
 * it sees by the sweep's state when all is done. */
static int tell_end(struct telling *t, struct err *e)
{
    int64_t alive = 0;
    int rc = store_sweep_alive(t->s->store, &t->sweep, &alive, e);

    if (rc == 0 && alive == 0) {
        rc = store_sweep_finish(t->s->store, t->sweep.id, t->beat->now_unix_ms, e);
        if (rc == 0)
            LOG_INFO("sweep.finished", "sweep=%.*s runs=%lld", STR_ARG(t->sweep.name),
                     (long long)t->sweep.run_count);
    }
    if (rc == 0 && !t->sweep.is_launched)
        add(t, "exit");
    return rc;
}

static int tell_run(struct telling *t, struct err *e)
{
    for (int i = 0; i < TRIES; i++) {
        const struct jval *args = NULL;
        bool taken = false;
        int rc = next_args(t, &args, e);

        if (rc == 0 && !args)
            return tell_end(t, e);
        if (rc == 0)
            rc = hand_out(t, args, &taken, e);
        if (rc < 0 || taken)
            return rc;
        rc = store_sweep_by_id(t->s->store, t->a, t->sweep.id, &t->sweep, e);
        if (rc < 0 || t->sweep.state != SWEEP_RUNNING)
            return rc;
    }
    return 0; /* it asks again in a few seconds */
}

/* The sweep as it is now, and what its runs have done since the last look. */
static int look_around(struct telling *t, const struct jval **ret_early, struct err *e)
{
    const struct sweep_beat *beat = t->beat;
    struct sweep_look l = { .sweep = &t->sweep,
                            .agent_id = beat->agent->id,
                            .now_unix_ms = beat->now_unix_ms };
    struct jval *early = NULL;
    int rc = store_sweep_beat(t->s->store, beat->agent->id, beat->now_unix_ms, e);

    if (rc == 0)
        rc = store_sweep_by_id(t->s->store, t->a, beat->agent->sweep_id, &t->sweep, e);
    if (rc == 0)
        rc = sweep_config(t->a, t->sweep.config, &t->config, e);
    if (rc == 0)
        rc = search_parse(t->a, t->config, &t->search, e);
    l.search = t->search;
    if (rc == 0)
        rc = sweep_stops(t->s, t->a, &l, &early, e);
    *ret_early = early;
    return rc;
}

int sweep_commands(struct server *s, struct arena *a, const struct sweep_beat *beat, struct jval **ret,
                   struct err *e)
{
    struct telling t = { .s = s, .a = a, .beat = beat, .commands = jval_new_array(a) };
    const struct jval *early = NULL;
    int rc = look_around(&t, &early, e);

    if (rc < 0)
        return rc;
    if (t.sweep.state == SWEEP_CANCELED)
        add(&t, "exit");
    else if (jval_len(beat->runs) > 0)
        rc = tell_stops(&t, early, e);
    else if (t.sweep.state == SWEEP_RUNNING && t.search->method != SEARCH_OTHER)
        rc = tell_run(&t, e);
    else if (sweep_state_is_ended(t.sweep.state) && !t.sweep.is_launched)
        add(&t, "exit");
    if (rc == 0)
        *ret = t.commands;
    return rc;
}
