/* server/store/store.c: opening the store, on one SQLite file or on PostgreSQL, and helpers of its subjects.
 */
#include "server/store/store_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/embed.h"
#include "base/mem.h"
#include "io/db_pair.h"

EMBEDDED(store_migration_0001);
EMBEDDED(store_migration_0002);
EMBEDDED(store_migration_0003);
EMBEDDED(store_migration_0004);
EMBEDDED(store_migration_0005);
EMBEDDED(store_migration_0006);
EMBEDDED(store_migration_0007);
EMBEDDED(store_migration_0008);
EMBEDDED(store_migration_0009);
EMBEDDED(store_migration_0010);
EMBEDDED(store_migration_0011);
EMBEDDED(store_migration_0012);
EMBEDDED(store_migration_0013);
EMBEDDED(store_migration_0014);
EMBEDDED(store_migration_0015);
EMBEDDED(store_migration_0016);

static const char *const *migrations(void)
{
    static const char *const all[] = { store_migration_0001,
                                       store_migration_0002,
                                       store_migration_0003,
                                       store_migration_0004,
                                       store_migration_0005,
                                       store_migration_0006,
                                       store_migration_0007,
                                       store_migration_0008,
                                       store_migration_0009,
                                       store_migration_0010,
                                       store_migration_0011,
                                       store_migration_0012,
                                       store_migration_0013,
                                       store_migration_0014,
                                       store_migration_0015,
                                       store_migration_0016,
                                       NULL };

    return all;
}

static int open_as(struct io *io, const struct store_options *o, bool read_only, struct store **ret,
                   struct err *e)
{
    struct db *db = NULL;
    const struct db_options options = { .path = o->path,
                                        .url = o->url,
                                        .migrations = migrations(),
                                        .fast_and_unsafe = o->fast_and_unsafe,
                                        .read_only = read_only };
    int rc = db_open(io, &options, &db, e);

    if (rc < 0)
        return rc;
    *ret = xcalloc(1, sizeof(**ret));
    (*ret)->io = io;
    (*ret)->db = db;
    return 0;
}

int store_open(struct io *io, const struct store_options *o, struct store **ret, struct err *e)
{
    return open_as(io, o, false, ret, e);
}

static int format_read(struct db_conn *c, void *arg, struct err *e)
{
    return db_version(c, arg, e);
}

int store_open_to_read(struct io *io, const struct store_options *o, struct store **ret, struct err *e)
{
    AUTO_PTR(store) s = NULL;
    int64_t format = 0, known = 0;
    int rc = open_as(io, o, true, &s, e);

    rc = rc < 0 ? rc : db_read(s->db, format_read, &format, e);
    if (rc < 0)
        return rc;
    while (migrations()[known])
        known++;
    if (format > known || (format < known && !o->any_format))
        return err_set(e, ERR_STORE, "%s has format %lld, and this program's is %lld: %s", o->path,
                       (long long)format, (long long)known,
                       format > known ? "use the slipway that wrote it, or a newer one"
                                      : "start 'slipway server' of this version on it once");
    *ret = TAKE(s);
    return 0;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    db_close(s->db);
    free(s);
}

/* A zeroed item, valid until the next. */
static void *rows_add(struct rows *r)
{
    r->items = arena_grow(r->a, r->items, r->len, &r->cap, r->size);
    return (char *)r->items + r->len++ * r->size;
}

int rows_more(struct rows *r, struct db_stmt *st, struct err *e)
{
    bool row = false;
    int rc = db_step(st, &row, e);

    while (rc == 0 && row) {
        rc = r->read(r->a, st, rows_add(r), e);
        if (rc < 0)
            db_finish(st);
        else
            rc = db_step(st, &row, e);
    }
    return rc;
}

int rows_read(struct rows *r, struct db_stmt *st, struct err *e)
{
    r->len = 0; /* a callback that is run again begins anew */
    return rows_more(r, st, e);
}

void *rows_take(const struct rows *r, size_t *ret_len)
{
    *ret_len = r->len;
    return r->items;
}

struct str col(struct arena *a, struct db_stmt *st, int i)
{
    return db_col_is_null(st, i) ? (struct str){ 0 } : arena_str(a, db_col_str(st, i));
}

int step_one(struct db_stmt *st, const char *what, struct err *e)
{
    bool row = false;
    int rc = db_step(st, &row, e);

    if (rc < 0)
        return rc;
    return row ? 0 : err_set(e, ERR_NOT_FOUND, "%s does not exist", what);
}

int read_one(struct arena *a, struct db_stmt *st, const char *what, row_fn read, void *ret, struct err *e)
{
    int rc = step_one(st, what, e);

    if (rc < 0)
        return rc;
    rc = read(a, st, ret, e);
    db_finish(st);
    return rc;
}

int read_any(struct db_stmt *st, bool *ret, struct err *e)
{
    bool row = false;
    int rc = db_step(st, &row, e);

    if (rc < 0)
        return rc;
    if (row)
        db_finish(st);
    *ret = row;
    return 0;
}

int i64_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(int64_t *)ret = db_col_i64(st, 0);
    return 0;
}

int str_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct str *)ret = col(a, st, 0);
    return 0;
}

/* --- several servers on one store --- */

#define WAKE_CHANNEL "slipway_items"

void tx_wake_queue(struct db_conn *c, int64_t queue_id)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)queue_id);
    db_notify(c, WAKE_CHANNEL, str_of(text));
}

static void heard(void *ctx, struct str text)
{
    struct store *s = ctx;
    int64_t queue_id = 0;

    (void)str_to_i64(text, &queue_id);
    s->woken(s->woken_ctx, queue_id);
}

int store_listen(struct store *s, store_woken_fn woken, void *ctx, struct err *e)
{
    s->woken = woken;
    s->woken_ctx = ctx;
    return db_listen(s->db, &(struct db_listener){ WAKE_CHANNEL, heard, s }, e);
}

/* --- the clock that servers have in common --- */

static int clock_read(struct db_conn *c, void *arg, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc;

    *(int64_t *)arg = 0;
    if (!db_is_shared(c))
        return 0;
    rc = db_query(c, &st, e, "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint", "");
    return rc < 0 ? rc : read_one(NULL, st, "the time", i64_row, arg, e);
}

int store_clock(struct store *s, int64_t *ret_unix_ms, struct err *e)
{
    int64_t unix_ms = 0;
    int rc = db_read(s->db, clock_read, &unix_ms, e);

    if (rc == 0)
        *ret_unix_ms = unix_ms;
    return rc;
}

/* --- secrets --- */

static const char *const secret_rows[] = {
    [STORE_SIGNING_KEY] = "signing_key", [STORE_API_KEYS] = "api_key_secret"
};

struct kept_secret {
    const char *row;
    char hex[65];
    bool found;
};

static int secret_read(struct db_conn *c, void *arg, struct err *e)
{
    struct kept_secret *k = arg;
    struct db_stmt *st = NULL;
    struct str value;
    int rc = db_query(c, &st, e, "SELECT value FROM meta WHERE key = ?", "z", k->row);

    if (rc < 0)
        return rc;
    rc = db_step(st, &k->found, e);
    if (rc < 0 || !k->found)
        return rc;
    value = db_col_str(st, 0);
    if (value.len != sizeof(k->hex) - 1)
        rc = err_set(e, ERR_STORE, "the store's row '%s' is damaged", k->row);
    else
        memcpy(k->hex, value.ptr, value.len);
    db_finish(st);
    return rc;
}

/* Another process may have been quicker: then its secret holds. */
static int secret_add(struct db_conn *c, void *arg, struct err *e)
{
    struct kept_secret *k = arg;
    int rc = db_run(c, NULL, e, "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO NOTHING", "zz",
                    k->row, k->hex);

    return rc < 0 ? rc : secret_read(c, k, e);
}

int store_own_secret(struct store *s, enum store_secret which, struct secret **ret, struct err *e)
{
    struct kept_secret k = { .row = secret_rows[which] };
    uint8_t raw[32];
    int rc = db_read(s->db, secret_read, &k, e);

    if (rc == 0 && !k.found) {
        io_random(s->io, raw, sizeof(raw));
        hex_encode(raw, sizeof(raw), k.hex);
        rc = db_write(s->db, secret_add, &k, e);
    }
    if (rc == 0)
        *ret = secret_new((struct str){ k.hex, sizeof(k.hex) - 1 });
    mem_wipe(raw, sizeof(raw));
    mem_wipe(&k, sizeof(k));
    return rc;
}

/* --- where the files are --- */

struct files_place {
    struct arena *a;
    const char *claims;
    struct str is;
    bool any_file;
};

static int files_place_read(struct db_conn *c, void *arg, struct err *e)
{
    struct files_place *f = arg;
    struct db_stmt *st = NULL;
    bool row = false;
    int rc = db_query(c, &st, e, "SELECT value FROM meta WHERE key = 'files'", "");

    f->is = (struct str){ 0 };
    rc = rc < 0 ? rc : db_step(st, &row, e);
    if (rc < 0 || !row)
        return rc;
    f->is = col(f->a, st, 0);
    db_finish(st);
    return 0;
}

static int files_place_claim(struct db_conn *c, void *arg, struct err *e)
{
    struct files_place *f = arg;
    struct db_stmt *st = NULL;
    int rc = files_place_read(c, f, e);

    if (rc < 0 || f->is.ptr)
        return rc;
    rc = db_query(c, &st, e,
                  "SELECT 1 FROM artifact_files WHERE sha256 IS NOT NULL UNION ALL SELECT 1 FROM run_files",
                  "");
    rc = rc < 0 ? rc : read_any(st, &f->any_file, e);
    if (rc < 0 || f->any_file)
        return rc;
    rc = db_run(c, NULL, e, "INSERT INTO meta (key, value) VALUES ('files', ?)", "z", f->claims);
    f->is = arena_str(f->a, str_of(f->claims));
    return rc;
}

int store_files_place(struct store *s, struct arena *a, const char *claims, struct str *ret, struct err *e)
{
    struct files_place f = { .a = a, .claims = claims };
    int rc = claims ? db_write(s->db, files_place_claim, &f, e) : db_read(s->db, files_place_read, &f, e);

    if (rc < 0)
        return rc;
    if (claims && !str_is(f.is, claims))
        return err_set(e, ERR_CONFLICT, "this store's files are in %.*s already, and not in %s",
                       STR_ARG(f.is.ptr ? f.is : STR("its data folder")), claims);
    *ret = f.is;
    return 0;
}
