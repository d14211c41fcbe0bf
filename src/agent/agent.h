/* agent/agent.h: taking items and seeing them through, whatever dies on the way. */
#pragma once

#include "google/secret_manager.h"
#include "launch/policy.h"
#include "wandb/wandb.h"

struct agent;

struct agent_options {
    const char *state_dir; /* journal; made when missing; one agent at a time */
    const char *home; /* the same for this agent's next life on an empty disk, and no other agent's; NULL:
                         jobs of a lost journal are not looked for */
    const char *entity;
    const char *const *queues; /* NULL-ended */
    int64_t max_jobs;          /* -1: no limit */
    int64_t
        max_schedulers; /* schedulers of sweeps at once, beside the jobs; -1: no limit. Further ones are taken
                           and held, at most 16 a queue, so that no lease is lost; 0: they are failed */
    const char *gcp_project,
        *region; /* defaults for queue configs that name none; NULL: from the credential; us-central1 */
    const struct launch_policies *policies; /* ladders and limits of the queues; NULL: the defaults */
    const char *const *macro_allow_env;     /* names and prefixes (FOO_*) of environment variables that queue
                                               configs may use as macros; NULL-ended; NULL: none */
    const char *config_json;                /* resolved configuration, for the server's record */
    const char *version;
    int64_t poll_min_ms, poll_max_ms; /* 0: 1000, 10000 */
    int64_t watch_ms;                 /* 0: adaptive 1 s to 10 s */
    int64_t stop_grace_ms; /* a run that was asked to stop ends itself within this, else its job is cancelled;
                              0: 60000 */
    bool stop_jobs_on_drain; /* a drain cancels the jobs and waits for their ends, as long as it may */
    bool fast_and_unsafe_db;
    struct wandb *wandb;            /* borrowed */
    struct google *google;          /* borrowed */
    struct secret_manager *secrets; /* borrowed: for the secrets that queue configs name */
};
/** agent_new() - lock the state directory, open the journal. -ERR_CONFLICT: another agent has it. Strings of
 * @o are borrowed for the agent's life. */
NODISCARD int agent_new(struct io *io, const struct agent_options *o, struct agent **ret, struct err *e);
/** agent_run() - take up what the journal holds, then work until drained, told to stop by the server, or
 * cancelled. A server that is down and a queue that does not exist yet are waited for; a wrong key or entity
 * is an error. Yields. */
NODISCARD int agent_run(struct agent *a, struct err *e);
/** agent_drain() - take nothing more, save, let agent_run() return within 10 s. Vertex jobs run on. Does not
 * yield. */
void agent_drain(struct agent *a);
/** agent_pause() - take nothing more, until agent_pause(a, false); what is in hand goes on. A poll that is
 * under way may still bring one item a queue. Ends with the process. Does not yield. */
void agent_pause(struct agent *a, bool paused);
/** agent_reload() - go on with the queues, max_jobs, policies, defaults, macros, stop grace and record of @o;
 * what else it has stays as it was. Strings are borrowed from now on, as those of before are until
 * agent_run() returns. Launches in hand go on, by the new limits. Does not yield. */
void agent_reload(struct agent *a, const struct agent_options *o);
/** agent_status() - what it does now, as JSON in @arena: {entity, server, queues, paused, draining, ready,
 * lastHeartbeatAt, slots: {used, max}, launches: {PHASE: count}, waiting: [{item, run, queue, cause, reason,
 * since}]}. Times are RFC 3339. Does not yield. */
const struct jval *agent_status(const struct agent *a, struct arena *arena);
/** agent_is_ready() - registered, and the server answered a heartbeat in the last minute. Does not yield. */
bool agent_is_ready(const struct agent *a);
/** agent_metrics() - append what it does and has done since its start, as Prometheus reads it (text format
 * 0.0.4). Does not yield. */
void agent_metrics(const struct agent *a, struct strbuf *out);
void agent_free(struct agent *a); /* after agent_run() has returned; NULL is a no-op */
