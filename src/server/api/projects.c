/* server/api/projects.c: projects. */
#include "server/api/api.h"
#include "server/run_spec.h"

int resolve_project(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_project project = { 0 };
    int rc = find_project_args(c, "entityName", "name", &project, e);

    if (rc == 0)
        *ret = project_object(c->a, &project);
    return rc == -ERR_NOT_FOUND ? 0 : rc; /* null: clients have their own words for it */
}

int resolve_projects(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_project_query q = { 0 };
    struct connection list = connection_begin(c->a);
    struct store_project *projects = NULL;
    struct store_entity entity = { 0 };
    size_t len = 0;
    bool more;
    int rc = find_entity_arg(c, "entityName", &entity, e);

    if (rc == 0)
        rc = page_args(c, &q.page, e);
    q.entity_id = entity.id;
    if (rc == 0)
        rc = store_project_list(store_of(c), c->a, &q, &projects, &len, e);
    if (rc < 0)
        return rc == -ERR_NOT_FOUND ? 0 : rc;
    more = page_trim(&q.page, &len);
    for (size_t i = 0; i < len; i++)
        connection_add(&list, project_object(c->a, &projects[i]), projects[i].id);
    *ret = connection_end(&list, more);
    return 0;
}

int resolve_project_entity(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_entity entity = { 0 };
    int rc = store_entity_by_id(store_of(c), c->a, parent_int(c, "$entity"), &entity, e);

    if (rc == 0)
        *ret = entity_object(c->a, &entity);
    return rc;
}

int resolve_upsert_model(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_new_project n = { .name = gql_arg_str(c, "input.name"), .now_unix_ms = now_of(c) };
    struct store_entity entity = { 0 };
    struct store_project project = { 0 };
    struct jval *o = jval_new_object(c->a);
    const struct jval *object;
    bool made = false;
    int rc = find_entity_arg(c, "input.entityName", &entity, e);

    if (rc == 0)
        rc = project_name_check(n.name, e);
    n.entity_id = entity.id;
    if (rc == 0)
        rc = store_project_ensure(store_of(c), c->a, &n, &project, &made, e);
    if (rc < 0)
        return rc;
    object = project_object(c->a, &project);
    jval_set(c->a, o, "project", object);
    jval_set(c->a, o, "model", object);
    jval_set_bool(c->a, o, "inserted", made);
    set_text(c->a, o, "clientMutationId", gql_arg_str(c, "input.clientMutationId"));
    *ret = o;
    return 0;
}
