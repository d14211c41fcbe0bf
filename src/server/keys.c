/* server/keys.c: API keys: drawn, kept, found. */
#include "server/keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/crypto.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/password.h"
#include "base/secret.h"

enum {
    KEY_LEN = 40,
    KEY_MAX = 256,
    LOOKUP_LEN = 8, /* of the digest: narrows the search, the whole is compared here */
    REMEMBERED_MS = 5 * 60 * 1000,
    REMEMBERED_MAX = 1024, /* then all are forgotten: they are found again, slowly */
};

struct keys {
    struct io *io;
    struct store *store;
    struct secret *secret;
    struct map *proven; /* digest of a chosen key -> struct proof */
    bool cheap;
};
struct proof {
    int64_t key_id, until_ms;
};

int keys_new(const struct keys_options *o, struct keys **ret, struct err *e)
{
    struct keys *k = xcalloc(1, sizeof(*k));
    int rc;

    k->io = o->io;
    k->store = o->store;
    k->cheap = o->cheap;
    k->proven = map_new();
    rc = store_own_secret(k->store, STORE_API_KEYS, &k->secret, e);
    if (rc == 0)
        rc = store_keys_upgrade(k->store, k->secret, e);
    if (rc < 0) {
        keys_free(k);
        return rc;
    }
    *ret = k;
    return 0;
}

static bool free_proof(struct str key, void *value, void *ctx)
{
    free(value);
    return true;
}

static void forget_all(struct keys *k)
{
    map_each(k->proven, free_proof, NULL);
    map_free(k->proven);
    k->proven = map_new();
}

void keys_free(struct keys *k)
{
    if (!k)
        return;
    forget_all(k);
    map_free(k->proven);
    secret_free(k->secret);
    free(k);
}

/* --- making --- */

struct secret *keys_draw(struct keys *k)
{
    char text[KEY_LEN + 1];
    struct secret *key;

    io_random_id(k->io, text, KEY_LEN);
    key = secret_new((struct str){ text, KEY_LEN });
    mem_wipe(text, sizeof(text));
    return key;
}

int keys_check(const struct secret *key, struct err *e)
{
    struct str text = secret_unwrap(key);

    if (text.len < KEY_LEN || text.len > KEY_MAX)
        return err_set(e, ERR_INVALID, "an API key has %d to %d characters, this one has %zu", KEY_LEN,
                       KEY_MAX, text.len);
    for (size_t i = 0; i < text.len; i++) {
        char ch = text.ptr[i];

        if (!ascii_is_alnum(ch) && ch != '_' && ch != '-')
            return err_set(e, ERR_INVALID, "an API key has only letters, digits, '_' and '-'");
    }
    return 0;
}

static void digest_of(const struct keys *k, const struct secret *key, char ret[65])
{
    uint8_t hash[32];

    sha256(secret_unwrap(key), hash);
    hex_encode(hash, sizeof(hash), ret);
    hmac_sha256(secret_unwrap(k->secret), (struct str){ ret, 64 }, hash); /* as store_keys_upgrade() does */
    hex_encode(hash, sizeof(hash), ret);
}

/* argon2id on a worker thread: nothing here is shared with the loop. */
struct slow_work {
    const struct secret *key;
    const char *hash; /* to compare with; NULL: make one */
    uint8_t salt[PASSWORD_SALT_SIZE];
    char made[PASSWORD_HASH_SIZE];
    bool cheap, matches;
    int rc;
    struct err e;
};

static void slow_work(void *arg)
{
    struct slow_work *w = arg;

    if (w->hash)
        w->matches = password_matches(secret_unwrap(w->key), w->hash);
    else
        w->rc = password_hash(secret_unwrap(w->key), w->salt, w->cheap, w->made, &w->e);
}

int keys_keep(struct keys *k, struct arena *a, const struct secret *key, bool is_chosen,
              struct store_new_key *ret, struct err *e)
{
    struct str prefix = arena_str(a, str_sub(secret_unwrap(key), 0, KEY_PREFIX_LEN));
    struct slow_work w = { .key = key, .cheap = k->cheap };
    char hex[65];
    int rc;

    if (!is_chosen) {
        digest_of(k, key, hex);
        *ret = (struct store_new_key){ .prefix = prefix,
                                       .lookup = arena_str(a, (struct str){ hex, LOOKUP_LEN }),
                                       .hash = arena_str(a, str_of(hex)) };
        return 0;
    }
    io_random(k->io, w.salt, sizeof(w.salt));
    rc = io_work(k->io, slow_work, &w, e);
    if (rc < 0)
        return rc;
    if (w.rc < 0)
        return err_set(e, w.e.code, "%s", w.e.msg);
    *ret = (struct store_new_key){
        .prefix = prefix, .lookup = prefix, .hash = arena_str(a, str_of(w.made)), .is_slow = true
    };
    return 0;
}

/* --- finding --- */

static bool is_proven(struct keys *k, struct str digest, int64_t key_id)
{
    struct proof *p = map_get(k->proven, digest);

    if (!p || p->key_id != key_id)
        return false;
    if (p->until_ms > io_now_ms(k->io))
        return true;
    free(map_remove(k->proven, digest));
    return false;
}

static void remember(struct keys *k, struct str digest, int64_t key_id)
{
    struct proof *p;

    if (map_count(k->proven) >= REMEMBERED_MAX)
        forget_all(k);
    p = xcalloc(1, sizeof(*p));
    *p = (struct proof){ key_id, io_now_ms(k->io) + REMEMBERED_MS };
    free(map_put(k->proven, digest, p));
}

/* One key that is looked for. */
struct search {
    struct keys *k;
    struct arena *a;
    const struct secret *key;
    struct str digest;
    bool is_quick; /* what takes argon2id is not looked at */
};

/* Is the chosen key this one? */
static int is_same(const struct search *q, const struct store_key *kept, bool *ret, struct err *e)
{
    struct slow_work w = { .key = q->key, .hash = arena_cstr(q->a, kept->hash) };
    int rc;

    if (is_proven(q->k, q->digest, kept->id)) {
        *ret = true;
        return 0;
    }
    if (q->is_quick)
        return 0;
    rc = io_work(q->k->io, slow_work, &w, e);
    if (rc < 0)
        return rc;
    if (w.matches)
        remember(q->k, q->digest, kept->id);
    *ret = w.matches;
    return 0;
}

static int find_drawn(const struct search *q, struct store_key_found *ret, bool *ret_found, struct err *e)
{
    struct store_key_found *list = NULL;
    size_t len = 0;
    int rc = store_key_candidates(q->k->store, q->a, str_sub(q->digest, 0, LOOKUP_LEN), &list, &len, e);

    for (size_t i = 0; rc == 0 && i < len && !*ret_found; i++) {
        *ret_found = !list[i].key.is_slow && secret_text_eq(list[i].key.hash, q->digest);
        if (*ret_found)
            *ret = list[i];
    }
    return rc;
}

static int find_chosen(const struct search *q, struct store_key_found *ret, struct err *e)
{
    struct str prefix = str_sub(secret_unwrap(q->key), 0, KEY_PREFIX_LEN);
    struct store_key_found *list = NULL;
    size_t len = 0;
    int rc = store_key_candidates(q->k->store, q->a, prefix, &list, &len, e);

    for (size_t i = 0; rc == 0 && i < len; i++) {
        bool same = false;

        if (!list[i].key.is_slow)
            continue;
        rc = is_same(q, &list[i].key, &same, e);
        if (rc < 0 || !same)
            continue;
        *ret = list[i];
        return 0;
    }
    return rc < 0 ? rc : err_set(e, ERR_NOT_FOUND, "no user has this API key");
}

static int find(struct keys *k, struct search *q, struct store_key_found *ret, struct err *e)
{
    char hex[65];
    struct store_key_found found = { 0 };
    bool is_drawn = false;
    int rc;

    digest_of(k, q->key, hex);
    q->digest = str_of(hex);
    rc = find_drawn(q, &found, &is_drawn, e);
    if (rc == 0 && !is_drawn)
        rc = find_chosen(q, &found, e);
    if (rc < 0)
        return rc;
    if (found.key.expires_unix_ms > 0 && found.key.expires_unix_ms <= io_now_unix_ms(k->io))
        return err_set(e, ERR_AUTH, "this API key has expired");
    *ret = found;
    return 0;
}

int keys_find_known(struct keys *k, struct arena *a, const struct secret *key, struct store_key_found *ret,
                    struct err *e)
{
    struct search q = { .k = k, .a = a, .key = key, .is_quick = true };

    return find(k, &q, ret, e);
}

int keys_find(struct keys *k, struct arena *a, const struct secret *key, struct store_key_found *ret,
              struct err *e)
{
    struct search q = { .k = k, .a = a, .key = key };

    return find(k, &q, ret, e);
}
