/* emulator/secrets.c: Secret Manager's secrets: names, labels, aliases, policies (reference 5). */
#include "emulator/secret.h"

#include "base/ascii.h"
#include "base/timefmt.h"

enum { ID_MAX = 255 };

/* Where "secrets" stands in the path: behind the project, or behind the location. */
static size_t collection_at(const struct call *c)
{
    return c->route.count > 3 && str_is(c->route.part[3], "locations") ? 5 : 3;
}

static struct secret_place place_named(struct call *c, struct str id)
{
    const char *location =
        collection_at(c) == 5 ? arena_printf(c->a, "locations/%.*s/", STR_ARG(c->route.part[4])) : "";
    struct secret_place p = { .resource = arena_printf(c->a, "%ssecrets/%.*s", location, STR_ARG(id)) };

    p.name = str_of(arena_printf(c->a, "projects/%.*s/%s", STR_ARG(c->gcp_project), p.resource));
    p.shown = arena_printf(c->a, "projects/%lld/%s", (long long)gcp_number_of(c->gcp_project), p.resource);
    return p;
}

struct secret_place secret_place_of(struct call *c)
{
    size_t at = collection_at(c);
    struct secret_place p = place_named(c, c->route.part[at + 1]);

    if (c->route.count > at + 3)
        p.version = c->route.part[at + 3];
    return p;
}

int secret_need(struct call *c, const char *resource, const char *permission)
{
    int code = call_need(c, SECRET_SERVICE, resource, permission);
    struct str reason = jval_str(jval_path(c->r.details, "0.reason"));

    if (code == -ERR_INVALID && str_is(reason, "IAM_PERMISSION_DENIED"))
        return refuse(&c->r, RPC_PERMISSION_DENIED,
                      "Permission '%s' denied for resource 'projects/%.*s%s%s' (or it may not exist).",
                      permission, STR_ARG(c->gcp_project), resource[0] ? "/" : "", resource);
    return code;
}

int secret_find(struct call *c, const struct secret_place *p, struct jval **ret)
{
    int code = store_get_resource(c->m->db, c->a, "secret", p->name, ret, &c->e);

    return code == -ERR_NOT_FOUND
               ? refuse(&c->r, RPC_NOT_FOUND, "Secret [%s] not found or has no versions.", p->shown)
               : code;
}

void secret_stamp(struct call *c, struct jval *v, const char *member)
{
    char text[RFC3339_SIZE];

    jval_set_cstr(c->a, v, member, rfc3339_format(io_now_unix_ms(c->m->io), text));
}

/* --- secrets ----------------------------------------------------------------------------------------------
 */

static bool is_id(struct str id)
{
    for (size_t i = 0; i < id.len; i++)
        if (!ascii_is_alnum(id.ptr[i]) && id.ptr[i] != '-' && id.ptr[i] != '_')
            return false;
    return id.len > 0 && id.len <= ID_MAX;
}

/* What people may set. */
static const char *const settable[] = { "labels", "annotations", "versionAliases" };

static int create_secret(struct call *c, const struct jval **ret)
{
    struct str id = http_query_get(c->x, "secretId");
    struct secret_place p = place_named(c, id);
    struct jval *body = NULL, *v = jval_new_object(c->a), *replication = jval_new_object(c->a);
    int code = secret_need(c, "", "secretmanager.secrets.create");

    if (code || (code = call_body(c, &body)))
        return code;
    if (!is_id(id))
        return refuse(&c->r, RPC_INVALID_ARGUMENT,
                      "The provided Secret ID [%.*s] does not match the expected format [[a-zA-Z_0-9-]+]",
                      STR_ARG(str_sub(id, 0, ID_MAX)));
    jval_set_cstr(c->a, v, "name", p.shown);
    jval_set(c->a, replication, "automatic", jval_new_object(c->a));
    if (jval_get(body, "replication"))
        replication = jval_copy(c->a, jval_get(body, "replication"));
    if (collection_at(c) == 3) /* a regional secret is where it is */
        jval_set(c->a, v, "replication", replication);
    secret_stamp(c, v, "createTime");
    for (size_t i = 0; i < ARRAY_LEN(settable); i++)
        if (jval_get(body, settable[i]))
            jval_set(c->a, v, settable[i], jval_get(body, settable[i]));
    *ret = v;
    code = store_add_resource(c->m->db, &(struct resource_row){ "secret", p.name, v }, &c->e);
    return code == -ERR_CONFLICT ? refuse(&c->r, RPC_ALREADY_EXISTS, "Secret [%s] already exists.", p.shown)
                                 : code;
}

static int get_secret(struct call *c, const struct jval **ret)
{
    struct secret_place p = secret_place_of(c);
    struct jval *v = NULL;
    int code = secret_need(c, p.resource, "secretmanager.secrets.get");

    if (code == 0)
        code = secret_find(c, &p, &v);
    *ret = v;
    return code;
}

static int list_secrets(struct call *c, const struct jval **ret)
{
    int code = secret_need(c, "", "secretmanager.secrets.list");

    return code ? code
                : call_list(c, "secret", arena_cstr(c->a, place_named(c, STR("")).name), "secrets", ret);
}

/* "versionAliases", and "version_aliases" as protocol buffers write it. */
static const char *settable_named(struct str word)
{
    if (str_is(word, "version_aliases"))
        return "versionAliases";
    for (size_t i = 0; i < ARRAY_LEN(settable); i++)
        if (str_is(word, settable[i]))
            return settable[i];
    return NULL;
}

static int update_secret(struct call *c, const struct jval **ret)
{
    struct secret_place p = secret_place_of(c);
    struct str mask = http_query_get(c->x, "updateMask"), word = { NULL, 0 };
    struct jval *body = NULL, *v = NULL;
    int code = secret_need(c, p.resource, "secretmanager.secrets.update");

    if (code || (code = call_body(c, &body)) || (code = secret_find(c, &p, &v)))
        return code;
    while (str_cut(&mask, ',', &word)) {
        const char *member = settable_named(word);

        if (!member)
            return refuse(&c->r, RPC_INVALID_ARGUMENT,
                          "Invalid update mask: the emulator does not change %.*s",
                          STR_ARG(str_sub(word, 0, 100)));
        (void)jval_remove(v, member);
        if (jval_get(body, member))
            jval_set(c->a, v, member, jval_get(body, member));
    }
    *ret = v;
    return store_put_resource(c->m->db, &(struct resource_row){ "secret", p.name, v }, &c->e);
}

static int delete_secret(struct call *c, const struct jval **ret)
{
    struct secret_place p = secret_place_of(c);
    struct jval *v = NULL;
    int code = secret_need(c, p.resource, "secretmanager.secrets.delete");

    (void)ret;
    if (code || (code = secret_find(c, &p, &v)))
        return code;
    return store_delete_resource(c->m->db, "secret", p.name, &c->e);
}

static int secret_policy(struct call *c, const struct jval **ret)
{
    struct secret_place p = secret_place_of(c);
    struct jval *v = NULL;
    int code = secret_find(c, &p, &v);

    return code ? code : call_policy(c, SECRET_SERVICE, p.resource, "secretmanager.secrets", ret);
}

#define BOTH(method, tail, verb, fn)                                                                         \
    { method, "v1/projects/*/" tail, verb, fn },                                                             \
    {                                                                                                        \
        method, "v1/projects/*/locations/*/" tail, verb, fn                                                  \
    }

const struct call_row secret_calls[] = {
    BOTH("GET", "secrets", "", list_secrets),
    BOTH("POST", "secrets", "", create_secret),
    BOTH("GET", "secrets/*", "", get_secret),
    BOTH("PATCH", "secrets/*", "", update_secret),
    BOTH("DELETE", "secrets/*", "", delete_secret),
    BOTH("GET", "secrets/*", "getIamPolicy", secret_policy),
    BOTH("POST", "secrets/*", "setIamPolicy", secret_policy),
    BOTH("POST", "secrets/*", "testIamPermissions", secret_policy),
    { 0 },
};
