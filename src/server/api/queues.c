/* server/api/queues.c: queues and their resource configs. */
#include "base/log.h"
#include "launch/render.h"
#include "server/api/api.h"
#include "server/run_spec.h"
#include "server/templates.h"

int resolve_project_run_queues(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct access q = access_of(c);
    struct jval *list = jval_new_array(c->a);
    struct store_queue *queues = NULL;
    size_t len = 0;
    int rc = 0;

    if (queues_live_here(jval_str(jval_get(c->parent, "name"))))
        rc = store_queue_list(store_of(c), c->a, parent_int(c, "$entity"), &queues, &len, e);
    for (size_t i = 0; rc == 0 && i < len; i++) {
        rc = access_queue(&q, &queues[i], "this queue", e);
        if (rc == 0)
            jval_push(c->a, list, queue_object(c->a, &queues[i]));
        else if (rc == -ERR_NOT_FOUND)
            rc = 0; /* not for this caller */
    }
    if (rc == 0)
        *ret = list;
    return rc;
}

int resolve_project_run_queue(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct access q = access_of(c);
    struct store_queue queue = { 0 };
    int rc;

    if (!queues_live_here(jval_str(jval_get(c->parent, "name"))))
        return 0;
    rc = store_queue_by_name(store_of(c), c->a, parent_int(c, "$entity"), gql_arg_str(c, "name"), &queue, e);
    if (rc == 0)
        rc = access_queue(&q, &queue, "this queue", e);
    if (rc == 0)
        *ret = queue_object(c->a, &queue);
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}

/* --- resource configs --- */

static int config_object(struct gql_call *c, const struct store_config *config, const struct jval **ret,
                         struct err *e)
{
    struct jval *o = jval_new_object(c->a), *list = jval_new_array(c->a);
    const struct jval *tree = NULL, *variables = NULL;
    int rc = stored_json(c->a, config->config, "config", &tree, e);

    if (rc == 0)
        rc = stored_json(c->a, config->template_variables, "templateVariables", &variables, e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < jval_len(variables); i++) {
        struct jval *one = jval_new_object(c->a);
        const struct jval *schema = jval_get(jval_at(variables, i), "schema");

        jval_set(c->a, one, "name", jval_new_str(c->a, jval_key_at(variables, i)));
        jval_set(c->a, one, "schema", jval_new_str(c->a, jval_text(c->a, schema, JVAL_COMPACT)));
        jval_push(c->a, list, one);
    }
    set_text(c->a, o, "id", config->uid);
    jval_set(c->a, o, "config", tree);
    set_text(c->a, o, "resource", config->resource);
    jval_set(c->a, o, "templateVariables", list);
    *ret = o;
    return 0;
}

int resolve_entity_config(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_config config = { 0 };
    int rc = store_config_by_uid(store_of(c), c->a, gql_arg_str(c, "id"), &config, e);

    if (rc == -ERR_NOT_FOUND || (rc == 0 && config.entity_id != parent_int(c, "$id")))
        return 0;
    return rc < 0 ? rc : config_object(c, &config, ret, e);
}

int resolve_queue_config(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct str uid = jval_str(jval_get(c->parent, "defaultResourceConfigID"));
    struct store_config config = { 0 };
    int rc;

    if (!uid.ptr)
        return 0;
    rc = store_config_by_uid(store_of(c), c->a, uid, &config, e);
    return rc < 0 ? rc : config_object(c, &config, ret, e);
}

/* Config and template variables are kept as the client's text once they are known to be what they should. */
static int config_check(struct gql_call *c, struct store_new_config *n, const struct jval **ret_config,
                        struct err *e)
{
    const struct jval *variables = NULL;
    int rc = stored_json(c->a, n->config, "config", ret_config, e);

    if (rc == 0 && !jval_is(jval_get(*ret_config, "resource_args"), JVAL_OBJECT))
        return err_set(e, ERR_INVALID, "config must be {\"resource_args\": {\"%.*s\": {...}}}",
                       STR_ARG(n->resource));
    if (rc == 0)
        rc = stored_json(c->a, n->template_variables, "templateVariables", &variables, e);
    if (rc < 0)
        return rc;
    return templates_check(c->a, variables, *ret_config, e);
}

int resolve_create_config(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_new_config n = { .resource = gql_arg_str(c, "input.resource"),
                                  .config = gql_arg_str(c, "input.config"),
                                  .template_variables = gql_arg_str(c, "input.templateVariables"),
                                  .by = by_of(c) };
    struct store_entity entity = { 0 };
    const struct jval *config = NULL;
    struct str uid = { 0 };
    struct jval *o;
    int rc = find_entity_arg(c, "input.entityName", &entity, e);

    if (rc == 0)
        rc = config_check(c, &n, &config, e);
    n.entity_id = entity.id;
    if (rc == 0)
        rc = store_config_add(store_of(c), c->a, &n, &uid, e);
    if (rc < 0)
        return rc;
    o = success_object(c, true);
    set_text(c->a, o, "defaultResourceConfigID", uid);
    *ret = o;
    return 0;
}

/* What the agent would refuse later, told to whoever saves the queue. */
static struct jval *config_complaints(struct arena *a, struct str resource, const struct jval *config)
{
    struct jval *list = jval_new_array(a);
    struct problems p = { .a = a, .file = "" };
    const struct jval *own = jval_get_str(jval_get(config, "resource_args"), resource);

    if (!str_is(resource, "vertex") && !str_is(resource, "gcp-vertex"))
        return list;
    if (!own || queue_config_check(own, &p, NULL) == 0)
        return list;
    for (size_t i = 0; i < p.len; i++) {
        AUTO_STRBUF struct strbuf line = STRBUF(4096);

        problem_format(&line, &p, &p.items[i]);
        jval_push(a, list, jval_new_str(a, strbuf_str(&line)));
    }
    return list;
}

/* --- making, changing, deleting --- */

static int new_queue(struct gql_call *c, struct store_new_queue *n, struct err *e)
{
    struct access q = access_of(c);
    struct store_entity entity = { 0 };
    int rc = queue_name_check(gql_arg_str(c, "input.queueName"), e);

    q.act = "read"; /* a role on the queue may be higher: may_make() and may_change() see to it */
    if (rc == 0 && !queues_live_here(gql_arg_str(c, "input.projectName")))
        rc = err_set(e, ERR_INVALID, "launch queues live in the project model-registry");
    if (rc == 0)
        rc = access_entity(&q, gql_arg_str(c, "input.entityName"), &entity, e);
    if (rc < 0)
        return rc;
    n->entity_id = entity.id;
    n->name = gql_arg_str(c, "input.queueName");
    n->has_priorities = str_is(gql_arg_str(c, "input.prioritizationMode"), "V0");
    n->created_by = caller_of(c)->user.id;
    n->by = by_of(c);
    return 0;
}

/* A queue for all is an admin's to make; one with access USER is for its maker. */
static int may_make(struct gql_call *c, const struct store_new_queue *n, struct err *e)
{
    struct access q = access_of(c);

    if (!str_is(n->access, "USER"))
        q.act = "createRunQueue.for all";
    return access_entity_id(&q, n->entity_id, "this entity", e);
}

/* One that is there, by the role on it; one that is not, or is not for this caller, by the role in the team.
 */
static int may_change(struct gql_call *c, const struct store_new_queue *n, struct err *e)
{
    const struct access q = access_of(c);
    struct store_queue there = { 0 };
    int rc = store_queue_by_name(store_of(c), c->a, n->entity_id, n->name, &there, e);

    if (rc == 0)
        rc = access_queue(&q, &there, "this queue", e);
    return rc == -ERR_NOT_FOUND ? access_entity_id(&q, n->entity_id, "this entity", e) : rc;
}

int resolve_create_queue(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_new_queue n = { .access = gql_arg_str(c, "input.access"),
                                 .config_uid = gql_arg_str(c, "input.defaultResourceConfigID") };
    struct store_config config = { 0 };
    struct str uid = { 0 };
    struct jval *o;
    int rc = new_queue(c, &n, e);

    if (rc == 0)
        rc = may_make(c, &n, e);
    if (rc == 0 && n.config_uid.ptr) {
        rc = store_config_by_uid(store_of(c), c->a, n.config_uid, &config, e);
        if (rc == -ERR_NOT_FOUND || (rc == 0 && config.entity_id != n.entity_id))
            rc = err_set(e, ERR_NOT_FOUND, "the resource config does not exist in this entity");
    }
    if (rc == 0)
        rc = store_queue_add(store_of(c), c->a, &n, &uid, e);
    if (rc < 0)
        return rc;
    LOG_INFO("queue.created", "queue=%.*s name=\"%.*s\" user=%.*s", STR_ARG(uid), STR_ARG(n.name),
             STR_ARG(caller_of(c)->user.username));
    o = success_object(c, true);
    set_text(c->a, o, "queueID", uid);
    *ret = o;
    return 0;
}

int resolve_upsert_queue(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_new_queue n = { .access = STR("PROJECT"),
                                 .external_links = gql_arg_str(c, "input.externalLinks") };
    struct store_new_config config = { .resource = gql_arg_str(c, "input.resourceType"),
                                       .config = gql_arg_str(c, "input.resourceConfig"),
                                       .template_variables = gql_arg_str(c, "input.templateVariables") };
    const struct jval *tree = NULL, *links = NULL;
    struct str uid = { 0 };
    struct jval *o;
    int rc = new_queue(c, &n, e);

    if (rc == 0)
        rc = may_change(c, &n, e);
    if (rc == 0)
        rc = stored_json(c->a, n.external_links, "externalLinks", &links, e);
    if (rc == 0)
        rc = config_check(c, &config, &tree, e);
    config.entity_id = n.entity_id;
    config.by = n.by;
    if (rc == 0)
        rc = store_queue_upsert(store_of(c), c->a, &n, &config, &uid, e);
    if (rc < 0)
        return rc;
    LOG_INFO("queue.saved", "queue=%.*s name=\"%.*s\" user=%.*s", STR_ARG(uid), STR_ARG(n.name),
             STR_ARG(caller_of(c)->user.username));
    o = success_object(c, true);
    jval_set(c->a, o, "configSchemaValidationErrors", config_complaints(c->a, config.resource, tree));
    *ret = o;
    return 0;
}

int resolve_delete_queues(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct jval *ids = gql_arg(c, "input.queueIDs");
    const struct store_by by = by_of(c);

    for (size_t i = 0; i < jval_len(ids); i++) {
        struct store_queue queue = { 0 };
        int rc = find_queue_uid(c, jval_str(jval_at(ids, i)), &queue, e);

        if (rc == 0)
            rc = store_queue_delete(store_of(c), queue.id, &by, e);
        if (rc < 0)
            return rc;
        LOG_INFO("queue.deleted", "queue=%.*s name=\"%.*s\" by=\"%.*s\"", STR_ARG(queue.uid),
                 STR_ARG(queue.name), STR_ARG(by.who));
    }
    *ret = success_object(c, true);
    return 0;
}
