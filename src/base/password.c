/* base/password.c: argon2id by the reference library. */
#include "base/password.h"

#include <argon2.h>

/* What OWASP's password cheat sheet gives as the least, 2023. */
enum { PASSES = 2, MEMORY_KIB = 19 * 1024, LANES = 1, HASH_BYTES = 32 };

int password_hash(struct str secret, const uint8_t *salt, bool cheap, char *ret, struct err *e)
{
    int rc = argon2id_hash_encoded(cheap ? 1 : PASSES, cheap ? 8 : MEMORY_KIB, LANES, secret.ptr, secret.len,
                                   salt, PASSWORD_SALT_SIZE, HASH_BYTES, ret, PASSWORD_HASH_SIZE);

    return rc == ARGON2_OK ? 0 : err_set(e, ERR_OS, "argon2id: %s", argon2_error_message(rc));
}

bool password_matches(struct str secret, const char *hash)
{
    return argon2id_verify(hash, secret.ptr, secret.len) == ARGON2_OK;
}
