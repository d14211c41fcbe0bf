/* google/credentials/impersonate.c: generateAccessToken, and the kind of file that asks for it over another
 * credential (reference 4.6, 4.13). */
#include "base/timefmt.h"
#include "google/credentials/credential.h"
#include "google/refusal.h"

enum { LIFETIME_S = 3600, MIN_LIFETIME_S = 600, MAX_LIFETIME_S = 43200 };

/* The text between the last '/' and ":generateAccessToken". */
static struct str target_of(struct str url)
{
    struct str part = { NULL, 0 };

    if (!str_has_suffix(url, STR(":generateAccessToken")))
        return part;
    url = str_sub(url, 0, url.len - 20);
    while (str_cut(&url, '/', &part))
        ;
    return part;
}

int impersonation_load(struct credential *c, struct str url, const struct jval *delegates, int64_t lifetime_s,
                       struct err *e)
{
    struct host_url where;
    struct str target = target_of(url);

    if (!target.len)
        return err_set(e, ERR_CONFIG, "Cannot extract target principal from %.*s", STR_ARG(url));
    if (lifetime_s && (lifetime_s < MIN_LIFETIME_S || lifetime_s > MAX_LIFETIME_S))
        return err_set(e, ERR_CONFIG, "token_lifetime_seconds %lld is not in %d..%d", (long long)lifetime_s,
                       MIN_LIFETIME_S, MAX_LIFETIME_S);
    if (hosts_check(c->hosts, c->a,
                    &(struct file_url){ HOST_TOKEN, "service_account_impersonation_url", url }, &where, e))
        return -ERR_CONFIG;
    c->target = (struct impersonation){ .url = where.url,
                                        .principal = arena_str(c->a, target),
                                        .delegates = delegates ? jval_copy(c->a, delegates) : NULL,
                                        .lifetime_s = lifetime_s ? lifetime_s : LIFETIME_S };
    c->principal = c->target.principal;
    return 0;
}

static struct str request_text(struct credential *c, struct arena *a)
{
    struct jval *body = jval_new_object(a), *scopes = jval_new_array(a);

    jval_push(a, scopes, jval_new_cstr(a, c->scope));
    jval_set(a, body, "delegates", c->target.delegates ? c->target.delegates : jval_new_array(a));
    jval_set(a, body, "scope", scopes);
    jval_set_cstr(a, body, "lifetime", arena_printf(a, "%llds", (long long)c->target.lifetime_s));
    return jval_text(a, body, JVAL_COMPACT);
}

static int refusal(struct credential *c, struct arena *a, const struct http_reply *reply, struct err *e)
{
    struct refusal in = { .http_status = reply->status,
                          .kind = c->kind->name,
                          .principal = c->from ? c->from->principal : (struct str){ NULL, 0 },
                          .account = c->target.principal,
                          .project = c->project,
                          .permission = STR("iam.serviceAccounts.getAccessToken") };

    refusal_read(a, reply->body, &in);
    err_set_http(e, reply->status, "Unable to acquire impersonated credentials: %.*s: %.*s",
                 STR_ARG(in.status), STR_ARG(in.message.len ? in.message : str_sub(reply->body, 0, 200)));
    c->refused = refusal_append(&in, e);
    return err_wrap(e, "token of %.*s", STR_ARG(c->target.principal));
}

static int read_answer(struct credential *c, struct arena *a, struct str text, struct token *ret,
                       struct err *e)
{
    struct jval *body = NULL;
    struct secret *value;
    int64_t until = 0, seconds;

    if (jval_from_json(a, text, "answer", NULL, &body, NULL))
        return err_set(e, ERR_PROTO, "token of %.*s: the answer is not JSON", STR_ARG(c->target.principal));
    if (!rfc3339_parse(jval_str(jval_get(body, "expireTime")), &until))
        return err_set(e, ERR_PROTO, "token of %.*s: the answer has no expireTime",
                       STR_ARG(c->target.principal));
    value = file_secret(body, "accessToken");
    mem_wipe((char *)(uintptr_t)text.ptr, text.len);
    if (!value)
        return err_set(e, ERR_PROTO, "token of %.*s: No access token in response.",
                       STR_ARG(c->target.principal));
    seconds = (until - io_now_unix_ms(c->io)) / 1000;
    if (seconds > c->target.lifetime_s) /* our clock is slow: what was asked for is the limit */
        seconds = c->target.lifetime_s;
    *ret = (struct token){ .value = value, .expires_in_s = seconds > 0 ? seconds : 0 };
    return 0;
}

int impersonate(struct credential *c, const struct secret *token, struct token *ret, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    const struct http_request req = { .method = "POST",
                                      .url = c->target.url,
                                      .auth = { .kind = HTTP_AUTH_BEARER, .secret = token },
                                      .body = request_text(c, a) };
    struct http_reply reply = { 0 };

    c->refused = NULL;
    if (credential_send(c, a, &req, RETRY_IMPERSONATE, &reply, e))
        return err_wrap(e, "token of %.*s", STR_ARG(c->target.principal));
    if (reply.status != 200)
        return refusal(c, a, &reply, e);
    return read_answer(c, a, reply.body, ret, e);
}

/* --- the kind --- */

static int load(struct credential *c, const struct jval *file, struct err *e)
{
    const struct jval *from = jval_get(file, "source_credentials");
    const struct credential_options o = { .hosts = c->hosts };
    struct str type = jval_str(jval_get(from, "type")), url;
    struct host_url where;

    url = jval_str(jval_get(file, "service_account_impersonation_url"));
    if (!str_is(type, "service_account") && !str_is(type, "authorized_user") &&
        !str_is(type, "external_account_authorized_user"))
        return err_set(e, ERR_CONFIG, "source credential of type %.*s is not supported.", STR_ARG(type));
    if (impersonation_load(c, url, jval_get(file, "delegates"), 0, e))
        return -ERR_CONFIG;
    /* As google-auth: the host is the universe's own, whatever the file's URL says. */
    url = str_of(arena_printf(c->a,
                              "https://iamcredentials.%.*s/v1/projects/-/serviceAccounts/%.*s:"
                              "generateAccessToken",
                              STR_ARG(c->hosts->universe), STR_ARG(c->target.principal)));
    if (hosts_check(c->hosts, c->a,
                    &(struct file_url){ HOST_TOKEN, "service_account_impersonation_url", url }, &where, e))
        return -ERR_CONFIG;
    c->target.url = where.url;
    if (credential_from_file(c->io, &o, c->source, from, &c->from, e))
        return err_wrap(e, "source_credentials");
    c->from->scope = IAM_SCOPE;
    c->project = c->from->project;
    return 0;
}

static int fetch(struct credential *c, struct token *ret, struct err *e)
{
    struct token source = { 0 };
    int r = c->from->kind->fetch(c->from, &source, e);

    if (!r)
        r = impersonate(c, source.value, ret, e);
    secret_free(source.value);
    return r;
}

const struct credential_kind impersonated_kind = { "impersonated_service_account", load, fetch, NULL };
