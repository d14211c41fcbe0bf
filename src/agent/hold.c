/*
 * agent/hold.c: is an item still ours? Our own server lends the items of an agent that has been silent for
 * five minutes to another, which takes over their jobs. So after a silence each item is asked for, and
 * nothing is created that the server may know nothing of: a create goes out only within two minutes of a
 * heartbeat.
 */
#include "agent/agent_internal.h"
#include "base/log.h"
#include "launch/render.h"

enum { FRESH_MS = 120000, ASK_AGAIN_MS = 5000, LOOK_MS = 500, ASKS_AT_ONCE = 16, WAKE_PAUSE_MS = 20 };

/* A server that gives no tokens lends nothing again. */
static bool can_be_lost(const struct launch *l)
{
    return l->row.fence != 0 && !l->row.disowned && !launch_phase_is_ended(l->row.phase);
}

static int64_t pause_left_ms(const struct launch *l)
{
    int64_t left = l->hold_asked_ms ? l->hold_asked_ms + ASK_AGAIN_MS - io_now_ms(l->agent->io) : 0;

    return left > 0 ? left : 0;
}

int64_t hold_wait_ms(const struct launch *l)
{
    const struct agent *a = l->agent;

    if (!can_be_lost(l) || !l->row.acked || l->hold_epoch == a->hold_epoch || !a->hold_epoch)
        return -1;
    return pause_left_ms(l);
}

int hold_ask(struct launch *l, struct err *e)
{
    struct agent *a = l->agent;
    uint64_t epoch = a->hold_epoch;
    struct wandb_hold hold = launch_hold(l);
    int rc;

    l->hold_asked_ms = io_now_ms(a->io);
    a->hold_asks++;
    rc = wandb_item_keep(a->o.wandb, &hold, a->agent_id, e);
    a->hold_asks--;
    cond_broadcast(a->io, &a->holds);
    if (rc == -ERR_CONFLICT && launch_hold(l).fence != hold.fence) /* lent again, and to us */
        rc = err_set(e, ERR_NET, "the item came back meanwhile");
    if (rc == -ERR_NOT_FOUND) /* the server began again from nothing: nobody else can have it */
        rc = 0;
    if (rc)
        return rc;
    l->hold_epoch = epoch;
    l->hold_asked_ms = 0;
    return 0;
}

static bool is_heard(const struct agent *a)
{
    return a->last_beat_ms && io_now_ms(a->io) - a->last_beat_ms < FRESH_MS;
}

bool hold_is_sure(const struct launch *l)
{
    return !can_be_lost(l) || (is_heard(l->agent) && l->hold_epoch == l->agent->hold_epoch);
}

/* Its item was acknowledged, which the row of a first attempt does not say yet. */
int hold_make_sure(struct launch *l, int64_t *ret_until_ms, struct err *e)
{
    struct agent *a = l->agent;

    *ret_until_ms = 0;
    while (can_be_lost(l)) {
        bool heard = is_heard(a);
        int rc = 0;

        if (hold_is_sure(l)) {
            *ret_until_ms = a->last_beat_ms + FRESH_MS;
            return 0;
        }
        if (heard && pause_left_ms(l) == 0)
            rc = hold_ask(l, e);
        if (rc == -ERR_CONFLICT || rc == -ERR_CANCELLED)
            return rc;
        if (l->hold_epoch != a->hold_epoch || !heard)
            rc = io_sleep(a->io, LOOK_MS, e);
        if (rc == -ERR_CANCELLED)
            return rc;
    }
    return l->row.disowned ? err_set(e, ERR_CONFLICT, "the item is another agent's now") : 0;
}

void hold_all_again(struct agent *a)
{
    a->hold_epoch++;
    for (size_t i = 0; i < a->launches.len; i++) {
        struct launch *l = a->launches.items[i];

        if (!l->parked)
            launch_wake(l);
    }
    cond_broadcast(a->io, &a->holds);
}

/* Some of the parked launches whose question is due, no more than may ask now. *ret_wait_ms: until there is
 * one more, -1: not by itself. */
static size_t wake_parked(struct agent *a, int64_t *ret_wait_ms)
{
    size_t woken = 0;
    int64_t next = -1;

    for (size_t i = 0; i < a->launches.len && woken + a->hold_asks < ASKS_AT_ONCE; i++) {
        struct launch *l = a->launches.items[i];
        int64_t left = l->parked ? hold_wait_ms(l) : -1;

        if (left == 0) {
            launch_wake(l);
            woken++;
        } else if (left > 0 && (next < 0 || left < next)) {
            next = left;
        }
    }
    *ret_wait_ms = next;
    return woken;
}

void holds_run(void *arg)
{
    struct agent *a = arg;

    for (;;) {
        int64_t wait = -1;
        size_t woken = wake_parked(a, &wait);
        int rc = woken ? io_sleep(a->io, WAKE_PAUSE_MS, NULL) : cond_wait(a->io, &a->holds, wait, NULL);

        if (rc == -ERR_CANCELLED)
            return;
    }
}

void hold_give_up(struct agent *a, struct str item)
{
    AUTO_PTR(arena) arena = arena_new();

    map_put(a->foreign, label_value(arena, item), a);
}

void hold_take_back(struct agent *a, struct str item)
{
    AUTO_PTR(arena) arena = arena_new();

    map_remove(a->foreign, label_value(arena, item));
}

bool hold_is_foreign(const struct agent *a, struct str item_label)
{
    return map_get(a->foreign, item_label) != NULL;
}
