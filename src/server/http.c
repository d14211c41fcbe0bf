/* server/http.c: one request: which part of the server answers it, and how errors look on the wire. */
#include <assert.h>
#include <stdarg.h>

#include "base/log.h"
#include "server/server_internal.h"
#include "server/sign_in/sign_in.h"

enum { WAIT_MAX_S = 30 };

/* What is not here is a failure of ours. */
static const int statuses[ERR_COUNT_] = {
    [ERR_NONE] = 200,     [ERR_USAGE] = 400,
    [ERR_CONFIG] = 400,   [ERR_INVALID] = 400,
    [ERR_LIMIT] = 400,    [ERR_AUTH] = 401,
    [ERR_DENIED] = 403,   [ERR_NOT_FOUND] = 404,
    [ERR_CONFLICT] = 409, [ERR_THROTTLED] = 429,
    [ERR_TIMEOUT] = 503,  [ERR_CANCELLED] = 503, /* shutting down: the client tries again */
};

int http_status_of(enum err_code code)
{
    assert((unsigned)code < ERR_COUNT_);
    return statuses[code] ? statuses[code] : 500;
}

/* For those who are not to learn paths, addresses and words of the database. */
static const char *inner_words(enum err_code code)
{
    return code == ERR_STORE ? "the server's database failed (full, damaged or away): its log says more"
                             : "the server failed: its log says more";
}

static void reply_json(struct http_exchange *x, int status, const struct jval *v)
{
    AUTO_STRBUF struct strbuf body = STRBUF(64 << 20);

    jval_write(&body, v, JVAL_COMPACT);
    if (strbuf_check(&body, NULL) < 0)
        reply_error(x, 500, "the answer is too large: ask for less at once");
    else
        http_reply_text(x, status, "application/json", strbuf_str(&body));
}

void reply_error(struct http_exchange *x, int status, const char *fmt, ...)
{
    AUTO_STRBUF struct strbuf text = STRBUF(4096);
    struct jval *body = jval_new_object(x->a), *list = jval_new_array(x->a), *one = jval_new_object(x->a);
    va_list ap;

    va_start(ap, fmt);
    strbuf_vaddf(&text, fmt, ap);
    va_end(ap);
    jval_set_cstr(x->a, one, "message", strbuf_cstr(&text));
    jval_push(x->a, list, one);
    jval_set(x->a, body, "errors", list);
    reply_json(x, status, body);
}

void reply_failure(struct http_exchange *x, const struct err *e, const char *what)
{
    int status = http_status_of(e->code);
    const char *words = status == 500 ? inner_words(e->code) : e->msg;

    if (status == 500)
        LOG_ERROR("http.failed", "path=%.*s error=\"%s\"", STR_ARG(str_sub(x->path, 0, 200)), e->msg);
    reply_error(x, status, "%s%s%s", what ? what : "", what ? ": " : "", words);
}

void reply_wait(struct http_exchange *x, int64_t wait_ms, const char *why)
{
    long long seconds = (wait_ms + 999) / 1000;

    http_reply_header(x, "Retry-After", str_of(arena_printf(x->a, "%lld", seconds)));
    reply_error(x, 429, "%s: try again in %lld s", why, seconds);
}

struct str public_base(struct server *s, struct http_exchange *x)
{
    struct str host = http_header_get(x->headers, x->header_count, "Host");
    struct str proto = http_header_get(x->headers, x->header_count, "X-Forwarded-Proto");

    if (s->public_url) {
        struct str url = str_of(s->public_url);

        return url.len > 0 && url.ptr[url.len - 1] == '/' ? str_sub(url, 0, url.len - 1) : url;
    }
    return str_of(
        arena_printf(x->a, "%s://%.*s", x->tls || str_is(proto, "https") ? "https" : "http", STR_ARG(host)));
}

/* --- GraphQL --- */

/* RFC 7240: Prefer: wait=N */
static int64_t prefer_wait_ms(struct http_exchange *x)
{
    struct str rest = http_header_get(x->headers, x->header_count, "Prefer");
    struct str part = { 0 };
    int64_t seconds = 0;

    while (str_cut(&rest, ',', &part)) {
        part = str_trim(part);
        if (!str_has_prefix(part, STR("wait=")) || !str_to_i64(str_sub(part, 5, part.len), &seconds))
            continue;
        if (seconds < 0)
            seconds = 0;
        return (seconds > WAIT_MAX_S ? WAIT_MAX_S : seconds) * 1000;
    }
    return 0;
}

static void log_failure(struct server *s, struct http_exchange *x, const struct jval *request,
                        const struct gql_result *result, int status)
{
    struct str name = gql_operation_name(s->schema, request, x->a);
    struct str message = jval_str(jval_path(result->response, "errors.0.message"));

    if (status >= 500)
        LOG_ERROR("graphql.failed", "operation=%.*s status=%d error=\"%.*s\"", STR_ARG(name), status,
                  STR_ARG(message));
    else
        LOG_DEBUG("graphql.refused", "operation=%.*s status=%d error=\"%.*s\"", STR_ARG(name), status,
                  STR_ARG(message));
}

static void graphql_handle(struct server *s, struct http_exchange *x)
{
    struct caller caller = { .server = s, .exchange = x, .wait_ms = prefer_wait_ms(x) };
    const struct jval_limits limits = { .last_key_wins = true };
    struct gql_result result = { 0 };
    struct jval *request = NULL;
    struct err e = { 0 };
    int status;

    if (!str_is(x->method, "POST")) {
        http_reply_header(x, "Allow", STR("POST"));
        reply_error(x, 405, "GraphQL requests are sent with POST");
        return;
    }
    if (session_is_meant(s, x) ? !session_check(s, x, &caller.user) : !auth_check(s, x, &caller.user))
        return;
    if (jval_from_json(x->a, x->body, "the request's body", &limits, &request, &e) < 0) {
        reply_error(x, 400, "the request's body is not JSON: %s", e.msg);
        return;
    }
    if (!jval_is(request, JVAL_OBJECT)) {
        reply_error(x, 400, "the request's body must be a JSON object with a member \"query\"");
        return;
    }
    gql_execute(s->schema, request, &caller, x->a, &result);
    status =
        result.has_errors && result.http_status == 200 ? http_status_of(result.code) : result.http_status;
    if (result.has_errors)
        log_failure(s, x, request, &result, status);
    if (status == 500) {
        reply_error(x, status, "%s", inner_words(result.code));
        return;
    }
    if (caller.wait_applied)
        http_reply_header(x, "Preference-Applied",
                          str_of(arena_printf(x->a, "wait=%lld", (long long)(caller.wait_ms / 1000))));
    reply_json(x, status, result.response);
}

/* Who watches the server must always get an answer. */
static bool is_probe(const struct http_exchange *x)
{
    return str_is(x->path, "/healthz") || str_is(x->path, "/readyz");
}

/* Pages of our own origin may read and send files by signed addresses: no browser asks, and `wandb verify`
 * does. true: it was the question whether, and is answered. */
static bool own_origin_handle(struct server *s, struct http_exchange *x)
{
    struct str origin = http_header_get(x->headers, x->header_count, "Origin");

    if (!str_has_prefix(x->path, STR("/storage/")) || origin.len == 0 || !str_eq(origin, public_base(s, x)))
        return false;
    http_reply_header(x, "Access-Control-Allow-Origin", origin);
    http_reply_header(x, "Vary", STR("Origin"));
    if (!str_is(x->method, "OPTIONS"))
        return false;
    http_reply_header(x, "Access-Control-Allow-Methods", STR("GET, PUT"));
    http_reply_header(x, "Access-Control-Allow-Headers", STR("Content-Type, Content-MD5"));
    http_reply_text(x, 200, "text/plain", STR(""));
    return true;
}

static void route(struct server *s, struct http_exchange *x)
{
    int64_t wait_ms = is_probe(x) ? 0 : doors_enter(s->doors, x);

    http_reply_header(x, "Server", STR("slipway/" SLIPWAY_VERSION));
    if (wait_ms > 0)
        reply_wait(x, wait_ms, "too many requests from this address");
    else if (own_origin_handle(s, x))
        return;
    else if (str_is(x->path, "/graphql"))
        graphql_handle(s, x);
    else if (str_has_prefix(x->path, STR("/files/")) || str_has_prefix(x->path, STR("/storage/runs/")))
        files_handle(s, x);
    else if (str_has_prefix(x->path, STR("/storage/")))
        blobs_storage_handle(s, x);
    else if (str_has_prefix(x->path, STR("/artifactsV2/")) || str_has_prefix(x->path, STR("/artifacts/")))
        blobs_layout_handle(s, x);
    else if (str_has_prefix(x->path, STR("/sdk/otel/"))) /* W&B's telemetry: taken, not kept */
        http_reply_text(x, 200, "application/x-protobuf", STR(""));
    else if (str_is(x->path, "/metrics"))
        metrics_handle(s, x);
    else if (is_probe(x))
        http_reply_text(x, 200, "text/plain", STR("ok\n"));
    else if (!sign_in_handle(s, x))
        reply_error(x, 404, "there is nothing at %.*s: the API is at /graphql",
                    STR_ARG(str_sub(x->path, 0, 200)));
}

static enum request_kind kind_of(struct http_exchange *x)
{
    if (str_is(x->path, "/graphql"))
        return prefer_wait_ms(x) > 0 ? REQUEST_WAIT : REQUEST_GRAPHQL;
    if (str_has_prefix(x->path, STR("/files/")) || str_has_prefix(x->path, STR("/storage/")) ||
        str_has_prefix(x->path, STR("/artifact")))
        return REQUEST_FILES;
    return REQUEST_OTHER;
}

void server_handle(void *ctx, struct http_exchange *x)
{
    struct server *s = ctx;
    enum request_kind kind = kind_of(x);
    int64_t began_ms = io_now_ms(s->io);

    route(s, x);
    prom_calls_add(&s->counts.requests[kind], x->status ? x->status : 500, io_now_ms(s->io) - began_ms);
}
