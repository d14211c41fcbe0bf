/* emulator/call.c: finding the function of a call, and what most of them do. */
#include "emulator/call.h"

#include "base/crypto.h"
#include "emulator/condition.h"

enum { PAGE_MAX = 1000, PAGE_DEFAULT = 100 };

void call_init(struct call *c, struct emulator *m, struct http_exchange *x)
{
    *c = (struct call){ .m = m, .x = x, .a = x->a, .route = route_split(x->path), .r = { .a = x->a } };
    if (c->route.count > 2 && str_is(c->route.part[1], "projects"))
        c->gcp_project = access_project_id(m, x->a, c->route.part[2]);
}

static bool fits(const struct call *c, const struct call_row *row)
{
    return str_is(c->x->method, row->method) && route_is(&c->route, row->pattern) &&
           (str_is(c->route.verb, row->verb) || (row->verb[0] == '*' && c->route.verb.ptr) ||
            (row->verb[0] == '\0' && !c->route.verb.ptr));
}

bool call_serve(struct call *c, const struct call_row *rows)
{
    const struct call_row *row = rows;
    const struct jval *v = NULL;
    int code;

    while (row->method && !fits(c, row))
        row++;
    if (!row->method)
        return false;
    code = row->fn(c, &v);
    if (code == -ERR_INVALID && c->r.code)
        refusal_reply(c->x, &c->r);
    else if (code)
        reply_internal(c->x, &c->e);
    else
        json_reply(c->x, v ? v : jval_new_object(c->a));
    return true;
}

static struct str full_name(struct call *c, const char *resource)
{
    return str_of(
        arena_printf(c->a, "projects/%.*s%s%s", STR_ARG(c->gcp_project), resource[0] ? "/" : "", resource));
}

int call_need(struct call *c, const char *service, const char *resource, const char *permission)
{
    const struct access_need need = { .service = service,
                                      .gcp_project = c->gcp_project,
                                      .resource = full_name(c, resource),
                                      .permission = permission };

    return access_check(c->m, c->x, &need, &c->r);
}

int call_body(struct call *c, struct jval **ret)
{
    return read_body(c->x, &c->r, ret);
}

/* --- policies --------------------------------------------------------------------------------------------
 */

bool call_verb_is_policy(const struct call *c)
{
    return str_is(c->route.verb, "getIamPolicy") || str_is(c->route.verb, "setIamPolicy") ||
           str_is(c->route.verb, "testIamPermissions");
}

static const char *etag_of(struct arena *a, const struct jval *bindings)
{
    AUTO_STRBUF struct strbuf text = STRBUF(64);
    uint8_t digest[32];

    sha256(jval_text(a, bindings, JVAL_COMPACT), digest);
    strbuf_add_base64(&text, (struct str){ (const char *)digest, 8 });
    return arena_strdup(a, strbuf_cstr(&text));
}

static int read_policy(struct call *c, struct str name, struct jval **ret)
{
    int code = store_get_resource(c->m->db, c->a, "policy", name, ret, &c->e);

    if (code == -ERR_NOT_FOUND) {
        *ret = jval_new_object(c->a);
        jval_set_int(c->a, *ret, "version", 1);
        jval_set_cstr(c->a, *ret, "etag", "ACAB");
        code = 0;
    }
    return code;
}

static int check_binding(struct call *c, const struct jval *b)
{
    const struct jval *members = jval_get(b, "members");
    struct str role = jval_str(jval_get(b, "role")), member;

    if (!role_is_known(c->m, role))
        return refuse(&c->r, RPC_INVALID_ARGUMENT, "Role %.*s is not supported for this resource.",
                      STR_ARG(role));
    for (size_t i = 0; i < jval_len(members); i++) {
        member = jval_str(jval_at(members, i));
        if (str_find(member, STR(":")) <= 0 && !str_has_prefix(member, STR("all")))
            return refuse(&c->r, RPC_INVALID_ARGUMENT,
                          "Invalid principal %.*s: it is not of the form user:E, serviceAccount:E, "
                          "principal://... or principalSet://...",
                          STR_ARG(member));
    }
    if (!condition_is_valid(jval_str(jval_path(b, "condition.expression"))))
        return refuse(&c->r, RPC_INVALID_ARGUMENT, "Expression %.*s is not one that the emulator evaluates.",
                      STR_ARG(jval_str(jval_path(b, "condition.expression"))));
    return 0;
}

static int write_policy(struct call *c, struct str name, struct jval **ret)
{
    struct jval *body = NULL, *old = NULL, *policy;
    const struct jval *bindings, *etag;
    int code = call_body(c, &body);

    if (code || (code = read_policy(c, name, &old)))
        return code;
    bindings = jval_path(body, "policy.bindings");
    etag = jval_path(body, "policy.etag");
    if (etag && !jval_equal(etag, jval_get(old, "etag")))
        return refuse(&c->r, RPC_ABORTED,
                      "There were concurrent policy changes. Please retry the whole read-modify-write with "
                      "exponential backoff.");
    for (size_t i = 0; i < jval_len(bindings); i++)
        if ((code = check_binding(c, jval_at(bindings, i))))
            return code;
    policy = jval_new_object(c->a);
    jval_set_int(c->a, policy, "version", 3);
    jval_set_cstr(c->a, policy, "etag", etag_of(c->a, bindings));
    if (bindings)
        jval_set(c->a, policy, "bindings", bindings);
    *ret = policy;
    return store_put_resource(c->m->db, &(struct resource_row){ "policy", name, policy }, &c->e);
}

static int test_permissions(struct call *c, struct str name, const struct jval **ret)
{
    struct jval *body = NULL, *out = jval_new_object(c->a), *granted = jval_new_array(c->a);
    const struct jval *asked;
    struct grant who = { 0 };
    int code = call_body(c, &body);

    if (code || (code = access_caller(c->m, c->x, &who, &c->r)))
        return code;
    asked = jval_get(body, "permissions");
    for (size_t i = 0; i < jval_len(asked); i++) {
        struct str permission = jval_str(jval_at(asked, i));

        if (!permission_is_known(permission))
            return refuse(&c->r, RPC_INVALID_ARGUMENT, "Permission %.*s is not valid for this resource.",
                          STR_ARG(permission));
        if (access_permits(c->m, &who, name, arena_cstr(c->a, permission)))
            jval_push(c->a, granted, jval_at(asked, i));
    }
    if (jval_len(granted))
        jval_set(c->a, out, "permissions", granted);
    *ret = out;
    return 0;
}

int call_policy(struct call *c, const char *service, const char *resource, const char *type,
                const struct jval **ret)
{
    struct str name = full_name(c, resource);
    struct jval *policy = NULL;
    int code;

    if (str_is(c->route.verb, "testIamPermissions")) {
        code = call_need(c, service, resource, NULL);
        return code ? code : test_permissions(c, name, ret);
    }
    code = call_need(c, service, resource, arena_printf(c->a, "%s.%.*s", type, STR_ARG(c->route.verb)));
    if (code == 0)
        code = str_is(c->route.verb, "getIamPolicy") ? read_policy(c, name, &policy)
                                                     : write_policy(c, name, &policy);
    *ret = policy;
    return code;
}

/* --- lists ------------------------------------------------------------------------------------------------
 */

int call_list(struct call *c, const char *kind, const char *prefix, const char *member,
              const struct jval **ret)
{
    struct str size = http_query_get(c->x, "pageSize"), token = http_query_get(c->x, "pageToken");
    struct resource_list all = { 0 };
    struct resource_scan scan = { .kind = kind, .prefix = str_of(prefix), .max = PAGE_DEFAULT + 1 };
    struct jval *out = jval_new_object(c->a), *list = jval_new_array(c->a);
    AUTO_STRBUF struct strbuf next = STRBUF(4096);
    int64_t n = 0;
    int code;

    if (size.len && (!str_to_i64(size, &n) || n < 0))
        return refuse(&c->r, RPC_INVALID_ARGUMENT, "Invalid value at 'page_size' (TYPE_INT32), \"%.*s\"",
                      STR_ARG(str_sub(size, 0, 100)));
    if (token.len && base64_decode(c->a, token, &scan.after, &c->e))
        return refuse(&c->r, RPC_INVALID_ARGUMENT, "Invalid page token.");
    if (n > 0)
        scan.max = (size_t)(n > PAGE_MAX ? PAGE_MAX : n) + 1;
    code = store_list_resources(c->m->db, c->a, &scan, &all, &c->e);
    if (code)
        return code;
    for (size_t i = 0; i < all.len && i + 1 < scan.max; i++)
        jval_push(c->a, list, all.bodies[i]);
    if (jval_len(list))
        jval_set(c->a, out, member, list);
    if (all.len == scan.max) {
        strbuf_add_base64url(&next, all.names[scan.max - 2]);
        jval_set_cstr(c->a, out, "nextPageToken", strbuf_cstr(&next));
    }
    *ret = out;
    return 0;
}
