/* emulator/iam_roles.c: a project's custom roles (iam.googleapis.com v1). Kind in the store: "role". */
#include "emulator/call.h"

static const char iam[] = "iam.googleapis.com";

static struct str role_name(struct call *c, struct str id)
{
    return str_of(arena_printf(c->a, "projects/%.*s/roles/%.*s", STR_ARG(c->gcp_project), STR_ARG(id)));
}

static int check_permissions(struct call *c, const struct jval *role)
{
    const struct jval *list = jval_get(role, "includedPermissions");

    for (size_t i = 0; i < jval_len(list); i++)
        if (!permission_is_known(jval_str(jval_at(list, i))))
            return refuse(&c->r, RPC_INVALID_ARGUMENT, "Permission %.*s is not valid.",
                          STR_ARG(jval_str(jval_at(list, i))));
    return 0;
}

static int create_role(struct call *c, const struct jval **ret)
{
    struct jval *body = NULL, *role;
    struct str id;
    int code = call_need(c, iam, "", "iam.roles.create");

    if (code || (code = call_body(c, &body)) || (code = check_permissions(c, jval_get(body, "role"))))
        return code;
    id = jval_str(jval_get(body, "roleId"));
    if (id.len < 3 || id.len > 64 || str_find(id, STR("-")) >= 0 || str_find(id, STR("/")) >= 0)
        return refuse(&c->r, RPC_INVALID_ARGUMENT,
                      "The role_id \"%.*s\" must be 3 to 64 letters, digits, underscores and periods.",
                      STR_ARG(str_sub(id, 0, 100)));
    role = jval_merge(c->a, jval_new_object(c->a), jval_get(body, "role"));
    jval_set(c->a, role, "name", jval_new_str(c->a, role_name(c, id)));
    code = store_add_resource(c->m->db, &(struct resource_row){ "role", role_name(c, id), role }, &c->e);
    if (code == -ERR_CONFLICT)
        return refuse(&c->r, RPC_ALREADY_EXISTS, "A role named %.*s in projects/%.*s already exists.",
                      STR_ARG(id), STR_ARG(c->gcp_project));
    *ret = role;
    return code;
}

static int open_role(struct call *c, const char *permission, struct jval **ret)
{
    int code = call_need(c, iam, "", permission);

    if (code)
        return code;
    code = store_get_resource(c->m->db, c->a, "role", role_name(c, c->route.part[4]), ret, &c->e);
    return code == -ERR_NOT_FOUND ? refuse(&c->r, RPC_NOT_FOUND, "The role named %.*s was not found.",
                                           STR_ARG(role_name(c, c->route.part[4])))
                                  : code;
}

static int get_role(struct call *c, const struct jval **ret)
{
    struct jval *role = NULL;
    int code = open_role(c, "iam.roles.get", &role);

    *ret = role;
    return code;
}

static int update_role(struct call *c, const struct jval **ret)
{
    struct jval *role = NULL, *body = NULL;
    int code = open_role(c, "iam.roles.update", &role);

    if (code || (code = call_body(c, &body)) || (code = check_permissions(c, body)))
        return code;
    role = jval_merge(c->a, role, body);
    jval_set(c->a, role, "name", jval_new_str(c->a, role_name(c, c->route.part[4])));
    *ret = role;
    return store_put_resource(c->m->db,
                              &(struct resource_row){ "role", role_name(c, c->route.part[4]), role }, &c->e);
}

/* Google keeps a deleted role for a week, so that it can be brought back. */
static int delete_role(struct call *c, const struct jval **ret)
{
    struct jval *role = NULL;
    int code = open_role(c, "iam.roles.delete", &role);

    if (code)
        return code;
    jval_set_bool(c->a, role, "deleted", str_is(c->x->method, "DELETE"));
    *ret = role;
    return store_put_resource(c->m->db,
                              &(struct resource_row){ "role", role_name(c, c->route.part[4]), role }, &c->e);
}

static int list_roles(struct call *c, const struct jval **ret)
{
    int code = call_need(c, iam, "", "iam.roles.list");

    return code ? code
                : call_list(c, "role", arena_printf(c->a, "projects/%.*s/roles/", STR_ARG(c->gcp_project)),
                            "roles", ret);
}

const struct call_row iam_role_calls[] = {
    { "POST", "v1/projects/*/roles", "", create_role },
    { "GET", "v1/projects/*/roles", "", list_roles },
    { "GET", "v1/projects/*/roles/*", "", get_role },
    { "PATCH", "v1/projects/*/roles/*", "", update_role },
    { "DELETE", "v1/projects/*/roles/*", "", delete_role },
    { "POST", "v1/projects/*/roles/*", "undelete", delete_role },
    { 0 },
};
