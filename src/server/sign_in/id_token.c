/* server/sign_in/id_token.c: checks of an ID token. */
#include "server/sign_in/id_token.h"

#include "base/jwt.h"
#include "base/secret.h"

static struct str claim(const struct jval *claims, const char *name)
{
    return jval_str(jval_get(claims, name));
}

/* "aud" is a text or a list of them; whom it was made for is then in "azp". */
static int check_audience(const struct jval *claims, struct str client_id, struct err *e)
{
    const struct jval *aud = jval_get(claims, "aud"), *azp = jval_get(claims, "azp");

    if (!jval_has_text(aud, client_id) && !(jval_is(aud, JVAL_STR) && str_eq(jval_str(aud), client_id)))
        return err_set(e, ERR_AUTH, "the ID token is for another client (\"aud\")");
    if (azp ? !str_eq(jval_str(azp), client_id) : jval_is(aud, JVAL_ARRAY) && jval_len(aud) > 1)
        return err_set(e, ERR_AUTH, "the ID token was made for another client (\"azp\")");
    return 0;
}

static int check_times(const struct jval *claims, int64_t now_s, struct err *e)
{
    const struct jval *exp = jval_get(claims, "exp"), *iat = jval_get(claims, "iat"),
                      *nbf = jval_get(claims, "nbf");
    double now = (double)now_s;

    if (!jval_is_number(exp) || !jval_is_number(iat))
        return err_set(e, ERR_AUTH, "the ID token does not say when it was made and when it ends");
    if (jval_real(exp) + ID_TOKEN_LEEWAY_S <= now)
        return err_set(e, ERR_AUTH, "the ID token has expired (\"exp\")");
    if (jval_real(iat) - ID_TOKEN_LEEWAY_S > now || jval_real(nbf) - ID_TOKEN_LEEWAY_S > now)
        return err_set(e, ERR_AUTH, "the ID token is from the future: is a clock wrong?");
    return 0;
}

static int check_subject(struct str sub, struct err *e)
{
    bool fits = sub.len > 0 && sub.len <= ID_TOKEN_SUBJECT_MAX;

    for (size_t i = 0; fits && i < sub.len; i++)
        fits = sub.ptr[i] >= ' ' && sub.ptr[i] < 0x7f;
    return fits ? 0 : err_set(e, ERR_AUTH, "the ID token does not say whom it is about (\"sub\")");
}

int id_token_check(struct arena *a, struct str text, const struct jval *keys,
                   const struct id_token_want *want, const struct jval **ret_claims, struct err *e)
{
    struct jwt t;
    int rc;

    if (!jwt_split(a, text, &t))
        return err_set(e, ERR_AUTH, "the ID token is no signed JWT");
    rc = jwt_verify(a, &t, keys, e);
    if (rc < 0)
        return rc;
    if (!str_eq(claim(t.claims, "iss"), want->issuer))
        return err_set(e, ERR_AUTH, "the ID token is of another issuer (\"iss\")");
    rc = check_audience(t.claims, want->client_id, e);
    rc = rc < 0 ? rc : check_times(t.claims, want->now_unix_s, e);
    rc = rc < 0 ? rc : check_subject(claim(t.claims, "sub"), e);
    if (rc < 0)
        return rc;
    if (want->nonce.len == 0 || !secret_text_eq(claim(t.claims, "nonce"), want->nonce))
        return err_set(e, ERR_AUTH, "the ID token answers another sign-in (\"nonce\")");
    *ret_claims = t.claims;
    return 0;
}
