/* google/credentials/token.c: what the kinds share: asking a token endpoint and reading its answer. */
#include "google/credentials/credential.h"

enum { TOKEN_TIMEOUT_MS = 20000, TOKEN_MAX_REPLY = 256 * 1024 };

static int oauth_error(const struct http_reply *reply, struct arena *a, struct err *e)
{
    struct jval *body = NULL;
    struct str error, description;

    if (jval_from_json(a, reply->body, "answer", NULL, &body, NULL))
        return err_set_http(e, reply->status, "token endpoint: HTTP %d", reply->status);
    error = jval_str(jval_get(body, "error"));
    description = jval_str(jval_get(body, "error_description"));
    if (reply->status >= 500 || reply->status == 429)
        return err_set_http(e, reply->status, "token endpoint: HTTP %d %.*s", reply->status, STR_ARG(error));
    err_set(e, ERR_AUTH, "%.*s: %.*s (HTTP %d)", STR_ARG(error), STR_ARG(description), reply->status);
    if (e)
        e->http_status = reply->status;
    return -ERR_AUTH;
}

int token_request(struct credential *c, const struct http_request *req, struct token *ret, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct http_request with_caps = *req;
    struct http_reply reply = { 0 };
    struct jval *body = NULL;
    struct secret *value;
    const struct jval *expires;
    int64_t seconds = 0;

    with_caps.max_reply_bytes = TOKEN_MAX_REPLY;
    if (!with_caps.timeout_ms)
        with_caps.timeout_ms = TOKEN_TIMEOUT_MS;
    if (http_send(c->io, a, &with_caps, &reply, e))
        return err_wrap(e, "token from %s", c->source);
    if (reply.status != 200) {
        (void)oauth_error(&reply, a, e);
        return err_wrap(e, "token from %s", c->source);
    }
    if (jval_from_json(a, reply.body, "the token endpoint's answer", NULL, &body, NULL))
        return err_set(e, ERR_PROTO, "token from %s: the answer is not JSON", c->source);
    expires = jval_get(body, "expires_in"); /* a number, or a text with one */
    if (!str_to_i64(jval_str(expires), &seconds))
        seconds = jval_int(expires);
    value = file_secret(body, "access_token");
    mem_wipe((char *)(uintptr_t)reply.body.ptr, reply.body.len);
    if (!value)
        return err_set(e, ERR_PROTO, "token from %s: No access token in response.", c->source);
    *ret = (struct token){ .value = value, .expires_in_s = seconds > 0 ? seconds : 0 };
    return 0;
}

int token_post(struct credential *c, const char *url, struct str body, struct token *ret, struct err *e)
{
    const struct http_request req = {
        .method = "POST", .url = url, .body = body, .content_type = "application/x-www-form-urlencoded"
    };

    return token_request(c, &req, ret, e);
}

static struct str host_of(struct str url)
{
    ptrdiff_t at = str_find(url, STR("://"));
    size_t end;

    if (at < 0)
        return (struct str){ NULL, 0 };
    url = str_sub(url, (size_t)at + 3, url.len);
    for (end = 0; end < url.len && url.ptr[end] != '/' && url.ptr[end] != ':' && url.ptr[end] != '?'; end++)
        ;
    return str_sub(url, 0, end);
}

int token_url_check(struct str url, struct err *e)
{
    struct str host = host_of(url);
    bool loopback = str_is(host, "127.0.0.1") || str_is(host, "localhost");
    bool google = str_has_prefix(url, STR("https://")) &&
                  (str_has_suffix(host, STR(".googleapis.com")) || str_is(host, "accounts.google.com"));

    if (loopback || google)
        return 0;
    return err_set(e, ERR_CONFIG, "token_uri %.*s is not one of Google's", STR_ARG(url));
}
