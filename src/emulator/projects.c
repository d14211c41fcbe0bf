/* emulator/projects.c: projects: Resource Manager v1 and v3 (vertex-and-google-auth.md 7.1). */
#include "emulator/call.h"

static const char resource_manager[] = "cloudresourcemanager.googleapis.com";

static bool project_is_there(struct call *c)
{
    return !c->m->require_auth || str_is(c->gcp_project, c->m->gcp_project) ||
           store_has_resource(c->m->db, "project",
                              str_of(arena_printf(c->a, "projects/%.*s", STR_ARG(c->gcp_project))));
}

static const struct jval *project_json(struct call *c)
{
    struct jval *v = jval_new_object(c->a);
    long long number = (long long)gcp_number_of(c->gcp_project);

    if (str_is(c->route.part[0], "v3")) {
        jval_set_cstr(c->a, v, "name", arena_printf(c->a, "projects/%lld", number));
        jval_set_cstr(c->a, v, "state", "ACTIVE");
    } else {
        jval_set_cstr(c->a, v, "projectNumber", arena_printf(c->a, "%lld", number));
        jval_set_cstr(c->a, v, "lifecycleState", "ACTIVE");
    }
    jval_set(c->a, v, "projectId", jval_new_str(c->a, c->gcp_project));
    return v;
}

/* A project that one may not see and one that is not there are refused alike. */
static int get_project(struct call *c, const struct jval **ret)
{
    int code = call_need(c, resource_manager, "", "resourcemanager.projects.get");

    if (code || !project_is_there(c)) {
        if (!code ||
            (c->r.code == RPC_PERMISSION_DENIED && str_find(str_of(c->r.message), STR("Permission '")) == 0))
            code = refuse(&c->r, RPC_PERMISSION_DENIED, "The caller does not have permission");
        return code;
    }
    *ret = project_json(c);
    return 0;
}

/* Only for the emulator's owner: Google makes projects by an operation that takes a while. */
static int create_project(struct call *c, const struct jval **ret)
{
    struct jval *body = NULL;
    int code = call_need(c, resource_manager, "", "resourcemanager.projects.create");
    struct str id;

    if (code || (code = call_body(c, &body)))
        return code;
    id = jval_str(jval_get(body, "projectId"));
    if (id.len < 4 || id.len > 30 || str_find(id, STR("/")) >= 0)
        return refuse(&c->r, RPC_INVALID_ARGUMENT,
                      "field [project_id] has issue [project_id must be 4 to 30 "
                      "characters]");
    c->gcp_project = id;
    *ret = project_json(c);
    code = store_add_resource(
        c->m->db,
        &(struct resource_row){ "project", str_of(arena_printf(c->a, "projects/%.*s", STR_ARG(id))), *ret },
        &c->e);
    return code == -ERR_CONFLICT ? refuse(&c->r, RPC_ALREADY_EXISTS, "Requested entity already exists")
                                 : code;
}

static int project_policy(struct call *c, const struct jval **ret)
{
    if (!project_is_there(c))
        return refuse(&c->r, RPC_PERMISSION_DENIED, "The caller does not have permission");
    return call_policy(c, resource_manager, "", "resourcemanager.projects", ret);
}

const struct call_row project_calls[] = {
    { "GET", "v1/projects/*", "", get_project },
    { "GET", "v3/projects/*", "", get_project },
    { "POST", "v1/projects", "", create_project },
    { "POST", "v1/projects/*", "getIamPolicy", project_policy },
    { "POST", "v1/projects/*", "setIamPolicy", project_policy },
    { "POST", "v1/projects/*", "testIamPermissions", project_policy },
    { "POST", "v3/projects/*", "getIamPolicy", project_policy },
    { "POST", "v3/projects/*", "setIamPolicy", project_policy },
    { "POST", "v3/projects/*", "testIamPermissions", project_policy },
    { 0 },
};
