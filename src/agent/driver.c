/*
 * agent/driver.c: one fiber per launch: what comes next (launch/phase.h), written down, done, and the result
 * fed back, until the queue knows the end.
 */
#include <stdlib.h>

#include "agent/agent_internal.h"
#include "base/log.h"

enum { REASON_MAX_BYTES = 8 * 1024, ERROR_LAG_MS = 5000 };

static struct launch_view view_of(const struct launch_row *r)
{
    return (struct launch_view){ .phase = r->phase,
                                 .attempt = r->attempt,
                                 .retries = r->retries,
                                 .probes = r->probes,
                                 .stop_asked = r->stop_asked,
                                 .has_vertex_job = r->vertex_job.len > 0,
                                 .probe_needed = r->probe_needed };
}

/* --- waiting -------------------------------------------------------------------------------------------- */

/* Vertex fills in the words for a failure up to a minute after the state: ask once more. */
static int late_error(struct launch *l, struct outcome *out)
{
    struct agent *a = l->agent;
    AUTO_PTR(arena) arena = arena_new();
    struct vertex_job job = { 0 };
    int rc = io_sleep(a->io, ERROR_LAG_MS, NULL);

    if (!rc)
        rc = vertex_get(a->o.google, arena, l->row.vertex_job, &job, NULL);
    if (rc == -ERR_CANCELLED)
        return rc;
    if (!rc && job.error_message.len)
        strbuf_add(&out->reason, job.error_message);
    return 0;
}

static int status_reason(struct launch *l, struct outcome *out)
{
    int rc = 0;

    if (out->ev.status == VERTEX_FAILED || out->ev.status == VERTEX_EXPIRED) {
        strbuf_addz(&out->reason, l->seen_error);
        if (!out->reason.len)
            rc = late_error(l, out);
        if (!out->reason.len)
            strbuf_addf(&out->reason, "the Vertex job ended as %s without giving a reason",
                        vertex_status_name(out->ev.status));
    } else if (out->ev.status == VERTEX_CANCELLED) {
        strbuf_addz(&out->reason, l->row.stop_asked ? "stopped on request" : "cancelled on Vertex AI");
    }
    return rc;
}

/* Mail for a launch in this phase? False: wait on. */
static bool take_mail(struct launch *l, struct outcome *out)
{
    bool watched = l->row.phase == LAUNCH_ACTIVE || l->row.phase == LAUNCH_STOPPING;

    if (l->stop_wanted && !l->row.stop_asked && !launch_phase_is_ended(l->row.phase)) {
        outcome_set(out, LAUNCH_EV_STOP_ASKED);
        return true;
    }
    if (watched && l->gone) {
        strbuf_addz(&out->reason, "the Vertex job was deleted before it ended");
        outcome_set(out, LAUNCH_EV_GONE);
        return true;
    }
    if (watched && l->seen_fresh) {
        l->seen_fresh = false;
        outcome_set(out, LAUNCH_EV_STATUS);
        out->ev.status = l->seen;
        return true;
    }
    return false;
}

static int wait_for_event(struct launch *l, struct outcome *out)
{
    struct agent *a = l->agent;

    for (;;) {
        int64_t left = l->deadline_ms < 0 ? -1 : l->deadline_ms - io_now_ms(a->io);
        int rc;

        if (take_mail(l, out))
            return out->ev.kind == LAUNCH_EV_STATUS ? status_reason(l, out) : 0;
        if (l->deadline_ms >= 0 && left <= 0) {
            l->deadline_ms = -1;
            outcome_set(out, LAUNCH_EV_WAIT_OVER);
            return 0;
        }
        rc = cond_wait(a->io, &l->wake, left, NULL);
        if (rc == -ERR_CANCELLED)
            return rc;
    }
}

static int wait_ms(struct launch *l, int64_t ms, struct outcome *out)
{
    l->deadline_ms = ms < 0 ? -1 : io_now_ms(l->agent->io) + ms;
    return wait_for_event(l, out);
}

/* --- acts ----------------------------------------------------------------------------------------------- */

static int act_cancel(struct launch *l, int64_t again_ms, struct outcome *out)
{
    int rc = vertex_cancel(l->agent->o.google, l->row.vertex_job, &out->err);

    if (rc == -ERR_CANCELLED)
        return rc;
    if (rc) {
        LOG_WARNING("launch.cancel_failed", "item=%.*s vertex_job=%.*s error=\"%s\"", STR_ARG(l->row.item),
                    STR_ARG(l->row.vertex_job), out->err.msg);
        outcome_set(out, rc == -ERR_NOT_FOUND ? LAUNCH_EV_GONE : LAUNCH_EV_CANCEL_ERR);
        return 0;
    }
    cond_broadcast(l->agent->io, &l->agent->watch);
    return wait_ms(l, again_ms, out);
}

static int do_act(struct launch *l, const struct launch_step *step, struct outcome *out)
{
    switch (step->act) {
    case LAUNCH_ACT_RESOLVE:
        return act_resolve(l, out);
    case LAUNCH_ACT_PROBE:
        return act_probe(l, out);
    case LAUNCH_ACT_WAIT:
        return wait_ms(l, step->wait_ms, out);
    case LAUNCH_ACT_WATCH:
        return wait_ms(l, -1, out);
    case LAUNCH_ACT_CANCEL:
        return act_cancel(l, step->wait_ms, out);
    case LAUNCH_ACT_REPORT:
        return act_report(l, out);
    case LAUNCH_ACT_NONE:
    case LAUNCH_ACT_SUBMIT: /* see drive_submit() */
        break;
    }
    return wait_for_event(l, out);
}

/* --- steps ---------------------------------------------------------------------------------------------- */

/* The reason a person reads: kept while it waits or has ended, gone once it is under way. */
static void set_reason(struct launch_row *next, const struct launch_row *now, const struct launch_step *step,
                       const struct outcome *out)
{
    struct str text = out->reason.len ? strbuf_str(&out->reason) : str_of(out->err.msg);
    bool ended = launch_phase_is_ended(next->phase);

    if (next->phase == LAUNCH_ACTIVE || step->act == LAUNCH_ACT_SUBMIT)
        next->reason = (struct str){ 0 };
    else if (text.len && (!ended || next->phase != now->phase))
        next->reason = text;
    if (next->phase == LAUNCH_STOPPED && next->phase != now->phase && !text.len)
        next->reason = STR("stopped on request");
    if (ended && next->phase != now->phase && next->phase != LAUNCH_REPORTED)
        next->stage = next->vertex_job.len ? STR("run") : STR("agent");
}

static struct launch_row next_row(const struct launch *l, const struct launch_step *step,
                                  const struct outcome *out)
{
    struct launch_row next = l->row;

    next.phase = step->phase;
    next.fence = launch_hold(l).fence;
    next.retries = step->retries;
    next.probes = step->probes;
    next.stop_asked = step->stop_asked;
    next.probe_needed = step->probe_needed;
    next.acked = next.acked || out->acked;
    next.disowned = next.disowned || out->disowned;
    if (out->job.len)
        next.vertex_job = strbuf_str(&out->job);
    if (out->ev.kind == LAUNCH_EV_STATUS)
        next.vertex_status = str_of(vertex_status_name(out->ev.status));
    set_reason(&next, &l->row, step, out);
    return next;
}

/* A new attempt: the exact request first, then the phase with it, then the create. */
static int submit(struct launch *l, struct launch_row *next, struct launch_secrets *secrets,
                  struct outcome *out)
{
    AUTO_PTR(arena) a = arena_new();
    struct str request = { 0 };
    int rc = submit_prepare(l, a, next, &request, out);

    if (!rc)
        rc = launch_secrets_read(l, request, secrets, &out->err);
    if (rc == -ERR_CANCELLED)
        return rc;
    if (launch_save(l, next, request, (struct str){ 0 }, NULL))
        return -ERR_CANCELLED;
    if (rc) { /* nothing was sent */
        outcome_set(out, LAUNCH_EV_SUBMIT_ERR);
        return 0;
    }
    l->busy = true;
    rc = submit_create(l, request, secrets, out);
    if (rc == -ERR_CANCELLED)
        return rc;
    outcome_set(out, rc ? LAUNCH_EV_SUBMIT_ERR : LAUNCH_EV_SUBMIT_OK);
    out->ev.answer_lost = rc && launch_answer_is_lost(&out->err);
    return 0;
}

static int drive_submit(struct launch *l, struct launch_row *next, struct outcome *out)
{
    struct launch_secrets secrets = { 0 };
    int rc;

    outcome_reset(out);
    rc = submit(l, next, &secrets, out);
    launch_secrets_done(&secrets);
    return rc;
}

/* For people who look at the item: our own server keeps its history. A courtesy, so failures are dropped. */
static void tell_progress(struct launch *l, const struct launch_row *before)
{
    struct wandb *w = l->agent->o.wandb;
    const struct wandb_hold hold = launch_hold(l);
    bool running = str_is(l->row.vertex_status, vertex_status_name(VERTEX_RUNNING)) &&
                   !str_eq(before->vertex_status, l->row.vertex_status);
    AUTO_STRBUF struct strbuf text = STRBUF(REASON_MAX_BYTES);

    if (l->row.phase == LAUNCH_WAITING && before->phase != LAUNCH_WAITING) {
        strbuf_addf(&text, "waiting to try again: %.*s", STR_ARG(l->row.reason));
        (void)!wandb_item_warn(w, &hold, strbuf_str(&text), "agent", NULL);
        return;
    }
    if (!wandb_is_slipway(w) || (!running && before->phase == l->row.phase))
        return;
    if (running)
        strbuf_addz(&text, "the Vertex job runs");
    else if (l->row.phase == LAUNCH_ACTIVE)
        strbuf_addf(&text, "Vertex job %.*s", STR_ARG(l->row.vertex_job));
    else
        return;
    (void)!wandb_item_note(w, &hold, strbuf_str(&text), running, NULL);
}

/* What the history says beside the move. */
static struct str note_of(const struct launch_row *next, const struct launch_row *now)
{
    if (!str_eq(next->vertex_status, now->vertex_status))
        return next->vertex_status;
    if (next->phase == now->phase)
        return (struct str){ 0 };
    return next->phase == LAUNCH_ACTIVE ? next->vertex_job : next->reason;
}

/* One step; *ret_done when the launch is over. -ERR_CANCELLED. */
static int drive_step(struct launch *l, struct outcome *out, bool *ret_done)
{
    struct launch_view view = view_of(&l->row);
    struct launch_step step = launch_next(&view, &out->ev, io_random_unit(l->agent->io));
    struct launch_row next = next_row(l, &step, out), before = { 0 };
    int rc;

    if (step.act == LAUNCH_ACT_SUBMIT)
        return drive_submit(l, &next, out);
    launch_row_assign(&before, &l->row);
    rc = launch_save(l, &next, (struct str){ 0 }, note_of(&next, &before), NULL);
    l->busy = false;
    if (!rc && l->row.phase == LAUNCH_REPORTED)
        *ret_done = true;
    else if (!rc)
        tell_progress(l, &before);
    launch_row_done(&before);
    if (rc || *ret_done)
        return rc;
    outcome_reset(out);
    return do_act(l, &step, out);
}

static void forget(struct launch *l)
{
    struct agent *a = l->agent;

    vec_remove_item(&a->launches, l);
    map_remove(a->by_item, l->row.item);
    cond_broadcast(a->io, &a->slots);
    cond_broadcast(a->io, &a->changed);
    launch_free(l);
}

void launch_drive(void *arg)
{
    struct launch *l = arg;
    struct outcome out = { .ev = { .kind = LAUNCH_EV_RECOVERED },
                           .reason = STRBUF(REASON_MAX_BYTES),
                           .job = STRBUF(REASON_MAX_BYTES) };
    bool done = false;

    while (!done && drive_step(l, &out, &done) == 0)
        continue;
    strbuf_done(&out.reason);
    strbuf_done(&out.job);
    l->busy = false;
    forget(l);
}
