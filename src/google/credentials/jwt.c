/* google/credentials/jwt.c: tokens that a service account's key signs (reference 4.4). */
#include "base/crypto.h"
#include "google/credentials/credential.h"

/* Always this, whatever token_uri says. */
#define AUDIENCE "https://oauth2.googleapis.com/token"

enum { LIFETIME_S = 3600 };

static struct str header_text(struct credential *c, struct arena *a)
{
    struct jval *header = jval_new_object(a);

    jval_set_cstr(a, header, "typ", "JWT");
    jval_set_cstr(a, header, "alg", "RS256");
    if (c->key_id.len)
        jval_set(a, header, "kid", jval_new_str(a, c->key_id));
    return jval_text(a, header, JVAL_COMPACT);
}

static struct str claims_text(struct credential *c, struct arena *a, bool self_signed)
{
    struct jval *claims = jval_new_object(a);
    int64_t now_s = io_now_unix_ms(c->io) / 1000;

    jval_set_int(a, claims, "iat", now_s);
    jval_set_int(a, claims, "exp", now_s + LIFETIME_S);
    jval_set(a, claims, "iss", jval_new_str(a, c->principal));
    if (self_signed)
        jval_set(a, claims, "sub", jval_new_str(a, c->principal));
    else
        jval_set_cstr(a, claims, "aud", AUDIENCE);
    jval_set_cstr(a, claims, "scope", c->scope);
    return jval_text(a, claims, JVAL_COMPACT);
}

int jwt_sign(struct credential *c, bool self_signed, struct strbuf *jwt, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct str signature = { NULL, 0 };

    strbuf_add_base64url(jwt, header_text(c, a));
    strbuf_addc(jwt, '.');
    strbuf_add_base64url(jwt, claims_text(c, a, self_signed));
    if (rsa_sign_sha256(a, c->secret, strbuf_str(jwt), &signature, e))
        return err_wrap(e, "private key in %s", c->source);
    strbuf_addc(jwt, '.');
    strbuf_add_base64url(jwt, signature);
    return strbuf_check(jwt, e);
}
