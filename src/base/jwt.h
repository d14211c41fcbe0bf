/* base/jwt.h: JSON Web Tokens (RFC 7519, compact form): taken apart, and their signatures checked. Pure. */
#pragma once

#include "base/jval.h"

enum { JWT_MAX_BYTES = 64 * 1024 };
struct jwt {                      /* views into the text and the arena */
    struct str algorithm, key_id; /* "RS256"; @key_id absent when the header has none */
    const struct jval *header, *claims;
    struct str data, signature; /* what is signed, and the signature's bytes */
};
/** jwt_split() - false: not three parts of base64url whose first two are JSON objects, or over JWT_MAX_BYTES.
 */
bool jwt_split(struct arena *a, struct str text, struct jwt *ret);
/**
 * jwt_verify() - did a key of @key_set (a JWK Set, RFC 7517; borrowed) sign it? RS256, with a modulus of 2048
 * to 8192 bits, and ES256 only: a header decides which of the keys is tried, never what counts as signed.
 * Without "kid" each key of the right kind is tried.
 * -ERR_NOT_FOUND: the set has no key of that name, a newer one may; -ERR_AUTH: any other reason.
 */
NODISCARD int jwt_verify(struct arena *a, const struct jwt *t, const struct jval *key_set, struct err *e);
