/* server/sign_in/provider.c: asking an OpenID provider. */
#include "server/sign_in/provider.h"

#include <stdlib.h>

#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/http.h"
#include "server/sign_in/id_token.h"

enum {
    TIMEOUT_MS = 10000,
    REPLY_MAX_BYTES = 1 << 20,
    KEPT_MS = 60 * 60 * 1000,
    KEYS_AGAIN_MS = 5000,
    SECRET_TEXT_MAX = 16 * 1024
};

/* What the provider publishes at one address. */
struct document {
    struct arena *a; /* NULL: it was not fetched yet */
    struct jval *v;
    int64_t at_ms; /* monotonic, when it came */
    bool busy;     /* somebody asks; the others wait for what they get */
    struct cond done;
};

struct provider {
    struct io *io;
    char *issuer, *client_id;
    struct secret *client_secret;
    const char *const *claims;
    struct document config, keys;
};

struct provider *provider_new(const struct provider_options *o)
{
    struct provider *p = xcalloc(1, sizeof(*p));

    p->io = o->io;
    p->issuer = xstrdup(o->issuer);
    p->client_id = xstrdup(o->client_id);
    p->client_secret = secret_dup(o->client_secret);
    p->claims = o->claims;
    return p;
}

static void forget(struct document *d)
{
    arena_free(d->a);
    d->a = NULL;
    d->v = NULL;
}

void provider_free(struct provider *p)
{
    if (!p)
        return;
    forget(&p->config);
    forget(&p->keys);
    secret_free(p->client_secret);
    free(p->client_id);
    free(p->issuer);
    free(p);
}

bool provider_is_issuer(const struct provider *p, struct str iss)
{
    return !iss.ptr || str_eq(iss, jval_str(jval_get(p->config.v, "issuer")));
}

/* --- what it publishes --- */

static int read_object(struct arena *a, const struct http_reply *reply, const char *what, struct jval **ret,
                       struct err *e)
{
    const struct jval_limits limits = { .max_bytes = REPLY_MAX_BYTES,
                                        .max_depth = 16,
                                        .last_key_wins = true };

    if (jval_from_json(a, reply->body, what, &limits, ret, e) < 0 || !jval_is(*ret, JVAL_OBJECT))
        return err_set(e, ERR_PROTO, "%s is no JSON object", what);
    return 0;
}

static int get(struct provider *p, struct arena *a, const struct http_request *req, const char *what,
               struct jval **ret, struct err *e)
{
    struct http_request with_caps = *req;
    struct http_reply reply = { 0 };
    int rc;

    with_caps.timeout_ms = TIMEOUT_MS;
    with_caps.max_reply_bytes = REPLY_MAX_BYTES;
    rc = http_send(p->io, a, &with_caps, &reply, e);
    if (rc < 0)
        return err_wrap(e, "%s", what);
    if (reply.status != 200)
        return err_set_http_foreign(e, reply.status, "%s: HTTP %d", what, reply.status);
    return read_object(a, &reply, what, ret, e);
}

static int fetch(struct provider *p, struct document *d, const char *url, const char *what, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    const struct http_request req = { .url = url };
    struct jval *v = NULL;
    int rc;

    d->busy = true;
    rc = get(p, a, &req, what, &v, e);
    d->busy = false;
    cond_broadcast(p->io, &d->done);
    if (rc < 0)
        return rc;
    forget(d);
    *d = (struct document){ .a = TAKE(a), .v = v, .at_ms = io_now_ms(p->io), .done = d->done };
    return 0;
}

/* Not older than @kept_ms if it can be had; what was is better than nothing. */
struct wanted {
    const char *url, *what;
    int64_t kept_ms;
};

static int refresh(struct provider *p, struct document *d, const struct wanted *want, struct err *e)
{
    struct err why = { 0 };
    int rc;

    while (d->busy) {
        rc = cond_wait(p->io, &d->done, -1, e);
        if (rc < 0)
            return rc;
    }
    if (d->a && io_now_ms(p->io) - d->at_ms < want->kept_ms)
        return 0;
    rc = fetch(p, d, want->url, want->what, &why);
    if (rc == 0 || (d->a && rc != -ERR_CANCELLED)) {
        if (rc < 0)
            LOG_WARNING("sign_in.kept_old", "error=\"%s\"", why.msg);
        return 0;
    }
    *e = why;
    return rc;
}

static struct str without_slash(struct str url)
{
    return str_has_suffix(url, STR("/")) ? str_sub(url, 0, url.len - 1) : url;
}

/* Pages that people are sent to show what they type: https, unless the provider is one on loopback. */
static int check_config(const struct provider *p, const struct jval *config, struct err *e)
{
    static const char *const needed[] = { "authorization_endpoint", "token_endpoint", "jwks_uri" };
    bool is_plain = str_has_prefix(str_of(p->issuer), STR("http://"));
    struct str issuer = jval_str(jval_get(config, "issuer"));

    if (!str_eq(without_slash(issuer), without_slash(str_of(p->issuer))))
        return err_set(e, ERR_PROTO, "the provider at %s calls itself %.*s", p->issuer,
                       STR_ARG(str_sub(issuer, 0, 200)));
    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        struct str url = jval_str(jval_get(config, needed[i]));

        if (!str_has_prefix(url, STR("https://")) && !(is_plain && str_has_prefix(url, STR("http://"))))
            return err_set(e, ERR_PROTO, "the provider at %s publishes no good %s", p->issuer, needed[i]);
    }
    return 0;
}

/* *ret is a copy in @a: the document may be fetched anew while the caller yields. */
static int config_get(struct provider *p, struct arena *a, const struct jval **ret, struct err *e)
{
    struct str base = without_slash(str_of(p->issuer));
    const char *url = arena_printf(a, "%.*s/.well-known/openid-configuration", STR_ARG(base));
    const struct wanted want = { url, "the provider's configuration", KEPT_MS };
    int rc = refresh(p, &p->config, &want, e);

    rc = rc < 0 ? rc : check_config(p, p->config.v, e);
    if (rc == 0)
        *ret = jval_copy(a, p->config.v);
    else if (rc == -ERR_PROTO) /* not for an hour */
        forget(&p->config);
    return rc;
}

/* --- the browser's way there --- */

static void add_challenge(struct strbuf *url, struct str verifier)
{
    AUTO_STRBUF struct strbuf text = STRBUF(64);
    uint8_t sum[32];

    sha256(verifier, sum);
    strbuf_add_base64url(&text, (struct str){ (const char *)sum, sizeof(sum) });
    strbuf_add_form(url, "code_challenge", strbuf_str(&text));
}

int provider_authorize_url(struct provider *p, struct arena *a, const struct provider_ask *ask,
                           struct str *ret, struct err *e)
{
    AUTO_STRBUF struct strbuf url = STRBUF(8192), query = STRBUF(8192);
    const struct jval *config = NULL;
    struct str endpoint;
    int rc = config_get(p, a, &config, e);

    if (rc < 0)
        return rc;
    strbuf_add_form(&query, "response_type", STR("code"));
    strbuf_add_form(&query, "client_id", str_of(p->client_id));
    strbuf_add_form(&query, "redirect_uri", ask->redirect_uri);
    strbuf_add_form(&query, "scope", ask->scope);
    strbuf_add_form(&query, "state", ask->state);
    strbuf_add_form(&query, "nonce", ask->nonce);
    add_challenge(&query, ask->verifier);
    strbuf_add_form(&query, "code_challenge_method", STR("S256"));
    endpoint = jval_str(jval_get(config, "authorization_endpoint"));
    strbuf_add(&url, endpoint);
    strbuf_addc(&url, str_find(endpoint, STR("?")) < 0 ? '?' : '&');
    strbuf_add(&url, strbuf_str(&query));
    rc = strbuf_check(&query, e);
    rc = rc < 0 ? rc : strbuf_check(&url, e);
    if (rc == 0)
        *ret = arena_str(a, strbuf_str(&url));
    return rc;
}

/* --- the code for a token --- */

/* By Basic unless the provider knows only the other way; that is its default too (Discovery, 3). */
static bool takes_basic(const struct jval *config)
{
    const struct jval *methods = jval_get(config, "token_endpoint_auth_methods_supported");

    return jval_has_text(methods, STR("client_secret_basic")) ||
           !jval_has_text(methods, STR("client_secret_post"));
}

/* RFC 6749, 2.3.1: both halves are encoded as in forms before Basic encodes them again. */
static struct secret *encoded_secret(const struct secret *s)
{
    AUTO_STRBUF struct strbuf text = STRBUF_WIPED(SECRET_TEXT_MAX);

    strbuf_add_url(&text, secret_unwrap(s));
    return secret_new(strbuf_str(&text));
}

/* What a token endpoint says when it refuses. */
static int refused(struct arena *a, const struct http_reply *reply, struct err *e)
{
    struct jval *body = NULL;
    struct str error = { NULL, 0 };

    if (read_object(a, reply, "the answer", &body, NULL) == 0)
        error = str_sub(jval_str(jval_get(body, "error")), 0, 60);
    if (str_is(error, "invalid_grant"))
        return err_set(e, ERR_AUTH, "the provider does not know the code, or it was used before");
    if (str_is(error, "invalid_client") || str_is(error, "unauthorized_client"))
        return err_set(e, ERR_CONFIG, "the provider refuses our client id or secret: %.*s", STR_ARG(error));
    return err_set_http_foreign(e, reply->status, "the provider's token endpoint: HTTP %d %.*s",
                                reply->status, STR_ARG(error));
}

/* A code on its way to claims. */
struct redeeming {
    struct provider *p;
    struct arena *a, *secrets; /* @secrets: overwritten afterwards */
    const struct jval *config;
    const struct provider_ask *ask;
    struct str code, id_token, access_token; /* the tokens are in @secrets */
};

static int post_code(const struct redeeming *r, struct http_reply *ret, struct err *e)
{
    AUTO_STRBUF struct strbuf form = STRBUF_WIPED(2 * SECRET_TEXT_MAX), user = STRBUF(4096);
    AUTO_PTR(secret) password = encoded_secret(r->p->client_secret);
    struct http_request req = { .method = "POST",
                                .url = jval_str(jval_get(r->config, "token_endpoint")).ptr,
                                .content_type = "application/x-www-form-urlencoded",
                                .timeout_ms = TIMEOUT_MS,
                                .max_reply_bytes = REPLY_MAX_BYTES };
    int rc;

    strbuf_add_form(&form, "grant_type", STR("authorization_code"));
    strbuf_add_form(&form, "code", r->code);
    strbuf_add_form(&form, "redirect_uri", r->ask->redirect_uri);
    strbuf_add_form(&form, "code_verifier", r->ask->verifier);
    strbuf_add_url(&user, str_of(r->p->client_id));
    if (takes_basic(r->config)) {
        req.auth = (struct http_auth){ HTTP_AUTH_BASIC, strbuf_cstr(&user), password };
    } else {
        strbuf_add_form(&form, "client_id", str_of(r->p->client_id));
        strbuf_add_form(&form, "client_secret", secret_unwrap(r->p->client_secret));
    }
    rc = strbuf_check(&form, e);
    req.body = strbuf_str(&form);
    rc = rc < 0 ? rc : http_send(r->p->io, r->secrets, &req, ret, e);
    return rc < 0 ? err_wrap(e, "the provider's token endpoint") : 0;
}

static int ask_tokens(struct redeeming *r, struct err *e)
{
    struct http_reply reply = { 0 };
    struct jval *body = NULL;
    int rc = post_code(r, &reply, e);

    if (rc < 0)
        return rc;
    if (reply.status != 200)
        return refused(r->secrets, &reply, e);
    rc = read_object(r->secrets, &reply, "the provider's answer with the tokens", &body, e);
    if (rc < 0)
        return rc;
    r->id_token = jval_str(jval_get(body, "id_token"));
    r->access_token = jval_str(jval_get(body, "access_token"));
    return r->id_token.len > 0 ? 0 : err_set(e, ERR_PROTO, "the provider gave no ID token");
}

/* With the keys that are known, not older than @kept_ms. */
static int check_with_keys(const struct redeeming *r, int64_t kept_ms, const struct jval **ret, struct err *e)
{
    const struct id_token_want want = { .issuer = jval_str(jval_get(r->config, "issuer")),
                                        .client_id = str_of(r->p->client_id),
                                        .nonce = r->ask->nonce,
                                        .now_unix_s = io_now_unix_ms(r->p->io) / 1000 };
    const struct wanted keys = { jval_str(jval_get(r->config, "jwks_uri")).ptr, "the provider's keys",
                                 kept_ms };
    int rc = refresh(r->p, &r->p->keys, &keys, e);

    return rc < 0 ? rc : id_token_check(r->a, r->id_token, r->p->keys.v, &want, ret, e);
}

static int check_token(const struct redeeming *r, const struct jval **ret, struct err *e)
{
    int rc = check_with_keys(r, KEPT_MS, ret, e);

    if (rc == -ERR_NOT_FOUND)
        rc = check_with_keys(r, KEYS_AGAIN_MS, ret, e); /* it has a new one? */
    return rc == -ERR_NOT_FOUND ? err_set(e, ERR_AUTH, "%s", arena_strdup(r->a, e->msg)) : rc;
}

static bool lacks_claims(const struct provider *p, const struct jval *claims)
{
    for (size_t i = 0; p->claims && p->claims[i]; i++)
        if (!jval_get(claims, p->claims[i]))
            return true;
    return false;
}

/* What the ID token says stands. "sub" binds the two (Core 1.0, 5.3.2). */
static int add_userinfo(const struct redeeming *r, const char *url, const struct jval **io_claims,
                        struct err *e)
{
    AUTO_PTR(secret) token = secret_new(r->access_token);
    const struct http_request req = { .url = url, .auth = { HTTP_AUTH_BEARER, NULL, token } };
    struct jval *info = NULL;
    int rc = get(r->p, r->a, &req, "the provider's userinfo", &info, e);

    if (rc < 0)
        return rc;
    if (!str_eq(jval_str(jval_get(info, "sub")), jval_str(jval_get(*io_claims, "sub"))))
        return err_set(e, ERR_PROTO, "the provider's userinfo is about somebody else");
    *io_claims = jval_merge(r->a, info, *io_claims);
    return 0;
}

int provider_redeem(struct provider *p, struct arena *a, const struct provider_ask *ask, struct str code,
                    const struct jval **ret_claims, struct err *e)
{
    AUTO_PTR(arena) secrets = arena_new_wiped();
    struct redeeming r = { .p = p, .a = a, .secrets = secrets, .ask = ask, .code = code };
    const struct jval *claims = NULL;
    struct str userinfo;
    int rc = config_get(p, a, &r.config, e);

    rc = rc < 0 ? rc : ask_tokens(&r, e);
    rc = rc < 0 ? rc : check_token(&r, &claims, e);
    if (rc < 0)
        return rc;
    userinfo = jval_str(jval_get(r.config, "userinfo_endpoint"));
    if (lacks_claims(p, claims) && userinfo.len > 0 && r.access_token.len > 0)
        rc = add_userinfo(&r, userinfo.ptr, &claims, e);
    if (rc == 0)
        *ret_claims = claims;
    return rc;
}
