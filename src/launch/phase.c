/* launch/phase.c: the life of a launch: names, allowed moves, and the decision what comes next. Pure. */
#include "launch/phase.h"

#include <assert.h>

/* Sets of phases, one bit each. */
#define TO(p)     (1u << LAUNCH_##p)
#define ENDS      (TO(FINISHED) | TO(FAILED) | TO(STOPPED) | TO(PREEMPTED))
#define RESOLVING (TO(LEASED) | TO(RESOLVED) | TO(BUILDING))
#define UNSENT    (RESOLVING | TO(WAITING)) /* no create is under way, none has made a job */
/* Where a launch whose job is not known yet may go: it is stopped, refused, or finds a job it has made. */
#define BEFORE    (TO(ACTIVE) | TO(STOPPING) | TO(FAILED) | TO(STOPPED))

static const struct {
    const char *name;
    unsigned next;
} phases[LAUNCH_PHASE_COUNT] = {
    [LAUNCH_LEASED] = { "leased", BEFORE | TO(RESOLVED) | TO(BUILDING) | TO(SUBMITTING) },
    [LAUNCH_RESOLVED] = { "resolved", BEFORE | TO(BUILDING) | TO(SUBMITTING) },
    [LAUNCH_BUILDING] = { "building", BEFORE | TO(SUBMITTING) },
    [LAUNCH_SUBMITTING] = { "submitting", BEFORE | TO(WAITING) },
    [LAUNCH_WAITING] = { "waiting", BEFORE | TO(SUBMITTING) },
    [LAUNCH_ACTIVE] = { "active", ENDS | TO(STOPPING) | TO(WAITING) },
    [LAUNCH_STOPPING] = { "stopping", ENDS | TO(WAITING) },
    [LAUNCH_FINISHED] = { "finished", TO(REPORTED) },
    [LAUNCH_FAILED] = { "failed", TO(REPORTED) },
    [LAUNCH_STOPPED] = { "stopped", TO(REPORTED) },
    [LAUNCH_PREEMPTED] = { "preempted", TO(REPORTED) },
    [LAUNCH_REPORTED] = { "reported", 0 },
};

static const char *const status_names[] = {
    [VERTEX_UNKNOWN] = "JOB_STATE_UNSPECIFIED",
    [VERTEX_QUEUED] = "JOB_STATE_QUEUED",
    [VERTEX_PENDING] = "JOB_STATE_PENDING",
    [VERTEX_RUNNING] = "JOB_STATE_RUNNING",
    [VERTEX_SUCCEEDED] = "JOB_STATE_SUCCEEDED",
    [VERTEX_FAILED] = "JOB_STATE_FAILED",
    [VERTEX_CANCELLING] = "JOB_STATE_CANCELLING",
    [VERTEX_CANCELLED] = "JOB_STATE_CANCELLED",
    [VERTEX_PAUSED] = "JOB_STATE_PAUSED",
    [VERTEX_EXPIRED] = "JOB_STATE_EXPIRED",
    [VERTEX_UPDATING] = "JOB_STATE_UPDATING",
    [VERTEX_PARTIALLY_SUCCEEDED] = "JOB_STATE_PARTIALLY_SUCCEEDED",
};

enum {
    RETRY_MIN_MS = 1000,
    RETRY_MAX_MS = 60000,
    CAPACITY_MIN_MS = 30000,
    CAPACITY_MAX_MS = 600000,
    RECOVER_SPREAD_MS = 5000, /* so that a restart does not submit all that waits in one moment */
    RESUBMIT_MS = 1000,       /* after a job that ended: so that no loop runs hot */
    CANCEL_AGAIN_MS = 120000, /* CANCELLING may last a couple of minutes (reference 1.11) */
    PROBES_TO_SETTLE = 3,
    PROBE_WAIT_MS = 20000 /* times the number of misses: 20 s, 40 s */
};

static bool is_in(enum launch_phase p, unsigned set)
{
    return (set & (1u << p)) != 0;
}

const char *launch_phase_name(enum launch_phase p)
{
    assert((unsigned)p < LAUNCH_PHASE_COUNT);
    return phases[p].name;
}

bool launch_phase_parse(struct str name, enum launch_phase *ret)
{
    for (unsigned i = 0; i < LAUNCH_PHASE_COUNT; i++) {
        if (str_is(name, phases[i].name)) {
            *ret = (enum launch_phase)i;
            return true;
        }
    }
    return false;
}

bool launch_phase_may_move(enum launch_phase from, enum launch_phase to)
{
    assert((unsigned)from < LAUNCH_PHASE_COUNT && (unsigned)to < LAUNCH_PHASE_COUNT);
    return from == to || is_in(to, phases[from].next);
}

bool launch_phase_is_ended(enum launch_phase p)
{
    return is_in(p, ENDS | TO(REPORTED));
}

bool launch_phase_holds_slot(enum launch_phase p, enum launch_cause cause)
{
    return !launch_phase_is_ended(p) && !(p == LAUNCH_WAITING && launch_cause_is_capacity(cause));
}

enum vertex_status vertex_status_parse(struct str s)
{
    int64_t number;

    if (str_to_i64(s, &number))
        return number >= 0 && number < (int64_t)ARRAY_LEN(status_names) ? (enum vertex_status)number
                                                                        : VERTEX_UNKNOWN;
    for (unsigned i = 0; i < ARRAY_LEN(status_names); i++) {
        if (str_is(s, status_names[i]))
            return (enum vertex_status)i;
    }
    return VERTEX_UNKNOWN;
}

const char *vertex_status_name(enum vertex_status s)
{
    assert((unsigned)s < ARRAY_LEN(status_names));
    return status_names[s];
}

/* The phase a Vertex status ends a launch in, or LAUNCH_ACTIVE: watch on (unknown and paused ones too). */
static enum launch_phase ended_phase(enum vertex_status s)
{
    switch (s) {
    case VERTEX_SUCCEEDED:
    case VERTEX_PARTIALLY_SUCCEEDED:
        return LAUNCH_FINISHED;
    case VERTEX_FAILED:
    case VERTEX_EXPIRED:
        return LAUNCH_FAILED;
    case VERTEX_CANCELLED:
        return LAUNCH_STOPPED;
    case VERTEX_UNKNOWN:
    case VERTEX_QUEUED:
    case VERTEX_PENDING:
    case VERTEX_RUNNING:
    case VERTEX_CANCELLING:
    case VERTEX_PAUSED:
    case VERTEX_UPDATING:
        break;
    }
    return LAUNCH_ACTIVE;
}

bool vertex_status_is_ended(enum vertex_status s)
{
    return ended_phase(s) != LAUNCH_ACTIVE;
}

bool launch_answer_is_lost(const struct err *e)
{
    if (!e)
        return true;
    return e->code == ERR_NET || e->code == ERR_TIMEOUT || e->code == ERR_REMOTE || e->code == ERR_PROTO ||
           e->code == ERR_LIMIT || e->code == ERR_CANCELLED;
}

/* min doubling to max; half of it is fixed, half is drawn. A peer's hint is a floor, never shortened. */
static int64_t backoff_ms(int64_t min, int64_t max, uint32_t attempt, double random_unit)
{
    int64_t full = min;

    for (uint32_t i = 0; i < attempt && full < max; i++)
        full *= 2;
    if (full > max)
        full = max;
    return full / 2 + (int64_t)((double)(full / 2) * random_unit);
}

int64_t retry_delay_ms(uint32_t attempt, const struct err *e, double random_unit)
{
    if (e && e->retry_after_ms)
        return e->retry_after_ms;
    return backoff_ms(RETRY_MIN_MS, RETRY_MAX_MS, attempt, random_unit);
}

int64_t capacity_delay_ms(uint32_t attempt, const struct err *e, double random_unit)
{
    if (e && e->retry_after_ms)
        return e->retry_after_ms;
    return backoff_ms(CAPACITY_MIN_MS, CAPACITY_MAX_MS, attempt, random_unit);
}

/* --- the decision ------------------------------------------------------------------------------------- */

/* Staying where we are, doing nothing new: the answer to an event that means nothing here. */
static struct launch_step stay(const struct launch_view *v)
{
    return (struct launch_step){ .phase = v->phase,
                                 .act = LAUNCH_ACT_NONE,
                                 .retries = v->retries,
                                 .probes = v->probes,
                                 .stop = v->stop,
                                 .at = v->at,
                                 .probe_needed = v->probe_needed };
}

/* A move, or a new act in the same phase; the counters start again. */
static struct launch_step go(const struct launch_view *v, enum launch_phase phase, enum launch_act act)
{
    struct launch_step s = { .phase = phase, .act = act, .stop = v->stop, .at = v->at };

    if (act == LAUNCH_ACT_CANCEL)
        s.wait_ms = CANCEL_AGAIN_MS;
    s.new_attempt = act == LAUNCH_ACT_SUBMIT;
    if (act == LAUNCH_ACT_SUBMIT)
        s.retries = v->retries; /* the waits grow over attempts */
    return s;
}

static struct launch_step wait_in(const struct launch_view *v, enum launch_phase phase, int64_t wait_ms)
{
    struct launch_step s = stay(v);

    s.phase = phase;
    s.act = LAUNCH_ACT_WAIT;
    s.wait_ms = wait_ms;
    s.retries = v->retries < UINT32_MAX ? v->retries + 1 : v->retries;
    return s;
}

static struct launch_step probe(const struct launch_view *v, uint32_t probes)
{
    struct launch_step s = stay(v);

    s.act = LAUNCH_ACT_PROBE;
    s.probe_needed = true;
    s.probes = probes;
    return s;
}

static struct launch_step end_in(const struct launch_view *v, enum launch_phase phase)
{
    return go(v, phase, LAUNCH_ACT_REPORT);
}

static struct launch_step fail(const struct launch_view *v, enum launch_cause cause)
{
    struct launch_step s = end_in(v, LAUNCH_FAILED);

    s.cause = cause;
    return s;
}

/* There is no job, and it is to end. */
static struct launch_step end_stopped(const struct launch_view *v)
{
    return v->stop == LAUNCH_STOP_USER ? end_in(v, LAUNCH_STOPPED) : fail(v, CAUSE_DEADLINE);
}

/* Nothing of ours was sent yet. But whoever takes an item over looks for a job of the one before first: it is
 * to end too. */
static bool is_unsettled(const struct launch_view *v)
{
    return v->taken_over && v->attempt == 0 && is_in(v->phase, RESOLVING);
}

static struct launch_step settle(const struct launch_view *v)
{
    struct launch_view settling = *v;

    settling.phase = LAUNCH_SUBMITTING;
    return probe(&settling, 0);
}

static struct launch_step end_unsent(const struct launch_view *v)
{
    return is_unsettled(v) ? settle(v) : end_stopped(v);
}

/* --- the ladder ----------------------------------------------------------------------------------------- */

static uint32_t at_least_one(uint32_t n)
{
    return n ? n : 1;
}

static bool is_out(const struct launch_place *at, uint32_t rung)
{
    return rung < 64 && (at->out & (UINT64_C(1) << rung)) != 0;
}

/* The first rung from @from on that may be tried; false: there is none. */
static bool find_rung(const struct launch_view *v, const struct launch_place *at, uint32_t from,
                      uint32_t *ret)
{
    for (uint32_t i = from; i < at_least_one(v->limits.rungs); i++) {
        if (!is_out(at, i)) {
            *ret = i;
            return true;
        }
    }
    return false;
}

/* A create was refused here: at once on the next rung, behind the last one later from the first. */
static struct launch_step climb(const struct launch_view *v, enum launch_cause cause, const struct err *e,
                                double rnd)
{
    struct launch_place at = v->at;
    struct launch_step s;

    if (launch_remedy(cause) == REMEDY_SKIP_RUNG && at.rung < 64)
        at.out |= UINT64_C(1) << at.rung;
    if (find_rung(v, &at, at.rung + 1, &at.rung)) {
        s = go(v, LAUNCH_SUBMITTING, LAUNCH_ACT_SUBMIT);
    } else if (find_rung(v, &at, 0, &at.rung)) {
        s = wait_in(v, LAUNCH_WAITING, capacity_delay_ms(v->retries, e, rnd));
        s.probe_needed = false;
    } else {
        return fail(v, cause);
    }
    s.at = at;
    s.cause = cause;
    return s;
}

/* A job has ended for want of machines: the next rung, or the next round. */
static struct launch_step climb_again(const struct launch_view *v, enum launch_cause cause, double rnd)
{
    struct launch_place at = v->at;
    struct launch_step s;
    int64_t wait_ms = RESUBMIT_MS;

    if (!find_rung(v, &at, at.rung + 1, &at.rung)) {
        if (++at.round >= at_least_one(v->limits.rounds) || !find_rung(v, &at, 0, &at.rung))
            return fail(v, cause);
        wait_ms = capacity_delay_ms(at.round, NULL, rnd);
    }
    s = wait_in(v, LAUNCH_WAITING, wait_ms);
    s.stop = LAUNCH_STOP_NONE;
    s.at = at;
    s.cause = cause;
    return s;
}

static struct launch_step resume(const struct launch_view *v)
{
    struct launch_step s;

    if (v->at.resumes >= v->limits.max_resumes) {
        s = end_in(v, LAUNCH_PREEMPTED);
    } else {
        s = wait_in(v, LAUNCH_WAITING, RESUBMIT_MS);
        s.stop = LAUNCH_STOP_NONE;
        s.at.resumes++;
    }
    s.cause = CAUSE_PREEMPTED;
    return s;
}

/* --- events --------------------------------------------------------------------------------------------- */

/* Our job is known: watch it, or end it when somebody has asked for that meanwhile. */
static struct launch_step adopt(const struct launch_view *v)
{
    return v->stop ? go(v, LAUNCH_STOPPING, LAUNCH_ACT_CANCEL) : go(v, LAUNCH_ACTIVE, LAUNCH_ACT_WATCH);
}

static struct launch_step on_recovered(const struct launch_view *v, double random_unit)
{
    if (is_in(v->phase, ENDS))
        return end_in(v, v->phase);
    if (v->phase == LAUNCH_STOPPING)
        return go(v, LAUNCH_STOPPING, LAUNCH_ACT_CANCEL);
    if (v->phase == LAUNCH_ACTIVE || (v->phase == LAUNCH_SUBMITTING && v->has_vertex_job))
        return adopt(v);
    if (v->phase == LAUNCH_SUBMITTING) /* the intent was saved; whether the create went out nobody knows */
        return probe(v, 0);
    if (!is_in(v->phase, UNSENT))
        return stay(v);
    if (v->stop)
        return end_unsent(v);
    if (v->phase == LAUNCH_WAITING)
        return wait_in(v, LAUNCH_WAITING, (int64_t)(RECOVER_SPREAD_MS * random_unit));
    return go(v, v->phase, LAUNCH_ACT_RESOLVE);
}

static struct launch_step on_wait_over(const struct launch_view *v)
{
    struct launch_step s = stay(v);

    if (v->stop && is_in(v->phase, UNSENT))
        return end_unsent(v);
    if (v->phase == LAUNCH_WAITING)
        return go(v, LAUNCH_SUBMITTING, LAUNCH_ACT_SUBMIT);
    if (v->phase == LAUNCH_SUBMITTING && v->probe_needed) /* else the create is under way: no wait of ours */
        return probe(v, v->probes);
    if (v->phase == LAUNCH_STOPPING) {
        s = go(v, LAUNCH_STOPPING, LAUNCH_ACT_CANCEL);
        s.retries = v->retries;
    } else if (v->phase == LAUNCH_LEASED || v->phase == LAUNCH_RESOLVED) {
        s.act = LAUNCH_ACT_RESOLVE;
    } else if (is_in(v->phase, ENDS)) {
        s.act = LAUNCH_ACT_REPORT;
    }
    return s;
}

/* Resolving has failed or succeeded; meaningful before SUBMITTING only. */
static struct launch_step on_resolve(const struct launch_view *v, const struct launch_event *ev, double rnd)
{
    if (!is_in(v->phase, RESOLVING))
        return stay(v);
    if (v->stop)
        return end_unsent(v);
    if (ev->kind == LAUNCH_EV_RESOLVED && is_unsettled(v))
        return settle(v);
    if (ev->kind == LAUNCH_EV_RESOLVED)
        return go(v, LAUNCH_SUBMITTING, LAUNCH_ACT_SUBMIT);
    if (v->phase != LAUNCH_BUILDING && (!ev->err || err_is_transient(ev->err)))
        return wait_in(v, v->phase, retry_delay_ms(v->retries, ev->err, rnd));
    return fail(v, CAUSE_INVALID);
}

/* A create was refused: what follows, by its cause. */
static struct launch_step refused(const struct launch_view *v, enum launch_cause cause, const struct err *e,
                                  double rnd)
{
    struct launch_step s;

    switch (launch_remedy(cause)) {
    case REMEDY_NEXT_RUNG:
    case REMEDY_SKIP_RUNG:
        return climb(v, cause, e, rnd);
    case REMEDY_WAIT:
        s = wait_in(v, LAUNCH_WAITING, capacity_delay_ms(v->retries, e, rnd));
        break;
    case REMEDY_RETRY:
        s = wait_in(v, LAUNCH_WAITING, retry_delay_ms(v->retries, e, rnd));
        break;
    case REMEDY_RESUME:
    case REMEDY_FAIL:
        return fail(v, cause);
    }
    s.cause = cause;
    return s;
}

/* An answered create made no job: try again later, elsewhere, or never. */
static struct launch_step on_submit_err(const struct launch_view *v, const struct launch_event *ev,
                                        double rnd)
{
    const struct err *e = ev->err;

    if (v->phase != LAUNCH_SUBMITTING)
        return stay(v);
    if (ev->answer_lost || !e || e->code == ERR_CANCELLED)
        return probe(v, 0);
    if (v->stop)
        return end_stopped(v);
    return refused(v, launch_cause_of_create(e), e, rnd);
}

static struct launch_step on_probe_none(const struct launch_view *v)
{
    struct launch_step s;

    if (v->phase != LAUNCH_SUBMITTING || !v->probe_needed)
        return stay(v);
    if (v->probes + 1 >= PROBES_TO_SETTLE) {
        if (v->stop)
            return end_stopped(v);
        return go(v, LAUNCH_SUBMITTING, LAUNCH_ACT_SUBMIT);
    }
    s = stay(v);
    s.act = LAUNCH_ACT_WAIT;
    s.probes = v->probes + 1;
    s.wait_ms = (int64_t)PROBE_WAIT_MS * s.probes;
    return s;
}

/* A job that we asked to end: for its own sake, or to try elsewhere. A user's stop outlives both. */
static struct launch_step on_stopped_end(const struct launch_view *v, enum launch_phase end, double rnd)
{
    if (v->stop == LAUNCH_STOP_USER)
        return end_in(v, end);
    return v->stop == LAUNCH_STOP_DEADLINE ? fail(v, CAUSE_DEADLINE)
                                           : climb_again(v, CAUSE_START_TIMEOUT, rnd);
}

static struct launch_step on_job_end(const struct launch_view *v, enum launch_phase end,
                                     enum launch_cause cause, double rnd)
{
    struct launch_step s;

    if (end == LAUNCH_FINISHED)
        return end_in(v, end);
    if (v->stop && !(v->stop == LAUNCH_STOP_NOT_STARTED && end == LAUNCH_FAILED)) /* it failed by itself */
        return on_stopped_end(v, end, rnd);
    if (end == LAUNCH_FAILED && launch_remedy(cause) == REMEDY_NEXT_RUNG)
        return climb_again(v, cause, rnd);
    if (end == LAUNCH_FAILED && launch_remedy(cause) == REMEDY_RESUME)
        return resume(v);
    s = end_in(v, end);
    s.cause = end == LAUNCH_FAILED ? cause : CAUSE_NONE;
    return s;
}

static struct launch_step on_status(const struct launch_view *v, const struct launch_event *ev, double rnd)
{
    struct launch_step s = stay(v);
    enum launch_phase end = ended_phase(ev->status);

    if (v->phase != LAUNCH_ACTIVE && v->phase != LAUNCH_STOPPING)
        return s;
    if (end != LAUNCH_ACTIVE)
        return on_job_end(v, end, ev->cause, rnd);
    if (v->phase == LAUNCH_ACTIVE)
        s.act = LAUNCH_ACT_WATCH;
    return s; /* STOPPING: the cancel and its wait go on */
}

static struct launch_step on_stop_asked(const struct launch_view *v, enum launch_stop stop)
{
    struct launch_view stopping = *v;
    struct launch_step s;

    stopping.stop = stop;
    if (stop <= v->stop || (stop == LAUNCH_STOP_NOT_STARTED && v->phase != LAUNCH_ACTIVE))
        return stay(v);
    if (v->phase == LAUNCH_ACTIVE)
        return adopt(&stopping);
    if (is_in(v->phase, UNSENT))
        return end_unsent(&stopping);
    s = stay(v); /* SUBMITTING: the create's outcome is awaited, for there may be a job to end */
    if (!launch_phase_is_ended(v->phase))
        s.stop = stop;
    return s;
}

static struct launch_step on_report(const struct launch_view *v, const struct launch_event *ev, double rnd)
{
    if (!launch_phase_is_ended(v->phase) || v->phase == LAUNCH_REPORTED)
        return stay(v);
    if (ev->kind == LAUNCH_EV_REPORT_OK ||
        (ev->err && (ev->err->code == ERR_NOT_FOUND || ev->err->code == ERR_CONFLICT)))
        return go(v, LAUNCH_REPORTED, LAUNCH_ACT_NONE);
    return wait_in(v, v->phase, retry_delay_ms(v->retries, ev->err, rnd));
}

static struct launch_step on_gone(const struct launch_view *v, double rnd)
{
    if (v->phase == LAUNCH_ACTIVE)
        return fail(v, CAUSE_GONE);
    return v->phase == LAUNCH_STOPPING ? on_stopped_end(v, LAUNCH_STOPPED, rnd) : stay(v);
}

/* The list or the cancel could not be had: the same again, later, for ever; unless the item's own config does
 * not say where to look. */
static struct launch_step on_again_err(const struct launch_view *v, const struct launch_event *ev, double rnd)
{
    bool lost = ev->kind == LAUNCH_EV_PROBE_ERR && v->attempt == 0 && ev->err && ev->err->code == ERR_INVALID;
    bool waits = ev->kind == LAUNCH_EV_PROBE_ERR ? v->phase == LAUNCH_SUBMITTING && v->probe_needed
                                                 : v->phase == LAUNCH_STOPPING;

    if (waits && lost)
        return v->stop ? end_stopped(v) : fail(v, CAUSE_INVALID);
    return waits ? wait_in(v, v->phase, retry_delay_ms(v->retries, ev->err, rnd)) : stay(v);
}

struct launch_step launch_next(const struct launch_view *v, const struct launch_event *ev, double random_unit)
{
    assert((unsigned)v->phase < LAUNCH_PHASE_COUNT);
    switch (ev->kind) {
    case LAUNCH_EV_RECOVERED:
        return on_recovered(v, random_unit);
    case LAUNCH_EV_RESOLVED:
    case LAUNCH_EV_REFUSED:
        return on_resolve(v, ev, random_unit);
    case LAUNCH_EV_SUBMIT_OK:
    case LAUNCH_EV_PROBE_FOUND:
        return is_in(v->phase, UNSENT | TO(SUBMITTING)) ? adopt(v) : stay(v);
    case LAUNCH_EV_SUBMIT_ERR:
        return on_submit_err(v, ev, random_unit);
    case LAUNCH_EV_PROBE_NONE:
        return on_probe_none(v);
    case LAUNCH_EV_PROBE_ERR:
    case LAUNCH_EV_CANCEL_ERR:
        return on_again_err(v, ev, random_unit);
    case LAUNCH_EV_WAIT_OVER:
        return on_wait_over(v);
    case LAUNCH_EV_STATUS:
        return on_status(v, ev, random_unit);
    case LAUNCH_EV_GONE:
        return on_gone(v, random_unit);
    case LAUNCH_EV_STOP_ASKED:
        return on_stop_asked(v, ev->stop);
    case LAUNCH_EV_DISOWNED:
        return launch_phase_is_ended(v->phase) ? stay(v) : end_in(v, LAUNCH_FAILED);
    case LAUNCH_EV_REPORT_OK:
    case LAUNCH_EV_REPORT_ERR:
        return on_report(v, ev, random_unit);
    case LAUNCH_EV_COUNT:
        break;
    }
    return stay(v);
}
