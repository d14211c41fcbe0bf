/* google/credentials/service_account.c: a service-account key file; JWT grant (reference 4.4). */
#include "base/crypto.h"
#include "google/credentials/credential.h"

/* Always this, whatever token_uri says. */
#define AUDIENCE "https://oauth2.googleapis.com/token"

enum { LIFETIME_S = 3600 };

static int load(struct credential *c, const struct jval *file, struct err *e)
{
    c->principal = arena_str(c->a, jval_str(jval_get(file, "client_email")));
    c->key_id = arena_str(c->a, jval_str(jval_get(file, "private_key_id")));
    c->token_uri = arena_str(c->a, jval_str(jval_get(file, "token_uri")));
    c->secret = file_secret(file, "private_key");
    if (!c->principal.len || !c->token_uri.len || !c->secret)
        return err_set(e, ERR_CONFIG,
                       "Service account info was not in the expected format, missing fields %s%s%s.",
                       c->principal.len ? "" : "client_email ", c->token_uri.len ? "" : "token_uri ",
                       c->secret ? "" : "private_key");
    return token_url_check(c->token_uri, e);
}

static int make_assertion(struct credential *c, struct arena *a, struct strbuf *jwt, struct err *e)
{
    struct jval *header = jval_new_object(a), *claims = jval_new_object(a);
    int64_t now_s = io_now_unix_ms(c->io) / 1000;
    struct str signature;

    jval_set_cstr(a, header, "typ", "JWT");
    jval_set_cstr(a, header, "alg", "RS256");
    if (c->key_id.len)
        jval_set(a, header, "kid", jval_new_str(a, c->key_id));
    jval_set_int(a, claims, "iat", now_s);
    jval_set_int(a, claims, "exp", now_s + LIFETIME_S);
    jval_set(a, claims, "iss", jval_new_str(a, c->principal));
    jval_set_cstr(a, claims, "aud", AUDIENCE);
    jval_set_cstr(a, claims, "scope", GOOGLE_SCOPE);
    strbuf_add_base64url(jwt, jval_text(a, header, JVAL_COMPACT));
    strbuf_addc(jwt, '.');
    strbuf_add_base64url(jwt, jval_text(a, claims, JVAL_COMPACT));
    if (rsa_sign_sha256(a, c->secret, strbuf_str(jwt), &signature, e))
        return err_wrap(e, "private key in %s", c->source);
    strbuf_addc(jwt, '.');
    strbuf_add_base64url(jwt, signature);
    return strbuf_check(jwt, e);
}

static int fetch(struct credential *c, struct token *ret, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct strbuf jwt = STRBUF(16384), body = STRBUF(20000);
    int r = make_assertion(c, a, &jwt, e);

    if (!r) {
        strbuf_addz(&body, "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=");
        strbuf_add_url(&body, strbuf_str(&jwt));
        r = token_post(c, arena_cstr(a, c->token_uri), strbuf_str(&body), ret, e);
    }
    strbuf_wipe(&jwt); /* good for a token for an hour */
    strbuf_wipe(&body);
    return r;
}

const struct credential_kind service_account_kind = { "service_account", load, fetch };
