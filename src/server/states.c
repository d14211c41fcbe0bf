/* server/states.c: the tables of server/states.h. */
#include "server/states.h"

#include <assert.h>

static const struct {
    const char *stored, *wire;
    bool ended;
} item_states[ITEM_STATE_COUNT_] = {
    [ITEM_PENDING] = { "PENDING", "PENDING", false },   [ITEM_LEASED] = { "LEASED", "LEASED", false },
    [ITEM_CLAIMED] = { "CLAIMED", "CLAIMED", false },   [ITEM_RUNNING] = { "RUNNING", "RUNNING", false },
    [ITEM_FINISHED] = { "FINISHED", "FINISHED", true }, [ITEM_FAILED] = { "FAILED", "FAILED", true },
    [ITEM_STOPPED] = { "STOPPED", "STOPPED", true },    [ITEM_SILENT] = { "SILENT", "FAILED", true },
};

/* Where an event leads, one row a state; 0: not allowed, else the state plus one. Short names keep it a
 * table. */
#define P (ITEM_PENDING + 1)
#define L (ITEM_LEASED + 1)
#define C (ITEM_CLAIMED + 1)
#define R (ITEM_RUNNING + 1)
#define F (ITEM_FINISHED + 1)
#define X (ITEM_FAILED + 1)
#define S (ITEM_STOPPED + 1)
#define Q (ITEM_SILENT + 1)
static const unsigned char item_moves[ITEM_STATE_COUNT_][ITEM_EVENT_COUNT_] = {
    /* clang-format off */
    /*                   lease over ack start waits finish fail stopped silence stop-asked */
    [ITEM_PENDING]  = {  L,    0,   0,  0,    0,    0,     X,   S,      0,      S },
    [ITEM_LEASED]   = {  0,    P,   C,  0,    0,    F,     X,   S,      0,      L },
    [ITEM_CLAIMED]  = {  0,    0,   0,  R,    C,    F,     X,   S,      Q,      C },
    [ITEM_RUNNING]  = {  0,    0,   0,  R,    C,    F,     X,   S,      Q,      R },
    [ITEM_FINISHED] = {  0,    0,   0,  0,    0,    F,     X,   F,      0,      F },
    [ITEM_FAILED]   = {  0,    0,   0,  0,    0,    X,     X,   X,      0,      X },
    [ITEM_STOPPED]  = {  0,    0,   0,  0,    0,    S,     S,   S,      0,      S },
    [ITEM_SILENT]   = {  0,    0,   0,  R,    C,    F,     X,   S,      Q,      Q },
    /* clang-format on */
};

const char *item_state_name(enum item_state s)
{
    assert(s < ITEM_STATE_COUNT_);
    return item_states[s].stored;
}

const char *item_state_wire(enum item_state s)
{
    assert(s < ITEM_STATE_COUNT_);
    return item_states[s].wire;
}

bool item_state_parse(struct str stored_name, enum item_state *ret)
{
    for (unsigned i = 0; i < ITEM_STATE_COUNT_; i++) {
        if (str_is(stored_name, item_states[i].stored)) {
            *ret = (enum item_state)i;
            return true;
        }
    }
    return false;
}

bool item_state_is_ended(enum item_state s)
{
    assert(s < ITEM_STATE_COUNT_);
    return item_states[s].ended;
}

bool item_state_next(enum item_state from, enum item_event ev, enum item_state *ret)
{
    unsigned to;

    assert(from < ITEM_STATE_COUNT_ && ev < ITEM_EVENT_COUNT_);
    to = item_moves[from][ev];
    if (to == 0)
        return false;
    *ret = (enum item_state)(to - 1);
    return true;
}

static const char *const run_states[RUN_STATE_COUNT_] = {
    [RUN_PENDING] = "pending",       [RUN_RUNNING] = "running",     [RUN_FINISHED] = "finished",
    [RUN_FAILED] = "failed",         [RUN_KILLED] = "killed",       [RUN_CRASHED] = "crashed",
    [RUN_PREEMPTING] = "preempting", [RUN_PREEMPTED] = "preempted",
};

const char *run_state_name(enum run_state s)
{
    assert(s < RUN_STATE_COUNT_);
    return run_states[s];
}

bool run_state_parse(struct str name, enum run_state *ret)
{
    for (unsigned i = 0; i < RUN_STATE_COUNT_; i++) {
        if (str_eq_nocase(name, str_of(run_states[i]))) {
            *ret = (enum run_state)i;
            return true;
        }
    }
    return false;
}

bool run_state_is_ended(enum run_state s)
{
    return s == RUN_FINISHED || s == RUN_FAILED || s == RUN_KILLED || s == RUN_CRASHED || s == RUN_PREEMPTED;
}

/* A duplicate or late post must not bring an ended run back; one that was only given up on may come back. */
static bool run_hears_posts(enum run_state s)
{
    return s != RUN_FINISHED && s != RUN_FAILED && s != RUN_KILLED;
}

static enum run_state run_completed(enum run_state from, const struct run_event *ev)
{
    if (!run_hears_posts(from))
        return from;
    if (ev->exit_code == 0)
        return RUN_FINISHED;
    if (ev->stop_asked)
        return RUN_KILLED;
    return from == RUN_PREEMPTING ? RUN_PREEMPTED : RUN_FAILED;
}

enum run_state run_state_next(enum run_state from, const struct run_event *ev)
{
    switch (ev->kind) {
    case RUN_EV_INIT:
        return RUN_RUNNING;
    case RUN_EV_POST:
        return run_hears_posts(from) && from != RUN_PREEMPTING ? RUN_RUNNING : from;
    case RUN_EV_PREEMPTING:
        return run_hears_posts(from) ? RUN_PREEMPTING : from;
    case RUN_EV_COMPLETE:
        return run_completed(from, ev);
    case RUN_EV_SILENCE:
        if (from == RUN_PREEMPTING)
            return RUN_PREEMPTED;
        return from == RUN_RUNNING ? RUN_CRASHED : from;
    }
    return from;
}

bool run_state_item_event(enum run_state s, enum item_event *ret)
{
    static const struct {
        bool has;
        enum item_event ev;
    } events[RUN_STATE_COUNT_] = {
        [RUN_PENDING] = { true, ITEM_EV_RUN_WAITS }, [RUN_RUNNING] = { true, ITEM_EV_STARTED },
        [RUN_FINISHED] = { true, ITEM_EV_FINISH },   [RUN_FAILED] = { true, ITEM_EV_FAIL },
        [RUN_KILLED] = { true, ITEM_EV_STOPPED },    [RUN_CRASHED] = { true, ITEM_EV_SILENCE },
        [RUN_PREEMPTING] = { false, ITEM_EV_LEASE }, [RUN_PREEMPTED] = { true, ITEM_EV_SILENCE },
    };

    assert(s < RUN_STATE_COUNT_);
    if (!events[s].has)
        return false;
    *ret = events[s].ev;
    return true;
}
