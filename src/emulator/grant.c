/* emulator/grant.c: access tokens: made and read. */
#include "emulator/grant.h"

#include "base/crypto.h"
#include "emulator/emulator_internal.h"

static const char prefix[] = "ya29.slipway-";

static const char *seal(struct emulator *m, struct arena *a, struct str claims)
{
    AUTO_STRBUF struct strbuf text = STRBUF(64 * 1024);
    uint8_t mac[32];
    char hex[65];

    strbuf_addz(&text, prefix);
    strbuf_add_base64url(&text, claims);
    hmac_sha256(m->token_key, strbuf_str(&text), mac);
    hex_encode(mac, sizeof(mac), hex);
    strbuf_addf(&text, ".%s", hex);
    return arena_strdup(a, strbuf_cstr(&text));
}

const char *grant_issue(struct emulator *m, struct arena *a, const struct grant *g)
{
    struct jval *v = jval_new_object(a);

    jval_set(a, v, "member", jval_new_str(a, g->member));
    jval_set(a, v, "scope", jval_new_str(a, g->scope));
    if (g->sets)
        jval_set(a, v, "sets", g->sets);
    jval_set_int(a, v, "expires", g->expires_s ? g->expires_s : io_now_unix_ms(m->io) / 1000 + TOKEN_LIFE_S);
    return seal(m, a, jval_text(a, v, JVAL_COMPACT));
}

enum grant_fault grant_read(struct emulator *m, struct arena *a, struct str token, struct grant *ret)
{
    struct str rest = str_sub(token, sizeof(prefix) - 1, token.len), coded = { NULL, 0 }, claims;
    struct jval *v = NULL;
    struct err e;

    if (!str_has_prefix(token, str_of(prefix)) || !str_cut(&rest, '.', &coded) ||
        base64_decode(a, coded, &claims, &e) || !str_is(token, seal(m, a, claims)) ||
        jval_from_json(a, claims, "token", NULL, &v, &e))
        return GRANT_FOREIGN;
    *ret = (struct grant){ .member = jval_str(jval_get(v, "member")),
                           .scope = jval_str(jval_get(v, "scope")),
                           .sets = jval_get(v, "sets"),
                           .expires_s = jval_int(jval_get(v, "expires")) };
    return ret->expires_s > io_now_unix_ms(m->io) / 1000 ? GRANT_GOOD : GRANT_EXPIRED;
}
