/*
 * agent/driver.c: one fiber per launch: what comes next (launch/phase.h), written down, done, and the result
 * fed back, until the queue knows the end. While its job runs a launch has no fiber; the next one begins as
 * after a restart, for all that is known is in the row and the mail.
 */
#include <stdlib.h>

#include "agent/acts.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "launch/why.h"

enum { REASON_MAX_BYTES = 8 * 1024, TURN_AGAIN_MS = 30000 };

static struct launch_view view_of(const struct launch *l)
{
    const struct launch_row *r = &l->row;
    const struct launch_policy *p = launch_policy(l);

    return (struct launch_view){ .phase = r->phase,
                                 .attempt = r->attempt,
                                 .retries = r->retries,
                                 .probes = r->probes,
                                 .stop = r->stop,
                                 .has_vertex_job = r->vertex_job.len > 0,
                                 .probe_needed = r->probe_needed,
                                 .taken_over = r->taken_over,
                                 .at = r->at,
                                 .limits = { .rungs = r->rungs,
                                             .rounds = (uint32_t)p->stockout_rounds,
                                             .max_resumes = (uint32_t)p->max_resumes } };
}

/* --- waiting -------------------------------------------------------------------------------------------- */

/* Vertex gives the words for a failure up to a minute after the state, and they decide what comes next. The
 * slot is free meanwhile: the row says that the job has ended. */
static int late_error(struct launch *l, struct outcome *out)
{
    static const int64_t waits_ms[] = { 2000, 5000, 10000, 20000, 40000 };
    struct launch_row ended = l->row;
    int rc;

    ended.vertex_status = str_of(vertex_status_name(out->ev.status));
    rc = launch_save(l, &ended, (struct str){ 0 }, (struct str){ 0 }, NULL);
    for (size_t i = 0; !rc && i < ARRAY_LEN(waits_ms) && !out->reason.len; i++) {
        AUTO_PTR(arena) arena = arena_new();
        struct vertex_job job = { 0 };

        rc = io_sleep(l->agent->io, waits_ms[i], NULL);
        if (!rc && vertex_get(l->agent->o.google, arena, l->row.vertex_job, &job, NULL) == -ERR_CANCELLED)
            rc = -ERR_CANCELLED;
        strbuf_add(&out->reason, job.error_message);
        l->seen_started = l->seen_started || job.start_time.len > 0;
    }
    return rc;
}

static int failure_reason(struct launch *l, struct outcome *out)
{
    struct launch_end end = { .ran = l->row.ran, .spot = l->row.spot };
    int rc = 0;

    strbuf_addz(&out->reason, l->seen_error);
    if (!out->reason.len) {
        l->settling = true;
        rc = late_error(l, out);
        l->settling = false;
    }
    end.error = strbuf_str(&out->reason);
    end.ran = end.ran || l->seen_started;
    out->ev.cause = launch_cause_of_end(&end);
    if (!out->reason.len)
        strbuf_addf(&out->reason, "the Vertex job ended as %s without giving a reason",
                    vertex_status_name(out->ev.status));
    return rc;
}

static int status_reason(struct launch *l, struct outcome *out)
{
    bool failed = out->ev.status == VERTEX_FAILED || out->ev.status == VERTEX_EXPIRED;

    if (failed && l->row.stop != LAUNCH_STOP_DEADLINE)
        return failure_reason(l, out);
    if (l->row.stop == LAUNCH_STOP_NONE || l->row.stop == LAUNCH_STOP_USER) /* else the row has it */
        strbuf_addz(&out->reason, out->ev.status != VERTEX_CANCELLED ? ""
                                  : l->row.stop                      ? "stopped on request"
                                                                     : "cancelled on Vertex AI");
    return 0;
}

static void stop_reason(const struct launch *l, struct outcome *out)
{
    const struct launch_policy *p = launch_policy(l);

    if (out->ev.stop == LAUNCH_STOP_NOT_STARTED)
        strbuf_addf(&out->reason,
                    "the Vertex job did not start within %lld s (start_timeout_seconds, or "
                    "WANDB_LAUNCH_START_TIMEOUT: 0 waits for ever)",
                    (long long)(p->start_timeout_ms / 1000));
    else if (out->ev.stop == LAUNCH_STOP_DEADLINE)
        strbuf_addf(&out->reason, "it did not end within %lld s of being taken (deadline_seconds)",
                    (long long)(p->deadline_ms / 1000));
}

/* Mail for a launch in this phase? False: wait on. */
static bool take_mail(struct launch *l, struct outcome *out)
{
    bool watched = l->row.phase == LAUNCH_ACTIVE || l->row.phase == LAUNCH_STOPPING;

    if (l->stop_wanted > l->row.stop && !launch_phase_is_ended(l->row.phase)) {
        outcome_set(out, LAUNCH_EV_STOP_ASKED);
        out->ev.stop = l->stop_wanted;
        stop_reason(l, out);
        return true;
    }
    if (watched && l->gone) {
        if (l->row.stop == LAUNCH_STOP_NONE)
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

static void set_disowned(struct launch *l, struct outcome *out)
{
    LOG_WARNING("launch.disowned", "item=%.*s vertex_job=%.*s action=\"left to the agent that has it now\"",
                STR_ARG(l->row.item), STR_ARG(l->row.vertex_job));
    hold_give_up(l->agent, l->row.item);
    strbuf_addz(&out->reason, "another agent took the item over while this one was silent");
    out->disowned = l->disowning = true;
    outcome_set(out, LAUNCH_EV_DISOWNED);
}

/* Is the wait over? One that waited for machines needs a slot to go on; a scheduler, which may have been
 * adopted as one too many, its turn. */
static bool is_wait_over(struct launch *l, int64_t left)
{
    bool due = (l->deadline_ms >= 0 && left <= 0) || l->try_now;

    if (!due || l->row.phase != LAUNCH_WAITING)
        return due;
    if (l->row.scheduler && !launch_take_turn(l)) {
        l->deadline_ms = io_now_ms(l->agent->io) + TURN_AGAIN_MS;
        l->try_now = false;
        return false;
    }
    return launch_take_slot(l);
}

/* @out->disowned when the item is another's now. */
static int check_hold(struct launch *l, struct outcome *out)
{
    struct err e = { 0 };
    int rc = hold_ask(l, &e);

    if (rc == -ERR_CANCELLED)
        return rc;
    if (rc == -ERR_CONFLICT)
        set_disowned(l, out);
    return 0;
}

/* The shorter of two waits, of which -1 is for ever. */
static int64_t shorter(int64_t a, int64_t b)
{
    return a < 0 ? b : b < 0 || a < b ? a : b;
}

static bool may_park(const struct launch *l)
{
    return l->row.phase == LAUNCH_ACTIVE && l->deadline_ms < 0 && !l->wants_slot && hold_wait_ms(l) < 0;
}

/* With out->parked there was none, and the fiber is to end. */
static int wait_for_event(struct launch *l, struct outcome *out)
{
    struct agent *a = l->agent;

    for (;;) {
        int64_t left = l->deadline_ms < 0 ? -1 : l->deadline_ms - io_now_ms(a->io);
        int rc = 0;

        if (hold_wait_ms(l) == 0)
            rc = check_hold(l, out);
        if (rc || out->disowned)
            return rc;
        if (take_mail(l, out))
            return out->ev.kind == LAUNCH_EV_STATUS ? status_reason(l, out) : 0;
        if (is_wait_over(l, left)) {
            l->deadline_ms = -1;
            l->try_now = false;
            outcome_set(out, LAUNCH_EV_WAIT_OVER);
            return 0;
        }
        out->parked = may_park(l);
        if (out->parked)
            return 0;
        rc = cond_wait(a->io, &l->wake, shorter(l->wants_slot ? -1 : left, hold_wait_ms(l)), NULL);
        if (rc == -ERR_CANCELLED)
            return rc;
    }
}

static int wait_ms(struct launch *l, int64_t ms, struct outcome *out)
{
    l->deadline_ms = ms < 0 ? -1 : io_now_ms(l->agent->io) + ms;
    l->try_now = false;
    return wait_for_event(l, out);
}

/* --- acts ----------------------------------------------------------------------------------------------- */

/* What a person wants holds for everybody's job of the item; that its time is over is for the one to say who
 * has it. */
static int cancel(struct launch *l, struct err *e)
{
    if (l->row.stop != LAUNCH_STOP_USER && !hold_is_sure(l))
        return err_set(e, ERR_NET, "whether the item is still this agent's has to be asked first");
    return vertex_cancel(l->agent->o.google, l->row.vertex_job, e);
}

static int act_cancel(struct launch *l, int64_t again_ms, struct outcome *out)
{
    int rc = cancel(l, &out->err);

    if (rc == -ERR_CANCELLED)
        return rc;
    if (rc) {
        LOG_WARNING("launch.cancel_failed", "item=%.*s vertex_job=%.*s error=\"%s\"", STR_ARG(l->row.item),
                    STR_ARG(l->row.vertex_job), out->err.msg);
        outcome_set(out, LAUNCH_EV_CANCEL_ERR); /* whether it is gone the watcher finds out */
        return 0;
    }
    watcher_look(l);
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

/* What goes wrong on the way to an end that has its reason already is not the reason. */
static bool is_aside(const struct launch_row *now, const struct outcome *out)
{
    bool timed_out = now->stop == LAUNCH_STOP_DEADLINE || now->stop == LAUNCH_STOP_NOT_STARTED;

    return out->ev.kind == LAUNCH_EV_CANCEL_ERR || (timed_out && out->ev.kind != LAUNCH_EV_STATUS);
}

/* The reason a person reads: kept while it waits or has ended, gone once it is under way. */
static void set_reason(struct launch_row *next, const struct launch_row *now, const struct launch_step *step,
                       const struct outcome *out)
{
    struct str text = out->reason.len ? strbuf_str(&out->reason) : str_of(out->err.msg);
    bool ended = launch_phase_is_ended(next->phase);

    if (is_aside(now, out))
        text = (struct str){ 0 };
    if (next->phase == LAUNCH_ACTIVE || step->act == LAUNCH_ACT_SUBMIT)
        next->reason = (struct str){ 0 };
    else if (text.len && (!ended || next->phase != now->phase))
        next->reason = text;
    if (next->phase == LAUNCH_STOPPED && next->phase != now->phase && !text.len)
        next->reason = STR("stopped on request");
    if (ended && next->phase != now->phase && next->phase != LAUNCH_REPORTED)
        next->stage = next->vertex_job.len ? STR("run") : STR("agent");
}

/* Of projects/P/locations/R/customJobs/ID: for a job that somebody else made. */
static void place_of(struct str job, struct str *ret_project, struct str *ret_region)
{
    struct str part[4] = { { NULL, 0 } };

    for (size_t i = 0; i < ARRAY_LEN(part); i++)
        if (!str_cut(&job, '/', &part[i]))
            return;
    *ret_project = part[1];
    *ret_region = part[3];
}

static struct launch_row next_row(const struct launch *l, const struct launch_step *step,
                                  const struct outcome *out)
{
    struct launch_row next = l->row;

    next.phase = step->phase;
    next.fence = launch_hold(l).fence;
    next.retries = step->retries;
    next.probes = step->probes;
    next.stop = step->stop;
    next.at = step->at;
    if (step->phase != l->row.phase || step->cause != CAUSE_NONE)
        next.cause = step->cause;
    if (out->rungs)
        next.rungs = out->rungs;
    next.probe_needed = step->probe_needed;
    next.acked = next.acked || out->acked;
    next.disowned = next.disowned || out->disowned;
    if (out->job.len)
        next.vertex_job = strbuf_str(&out->job);
    if (out->ev.kind == LAUNCH_EV_STATUS) {
        next.vertex_status = str_of(vertex_status_name(out->ev.status));
        next.ran = next.ran || out->ev.status == VERTEX_RUNNING || l->seen_started;
    }
    if (out->job.len && !next.attempt)
        place_of(strbuf_str(&out->job), &next.gcp_project, &next.region);
    if (next.phase == LAUNCH_WAITING || step->new_attempt) /* what it had has ended */
        next.vertex_job = next.vertex_status = (struct str){ 0 };
    set_reason(&next, &l->row, step, out);
    return next;
}

static struct str rung_note(const struct launch *l, struct arena *a, const struct launch_row *next)
{
    const struct launch_policy *p = launch_policy(l);
    const char *text = next->at.rung < p->rung_count ? launch_rung_text(a, &p->rungs[next->at.rung]) : "";

    return str_of(arena_printf(a, "rung %u of %u of the ladder (%s), for want of %s", next->at.rung + 1,
                               next->rungs, text, launch_cause_name(next->cause)));
}

/* A new attempt: the exact request first, then the phase with it, then the create. */
static int submit(struct launch *l, struct launch_row *next, struct launch_secrets *secrets,
                  struct outcome *out)
{
    bool climbs = l->row.phase == LAUNCH_SUBMITTING && next->at.rung != l->row.at.rung;
    AUTO_PTR(arena) a = arena_new();
    struct submission s = { 0 };
    int rc = submit_prepare(l, a, next, &s, out);

    if (rc == -ERR_CONFLICT) {
        set_disowned(l, out);
        return 0;
    }
    if (!rc)
        rc = launch_secrets_read(l, s.request, secrets, &out->err);
    if (rc == -ERR_CANCELLED)
        return rc;
    if (launch_save(l, next, s.request, climbs ? rung_note(l, a, next) : (struct str){ 0 }, NULL))
        return -ERR_CANCELLED;
    if (rc) { /* nothing was sent */
        outcome_set(out, LAUNCH_EV_SUBMIT_ERR);
        return 0;
    }
    l->busy = true;
    rc = submit_create(l, &s, secrets, out);
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
static void tell_progress(struct launch *l, const struct launch_row *before, int64_t wait_ms)
{
    struct wandb *w = l->agent->o.wandb;
    const struct wandb_hold hold = launch_hold(l);
    bool running = str_is(l->row.vertex_status, vertex_status_name(VERTEX_RUNNING)) &&
                   !str_eq(before->vertex_status, l->row.vertex_status);
    AUTO_STRBUF struct strbuf text = STRBUF(REASON_MAX_BYTES);
    char when[RFC3339_SIZE];

    if (l->row.phase == LAUNCH_WAITING && before->phase != LAUNCH_WAITING) {
        strbuf_addf(&text, WHY_NOTE_WAITS " at %s: %.*s",
                    rfc3339_format(io_now_unix_ms(l->agent->io) + wait_ms, when), STR_ARG(l->row.reason));
        (void)!wandb_item_warn(w, &hold, strbuf_str(&text), "agent", NULL);
        return;
    }
    if (!wandb_is_slipway(w) || (!running && before->phase == l->row.phase))
        return;
    if (running)
        strbuf_addz(&text, "the Vertex job runs");
    else if (l->row.phase == LAUNCH_ACTIVE)
        strbuf_addf(&text, WHY_NOTE_JOB "%.*s", STR_ARG(l->row.vertex_job));
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

/* What was seen and wanted of a job that has ended is not meant for the next one. */
static void forget_job(struct launch *l, const struct launch_row *before)
{
    if (before->stop && !l->row.stop && l->stop_wanted <= before->stop)
        l->stop_wanted = LAUNCH_STOP_NONE;
    if (l->row.phase == LAUNCH_WAITING && before->phase != LAUNCH_WAITING)
        l->gone = l->seen_fresh = l->seen_started = false;
    if (l->row.phase == LAUNCH_WAITING)
        l->misses = 0;
}

/* One step; *ret_done when the launch is over. -ERR_CANCELLED. */
static int drive_step(struct launch *l, struct outcome *out, bool *ret_done)
{
    struct launch_view view = view_of(l);
    struct launch_step step = launch_next(&view, &out->ev, io_random_unit(l->agent->io));
    struct launch_row next = next_row(l, &step, out), before = { 0 };
    int rc;

    if (step.act == LAUNCH_ACT_SUBMIT)
        return drive_submit(l, &next, out);
    launch_row_assign(&before, &l->row);
    l->leaving = next.phase == LAUNCH_REPORTED;
    rc = launch_save(l, &next, (struct str){ 0 }, note_of(&next, &before), NULL);
    l->busy = false;
    if (!rc)
        forget_job(l, &before);
    if (!rc && l->row.phase == LAUNCH_REPORTED)
        *ret_done = true;
    else if (!rc)
        tell_progress(l, &before, step.wait_ms);
    launch_row_done(&before);
    if (rc || *ret_done)
        return rc;
    outcome_reset(out);
    return do_act(l, &step, out);
}

static void forget(struct launch *l)
{
    struct agent *a = l->agent;

    launch_drop_slot(l);
    launch_count(l, false);
    vec_remove_item(&a->launches, l);
    map_remove(a->by_item, l->row.item);
    if (!a->launches.len)
        cond_broadcast(a->io, &a->beat);
    launch_index_job(l, false);
    agent_slots_changed(a);
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

    while (!done && !out.parked && drive_step(l, &out, &done) == 0)
        continue;
    strbuf_done(&out.reason);
    strbuf_done(&out.job);
    l->busy = false;
    l->parked = out.parked;
    if (!l->parked)
        forget(l);
}
