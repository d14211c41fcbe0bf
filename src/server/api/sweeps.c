/* server/api/sweeps.c: sweeps, read side. */
#include "server/api/sweeps.h"

#include <stdlib.h>
#include <string.h>

#include "server/search/search.h"
#include "server/sweep_commands.h"
#include "server/sweep_watch.h"

enum { RUNS_MAX = 10000, BEST_OF = 1000 };

/* --- as objects --- */

struct jval *sweep_object(struct arena *a, const struct store_sweep *s)
{
    struct jval *o = jval_new_object(a), *user = jval_new_object(a);

    set_text(a, o, "id",
             global_id(a, arena_printf(a, "Sweep:v1:%.*s:%.*s:%.*s", STR_ARG(s->name),
                                       STR_ARG(s->project_name), STR_ARG(s->entity_name))));
    jval_set_int(a, o, "$sweep", s->id);
    jval_set_int(a, o, "$entity", s->entity_id);
    jval_set_int(a, o, "$project_id", s->project_id);
    set_text(a, o, "$project", s->project_name);
    set_text(a, o, "name", s->name);
    set_text(a, o, "displayName", s->display_name);
    set_text(a, o, "method", s->method);
    jval_set_cstr(a, o, "state", sweep_state_name(s->state));
    set_text(a, o, "description", s->description);
    set_text(a, o, "config", s->config);
    set_text(a, o, "controller", s->controller);
    set_text(a, o, "scheduler", s->scheduler);
    jval_set(a, o, "createdAt", time_value(a, s->created_unix_ms));
    jval_set(a, o, "updatedAt", time_value(a, s->updated_unix_ms));
    jval_set(a, o, "heartbeatAt", time_value(a, s->heartbeat_unix_ms));
    jval_set_bool(a, o, "earlyStopJobRunning", false);
    jval_set_int(a, o, "runCount", s->run_count);
    if (s->expected > 0 && s->expected <= INT32_MAX)
        jval_set_int(a, o, "runCountExpected", s->expected);
    set_text(a, user, "id", s->username);
    set_text(a, user, "name", s->username);
    set_text(a, user, "username", s->username);
    if (s->username.ptr)
        jval_set(a, o, "user", user);
    return o;
}

struct jval *sweep_agent_object(struct arena *a, const struct store_sweep_agent *g, int64_t now_unix_ms)
{
    struct jval *o = jval_new_object(a);

    set_text(a, o, "id", g->uid);
    set_text(a, o, "name", g->uid);
    jval_set_int(a, o, "$agent", g->id);
    set_text(a, o, "host", g->host);
    jval_set_cstr(a, o, "state",
                  now_unix_ms - g->heartbeat_unix_ms > SILENT_SWEEP_AGENT_MS ? "STOPPED" : "RUNNING");
    jval_set_int(a, o, "totalRuns", g->total_runs);
    jval_set(a, o, "createdAt", time_value(a, g->created_unix_ms));
    jval_set(a, o, "heartbeatAt", time_value(a, g->heartbeat_unix_ms));
    return o;
}

/* --- found and listed --- */

int resolve_project_sweep(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_sweep sweep = { 0 };
    int rc =
        store_sweep_by_name(store_of(c), c->a, parent_int(c, "$id"), gql_arg_str(c, "sweepName"), &sweep, e);

    if (rc == 0)
        *ret = sweep_object(c->a, &sweep);
    return rc == -ERR_NOT_FOUND ? 0 : rc; /* null: clients have their own words for it */
}

int resolve_project_sweeps(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_sweep_query q = { .project_id = parent_int(c, "$id") };
    struct str filters = str_trim(gql_arg_str(c, "filters"));
    struct connection list = connection_begin(c->a);
    struct store_sweep *sweeps = NULL;
    int64_t total = 0;
    struct jval *o;
    size_t len = 0;
    bool more;
    int rc = page_args(c, &q.page, e);

    if (rc == 0 && filters.len > 0 && !str_is(filters, "{}"))
        rc = err_set(e, ERR_INVALID, "this server does not filter sweeps: ask for one by its id");
    if (rc == 0)
        rc = store_sweep_list(store_of(c), c->a, &q, &sweeps, &len, e);
    if (rc == 0)
        rc = store_sweep_count(store_of(c), q.project_id, &total, e);
    if (rc < 0)
        return rc;
    more = page_trim(&q.page, &len);
    for (size_t i = 0; i < len; i++)
        connection_add(&list, sweep_object(c->a, &sweeps[i]), sweeps[i].id);
    o = connection_end(&list, more);
    jval_set_int(c->a, o, "totalCount", total);
    *ret = o;
    return 0;
}

int resolve_project_sweep_count(struct gql_call *c, const struct jval **ret, struct err *e)
{
    int64_t count = 0;
    int rc = store_sweep_count(store_of(c), parent_int(c, "$id"), &count, e);

    if (rc == 0)
        *ret = jval_new_int(c->a, count);
    return rc;
}

int resolve_run_sweep(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct str name = jval_str(jval_get(c->parent, "sweepName"));
    struct store_sweep sweep = { 0 };
    int rc;

    if (name.len == 0)
        return 0;
    rc = store_sweep_by_name(store_of(c), c->a, parent_int(c, "projectId"), name, &sweep, e);
    if (rc == 0)
        *ret = sweep_object(c->a, &sweep);
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}

/* --- its runs --- */

/* Of a sweep, or of one of its agents. */
int resolve_sweep_runs(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_sweep_run_query q = { .project_id = parent_int(c, "$project_id"),
                                       .agent_id = parent_int(c, "$agent") };
    bool of_agent = strcmp(c->type, "Agent") == 0;
    struct connection list = connection_begin(c->a);
    struct str order = gql_arg_str(c, "order");
    struct store_run *runs = NULL;
    struct jval *o;
    size_t len = 0;
    bool more;
    int rc = page_args_max(c, RUNS_MAX, &q.page, e);

    q.sweep = jval_str(jval_get(c->parent, of_agent ? "$sweep_name" : "name"));
    q.page.oldest_first = order.len == 0 || str_has_prefix(order, STR("+"));
    if (rc == 0)
        rc = store_sweep_runs(store_of(c), c->a, &q, &runs, &len, e);
    if (rc < 0)
        return rc;
    more = page_trim(&q.page, &len);
    for (size_t i = 0; i < len; i++)
        connection_add(&list, run_object(c->a, &runs[i]), runs[i].id);
    o = connection_end(&list, more);
    jval_set_int(c->a, o, "totalCount", parent_int(c, of_agent ? "totalRuns" : "runCount"));
    *ret = o;
    return 0;
}

/* The best that one of its runs reported last. */
int resolve_sweep_best(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct store_sweep_run_query q = { .project_id = parent_int(c, "$project_id"),
                                             .sweep = jval_str(jval_get(c->parent, "name")),
                                             .page = { .first = BEST_OF } };
    const struct jval *config = NULL;
    const struct search *search = NULL;
    struct store_run *runs = NULL;
    size_t len = 0;
    double best = 0;
    bool found = false;
    int rc = sweep_config(c->a, jval_str(jval_get(c->parent, "config")), &config, e);

    if (rc == 0)
        rc = search_parse(c->a, config, &search, e);
    if (rc < 0 || !search->metric.name.ptr)
        return rc;
    rc = store_sweep_runs(store_of(c), c->a, &q, &runs, &len, e);
    for (size_t i = 0; rc == 0 && i < len; i++) {
        double value;

        if (!search_metric_in(&search->metric, c->a, runs[i].summary, &value))
            continue;
        if (!found || search_better(&search->metric, value, best))
            best = value;
        found = true;
    }
    if (found)
        *ret = jval_new_real(c->a, best);
    return rc;
}

static struct jval *agent_of_sweep(struct gql_call *c, const struct store_sweep_agent *g)
{
    struct jval *o = sweep_agent_object(c->a, g, now_of(c));

    jval_set(c->a, o, "$project_id", jval_get(c->parent, "$project_id"));
    jval_set(c->a, o, "$sweep_name", jval_get(c->parent, "name"));
    return o;
}

int resolve_sweep_agents(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct jval *o = jval_new_object(c->a), *edges = jval_new_array(c->a);
    struct store_sweep_agent *agents = NULL;
    size_t len = 0;
    int rc = store_sweep_agent_list(store_of(c), c->a, parent_int(c, "$sweep"), &agents, &len, e);

    for (size_t i = 0; rc == 0 && i < len; i++) {
        struct jval *edge = jval_new_object(c->a);

        jval_set(c->a, edge, "node", agent_of_sweep(c, &agents[i]));
        jval_push(c->a, edges, edge);
    }
    jval_set(c->a, o, "edges", edges);
    if (rc == 0)
        *ret = o;
    return rc;
}

int resolve_sweep_agent(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_sweep_agent agent = { 0 };
    int rc = store_sweep_agent_by_uid(store_of(c), c->a, gql_arg_str(c, "agentName"), &agent, e);

    if (rc == 0 && agent.sweep_id == parent_int(c, "$sweep"))
        *ret = agent_of_sweep(c, &agent);
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}
