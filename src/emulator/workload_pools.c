/*
 * emulator/workload_pools.c: workload identity pools and their providers (iam.googleapis.com v1), and the
 * mapping of what a provider says to a principal. Kinds in the store: "pool", "provider" by
 * projects/P/locations/global/workloadIdentityPools/POOL[/providers/PROVIDER].
 *
 * Mappings are "google.subject" and "attribute.NAME" to "assertion.CLAIM" (dots reach into objects); other
 * CEL is refused when the provider is made.
 */
#include "emulator/workload_pools.h"

static const char service[] = "iam.googleapis.com";
static const char iam_host[] = "//iam.googleapis.com/";

/* --- making ------------------------------------------------------------------------------------------------
 */

static struct str pool_name(struct call *c, struct str pool)
{
    return str_of(arena_printf(c->a, "projects/%.*s/locations/global/workloadIdentityPools/%.*s",
                               STR_ARG(c->gcp_project), STR_ARG(pool)));
}

static int done(struct call *c, struct jval *v, const struct jval **ret)
{
    struct jval *operation = jval_new_object(c->a);

    jval_set(c->a, operation, "name",
             jval_new_cstr(
                 c->a, arena_printf(c->a, "%.*s/operations/done", STR_ARG(jval_str(jval_get(v, "name"))))));
    jval_set_bool(c->a, operation, "done", true);
    jval_set(c->a, operation, "response", v);
    *ret = operation;
    return 0;
}

static int store_new(struct call *c, const char *kind, struct str name, struct jval *body,
                     const struct jval **ret)
{
    int code;

    jval_set(c->a, body, "name", jval_new_str(c->a, name));
    jval_set_cstr(c->a, body, "state", "ACTIVE");
    code = store_add_resource(c->m->db, &(struct resource_row){ kind, name, body }, &c->e);
    if (code == -ERR_CONFLICT)
        return refuse(&c->r, RPC_ALREADY_EXISTS, "Requested entity already exists");
    return code ? code : done(c, body, ret);
}

static int create_pool(struct call *c, const struct jval **ret)
{
    struct str id = http_query_get(c->x, "workloadIdentityPoolId");
    struct jval *body = NULL;
    int code = call_need(c, service, "", "iam.workloadIdentityPools.create");

    if (code || (code = call_body(c, &body)))
        return code;
    if (id.len < 4 || id.len > 32)
        return refuse(&c->r, RPC_INVALID_ARGUMENT, "workload_identity_pool_id must be 4 to 32 characters");
    return store_new(c, "pool", pool_name(c, id), body, ret);
}

static int check_mapping(struct call *c, const struct jval *body)
{
    const struct jval *mapping = jval_get(body, "attributeMapping");

    for (size_t i = 0; i < jval_len(mapping); i++)
        if (!str_has_prefix(jval_str(jval_at(mapping, i)), STR("assertion.")))
            return refuse(&c->r, RPC_INVALID_ARGUMENT,
                          "The emulator maps %.*s to \"assertion.CLAIM\" only, not to \"%.*s\".",
                          STR_ARG(jval_key_at(mapping, i)), STR_ARG(jval_str(jval_at(mapping, i))));
    if (!jval_get(body, "aws") && !jval_get(mapping, "google.subject"))
        return refuse(&c->r, RPC_INVALID_ARGUMENT, "attribute_mapping must map google.subject");
    return 0;
}

static int create_provider(struct call *c, const struct jval **ret)
{
    struct str id = http_query_get(c->x, "workloadIdentityPoolProviderId"), pool = c->route.part[6];
    struct jval *body = NULL;
    int code = call_need(c, service, "", "iam.workloadIdentityPoolProviders.create");

    if (code || (code = call_body(c, &body)))
        return code;
    if (id.len < 4 || id.len > 32)
        return refuse(&c->r, RPC_INVALID_ARGUMENT,
                      "workload_identity_pool_provider_id must be 4 to 32 characters");
    if (!store_has_resource(c->m->db, "pool", pool_name(c, pool)))
        return refuse(&c->r, RPC_NOT_FOUND, "Requested entity was not found.");
    if (!jval_get(body, "oidc") && !jval_get(body, "aws"))
        return refuse(&c->r, RPC_INVALID_ARGUMENT, "The emulator knows providers with \"oidc\" or \"aws\".");
    code = check_mapping(c, body);
    return code ? code
                : store_new(c, "provider",
                            str_of(arena_printf(c->a, "%.*s/providers/%.*s", STR_ARG(pool_name(c, pool)),
                                                STR_ARG(id))),
                            body, ret);
}

static int get_provider(struct call *c, const struct jval **ret)
{
    struct jval *v = NULL;
    bool pool = c->route.count == 7;
    struct str name = pool_name(c, route_tail(&c->route, 6));
    int code = call_need(c, service, "", "iam.workloadIdentityPools.get");

    if (code == 0)
        code = store_get_resource(c->m->db, c->a, pool ? "pool" : "provider", name, &v, &c->e);
    *ret = v;
    return code == -ERR_NOT_FOUND ? refuse(&c->r, RPC_NOT_FOUND, "Requested entity was not found.") : code;
}

static int delete_provider(struct call *c, const struct jval **ret)
{
    bool pool = c->route.count == 7;
    struct str name = pool_name(c, route_tail(&c->route, 6));
    struct jval *v = NULL;
    int code = call_need(c, service, "", "iam.workloadIdentityPools.delete");

    if (code == 0)
        code = store_get_resource(c->m->db, c->a, pool ? "pool" : "provider", name, &v, &c->e);
    if (code == 0)
        code = store_delete_resource(c->m->db, pool ? "pool" : "provider", name, &c->e);
    if (code)
        return code == -ERR_NOT_FOUND ? refuse(&c->r, RPC_NOT_FOUND, "Requested entity was not found.")
                                      : code;
    return done(c, v, ret);
}

const struct call_row workload_pool_calls[] = {
    { "POST", "v1/projects/*/locations/global/workloadIdentityPools", "", create_pool },
    { "GET", "v1/projects/*/locations/global/workloadIdentityPools/*", "", get_provider },
    { "DELETE", "v1/projects/*/locations/global/workloadIdentityPools/*", "", delete_provider },
    { "POST", "v1/projects/*/locations/global/workloadIdentityPools/*/providers", "", create_provider },
    { "GET", "v1/projects/*/locations/global/workloadIdentityPools/*/providers/*", "", get_provider },
    { "DELETE", "v1/projects/*/locations/global/workloadIdentityPools/*/providers/*", "", delete_provider },
    { 0 },
};

/* --- finding and mapping
 * ------------------------------------------------------------------------------------ */

bool provider_find(struct emulator *m, struct arena *a, struct str audience, struct jval **ret)
{
    struct str rest = str_sub(audience, sizeof(iam_host) - 1, audience.len), word = { NULL, 0 }, project;

    if (!str_has_prefix(audience, str_of(iam_host)) || !str_cut(&rest, '/', &word) ||
        !str_is(word, "projects") || !str_cut(&rest, '/', &project))
        return false;
    return store_get_resource(m->db, a, "provider",
                              str_of(arena_printf(a, "projects/%.*s/%.*s",
                                                  STR_ARG(access_project_id(m, a, project)), STR_ARG(rest))),
                              ret, NULL) == 0 &&
           !jval_bool(jval_get(*ret, "disabled"));
}

static struct str claim_of(struct arena *a, const struct outsider *o, struct str expression)
{
    const struct jval *v =
        jval_path(o->assertion, arena_cstr(a, str_sub(expression, sizeof("assertion.") - 1, expression.len)));

    return jval_is(v, JVAL_INT) ? str_of(arena_printf(a, "%lld", (long long)jval_int(v))) : jval_str(v);
}

/* "projects/N/locations/global/workloadIdentityPools/POOL" of an audience. */
static struct str pool_of(struct str audience)
{
    ptrdiff_t end = str_find(audience, STR("/providers/"));

    return str_sub(audience, sizeof(iam_host) - 1, end < 0 ? audience.len : (size_t)end);
}

static void add_set(struct arena *a, struct jval *sets, const char *text)
{
    jval_push(a, sets, jval_new_cstr(a, text));
}

int provider_map(struct arena *a, const struct jval *provider, struct str audience, const struct outsider *o,
                 struct grant *ret, struct err *e)
{
    const struct jval *mapping = jval_get(provider, "attributeMapping");
    struct str pool = pool_of(audience), subject = { NULL, 0 }, key, value;
    struct jval *sets = jval_new_array(a);

    add_set(a, sets, arena_printf(a, "principalSet:%s%.*s/*", iam_host, STR_ARG(pool)));
    for (size_t i = 0; i < jval_len(mapping); i++) {
        key = jval_key_at(mapping, i);
        value = claim_of(a, o, jval_str(jval_at(mapping, i)));
        if (str_is(key, "google.subject"))
            subject = value;
        else if (value.len)
            add_set(a, sets,
                    arena_printf(a, "principalSet:%s%.*s/%.*s/%.*s", iam_host, STR_ARG(pool), STR_ARG(key),
                                 STR_ARG(value)));
    }
    if (!mapping)
        subject = jval_str(jval_get(o->assertion, "arn"));
    if (!subject.len || subject.len > 127)
        return err_set(e, ERR_INVALID, "The value of google.subject is empty or longer than 127 characters.");
    *ret = (struct grant){ .member = str_of(arena_printf(a, "principal:%s%.*s/subject/%.*s", iam_host,
                                                         STR_ARG(pool), STR_ARG(subject))),
                           .sets = sets };
    return 0;
}
