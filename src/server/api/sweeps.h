/* server/api/sweeps.h: the resolvers of sweeps, and what they share. */
#pragma once

#include "server/api/api.h"

/* As the schema's objects, in @a. */
struct jval *sweep_object(struct arena *a, const struct store_sweep *s);
struct jval *sweep_agent_object(struct arena *a, const struct store_sweep_agent *g, int64_t now_unix_ms);

/* sweeps.c: reading */
int resolve_project_sweep(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_project_sweeps(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_project_sweep_count(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_run_sweep(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_sweep_runs(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_sweep_best(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_sweep_agents(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_sweep_agent(struct gql_call *c, const struct jval **ret, struct err *e);
/* sweep_changes.c, sweep_agents.c: changing */
int resolve_upsert_sweep(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_create_sweep_agent(struct gql_call *c, const struct jval **ret, struct err *e);
int resolve_sweep_heartbeat(struct gql_call *c, const struct jval **ret, struct err *e);
