/*
 * server/keys.h: API keys: how they are drawn, kept and found.
 *
 * A key that we draw has 206 random bits, so a keyed digest (HMAC-SHA256 with a secret of the store) is
 * enough, and is looked up at once. A key that somebody chose, or brought from elsewhere, is kept as argon2id
 * and found by its first characters, which are kept for people anyway. Whoever comes with one of these pays
 * for argon2id once; for the next minutes its digest is remembered, in memory only. That the key is still
 * good is read from the store at every request.
 */
#pragma once

#include "server/store/store.h"

struct keys;

struct keys_options {
    struct io *io;
    struct store *store;
    bool cheap; /* hardly any argon2id: tests */
};
/** keys_new() - and bring what older versions kept up to date. Yields. */
NODISCARD int keys_new(const struct keys_options *o, struct keys **ret, struct err *e);
void keys_free(struct keys *k); /* NULL is a no-op */

enum { KEY_PREFIX_LEN = 6 };
/** keys_draw() - a fresh API key: 40 characters of [a-z0-9], 206 bits. */
struct secret *keys_draw(struct keys *k);
/** keys_check() - 40 to 256 characters of [A-Za-z0-9_-]: what W&B's clients accept. -ERR_INVALID. */
NODISCARD int keys_check(const struct secret *key, struct err *e);
/** keys_keep() - what the store is to keep of a key, in @a; name and times are the caller's to fill in.
 * @is_chosen: not from keys_draw(). Yields then. */
NODISCARD int keys_keep(struct keys *k, struct arena *a, const struct secret *key, bool is_chosen,
                        struct store_new_key *ret, struct err *e);
/** keys_find_known() - whose key this is, in @a: of a drawn one, or a chosen one that was used lately. Quick,
 * does not yield. -ERR_NOT_FOUND: none of these; ask keys_find(). -ERR_AUTH: it has expired. */
NODISCARD int keys_find_known(struct keys *k, struct arena *a, const struct secret *key,
                              struct store_key_found *ret, struct err *e);
/** keys_find() - whose key this is, whatever it takes; yields for a chosen key that was not used lately.
 * -ERR_NOT_FOUND: nobody's, or revoked. -ERR_AUTH: it has expired. */
NODISCARD int keys_find(struct keys *k, struct arena *a, const struct secret *key,
                        struct store_key_found *ret, struct err *e);
