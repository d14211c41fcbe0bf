/* agent/taker.c: one fiber per queue: keep a slot, pop, write it down, hand it to a driver. */
#include <stdlib.h>

#include "agent/agent_internal.h"
#include "base/log.h"
#include "base/mem.h"

enum {
    PARKED_MIN = 16,
    PARKED_MAX = 256,
    UNDER_WAY_MAX = 64, /* creates of a minute, in one region */
    RUN_ID_CHARS = 8,
    LONG_WAIT_S = 20,
    SHORT_WAIT_S = 1,
    QUICK_ANSWER_MS = 200
};

struct taker {
    struct agent *agent;
    const char *queue;
    int64_t delay_ms;  /* until the next poll when the queue was empty */
    uint32_t failures; /* in a row */
    uint64_t epoch;    /* of the pop under way */
};

/* Slots are given in the order of asking, which makes several queues take turns: who has just given one back
 * and asks again comes behind those who wait. Takers are cancelled together, so no turn is left behind. */
static int reserve_slot(struct agent *a)
{
    uint64_t turn = a->slot_turns++;

    while (turn != a->slot_turn || a->slots_wanted || !agent_has_free_slot(a))
        if (cond_wait(a->io, &a->slots, -1, NULL) == -ERR_CANCELLED)
            return -ERR_CANCELLED;
    a->slot_turn++;
    a->reserved++;
    agent_slots_changed(a); /* the next one may find a slot as well */
    return 0;
}

static bool has_no_job(enum launch_phase p)
{
    return p <= LAUNCH_WAITING;
}

static bool is_parked(const struct launch *l)
{
    return (l->row.phase == LAUNCH_WAITING && launch_cause_is_capacity(l->row.cause)) ||
           (l->row.phase == LAUNCH_LEASED && l->row.scheduler);
}

static int64_t parked_max(const struct agent *a)
{
    int64_t max = a->o.max_jobs;

    return max < PARKED_MIN ? PARKED_MIN : max > PARKED_MAX ? PARKED_MAX : max;
}

/* Launches that wait for machines, and schedulers that wait for their turn, hold no slot; others wait for a
 * create, of which there are 60 a minute and region, or for a service that does not answer. A queue of such
 * items would be emptied into this agent's memory, where each has a fiber, out of the reach of others that
 * may have what they need. */
static bool is_full(const struct agent *a, const char *queue)
{
    int64_t parked = 0, under_way = 0;
    size_t jobless = 0;

    for (enum launch_phase p = 0; has_no_job(p); p++)
        jobless += a->in_phase[p];
    for (size_t i = 0; jobless >= PARKED_MIN && i < a->launches.len; i++) {
        const struct launch *l = a->launches.items[i];

        if (!has_no_job(l->row.phase) || !str_is(l->row.queue, queue))
            continue;
        parked += is_parked(l);
        under_way += !is_parked(l);
    }
    return parked >= parked_max(a) || under_way >= UNDER_WAY_MAX;
}

static void release_slot(struct agent *a)
{
    a->reserved--;
    agent_slots_changed(a);
}

static size_t queue_count(const struct agent *a)
{
    size_t n = 0;

    while (a->o.queues[n])
        n++;
    return n;
}

/* A slot kept for a long wait on one queue is not there for the others. */
static uint32_t wait_for(const struct agent *a)
{
    bool enough;

    if (!wandb_is_slipway(a->o.wandb))
        return 0;
    enough = a->o.max_jobs < 0 || (size_t)a->o.max_jobs >= agent_slots_used(a) - a->reserved + queue_count(a);
    return enough ? LONG_WAIT_S : SHORT_WAIT_S;
}

/* The spec as it may be written down: its API key is kept apart. */
static struct str journal_text(struct arena *a, const struct jval *spec, struct secret **ret_key)
{
    struct jval *copy;

    if (!jval_get(spec, "_wandb_api_key"))
        return jval_text(a, spec, JVAL_COMPACT);
    if (jval_str(jval_get(spec, "_wandb_api_key")).len)
        *ret_key = secret_new(jval_str(jval_get(spec, "_wandb_api_key")));
    copy = jval_copy(a, spec);
    jval_remove(copy, "_wandb_api_key");
    return jval_text(a, copy, JVAL_COMPACT);
}

/* An item that is in hand already: its ack was lost on the way or on the server. */
static void ack_again(struct taker *t, struct launch *l, int64_t fence)
{
    struct wandb_hold hold;
    /* it ended before its ack, and is about to hear whether the item is its own: that is the last word */
    bool asks_itself = !fence && !l->row.acked && launch_phase_is_ended(l->row.phase);

    if (l->disowning || l->row.disowned || l->leaving ||
        asks_itself) /* the lease runs out, and it comes again when the launch has gone */
        return;
    l->newer_fence = fence;
    l->pop_epoch = t->epoch;
    hold = launch_hold(l);
    LOG_INFO("item.again", "item=%.*s phase=%s", STR_ARG(l->row.item), launch_phase_name(l->row.phase));
    if (l->row.phase != LAUNCH_LEASED)
        (void)!wandb_item_ack(t->agent->o.wandb, &hold, l->row.run_id, NULL); /* best effort */
}

/* An item that was popped and not written down is lost, unless the server lends it again, and W&B's does not.
 * So a journal that fails is waited for with the item in hand, and nothing more is popped meanwhile. */
static int add_until_done(struct agent *a, struct launch_row *row, struct str spec, struct err *e)
{
    int rc = 0;

    for (uint32_t attempt = 0; !rc; attempt++) {
        struct err why = { 0 };

        rc = journal_add(a->journal, row, spec, &row->id, &why);
        if (!rc) {
            agent_journal_works(a, row->item);
            return 0;
        }
        if (rc != -ERR_STORE)
            return err_set(e, why.code, "%s", why.msg);
        rc = agent_journal_wait(a, row->item, &why, attempt, e);
    }
    return rc;
}

static int take_item(struct taker *t, struct arena *a, const struct wandb_item *item, struct err *e)
{
    struct agent *ag = t->agent;
    struct launch *known = map_get(ag->by_item, item->id), *l;
    struct launch_row row = {
        .item = item->id, .fence = item->fence, .queue = str_of(t->queue), .phase = LAUNCH_LEASED
    };
    AUTO_PTR(secret) key = NULL;
    char run_id[RUN_ID_CHARS + 1];
    int rc;

    if (known) {
        ack_again(t, known, item->fence);
        return 0;
    }
    io_random_id(ag->io, run_id, RUN_ID_CHARS);
    row.run_id = jval_str(jval_get(item->spec, "run_id"));
    row.taken_over = item->taken_over_as.len > 0;
    if (row.taken_over)
        row.run_id = item->taken_over_as;
    if (!row.run_id.len)
        row.run_id = str_of(run_id);
    row.run_entity = jval_str(jval_get(item->spec, "entity"));
    row.wb_project = jval_str(jval_get(item->spec, "project"));
    row.scheduler = str_is(jval_str(jval_get(item->spec, "uri")), "placeholder-uri-scheduler");
    row.leased_at_ms = io_now_unix_ms(ag->io);
    {
        struct str text = journal_text(a, item->spec, &key);

        row.own_key = key != NULL;
        rc = add_until_done(ag, &row, text, e);
    }
    if (rc)
        return rc;
    hold_take_back(ag, item->id);
    ag->items_taken++;
    LOG_INFO("launch.leased", "item=%.*s run=%.*s queue=%s", STR_ARG(row.item), STR_ARG(row.run_id),
             t->queue);
    l = launch_new(ag, &row);
    l->own_key = TAKE(key);
    l->pop_epoch = t->epoch;
    agent_start_launch(ag, l);
    if (ag->launches.len == 1)
        cond_broadcast(ag->io, &ag->beat); /* it runs something now */
    return 0;
}

static int after_failure(struct taker *t, const struct err *e)
{
    if (e->code == ERR_CANCELLED)
        return -ERR_CANCELLED;
    if (t->failures++ == 0)
        LOG_WARNING("queue.unreachable",
                    "queue=%s server=%s error=\"%s\" action=\"trying again until it answers\"", t->queue,
                    wandb_base_url(t->agent->o.wandb), e->msg);
    return agent_sleep_retry(t->agent, t->failures - 1, e, NULL);
}

/* An empty queue is asked less and less often, and never more often than the W&B agent asks when idle. */
static int after_empty(struct taker *t, uint32_t waited_s, int64_t took_ms)
{
    struct agent *a = t->agent;
    int64_t pause = t->delay_ms;

    if (waited_s && took_ms >= QUICK_ANSWER_MS)
        return 0;
    t->delay_ms = 2 * pause < a->o.poll_max_ms ? 2 * pause : a->o.poll_max_ms;
    return io_sleep(a->io, pause + (int64_t)((double)(pause / 4) * io_random_unit(a->io)), NULL);
}

/* The config may have been read again, without this queue. */
static bool is_wanted(const struct taker *t)
{
    for (size_t i = 0; t->agent->o.queues[i]; i++)
        if (str_is(str_of(t->queue), t->agent->o.queues[i]))
            return true;
    return false;
}

static bool has_to_wait(const struct taker *t)
{
    const struct agent *a = t->agent;

    return a->paused || (a->adopting && !wandb_is_slipway(a->o.wandb)) || is_full(a, t->queue);
}

/* -ERR_CANCELLED, also when the queue is wanted no more; else 0, with a slot reserved. The wait for a slot
 * may be long, so what was true before it is looked at again. */
static int wait_to_take(struct taker *t)
{
    struct agent *a = t->agent;

    for (;;) {
        int rc = 0;

        while (!rc && is_wanted(t) && has_to_wait(t))
            rc = cond_wait(a->io, &a->slots, -1, NULL);
        if (rc || !is_wanted(t) || reserve_slot(a))
            return -ERR_CANCELLED;
        if (is_wanted(t) && !has_to_wait(t))
            return 0;
        release_slot(a);
    }
}

/* -ERR_CANCELLED, else 0. */
static int take_once(struct taker *t)
{
    struct agent *ag = t->agent;
    AUTO_PTR(arena) a = arena_new_wiped(); /* an item may bring an API key */
    struct wandb_pop req = { .entity = str_of(ag->o.entity), .queue = str_of(t->queue) };
    struct wandb_item item = { 0 };
    struct err e = { 0 };
    int64_t began;
    int rc = wait_to_take(t);

    if (rc)
        return rc;
    began = io_now_ms(ag->io);
    req.agent_id = ag->agent_id;
    t->epoch = ag->hold_epoch;
    req.wait_s = wait_for(ag);
    rc = wandb_item_pop(ag->o.wandb, a, &req, &item, &e);
    if (!rc && item.id.len)
        rc = take_item(t, a, &item, &e);
    release_slot(ag);
    if (rc)
        return after_failure(t, &e);
    if (t->failures)
        LOG_INFO("queue.reachable", "queue=%s", t->queue);
    t->failures = 0;
    if (!item.id.len)
        return after_empty(t, req.wait_s, io_now_ms(ag->io) - began);
    t->delay_ms = ag->o.poll_min_ms;
    return 0;
}

static void taker_run(void *arg)
{
    struct taker *t = arg;

    while (take_once(t) == 0)
        continue;
    vec_remove_item(&t->agent->taker_list, t);
    free(t);
}

static bool has_taker(const struct agent *a, const char *queue)
{
    for (size_t i = 0; i < a->taker_list.len; i++)
        if (str_is(str_of(((const struct taker *)a->taker_list.items[i])->queue), queue))
            return true;
    return false;
}

/* On a foreign server an idle agent asks no more often than W&B's from its first minute on. */
static int64_t first_delay_ms(const struct agent *a)
{
    return wandb_is_slipway(a->o.wandb) ? a->o.poll_min_ms : a->o.poll_max_ms;
}

void takers_start(struct agent *a)
{
    for (size_t i = 0; a->served[i]; i++) {
        struct taker *t;

        if (has_taker(a, a->served[i]))
            continue;
        t = xcalloc(1, sizeof(*t));
        vec_push(&a->taker_list, t);
        *t = (struct taker){ .agent = a, .queue = a->served[i], .delay_ms = first_delay_ms(a) };
        group_spawn(a->takers, "taker", taker_run, t);
    }
}
