/* google/google.c: the client object, the project, and authorised JSON requests. */
#include "google/google.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "google/credentials/cache.h"
#include "google/refusal.h"

enum { MAX_RETRY_AFTER_MS = 3600000 };

struct google {
    struct io *io;
    struct arena *a;
    struct google_hosts hosts;
    struct credential_options find;
    google_warn_fn warn;
    void *warn_ctx;
    struct credential *credential; /* NULL until first needed */
    struct token_cache *tokens;
    struct str project;
    const char *project_found_by;
    struct google_traffic traffic[GOOGLE_TRAFFIC_MAX];
};

static const char *const metered[GOOGLE_TRAFFIC_MAX] = { "aiplatform", "logging", "secretmanager", "google" };

static int fetch_token(void *ctx, struct token *ret, struct err *e);

struct google *google_new(struct io *io, const struct google_options *o)
{
    struct google *g = xcalloc(1, sizeof(*g));

    g->io = io;
    g->a = arena_new();
    hosts_init(&g->hosts, io, g->a, o);
    g->find = (struct credential_options){ .hosts = &g->hosts,
                                           .file = arena_strdup(g->a, o->credentials_file),
                                           .metadata_host = arena_strdup(g->a, o->metadata_host),
                                           .self_signed = o->self_signed_jwt };
    g->warn = o->warn;
    g->warn_ctx = o->warn_ctx;
    g->tokens = token_cache_new(io, fetch_token, g);
    for (size_t i = 0; i < GOOGLE_TRAFFIC_MAX; i++)
        g->traffic[i].service = metered[i];
    return g;
}

void google_free(struct google *g)
{
    if (!g)
        return;
    token_cache_free(g->tokens);
    credential_free(g->credential);
    arena_free(g->a);
    free(g);
}

/* Does not yield, so no two fibers look at the same time. */
static int find_credential(struct google *g, struct err *e)
{
    int r;

    if (g->credential)
        return 0;
    r = credential_find(g->io, &g->find, &g->credential, e);
    if (!r && g->credential->is_exposed && g->warn)
        g->warn(g->warn_ctx, arena_printf(g->a,
                                          "%s, or the private key that it names, can be read or changed by "
                                          "others: chmod 600 it",
                                          g->credential->source));
    return r;
}

/* --- tokens --- */

static int fetch_token(void *ctx, struct token *ret, struct err *e)
{
    struct google *g = ctx;
    int r = find_credential(g, e);

    return r ? r : g->credential->kind->fetch(g->credential, ret, e);
}

int google_token(struct google *g, const struct secret **ret, struct err *e)
{
    return token_cache_get(g->tokens, ret, e);
}

const char *google_refused(const struct google *g)
{
    const struct credential *c = g->credential;

    if (!c)
        return NULL;
    return c->refused || !c->from ? c->refused : c->from->refused;
}

/* --- who and where --- */

static int project_of_metadata(struct google *g, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct str text = { NULL, 0 };

    if (metadata_get(g->credential, a, "project/project-id", &text, e))
        return err_wrap(e, "Google Cloud project");
    g->project = arena_str(g->a, text);
    g->project_found_by = "the metadata server";
    return 0;
}

/* The id of the project that the pool of an external account is in. That we may not ask is no error. */
static void project_of_number(struct google *g)
{
    AUTO_PTR(arena) a = arena_new();
    const struct google_request req = { .service = "cloudresourcemanager",
                                        .method = "GET",
                                        .path = arena_printf(a, "/v1/projects/%.*s",
                                                             STR_ARG(g->credential->project_number)) };
    const struct jval *v = NULL;

    if (google_call(g, a, &req, &v, NULL))
        return;
    g->project = arena_str(g->a, jval_str(jval_get(v, "projectId")));
    g->project_found_by = "Resource Manager, for the pool's project number";
}

static void project_of_settings(struct google *g)
{
    static const char *const names[] = { "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT" };

    for (size_t i = 0; i < ARRAY_LEN(names) && !g->project.len; i++) {
        g->project = arena_str(g->a, str_of(io_env_text(g->io, names[i])));
        g->project_found_by = names[i];
    }
}

static int find_project(struct google *g, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    int r = find_credential(g, e);

    if (r)
        return err_wrap(e, "Google Cloud project");
    g->project = g->credential->project;
    g->project_found_by = g->credential->source;
    if (g->project.len)
        return 0;
    if (g->credential->kind == &metadata_kind)
        return project_of_metadata(g, e);
    if (g->credential->project_number.len)
        project_of_number(g);
    if (!g->project.len) {
        g->project = arena_str(g->a, gcloud_project(g->io, a));
        g->project_found_by = "gcloud's configuration";
    }
    return 0;
}

int google_project(struct google *g, struct str *ret, struct err *e)
{
    int r = 0;

    if (!g->project.len)
        project_of_settings(g);
    if (!g->project.len)
        r = find_project(g, e);
    if (r)
        return r;
    if (!g->project.len)
        return err_set(e, ERR_CONFIG,
                       "no Google Cloud project: the credentials in %s name none; set "
                       "GOOGLE_CLOUD_PROJECT, or spec.project in the queue config",
                       g->credential->source);
    *ret = g->project;
    return 0;
}

static struct str quota_project(const struct google *g)
{
    const char *from_env = io_env_text(g->io, "GOOGLE_CLOUD_QUOTA_PROJECT");

    return from_env ? str_of(from_env) : g->credential->quota_project;
}

int google_identity(struct google *g, struct arena *a, struct google_identity *ret, struct err *e)
{
    const struct credential *c;
    struct google_identity id = { .scopes = STR(GOOGLE_SCOPE) };
    const struct secret *token = NULL;
    int r = google_token(g, &token, e);

    if (r)
        return r;
    c = g->credential;
    id.principal = c->principal;
    if (c->kind == &metadata_kind) {
        if (metadata_describe(g->credential, a, &id.principal, &id.scopes, e))
            return e ? -(int)e->code : -ERR_PROTO;
        if (!c->principal.len) /* from now on refusals can name who was refused */
            g->credential->principal = arena_str(c->a, id.principal);
    }
    id.source = str_of(c->source);
    id.type = str_of(c->kind->name);
    id.found_by = str_of(c->found_by);
    id.base_principal = c->from ? c->from->principal : (struct str){ NULL, 0 };
    id.quota_project = quota_project(g);
    id.universe = g->hosts.universe;
    if (google_project(g, &id.project, NULL) == 0)
        id.project_found_by = str_of(g->project_found_by);
    id.expires_in_s = token_cache_expires_in_ms(g->tokens) / 1000;
    *ret = id;
    return 0;
}

/* --- requests ----------------------------------------------------------------------------------------------
 */

static const struct jval *retry_info(const struct jval *body)
{
    const struct jval *details = jval_path(body, "error.details");

    for (size_t i = 0; i < jval_len(details); i++)
        if (str_has_suffix(jval_str(jval_get(jval_at(details, i), "@type")), STR("google.rpc.RetryInfo")))
            return jval_at(details, i);
    return NULL;
}

static uint32_t wait_of(struct google *g, struct arena *a, const struct http_reply *reply)
{
    struct jval *body = NULL;
    int64_t ms = 0;

    if (jval_from_json(a, reply->body, "answer", NULL, &body, NULL) ||
        !duration_parse_proto(jval_str(jval_get(retry_info(body), "retryDelay")), &ms) || ms <= 0)
        ms = http_retry_after_ms(reply, io_now_unix_ms(g->io));
    return (uint32_t)(ms > MAX_RETRY_AFTER_MS ? MAX_RETRY_AFTER_MS : ms);
}

/* What a refusal of Google's would be, had it come as a whole. */
static bool is_half(struct arena *a, struct str body)
{
    struct jval *v = NULL;

    body = str_trim(body);
    return !body.len || (body.ptr[0] == '{' && jval_from_json(a, body, "answer", NULL, &v, NULL) != 0);
}

static int foreign_error(struct arena *a, const struct http_reply *reply, struct err *e)
{
    int r = err_set_http_foreign(e, reply->status, "HTTP %d: %.*s", reply->status,
                                 STR_ARG(str_sub(reply->body, 0, 200)));

    if (r != -ERR_INVALID || !is_half(a, reply->body))
        return r;
    if (e)
        e->code = ERR_REMOTE; /* what it says of the request is not known */
    return -ERR_REMOTE;
}

/* Google's error body as @e, with what is known about it; anything else by status and the beginning of the
 * text. */
static int reply_error(struct google *g, struct arena *a, const struct google_request *req,
                       const struct http_reply *reply, struct err *e)
{
    struct refusal in = { .http_status = reply->status,
                          .service =
                              str_of(arena_printf(a, "%s.%.*s", req->service, STR_ARG(g->hosts.universe))),
                          .kind = g->credential->kind->name,
                          .principal = g->credential->principal,
                          .project = g->project.len ? g->project : g->credential->project };
    int r;

    refusal_read(a, reply->body, &in);
    if (!in.status.len && !in.message.len) {
        r = foreign_error(a, reply, e);
    } else {
        r = err_set_http(e, reply->status, "%.*s%s%.*s%s: %.*s", STR_ARG(in.status),
                         in.reason.len ? " (" : "", STR_ARG(in.reason), in.reason.len ? ")" : "",
                         STR_ARG(in.message));
        refusal_append(&in, e);
    }
    if (req->explain)
        (void)refusal_explain(a, &in, req->explain);
    if (e)
        e->retry_after_ms = wait_of(g, a, reply);
    return r;
}

size_t google_traffic(const struct google *g, const struct google_traffic **ret)
{
    *ret = g->traffic;
    return GOOGLE_TRAFFIC_MAX;
}

static struct prom_calls *traffic_of(struct google *g, const char *service)
{
    size_t i = 0;

    while (i + 1 < GOOGLE_TRAFFIC_MAX && strcmp(g->traffic[i].service, service) != 0)
        i++;
    return &g->traffic[i].calls;
}

struct sending {
    struct prom_calls *calls;
    struct http_request *http;
    const struct google_request *req;
};

/* The request's own headers, and whose quota it is on. */
static size_t headers_of(struct google *g, const struct google_request *req,
                         struct http_header ret[GOOGLE_HEADERS_MAX + 1])
{
    struct http_header quota = { STR("x-goog-user-project"), quota_project(g) };
    size_t n = 0;

    while (n < req->header_count && n < GOOGLE_HEADERS_MAX) {
        ret[n] = req->headers[n];
        n++;
    }
    if (quota.value.len)
        ret[n++] = quota;
    return n;
}

/* Getting a token may have taken long, and a process may stand still between any two steps. */
static int check_time(struct google *g, const struct google_request *req, struct err *e)
{
    int64_t late_ms = req->send_before_ms ? io_now_ms(g->io) - req->send_before_ms : -1;

    if (late_ms < 0)
        return 0;
    return err_set(e, ERR_TIMEOUT, "%s %s was to be sent %lld ms ago at the latest", req->method, req->path,
                   (long long)late_ms);
}

static int send_once(struct google *g, struct arena *a, const struct sending *s, struct http_reply *reply,
                     struct err *e)
{
    struct http_request *req = s->http;
    int64_t began;
    AUTO_PTR(secret) mine = NULL; /* another fiber may replace the cached one while we wait */
    const struct secret *token = NULL;
    struct http_header headers[GOOGLE_HEADERS_MAX + 1];
    int r = google_token(g, &token, e);

    if (!r)
        r = check_time(g, s->req, e);
    if (r)
        return r;
    mine = secret_dup(token);
    req->headers = headers;
    req->header_count = headers_of(g, s->req, headers);
    req->auth = (struct http_auth){ .kind = HTTP_AUTH_BEARER, .secret = mine };
    began = io_now_ms(g->io);
    r = http_send(g->io, a, req, reply, e);
    prom_calls_add(s->calls, r ? 0 : reply->status, io_now_ms(g->io) - began);
    if (!r)
        LOG_DEBUG("google.call", "method=%s url=%s status=%d", req->method, req->url, reply->status);
    if (!r && reply->status == 401)
        token_cache_refused(g->tokens, mine);
    req->headers = NULL;
    req->header_count = 0;
    req->auth = (struct http_auth){ 0 };
    return r;
}

int google_base(struct google *g, const char *service, struct str otherwise, struct strbuf *url,
                struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    const char *given = NULL;

    if (hosts_override(&g->hosts, a, str_of(service), &given, e))
        return -ERR_CONFIG;
    if (given) {
        strbuf_addz(url, given);
    } else if (otherwise.len) {
        strbuf_addz(url, "https://");
        strbuf_add(url, otherwise);
    } else {
        (void)find_credential(g, NULL); /* a bad one is told elsewhere; the host is the usual one then */
        return hosts_base(&g->hosts, service, (struct str){ NULL, 0 }, url, e);
    }
    return 0;
}

int google_send(struct google *g, struct arena *a, const struct google_request *req, struct http_reply *ret,
                struct err *e)
{
    AUTO_STRBUF struct strbuf url = STRBUF(64 * 1024);
    struct http_request http = { .method = req->method,
                                 .body = req->body,
                                 .content_type = req->content_type,
                                 .max_reply_bytes = req->max_reply_bytes,
                                 .timeout_ms = req->timeout_ms };
    const struct sending sending = { traffic_of(g, req->service), &http, req };
    struct http_reply reply = { 0 };
    int r;

    r = find_credential(g, e); /* it may be of another universe */
    if (!r)
        r = hosts_base(&g->hosts, req->service, req->region, &url, e);
    if (r)
        return r;
    strbuf_addz(&url, req->path);
    r = strbuf_check(&url, e);
    if (r)
        return r;
    http.url = strbuf_cstr(&url);
    r = send_once(g, a, &sending, &reply, e);
    if (!r && reply.status == 401)
        r = send_once(g, a, &sending, &reply, e);
    if (r)
        return r;
    if (reply.status < 200 || reply.status > 399)
        return reply_error(g, a, req, &reply, e);
    *ret = reply;
    return 0;
}

int google_call(struct google *g, struct arena *a, const struct google_request *req, const struct jval **ret,
                struct err *e)
{
    struct http_reply reply = { 0 };
    struct jval *value = NULL;
    int r = google_send(g, a, req, &reply, e);

    if (r)
        return r;
    if (reply.status > 299)
        return reply_error(g, a, req, &reply, e);
    if (reply.body.len && jval_from_json(a, reply.body, "Google's answer", NULL, &value, e)) {
        err_set(e, ERR_PROTO, "%s %s: the answer (HTTP %d) is not JSON", req->method, req->path,
                reply.status);
        return -ERR_PROTO;
    }
    *ret = value;
    return 0;
}

/* --- signatures --- */

static bool has_key(const struct credential *c)
{
    return c->kind == &service_account_kind;
}

bool google_signs_itself(struct google *g)
{
    return find_credential(g, NULL) == 0 && has_key(g->credential);
}

int google_signer(struct google *g, struct arena *a, struct str *ret, struct err *e)
{
    struct google_identity id = { 0 };
    int r = find_credential(g, e);

    if (r)
        return r;
    if (has_key(g->credential)) {
        *ret = g->credential->principal;
        return 0;
    }
    id.principal = g->credential->target.principal;
    r = id.principal.len ? 0 : google_identity(g, a, &id, e);
    if (r)
        return r;
    if (g->credential->kind == &authorized_user_kind || str_find(id.principal, STR("@")) < 0)
        return err_set(e, ERR_CONFIG,
                       "the credentials in %s are no service account's: nothing can be signed with them",
                       g->credential->source);
    *ret = id.principal;
    return 0;
}

static int sign_by_iam(struct google *g, struct arena *a, struct str text, struct str *ret, struct err *e)
{
    AUTO_STRBUF struct strbuf coded = STRBUF(64 * 1024);
    struct jval *body = jval_new_object(a);
    const struct jval *answer = NULL;
    struct str account = { NULL, 0 };
    struct google_request req = { .service = "iamcredentials", .method = "POST" };
    int r = google_signer(g, a, &account, e);

    if (r)
        return r;
    strbuf_add_base64(&coded, text);
    r = strbuf_check(&coded, e);
    if (r)
        return r;
    jval_set_cstr(a, body, "payload", strbuf_cstr(&coded));
    req.body = jval_text(a, body, JVAL_COMPACT);
    req.path = arena_printf(a, "/v1/projects/-/serviceAccounts/%.*s:signBlob", STR_ARG(account));
    r = google_call(g, a, &req, &answer, e);
    if (r)
        return err_wrap(e, "signing as %.*s", STR_ARG(account));
    if (base64_decode(a, jval_str(jval_get(answer, "signedBlob")), ret, NULL) || ret->len == 0)
        return err_set(e, ERR_PROTO, "signing as %.*s: the answer has no signedBlob", STR_ARG(account));
    return 0;
}

int google_sign(struct google *g, struct arena *a, struct str text, struct str *ret, struct err *e)
{
    int r = find_credential(g, e);

    if (r)
        return r;
    if (!has_key(g->credential))
        return sign_by_iam(g, a, text, ret, e);
    r = rsa_sign_sha256(a, g->credential->secret, text, ret, e);
    return r ? err_wrap(e, "private key in %s", g->credential->source) : 0;
}
