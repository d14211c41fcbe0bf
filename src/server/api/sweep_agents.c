/* server/api/sweep_agents.c: who asks a sweep for runs. */
#include "base/log.h"
#include "server/api/sweeps.h"
#include "server/sweep_commands.h"

enum { RUNS_MAX = 200 };

int resolve_create_sweep_agent(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_new_sweep_agent n = { .user_id = caller_of(c)->user.id,
                                       .host = str_sub(gql_arg_str(c, "input.host"), 0, 256),
                                       .now_unix_ms = now_of(c) };
    struct store_project project = { 0 };
    struct store_sweep sweep = { 0 };
    struct store_sweep_agent agent = { 0 };
    struct str uid = { 0 };
    struct jval *o = jval_new_object(c->a);
    int rc = find_project_args(c, "input.entityName", "input.projectName", &project, e);

    if (rc == 0)
        rc = store_sweep_by_name(store_of(c), c->a, project.id, gql_arg_str(c, "input.sweep"), &sweep, e);
    n.sweep_id = sweep.id;
    if (rc == 0)
        rc = store_sweep_agent_add(store_of(c), c->a, &n, &uid, e);
    if (rc == 0)
        rc = store_sweep_agent_by_uid(store_of(c), c->a, uid, &agent, e);
    if (rc < 0)
        return rc;
    LOG_INFO("sweep.agent_registered", "agent=%.*s sweep=%.*s host=\"%.*s\" user=%.*s", STR_ARG(uid),
             STR_ARG(sweep.name), STR_ARG(n.host), STR_ARG(caller_of(c)->user.username));
    jval_set(c->a, o, "agent", sweep_agent_object(c->a, &agent, n.now_unix_ms));
    set_text(c->a, o, "clientMutationId", gql_arg_str(c, "input.clientMutationId"));
    *ret = o;
    return 0;
}

/* Whoever names an agent of another's sweep reads the same as for one that is not there. */
static int find_sweep_agent(struct gql_call *c, struct str uid, struct store_sweep_agent *ret, struct err *e)
{
    const struct access q = access_of(c);
    struct store_sweep sweep = { 0 };
    int rc = store_sweep_agent_by_uid(store_of(c), c->a, uid, ret, e);

    if (rc == 0)
        rc = store_sweep_by_id(store_of(c), c->a, ret->sweep_id, &sweep, e);
    if (rc == 0)
        rc = access_entity_id(&q, sweep.entity_id, "the sweep's agent", e);
    if (rc == -ERR_NOT_FOUND)
        return err_set(e, ERR_NOT_FOUND, "agent '%.*s' does not exist, or you are not a member of its entity",
                       STR_ARG(str_sub(uid, 0, 60)));
    return rc;
}

int resolve_sweep_heartbeat(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_sweep_agent agent = { 0 };
    struct sweep_beat beat = { .agent = &agent, .now_unix_ms = now_of(c) };
    struct jval *o = jval_new_object(c->a), *commands = NULL;
    int rc = stored_json(c->a, gql_arg_str(c, "input.runState"), "runState", &beat.runs, e);

    if (rc == 0 && beat.runs && !jval_is(beat.runs, JVAL_OBJECT) && !jval_is(beat.runs, JVAL_NULL))
        rc = err_set(e, ERR_INVALID, "runState is an object with a member for each run");
    if (rc == 0 && jval_len(beat.runs) > RUNS_MAX)
        rc = err_set(e, ERR_LIMIT, "runState has more than %d runs", RUNS_MAX);
    if (rc == 0)
        rc = find_sweep_agent(c, gql_arg_str(c, "input.id"), &agent, e);
    if (rc == 0)
        rc = sweep_commands(caller_of(c)->server, c->a, &beat, &commands, e);
    if (rc < 0)
        return rc;
    jval_set(c->a, o, "agent", sweep_agent_object(c->a, &agent, beat.now_unix_ms));
    jval_set(c->a, o, "commands", jval_new_str(c->a, jval_text(c->a, commands, JVAL_COMPACT)));
    set_text(c->a, o, "clientMutationId", gql_arg_str(c, "input.clientMutationId"));
    *ret = o;
    return 0;
}
