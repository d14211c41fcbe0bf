/* server/api/push.c: putting a launch spec into a queue. */
#include "server/api/push.h"

#include "base/log.h"
#include "server/run_spec.h"
#include "server/templates.h"

struct push {
    struct gql_call *c;
    const struct push_request *request;
    const struct store_queue *queue;
    struct store_config config; /* of the queue; uid absent: none */
    const struct jval *spec;    /* merged */
    struct store_new_item item;
};

/* The run's entity and project. A spec that names none is the agent's to refuse, as W&B's server leaves it;
 * one that names an entity the caller is not in is refused here, since a run will be made there. */
static int push_target(struct push *p, struct err *e)
{
    struct gql_call *c = p->c;
    const struct access q = access_of(c);
    struct str entity = jval_str(jval_get(p->spec, "entity")),
               project = jval_str(jval_get(p->spec, "project"));
    struct store_entity found = { 0 };
    char *lower;
    int rc;

    if (entity.len == 0)
        return 0;
    if (str_eq(entity, p->queue->entity_name)) { /* the role on the queue may be higher */
        found.name = p->queue->entity_name;
    } else {
        rc = access_entity(&q, entity, &found, e);
        if (rc < 0)
            return err_wrap(e, "runSpec.entity");
    }
    p->item.target_entity = found.name;
    if (project.len == 0)
        return 0;
    rc = project_name_check(project, e);
    if (rc < 0)
        return err_wrap(e, "runSpec.project");
    lower = arena_cstr(c->a, project); /* agents lower-case it: protocol reference 4.2 */
    for (char *ch = lower; *ch; ch++)
        if (*ch >= 'A' && *ch <= 'Z')
            *ch = (char)(*ch + ('a' - 'A'));
    p->item.target_project = str_of(lower);
    return 0;
}

/* A queue's template variables say what may be chosen: what goes past them is an admin's. */
static int push_keeps_to_templates(struct push *p, const struct template_push *in, struct err *e)
{
    struct str resource = jval_str(jval_get(in->spec, "resource"));
    const char *what = NULL;

    if (jval_len(in->variables) == 0)
        return 0;
    if (jval_len(jval_get(in->spec, "resource_args")) > 0)
        what = "resource_args";
    else if (resource.len > 0 && !str_eq(resource, p->config.resource))
        what = "resource";
    if (!what || may_more(p->c, "pushToRunQueue.resources", p->queue, e) == 0)
        return 0;
    if (e->code != ERR_DENIED)
        return -(int)e->code;
    return err_set(e, ERR_DENIED,
                   "runSpec.%s: this queue has template variables: set those, or ask an admin of it", what);
}

static int push_spec(struct push *p, struct err *e)
{
    struct gql_call *c = p->c;
    struct template_push in = { 0 };
    struct spec_merge merge = { .author = caller_of(c)->user.username, .resource = p->config.resource };
    int rc = stored_json(c->a, p->request->spec, "runSpec", &in.spec, e);

    if (rc == 0)
        rc = stored_json(c->a, p->request->template_values, "templateVariableValues", &in.values, e);
    if (rc == 0)
        rc = stored_json(c->a, p->config.config, "the queue's config", &in.config, e);
    if (rc == 0)
        rc = stored_json(c->a, p->config.template_variables, "the queue's template variables", &in.variables,
                         e);
    if (rc == 0)
        rc = push_keeps_to_templates(p, &in, e);
    if (rc == 0)
        rc = templates_fill(c->a, &in, &merge.queue_config, &merge.spec, e);
    if (rc < 0)
        return rc;
    return spec_merge(c->a, &merge, &p->spec, e);
}

int push_prepare(struct gql_call *c, const struct push_request *r, struct store_new_item *ret, struct err *e)
{
    struct push p = { .c = c, .request = r, .queue = r->queue };
    int rc = priority_check(r->queue->has_priorities, r->has_priority, r->priority, &p.item.priority, e);

    if (rc == 0 && r->queue->config_uid.ptr)
        rc = store_config_by_uid(store_of(c), c->a, r->queue->config_uid, &p.config, e);
    if (rc == 0)
        rc = push_spec(&p, e);
    if (rc == 0)
        rc = push_target(&p, e);
    if (rc < 0)
        return rc;
    p.item.queue_id = r->queue->id;
    p.item.spec = jval_text(c->a, p.spec, JVAL_COMPACT);
    p.item.pushed_by = caller_of(c)->user.username;
    p.item.now_unix_ms = now_of(c);
    *ret = p.item;
    return 0;
}

int push_item(struct gql_call *c, const struct store_queue *queue, const struct store_new_item *item,
              struct str *ret_uid, struct err *e)
{
    int rc = store_item_push(store_of(c), c->a, item, ret_uid, e);

    if (rc < 0)
        return rc;
    caller_of(c)->server->counts.pushes++;
    wake_queue(caller_of(c)->server, queue->id);
    LOG_INFO("item.pushed", "item=%.*s queue=%.*s user=%.*s", STR_ARG(*ret_uid), STR_ARG(queue->uid),
             STR_ARG(item->pushed_by));
    return 0;
}

static int push_into(struct gql_call *c, const struct store_queue *queue, const struct jval **ret,
                     struct err *e)
{
    const struct push_request r = { .queue = queue,
                                    .spec = gql_arg_str(c, "input.runSpec"),
                                    .template_values = gql_arg_str(c, "input.templateVariableValues"),
                                    .has_priority = gql_arg_given(c, "input.priority"),
                                    .priority = gql_arg_int(c, "input.priority", 0) };
    struct store_new_item item = { 0 };
    struct str uid = { 0 };
    struct jval *o = jval_new_object(c->a);
    int rc = push_prepare(c, &r, &item, e);

    if (rc == 0)
        rc = push_item(c, queue, &item, &uid, e);
    if (rc < 0)
        return rc;
    set_text(c->a, o, "runQueueItemId", uid);
    set_text(c->a, o, "runSpec", item.spec);
    set_text(c->a, o, "clientMutationId", gql_arg_str(c, "input.clientMutationId"));
    *ret = o;
    return 0;
}

int resolve_push_by_name(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_queue queue = { 0 };
    int rc = find_queue(c, &queue, e);

    return rc < 0 ? rc : push_into(c, &queue, ret, e);
}

int resolve_push(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_queue queue = { 0 };
    int rc = find_queue_uid(c, gql_arg_str(c, "input.queueID"), &queue, e);

    return rc < 0 ? rc : push_into(c, &queue, ret, e);
}
