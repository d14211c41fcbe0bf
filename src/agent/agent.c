/* agent/agent.c: an agent's life: take up what the journal holds, work, drain. */
#include "agent/agent.h"

#include <stdlib.h>

#include "agent/agent_internal.h"
#include "base/log.h"
#include "base/mem.h"

enum {
    POLL_MIN_MS = 1000,
    POLL_MAX_MS = 10000,
    STOP_GRACE_MS = 60000,
    DRAIN_MS = 8000,    /* for creates under way, and jobs that end with the agent */
    FAREWELL_MS = 1500, /* for the last word to the server */
    EVIDENCE_MS = 3000,
    EVIDENCE_BURST = 20
};

static const char *const no_queues[] = { NULL };

int agent_new(struct io *io, const struct agent_options *o, struct agent **ret, struct err *e)
{
    struct agent *a;
    struct journal *j = NULL;
    int rc = journal_open(io, &(struct journal_options){ o->state_dir, o->fast_and_unsafe_db }, &j, e);

    if (rc)
        return rc;
    a = xcalloc(1, sizeof(*a));
    a->io = io;
    a->o = *o;
    a->o.queues = o->queues ? o->queues : no_queues;
    launch_policies_default(&a->default_policies);
    a->o.policies = o->policies ? o->policies : &a->default_policies;
    a->o.poll_min_ms = o->poll_min_ms ? o->poll_min_ms : POLL_MIN_MS;
    a->o.poll_max_ms = o->poll_max_ms ? o->poll_max_ms : POLL_MAX_MS;
    a->o.stop_grace_ms = o->stop_grace_ms ? o->stop_grace_ms : STOP_GRACE_MS;
    a->journal = j;
    a->evidence = (struct bucket){ .interval_ms = EVIDENCE_MS, .burst = EVIDENCE_BURST };
    a->ids = arena_new();
    a->by_item = map_new();
    a->by_job = map_new();
    a->gates = map_new();
    a->foreign = map_new();
    a->takers = group_new(io);
    a->helpers = group_new(io);
    a->drivers = group_new(io);
    *ret = a;
    return 0;
}

static bool free_gate(struct str key, void *value, void *ctx)
{
    gate_free(value);
    return true;
}

void agent_free(struct agent *a)
{
    if (!a)
        return;
    group_free(a->takers);
    group_free(a->helpers);
    group_free(a->drivers);
    for (size_t i = 0; i < a->launches.len; i++) /* the parked ones; the others went with their fibers */
        launch_free(a->launches.items[i]);
    journal_close(a->journal);
    map_each(a->gates, free_gate, NULL);
    map_free(a->gates);
    map_free(a->by_item);
    map_free(a->by_job);
    map_free(a->foreign);
    vec_done(&a->launches);
    vec_done(&a->taker_list);
    vec_done(&a->watched_places);
    arena_free(a->ids);
    free(a);
}

void agent_drain(struct agent *a)
{
    if (a->draining)
        return;
    a->draining = true;
    LOG_INFO("agent.draining", "launches=%zu", a->launches.len);
    group_cancel(a->takers);
    cond_broadcast(a->io, &a->changed);
}

/* A clock that was set back makes nothing younger than now. One that was set forward makes all older, which
 * ends nothing but what is over its deadline: how long a job waits for its start is counted anew in each
 * life. */
static int64_t age_ms(const struct agent *a, int64_t unix_ms)
{
    int64_t age = io_now_unix_ms(a->io) - unix_ms;

    return unix_ms && age > 0 ? age : 1;
}

static void recover_row(void *ctx, const struct launch_row *row)
{
    struct agent *a = ctx;
    struct launch *l = launch_new(a, row);

    l->recovered = true;
    hold_take_back(a, row->item);
    l->leased_since_ms -= age_ms(a, row->leased_at_ms);
    l->parked = row->phase == LAUNCH_ACTIVE && row->stop == LAUNCH_STOP_NONE;
    agent_start_launch(a, l);
}

static void disown(void *ctx, struct str item)
{
    hold_give_up(ctx, item);
}

static bool is_busy(const struct agent *a)
{
    if (a->o.stop_jobs_on_drain && a->launches.len)
        return true;
    for (size_t i = 0; i < a->launches.len; i++)
        if (((struct launch *)a->launches.items[i])->busy)
            return true;
    return false;
}

/* Again and again: one more may have been popped just before the drain. */
static void stop_all(struct agent *a)
{
    for (size_t i = 0; i < a->launches.len; i++) {
        struct launch *l = a->launches.items[i];

        launch_want_stop(l, LAUNCH_STOP_USER);
    }
}

/* A create that is under way is seen into the journal, so that the next start need not look for it. So are
 * jobs that are to end with the agent; what is left of them after that goes on at the next start. */
static void wait_for_busy(struct agent *a)
{
    int64_t deadline = io_now_ms(a->io) + DRAIN_MS;

    while (is_busy(a) && io_now_ms(a->io) < deadline) {
        if (a->o.stop_jobs_on_drain)
            stop_all(a);
        if (io_sleep(a->io, 20, NULL))
            return;
    }
}

static void farewell(void *arg)
{
    struct agent *a = arg;

    (void)!wandb_agent_update(a->o.wandb, a->agent_id, "KILLED", NULL); /* the server may be down: so be it */
    cond_broadcast(a->io, &a->changed);
}

static void say_farewell(struct agent *a)
{
    struct group *g;

    if (!a->agent_id.len || io_cancelled(a->io))
        return;
    g = group_new(a->io);
    group_spawn(g, "farewell", farewell, a);
    (void)!cond_wait(a->io, &a->changed, FAREWELL_MS, NULL);
    group_end(g);
}

static bool has_work(const struct agent *a)
{
    return !a->draining && !(a->failure && a->launches.len == 0);
}

int agent_run(struct agent *a, struct err *e)
{
    int rc = journal_disowned(a->journal, disown, a, e);

    rc = rc ? rc : journal_each(a->journal, recover_row, a, e);
    if (rc == 0 && a->launches.len)
        LOG_INFO("agent.recovered", "launches=%zu", a->launches.len);
    a->adopting = a->o.home && journal_adoption_is_due(a->journal);
    if (rc == 0) {
        group_spawn(a->helpers, "heartbeat", heartbeat_run, a);
        group_spawn(a->helpers, "watcher", watcher_run, a);
        group_spawn(a->helpers, "stops", stops_run, a);
        group_spawn(a->helpers, "holds", holds_run, a);
        group_spawn(a->helpers, "adopt", adopt_run, a);
    }
    while (rc == 0 && has_work(a))
        rc = cond_wait(a->io, &a->changed, -1, e);
    a->draining = true;
    group_cancel(a->takers);
    if (rc == 0)
        wait_for_busy(a);
    group_cancel(a->helpers);
    group_wait(a->helpers); /* the heartbeat starts takers, and takers start drivers */
    group_wait(a->takers);
    group_cancel(a->drivers);
    group_wait(a->drivers);
    say_farewell(a);
    LOG_INFO("agent.ended", "unfinished=%s", rc == -ERR_CANCELLED ? "\"cut short\"" : "\"in the journal\"");
    if (rc == 0 && a->failure && e)
        *e = a->failure_err;
    return rc ? rc : a->failure;
}
