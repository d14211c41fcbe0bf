/*
 * server/store/items.h: items of queues, their leases and their history. Every change of state goes through
 * the table of server/states.h and writes a line of history in the same transaction.
 */
#pragma once

#include "io/io.h"
#include "server/states.h"
#include "server/store/audit.h"
#include "server/store/page.h"

struct store;

struct store_item {
    int64_t seq; /* position: order of arrival */
    struct str uid;
    int64_t queue_id;
    enum item_state state;
    int64_t priority;
    struct str spec;                          /* JSON text, merged with the queue's config */
    struct str pushed_by;                     /* user name */
    struct str target_entity, target_project; /* of its run; absent when the spec names none */
    struct str run_name;                      /* associatedRunId; absent before the ack */
    struct str agent_uid;                     /* who holds or held it; absent before the first pop */
    int64_t fence;                            /* counts pops; a token of an earlier pop is stale */
    int64_t lease_until_unix_ms;
    struct str error, error_stage, error_files; /* why FAILED; files: JSON list text */
    bool stop_asked;
    int64_t created_unix_ms, updated_unix_ms;
};
struct store_new_item {
    int64_t queue_id;
    int64_t priority;
    struct str spec, pushed_by, target_entity, target_project;
    int64_t now_unix_ms;
};
struct store_item_line { /* of history */
    int64_t at_unix_ms;
    struct str state; /* on the wire: the state after this line */
    struct str who;   /* "user NAME", "agent NAME", "server" */
    struct str note;
    struct str stage; /* present: a warning of this stage */
    struct str files; /* JSON list text; absent: none */
};
/* Something an agent or a user says about an item. */
struct store_item_word {
    struct str uid;
    int64_t fence; /* 0: not given, no fencing; else a stale one is -ERR_CONFLICT */
    enum item_event ev;
    struct str who, note;                       /* for the history */
    struct str error, error_stage, error_files; /* kept when the event makes it fail or go silent */
    int64_t now_unix_ms;
};

NODISCARD int store_item_push(struct store *s, struct arena *a, const struct store_new_item *n,
                              struct str *ret_uid, struct err *e);
NODISCARD int store_item_by_uid(struct store *s, struct arena *a, struct str uid, struct store_item *ret,
                                struct err *e);
struct store_item_query {
    int64_t queue_id;
    const char *states;     /* ",PENDING,FAILED," in names of the wire; NULL: all */
    bool stop_asked;        /* only those that somebody asked to stop */
    struct store_page page; /* positions are seq */
};
/** store_item_list() - newest first. */
NODISCARD int store_item_list(struct store *s, struct arena *a, const struct store_item_query *q,
                              struct store_item **ret, size_t *ret_len, struct err *e);
/** store_item_count() - all that the query finds, whatever its page. */
NODISCARD int store_item_count(struct store *s, const struct store_item_query *q, int64_t *ret,
                               struct err *e);
struct store_depth {
    struct str entity, queue;
    struct str state; /* in words of the wire: PENDING, LEASED, CLAIMED or RUNNING */
    int64_t items;
    int64_t oldest_unix_ms; /* when the oldest of them was pushed */
};
/** store_item_depths() - how many items of each queue that is there are in each state that is no end. */
NODISCARD int store_item_depths(struct store *s, struct arena *a, struct store_depth **ret, size_t *ret_len,
                                struct err *e);
/** store_item_ahead() - of the waiting items of @item's queue, those that store_item_pop() takes before it.
 */
NODISCARD int store_item_ahead(struct store *s, const struct store_item *item, bool has_priorities,
                               int64_t *ret, struct err *e);
/** store_item_history() - oldest first. */
NODISCARD int store_item_history(struct store *s, struct arena *a, int64_t seq, struct store_item_line **ret,
                                 size_t *ret_len, struct err *e);
NODISCARD int store_item_waiting(struct store *s, int64_t queue_id, bool *ret, struct err *e);

struct store_pop {
    int64_t queue_id;
    bool has_priorities; /* lowest priority number first; else order of arrival only */
    struct str agent_uid, who;
    bool takes_over; /* abandoned items too, and first: this agent looks for a job before it makes one */
    int64_t now_unix_ms, lease_ms;
};
/** store_item_pop() - lease the next waiting item. *ret_found false: there is none. One that is taken over
 * keeps its state and its run_name, with which it is to be acknowledged. */
NODISCARD int store_item_pop(struct store *s, struct arena *a, const struct store_pop *p, bool *ret_found,
                             struct store_item *ret, struct err *e);
/** store_item_ack() - LEASED becomes CLAIMED, with its run; a pending run is made in the target project, so
 * that it can be seen and stopped from now on. The same ack again, with its fence, is 0: its answer was lost.
 * -ERR_CONFLICT: acked before, lease lost, or stale fence. */
NODISCARD int store_item_ack(struct store *s, const struct store_item_word *w, struct str run_name,
                             struct err *e);
/** store_item_tell() - apply an event; its run, when it has one that has not ended, follows to the same end.
 * -ERR_CONFLICT when the state does not allow it. */
NODISCARD int store_item_tell(struct store *s, const struct store_item_word *w, struct err *e);
/** store_item_note() - a line of history without a change of state; a warning when error_stage is there. */
NODISCARD int store_item_note(struct store *s, const struct store_item_word *w, struct err *e);
/** store_item_delete() - out of the queue with its history. -ERR_CONFLICT while an agent has it. */
NODISCARD int store_item_delete(struct store *s, struct str uid, const struct store_by *by, struct err *e);
/** store_takeover_sweep() - items of Slipway's agents that have been silent since @before_unix_ms wait for
 * another agent from now on, as do those lent again that were not acknowledged in time. */
NODISCARD int store_takeover_sweep(struct store *s, int64_t before_unix_ms, int64_t now_unix_ms,
                                   size_t *ret_count, struct err *e);
/** store_item_abandoned() - does an item of the queue wait for another agent? */
NODISCARD int store_item_abandoned(struct store *s, int64_t queue_id, bool *ret, struct err *e);
/** store_item_keep() - the holder of @fence is there, and is @agent_uid now. -ERR_CONFLICT: it was lent again
 * since. An item that has ended stays as it is. */
NODISCARD int store_item_keep(struct store *s, struct str uid, int64_t fence, struct str agent_uid,
                              struct err *e);
/** store_times_settle() - after a wall clock that was set back: no lease ends later than a new one would, and
 * nobody was heard of later than now. */
NODISCARD int store_times_settle(struct store *s, int64_t now_unix_ms, int64_t lease_ms, struct err *e);
/** store_lease_sweep() - give back all leases that ran out; *ret_count of them. */
NODISCARD int store_lease_sweep(struct store *s, int64_t now_unix_ms, size_t *ret_count, struct err *e);
/** store_orphan_sweep() - items with an agent that has been silent since @before_unix_ms and whose run never
 * started become SILENT. */
NODISCARD int store_orphan_sweep(struct store *s, int64_t before_unix_ms, int64_t now_unix_ms,
                                 size_t *ret_count, struct err *e);
