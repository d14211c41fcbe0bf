/* google/google.c: hosts, the token cache and authorised JSON requests. */
#include "google/google.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "google/credentials/credential.h"

enum {
    REFRESH_EARLY_MS = 225000, /* as google-auth: 3 min 45 s before the end */
    REFRESH_AGAIN_MS = 10000   /* a token that is still good is not asked for anew more often than this */
};

struct google {
    struct io *io;
    struct arena *a;
    const char *endpoint, *metadata_host, *credentials_file;
    struct credential *credential; /* NULL until first needed */
    struct token token;
    int64_t expires_at_ms, next_refresh_at_ms; /* monotonic */
    bool refreshing;                           /* one fiber asks, the others wait */
    uint64_t refreshes;
    struct err refresh_err; /* of the last refresh */
    struct cond refreshed;
    struct str project;
};

struct google *google_new(struct io *io, const struct google_options *o)
{
    struct google *g = xcalloc(1, sizeof(*g));

    g->io = io;
    g->a = arena_new();
    g->endpoint = arena_strdup(g->a, o->endpoint && *o->endpoint ? o->endpoint : NULL);
    g->metadata_host = arena_strdup(g->a, o->metadata_host);
    g->credentials_file = arena_strdup(g->a, o->credentials_file);
    return g;
}

void google_free(struct google *g)
{
    if (!g)
        return;
    secret_free(g->token.value);
    credential_free(g->credential);
    arena_free(g->a);
    free(g);
}

static int find_credential(struct google *g, struct err *e)
{
    if (g->credential)
        return 0;
    return credential_find(g->io, g->credentials_file, g->metadata_host, g->endpoint, &g->credential, e);
}

/* --- tokens ------------------------------------------------------------------------------------------------
 */

static bool token_is_valid(const struct google *g)
{
    return g->token.value && io_now_ms(g->io) < g->expires_at_ms;
}

static void refresh(struct google *g)
{
    struct token fresh = { 0 };
    struct err why = { 0 };
    int64_t now;
    int r;

    g->refreshing = true;
    r = find_credential(g, &why);
    if (!r)
        r = g->credential->kind->fetch(g->credential, &fresh, &why);
    now = io_now_ms(g->io);
    if (!r) {
        secret_free(g->token.value);
        g->token = fresh;
        g->expires_at_ms = now + fresh.expires_in_s * 1000;
    }
    g->next_refresh_at_ms = g->expires_at_ms - REFRESH_EARLY_MS;
    if (g->next_refresh_at_ms < now + REFRESH_AGAIN_MS)
        g->next_refresh_at_ms = now + REFRESH_AGAIN_MS;
    g->refresh_err = why;
    g->refreshes++;
    g->refreshing = false;
    cond_broadcast(g->io, &g->refreshed);
}

int google_token(struct google *g, const struct secret **ret, struct err *e)
{
    uint64_t before = g->refreshes;

    if (token_is_valid(g) && io_now_ms(g->io) < g->next_refresh_at_ms) {
        *ret = g->token.value;
        return 0;
    }
    if (!g->refreshing)
        refresh(g);
    while (g->refreshes == before && !token_is_valid(g)) {
        if (cond_wait(g->io, &g->refreshed, -1, e) == -ERR_CANCELLED)
            return -ERR_CANCELLED;
        if (!g->refreshing && g->refreshes == before) /* the asking fiber has gone without an answer */
            refresh(g);
    }
    if (!token_is_valid(g)) {
        if (g->refresh_err.code == ERR_NONE)
            return err_set(e, ERR_AUTH, "token from %s: it has expired already", g->credential->source);
        if (e)
            *e = g->refresh_err;
        return -(int)g->refresh_err.code;
    }
    *ret = g->token.value; /* an early refresh that failed leaves a good token */
    return 0;
}

/* The token was refused though it should be good: forget it, unless somebody has replaced it meanwhile. */
static void token_refused(struct google *g, const struct secret *used)
{
    if (g->token.value && secret_eq(g->token.value, used))
        g->expires_at_ms = 0;
}

int google_project(struct google *g, struct str *ret, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    const char *names[] = { "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT" };
    struct str from_metadata = { NULL, 0 };

    for (size_t i = 0; i < ARRAY_LEN(names) && !g->project.len; i++)
        g->project = arena_str(g->a, str_of(io_env_text(g->io, names[i])));
    if (!g->project.len) {
        if (find_credential(g, e))
            return err_wrap(e, "Google Cloud project");
        g->project = g->credential->project;
        if (!g->project.len && g->credential->kind == &metadata_kind &&
            metadata_get(g->credential, a, "project/project-id", &from_metadata, e))
            return err_wrap(e, "Google Cloud project");
        if (!g->project.len)
            g->project = arena_str(g->a, from_metadata);
    }
    if (!g->project.len)
        return err_set(e, ERR_CONFIG,
                       "no Google Cloud project: the credentials in %s name none; set "
                       "GOOGLE_CLOUD_PROJECT, or spec.project in the queue config",
                       g->credential->source);
    *ret = g->project;
    return 0;
}

/* --- requests ----------------------------------------------------------------------------------------------
 */

static void add_host(struct strbuf *url, const struct google *g, const char *service, struct str region)
{
    if (g->endpoint)
        strbuf_addz(url, g->endpoint);
    else if (strcmp(service, "aiplatform") != 0 || str_is(region, "global"))
        strbuf_addf(url, "https://%s.googleapis.com", service);
    else if (str_is(region, "us")) /* a multi-region */
        strbuf_addz(url, "https://aiplatform.us.rep.googleapis.com");
    else
        strbuf_addf(url, "https://%.*s-aiplatform.googleapis.com", STR_ARG(region));
}

static const struct jval *detail(const struct jval *error, const char *type)
{
    const struct jval *details = jval_get(error, "details");

    for (size_t i = 0; i < jval_len(details); i++) {
        if (str_has_suffix(jval_str(jval_get(jval_at(details, i), "@type")), str_of(type)))
            return jval_at(details, i);
    }
    return NULL;
}

/* Google's error body as @e; anything else by status and the beginning of the text. */
static int reply_error(struct google *g, struct arena *a, const struct http_reply *reply, struct err *e)
{
    struct jval *body = NULL;
    const struct jval *error;
    struct str reason;
    int64_t delay_ms = 0;
    int r;

    if (jval_from_json(a, reply->body, "answer", NULL, &body, NULL) || !jval_get(body, "error")) {
        r = err_set_http(e, reply->status, "HTTP %d: %.*s", reply->status,
                         STR_ARG(str_sub(reply->body, 0, 200)));
    } else {
        error = jval_get(body, "error");
        reason = jval_str(jval_get(detail(error, "google.rpc.ErrorInfo"), "reason"));
        r = err_set_http(e, reply->status, "%.*s%s%.*s%s: %.*s", STR_ARG(jval_str(jval_get(error, "status"))),
                         reason.len ? " (" : "", STR_ARG(reason), reason.len ? ")" : "",
                         STR_ARG(jval_str(jval_get(error, "message"))));
        if (!duration_parse_proto(jval_str(jval_get(detail(error, "google.rpc.RetryInfo"), "retryDelay")),
                                  &delay_ms))
            delay_ms = 0;
    }
    if (delay_ms <= 0)
        delay_ms = http_retry_after_ms(reply, io_now_unix_ms(g->io));
    if (e)
        e->retry_after_ms = delay_ms > 3600000 ? 3600000 : (uint32_t)(delay_ms > 0 ? delay_ms : 0);
    return r;
}

static int send_once(struct google *g, struct arena *a, struct http_request *req, struct http_reply *reply,
                     struct err *e)
{
    AUTO_PTR(secret) mine = NULL; /* another fiber may replace the cached one while we wait */
    const struct secret *token = NULL;
    struct http_header quota = { .name = STR("x-goog-user-project") };
    const char *from_env = io_env_text(g->io, "GOOGLE_CLOUD_QUOTA_PROJECT");
    int r = google_token(g, &token, e);

    if (r)
        return r;
    mine = secret_dup(token);
    quota.value = from_env ? str_of(from_env) : g->credential->quota_project;
    req->headers = &quota;
    req->header_count = quota.value.len ? 1 : 0;
    req->auth = (struct http_auth){ .kind = HTTP_AUTH_BEARER, .secret = mine };
    r = http_send(g->io, a, req, reply, e);
    if (!r)
        LOG_DEBUG("google.call", "method=%s url=%s status=%d", req->method, req->url, reply->status);
    if (!r && reply->status == 401)
        token_refused(g, mine);
    req->headers = NULL;
    req->header_count = 0;
    req->auth = (struct http_auth){ 0 };
    return r;
}

int google_call(struct google *g, struct arena *a, const struct google_request *req, const struct jval **ret,
                struct err *e)
{
    AUTO_STRBUF struct strbuf url = STRBUF(64 * 1024);
    struct http_request http = { .method = req->method, .body = req->body };
    struct http_reply reply = { 0 };
    struct jval *value = NULL;
    int r;

    add_host(&url, g, req->service, req->region);
    strbuf_addz(&url, req->path);
    r = strbuf_check(&url, e);
    if (r)
        return r;
    http.url = strbuf_cstr(&url);
    r = send_once(g, a, &http, &reply, e);
    if (!r && reply.status == 401)
        r = send_once(g, a, &http, &reply, e);
    if (r)
        return r;
    if (reply.status < 200 || reply.status > 299)
        return reply_error(g, a, &reply, e);
    if (reply.body.len && jval_from_json(a, reply.body, "Google's answer", NULL, &value, e)) {
        err_set(e, ERR_PROTO, "%s %s: the answer (HTTP %d) is not JSON", req->method, req->path,
                reply.status);
        return -ERR_PROTO;
    }
    *ret = value;
    return 0;
}
