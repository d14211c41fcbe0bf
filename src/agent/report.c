/* agent/report.c: telling the queue how a launch ended. */
#include "agent/acts.h"
#include "base/log.h"

static const struct {
    const char *outcome;  /* for our own server */
    const char *fallback; /* when no reason is known */
} ends[LAUNCH_PHASE_COUNT] = {
    [LAUNCH_FINISHED] = { "FINISHED", "" },
    [LAUNCH_FAILED] = { "FAILED", "the launch failed" },
    [LAUNCH_STOPPED] = { "STOPPED", "stopped on request" },
    [LAUNCH_PREEMPTED] = { "FAILED", "the Vertex job was preempted" },
};

static struct str message_of(const struct launch *l)
{
    return l->row.reason.len ? l->row.reason : str_of(ends[l->row.phase].fallback);
}

static int fail_item(struct launch *l, struct str message, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct wandb_failure f = { .message = message, .stage = l->row.stage.len ? l->row.stage.ptr : "agent" };
    const struct wandb_hold hold = launch_hold(l);
    int rc = evidence_send(l, a, message, &f.file); /* before the word that names it */

    if (rc)
        return err_set(e, ERR_CANCELLED, "cancelled");
    return wandb_item_fail(l->agent->o.wandb, &hold, &f, e);
}

/* Has the run been started? On a W&B server an item ends with its run, and one whose run never appears would
 * wait for ever. The waits are the W&B agent's (protocol reference 5.6); the slot is free meanwhile. */
static int run_appeared(struct launch *l, bool *ret, struct err *e)
{
    static const int64_t waits_ms[] = { 0, 1000, 2000, 4000, 8000, 16000, 32000 };
    const struct wandb_run_ref ref = { l->row.run_entity, l->row.wb_project, l->row.run_id };

    for (size_t i = 0; i < ARRAY_LEN(waits_ms); i++) {
        AUTO_PTR(arena) a = arena_new();
        struct wandb_run_status run = { 0 };
        int rc = waits_ms[i] ? io_sleep(l->agent->io, waits_ms[i], e) : 0;

        if (!rc)
            rc = wandb_run_status(l->agent->o.wandb, a, &ref, &run, e);
        if (rc)
            return rc;
        *ret = run.state.len && !str_eq_nocase(run.state, STR("pending"));
        if (*ret || wandb_is_slipway(l->agent->o.wandb))
            return 0;
    }
    return 0;
}

static int report_to_wandb(struct launch *l, struct err *e)
{
    bool appeared = false;
    int rc = run_appeared(l, &appeared, e);

    if (rc || wandb_is_slipway(l->agent->o.wandb) || appeared)
        return rc;
    if (l->row.phase == LAUNCH_FINISHED)
        return fail_item(l, STR("The submitted job exited successfully but failed to call wandb.init"), e);
    return fail_item(l, message_of(l), e);
}

static int report(struct launch *l, struct err *e)
{
    struct wandb *w = l->agent->o.wandb;
    const struct wandb_hold hold = launch_hold(l);
    int rc = 0;

    if (l->row.phase == LAUNCH_FAILED || l->row.phase == LAUNCH_PREEMPTED)
        return fail_item(l, message_of(l), e);
    if (!wandb_is_slipway(w))
        rc = report_to_wandb(l, e);
    if (!rc && wandb_is_slipway(w))
        rc = wandb_item_finish(w, &hold, ends[l->row.phase].outcome, message_of(l), e);
    return rc;
}

/* One that came to its end before it could be acknowledged may be another's by now, and where there are no
 * tokens the server would believe us all the same. */
static int report_if_ours(struct launch *l, struct outcome *out)
{
    int rc = l->row.acked || launch_hold(l).fence ? 0 : act_ack(l, out);

    if (rc == -ERR_CONFLICT || rc == -ERR_NOT_FOUND)
        return 0;
    return rc ? rc : report(l, &out->err);
}

int act_report(struct launch *l, struct outcome *out)
{
    int64_t fence = launch_hold(l).fence;
    int rc = l->row.disowned ? 0 : report_if_ours(l, out);

    if (rc == -ERR_CANCELLED)
        return rc;
    if (rc == -ERR_CONFLICT && launch_hold(l).fence != fence)
        rc = err_set(&out->err, ERR_NET, "the item came back while its end was reported");
    if (!rc)
        out->err = (struct err){ 0 };
    else if (l->row.retries == 0)
        LOG_WARNING("launch.report_failed", "item=%.*s error=\"%s\"", STR_ARG(l->row.item), out->err.msg);
    outcome_set(out, rc ? LAUNCH_EV_REPORT_ERR : LAUNCH_EV_REPORT_OK);
    return 0;
}
