/* server/api/lookup.c: arguments to rows, with the caller's rights checked on the way. */
#include "base/crypto.h"
#include "server/api/api.h"

bool queues_live_here(struct str wb_project)
{
    return wb_project.len == 0 || str_is(wb_project, "model-registry");
}

struct jval *success_object(struct gql_call *c, bool ok)
{
    struct jval *o = jval_new_object(c->a);

    jval_set_bool(c->a, o, "success", ok);
    set_text(c->a, o, "clientMutationId", gql_arg_str(c, "input.clientMutationId"));
    return o;
}

int may_more(struct gql_call *c, const char *act, const struct store_queue *queue, struct err *e)
{
    struct access q = access_of(c);

    q.act = act;
    return access_queue(&q, queue, "this queue", e);
}

int find_entity_arg(struct gql_call *c, const char *dotted, struct store_entity *ret, struct err *e)
{
    const struct access q = access_of(c);

    return access_entity(&q, gql_arg_str(c, dotted), ret, e);
}

int find_project_args(struct gql_call *c, const char *entity_arg, const char *project_arg,
                      struct store_project *ret, struct err *e)
{
    const struct project_ref ref = { .entity = gql_arg_str(c, entity_arg),
                                     .name = gql_arg_str(c, project_arg) };
    const struct access q = access_of(c);

    return access_project(&q, &ref, ret, e);
}

/* Whoever finds nothing, or what is not for it, reads the same. */
static int no_queue(struct str name, struct str entity, struct err *e)
{
    return err_set(e, ERR_NOT_FOUND, "queue '%.*s' does not exist in entity '%.*s'",
                   STR_ARG(str_sub(name, 0, 100)), STR_ARG(entity));
}

int find_queue_named(struct gql_call *c, const struct queue_ref *ref, struct store_queue *ret, struct err *e)
{
    struct access q = access_of(c);
    struct store_entity entity = { 0 };
    struct store_queue found = { 0 };
    int rc;

    q.act = "read"; /* of the entity; a role on the queue may be higher */
    rc = access_entity(&q, ref->entity, &entity, e);
    if (rc < 0)
        return rc;
    rc = queues_live_here(ref->wb_project)
             ? store_queue_by_name(store_of(c), c->a, entity.id, ref->name, &found, e)
             : -ERR_NOT_FOUND;
    q = access_of(c);
    if (rc == 0)
        rc = access_queue(&q, &found, "the queue", e);
    if (rc == -ERR_NOT_FOUND)
        return no_queue(ref->name, entity.name, e);
    if (rc == 0)
        *ret = found;
    return rc;
}

int find_queue(struct gql_call *c, struct store_queue *ret, struct err *e)
{
    const struct queue_ref ref = { .entity = gql_arg_str(c, "input.entityName"),
                                   .wb_project = gql_arg_str(c, "input.projectName"),
                                   .name = gql_arg_str(c, "input.queueName") };

    return find_queue_named(c, &ref, ret, e);
}

int find_queue_uid(struct gql_call *c, struct str uid, struct store_queue *ret, struct err *e)
{
    const struct access q = access_of(c);
    struct store_queue found = { 0 };
    int rc = store_queue_by_uid(store_of(c), c->a, uid, &found, e);

    if (rc == 0)
        rc = access_queue(&q, &found, "this queue", e);
    if (rc == -ERR_NOT_FOUND)
        return err_set(e, ERR_NOT_FOUND, "queue '%.*s' does not exist, or you are not a member of its entity",
                       STR_ARG(str_sub(uid, 0, 60)));
    if (rc == 0)
        *ret = found;
    return rc;
}

int find_item(struct gql_call *c, struct str uid, struct store_item *ret, struct store_queue *ret_queue,
              struct err *e)
{
    const struct access q = access_of(c);
    struct store_item found = { 0 };
    struct store_queue queue = { 0 };
    int rc = store_item_by_uid(store_of(c), c->a, uid, &found, e), may;

    if (rc < 0 && rc != -ERR_NOT_FOUND)
        return rc;
    /* What is not there costs as many looks as what is another team's: with PostgreSQL they can be timed. */
    rc = store_queue_by_id(store_of(c), c->a, found.queue_id, &queue, e);
    may = access_queue(&q, &queue, "this queue item", e);
    if (rc == 0)
        rc = may;
    if (rc == -ERR_NOT_FOUND)
        return err_set(e, ERR_NOT_FOUND,
                       "queue item '%.*s' does not exist, or you are not a member of its entity",
                       STR_ARG(str_sub(uid, 0, 60)));
    if (rc < 0)
        return rc;
    *ret = found;
    *ret_queue = queue;
    return 0;
}

int find_agent(struct gql_call *c, struct str uid, struct store_agent *ret, struct err *e)
{
    const struct access q = access_of(c);
    struct store_agent found = { 0 };
    int rc = store_agent_by_uid(store_of(c), c->a, uid, &found, e);

    if (rc == 0)
        rc = access_entity_id(&q, found.entity_id, "this launch agent", e);
    if (rc == -ERR_NOT_FOUND)
        return err_set(e, ERR_NOT_FOUND,
                       "launch agent '%.*s' does not exist, or you are not a member of its entity",
                       STR_ARG(str_sub(uid, 0, 60)));
    if (rc == 0)
        *ret = found;
    return rc;
}

/* The parts of an id TYPE:v1:NAME:PROJECT:ENTITY: the project, checked, and the name. */
static int find_by_names(struct gql_call *c, struct str id, const char *type, struct store_project *ret,
                         struct str *ret_name, struct err *e)
{
    const struct access q = access_of(c);
    struct str rest = { 0 }, part[4] = { { 0 } };
    struct project_ref ref;
    int n = 0;

    if (base64_decode(c->a, id, &rest, NULL) == 0)
        while (n < 4 && str_cut(&rest, ':', &part[n]))
            n++;
    if (n < 4 || !str_is(part[0], type) || !str_is(part[1], "v1"))
        return err_set(e, ERR_INVALID, "'%.*s' is not the id of a %s", STR_ARG(str_sub(id, 0, 100)),
                       strcmp(type, "Run") == 0 ? "run" : "sweep");
    ref = (struct project_ref){ .entity = rest, .name = part[3] };
    *ret_name = part[2];
    return access_project(&q, &ref, ret, e);
}

int find_run_id(struct gql_call *c, struct str id, struct store_run *ret, struct err *e)
{
    struct store_project project = { 0 };
    struct str name = { 0 };
    int rc = find_by_names(c, id, "Run", &project, &name, e);

    return rc < 0 ? rc : store_run_by_name(store_of(c), c->a, project.id, name, ret, e);
}

int find_sweep_id(struct gql_call *c, struct str id, struct store_sweep *ret, struct err *e)
{
    struct store_project project = { 0 };
    struct str name = { 0 };
    int rc = find_by_names(c, id, "Sweep", &project, &name, e);

    return rc < 0 ? rc : store_sweep_by_name(store_of(c), c->a, project.id, name, ret, e);
}
