/* base/password.h: argon2id, for secrets that a person chose: slow on purpose, for whoever guesses. */
#pragma once

#include "base/err.h"
#include "base/str.h"

enum { PASSWORD_HASH_SIZE = 128, PASSWORD_SALT_SIZE = 16 };

/**
 * password_hash() - @secret as "$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH". @salt has PASSWORD_SALT_SIZE
 * random bytes, @ret PASSWORD_HASH_SIZE. Takes some 30 ms and 19 MiB: on a worker thread (io_work()). @cheap:
 * hardly any, for tests. -ERR_OS: no memory.
 */
NODISCARD int password_hash(struct str secret, const uint8_t *salt, bool cheap, char *ret, struct err *e);
/** password_matches() - is @hash, as password_hash() writes it, of @secret? Takes as long. */
bool password_matches(struct str secret, const char *hash);
