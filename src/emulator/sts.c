/* emulator/sts.c: token exchange (vertex-and-google-auth.md 4.12). */
#include "emulator/sts.h"

#include "base/jwt.h"
#include "emulator/oauth_error.h"
#include "emulator/workload_pools.h"

enum { CLOCK_SKEW_S = 600 };

#define TOKEN_TYPE "urn:ietf:params:oauth:token-type:"

/* --- OIDC --------------------------------------------------------------------------------------------------
 */

/* The provider's own key set. */
static bool is_signed(struct arena *a, const struct jval *provider, const struct jwt *jwt)
{
    struct str text = jval_str(jval_path(provider, "oidc.jwksJson"));
    struct jval *set = NULL;

    return jval_from_json(a, text, "jwksJson", NULL, &set, NULL) == 0 && jwt_verify(a, jwt, set, NULL) == 0;
}

/* The claim "aud" is a text or a list of them; by default it is the provider itself. */
static bool audience_is_right(struct arena *a, const struct jval *provider, const struct jval *aud)
{
    const struct jval *allowed = jval_path(provider, "oidc.allowedAudiences");
    struct str own =
        str_of(arena_printf(a, "//iam.googleapis.com/%.*s", STR_ARG(jval_str(jval_get(provider, "name")))));
    size_t n = jval_is(aud, JVAL_ARRAY) ? jval_len(aud) : 1;

    for (size_t i = 0; i < n; i++) {
        struct str one = jval_str(jval_is(aud, JVAL_ARRAY) ? jval_at(aud, i) : aud);

        if (!jval_len(allowed) &&
            (str_has_suffix(one, str_sub(own, str_of("//iam.googleapis.com/projects/").len, own.len)) ||
             str_has_suffix(one, str_sub(own, (size_t)str_find(own, STR("/locations/")), own.len))))
            return true;
        if (jval_has_text(allowed, one))
            return true;
    }
    return false;
}

static int check_jwt(struct emulator *m, struct arena *a, const struct jval *provider, struct str token,
                     const struct jval **ret, struct err *e)
{
    int64_t now = io_now_unix_ms(m->io) / 1000, exp;
    struct str issuer = jval_str(jval_path(provider, "oidc.issuerUri"));
    struct jwt jwt;

    if (!jwt_split(a, token, &jwt))
        return err_set(e, ERR_INVALID, "Unable to parse the ID Token.");
    exp = (int64_t)jval_real(jval_get(jwt.claims, "exp"));
    if (!str_eq(jval_str(jval_get(jwt.claims, "iss")), issuer))
        return err_set(e, ERR_INVALID, "The issuer in ID Token %.*s does not match the expected ones: %.*s",
                       STR_ARG(jval_str(jval_get(jwt.claims, "iss"))), STR_ARG(issuer));
    if (!is_signed(a, provider, &jwt))
        return err_set(e, ERR_INVALID,
                       "Error connecting to the given credential's issuer: the signature of the "
                       "ID Token does not fit the issuer's keys.");
    if (exp <= now)
        return err_set(e, ERR_INVALID, "ID Token issued at %lld is stale to sign-in.",
                       (long long)jval_real(jval_get(jwt.claims, "iat")));
    if ((int64_t)jval_real(jval_get(jwt.claims, "iat")) > now + CLOCK_SKEW_S)
        return err_set(e, ERR_INVALID, "ID Token issued in the future.");
    if (!audience_is_right(a, provider, jval_get(jwt.claims, "aud")))
        return err_set(e, ERR_INVALID,
                       "The audience in ID Token [%.*s] does not match the expected audience.",
                       STR_ARG(jval_str(jval_get(jwt.claims, "aud"))));
    *ret = jwt.claims;
    return 0;
}

/* --- the exchange
 * ------------------------------------------------------------------------------------------- */

static int subject_of(struct emulator *m, struct http_exchange *x, const struct jval *provider,
                      struct outsider *ret, struct err *e)
{
    struct str type = http_form_get(x, "subject_token_type"), token = http_form_get(x, "subject_token");
    struct jval *identity = NULL;
    int code;

    if (str_is(type, TOKEN_TYPE "jwt") || str_is(type, TOKEN_TYPE "id_token")) {
        if (!jval_get(provider, "oidc"))
            return err_set(e, ERR_INVALID, "The provider does not take this type of token: it is not OIDC.");
        return check_jwt(m, x->a, provider, token, &ret->assertion, e);
    }
    if (!str_is(type, "urn:ietf:params:aws:token-type:aws4_request"))
        return err_set(e, ERR_INVALID, "The emulator does not verify subject tokens of type %.*s.",
                       STR_ARG(type));
    if (!jval_get(provider, "aws"))
        return err_set(e, ERR_INVALID, "The provider does not take this type of token: it is not AWS.");
    code = aws_check(m, x->a, token, http_form_get(x, "audience"), &identity, e);
    if (code == 0 &&
        !str_eq(jval_str(jval_get(identity, "account")), jval_str(jval_path(provider, "aws.accountId"))))
        return err_set(e, ERR_INVALID, "The AWS account of the caller is not the one of the provider.");
    ret->assertion = identity;
    return code;
}

static void sts_reply(struct emulator *m, struct http_exchange *x, const struct grant *g)
{
    struct jval *v = jval_new_object(x->a);

    jval_set_cstr(x->a, v, "access_token", grant_issue(m, x->a, g));
    jval_set_cstr(x->a, v, "issued_token_type", TOKEN_TYPE "access_token");
    jval_set_cstr(x->a, v, "token_type", "Bearer");
    jval_set_int(x->a, v, "expires_in", TOKEN_LIFE_S);
    json_reply(x, v);
}

/* Nobody need prove who they are: whatever the subject token is, it is somebody's. */
static void believe(struct emulator *m, struct http_exchange *x)
{
    const struct grant g = { .member = STR("principal://iam.googleapis.com/locations/global/workforcePools/"
                                           "anybody/subject/somebody"),
                             .scope = http_form_get(x, "scope") };

    sts_reply(m, x, &g);
}

void serve_sts(struct emulator *m, struct http_exchange *x)
{
    struct str audience = http_form_get(x, "audience");
    struct jval *provider = NULL;
    struct outsider who = { 0 };
    struct grant g = { 0 };
    struct err e = { 0 };

    if (!str_is(http_form_get(x, "grant_type"), "urn:ietf:params:oauth:grant-type:token-exchange"))
        oauth_error(x, "invalid_request", "Invalid grant_type: only token-exchange is supported.");
    else if (http_form_get(x, "scope").len == 0)
        oauth_error(x, "invalid_scope", "The scope is missing.");
    else if (http_form_get(x, "subject_token").len == 0)
        oauth_error(x, "invalid_request", "The subject_token is missing.");
    else if (!m->require_auth)
        believe(m, x);
    else if (!provider_find(m, x->a, audience, &provider))
        oauth_error(
            x, "invalid_target",
            "The target service indicated by the \"audience\" parameters is invalid. This might either "
            "be because the pool or provider is disabled or deleted or because it doesn't exist.");
    else if (subject_of(m, x, provider, &who, &e) || provider_map(x->a, provider, audience, &who, &g, &e))
        oauth_error(x, "invalid_grant", e.msg);
    else {
        g.scope = http_form_get(x, "scope");
        sts_reply(m, x, &g);
    }
}
