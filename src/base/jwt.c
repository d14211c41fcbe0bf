/* base/jwt.c: JSON Web Tokens taken apart and checked. */
#include "base/jwt.h"

#include "base/crypto.h"

enum { KEYS_TRIED_MAX = 16, MODULUS_MIN_BYTES = 2048 / 8, MODULUS_MAX_BYTES = 8192 / 8 };

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

    if (text.len > JWT_MAX_BYTES || !str_cut(&rest, '.', &head) || !str_cut(&rest, '.', &claims) ||
        rest.len == 0 || !read_object(a, head, &header) || !read_object(a, claims, &body) ||
        base64_decode(a, rest, &ret->signature, NULL))
        return false;
    ret->algorithm = jval_str(jval_get(header, "alg"));
    ret->key_id = jval_str(jval_get(header, "kid"));
    ret->header = header;
    ret->claims = body;
    ret->data = str_sub(text, 0, head.len + 1 + claims.len);
    return true;
}

/* --- signatures --- */

static bool number_of(struct arena *a, const struct jval *key, const char *name, struct str *ret)
{
    return base64_decode(a, jval_str(jval_get(key, name)), ret, NULL) == 0 && ret->len > 0;
}

static bool rsa_signed(struct arena *a, const struct jwt *t, const struct jval *key)
{
    struct str modulus, exponent, pem = { NULL, 0 };

    return number_of(a, key, "n", &modulus) && number_of(a, key, "e", &exponent) &&
           modulus.len >= MODULUS_MIN_BYTES && modulus.len <= MODULUS_MAX_BYTES + 1 && exponent.len <= 8 &&
           rsa_public_pem(a, modulus, exponent, &pem, NULL) == 0 &&
           rsa_verify_sha256(pem, t->data, t->signature);
}

static bool p256_signed(struct arena *a, const struct jwt *t, const struct jval *key)
{
    struct str x, y;

    return str_is(jval_str(jval_get(key, "crv")), "P-256") && number_of(a, key, "x", &x) &&
           number_of(a, key, "y", &y) &&
           p256_verify_sha256(&(struct p256_point){ x, y }, t->data, t->signature);
}

static const struct algorithm {
    const char *name, *key_type;
    bool (*is_signed)(struct arena *a, const struct jwt *t, const struct jval *key);
} algorithms[] = { { "RS256", "RSA", rsa_signed }, { "ES256", "EC", p256_signed } };

static const struct algorithm *algorithm_of(const struct jwt *t)
{
    for (size_t i = 0; i < ARRAY_LEN(algorithms); i++)
        if (str_is(t->algorithm, algorithms[i].name))
            return &algorithms[i];
    return NULL;
}

/* A member that is absent says nothing against the key. */
static bool allows(const struct jval *key, const char *name, const char *value)
{
    const struct jval *v = jval_get(key, name);

    return !v || str_is(jval_str(v), value);
}

static bool is_for(const struct jwt *t, const struct algorithm *alg, const struct jval *key)
{
    return str_is(jval_str(jval_get(key, "kty")), alg->key_type) && allows(key, "use", "sig") &&
           allows(key, "alg", alg->name) &&
           (!t->key_id.len || str_eq(t->key_id, jval_str(jval_get(key, "kid"))));
}

int jwt_verify(struct arena *a, const struct jwt *t, const struct jval *key_set, struct err *e)
{
    const struct jval *keys = jval_get(key_set, "keys");
    const struct algorithm *alg = algorithm_of(t);
    int tried = 0;

    if (!alg)
        return err_set(e, ERR_AUTH, "the token is signed with %.*s, not with RS256 or ES256",
                       STR_ARG(t->algorithm.len > 0 ? str_sub(t->algorithm, 0, 20) : STR("no algorithm")));
    if (jval_get(t->header, "crit"))
        return err_set(e, ERR_AUTH, "the token's header has extensions that must be understood");
    for (size_t i = 0; i < jval_len(keys) && tried < KEYS_TRIED_MAX; i++) {
        if (!is_for(t, alg, jval_at(keys, i)))
            continue;
        if (alg->is_signed(a, t, jval_at(keys, i)))
            return 0;
        tried++;
    }
    if (tried == 0)
        return err_set(e, ERR_NOT_FOUND, "the token is signed with a key that the issuer does not publish");
    return err_set(e, ERR_AUTH, "the token's signature does not fit the issuer's keys");
}
