/*
 * agent/journal.h: the agent's durable memory: one row per launch, and a line per move.
 *
 * A row is written before the act it announces, by the launch's own fiber only. A secret's value is never in
 * it. The folder is locked for as long as the journal is open.
 */
#pragma once

#include "io/db.h"
#include "launch/phase.h"

struct journal;

/* The strings are owned (heap), each NUL-terminated or absent. Times are Unix milliseconds, 0: not yet. */
struct launch_row {
    int64_t id;                                /* 0: not in the journal yet */
    struct str item, queue;                    /* where it came from */
    int64_t fence;                             /* of the latest pop; 0: the server gives none */
    struct str run_id, run_entity, wb_project; /* the run it becomes; the latter two absent in a bad spec */
    struct str gcp_project, region, attempt_label; /* of the latest submit attempt */
    struct str vertex_job, vertex_status;          /* "projects/...", "JOB_STATE_..." as last seen */
    struct str reason, stage;                      /* why it waits or failed; "agent" or "run" */
    enum launch_phase phase;
    enum launch_cause cause; /* of the latest wait or failure */
    uint32_t attempt, retries, probes;
    uint32_t rungs; /* of its ladder, as it was resolved; 0: not yet */
    struct launch_place at;
    enum launch_stop stop;
    bool probe_needed;
    bool ran, spot,
        flexible;    /* the latest job: it was RUNNING at some time; its strategy is SPOT, FLEX_START */
    bool acked;      /* the server agreed that it is ours */
    bool disowned;   /* the server said that it is somebody else's: there is nothing to report */
    bool taken_over; /* an agent that fell silent had it before */
    bool scheduler;  /* of a sweep: counts against max_schedulers, not max_jobs */
    bool own_key;    /* the spec brought its own API key, which is not in the journal */
    int64_t waiting_since_ms; /* 0: it has not waited since its last job */
    int64_t leased_at_ms, submitted_at_ms, active_at_ms, ended_at_ms, reported_at_ms;
};
void launch_row_done(struct launch_row *r);
/** launch_row_assign() - make @r a copy of @from. */
void launch_row_assign(struct launch_row *r, const struct launch_row *from);
bool launch_row_equal(const struct launch_row *a, const struct launch_row *b);

struct journal_options {
    const char *state_dir; /* made when missing */
    bool fast_and_unsafe;
};
/** journal_open() - -ERR_CONFLICT: another agent has the folder; -ERR_STORE: damaged or newer than we are;
 * -ERR_OS. Blocks briefly. */
NODISCARD int journal_open(struct io *io, const struct journal_options *o, struct journal **ret,
                           struct err *e);
void journal_close(struct journal *j); /* NULL is a no-op */
/** journal_bytes() - what it takes on disk, with its log. Does not yield. */
int64_t journal_bytes(const struct journal *j);
DEFINE_AUTO(journal, journal_close)

/** journal_agent_label() - drawn once per journal; marks the Vertex jobs that are ours. */
struct str journal_agent_label(const struct journal *j);

/** journal_adoption_is_due() - true from the making of a journal until journal_adoption_done(): an earlier
 * one may have been lost, with jobs that live. Does not yield. */
bool journal_adoption_is_due(struct journal *j);
NODISCARD int journal_adoption_done(struct journal *j, struct err *e); /* yields */

/** journal_add() - a new launch, LEASED, or ACTIVE with its job, with its spec (JSON text without secrets;
 * "null": not known); *ret_id is its row. Durable on return. Yields. -ERR_CONFLICT: an unreported launch of
 * the same item is there. */
NODISCARD int journal_add(struct journal *j, const struct launch_row *r, struct str spec, int64_t *ret_id,
                          struct err *e);
struct journal_change {
    const struct launch_row *row; /* all of it is written */
    enum launch_phase from;       /* the phase it was in; another one in the file is -ERR_STORE */
    struct str request;           /* present: the exact request of this attempt, without secrets */
    struct str note;              /* for the history */
    int64_t at_ms;
};
/** journal_save() - durable on return. A line is added to the history when the phase changes or there is a
 * note. Yields. */
NODISCARD int journal_save(struct journal *j, const struct journal_change *c, struct err *e);

/** journal_each() - every launch that is not reported, oldest first. The row is borrowed for the call of
 * @visit. Does not yield. */
typedef void (*journal_visit_fn)(void *ctx, const struct launch_row *r);
NODISCARD int journal_each(struct journal *j, journal_visit_fn visit, void *ctx, struct err *e);
/** journal_spec() - the spec of a launch. Does not yield. */
NODISCARD int journal_spec(struct journal *j, struct arena *a, int64_t id, struct str *ret, struct err *e);
/** journal_request() - the request of the latest attempt; absent before the first. Does not yield. */
NODISCARD int journal_request(struct journal *j, struct arena *a, int64_t id, struct str *ret, struct err *e);

/** journal_disowned() - the items that were somebody else's in the end. Does not yield. */
typedef void (*journal_item_fn)(void *ctx, struct str item);
NODISCARD int journal_disowned(struct journal *j, journal_item_fn visit, void *ctx, struct err *e);

struct journal_move {
    int64_t at_ms;
    enum launch_phase from, to;
    struct str note;
};
/** journal_history() - the moves of a launch, oldest first. Does not yield. */
NODISCARD int journal_history(struct journal *j, struct arena *a, int64_t id, struct journal_move **ret,
                              size_t *ret_len, struct err *e);
