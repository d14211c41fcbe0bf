/* emulator/storage.c: Cloud Storage: which call a path is, errors in its own shape, buckets. */
#include "emulator/storage.h"

#include "base/timefmt.h"

static const char service[] = "storage.googleapis.com";

/* --- what all calls need
 * ------------------------------------------------------------------------------------- */

struct str storage_name(struct storage_call *c)
{
    return str_of(arena_printf(c->a, "projects/_/buckets/%.*s%s%.*s", STR_ARG(c->bucket),
                               c->object.len ? "/objects/" : "", STR_ARG(c->object)));
}

static struct str bucket_name(struct storage_call *c)
{
    return str_of(arena_printf(c->a, "projects/_/buckets/%.*s", STR_ARG(c->bucket)));
}

int storage_bucket(struct storage_call *c, struct jval **ret)
{
    int code = store_get_resource(c->m->db, c->a, "bucket", bucket_name(c), ret, &c->e);

    return code == -ERR_NOT_FOUND ? refuse(&c->r, RPC_NOT_FOUND, "The specified bucket does not exist.")
                                  : code;
}

/* "a@b" of "serviceAccount:a@b", as Storage calls people. */
static struct str caller_name(struct storage_call *c)
{
    struct grant who = { 0 };
    struct str rest, kind = { NULL, 0 };
    struct refusal ignored = { .a = c->a };

    if (access_caller(c->m, c->x, &who, &ignored))
        return STR("Anonymous caller");
    rest = who.member;
    return str_cut(&rest, ':', &kind) && rest.ptr ? rest : who.member;
}

int storage_need(struct storage_call *c, const char *permission, bool on_object)
{
    struct str project = access_project_of(c->m, c->a, bucket_name(c)), rest = project, word = { NULL, 0 };
    struct access_need need = { .service = service,
                                .resource = on_object ? storage_name(c) : bucket_name(c),
                                .permission = permission };
    int code;

    (void)str_cut(&rest, '/', &word);
    need.gcp_project = rest.ptr ? rest : str_of(c->m->gcp_project);
    code = access_check(c->m, c->x, &need, &c->r);
    if (code && c->r.code == RPC_PERMISSION_DENIED &&
        str_has_prefix(str_of(c->r.message), STR("Permission '")))
        refuse(
            &c->r, RPC_PERMISSION_DENIED,
            "%.*s does not have %s access to the Google Cloud Storage %s. Permission '%s' denied on resource "
            "(or it may not exist).",
            STR_ARG(caller_name(c)), permission, c->object.len ? "object" : "bucket", permission);
    return code;
}

/* Storage's errors carry a list, as the older APIs of Google do. */
static void reply_refusal(struct storage_call *c)
{
    int status = c->reason && str_is(str_of(c->reason), "conditionNotMet") ? 412 : rpc_code_http(c->r.code);
    struct jval *root = jval_new_object(c->a), *error = jval_new_object(c->a), *list = jval_new_array(c->a);
    struct jval *one = jval_new_object(c->a);
    const char *reason = c->reason       ? c->reason
                         : status == 401 ? "authError"
                         : status == 403 ? "forbidden"
                         : status == 404 ? "notFound"
                         : status == 409 ? "conflict"
                                         : "invalid";

    jval_set_cstr(c->a, one, "message", c->r.message);
    jval_set_cstr(c->a, one, "domain", "global");
    jval_set_cstr(c->a, one, "reason", reason);
    jval_push(c->a, list, one);
    jval_set_int(c->a, error, "code", status);
    jval_set_cstr(c->a, error, "message", c->r.message);
    jval_set(c->a, error, "errors", list);
    if (jval_len(c->r.details)) {
        jval_set_cstr(c->a, error, "status", rpc_code_name(c->r.code));
        jval_set(c->a, error, "details", c->r.details);
    }
    jval_set(c->a, root, "error", error);
    http_reply_text(c->x, status, "application/json; charset=UTF-8", jval_text(c->a, root, JVAL_COMPACT));
}

void storage_end(struct storage_call *c, int code, const struct jval *v)
{
    if (code == -ERR_INVALID && c->r.code)
        reply_refusal(c);
    else if (code)
        reply_internal(c->x, &c->e);
    else if (v)
        json_reply(c->x, v);
    else
        http_reply_text(c->x, 204, "application/json", STR(""));
}

/* --- buckets
 * ------------------------------------------------------------------------------------------------- */

static const char *type_of_location(struct str location)
{
    if (str_is(location, "US") || str_is(location, "EU") || str_is(location, "ASIA"))
        return "multi-region";
    return location.len == 4 && str_find(location, STR("-")) < 0 ? "dual-region" : "region";
}

static struct str upper(struct arena *a, struct str s)
{
    char *out = arena_cstr(a, s);

    for (size_t i = 0; i < s.len; i++)
        if (out[i] >= 'a' && out[i] <= 'z')
            out[i] = (char)(out[i] - 'a' + 'A');
    return str_of(out);
}

static bool is_bucket_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char ch = name.ptr[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '-' || ch == '_' || ch == '.'))
            return false;
    }
    return name.len >= 3 && name.len <= 222;
}

static int check_project(struct storage_call *c, struct str project, const char *permission)
{
    const struct access_need need = { .service = service,
                                      .gcp_project = project,
                                      .resource =
                                          str_of(arena_printf(c->a, "projects/%.*s", STR_ARG(project))),
                                      .permission = permission };

    return access_check(c->m, c->x, &need, &c->r);
}

static struct jval *new_bucket(struct storage_call *c, struct str project, const struct jval *body)
{
    struct jval *v = jval_new_object(c->a);
    struct str location = jval_str(jval_get(body, "location"));
    char now[RFC3339_SIZE];

    location = upper(c->a, location.len ? location : STR("US"));
    jval_set_cstr(c->a, v, "kind", "storage#bucket");
    jval_set(c->a, v, "id", jval_new_str(c->a, c->bucket));
    jval_set(c->a, v, "name", jval_new_str(c->a, c->bucket));
    jval_set_cstr(c->a, v, "projectNumber", arena_printf(c->a, "%lld", (long long)gcp_number_of(project)));
    jval_set(c->a, v, "location", jval_new_str(c->a, location));
    jval_set_cstr(c->a, v, "locationType", type_of_location(location));
    jval_set_cstr(c->a, v, "storageClass", "STANDARD");
    jval_set_cstr(c->a, v, "timeCreated", rfc3339_format(io_now_unix_ms(c->m->io), now));
    jval_set(c->a, v, "project", jval_new_str(c->a, project));
    return v;
}

static int insert_bucket(struct storage_call *c, struct jval **ret)
{
    struct str project = access_project_id(c->m, c->a, http_query_get(c->x, "project"));
    struct jval *body = NULL;
    int code;

    project = project.len && !str_is(project, "<none>") ? project : str_of(c->m->gcp_project);
    code = check_project(c, project, "storage.buckets.create");
    if (code || (code = read_body(c->x, &c->r, &body)))
        return code;
    c->bucket = jval_str(jval_get(body, "name"));
    if (!is_bucket_name(c->bucket))
        return refuse(&c->r, RPC_INVALID_ARGUMENT, "Invalid bucket name: '%.*s'",
                      STR_ARG(str_sub(c->bucket, 0, 100)));
    *ret = new_bucket(c, project, body);
    code = store_add_resource(c->m->db, &(struct resource_row){ "bucket", bucket_name(c), *ret }, &c->e);
    return code == -ERR_CONFLICT ? refuse(&c->r, RPC_ALREADY_EXISTS,
                                          "The requested bucket name is not available. The bucket "
                                          "namespace is shared by all users of the system. Please "
                                          "select a different name and try again.")
                                 : code;
}

static int list_buckets(struct storage_call *c, struct jval **ret)
{
    struct str project = access_project_id(c->m, c->a, http_query_get(c->x, "project"));
    struct resource_scan scan = { .kind = "bucket", .prefix = STR("projects/_/buckets/") };
    struct jval *list = jval_new_array(c->a);
    struct resource_list all = { 0 };
    int code = check_project(c, project, "storage.buckets.list");

    if (code == 0)
        code = store_list_resources(c->m->db, c->a, &scan, &all, &c->e);
    for (size_t i = 0; i < all.len; i++)
        if (str_eq(jval_str(jval_get(all.bodies[i], "project")), project))
            jval_push(c->a, list, all.bodies[i]);
    *ret = jval_new_object(c->a);
    jval_set_cstr(c->a, *ret, "kind", "storage#buckets");
    jval_set(c->a, *ret, "items", list);
    return code;
}

static int delete_bucket(struct storage_call *c)
{
    struct resource_scan scan = { .kind = "object", .max = 1 };
    struct resource_list objects = { 0 };
    struct jval *bucket = NULL;
    int code = storage_bucket(c, &bucket);

    if (code || (code = storage_need(c, "storage.buckets.delete", false)))
        return code;
    scan.prefix = str_of(arena_printf(c->a, "%.*s/objects/", STR_ARG(bucket_name(c))));
    code = store_list_resources(c->m->db, c->a, &scan, &objects, &c->e);
    if (code)
        return code;
    if (objects.len)
        return refuse(&c->r, RPC_ALREADY_EXISTS, "The bucket you tried to delete is not empty.");
    return store_delete_resource(c->m->db, "bucket", bucket_name(c), &c->e);
}

/* The values of every "permissions=" of the query that the caller has. */
static int test_permissions(struct storage_call *c, struct jval **ret)
{
    struct str rest = c->x->query, pair = { NULL, 0 };
    struct jval *granted = jval_new_array(c->a);
    struct grant who = { 0 };
    int code = access_caller(c->m, c->x, &who, &c->r);

    if (code)
        return code;
    while (str_cut(&rest, '&', &pair)) {
        struct http_exchange one = { .a = c->a, .query = pair };
        struct str permission = http_query_get(&one, "permissions");

        if (permission.len && !permission_is_known(permission))
            return refuse(&c->r, RPC_INVALID_ARGUMENT, "Invalid argument.");
        if (permission.len && access_permits(c->m, &who, bucket_name(c), arena_cstr(c->a, permission)))
            jval_push(c->a, granted, jval_new_str(c->a, permission));
    }
    *ret = jval_new_object(c->a);
    jval_set_cstr(c->a, *ret, "kind", "storage#testIamPermissionsResponse");
    if (jval_len(granted))
        jval_set(c->a, *ret, "permissions", granted);
    return 0;
}

static int get_policy(struct storage_call *c, struct jval **ret)
{
    int code = storage_need(c, "storage.buckets.getIamPolicy", false);

    if (code == 0)
        code = store_get_resource(c->m->db, c->a, "policy", bucket_name(c), ret, &c->e);
    if (code != -ERR_NOT_FOUND)
        return code;
    *ret = jval_new_object(c->a);
    jval_set_cstr(c->a, *ret, "kind", "storage#policy");
    jval_set_cstr(c->a, *ret, "etag", "CAE=");
    return 0;
}

static int set_policy(struct storage_call *c, struct jval **ret)
{
    const struct jval *bindings;
    int code = storage_need(c, "storage.buckets.setIamPolicy", false);

    if (code || (code = read_body(c->x, &c->r, ret)))
        return code;
    bindings = jval_get(*ret, "bindings");
    for (size_t i = 0; i < jval_len(bindings); i++)
        if (!role_is_known(c->m, jval_str(jval_get(jval_at(bindings, i), "role"))))
            return refuse(&c->r, RPC_INVALID_ARGUMENT, "Role %.*s is not supported for this resource.",
                          STR_ARG(jval_str(jval_get(jval_at(bindings, i), "role"))));
    return store_put_resource(c->m->db, &(struct resource_row){ "policy", bucket_name(c), *ret }, &c->e);
}

static void serve_bucket_policy(struct storage_call *c, struct str rest)
{
    struct jval *v = NULL;
    int code = storage_bucket(c, &v);

    if (code == 0 && str_is(rest, "iam/testPermissions"))
        code = test_permissions(c, &v);
    else if (code == 0)
        code = str_is(c->x->method, "PUT") ? set_policy(c, &v) : get_policy(c, &v);
    storage_end(c, code, v);
}

static void serve_bucket(struct storage_call *c)
{
    struct jval *v = NULL;
    int code = storage_bucket(c, &v);

    if (code == 0 && str_is(c->x->method, "DELETE")) {
        storage_end(c, delete_bucket(c), NULL);
        return;
    }
    if (code == 0)
        code = storage_need(c, "storage.buckets.get", false);
    storage_end(c, code, v);
}

static void serve_buckets(struct storage_call *c)
{
    struct jval *v = NULL;
    int code = str_is(c->x->method, "POST") ? insert_bucket(c, &v) : list_buckets(c, &v);

    storage_end(c, code, v);
}

/* --- paths
 * ---------------------------------------------------------------------------------------------------- */

/* /BUCKET/OBJECT with a signature in the query. */
static bool is_signed(struct storage_call *c)
{
    struct str rest = str_sub(c->x->path, 1, c->x->path.len);

    if (!http_query_get(c->x, "X-Goog-Signature").len || !str_cut(&rest, '/', &c->bucket) || !rest.len)
        return false;
    c->object = rest;
    return true;
}

bool serve_storage(struct emulator *m, struct http_exchange *x)
{
    struct storage_call c = { .m = m, .x = x, .a = x->a, .r = { .a = x->a } };
    struct str rest = x->path, bucket = { NULL, 0 };
    bool upload = str_has_prefix(rest, STR("/upload/storage/v1/b"));

    if (upload)
        rest = str_sub(rest, 7, rest.len);
    else if (str_has_prefix(rest, STR("/download/storage/v1/b")))
        rest = str_sub(rest, 9, rest.len);
    if (!str_has_prefix(rest, STR("/storage/v1/b")))
        return is_signed(&c) && (serve_signed(&c), true);
    rest = str_sub(rest, 13, rest.len);
    if (rest.len == 0) {
        serve_buckets(&c);
        return true;
    }
    if (!str_take(&rest, '/') || !str_cut(&rest, '/', &bucket))
        return false;
    c.bucket = bucket;
    if (!rest.ptr) {
        serve_bucket(&c);
        return true;
    }
    if (str_is(rest, "iam") || str_is(rest, "iam/testPermissions")) {
        serve_bucket_policy(&c, rest);
        return true;
    }
    if (!str_is(rest, "o") && !str_has_prefix(rest, STR("o/")))
        return false;
    c.object = str_sub(rest, 2, rest.len);
    if (upload)
        serve_upload(&c);
    else
        serve_objects(&c);
    return true;
}
