/* google/credentials/service_account.c: a service-account key file; JWT grant, or tokens that it signs itself
 * (reference 4.4). */
#include "google/credentials/credential.h"

enum { SELF_SIGNED_S = 3600, MAX_JWT = 16384 };

static int load(struct credential *c, const struct jval *file, struct err *e)
{
    AUTO_STRBUF struct strbuf missing = STRBUF(256);
    struct host_url where;

    c->principal = arena_str(c->a, jval_str(jval_get(file, "client_email")));
    c->key_id = arena_str(c->a, jval_str(jval_get(file, "private_key_id")));
    c->token_uri = arena_str(c->a, jval_str(jval_get(file, "token_uri")));
    c->secret = file_secret(file, "private_key");
    require(&missing, "client_email", c->principal.len);
    require(&missing, "token_uri", c->token_uri.len);
    require(&missing, "private_key", c->secret);
    if (missing.len)
        return err_set(e, ERR_CONFIG,
                       "Service account info was not in the expected format, missing fields %s.",
                       strbuf_cstr(&missing));
    /* The token endpoint of another universe does not take assertions. */
    c->self_signed = c->self_signed || !str_is(c->hosts->universe, UNIVERSE_DEFAULT);
    if (hosts_check(c->hosts, c->a, &(struct file_url){ HOST_TOKEN, "token_uri", c->token_uri }, &where, e))
        return -ERR_CONFIG;
    c->token_uri = str_of(where.url);
    return 0;
}

static int trade(struct credential *c, struct str jwt, struct token *ret, struct err *e)
{
    struct strbuf body = STRBUF(MAX_JWT + 1024);
    int r;

    strbuf_add_form(&body, "grant_type", STR("urn:ietf:params:oauth:grant-type:jwt-bearer"));
    strbuf_add_form(&body, "assertion", jwt);
    r = token_post(c, c->token_uri.ptr, strbuf_str(&body), ret, e);
    strbuf_wipe(&body);
    return r;
}

static int fetch(struct credential *c, struct token *ret, struct err *e)
{
    struct strbuf jwt = STRBUF(MAX_JWT);
    int r = jwt_sign(c, c->self_signed, &jwt, e);

    if (!r && c->self_signed)
        *ret = (struct token){ .value = secret_new(strbuf_str(&jwt)), .expires_in_s = SELF_SIGNED_S };
    else if (!r)
        r = trade(c, strbuf_str(&jwt), ret, e);
    strbuf_wipe(&jwt); /* good for a token for an hour */
    return r;
}

const struct credential_kind service_account_kind = { "service_account", load, fetch, NULL };
