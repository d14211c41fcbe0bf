/* agent/stops.c: asks the server which launches somebody wants to end. */
#include "agent/agent_internal.h"

enum { STOP_POLL_MS = 10000, STOP_POLL_OWN_MS = 2000 };

static bool is_stoppable(const struct launch *l)
{
    return !launch_phase_is_ended(l->row.phase) && !l->row.stop_asked && !l->stop_wanted && !l->row.disowned;
}

static int ask(struct agent *a, struct arena *arena, struct str item, const struct wandb_run_ref *ref,
               struct wandb_run_status *ret)
{
    if (wandb_is_slipway(a->o.wandb))
        return wandb_item_stop_asked(a->o.wandb, arena, item, ret, NULL);
    return ref->entity.len && ref->wb_project.len ? wandb_run_status(a->o.wandb, arena, ref, ret, NULL) : 0;
}

/* A script that runs gets the request from the server too, and some time to end by itself. */
static void note_request(struct agent *a, struct launch *l, const struct wandb_run_status *status)
{
    int64_t now = io_now_ms(a->io);

    if (!l->stop_seen_ms)
        l->stop_seen_ms = now;
    if (str_eq_nocase(status->state, STR("running")) && now - l->stop_seen_ms < a->o.stop_grace_ms)
        return;
    l->stop_wanted = true;
    cond_broadcast(a->io, &l->wake);
}

/* Launches come and go while we ask, so each is found again by its item. Failures wait for the next round. */
static int ask_all(struct agent *a)
{
    AUTO_PTR(arena) arena = arena_new();
    struct str *items = arena_array(arena, a->launches.len + 1, sizeof(*items));
    size_t count = 0;

    for (size_t i = 0; i < a->launches.len; i++)
        if (is_stoppable(a->launches.items[i]))
            items[count++] = arena_str(arena, ((struct launch *)a->launches.items[i])->row.item);
    for (size_t i = 0; i < count; i++) {
        struct launch *l = map_get(a->by_item, items[i]);
        struct wandb_run_status status = { 0 };
        struct wandb_run_ref ref;
        int rc;

        if (!l)
            continue;
        ref = (struct wandb_run_ref){ arena_str(arena, l->row.run_entity),
                                      arena_str(arena, l->row.wb_project), arena_str(arena, l->row.run_id) };
        rc = ask(a, arena, items[i], &ref, &status);
        if (rc == -ERR_CANCELLED)
            return rc;
        l = map_get(a->by_item, items[i]);
        if (!rc && l && status.stop_asked)
            note_request(a, l, &status);
    }
    return 0;
}

void stops_run(void *arg)
{
    struct agent *a = arg;

    while (io_sleep(a->io, wandb_is_slipway(a->o.wandb) ? STOP_POLL_OWN_MS : STOP_POLL_MS, NULL) == 0)
        if (ask_all(a))
            return;
}
