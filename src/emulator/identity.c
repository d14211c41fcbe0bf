/*
 * emulator/identity.c: the token endpoint, the metadata server, and who may call
 * (vertex-and-google-auth.md 4.3 to 4.5).
 *
 * Tokens carry their own expiry and an HMAC under a key in the store, so that they stay good over a restart
 * and none need be kept. Signatures of JWTs are not verified: no public key can be registered here. Their
 * claims are.
 */
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "emulator/emulator_internal.h"

enum { TOKEN_LIFE_S = 3599, JWT_LIFE_MAX_S = 3600, CLOCK_SKEW_S = 600 };

static const char token_prefix[] = "ya29.slipway-";
static const char email[] =
    "slipway-emulator@slipway.local"; /* not gserviceaccount.com: 4.19's lookups stay away */
static const char cloud_platform[] = "https://www.googleapis.com/auth/cloud-platform";

/* --- tokens ------------------------------------------------------------------------------------------------
 */

static const char *token_for(struct emulator *m, struct arena *a, int64_t expires_s)
{
    const char *text = arena_printf(a, "%s%lld", token_prefix, (long long)expires_s);
    uint8_t mac[32];
    char hex[65];

    hmac_sha256(m->token_key, str_of(text), mac);
    hex_encode(mac, sizeof(mac), hex);
    return arena_printf(a, "%s-%s", text, hex);
}

static const char *new_token(struct emulator *m, struct arena *a)
{
    return token_for(m, a, io_now_unix_ms(m->io) / 1000 + TOKEN_LIFE_S);
}

static bool token_is_ours(struct emulator *m, struct arena *a, struct str token)
{
    struct str rest = str_sub(token, sizeof(token_prefix) - 1, token.len), number = { NULL, 0 };
    int64_t expires_s;

    return str_has_prefix(token, str_of(token_prefix)) && str_cut(&rest, '-', &number) &&
           str_to_i64(number, &expires_s) && str_is(token, token_for(m, a, expires_s)) &&
           expires_s > io_now_unix_ms(m->io) / 1000;
}

static int jwt_claims(struct arena *a, struct str jwt, struct jval **ret)
{
    struct str rest = jwt, header = { NULL, 0 }, claims = { NULL, 0 }, text;
    struct err e;

    if (!str_cut(&rest, '.', &header) || !str_cut(&rest, '.', &claims) || rest.len == 0)
        return -ERR_INVALID;
    if (base64_decode(a, claims, &text, &e) || jval_from_json(a, text, "claims", NULL, ret, &e))
        return -ERR_INVALID;
    return jval_is(*ret, JVAL_OBJECT) ? 0 : -ERR_INVALID;
}

/* iat and exp at most an hour apart and around now. */
static bool claims_in_time(struct emulator *m, const struct jval *claims)
{
    int64_t now = io_now_unix_ms(m->io) / 1000;
    int64_t iat = (int64_t)jval_real(jval_get(claims, "iat")),
            exp = (int64_t)jval_real(jval_get(claims, "exp"));

    return iat > 0 && exp > iat && exp - iat <= JWT_LIFE_MAX_S && iat <= now + CLOCK_SKEW_S && exp > now;
}

/* A service account's own JWT as bearer: iss is sub, and it is for this service or for a scope. */
static bool jwt_is_good(struct emulator *m, struct arena *a, struct str token)
{
    struct jval *claims = NULL;
    struct str iss;

    if (jwt_claims(a, token, &claims))
        return false;
    iss = jval_str(jval_get(claims, "iss"));
    return iss.len > 0 && str_eq(iss, jval_str(jval_get(claims, "sub"))) && claims_in_time(m, claims) &&
           (jval_str(jval_get(claims, "scope")).len > 0 ||
            str_is(jval_str(jval_get(claims, "aud")), "https://aiplatform.googleapis.com/"));
}

int caller_check(struct emulator *m, struct http_exchange *x, struct refusal *r)
{
    struct str header = http_header_get(x->headers, x->header_count, "Authorization");
    struct str scheme = { NULL, 0 }, token = header;

    if (!m->require_auth)
        return 0;
    if (str_cut(&token, ' ', &scheme) && str_eq_nocase(scheme, STR("Bearer")) &&
        (token_is_ours(m, x->a, str_trim(token)) || jwt_is_good(m, x->a, str_trim(token))))
        return 0;
    refusal_add_reason(r, header.len == 0 ? "CREDENTIALS_MISSING" : "ACCESS_TOKEN_EXPIRED",
                       "aiplatform.googleapis.com");
    return refuse(
        r, RPC_UNAUTHENTICATED,
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or "
        "other "
        "valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-"
        "project.");
}

/* --- POST /token
 * --------------------------------------------------------------------------------------------- */

static struct str form_get(struct http_exchange *x, const char *name)
{
    struct str query = x->query, value;

    x->query = x->body; /* the same encoding; the helper reads the query */
    value = http_query_get(x, name);
    x->query = query;
    return value;
}

static void oauth_error(struct http_exchange *x, const char *error, const char *description)
{
    struct jval *v = jval_new_object(x->a);

    jval_set_cstr(x->a, v, "error", error);
    jval_set_cstr(x->a, v, "error_description", description);
    http_reply_text(x, 400, "application/json; charset=utf-8", jval_text(x->a, v, JVAL_COMPACT));
}

static void token_reply(struct emulator *m, struct http_exchange *x, struct str scope)
{
    struct jval *v = jval_new_object(x->a);

    jval_set_cstr(x->a, v, "access_token", new_token(m, x->a));
    jval_set_int(x->a, v, "expires_in", TOKEN_LIFE_S);
    if (scope.len > 0)
        jval_set(x->a, v, "scope", jval_new_str(x->a, scope));
    jval_set_cstr(x->a, v, "token_type", "Bearer");
    json_reply(x, v);
}

static void jwt_grant(struct emulator *m, struct http_exchange *x)
{
    struct jval *claims = NULL;

    if (jwt_claims(x->a, form_get(x, "assertion"), &claims))
        oauth_error(x, "invalid_grant", "Bad JWT: the assertion is not a signed JWT.");
    else if (jval_str(jval_get(claims, "iss")).len == 0)
        oauth_error(x, "invalid_grant", "Invalid issuer: Not a valid email or user ID.");
    else if (!claims_in_time(m, claims))
        oauth_error(x, "invalid_grant",
                    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
                    "timeframe. Check "
                    "your iat and exp values in the JWT claim.");
    else if (jval_str(jval_get(claims, "scope")).len == 0)
        oauth_error(x, "invalid_scope", "Invalid OAuth scope or ID token audience provided.");
    else
        token_reply(m, x, (struct str){ NULL, 0 });
}

void serve_token(struct emulator *m, struct http_exchange *x)
{
    struct str grant = form_get(x, "grant_type");

    if (!str_is(x->method, "POST")) {
        reply_not_found(x);
    } else if (str_is(grant, "urn:ietf:params:oauth:grant-type:jwt-bearer")) {
        jwt_grant(m, x);
    } else if (str_is(grant, "refresh_token")) {
        if (form_get(x, "refresh_token").len == 0 || form_get(x, "client_id").len == 0)
            oauth_error(x, "invalid_request", "Missing required parameter: refresh_token or client_id");
        else
            token_reply(m, x, str_of(cloud_platform));
    } else {
        oauth_error(x, "unsupported_grant_type", "Invalid grant_type");
    }
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

static void service_account(struct http_exchange *x)
{
    struct jval *v = jval_new_object(x->a), *aliases = jval_new_array(x->a), *scopes = jval_new_array(x->a);

    jval_push(x->a, aliases, jval_new_cstr(x->a, "default"));
    jval_push(x->a, scopes, jval_new_cstr(x->a, cloud_platform));
    jval_set(x->a, v, "aliases", aliases);
    jval_set_cstr(x->a, v, "email", email);
    jval_set(x->a, v, "scopes", scopes);
    metadata_json(x, v);
}

static void metadata_token(struct emulator *m, struct http_exchange *x)
{
    struct jval *v = jval_new_object(x->a);

    jval_set_cstr(x->a, v, "access_token", new_token(m, x->a));
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
        service_account(x);
    else if (str_is(path, "instance/service-accounts/default/token"))
        metadata_token(m, x);
    else if (str_is(path, "instance/service-accounts/default/email"))
        metadata_text(x, email);
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
