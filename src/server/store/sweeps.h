/* server/store/sweeps.h: sweeps, their agents, and the runs that were handed out. */
#pragma once

#include "io/io.h"
#include "server/store/audit.h"
#include "server/store/page.h"
#include "server/store/runs.h"
#include "server/sweep_state.h"

struct store;

struct store_sweep {
    int64_t id, project_id, entity_id;
    struct str name, project_name, entity_name; /* name: its id in W&B's words */
    enum sweep_state state;
    struct str method, display_name, description; /* the latter two may be absent */
    struct str config;                            /* JSON or YAML text */
    struct str controller, scheduler;             /* JSON texts; absent: none */
    bool is_launched; /* a scheduler asks for its runs, and puts them into a queue */
    int64_t seed;
    int64_t expected;   /* how many runs it will have; 0: no end */
    int64_t handed_out; /* how many it handed out: the search's position */
    int64_t run_count;  /* that are its, also such as were given to it by hand */
    struct str username;
    int64_t created_unix_ms, updated_unix_ms, heartbeat_unix_ms;
};
struct store_new_sweep {
    int64_t project_id;
    struct str name, method, display_name, description, config, controller, scheduler;
    const struct str *prior_runs; /* names of runs of the project that become its */
    size_t prior_run_count;
    bool is_launched;
    enum sweep_state state;
    int64_t seed, expected, user_id;
    struct store_by by;
};
/** store_sweep_add() - -ERR_CONFLICT: the name is taken. */
NODISCARD int store_sweep_add(struct store *s, struct arena *a, const struct store_new_sweep *n,
                              struct store_sweep *ret, struct err *e);
struct store_sweep_change { /* absent texts leave what is there */
    int64_t sweep_id;
    struct str method, display_name, description, config, controller, scheduler;
    int64_t expected; /* goes with config */
    bool is_launched; /* from now on; false leaves it as it is */
    bool has_state;
    enum sweep_state state; /* CANCELED also asks for the end of its runs */
    struct store_by by;
};
/** store_sweep_change() - -ERR_CONFLICT: the state does not allow this one, and says which it is. */
NODISCARD int store_sweep_change(struct store *s, struct arena *a, const struct store_sweep_change *change,
                                 struct store_sweep *ret, struct err *e);
NODISCARD int store_sweep_by_name(struct store *s, struct arena *a, int64_t project_id, struct str name,
                                  struct store_sweep *ret, struct err *e);
NODISCARD int store_sweep_by_id(struct store *s, struct arena *a, int64_t id, struct store_sweep *ret,
                                struct err *e);
struct store_sweep_query {
    int64_t project_id;
    struct store_page page; /* positions are ids; newest first */
};
NODISCARD int store_sweep_list(struct store *s, struct arena *a, const struct store_sweep_query *q,
                               struct store_sweep **ret, size_t *ret_len, struct err *e);
NODISCARD int store_sweep_count(struct store *s, int64_t project_id, int64_t *ret, struct err *e);
/** store_sweep_finish() - all is done: RUNNING becomes FINISHED, another state stays. */
NODISCARD int store_sweep_finish(struct store *s, int64_t sweep_id, int64_t now_unix_ms, struct err *e);

/** store_sweep_rest() - RUNNING sweeps that no agent has asked since @before_unix_ms and of which no run goes
 * on: FINISHED when all their runs were handed out, else PENDING. Runs that were handed out to an agent and
 * never started crash before; on Launch they wait in a queue and count as going on. *ret_count: sweeps. */
NODISCARD int store_sweep_rest(struct store *s, int64_t before_unix_ms, int64_t now_unix_ms,
                               size_t *ret_count, struct err *e);
/** store_sweep_launched() - the ids of RUNNING sweeps on Launch, oldest first, at most 1000. */
NODISCARD int store_sweep_launched(struct store *s, struct arena *a, int64_t **ret, size_t *ret_len,
                                   struct err *e);

/* --- its runs --- */
struct store_sweep_run_query {
    int64_t project_id;
    struct str sweep;
    int64_t agent_id;       /* 0: of any agent */
    struct store_page page; /* positions are ids of runs; oldest_first is heeded */
};
NODISCARD int store_sweep_runs(struct store *s, struct arena *a, const struct store_sweep_run_query *q,
                               struct store_run **ret, size_t *ret_len, struct err *e);
/** store_sweep_alive() - how many of its runs have not ended. */
NODISCARD int store_sweep_alive(struct store *s, const struct store_sweep *sweep, int64_t *ret,
                                struct err *e);

/* --- its agents --- */
struct store_sweep_agent {
    int64_t id, sweep_id;
    struct str uid, host;
    int64_t user_id, total_runs; /* total_runs: that it was given */
    int64_t created_unix_ms, heartbeat_unix_ms;
};
struct store_new_sweep_agent {
    int64_t sweep_id, user_id;
    struct str host;
    int64_t now_unix_ms;
};
NODISCARD int store_sweep_agent_add(struct store *s, struct arena *a, const struct store_new_sweep_agent *n,
                                    struct str *ret_uid, struct err *e);
NODISCARD int store_sweep_agent_by_uid(struct store *s, struct arena *a, struct str uid,
                                       struct store_sweep_agent *ret, struct err *e);
/** store_sweep_agent_list() - oldest first, at most 1000. */
NODISCARD int store_sweep_agent_list(struct store *s, struct arena *a, int64_t sweep_id,
                                     struct store_sweep_agent **ret, size_t *ret_len, struct err *e);
/** store_sweep_beat() - a sign of life of an agent, and so of its sweep. */
NODISCARD int store_sweep_beat(struct store *s, int64_t agent_id, int64_t now_unix_ms, struct err *e);
struct store_hand_out {
    int64_t sweep_id, agent_id, user_id;
    int64_t position;          /* what store_sweep.handed_out was when the values were searched for */
    struct str run_name, args; /* args: JSON text, the run's config */
    int64_t now_unix_ms;
};
/** store_sweep_hand_out() - make the run, pending. *ret_taken false: the sweep hands out nothing now, or
 * another agent was given this position meanwhile: look again. */
NODISCARD int store_sweep_hand_out(struct store *s, const struct store_hand_out *h, bool *ret_taken,
                                   struct err *e);
