/*
 * emulator/owner.c: what only the emulator's owner may ask for, under /emulator/v1. Google has no such calls:
 * it knows people by their browser.
 *
 *   POST /emulator/v1/tokens  {"member":"serviceAccount:E"|"user:E"|..., "refresh":bool}
 *                             {"token":"...", "expiresInS":n}: an access token, or a person's refresh token
 */
#include "emulator/call.h"

enum { REFRESH_LIFE_S = 365 * 86400 };

static int make_token(struct call *c, const struct jval **ret)
{
    struct jval *body = NULL, *v = jval_new_object(c->a);
    struct grant who = { 0 }, g = { .scope = STR(CLOUD_PLATFORM_SCOPE) };
    bool refresh;
    int code = access_caller(c->m, c->x, &who, &c->r);

    if (code || (code = call_body(c, &body)))
        return code;
    if (!str_is(who.member, MEMBER_ADMIN))
        return refuse(&c->r, RPC_PERMISSION_DENIED, "The caller does not have permission");
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

const struct call_row owner_calls[] = {
    { "POST", "emulator/v1/tokens", "", make_token },
    { 0 },
};
