/* emulator/jwt.h: JSON Web Tokens taken apart (RFC 7519, compact form). Pure: signatures are checked
 * elsewhere. */
#pragma once

#include "base/jval.h"

struct jwt {                      /* views into the text and the arena */
    struct str algorithm, key_id; /* "RS256"; @key_id absent when the header has none */
    const struct jval *claims;
    struct str data, signature; /* what is signed, and the signature's bytes */
};
/** jwt_split() - false: not three parts of base64url whose first two are JSON objects. */
bool jwt_split(struct arena *a, struct str text, struct jwt *ret);
