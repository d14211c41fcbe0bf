/*
 * emulator/owner.c: what only the emulator's owner may ask for, under /emulator/v1. Google has no such calls:
 * it knows people by their browser.
 *
 *   POST /emulator/v1/tokens  {"member":"serviceAccount:E"|"user:E"|..., "refresh":bool}
 *                             {"token":"...", "expiresInS":n}: an access token, or a person's refresh token
 *   POST /emulator/v1/awsRoles {"role":"R","account":"123456789012"}
 *                             {"role","account","accessKeyId","secretAccessKey","token"}: what an EC2 machine
 * has
 *   GET, PUT /emulator/v1/capacity {"rules":[...]}: of capacity.h, until the emulator ends
 *   GET /emulator/v1/azure    {"issuer","jwks"}: who signs the tokens of /metadata/identity/oauth2/token
 */
#include "base/crypto.h"
#include "emulator/azure.h"
#include "emulator/call.h"

enum { REFRESH_LIFE_S = 365 * 86400 };

static int need_owner(struct call *c)
{
    struct grant who = { 0 };
    int code = access_caller(c->m, c->x, &who, &c->r);

    if (code == 0 && !str_is(who.member, MEMBER_ADMIN))
        code = refuse(&c->r, RPC_PERMISSION_DENIED, "The caller does not have permission");
    return code;
}

static int make_token(struct call *c, const struct jval **ret)
{
    struct jval *body = NULL, *v = jval_new_object(c->a);
    struct grant g = { .scope = STR(CLOUD_PLATFORM_SCOPE) };
    bool refresh;
    int code = need_owner(c);

    if (code || (code = call_body(c, &body)))
        return code;
    g.member = jval_str(jval_get(body, "member"));
    if (str_find(g.member, STR(":")) <= 0)
        return refuse(&c->r, RPC_INVALID_ARGUMENT,
                      "member must be user:E, serviceAccount:E or principal://...");
    refresh = jval_bool(jval_get(body, "refresh"));
    if (refresh) {
        g.scope = STR(REFRESH_SCOPE);
        g.expires_s = io_now_unix_ms(c->m->io) / 1000 + REFRESH_LIFE_S;
    }
    jval_set_cstr(c->a, v, "token", grant_issue(c->m, c->a, &g));
    jval_set_int(c->a, v, "expiresInS", refresh ? REFRESH_LIFE_S : TOKEN_LIFE_S);
    *ret = v;
    return 0;
}

static const char *random_text(struct call *c, const char *prefix, size_t bytes)
{
    uint8_t data[32];
    char hex[65];

    io_random(c->m->io, data, bytes);
    hex_encode(data, bytes, hex);
    return arena_printf(c->a, "%s%s", prefix, hex);
}

static int make_aws_role(struct call *c, const struct jval **ret)
{
    struct jval *body = NULL, *v = jval_new_object(c->a);
    int code = need_owner(c);

    if (code || (code = call_body(c, &body)))
        return code;
    if (jval_str(jval_get(body, "role")).len == 0 || jval_str(jval_get(body, "account")).len != 12)
        return refuse(&c->r, RPC_INVALID_ARGUMENT, "role, and an account of 12 digits, must be given");
    jval_set(c->a, v, "role", jval_get(body, "role"));
    jval_set(c->a, v, "account", jval_get(body, "account"));
    jval_set_cstr(c->a, v, "accessKeyId", random_text(c, "ASIA", 8));
    jval_set_cstr(c->a, v, "secretAccessKey", random_text(c, "", 20));
    jval_set_cstr(c->a, v, "token", random_text(c, "", 32));
    *ret = v;
    return store_put_resource(
        c->m->db, &(struct resource_row){ "aws_role", jval_str(jval_get(body, "role")), v }, &c->e);
}

static int show_azure(struct call *c, const struct jval **ret)
{
    int code = need_owner(c);

    return code ? code : azure_issuer(c->m, c->a, ret, &c->e);
}

static int show_capacity(struct call *c, const struct jval **ret)
{
    struct jval *v = jval_new_object(c->a);
    int code = need_owner(c);

    jval_set(c->a, v, "rules", jval_copy(c->a, capacity_rules(c->m->capacity)));
    *ret = v;
    return code;
}

static int put_capacity(struct call *c, const struct jval **ret)
{
    struct jval *body = NULL;
    struct err e = { 0 };
    int code = need_owner(c);

    if (code || (code = call_body(c, &body)))
        return code;
    if (capacity_set(c->m->capacity, body, &e))
        return refuse(&c->r, RPC_INVALID_ARGUMENT, "%s", e.msg);
    return show_capacity(c, ret);
}

const struct call_row owner_calls[] = {
    { "GET", "emulator/v1/capacity", "", show_capacity },
    { "PUT", "emulator/v1/capacity", "", put_capacity },
    { "POST", "emulator/v1/tokens", "", make_token },
    { "POST", "emulator/v1/awsRoles", "", make_aws_role },
    { "GET", "emulator/v1/azure", "", show_azure },
    { 0 },
};
