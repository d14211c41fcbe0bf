/*
 * What a sign-in reads of others, from arbitrary bytes: a line with an ID token, a line with a JWK Set, and
 * the rest as a Cookie header and as a path to go back to.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/jwt.h"
#include "server/sign_in/cookie.h"
#include "server/sign_in/id_token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_token(struct arena *a, struct str token, struct str set_text)
{
    const struct id_token_want want = {
        .issuer = STR("joe"), .client_id = STR("me"), .nonce = STR("n"), .now_unix_s = 1300819000
    };
    const struct jval *claims = NULL;
    struct jval *set = NULL;
    struct err e = { 0 };
    struct jwt t;

    if (jval_from_json(a, set_text, "set", NULL, &set, &e) < 0 || !jwt_split(a, token, &t))
        return;
    assert(t.data.len + t.signature.len < token.len);
    if (jwt_verify(a, &t, set, &e) == 0)
        assert(str_is(t.algorithm, "RS256") || str_is(t.algorithm, "ES256"));
    else
        assert(id_token_check(a, token, set, &want, &claims, &e) < 0 && !claims && e.msg[0]);
}

static void check_cookie(struct str header)
{
    struct str value = cookie_get(header, STR("s"));

    assert(!value.ptr || (value.ptr >= header.ptr && value.ptr + value.len <= header.ptr + header.len));
    assert(str_find(value, STR(";")) < 0 && value.len <= COOKIE_VALUE_MAX);
    if (return_path_is_ours(header)) {
        assert(header.ptr[0] == '/' && (header.len < 2 || header.ptr[1] != '/'));
        assert(!memchr(header.ptr, '\\', header.len) && !memchr(header.ptr, '\n', header.len));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_PTR(arena) a = arena_new();
    struct str rest = { (const char *)data, size }, token = { NULL, 0 }, set = { NULL, 0 };

    if (str_cut(&rest, '\n', &token) && str_cut(&rest, '\n', &set))
        check_token(a, token, set);
    check_cookie(rest);
    return 0;
}
