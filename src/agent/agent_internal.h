/*
 * agent/agent_internal.h: what the sources of src/agent share. All of it lives on the loop thread.
 *
 * A launch belongs to its driver fiber, which alone changes its row. Others leave word in the fields marked
 * "mail" and wake it. A launch that only waits for word of its running job is parked: it has no fiber until
 * launch_wake() gives it one, because thousands may wait and a stack is dearer than all they know.
 */
#pragma once

#include "agent/agent.h"
#include "agent/bucket.h"
#include "agent/gate.h"
#include "agent/journal.h"
#include "base/map.h"
#include "base/vec.h"
#include "google/vertex.h"

#define DEFAULT_REGION "us-central1"

struct launch {
    struct agent *agent;
    struct launch_row row;
    struct secret *own_key;  /* the spec's own API key; not in the journal, so lost by a restart */
    bool parked;             /* no fiber: launch_wake() starts one */
    struct cond wake;        /* mail has come; of the fiber, see launch_wake() */
    int64_t deadline_ms;     /* monotonic; of the wait under way, -1: none */
    int64_t leased_since_ms; /* monotonic */
    int64_t active_since_ms; /* monotonic; when its job was made, or this life began */
    bool ack_tried;          /* an ack was sent in this life */
    bool recovered;          /* came from the journal, so an earlier life may have acted already */
    bool busy;               /* between a create and its journal row: a drain waits for the end of it */
    uint64_t hold_epoch;     /* of agent.hold_epoch, when the server last said that the item is ours */
    uint64_t pop_epoch;      /* the epoch it was popped in; 0: by an earlier life */
    int64_t hold_asked_ms;   /* monotonic; of the latest question that was not answered */
    bool disowning;          /* the server said that the item is another's */
    uint32_t nowhere;        /* probes in a row that were answered with 404 */
    bool leaving;            /* its end is being written down: it takes nothing back any more */
    bool settling;           /* its job has ended, and why is being asked */
    bool wants_slot;         /* its wait is over, and all slots are taken */
    bool may_schedule;       /* a scheduler: it is one of max_schedulers */
    bool has_slot;           /* one of agent.reserved is kept for its next attempt */
    bool counted, holds;     /* in agent.in_phase and agent.held: as what */
    enum launch_phase counted_as;
    uint32_t listed; /* the latest sweep that saw its job */
    /* mail */
    enum launch_stop stop_wanted;
    bool gone;
    uint32_t misses;     /* how often in a row it was said that its job does not exist */
    bool try_now;        /* something was given back that it may have waited for */
    int64_t newer_fence; /* the item was popped again while in hand: its new token; 0: it was not */
    enum vertex_status seen;
    bool seen_fresh, seen_started;
    bool looked;          /* its job was seen in this life, in whatever state */
    char *seen_error;     /* Vertex's words for a job that has ended; NULL none */
    int64_t stop_seen_ms; /* monotonic; when the stop request was first noticed, 0: not yet */
};

struct agent {
    struct io *io;
    struct agent_options o;
    struct launch_policies default_policies;
    struct journal *journal;
    struct group *takers, *helpers, *drivers;
    struct vec launches;            /* unreported ones */
    struct map *by_item, *by_job;   /* item -> struct launch; Vertex job -> struct launch, while it has one */
    struct bucket evidence;         /* files about failed items */
    struct map *gates;              /* "project/region" -> struct gate: creates */
    struct cond slots;              /* a slot was freed */
    struct cond changed;            /* for agent_run(): look again */
    struct cond beat;               /* for the heartbeat: there is news to tell */
    struct cond watch;              /* for the watcher: a job became active at a new place */
    struct cond holds;              /* for holds_run(): look again */
    size_t hold_asks;               /* questions under way */
    size_t reserved;                /* slots kept for pops under way, and for launches that go on */
    size_t slots_wanted;            /* launches that want one: they go before pops */
    uint64_t slot_turns, slot_turn; /* of takers: how many have asked for a slot, and whose turn it is */
    struct arena *ids;              /* all it has registered as: calls under way borrow older ids */
    struct str agent_id;            /* in @ids; absent before registration */
    struct vec taker_list;          /* struct taker: one a queue */
    struct vec watched_places;      /* struct place_watch */
    const char **served;            /* queues that were there when we registered; NULL-ended; NULL: not yet */
    struct str queues_missing;      /* of ours, as text in @ids */
    bool register_again;            /* whatever has changed */
    bool paused, draining, registered, told_store_error;
    bool adopting; /* a new journal, and nobody has looked yet for the jobs of an earlier one: they may fill
                      all slots, so on a server that lends nothing twice nothing is taken before */
    int64_t last_beat_ms; /* monotonic; when the latest sign of life that was answered went out, a
                             registration or a heartbeat; 0: none yet */
    uint64_t hold_epoch;  /* grows whenever the server may have lent our items again; 0: not registered yet */
    struct map *foreign;  /* label values of items that are somebody else's, whatever job of ours they have */
    uint64_t items_taken, moves[LAUNCH_PHASE_COUNT]; /* since the start: into each phase */
    uint64_t failed_for[CAUSE_COUNT], waited_for[CAUSE_COUNT];
    int failure; /* what agent_run() returns once nothing is left to do */
    struct err failure_err;

    uint32_t sweeps; /* by the watcher, since the start */
    /* kept by launch_count() */
    size_t in_phase[LAUNCH_PHASE_COUNT]; /* launches */
    size_t held;                         /* slots that their rows hold */
};

/* launches.c: the table of launches, and the one way to change a row */
struct launch *launch_new(struct agent *a, const struct launch_row *row);
void launch_free(struct launch *l);
/** launch_label() - the value of the item's label on its jobs, in @a. */
struct str launch_label(const struct launch *l, struct arena *a);
/** launch_hold() - the item with its latest token, for what is said to the queue. Borrows from @l. */
struct wandb_hold launch_hold(const struct launch *l);
/**
 * launch_save() - journal @next, then make it the launch's row. A full disk is waited for. Yields.
 * Logs a change of phase, and wakes who waits for a slot. @request as in struct journal_change.
 * -ERR_CANCELLED: nothing was changed.
 */
NODISCARD int launch_save(struct launch *l, const struct launch_row *next, struct str request,
                          struct str note, struct err *e);
/** launch_count() - in or out of what the agent counts, by its row and policy. After each change of them. */
void launch_count(struct launch *l, bool in);
size_t agent_slots_used(const struct agent *a); /* reserved ones too */
bool agent_has_free_slot(const struct agent *a);
/** agent_slots_changed() - one was given back, or is wanted no more: wake who waits for one. */
void agent_slots_changed(struct agent *a);
/** launch_take_slot() - keep a slot for the next attempt of a launch that holds none. False: all are taken;
 * it is woken when that changes. */
bool launch_take_slot(struct launch *l);
/** launch_take_turn() - make this scheduler one of max_schedulers, if it is not and there is room. False:
 * there is none, and nobody wakes it when there is. With max_schedulers 0 it is one that was taken over. Does
 * not yield. */
bool launch_take_turn(struct launch *l);
/** launch_drop_slot() - what was kept: its row holds the slot now, or it makes no attempt. */
void launch_drop_slot(struct launch *l);
/** launch_want_stop() - leave word that @l is to end, unless it is to end for a stronger reason already. */
void launch_want_stop(struct launch *l, enum launch_stop why);
const struct launch_policy *launch_policy(const struct launch *l);
/** agent_start_launch() - into the table, and onto a fiber unless it is parked. Does not yield. */
void agent_start_launch(struct agent *a, struct launch *l);
/** launch_index_job() - into or out of by_job, before and after a change of its job's name. */
void launch_index_job(struct launch *l, bool on);
/** launch_wake() - there is mail. Does not yield. */
void launch_wake(struct launch *l);

/* hold.c: an agent that was silent for long may have lost its items to another (own server only). */
/** hold_wait_ms() - until the server is to be asked whether the item is still ours; -1: no need to. */
int64_t hold_wait_ms(const struct launch *l);
/** hold_ask() - -ERR_CONFLICT: it is another's. Other failures: ask again. Yields. */
NODISCARD int hold_ask(struct launch *l, struct err *e);
/** hold_make_sure() - before a create, of an item that was acknowledged: wait until the server has heard of
 * us so lately that it cannot have lent the item again by the time the create arrives, if that leaves before
 * *ret_until_ms (monotonic; 0: whenever, for this server lends nothing again). A process may be stopped for
 * any time in between. -ERR_CONFLICT, -ERR_CANCELLED. Yields. */
NODISCARD int hold_make_sure(struct launch *l, int64_t *ret_until_ms, struct err *e);
/** hold_is_sure() - is the item ours beyond doubt just now? Always, with a server that lends nothing again.
 * Does not yield. */
bool hold_is_sure(const struct launch *l);
/** hold_all_again() - our items may have been lent again: each is asked for, those of parked launches a few
 * at a time. Does not yield. */
void hold_all_again(struct agent *a);
/** hold_give_up() - @item is another's, and so is its job. Does not yield. */
void hold_give_up(struct agent *a, struct str item);
void hold_take_back(struct agent *a, struct str item);
/** hold_is_foreign() - a job with this label is another's. */
bool hold_is_foreign(const struct agent *a, struct str item_label);

/* driver.c */
void launch_drive(void *arg);

/* register.c */
/** agent_register() - until it is done. A server that does not answer and a queue that is not there yet are
 * waited for. Takers begin for the queues that are there. -ERR_CANCELLED; another failure has become the
 * agent's. Yields. */
NODISCARD int agent_register(struct agent *a);
/** agent_register_anew() - one try, where the config or the queues that are there may have changed.
 * -ERR_CANCELLED, else 0: what fails is tried again with the next beat. Yields. */
NODISCARD int agent_register_anew(struct agent *a);

/* Fibers of the helpers group. */
void watcher_run(void *arg); /* agent */
/** watcher_look() - something is about to happen to its job: its place is looked at soon. Does not yield. */
void watcher_look(const struct launch *l);
void heartbeat_run(void *arg);      /* agent: registers, then stays in touch */
void stops_run(void *arg);          /* agent */
void adopt_run(void *arg);          /* agent: jobs of a lost journal; ends when there can be no more */
void holds_run(void *arg);          /* agent: wakes parked launches whose item is to be asked for */
void takers_start(struct agent *a); /* for queues served that have none */

/** agent_sleep_retry() - the wait between two tries of something that has to work in the end. */
NODISCARD int agent_sleep_retry(struct agent *a, uint32_t attempt, const struct err *why, struct err *e);
/** agent_journal_wait() - the journal did not take a row of @item because of @why: that is logged, once for
 * all, and the next try waited for. Yields. -ERR_CANCELLED. */
NODISCARD int agent_journal_wait(struct agent *a, struct str item, const struct err *why, uint32_t attempt,
                                 struct err *e);
/** agent_journal_works() - it took one; logged if it had failed before. */
void agent_journal_works(struct agent *a, struct str item);
