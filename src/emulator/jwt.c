/* emulator/jwt.c: JSON Web Tokens taken apart. */
#include "emulator/jwt.h"

#include "base/crypto.h"

enum { JWT_MAX = 64 * 1024 };

static bool read_object(struct arena *a, struct str coded, struct jval **ret)
{
    struct str text;

    return base64_decode(a, coded, &text, NULL) == 0 &&
           jval_from_json(a, text, "JWT", NULL, ret, NULL) == 0 && jval_is(*ret, JVAL_OBJECT);
}

bool jwt_split(struct arena *a, struct str text, struct jwt *ret)
{
    struct str rest = text, head = { NULL, 0 }, claims = { NULL, 0 };
    struct jval *header = NULL, *body = NULL;

    if (text.len > JWT_MAX || !str_cut(&rest, '.', &head) || !str_cut(&rest, '.', &claims) || rest.len == 0 ||
        !read_object(a, head, &header) || !read_object(a, claims, &body) ||
        base64_decode(a, rest, &ret->signature, NULL))
        return false;
    ret->algorithm = jval_str(jval_get(header, "alg"));
    ret->key_id = jval_str(jval_get(header, "kid"));
    ret->claims = body;
    ret->data = str_sub(text, 0, head.len + 1 + claims.len);
    return true;
}
