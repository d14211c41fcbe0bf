/*
 * launch/phase.h: the life of a launch as data: phases, allowed moves, and what to do next. Pure.
 * The agent journals a phase, acts, and feeds the result back as an event; the diagram is in ARCHITECTURE.md.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "launch/cause.h"

enum launch_phase {
    LAUNCH_LEASED,
    LAUNCH_RESOLVED,
    LAUNCH_BUILDING,
    LAUNCH_SUBMITTING,
    LAUNCH_WAITING,
    LAUNCH_ACTIVE,
    LAUNCH_STOPPING,
    LAUNCH_FINISHED,
    LAUNCH_FAILED,
    LAUNCH_STOPPED,
    LAUNCH_PREEMPTED,
    LAUNCH_REPORTED,
    LAUNCH_PHASE_COUNT
};
const char *launch_phase_name(enum launch_phase p); /* "leased": in the journal, logs and pages */
bool launch_phase_parse(struct str name, enum launch_phase *ret);
bool launch_phase_may_move(enum launch_phase from, enum launch_phase to); /* staying is always allowed */
bool launch_phase_is_ended(enum launch_phase p); /* FINISHED, FAILED, STOPPED, PREEMPTED, REPORTED */
/** launch_phase_holds_slot() - does a launch in @p, there for @cause, count against max_jobs? All that have
 * not ended, but for those that wait for quota or machines. */
bool launch_phase_holds_slot(enum launch_phase p, enum launch_cause cause);

/* The twelve JobState values of Vertex, and what an unknown future one counts as. */
enum vertex_status {
    VERTEX_UNKNOWN,
    VERTEX_QUEUED,
    VERTEX_PENDING,
    VERTEX_RUNNING,
    VERTEX_SUCCEEDED,
    VERTEX_FAILED,
    VERTEX_CANCELLING,
    VERTEX_CANCELLED,
    VERTEX_PAUSED,
    VERTEX_EXPIRED,
    VERTEX_UPDATING,
    VERTEX_PARTIALLY_SUCCEEDED
};
enum vertex_status vertex_status_parse(struct str name_or_number); /* "JOB_STATE_RUNNING", "3" */
const char *vertex_status_name(enum vertex_status s);              /* "JOB_STATE_RUNNING" */
bool vertex_status_is_ended(enum vertex_status s);

/* Why a launch is to end before its program does; a later one of these goes before an earlier one. */
enum launch_stop {
    LAUNCH_STOP_NONE,
    LAUNCH_STOP_NOT_STARTED, /* its job did not run in time: the next rung may */
    LAUNCH_STOP_DEADLINE,    /* its own time is over: it fails */
    LAUNCH_STOP_USER         /* somebody asked */
};

/* Where a launch is on its ladder (launch/policy.h). */
struct launch_place {
    uint32_t rung;    /* of the latest attempt, or the next one */
    uint32_t round;   /* how often all rungs were out of machines */
    uint32_t resumes; /* how often it was preempted and submitted again */
    uint64_t out;     /* rungs that can never do it: bit N for rung N */
};
struct launch_limits {
    uint32_t rungs, rounds; /* 0 counts as 1 */
    uint32_t max_resumes;   /* 0: a preempted job is not submitted again */
};

/* What happened, and what the agent has to do next. */
enum launch_event_kind {
    LAUNCH_EV_RECOVERED,   /* the agent (re)started and found the row */
    LAUNCH_EV_RESOLVED,    /* spec valid, request rendered */
    LAUNCH_EV_REFUSED,     /* spec or config wrong, image missing: @err says why; transient: tried again */
    LAUNCH_EV_SUBMIT_OK,   /* create answered with a job name */
    LAUNCH_EV_SUBMIT_ERR,  /* create answered with an error, or not at all: @err */
    LAUNCH_EV_PROBE_FOUND, /* a list on the dedup label found the job */
    LAUNCH_EV_PROBE_NONE,  /* it did not; launch_next() does the settling, feed every miss */
    LAUNCH_EV_PROBE_ERR,   /* the list itself failed: @err */
    LAUNCH_EV_WAIT_OVER,   /* the @wait_ms of the last step have passed */
    LAUNCH_EV_STATUS,      /* Vertex says @status */
    LAUNCH_EV_GONE,        /* the Vertex job no longer exists (a get said so, not just a list) */
    LAUNCH_EV_STOP_ASKED,  /* for @stop */
    LAUNCH_EV_CANCEL_ERR,  /* the cancel failed: @err */
    LAUNCH_EV_DISOWNED,    /* the item is somebody else's now, and what it came to with it */
    LAUNCH_EV_REPORT_OK,   /* the queue knows */
    LAUNCH_EV_REPORT_ERR, /* telling it failed: @err; not found and conflict end it, others are tried again */
    LAUNCH_EV_COUNT
};
struct launch_event {
    enum launch_event_kind kind;
    enum vertex_status status;
    enum launch_cause cause; /* STATUS that is an end without success: launch_cause_of_end() */
    enum launch_stop stop;
    const struct err *err; /* NULL counts as a transient failure */
    bool answer_lost; /* SUBMIT_ERR: the create may have happened: probe first (launch_answer_is_lost()) */
};
enum launch_act {
    LAUNCH_ACT_NONE, /* nothing new: what is under way (a create, a wait, a cancel) goes on */
    LAUNCH_ACT_RESOLVE,
    LAUNCH_ACT_SUBMIT, /* create; the phase journalled with it holds the exact request */
    LAUNCH_ACT_PROBE,  /* list on the dedup label */
    LAUNCH_ACT_WAIT,   /* until @wait_ms from now, then LAUNCH_EV_WAIT_OVER */
    LAUNCH_ACT_WATCH,
    LAUNCH_ACT_CANCEL, /* ask Vertex to stop the job, then watch; not ended after @wait_ms: WAIT_OVER */
    LAUNCH_ACT_REPORT
};
struct launch_view { /* what the decision may look at: a journal row */
    enum launch_phase phase;
    uint32_t attempt; /* submit attempts so far */
    uint32_t retries; /* steps in a row that ended in waiting; journal the step's value */
    uint32_t probes;  /* probes in a row that found nothing; journal the step's value */
    enum launch_stop stop;
    bool has_vertex_job;
    bool probe_needed; /* the last create's answer was lost */
    bool taken_over;   /* somebody else had the item, and may have made a job */
    struct launch_place at;
    struct launch_limits limits;
};
struct launch_step {
    enum launch_phase phase; /* journal this first, with the values below */
    enum launch_act act;     /* then do this */
    int64_t wait_ms;
    uint32_t retries;
    uint32_t probes;
    enum launch_stop stop;
    bool probe_needed;
    struct launch_place at;
    enum launch_cause cause; /* why it waits or failed */
    bool new_attempt;        /* a fresh dedup label is needed */
};
/**
 * launch_next() - what follows from @v and @ev. Total: every pair of phase and event has an answer, and an
 * event that means nothing in a phase is LAUNCH_ACT_NONE without a move.
 *
 * Settling a lost create: probe at once, then after 20 s and after 40 s more. Only the third miss (at least
 * 60 s after the first) permits a new attempt, for a list may lag behind a create. A restart begins the count
 * again. A job found in any phase before ACTIVE is adopted. An item that was taken over is settled in the
 * same way before its first attempt, on the item's label; also when it is to end before that.
 *
 * The ladder: a create that is refused for want of quota or machines goes on at the next rung at once; behind
 * the last one the launch waits, and begins again. A job that Vertex gave up for want of machines, or that
 * did not start in time, goes on at the next rung too, so many rounds; a preempted one is submitted again at
 * its rung, so many times. These pass through WAITING, where their slot is free: who goes on from there to
 * SUBMITTING needs one.
 */
struct launch_step launch_next(const struct launch_view *v, const struct launch_event *ev,
                               double random_unit);

/** launch_answer_is_lost() - can a create that failed with @e have made a job? No answer, one that could not
 * be read, or the peer's own failure (5xx). */
bool launch_answer_is_lost(const struct err *e);

/** retry_delay_ms() - back-off with jitter: 1 s doubling to 60 s, full jitter of 50 %; a server's hint wins.
 * @attempt from 0; @e may be NULL. */
int64_t retry_delay_ms(uint32_t attempt, const struct err *e, double random_unit);
/** capacity_delay_ms() - the same for quota and capacity: 30 s doubling to 10 min. */
int64_t capacity_delay_ms(uint32_t attempt, const struct err *e, double random_unit);
