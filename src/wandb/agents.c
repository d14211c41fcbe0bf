/* wandb/agents.c: who we are, which queues there are, and the record of this agent on the server. */
#include "wandb/wandb_internal.h"

int wandb_viewer(struct wandb *w, struct arena *a, struct wandb_viewer *ret, struct err *e)
{
    struct wandb_viewer v = { 0 };
    struct dec d, viewer;
    int rc = call_decoded(w, a, &(struct wandb_request){ wandb_op_viewer }, &d, e);

    if (rc)
        return rc;
    if (!dec_object(&d, "viewer", &viewer, DEC_OPTIONAL))
        return dec_failed(&d) ? -ERR_PROTO
                              : err_set(e, ERR_AUTH, "%s does not know this API key", wandb_base_url(w));
    dec_str(&viewer, "username", &v.username, DEC_OPTIONAL);
    dec_str(&viewer, "entity", &v.entity, DEC_OPTIONAL);
    if (dec_failed(&viewer))
        return -ERR_PROTO;
    *ret = v;
    return 0;
}

static int decode_queues(struct dec *project, struct arena *a, struct wandb_queue_list *ret)
{
    const struct jval *list = NULL;
    struct wandb_queue *queues;

    dec_list(project, "runQueues", &list, DEC_OPTIONAL);
    queues = arena_array(a, jval_len(list) + 1, sizeof(*queues));
    for (size_t i = 0; i < jval_len(list); i++) {
        struct dec item;

        dec_item(project, "runQueues", list, i, &item);
        dec_str(&item, "id", &queues[i].id, DEC_REQUIRED);
        dec_str(&item, "name", &queues[i].name, DEC_REQUIRED);
        dec_str(&item, "access", &queues[i].access, DEC_OPTIONAL);
        if (dec_failed(&item))
            return -ERR_PROTO;
    }
    if (dec_failed(project))
        return -ERR_PROTO;
    *ret = (struct wandb_queue_list){ queues, jval_len(list) };
    return 0;
}

int wandb_queues(struct wandb *w, struct arena *a, struct str entity, struct wandb_queue_list *ret,
                 struct err *e)
{
    struct jval *vars = jval_new_object(a);
    struct dec d, project;
    int rc;

    vars_set(a, vars, "entity", entity);
    jval_set_cstr(a, vars, "projectName", WANDB_QUEUE_PROJECT);
    rc = call_decoded(w, a, &(struct wandb_request){ wandb_op_queues, vars }, &d, e);
    if (rc)
        return rc;
    if (!dec_object(&d, "project", &project, DEC_OPTIONAL))
        return dec_failed(&d) ? -ERR_PROTO
                              : err_set(e, ERR_NOT_FOUND,
                                        "no launch queues of entity \"%.*s\" are visible: check "
                                        "its name, and that this API key's owner is a member",
                                        STR_ARG(entity));
    return decode_queues(&project, a, ret);
}

int wandb_agent_create(struct wandb *w, struct arena *a, const struct wandb_agent_record *r,
                       struct str *ret_agent_id, struct err *e)
{
    struct jval *vars = jval_new_object(a), *ids = jval_new_array(a);
    struct dec d, created;
    struct str id = { 0 };
    int rc;

    for (size_t i = 0; i < r->queue_count; i++)
        jval_push(a, ids, jval_new_str(a, r->queue_ids[i]));
    vars_set(a, vars, "entity", r->entity);
    jval_set_cstr(a, vars, "project", WANDB_QUEUE_PROJECT);
    jval_set(a, vars, "queues", ids);
    vars_set(a, vars, "hostname", r->hostname);
    vars_set(a, vars, "agentConfig", r->agent_config);
    vars_set(a, vars, "version", r->version);
    rc = call_decoded(w, a, &(struct wandb_request){ wandb_op_agent_create, vars }, &d, e);
    if (rc)
        return rc;
    if (dec_object(&d, "createLaunchAgent", &created, DEC_REQUIRED))
        dec_str(&created, "launchAgentId", &id, DEC_REQUIRED);
    if (dec_failed(&d) || dec_failed(&created))
        return -ERR_PROTO;
    *ret_agent_id = id;
    return 0;
}

int wandb_agent_get(struct wandb *w, struct arena *a, struct str agent_id, struct wandb_agent_status *ret,
                    struct err *e)
{
    struct jval *vars = jval_new_object(a);
    struct dec d, agent;
    struct wandb_agent_status status = { 0 };
    int rc;

    vars_set(a, vars, "agentId", agent_id);
    rc = call_decoded(w, a, &(struct wandb_request){ wandb_op_agent_get, vars }, &d, e);
    if (rc)
        return rc;
    if (!dec_object(&d, "launchAgent", &agent, DEC_OPTIONAL))
        return dec_failed(&d) ? -ERR_PROTO : err_set(e, ERR_NOT_FOUND, "the server has forgotten this agent");
    dec_str(&agent, "name", &status.name, DEC_OPTIONAL);
    dec_bool(&agent, "stopPolling", &status.stop_polling, DEC_OPTIONAL);
    if (dec_failed(&agent))
        return -ERR_PROTO;
    *ret = status;
    return 0;
}

int wandb_agent_update(struct wandb *w, struct str agent_id, const char *status, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *vars = jval_new_object(a);
    bool success = false;
    int rc;

    vars_set(a, vars, "agentId", agent_id);
    jval_set_cstr(a, vars, "agentStatus", status);
    rc = call_success(w, &(struct wandb_request){ wandb_op_agent_update, vars }, "updateLaunchAgent",
                      &success, e);
    if (rc)
        return rc;
    return success ? 0 : err_set(e, ERR_NOT_FOUND, "the server did not take the agent's status");
}
