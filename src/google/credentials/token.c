/* google/credentials/token.c: what the kinds share: asking a token endpoint and reading its answer. */
#include "google/credentials/credential.h"
#include "google/refusal.h"

enum {
    TOKEN_TIMEOUT_MS = 20000,
    TOKEN_MAX_REPLY = 256 * 1024,
    FIRST_WAIT_MS = 1000,
    MAX_LIFETIME_S = 7 * 86400
};

void require(struct strbuf *missing, const char *name, bool there)
{
    if (!there)
        strbuf_addf(missing, "%s%s", missing->len ? " " : "", name);
}

/* --- sending --- */

static int attempts_of(enum retry retry)
{
    switch (retry) {
    case RETRY_NONE:
        return 1;
    case RETRY_METADATA:
        return 5;
    case RETRY_TOKEN:
    case RETRY_IMPERSONATE:
        break;
    }
    return 3;
}

static bool is_passing_status(enum retry retry, int status)
{
    if (status == 500 || status == 502 || status == 503 || status == 504)
        return true;
    return retry != RETRY_IMPERSONATE && (status == 408 || status == 429);
}

/* A 4xx whose OAuth error says that it will pass. */
static bool is_passing_error(struct arena *a, const struct http_reply *reply)
{
    static const char *const passing[] = { "internal_failure", "server_error", "temporarily_unavailable" };
    struct jval *body = NULL;

    if (reply->status < 400 || jval_from_json(a, reply->body, "answer", NULL, &body, NULL))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(passing); i++)
        if (str_is(jval_str(jval_get(body, "error")), passing[i]) ||
            str_is(jval_str(jval_get(body, "error_description")), passing[i]))
            return true;
    return false;
}

static bool is_worth_another(struct arena *a, enum retry retry, int r, const struct http_reply *reply,
                             const struct err *why)
{
    if (r)
        return retry == RETRY_METADATA && (why->code == ERR_NET || why->code == ERR_TIMEOUT);
    return is_passing_status(retry, reply->status) || (retry == RETRY_TOKEN && is_passing_error(a, reply));
}

int credential_send(struct credential *c, struct arena *a, const struct http_request *req, enum retry retry,
                    struct http_reply *ret, struct err *e)
{
    struct http_request with_caps = *req;
    int64_t wait_ms = FIRST_WAIT_MS;
    struct err why;
    int r;

    with_caps.max_reply_bytes = TOKEN_MAX_REPLY;
    with_caps.client_cert = c->cert_path;
    with_caps.client_key = c->key_path;
    if (!with_caps.timeout_ms)
        with_caps.timeout_ms = TOKEN_TIMEOUT_MS;
    for (int left = attempts_of(retry);; left--) {
        why = (struct err){ 0 };
        r = http_send(c->io, a, &with_caps, ret, &why);
        if (left <= 1 || !is_worth_another(a, retry, r, ret, &why))
            break;
        if (io_sleep(c->io, (int64_t)((double)wait_ms * (0.9 + 0.2 * io_random_unit(c->io))), e))
            return -ERR_CANCELLED;
        wait_ms *= 2;
    }
    if (r && e)
        *e = why;
    return r;
}

/* --- reading --- */

static int oauth_error(struct credential *c, const struct http_reply *reply, struct arena *a, struct err *e)
{
    struct jval *body = NULL;
    struct refusal in = {
        .http_status = reply->status, .kind = c->kind->name, .principal = c->principal, .project = c->project
    };
    int64_t theirs = 0;

    if (jval_from_json(a, reply->body, "answer", NULL, &body, NULL) || !jval_is(body, JVAL_OBJECT))
        return err_set_http_foreign(e, reply->status, "token endpoint: HTTP %d", reply->status);
    in.status = jval_str(jval_get(body, "error"));
    in.reason = jval_str(jval_get(body, "error_subtype"));
    in.message = jval_str(jval_get(body, "error_description"));
    if (http_date_parse(http_header_get(reply->headers, reply->header_count, "Date"), &theirs))
        in.skew_ms = io_now_unix_ms(c->io) - theirs;
    if (reply->status >= 500 || reply->status == 429)
        return err_set_http(e, reply->status, "token endpoint: HTTP %d %.*s", reply->status,
                            STR_ARG(in.status));
    err_set(e, ERR_AUTH, "%.*s: %.*s (HTTP %d)", STR_ARG(in.status), STR_ARG(in.message), reply->status);
    if (e)
        e->http_status = reply->status;
    c->refused = refusal_append(&in, e);
    return -ERR_AUTH;
}

int token_read(struct str text, struct token *ret, struct secret **ret_refresh, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *body = NULL;
    const struct jval *expires;
    struct secret *value, *refresh;
    int64_t seconds = 0;

    if (jval_from_json(a, text, "the token endpoint's answer", NULL, &body, NULL))
        return err_set(e, ERR_PROTO, "the answer is not JSON");
    expires = jval_get(body, "expires_in"); /* a number, or a text with one */
    if (!str_to_i64(jval_str(expires), &seconds))
        seconds = jval_int(expires);
    value = file_secret(body, "access_token");
    refresh = file_secret(body, "refresh_token");
    mem_wipe((char *)(uintptr_t)text.ptr, text.len);
    if (!value) {
        secret_free(refresh);
        return err_set(e, ERR_PROTO, "No access token in response.");
    }
    if (ret_refresh)
        *ret_refresh = TAKE(refresh);
    secret_free(refresh);
    seconds = seconds < 0 ? 0 : seconds;
    *ret =
        (struct token){ .value = value, .expires_in_s = seconds > MAX_LIFETIME_S ? MAX_LIFETIME_S : seconds };
    return 0;
}

int token_request(struct credential *c, const struct http_request *req, enum retry retry, struct token *ret,
                  struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct http_reply reply = { 0 };
    struct secret *refresh = NULL;

    c->refused = NULL;
    if (credential_send(c, a, req, retry, &reply, e))
        return err_wrap(e, "token from %s", c->source);
    if (reply.status != 200) {
        (void)oauth_error(c, &reply, a, e);
        return err_wrap(e, "token from %s", c->source);
    }
    if (token_read(reply.body, ret, &refresh, e))
        return err_wrap(e, "token from %s", c->source);
    if (refresh) { /* rotated: the old one may be good no more */
        secret_free(c->refresh);
        c->refresh = refresh;
    }
    return 0;
}

int token_post(struct credential *c, const char *url, struct str body, struct token *ret, struct err *e)
{
    const struct http_request req = {
        .method = "POST", .url = url, .body = body, .content_type = "application/x-www-form-urlencoded"
    };

    return token_request(c, &req, RETRY_TOKEN, ret, e);
}
