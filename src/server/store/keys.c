/* server/store/keys.c: API keys. */
#include "server/store/keys.h"

#include "base/crypto.h"
#include "base/secret.h"
#include "server/store/store_internal.h"

#define KEY_COLUMNS                                                                                          \
    "k.id, k.user_id, u.username, k.prefix, k.name, k.created_unix_ms, k.last_used_unix_ms,"                 \
    " k.expires_unix_ms, k.revoked_unix_ms, k.scheme, k.hash"
#define KEY_FROM " FROM api_keys k JOIN users u ON u.id = k.user_id "
enum { KEY_COLUMN_COUNT = 11 };

struct key_args {
    struct arena *a;
    struct str username, lookup;
    const struct store_new_key *add;
    const struct secret *secret;
    const struct store_by *by;
    int64_t id, now_unix_ms;
    struct rows *rows;
    struct store_key key;
};

static int key_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_key *)ret = (struct store_key){ .id = db_col_i64(st, 0),
                                                   .user_id = db_col_i64(st, 1),
                                                   .username = col(a, st, 2),
                                                   .prefix = col(a, st, 3),
                                                   .name = col(a, st, 4),
                                                   .created_unix_ms = db_col_i64(st, 5),
                                                   .last_used_unix_ms = db_col_i64(st, 6),
                                                   .expires_unix_ms = db_col_i64(st, 7),
                                                   .revoked_unix_ms = db_col_i64(st, 8),
                                                   .is_slow = str_is(db_col_str(st, 9), "argon2id"),
                                                   .hash = col(a, st, 10) };
    return 0;
}

int tx_key_add(struct db_conn *c, int64_t user_id, const struct store_new_key *k, int64_t *ret_id,
               struct err *e)
{
    int rc = db_run(c, NULL, e,
                    "INSERT INTO api_keys (user_id, lookup, hash, scheme, prefix, name, created_unix_ms,"
                    " expires_unix_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    "isszssii", user_id, k->lookup, k->hash, k->is_slow ? "argon2id" : "hmac", k->prefix,
                    k->name, k->by.now_unix_ms, k->expires_unix_ms);

    if (rc == 0)
        *ret_id = db_last_id(c);
    return rc;
}

static int key_add(struct db_conn *c, void *arg, struct err *e)
{
    struct key_args *k = arg;
    int64_t user = 0;
    AUTO_PTR(arena) a = arena_new();
    int rc = tx_user_id(c, k->username, &user, e);

    if (rc == 0)
        rc = tx_key_add(c, user, k->add, &k->id, e);
    return rc < 0 ? rc
                  : tx_audit(c, &k->add->by,
                             &(struct audit_note){
                                 .what = "key.create",
                                 .object = arena_printf(a, "key %lld of user %.*s", (long long)k->id,
                                                        STR_ARG(k->username)),
                                 .detail = k->add->name.len > 0 ? arena_cstr(a, k->add->name) : NULL },
                             e);
}

int store_key_add(struct store *s, struct str username, const struct store_new_key *n, int64_t *ret_id,
                  struct err *e)
{
    struct key_args k = { .username = username, .add = n };
    int rc = db_write(s->db, key_add, &k, e);

    if (rc == 0 && ret_id)
        *ret_id = k.id;
    return rc;
}

/* --- finding --- */

static int found_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    struct store_key_found *f = ret;

    f->user = user_at(a, st, KEY_COLUMN_COUNT);
    return key_row(a, st, &f->key, e);
}

static int candidates(struct db_conn *c, void *arg, struct err *e)
{
    struct key_args *k = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT " KEY_COLUMNS ", " USER_COLUMNS KEY_FROM
                      "WHERE k.lookup = ? AND k.revoked_unix_ms = 0 AND u.disabled_unix_ms = 0",
                      "s", k->lookup);

    return rc < 0 ? rc : rows_read(k->rows, st, e);
}

int store_key_candidates(struct store *s, struct arena *a, struct str lookup, struct store_key_found **ret,
                         size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_key_found, found_row);
    struct key_args k = { .lookup = lookup, .rows = &rows };
    int rc = db_read(s->db, candidates, &k, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

static int key_used(struct db_conn *c, void *arg, struct err *e)
{
    const struct key_args *k = arg;

    return db_run(c, NULL, e, "UPDATE api_keys SET last_used_unix_ms = ? WHERE id = ?", "ii", k->now_unix_ms,
                  k->id);
}

int store_key_used(struct store *s, int64_t key_id, int64_t now_unix_ms, struct err *e)
{
    struct key_args k = { .id = key_id, .now_unix_ms = now_unix_ms };

    return db_write(s->db, key_used, &k, e);
}

static int key_list(struct db_conn *c, void *arg, struct err *e)
{
    struct key_args *k = arg;
    struct db_stmt *st = NULL;
    int64_t user = 0;
    int rc = k->username.ptr ? tx_user_id(c, k->username, &user, e) : 0;

    if (rc == 0)
        rc = db_query(c, &st, e, "SELECT " KEY_COLUMNS KEY_FROM "WHERE ? IN (0, k.user_id) ORDER BY k.id",
                      "i", user);
    return rc < 0 ? rc : rows_read(k->rows, st, e);
}

int store_key_list(struct store *s, struct arena *a, struct str username, struct store_key **ret,
                   size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_key, key_row);
    struct key_args k = { .username = username, .rows = &rows };
    int rc = db_read(s->db, key_list, &k, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

static int key_revoke(struct db_conn *c, void *arg, struct err *e)
{
    struct key_args *k = arg;
    struct db_stmt *st = NULL;
    const char *what = arena_printf(k->a, "key %lld", (long long)k->id);
    int rc = db_query(c, &st, e, "SELECT " KEY_COLUMNS KEY_FROM "WHERE k.id = ?", "i", k->id);

    if (rc == 0)
        rc = read_one(k->a, st, what, key_row, &k->key, e);
    if (rc < 0)
        return rc;
    if (k->key.revoked_unix_ms > 0)
        return err_set(e, ERR_CONFLICT, "%s was revoked before", what);
    k->key.revoked_unix_ms = k->by->now_unix_ms;
    rc = db_run(c, NULL, e, "UPDATE api_keys SET revoked_unix_ms = ? WHERE id = ?", "ii", k->by->now_unix_ms,
                k->id);
    return rc < 0 ? rc
                  : tx_audit(c, k->by,
                             &(struct audit_note){ .what = "key.revoke",
                                                   .object = arena_printf(k->a, "%s of user %.*s", what,
                                                                          STR_ARG(k->key.username)) },
                             e);
}

int store_key_revoke(struct store *s, struct arena *a, int64_t key_id, const struct store_by *by,
                     struct store_key *ret, struct err *e)
{
    struct key_args k = { .a = a, .id = key_id, .by = by };
    int rc = db_write(s->db, key_revoke, &k, e);

    if (rc == 0)
        *ret = k.key;
    return rc;
}

/* --- keys of older versions --- */

static int old_keys(struct db_conn *c, void *arg, struct err *e)
{
    struct key_args *k = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, "SELECT " KEY_COLUMNS KEY_FROM "WHERE k.scheme = 'sha256'", "");

    return rc < 0 ? rc : rows_read(k->rows, st, e);
}

static int upgrade(struct db_conn *c, void *arg, struct err *e)
{
    struct key_args *k = arg;
    size_t len = 0;
    const struct store_key *keys = rows_take(k->rows, &len);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < len; i++) {
        uint8_t mac[32];
        char hex[65];

        hmac_sha256(secret_unwrap(k->secret), keys[i].hash, mac);
        hex_encode(mac, sizeof(mac), hex);
        rc = db_run(c, NULL, e, "UPDATE api_keys SET scheme = 'hmac', hash = ?, lookup = ? WHERE id = ?",
                    "zsi", hex, (struct str){ hex, 8 }, keys[i].id);
    }
    return rc;
}

int store_keys_upgrade(struct store *s, const struct secret *secret, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct rows rows = ROWS(a, struct store_key, key_row);
    struct key_args k = { .secret = secret, .rows = &rows };
    int rc = db_read(s->db, old_keys, &k, e);

    return rc < 0 || rows.len == 0 ? rc : db_write(s->db, upgrade, &k, e);
}
