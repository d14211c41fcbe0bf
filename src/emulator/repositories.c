/* emulator/repositories.c: Artifact Registry's repositories, without what is in them. Kind in the store:
 * "repository". */
#include "emulator/call.h"

static const char registry[] = "artifactregistry.googleapis.com";

static const char *repository_of(struct call *c, struct str id)
{
    return arena_printf(c->a, "locations/%.*s/repositories/%.*s", STR_ARG(c->route.part[4]), STR_ARG(id));
}

static struct str repository_name(struct call *c, struct str id)
{
    return str_of(arena_printf(c->a, "projects/%.*s/%s", STR_ARG(c->gcp_project), repository_of(c, id)));
}

static int create_repository(struct call *c, const struct jval **ret)
{
    struct str id = http_query_get(c->x, "repositoryId");
    struct jval *body = NULL, *operation = jval_new_object(c->a);
    int code = call_need(c, registry, "", "artifactregistry.repositories.create");

    if (code || (code = call_body(c, &body)))
        return code;
    if (id.len == 0 || id.len > 63)
        return refuse(&c->r, RPC_INVALID_ARGUMENT, "repository_id must be 1 to 63 characters");
    jval_set(c->a, body, "name", jval_new_str(c->a, repository_name(c, id)));
    code = store_add_resource(c->m->db, &(struct resource_row){ "repository", repository_name(c, id), body },
                              &c->e);
    if (code == -ERR_CONFLICT)
        return refuse(&c->r, RPC_ALREADY_EXISTS, "the repository already exists");
    jval_set_cstr(c->a, operation, "name",
                  arena_printf(c->a, "projects/%.*s/locations/%.*s/operations/done", STR_ARG(c->gcp_project),
                               STR_ARG(c->route.part[4])));
    jval_set_bool(c->a, operation, "done", true);
    jval_set(c->a, operation, "response", body);
    *ret = operation;
    return code;
}

static int find_repository(struct call *c, struct jval **ret)
{
    int code =
        store_get_resource(c->m->db, c->a, "repository", repository_name(c, c->route.part[6]), ret, &c->e);

    return code == -ERR_NOT_FOUND ? refuse(&c->r, RPC_NOT_FOUND, "Requested entity was not found.") : code;
}

static int get_repository(struct call *c, const struct jval **ret)
{
    struct jval *v = NULL;
    int code =
        call_need(c, registry, repository_of(c, c->route.part[6]), "artifactregistry.repositories.get");

    if (code == 0)
        code = find_repository(c, &v);
    *ret = v;
    return code;
}

static int repository_policy(struct call *c, const struct jval **ret)
{
    struct jval *v = NULL;
    int code = find_repository(c, &v);

    return code ? code
                : call_policy(c, registry, repository_of(c, c->route.part[6]),
                              "artifactregistry.repositories", ret);
}

const struct call_row repository_calls[] = {
    { "POST", "v1/projects/*/locations/*/repositories", "", create_repository },
    { "GET", "v1/projects/*/locations/*/repositories/*", "", get_repository },
    { "GET", "v1/projects/*/locations/*/repositories/*", "getIamPolicy", repository_policy },
    { "POST", "v1/projects/*/locations/*/repositories/*", "setIamPolicy", repository_policy },
    { "POST", "v1/projects/*/locations/*/repositories/*", "testIamPermissions", repository_policy },
    { 0 },
};
