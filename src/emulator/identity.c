/* emulator/identity.c: the token endpoint and the metadata server (vertex-and-google-auth.md 4.3 to 4.5). */
#include "base/jwt.h"
#include "emulator/accounts.h"
#include "emulator/grant.h"
#include "emulator/oauth_error.h"

enum { JWT_LIFE_MAX_S = 3600, CLOCK_SKEW_S = 600 };

/* --- assertions --------------------------------------------------------------------------------------------
 */

/* iat and exp at most an hour apart and around now. */
static bool claims_in_time(struct emulator *m, const struct jval *claims)
{
    int64_t now = io_now_unix_ms(m->io) / 1000;
    int64_t iat = (int64_t)jval_real(jval_get(claims, "iat")),
            exp = (int64_t)jval_real(jval_get(claims, "exp"));

    return iat > 0 && exp > iat && exp - iat <= JWT_LIFE_MAX_S && iat <= now + CLOCK_SKEW_S && exp > now;
}

static bool is_signed_by_issuer(struct emulator *m, struct arena *a, const struct jwt *jwt)
{
    const struct account_signature s = { .email = jval_str(jval_get(jwt->claims, "iss")),
                                         .key_id = jwt->key_id,
                                         .data = jwt->data,
                                         .signature = jwt->signature };

    return str_is(jwt->algorithm, "RS256") && account_signed(m, a, &s);
}

/* A service account's own JWT as bearer: iss is sub, and it is for a service or for a scope. */
bool jwt_bearer_read(struct emulator *m, struct arena *a, struct str token, struct grant *ret)
{
    struct jwt jwt;
    struct str email, audience;

    if (!jwt_split(a, token, &jwt) || !claims_in_time(m, jwt.claims) || !is_signed_by_issuer(m, a, &jwt))
        return false;
    email = jval_str(jval_get(jwt.claims, "iss"));
    audience = jval_str(jval_get(jwt.claims, "aud"));
    if (!str_eq(email, jval_str(jval_get(jwt.claims, "sub"))) ||
        (jval_str(jval_get(jwt.claims, "scope")).len == 0 &&
         !(str_has_prefix(audience, STR("https://")) && str_has_suffix(audience, STR(".googleapis.com/")))))
        return false;
    *ret = (struct grant){ .member = str_of(arena_printf(a, "serviceAccount:%.*s", STR_ARG(email))),
                           .scope = jval_str(jval_get(jwt.claims, "scope")) };
    return true;
}

/* --- POST /token
 * --------------------------------------------------------------------------------------------- */

static void token_reply(struct emulator *m, struct http_exchange *x, const struct grant *g, bool with_scope)
{
    struct jval *v = jval_new_object(x->a);

    jval_set_cstr(x->a, v, "access_token", grant_issue(m, x->a, g));
    jval_set_int(x->a, v, "expires_in", TOKEN_LIFE_S);
    if (with_scope)
        jval_set(x->a, v, "scope", jval_new_str(x->a, g->scope));
    jval_set_cstr(x->a, v, "token_type", "Bearer");
    json_reply(x, v);
}

static void jwt_grant(struct emulator *m, struct http_exchange *x)
{
    struct jwt jwt;
    struct grant g = { 0 };
    struct str email;

    if (!jwt_split(x->a, http_form_get(x, "assertion"), &jwt)) {
        oauth_error(x, "invalid_grant", "Bad JWT: the assertion is not a signed JWT.");
        return;
    }
    email = jval_str(jval_get(jwt.claims, "iss"));
    g.member = str_of(arena_printf(x->a, "serviceAccount:%.*s", STR_ARG(email)));
    g.scope = jval_str(jval_get(jwt.claims, "scope"));
    if (email.len == 0)
        oauth_error(x, "invalid_grant", "Invalid issuer: Not a valid email or user ID.");
    else if (!account_is_there(m, x->a, email))
        oauth_error(x, "invalid_grant", "Invalid grant: account not found");
    else if (!claims_in_time(m, jwt.claims))
        oauth_error(x, "invalid_grant",
                    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
                    "timeframe. Check your iat and exp values in the JWT claim.");
    else if (!is_signed_by_issuer(m, x->a, &jwt))
        oauth_error(x, "invalid_grant", "Invalid JWT Signature.");
    else if (g.scope.len == 0)
        oauth_error(x, "invalid_scope", "Invalid OAuth scope or ID token audience provided.");
    else
        token_reply(m, x, &g, false);
}

/* A person's login. Anybody's refresh token is taken while nobody need prove who they are; else it must be
 * one that the emulator's owner made for a user. */
static void refresh_grant(struct emulator *m, struct http_exchange *x)
{
    struct str token = http_form_get(x, "refresh_token");
    struct grant g = { 0 };

    /* the client says who it is in the form, or (workforce logins) in a header */
    if (token.len == 0 ||
        (http_form_get(x, "client_id").len == 0 &&
         !str_has_prefix(http_header_get(x->headers, x->header_count, "Authorization"), STR("Basic ")))) {
        oauth_error(x, "invalid_request", "Missing required parameter: refresh_token or client_id");
        return;
    }
    if (grant_read(m, x->a, token, &g) != GRANT_GOOD || !str_is(g.scope, REFRESH_SCOPE)) {
        if (m->require_auth) {
            oauth_error(x, "invalid_grant", "Token has been expired or revoked.");
            return;
        }
        g.member = STR("user:somebody@slipway.local");
    }
    g.scope = STR(CLOUD_PLATFORM_SCOPE);
    g.expires_s = 0;
    token_reply(m, x, &g, true);
}

void serve_token(struct emulator *m, struct http_exchange *x)
{
    struct str grant = http_form_get(x, "grant_type");

    if (!str_is(x->method, "POST"))
        reply_not_found(x);
    else if (str_is(grant, "urn:ietf:params:oauth:grant-type:jwt-bearer"))
        jwt_grant(m, x);
    else if (str_is(grant, "refresh_token"))
        refresh_grant(m, x);
    else
        oauth_error(x, "unsupported_grant_type", "Invalid grant_type");
}

/* --- metadata server
 * ------------------------------------------------------------------------------------------ */

static void metadata_text(struct http_exchange *x, const char *text)
{
    http_reply_text(x, 200, "application/text", str_of(text));
}

static void metadata_json(struct http_exchange *x, const struct jval *v)
{
    http_reply_text(x, 200, "application/json", jval_text(x->a, v, JVAL_COMPACT));
}

static void service_account(struct emulator *m, struct http_exchange *x)
{
    struct jval *v = jval_new_object(x->a), *aliases = jval_new_array(x->a), *scopes = jval_new_array(x->a);

    jval_push(x->a, aliases, jval_new_cstr(x->a, "default"));
    jval_push(x->a, scopes, jval_new_cstr(x->a, CLOUD_PLATFORM_SCOPE));
    jval_set(x->a, v, "aliases", aliases);
    jval_set_cstr(x->a, v, "email", m->account);
    jval_set(x->a, v, "scopes", scopes);
    metadata_json(x, v);
}

static void metadata_token(struct emulator *m, struct http_exchange *x)
{
    struct jval *v = jval_new_object(x->a);

    const struct grant g = { .member = str_of(arena_printf(x->a, "serviceAccount:%s", m->account)),
                             .scope = STR(CLOUD_PLATFORM_SCOPE) };

    jval_set_cstr(x->a, v, "access_token", grant_issue(m, x->a, &g));
    jval_set_int(x->a, v, "expires_in", TOKEN_LIFE_S);
    jval_set_cstr(x->a, v, "token_type", "Bearer");
    metadata_json(x, v);
}

static void metadata_item(struct emulator *m, struct http_exchange *x, struct str path)
{
    long long number = (long long)gcp_number_of(str_of(m->gcp_project));

    if (str_is(path, "project/project-id"))
        metadata_text(x, m->gcp_project);
    else if (str_is(path, "project/numeric-project-id"))
        metadata_text(x, arena_printf(x->a, "%lld", number));
    else if (str_is(path, "universe/universe-domain"))
        metadata_text(x, "googleapis.com");
    else if (str_is(path, "instance/service-accounts/default/"))
        service_account(m, x);
    else if (str_is(path, "instance/service-accounts/default/token"))
        metadata_token(m, x);
    else if (str_is(path, "instance/service-accounts/default/email"))
        metadata_text(x, m->account);
    else if (str_is(path, "instance/zone"))
        metadata_text(x, arena_printf(x->a, "projects/%lld/zones/us-central1-a", number));
    else if (str_is(path, "instance/region"))
        metadata_text(x, arena_printf(x->a, "projects/%lld/regions/us-central1", number));
    else
        http_reply_text(x, 404, "text/html; charset=UTF-8", STR("404 Not Found\n"));
}

void serve_metadata(struct emulator *m, struct http_exchange *x)
{
    static const char root[] = "/computeMetadata/v1/";

    http_reply_header(x, "Metadata-Flavor", STR("Google"));
    http_reply_header(x, "Server", STR("Metadata Server for VM"));
    if (str_is(x->path, "/")) {
        metadata_text(x, "computeMetadata/\n");
        return;
    }
    if (!str_is(http_header_get(x->headers, x->header_count, "Metadata-Flavor"), "Google")) {
        http_reply_text(x, 403, "text/html; charset=UTF-8", STR("Missing Metadata-Flavor:Google header.\n"));
        return;
    }
    if (http_header_get(x->headers, x->header_count, "X-Forwarded-For").ptr) {
        http_reply_text(x, 403, "text/html; charset=UTF-8", STR("Request was forwarded.\n"));
        return;
    }
    metadata_item(m, x,
                  str_has_prefix(x->path, str_of(root)) ? str_sub(x->path, sizeof(root) - 1, x->path.len)
                                                        : STR("?"));
}
