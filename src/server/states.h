/*
 * server/states.h: the lives of an item and of a run as tables. Pure: no clock, no store.
 *
 * Item: PENDING -pop-> LEASED -ack-> CLAIMED -its run starts-> RUNNING -> FINISHED, FAILED or STOPPED.
 * A lease that runs out leads back to PENDING. SILENT is FAILED on the wire: nobody said that the job failed,
 * it only stopped talking, so a later word of its run or its agent still counts.
 * Sources: protocol reference 3.4 and 4.1.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum item_state {
    ITEM_PENDING,
    ITEM_LEASED,
    ITEM_CLAIMED,
    ITEM_RUNNING,
    ITEM_FINISHED,
    ITEM_FAILED,
    ITEM_STOPPED,
    ITEM_SILENT,
    ITEM_STATE_COUNT_
};
enum item_event {
    ITEM_EV_LEASE,      /* an agent popped it */
    ITEM_EV_LEASE_OVER, /* no ack in time */
    ITEM_EV_ACK,        /* the agent said which run it will be */
    ITEM_EV_STARTED,    /* its run started, or its agent saw the job running */
    ITEM_EV_RUN_WAITS,  /* its run was put back to pending (preemption) */
    ITEM_EV_FINISH,     /* its run or its agent said: ended well */
    ITEM_EV_FAIL,       /* failRunQueueItem, or the run ended with an exit code */
    ITEM_EV_STOPPED,    /* ended because somebody asked */
    ITEM_EV_SILENCE,    /* run or agent stopped sending heartbeats */
    ITEM_EV_STOP_ASKED, /* somebody asks for its end; a live one is ended by its agent */
    ITEM_EVENT_COUNT_
};
const char *item_state_name(enum item_state s); /* as stored: "SILENT" is told apart */
const char *item_state_wire(enum item_state s); /* as clients see it: "PENDING" ... "STOPPED" */
bool item_state_parse(struct str stored_name, enum item_state *ret);
bool item_state_is_ended(enum item_state s);
/** item_state_next() - false when @ev is not allowed in @from (*ret untouched). *ret may equal @from: the
 * event is accepted and changes nothing, so that repeated reports succeed. */
bool item_state_next(enum item_state from, enum item_event ev, enum item_state *ret);

enum run_state {
    RUN_PENDING,
    RUN_RUNNING,
    RUN_FINISHED,
    RUN_FAILED,
    RUN_KILLED,
    RUN_CRASHED,
    RUN_PREEMPTING,
    RUN_PREEMPTED,
    RUN_STATE_COUNT_
};
enum run_event_kind {
    RUN_EV_INIT,       /* UpsertBucket without a state: the script is starting or alive */
    RUN_EV_POST,       /* file_stream: alive */
    RUN_EV_PREEMPTING, /* file_stream said so */
    RUN_EV_COMPLETE,   /* file_stream's last post, with @exit_code */
    RUN_EV_SILENCE     /* no heartbeat for minutes */
};
struct run_event {
    enum run_event_kind kind;
    int64_t exit_code;
    bool stop_asked;
};
const char *run_state_name(enum run_state s); /* "pending" ... lower case, as on the wire */
bool run_state_parse(struct str name, enum run_state *ret);
bool run_state_is_ended(enum run_state s);
/** run_state_next() - the state after @ev; an ended run is only started again by RUN_EV_INIT (resume). */
enum run_state run_state_next(enum run_state from, const struct run_event *ev);
/** run_state_item_event() - what a run's new state means to its item; false: nothing. */
bool run_state_item_event(enum run_state s, enum item_event *ret);
