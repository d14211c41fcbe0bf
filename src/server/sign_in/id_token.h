/* server/sign_in/id_token.h: is an ID token the one that we asked for? Pure. OpenID Connect
 * Core 1.0, 3.1.3.7.
 */
#pragma once

#include "base/jval.h"

enum {
    ID_TOKEN_LEEWAY_S = 60,
    ID_TOKEN_SUBJECT_MAX = 255
}; /* between the two clocks; of "sub", as its rule is */
struct id_token_want {
    struct str issuer, client_id, nonce;
    int64_t now_unix_s;
};
/**
 * id_token_check() - @text as a JWT whose signature, issuer, audience, times and nonce are right. *ret_claims
 * has a "sub" of printable characters; it lives in @a.
 * @keys: the issuer's JWK Set. -ERR_NOT_FOUND: signed with a key that is not in it (jwt_verify()); -ERR_AUTH:
 * it is refused, and the words say why.
 */
NODISCARD int id_token_check(struct arena *a, struct str text, const struct jval *keys,
                             const struct id_token_want *want, const struct jval **ret_claims, struct err *e);
