/* emulator/access.c: who sent a request, and what their roles permit (vertex-and-google-auth.md 1.10, 7). */
#include "emulator/access.h"

#include "emulator/condition.h"

/* --- who ---------------------------------------------------------------------------------------------------
 */

static int refuse_token(struct refusal *r, const char *reason, const char *service)
{
    refusal_add_info(r, reason, "googleapis.com", (const char *const[]){ "service", service, NULL });
    return refuse(
        r, RPC_UNAUTHENTICATED,
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or "
        "other "
        "valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-"
        "project.");
}

static int caller_for(struct emulator *m, struct http_exchange *x, const char *service, struct grant *ret,
                      struct refusal *r)
{
    struct str header = http_header_get(x->headers, x->header_count, "Authorization");
    struct str scheme = { NULL, 0 }, token = header;
    struct grant g = { .member = STR(MEMBER_ADMIN) };
    enum grant_fault fault;

    if (!m->require_auth) {
        *ret = g;
        return 0;
    }
    if (!str_cut(&token, ' ', &scheme) || !str_eq_nocase(scheme, STR("Bearer")))
        return refuse_token(r, header.len == 0 ? "CREDENTIALS_MISSING" : "ACCESS_TOKEN_TYPE_UNSUPPORTED",
                            service);
    token = str_trim(token);
    fault = grant_read(m, x->a, token, &g);
    if (fault == GRANT_FOREIGN && jwt_bearer_read(m, x->a, token, &g))
        fault = GRANT_GOOD;
    if (fault != GRANT_GOOD)
        return refuse_token(
            r, fault == GRANT_EXPIRED ? "ACCESS_TOKEN_EXPIRED" : "ACCESS_TOKEN_TYPE_UNSUPPORTED", service);
    *ret = g;
    return 0;
}

int access_caller(struct emulator *m, struct http_exchange *x, struct grant *ret, struct refusal *r)
{
    return caller_for(m, x, "googleapis.com", ret, r);
}

/* --- where
 * --------------------------------------------------------------------------------------------------- */

struct str access_project_id(struct emulator *m, struct arena *a, struct str id_or_number)
{
    struct resource_scan scan = { .kind = "project", .prefix = STR("projects/") };
    struct resource_list all = { 0 };
    int64_t number = 0;
    struct err e;

    if (!str_to_i64(id_or_number, &number))
        return id_or_number;
    if (number == gcp_number_of(str_of(m->gcp_project)))
        return str_of(m->gcp_project);
    if (store_list_resources(m->db, a, &scan, &all, &e) == 0)
        for (size_t i = 0; i < all.len; i++)
            if (gcp_number_of(str_sub(all.names[i], 9, all.names[i].len)) == number)
                return str_sub(all.names[i], 9, all.names[i].len);
    return id_or_number;
}

struct str access_project_of(struct emulator *m, struct arena *a, struct str resource)
{
    struct str rest = resource, word = { NULL, 0 }, id = { NULL, 0 };
    struct jval *bucket = NULL;

    if (!str_cut(&rest, '/', &word) || !str_cut(&rest, '/', &id))
        return (struct str){ NULL, 0 };
    if (!str_is(id, "_"))
        return str_of(arena_printf(a, "projects/%.*s", STR_ARG(id)));
    if (!str_cut(&rest, '/', &word) || !str_cut(&rest, '/', &id) ||
        store_get_resource(m->db, a, "bucket",
                           str_of(arena_printf(a, "projects/_/buckets/%.*s", STR_ARG(id))), &bucket, NULL))
        return (struct str){ NULL, 0 };
    return str_of(arena_printf(a, "projects/%.*s", STR_ARG(jval_str(jval_get(bucket, "project")))));
}

/* --- what
 * ---------------------------------------------------------------------------------------------------- */

static bool is_member(const struct grant *who, struct str member)
{
    if (str_is(member, "allUsers") || str_is(member, "allAuthenticatedUsers") ||
        str_eq_nocase(member, who->member))
        return true;
    return jval_has_text(who->sets, member);
}

static bool binding_has(const struct grant *who, const struct jval *binding)
{
    const struct jval *members = jval_get(binding, "members");

    for (size_t i = 0; i < jval_len(members); i++)
        if (is_member(who, jval_str(jval_at(members, i))))
            return true;
    return false;
}

/* What is asked, and the policy it is asked of. */
struct question {
    struct emulator *m;
    const struct grant *who;
    struct str resource;
    const char *permission;
};

static bool policy_permits(const struct question *q, struct str on)
{
    AUTO_PTR(arena) a = arena_new();
    struct condition_context where = { .resource = q->resource, .now_ms = io_now_unix_ms(q->m->io) };
    struct jval *policy = NULL;
    const struct jval *bindings, *b;

    if (on.len == 0 || store_get_resource(q->m->db, a, "policy", on, &policy, NULL))
        return false;
    bindings = jval_get(policy, "bindings");
    for (size_t i = 0; i < jval_len(bindings); i++) {
        b = jval_at(bindings, i);
        if (binding_has(q->who, b) && role_permits(q->m, jval_str(jval_get(b, "role")), q->permission) &&
            condition_holds(jval_str(jval_path(b, "condition.expression")), &where))
            return true;
    }
    return false;
}

/* Google's conditions see secrets and the like under their project's number, buckets under "_". */
static struct str numbered(struct arena *a, struct str resource)
{
    struct str rest = resource, word = { NULL, 0 }, id = { NULL, 0 };

    if (!str_cut(&rest, '/', &word) || !str_cut(&rest, '/', &id) || str_is(id, "_") || !rest.ptr)
        return resource;
    return str_of(arena_printf(a, "projects/%lld/%.*s", (long long)gcp_number_of(id), STR_ARG(rest)));
}

/* Policies are on a project and on what is in it: no deeper than "projects/P/locations/L/KIND/ID". */
bool access_permits(struct emulator *m, const struct grant *who, struct str resource, const char *permission)
{
    AUTO_PTR(arena) a = arena_new();
    const struct question q = { m, who, numbered(a, resource), permission };
    size_t parts = 0;

    if (str_is(who->member, MEMBER_ADMIN) || policy_permits(&q, access_project_of(m, a, resource)))
        return true;
    for (size_t i = 0; i <= resource.len && parts < 6; i++) {
        if (i < resource.len && resource.ptr[i] != '/')
            continue;
        if (++parts > 2 && parts % 2 == 0 && policy_permits(&q, str_sub(resource, 0, i)))
            return true;
    }
    return false;
}

static bool service_is_off(struct emulator *m, struct arena *a, struct str project, const char *service)
{
    struct str name = str_of(arena_printf(a, "projects/%.*s/services/%s", STR_ARG(project), service));
    struct jval *v = NULL;

    return store_get_resource(m->db, a, "service", name, &v, NULL) == 0 &&
           str_is(jval_str(jval_get(v, "state")), "DISABLED");
}

/* Google's names of the services, as its messages say them. */
static const char *title_of(const char *service)
{
    static const char *const titles[][2] = {
        { "aiplatform.googleapis.com", "Vertex AI API" },
        { "artifactregistry.googleapis.com", "Artifact Registry API" },
        { "cloudresourcemanager.googleapis.com", "Cloud Resource Manager API" },
        { "iam.googleapis.com", "Identity and Access Management (IAM) API" },
        { "iamcredentials.googleapis.com", "IAM Service Account Credentials API" },
        { "logging.googleapis.com", "Cloud Logging API" },
        { "secretmanager.googleapis.com", "Secret Manager API" },
        { "serviceusage.googleapis.com", "Service Usage API" },
        { "storage.googleapis.com", "Cloud Storage API" },
    };

    for (size_t i = 0; i < ARRAY_LEN(titles); i++)
        if (str_is(str_of(service), titles[i][0]))
            return titles[i][1];
    return service;
}

static int refuse_disabled(struct refusal *r, const char *service, int64_t number)
{
    refusal_add_info(r, "SERVICE_DISABLED", "googleapis.com",
                     (const char *const[]){ "service", service, "consumer",
                                            arena_printf(r->a, "projects/%lld", (long long)number), NULL });
    return refuse(
        r, RPC_PERMISSION_DENIED,
        "%s has not been used in project %lld before or it is disabled. Enable it by visiting "
        "https://console.developers.google.com/apis/api/%s/overview?project=%lld then retry. If you "
        "enabled this API recently, wait a few minutes for the action to propagate to our systems and "
        "retry.",
        title_of(service), (long long)number, service, (long long)number);
}

static int refuse_quota_project(struct refusal *r, const char *service, struct str project)
{
    refusal_add_info(r, "USER_PROJECT_DENIED", "googleapis.com",
                     (const char *const[]){ "service", service, "consumer",
                                            arena_printf(r->a, "projects/%.*s", STR_ARG(project)), NULL });
    return refuse(r, RPC_PERMISSION_DENIED,
                  "Caller does not have required permission to use project %.*s. Grant the caller the "
                  "roles/serviceusage.serviceUsageConsumer role, or a custom role with the "
                  "serviceusage.services.use permission, by visiting "
                  "https://console.developers.google.com/iam-admin/iam/project?project=%.*s and then retry. "
                  "Propagation of the new permission may take a few minutes.",
                  STR_ARG(project), STR_ARG(project));
}

static int refuse_permission(struct refusal *r, const struct access_need *need)
{
    const char *on = arena_printf(r->a, "//%s/%.*s", need->service, STR_ARG(need->resource));

    refusal_add_info(r, "IAM_PERMISSION_DENIED", need->service,
                     (const char *const[]){ "permission", need->permission, "resource", on + 2, NULL });
    return refuse(r, RPC_PERMISSION_DENIED, "Permission '%s' denied on resource '%s' (or it may not exist).",
                  need->permission, on);
}

int access_check(struct emulator *m, struct http_exchange *x, const struct access_need *need,
                 struct refusal *r)
{
    struct str quota = http_header_get(x->headers, x->header_count, "x-goog-user-project");
    struct str project = access_project_id(m, x->a, need->gcp_project);
    struct str charged = quota.len ? access_project_id(m, x->a, quota) : project;
    struct grant who = { 0 };
    int code = caller_for(m, x, need->service, &who, r);

    if (code || str_is(who.member, MEMBER_ADMIN))
        return code;
    if (quota.len && !access_permits(m, &who, str_of(arena_printf(x->a, "projects/%.*s", STR_ARG(charged))),
                                     "serviceusage.services.use"))
        return refuse_quota_project(r, need->service, charged);
    if (service_is_off(m, x->a, charged, need->service))
        return refuse_disabled(r, need->service, gcp_number_of(charged));
    if (need->permission && !access_permits(m, &who, need->resource, need->permission))
        return refuse_permission(r, need);
    return 0;
}
