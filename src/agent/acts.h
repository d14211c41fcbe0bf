/*
 * agent/acts.h: what a driver does for its launch: resolve, submit, probe, report. Each act says in a struct
 * outcome what it came to, and the driver alone makes the move.
 */
#pragma once

#include "agent/agent_internal.h"
#include "launch/render.h"

/* What an act came to. */
struct outcome {
    struct launch_event ev;
    struct err err;
    struct strbuf reason; /* for the queue; err.msg when it is empty */
    struct strbuf job;    /* a Vertex job that was made or found */
    bool acked, disowned;
    bool parked;    /* there is nothing to do without mail, so the fiber ends */
    uint32_t rungs; /* of its ladder; 0: not known from this */
};
/* outcome.c */
/** outcome_set() - set the event, with the outcome's error when there is one. */
void outcome_set(struct outcome *out, enum launch_event_kind kind);
void outcome_reset(struct outcome *out);

/* Each act yields. -ERR_CANCELLED: the fiber has to end; else @out holds the event. */
NODISCARD int act_resolve(struct launch *l, struct outcome *out);
/** act_ack() - make the item ours; in @out only whether it is, and the error. -ERR_CONFLICT: somebody else
 * has it, -ERR_NOT_FOUND: it is gone. Other failures are worth another try, whatever their code. Yields. */
NODISCARD int act_ack(struct launch *l, struct outcome *out);
NODISCARD int act_probe(struct launch *l, struct outcome *out);
/** act_find() - the job of an agent that had the item before, wherever the ladder leads: its name goes to
 * out->job, which stays empty when there is none. Errors of render_launch() and vertex_list(). Yields. */
NODISCARD int act_find(struct launch *l, struct outcome *out);
NODISCARD int act_report(struct launch *l, struct outcome *out);
struct render_attempt {
    struct str label; /* the dedup label */
    struct launch_place at;
};
/** render_launch() - the spec from the journal, checked and made the request of an attempt, at its rung.
 * All that is wrong goes to out->reason. -ERR_INVALID, -ERR_STORE, -ERR_CANCELLED; a transient code when the
 * Google Cloud project cannot be asked for now. Yields. */
struct launch_job {
    struct launch_spec spec;
    struct rendered rendered;
    struct str warnings; /* of spec and config, as one text */
};
NODISCARD int render_launch(struct launch *l, struct arena *a, const struct render_attempt *attempt,
                            struct launch_job *ret, struct outcome *out);
struct submission {
    struct str request;
    int64_t send_before_ms; /* monotonic: later, the item may be another's; 0: no limit */
};
/** submit_prepare() - the exact request of a new attempt into @next and *ret, its strings in @a. Waits for
 * the right to create. -ERR_CONFLICT: the item is another's. Yields. */
NODISCARD int submit_prepare(struct launch *l, struct arena *a, struct launch_row *next,
                             struct submission *ret, struct outcome *out);

/* evidence.c */
/** evidence_send() - error.log of an item that failed for @message, as a file of the agent's own run;
 * *ret_path (in @a) is to go with the failure. On our own server, which keeps all of it with the item, and
 * when too many fail at once, there is none, and *ret_path stays as it is; so it does when sending fails.
 * -ERR_CANCELLED. Yields. */
NODISCARD int evidence_send(struct launch *l, struct arena *a, struct str message, struct str *ret_path);

/* secrets.c: the values that one request wants; they live from just before the create to just after it. */
struct launch_secrets {
    struct launch_secret *at;
    size_t len;
};
/** launch_secrets_read() - the values of all references in @request. Yields. Errors of
 * secret_manager_access(), naming the variable; an answer that makes no sense is -ERR_REMOTE. */
NODISCARD int launch_secrets_read(struct launch *l, struct str request, struct launch_secrets *ret,
                                  struct err *e);
void launch_secrets_done(struct launch_secrets *s); /* wipes */
/** launch_secrets_find() - a secret_lookup_fn over a struct launch_secrets. */
const struct secret *launch_secrets_find(void *ctx, struct str name, struct str field);
/** submit_create() - send @s with its @secrets filled in; the job's name goes to out->job. Yields. */
NODISCARD int submit_create(struct launch *l, const struct submission *s,
                            const struct launch_secrets *secrets, struct outcome *out);
