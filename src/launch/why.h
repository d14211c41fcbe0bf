/*
 * launch/why.h: why a queue item is where it is: facts in; cause, evidence and what to do out. Pure.
 *
 * Facts that a server does not give are left at 0 (absent, NULL) unless said otherwise; the answer then says
 * less, and never guesses. Strings borrow; the answer's live in the arena or for ever.
 */
#pragma once

#include "base/arena.h"
#include "launch/phase.h"

enum {
    WHY_SILENT_MS = 90000 /* an agent is heard of every 20 s; one that was not for so long is silent */
};

/* What somebody said of the item, and what Google's refusal table (google/refusal.h) makes of it. */
struct why_words {
    struct str text;
    struct str id, cause, permission, fix; /* absent: the table does not know it */
};
struct why_event { /* of the item's history, oldest first */
    int64_t at_unix_ms;
    struct str state, by, note;
};
struct why_agent { /* one that listens to the item's queue */
    struct str name, hostname;
    int64_t heartbeat_unix_ms;
    int64_t max_jobs; /* 0: not known; below 0: no limit */
    bool ended;       /* it said so */
};
struct why_journal { /* the item's row in its agent's journal */
    enum launch_phase phase;
    enum launch_cause cause;
    struct str vertex_job, vertex_status;
    int64_t since_unix_ms;   /* of @phase and @vertex_status: the latest move */
    int64_t waiting_unix_ms; /* since when it waits; 0: it does not */
    int64_t tries;           /* creates that were sent */
};
struct why_facts {
    int64_t now_unix_ms;
    struct str item, queue;
    struct str state;         /* as on the wire; absent: the server does not have the item */
    struct str stage;         /* of @error: "agent", "run" */
    struct why_words error;   /* why it failed */
    struct why_words waits;   /* the latest word of the agent that it waits */
    int64_t next_try_unix_ms; /* as that word has it; 0: not known */
    const struct why_event *history;
    size_t history_len;
    int64_t created_unix_ms;
    bool stop_asked;
    int64_t ahead; /* items of the queue that are taken before this one; -1: not known */
    int64_t held;  /* items of the queue that agents have; -1: not known */
    bool agents_known;
    const struct why_agent *agents;
    size_t agent_count;
    struct why_agent holder;           /* who has the item; name absent: nobody, or not known */
    const struct why_journal *journal; /* NULL: not at hand */
};
struct why_list {
    struct str *at;
    size_t len, cap;
};
struct why_answer {
    const char *cause;     /* stable id, docs/why.md: "no_agent", "waiting_quota", "failed_program" */
    struct str summary;    /* one sentence without full stop */
    int64_t since_unix_ms; /* 0: not known */
    struct why_list evidence, fix;
};
/** why_decide() - always an answer. */
struct why_answer why_decide(struct arena *a, const struct why_facts *f);

/* The words that agents write into an item's history: "... at TIME: REASON" or "...: REASON", and a name. */
#define WHY_NOTE_WAITS "waiting to try again"
#define WHY_NOTE_JOB   "Vertex job "
/** why_wait_read() - a WHY_NOTE_WAITS note's reason and when it tries again (0: not told). False: another
 * note. */
bool why_wait_read(struct str note, struct str *ret_reason, int64_t *ret_unix_ms);
