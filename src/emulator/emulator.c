/* emulator/emulator.c: the emulator as a whole: made, started, stopped, and which service a path belongs to.
 */
#include "emulator/emulator.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "emulator/azure.h"
#include "emulator/call.h"
#include "emulator/storage.h"
#include "emulator/sts.h"
#include "emulator/workload_pools.h"
#include "io/file.h"

/* --- life --------------------------------------------------------------------------------------------------
 */

/* The account of the machine may do all until its owner says otherwise, as on a project of Google's its
 * Compute Engine account could for long. */
static int first_policy(struct emulator *m, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct str name = str_of(arena_printf(a, "projects/%s", m->gcp_project));
    const char *text =
        arena_printf(a,
                     "{\"version\":3,\"etag\":\"ACAB\",\"bindings\":[{\"role\":\"roles/owner\","
                     "\"members\":[\"serviceAccount:%s\"]}]}",
                     m->account);
    struct jval *policy = NULL;
    int code;

    if (!m->require_auth || store_has_resource(m->db, "policy", name))
        return 0;
    code = jval_from_json(a, str_of(text), "policy", NULL, &policy, e);
    return code ? code : store_put_resource(m->db, &(struct resource_row){ "policy", name, policy }, e);
}

static int open_parts(struct emulator *m, const struct emulator_options *o, struct err *e)
{
    int code;

    m->data_dir = arena_strdup(m->a, o->data_dir);
    m->home = arena_printf(m->a, "%s/home", o->data_dir);
    if ((code = file_mkdirs(m->io, m->home, e)))
        return code;
    if (o->capacity && (code = capacity_set(m->capacity, o->capacity, e)))
        return code;
    if (o->images_file && (code = image_table_load(m->io, m->a, o->images_file, &m->images, e)))
        return code;
    code = job_store_open(m->io, arena_printf(m->a, "%s/emulator.db", o->data_dir), o->fast_and_unsafe_db,
                          &m->db, e);
    if (code)
        return code;
    code = store_secret(m->db, m->io, m->a, &m->token_key, e);
    return code ? code : first_policy(m, e);
}

int emulator_new(struct io *io, const struct emulator_options *o, struct emulator **ret, struct err *e)
{
    struct emulator *m = xcalloc(1, sizeof(*m));
    int code;

    m->io = io;
    m->a = arena_new();
    m->speed = o->speed > 0 ? o->speed : 1.0;
    m->gcp_project = arena_strdup(m->a, o->gcp_project ? o->gcp_project : "slipway-local");
    m->list_lag_ms = o->list_lag_ms;
    m->account = "slipway-emulator@slipway.local"; /* not gserviceaccount.com: 4.19's lookups stay away */
    m->require_auth = o->require_auth;
    m->capacity = capacity_new();
    code = open_parts(m, o, e);
    if (code) {
        db_close(m->db);
        capacity_free(m->capacity);
        arena_free(m->a);
        free(m);
        return err_wrap(e, "emulator");
    }
    m->live = map_new();
    m->runs = group_new(io);
    m->log = log_queue_new(m);
    *ret = m;
    return 0;
}

struct resume {
    struct emulator *m;
    size_t count;
};

static bool resume_job(const struct job_row *row, void *ctx)
{
    struct resume *r = ctx;

    run_start(r->m, row);
    r->count++;
    return true;
}

void emulator_start(struct emulator *m)
{
    struct resume r = { .m = m };
    struct err e = { 0 };

    leftovers_kill(m);
    if (store_each_live_job(m->db, resume_job, &r, &e))
        LOG_ERROR("emulator.jobs_not_resumed", "error=\"%s\"", e.msg);
    if (r.count > 0)
        LOG_INFO("emulator.resumed", "jobs=%zu", r.count);
}

void emulator_free(struct emulator *m)
{
    if (!m)
        return;
    group_end(m->runs);
    log_queue_free(m->log);
    db_close(m->db);
    map_free(m->live);
    capacity_free(m->capacity);
    arena_free(m->a);
    free(m);
}

int emulator_set_capacity(struct emulator *m, const struct jval *rules, struct err *e)
{
    return capacity_set(m->capacity, rules, e);
}

/* --- requests
 * ------------------------------------------------------------------------------------------------ */

int read_body(struct http_exchange *x, struct refusal *r, struct jval **ret)
{
    const struct jval_limits limits = { .last_key_wins = true };
    struct err e = { 0 };

    if (str_trim(x->body).len == 0) {
        *ret = jval_new_object(x->a);
        return 0;
    }
    if (jval_from_json(x->a, x->body, "body", &limits, ret, &e))
        return refuse(r, RPC_INVALID_ARGUMENT, "Invalid JSON payload received. %s", e.msg);
    if (!jval_is(*ret, JVAL_OBJECT))
        return refuse(r, RPC_INVALID_ARGUMENT,
                      "Invalid JSON payload received. Root element must be a message.");
    return 0;
}

void reply_internal(struct http_exchange *x, const struct err *e)
{
    struct refusal r = { .a = x->a };

    if (e->code == ERR_CANCELLED)
        refuse(&r, RPC_UNAVAILABLE, "The service is currently unavailable.");
    else
        refuse(&r, RPC_INTERNAL, "Internal error encountered.");
    if (e->code != ERR_CANCELLED)
        LOG_ERROR("emulator.internal", "path=%.*s error=\"%s\"", STR_ARG(str_sub(x->path, 0, 200)), e->msg);
    refusal_reply(x, &r);
}

void reply_not_found(struct http_exchange *x)
{
    struct refusal r = { .a = x->a };

    refuse(&r, RPC_NOT_FOUND, "Method not found: %.*s %.*s", STR_ARG(str_sub(x->method, 0, 20)),
           STR_ARG(str_sub(x->path, 0, 300)));
    refusal_reply(x, &r);
}

/* /v1/projects/P/locations[/L[/COLLECTION[/ID][:VERB]]]; v1beta1 and ui (the SDK's first binding) serve the
 * same. */
static bool split_path(struct str path, struct vertex_path *ret)
{
    struct str rest = str_sub(path, 1, path.len), part[6] = { { NULL, 0 } }, extra;
    size_t n = 0;
    ptrdiff_t colon;

    while (n < ARRAY_LEN(part) && str_cut(&rest, '/', &part[n]))
        n++;
    if (n < 4 || (!str_is(part[0], "v1") && !str_is(part[0], "v1beta1") && !str_is(part[0], "ui")) ||
        !str_is(part[1], "projects") || part[2].len == 0 || !str_is(part[3], "locations"))
        return false;
    *ret = (struct vertex_path){ .gcp_project = part[2],
                                 .name = { .gcp_number = gcp_number_of(part[2]), .location = part[4] } };
    if (n == 6) {
        ret->collection = part[5];
        if (str_cut(&rest, '/', &ret->id) && str_cut(&rest, '/', &extra))
            return false;
    }
    colon = str_find(ret->id, STR(":"));
    if (colon >= 0) {
        ret->verb = str_sub(ret->id, (size_t)colon + 1, ret->id.len);
        ret->id = str_sub(ret->id, 0, (size_t)colon);
    }
    (void)str_to_i64(ret->id, &ret->name.id); /* else it stays 0 */
    return true;
}

static const char vertex_service[] = "aiplatform.googleapis.com";

static void serve_vertex(struct emulator *m, struct http_exchange *x)
{
    struct refusal r = { .a = x->a };
    struct vertex_path p;

    if (!split_path(x->path, &p))
        reply_not_found(x);
    else if (access_check(m, x, &(struct access_need){ vertex_service, p.gcp_project, { NULL, 0 }, NULL },
                          &r))
        refusal_reply(x, &r);
    else if (p.collection.len == 0)
        serve_locations(x, &p);
    else if (str_is(p.collection, "customJobs"))
        serve_custom_jobs(m, x, &p);
    else if (str_is(p.collection, "operations") && p.id.len > 0)
        serve_operations(m, x, &p);
    else
        reply_not_found(x);
}

static bool serve_tables(struct emulator *m, struct http_exchange *x)
{
    static const struct call_row *const tables[] = {
        project_calls, account_calls,         iam_role_calls,      service_usage_calls, repository_calls,
        owner_calls,   iam_credentials_calls, workload_pool_calls, secret_calls,        secret_version_calls
    };
    struct call c;

    call_init(&c, m, x);
    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        if (call_serve(&c, tables[i]))
            return true;
    return false;
}

void emulator_handle(void *ctx, struct http_exchange *x)
{
    struct emulator *m = ctx;

    if (str_is(x->path, "/healthz") || str_is(x->path, "/readyz"))
        http_reply_text(x, 200, "text/plain", STR("ok\n"));
    else if (str_is(x->path, "/") || str_has_prefix(x->path, STR("/computeMetadata/")))
        serve_metadata(m, x);
    else if (str_is(x->path, "/token") || str_is(x->path, "/v1/oauthtoken"))
        serve_token(m, x);
    else if (str_is(x->path, "/v1/token") && str_is(x->method, "POST"))
        serve_sts(m, x);
    else if (serve_aws_metadata(m, x) || serve_azure_metadata(m, x) || serve_storage(m, x))
        return;
    else if (str_is(x->path, "/v2/entries:list") && str_is(x->method, "POST"))
        serve_log_entries(m, x);
    else if (!serve_tables(m, x))
        serve_vertex(m, x);
}

const char *emulator_admin_token(struct emulator *m, struct arena *a)
{
    const struct grant g = { .member = STR(MEMBER_ADMIN),
                             .scope = STR(CLOUD_PLATFORM_SCOPE),
                             .expires_s = INT64_MAX };

    return grant_issue(m, a, &g);
}
