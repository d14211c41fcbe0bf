/* server/api/agents.c: launch agents. */
#include "base/log.h"
#include "server/api/api.h"

int resolve_agent(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_agent agent = { 0 };
    int rc = find_agent(c, gql_arg_str(c, "id"), &agent, e);

    if (rc == 0)
        *ret = agent_object(c->a, &agent);
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}

int resolve_entity_agents(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct jval *list = jval_new_array(c->a);
    struct store_agent *agents = NULL;
    size_t len = 0;
    int rc = store_agent_list(store_of(c), c->a, parent_int(c, "$id"), &agents, &len, e);

    for (size_t i = 0; rc == 0 && i < len; i++)
        jval_push(c->a, list, agent_object(c->a, &agents[i]));
    if (rc == 0)
        *ret = list;
    return rc;
}

int resolve_create_agent(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct jval *queues = gql_arg(c, "input.runQueues");
    struct store_new_agent n = { .hostname = str_sub(gql_arg_str(c, "input.hostname"), 0, 256),
                                 .config = gql_arg_str(c, "input.agentConfig"),
                                 .version = str_sub(gql_arg_str(c, "input.version"), 0, 256),
                                 .queues = jval_text(c->a, queues, JVAL_COMPACT),
                                 .now_unix_ms = now_of(c) };
    struct store_entity entity = { 0 };
    struct str uid = { 0 };
    struct jval *o;
    int rc = find_entity_arg(c, "input.entityName", &entity, e);

    for (size_t i = 0; rc == 0 && i < jval_len(queues); i++) {
        struct store_queue queue = { 0 };

        rc = find_queue_uid(c, jval_str(jval_at(queues, i)), &queue, e);
        if (rc == 0 && queue.entity_id != entity.id)
            rc = err_set(e, ERR_INVALID, "queue '%.*s' is not of entity '%.*s'", STR_ARG(queue.uid),
                         STR_ARG(entity.name));
    }
    n.entity_id = entity.id;
    if (rc == 0)
        rc = store_agent_add(store_of(c), c->a, &n, &uid, e);
    if (rc < 0)
        return rc;
    LOG_INFO("agent.registered", "agent=%.*s hostname=\"%.*s\" version=\"%.*s\" user=%.*s", STR_ARG(uid),
             STR_ARG(n.hostname), STR_ARG(n.version), STR_ARG(caller_of(c)->user.username));
    o = success_object(c, true);
    set_text(c->a, o, "launchAgentId", uid);
    *ret = o;
    return 0;
}

int resolve_update_agent(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct str status = gql_arg_str(c, "input.agentStatus");
    struct store_agent agent = { 0 };
    int rc = find_agent(c, gql_arg_str(c, "input.launchAgentId"), &agent, e);

    if (rc == 0 && status.ptr && !str_is(status, "POLLING") && !str_is(status, "RUNNING") &&
        !str_is(status, "KILLED"))
        rc = err_set(e, ERR_INVALID, "agentStatus must be POLLING, RUNNING or KILLED");
    if (rc == 0)
        rc = store_agent_beat(store_of(c), agent.uid, status, now_of(c), e);
    if (rc == 0)
        *ret = success_object(c, true);
    return rc;
}
