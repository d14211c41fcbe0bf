/* wandb/client.c: the GraphQL envelope: one POST per operation, errors with their path. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "wandb/wandb_internal.h"

enum { CALL_TIMEOUT_MS = 30000, URL_MAX_BYTES = 4096, BODY_MAX_BYTES = 16 * 1024 * 1024 };

struct wandb {
    struct io *io;
    char *base_url, *graphql_url, *user_agent;
    struct secret *api_key;
    wandb_key_fn newer_key;
    void *newer_key_ctx;
    bool is_slipway;
    struct prom_calls calls, waits;
};

struct wandb *wandb_new(struct io *io, const struct wandb_options *o)
{
    struct wandb *w = xcalloc(1, sizeof(*w));
    AUTO_STRBUF struct strbuf b = STRBUF(URL_MAX_BYTES);

    w->io = io;
    w->base_url = xstrdup(o->base_url);
    strbuf_addf(&b, "%s/graphql", o->base_url);
    w->graphql_url = xstrdup(strbuf_cstr(&b));
    strbuf_reset(&b);
    /* The real server goes by the first words of this header (protocol reference 1.4). */
    strbuf_addf(&b, "W&B Internal Client slipway/%s", o->user_agent_version);
    w->user_agent = xstrdup(strbuf_cstr(&b));
    w->api_key = o->api_key ? secret_dup(o->api_key) : NULL;
    w->newer_key = o->newer_key;
    w->newer_key_ctx = o->newer_key_ctx;
    return w;
}

void wandb_free(struct wandb *w)
{
    if (!w)
        return;
    free(w->base_url);
    free(w->graphql_url);
    free(w->user_agent);
    secret_free(w->api_key);
    free(w);
}

const char *wandb_base_url(const struct wandb *w)
{
    return w->base_url;
}

const struct secret *wandb_api_key(const struct wandb *w)
{
    return w->api_key;
}

bool wandb_is_slipway(const struct wandb *w)
{
    return w->is_slipway;
}

/* The name behind "query" or "mutation": servers log it, and errors name it. */
static struct str operation_name(const char *document)
{
    struct str rest = str_of(document), word;

    while (str_cut(&rest, ' ', &word))
        if (str_is(word, "query") || str_is(word, "mutation")) {
            size_t n = strcspn(rest.ptr ? rest.ptr : "", " ({\n");

            return str_sub(rest, 0, n);
        }
    return STR("");
}

static struct str request_body(struct arena *a, const char *document, const struct jval *variables)
{
    struct jval *o = jval_new_object(a);
    struct str name = operation_name(document);

    jval_set_cstr(a, o, "query", document);
    jval_set(a, o, "variables", variables ? variables : jval_new_object(a));
    if (name.len)
        jval_set(a, o, "operationName", jval_new_str(a, name));
    return jval_text(a, o, JVAL_COMPACT);
}

/* "project.run": where in the answer a GraphQL error belongs. */
static void add_error_path(struct strbuf *b, const struct jval *path)
{
    for (size_t i = 0; i < jval_len(path); i++) {
        const struct jval *part = jval_at(path, i);

        strbuf_addz(b, i ? "." : "");
        if (jval_is(part, JVAL_INT))
            strbuf_addf(b, "%lld", (long long)jval_int(part));
        else
            strbuf_add(b, jval_str(part));
    }
}

/* What a server says went wrong, in any of the shapes of protocol reference 1.6; "" when it says nothing. */
static void add_error_text(struct strbuf *b, const struct jval *answer)
{
    const struct jval *errors = jval_get(answer, "errors"), *first = jval_at(errors, 0);
    const struct jval *error = jval_get(answer, "error");

    if (first) {
        strbuf_add(b, jval_str(jval_get(first, "message")));
        if (jval_len(jval_get(first, "path"))) {
            strbuf_addz(b, " [");
            add_error_path(b, jval_get(first, "path"));
            strbuf_addc(b, ']');
        }
        if (jval_len(errors) > 1)
            strbuf_addf(b, " (and %zu more)", jval_len(errors) - 1);
    } else if (jval_is(error, JVAL_STR)) {
        strbuf_add(b, jval_str(error));
    } else {
        strbuf_add(b, jval_str(jval_get(error, "message")));
    }
}

struct failure {
    const char *text;
    bool own; /* it has the form of a GraphQL server's, so it is not from something on the way */
};

static int http_failure(struct wandb *w, const struct http_reply *r, struct failure f, struct err *e)
{
    uint32_t retry_after_ms = http_retry_after_ms(r, io_now_unix_ms(w->io));
    const char *text = f.text;

    if (r->status == 401)
        err_set_http(e, 401, "%s refused the API key (HTTP 401)%s%s", w->base_url, *text ? ": " : "", text);
    else if (f.own)
        err_set_http(e, r->status, "%s (HTTP %d)", text, r->status);
    else if (*text)
        err_set_http_foreign(e, r->status, "%s (HTTP %d)", text, r->status);
    else
        err_set_http_foreign(e, r->status, "%s answered HTTP %d without a reason%s", w->base_url, r->status,
                             r->status < 400 || r->status == 404 || r->status == 405
                                 ? "; is it the address of a W&B API?"
                                 : "");
    if (e)
        e->retry_after_ms = retry_after_ms;
    return e ? -(int)e->code : -ERR_PROTO;
}

static int read_answer(struct wandb *w, struct arena *a, const struct http_reply *r, const struct jval **ret,
                       struct err *e)
{
    const struct jval_limits limits = { .last_key_wins = true };
    bool ok = r->status >= 200 && r->status <= 299;
    AUTO_STRBUF struct strbuf text = STRBUF(2000);
    struct jval *answer = NULL;
    struct err why = { 0 };

    if (jval_from_json(a, r->body, "the server's answer", &limits, &answer, &why) ||
        !jval_is(answer, JVAL_OBJECT)) {
        if (!ok)
            return http_failure(w, r, (struct failure){ "", false }, e);
        return err_set(e, ERR_PROTO,
                       "%s answered HTTP %d with something that is not a GraphQL answer; is it "
                       "the address of a W&B API?",
                       w->base_url, r->status);
    }
    add_error_text(&text, answer);
    if (!ok)
        return http_failure(
            w, r, (struct failure){ strbuf_cstr(&text), jval_len(jval_get(answer, "errors")) > 0 }, e);
    /* Data beside errors is a failure for every caller: what is missing would be taken for absent. */
    if (jval_len(jval_get(answer, "errors"))) {
        err_set(e, ERR_INVALID, "%s", text.len ? strbuf_cstr(&text) : "the server gave no reason");
        if (e)
            e->http_status = r->status;
        return -ERR_INVALID;
    }
    *ret = jval_get(answer, "data");
    return 0;
}

/* The key was refused: take a newer one, when there is one. -ERR_AUTH: there is none. */
static int renew_key(struct wandb *w, const struct secret *refused, struct err *e)
{
    struct secret *fresh = NULL;
    struct err why = { 0 };
    int rc;

    if (!refused || !w->newer_key)
        return -ERR_AUTH;
    if (!secret_eq(w->api_key, refused)) /* another fiber has taken it already */
        return 0;
    rc = w->newer_key(w->newer_key_ctx, &fresh, &why);
    if (rc && (rc == -ERR_CANCELLED || err_is_transient(&why))) {
        if (e)
            *e = why;
        return rc;
    }
    if (rc || secret_eq(fresh, refused)) {
        secret_free(fresh);
        return -ERR_AUTH;
    }
    secret_free(w->api_key);
    w->api_key = fresh;
    return 0;
}

const struct prom_calls *wandb_traffic(const struct wandb *w, bool waits)
{
    return waits ? &w->waits : &w->calls;
}

/* With the present key, which may be replaced while the answer is awaited; again when a newer one is there.
 */
static int send_with_key(struct wandb *w, struct arena *a, struct http_request *req, struct http_reply *ret,
                         struct err *e)
{
    for (bool again = false;; again = true) {
        AUTO_PTR(secret) mine = w->api_key ? secret_dup(w->api_key) : NULL;
        int64_t began;
        int rc;

        if (mine)
            req->auth = (struct http_auth){ HTTP_AUTH_BASIC, "api", mine };
        began = io_now_ms(w->io);
        rc = http_send(w->io, a, req, ret, e);
        prom_calls_add(req->timeout_ms > CALL_TIMEOUT_MS ? &w->waits : &w->calls, rc ? 0 : ret->status,
                       io_now_ms(w->io) - began);
        req->auth = (struct http_auth){ 0 };
        if (rc || ret->status != 401 || again)
            return rc;
        rc = renew_key(w, mine, e);
        if (rc)
            return rc == -ERR_AUTH ? 0 : rc;
    }
}

int wandb_transfer(struct wandb *w, struct http_request *req, bool is_api, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct http_reply reply = { 0 };
    int rc = is_api ? send_with_key(w, a, req, &reply, e) : http_send(w->io, a, req, &reply, e);

    if (rc || (reply.status >= 200 && reply.status <= 299))
        return rc;
    err_set_http(e, reply.status, "HTTP %d", reply.status); /* a storage's words may show a signed address */
    if (e)
        e->retry_after_ms = http_retry_after_ms(&reply, io_now_unix_ms(w->io));
    return e ? -(int)e->code : -ERR_PROTO;
}

int wandb_call(struct wandb *w, struct arena *a, const struct wandb_request *r, const struct jval **ret,
               struct err *e)
{
    struct http_header headers[2] = { { STR("User-Agent"), str_of(w->user_agent) } };
    struct http_request req = {
        .method = "POST",
        .url = w->graphql_url,
        .headers = headers,
        .header_count = 1,
        .body = request_body(a, r->document, r->variables),
        .timeout_ms = CALL_TIMEOUT_MS + 1000 * (int64_t)r->wait_s,
        .max_reply_bytes = BODY_MAX_BYTES,
    };
    struct str name = operation_name(r->document);
    struct http_reply reply = { 0 };
    bool slipway;

    if (r->wait_s)
        headers[req.header_count++] =
            (struct http_header){ STR("Prefer"), str_of(arena_printf(a, "wait=%u", r->wait_s)) };
    if (send_with_key(w, a, &req, &reply, e))
        return err_wrap(e, "%.*s", STR_ARG(name));
    LOG_DEBUG("wandb.call", "operation=%.*s status=%d", STR_ARG(name), reply.status);
    slipway = str_has_prefix(http_header_get(reply.headers, reply.header_count, "Server"), STR("slipway/"));
    w->is_slipway = w->is_slipway || slipway;
    if (read_answer(w, a, &reply, ret, e))
        return err_wrap(e, "%.*s", STR_ARG(name));
    w->is_slipway = slipway; /* an error may be a proxy's, an answer is the server's */
    return 0;
}

void vars_set(struct arena *a, struct jval *vars, const char *name, struct str value)
{
    jval_set(a, vars, name, value.ptr ? jval_new_str(a, value) : jval_new_null(a));
}

void vars_hold(struct arena *a, struct jval *vars, const char *name, const struct wandb_hold *h)
{
    vars_set(a, vars, name, h->item_id);
    if (h->fence)
        jval_set_int(a, vars, "fence", h->fence);
}

int call_decoded(struct wandb *w, struct arena *a, const struct wandb_request *req, struct dec *d,
                 struct err *e)
{
    const struct jval *data = NULL;
    int rc = wandb_call(w, a, req, &data, e);

    if (rc)
        return rc;
    dec_init(d, a, data, "$.data", ERR_PROTO, e);
    return dec_failed(d) ? -ERR_PROTO : 0;
}

int call_success(struct wandb *w, const struct wandb_request *req, const char *field, bool *ret_success,
                 struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct dec d, inner;
    bool success = false;
    int rc = call_decoded(w, a, req, &d, e);

    if (rc)
        return rc;
    if (dec_object(&d, field, &inner, DEC_OPTIONAL)) {
        dec_bool(&inner, "success", &success, DEC_OPTIONAL);
        if (dec_failed(&inner))
            return -ERR_PROTO;
    }
    if (dec_failed(&d))
        return -ERR_PROTO;
    *ret_success = success;
    return 0;
}
