/*
 * agent/stops.c: which launches are to end before their program does. Somebody may want that: our own server
 * is asked once a queue, a W&B server for many runs at once. And their time may be over.
 */
#include "agent/agent_internal.h"

enum {
    STOP_POLL_MS = 10000,
    STOP_POLL_OWN_MS = 2000,
    STATUS_REQUEST_MS = 1000 /* a W&B server gets no more of them than that */
};

static bool is_stoppable(const struct launch *l)
{
    return !launch_phase_is_ended(l->row.phase) && l->row.stop < LAUNCH_STOP_USER &&
           l->stop_wanted < LAUNCH_STOP_USER && !l->row.disowned;
}

/* A script that runs gets the request from the server too, and some time to end by itself. */
static void note_request(struct agent *a, struct str item, struct str run_state)
{
    struct launch *l = map_get(a->by_item, item);
    int64_t now = io_now_ms(a->io);

    if (!l || !is_stoppable(l))
        return;
    if (!l->stop_seen_ms)
        l->stop_seen_ms = now;
    if (str_eq_nocase(run_state, STR("running")) && now - l->stop_seen_ms < a->o.stop_grace_ms)
        return;
    launch_want_stop(l, LAUNCH_STOP_USER);
}

/* -ERR_CANCELLED, else 0: other failures wait for the next round. */
static int ask_queue(struct agent *a, const char *queue)
{
    AUTO_PTR(arena) arena = arena_new();
    const struct wandb_queue_ref ref = { str_of(a->o.entity), str_of(queue) };
    struct wandb_stops stops = { 0 };
    int rc = wandb_stop_requests(a->o.wandb, arena, &ref, &stops, NULL);

    for (size_t i = 0; !rc && i < stops.len; i++)
        note_request(a, stops.items[i].item_id, stops.items[i].run_state);
    return rc == -ERR_CANCELLED ? rc : 0;
}

static bool has_stoppable(const struct agent *a, const char *queue)
{
    for (size_t i = 0; i < a->launches.len; i++) {
        const struct launch *l = a->launches.items[i];

        if (is_stoppable(l) && str_is(l->row.queue, queue))
            return true;
    }
    return false;
}

static int ask_own_server(struct agent *a)
{
    int rc = 0;

    for (size_t i = 0; !rc && a->o.queues[i]; i++)
        if (has_stoppable(a, a->o.queues[i]))
            rc = ask_queue(a, a->o.queues[i]);
    return rc;
}

struct batch {
    struct str items[WANDB_MAX_STATUSES];
    struct wandb_run_ref refs[WANDB_MAX_STATUSES];
    size_t len;
};

static int ask_batch(struct agent *a, struct batch *b)
{
    AUTO_PTR(arena) arena = arena_new();
    struct wandb_run_status found[WANDB_MAX_STATUSES];
    int rc = b->len ? wandb_run_statuses(a->o.wandb, arena, b->refs, b->len, found, NULL) : 0;

    for (size_t i = 0; !rc && i < b->len; i++)
        if (found[i].stop_asked)
            note_request(a, b->items[i], found[i].state);
    b->len = 0;
    return rc == -ERR_CANCELLED ? rc : 0;
}

/* Launches come and go while we ask, so all are written down first. */
static int ask_wandb(struct agent *a)
{
    AUTO_PTR(arena) arena = arena_new();
    struct batch *batches = arena_array(arena, a->launches.len / WANDB_MAX_STATUSES + 1, sizeof(*batches));
    size_t last = 0;
    int rc = 0;

    for (size_t i = 0; i < a->launches.len; i++) {
        const struct launch *l = a->launches.items[i];
        struct batch *b = &batches[last];

        if (!is_stoppable(l) || !l->row.run_entity.len || !l->row.wb_project.len)
            continue;
        b->items[b->len] = arena_str(arena, l->row.item);
        b->refs[b->len++] =
            (struct wandb_run_ref){ arena_str(arena, l->row.run_entity), arena_str(arena, l->row.wb_project),
                                    arena_str(arena, l->row.run_id) };
        last += b->len == WANDB_MAX_STATUSES;
    }
    for (size_t i = 0; !rc && i <= last; i++)
        rc = ask_batch(a, &batches[i]);
    return rc;
}

/* The limits of its queue. A job that may have started unseen is looked at first. Vertex itself says how long
 * a job waits for machines that come when they come. */
static void check_time(struct launch *l, int64_t now)
{
    const struct launch_policy *p = launch_policy(l);

    if (launch_phase_is_ended(l->row.phase) || l->settling)
        return;
    if (p->deadline_ms && now - l->leased_since_ms >= p->deadline_ms)
        launch_want_stop(l, LAUNCH_STOP_DEADLINE);
    else if (p->start_timeout_ms && l->row.phase == LAUNCH_ACTIVE && !l->row.ran && !l->row.flexible &&
             l->looked && !l->seen_fresh && now - l->active_since_ms >= p->start_timeout_ms)
        launch_want_stop(l, LAUNCH_STOP_NOT_STARTED);
}

static void check_times(struct agent *a)
{
    for (size_t i = 0; i < a->launches.len; i++)
        check_time(a->launches.items[i], io_now_ms(a->io));
}

void stops_run(void *arg)
{
    struct agent *a = arg;
    int64_t next_ms = 0;

    for (;;) {
        bool own;

        if (io_sleep(a->io, wandb_is_slipway(a->o.wandb) ? STOP_POLL_OWN_MS : STOP_POLL_MS, NULL))
            return;
        own = wandb_is_slipway(a->o.wandb); /* known from the first answer on */
        check_times(a);
        if (io_now_ms(a->io) < next_ms)
            continue;
        if (!own) /* thousands of runs are asked for less often */
            next_ms = io_now_ms(a->io) + (int64_t)(a->launches.len / WANDB_MAX_STATUSES) * STATUS_REQUEST_MS;
        if (own ? ask_own_server(a) : ask_wandb(a))
            return;
    }
}
