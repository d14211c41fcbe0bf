/* server/store/keys.h: API keys. The store keeps what server/auth.c makes of them, never a key. */
#pragma once

#include "io/io.h"
#include "server/store/people.h"

struct store_key {
    int64_t id, user_id;
    struct str username, prefix, name;
    int64_t created_unix_ms, last_used_unix_ms; /* 0: never used */
    int64_t expires_unix_ms, revoked_unix_ms;   /* 0: never, no */
    bool is_slow;
    struct str hash;
};
/* A key and whose it is. */
struct store_key_found {
    struct store_key key;
    struct store_user user;
};
/** store_key_add() - one more key of a user; *ret_id may be NULL. -ERR_NOT_FOUND: no such user. */
NODISCARD int store_key_add(struct store *s, struct str username, const struct store_new_key *k,
                            int64_t *ret_id, struct err *e);
/** store_key_candidates() - the keys kept under @lookup that are not revoked, of users that are not disabled;
 * expired ones too; mostly none or one. */
NODISCARD int store_key_candidates(struct store *s, struct arena *a, struct str lookup,
                                   struct store_key_found **ret, size_t *ret_len, struct err *e);
NODISCARD int store_key_used(struct store *s, int64_t key_id, int64_t now_unix_ms, struct err *e);
/** store_key_list() - the keys of a user, or of all where @username is absent, oldest first. -ERR_NOT_FOUND:
 * no such user. */
NODISCARD int store_key_list(struct store *s, struct arena *a, struct str username, struct store_key **ret,
                             size_t *ret_len, struct err *e);
/** store_key_revoke() - it opens nothing any more; *ret is the key. -ERR_NOT_FOUND; -ERR_CONFLICT: it was
 * revoked before. */
NODISCARD int store_key_revoke(struct store *s, struct arena *a, int64_t key_id, const struct store_by *by,
                               struct store_key *ret, struct err *e);
/** store_keys_upgrade() - what older versions kept as bare digests becomes keyed with @secret. */
NODISCARD int store_keys_upgrade(struct store *s, const struct secret *secret, struct err *e);
