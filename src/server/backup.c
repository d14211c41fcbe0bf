/*
 * server/backup.c: backups, and moving a store. Whatever is made has its name only when it is whole: a backup
 * by backup.json, a data folder by slipway.db, PostgreSQL by one commit.
 */
#include "server/backup.h"

#include <string.h>

#include "base/crypto.h"
#include "base/timefmt.h"
#include "io/bulk.h"
#include "io/file.h"
#include "server/backup_files.h"
#include "server/places.h"

enum { BACKUP_SHAPE = 1, NOTE_MAX_BYTES = 64 * 1024 };
#define DB_NAME     "slipway.db"
#define BACKUP_NOTE "backup.json"

/* A path in the arena. */
static const char *in(struct arena *a, const char *folder, const char *name)
{
    return arena_printf(a, "%s/%s", folder, name);
}

static const char *db_file_of(struct arena *a, const struct backup_place *p)
{
    return p->db_file ? p->db_file : in(a, p->data_dir, DB_NAME);
}

static int place_open_to_read(struct io *io, const struct backup_place *p, struct store **ret, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    const struct store_options open = { .path = p->db_url ? NULL : db_file_of(a, p), .url = p->db_url };

    return store_open_to_read(io, &open, ret, e);
}

static struct store_by by_of(struct io *io, const struct backup_options *o)
{
    return (struct store_by){ str_of(o->acts_as), io_now_unix_ms(io) };
}

/* Rows of a store into a new SQLite file. */
static int copy_to_file(struct io *io, struct store *from, const char *path, struct store_copy *c,
                        struct err *e)
{
    AUTO_PTR(store) to = NULL;
    int rc = store_open(io, &(struct store_options){ .path = path }, &to, e);

    c->to = to;
    return rc < 0 ? rc : store_copy(from, c, e);
}

/* With what SQLite keeps beside it. */
static int db_file_remove(struct io *io, const char *path, struct err *e)
{
    static const char *const ends[] = { "-shm", "-wal", "" };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(ends); i++) {
        AUTO_STRBUF struct strbuf name = STRBUF(4096);

        strbuf_addf(&name, "%s%s", path, ends[i]);
        rc = strbuf_check(&name, e);
        rc = rc < 0 ? rc : file_remove(io, strbuf_cstr(&name), e);
    }
    return rc;
}

/* --- making --- */

static int snapshot_pg(struct io *io, const struct backup_options *o, const char *to,
                       struct backup_counts *ret, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    AUTO_PTR(store) from = NULL;
    AUTO_PTR(store) made = NULL;
    const char *rows = in(a, o->backup, "rows.db");
    struct store_copy c = {
        .what = "store.backup", .object = "PostgreSQL", .by = by_of(io, o), .progress = o->progress
    };
    struct store_progress silent = { 0 };
    int rc = store_open(io, &(struct store_options){ .url = o->from.db_url }, &from, e);

    rc = rc < 0 ? rc : copy_to_file(io, from, rows, &c, e);
    rc = rc < 0 ? rc : store_open_to_read(io, &(struct store_options){ .path = rows }, &made, e);
    rc = rc < 0 ? rc : store_snapshot(made, to, &silent, e);
    if (rc < 0)
        return rc;
    ret->rows = c.ret_rows;
    store_close(TAKE(made));
    return db_file_remove(io, rows, e);
}

static int snapshot(struct io *io, const struct backup_options *o, const char *to, struct backup_counts *ret,
                    struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    AUTO_PTR(store) from = NULL;
    const struct store_options open = { .path = o->from.db_url ? NULL : db_file_of(a, &o->from),
                                        .any_format = true };
    struct store_progress progress = o->progress;
    int rc;

    if (o->from.db_url)
        return snapshot_pg(io, o, to, ret, e);
    rc = store_open_to_read(io, &open, &from, e);
    return rc < 0 ? rc : store_snapshot(from, to, &progress, e);
}

static int snapshot_files(struct io *io, const struct backup_options *o, const char *db,
                          struct backup_counts *ret, struct err *e)
{
    AUTO_PTR(store) store = NULL;
    struct backup_files f = { .io = io, .from = o->from.data_dir, .to = o->backup, .progress = &o->progress };
    int rc = store_open_to_read(io, &(struct store_options){ .path = db, .any_format = true }, &store, e);

    f.store = store;
    return rc < 0 ? rc : backup_files_copy(&f, ret, e);
}

static int note_write(struct io *io, const struct backup_options *o, const struct backup_counts *counts,
                      struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *v = jval_new_object(a);
    struct bulk_sums sums = { 0 };
    char at[RFC3339_SIZE], hex[65];
    int rc = bulk_sum(io, in(a, o->backup, DB_NAME), &sums, e);

    if (rc < 0)
        return rc;
    hex_encode(sums.sha256, sizeof(sums.sha256), hex);
    jval_set_int(a, v, "slipway_backup", BACKUP_SHAPE);
    jval_set_cstr(a, v, "slipway", SLIPWAY_VERSION);
    jval_set_cstr(a, v, "at", rfc3339_format(io_now_unix_ms(io), at));
    jval_set_cstr(a, v, "from", o->from.db_url ? "postgresql" : "sqlite");
    jval_set_cstr(a, v, "database_sha256", hex);
    jval_set_int(a, v, "files", counts->files);
    jval_set_int(a, v, "bytes", counts->bytes);
    jval_set_int(a, v, "missing", counts->missing);
    if (counts->files_in[0])
        jval_set_cstr(a, v, "files_in", counts->files_in);
    return file_write(io, in(a, o->backup, BACKUP_NOTE), jval_text(a, v, JVAL_PRETTY), 0600, e);
}

static int make(struct io *io, const struct backup_options *o, struct backup_counts *ret, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    const char *db = in(a, o->backup, DB_NAME);
    int rc = file_mkdirs(io, o->backup, e);

    rc = rc < 0 ? rc : snapshot(io, o, db, ret, e);
    rc = rc < 0 ? rc : snapshot_files(io, o, db, ret, e);
    rc = rc < 0 ? rc : note_write(io, o, ret, e);
    return rc < 0 ? err_wrap(e, "the backup in %s is not whole, remove it", o->backup) : 0;
}

int backup_make(struct io *io, const struct backup_options *o, struct backup_counts *ret, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct file_lock *lock = NULL;
    int rc;

    if (!o->from.db_url && !file_exists(io, db_file_of(a, &o->from)))
        return err_set(e, ERR_NOT_FOUND, "there is no %s: --data names the server's folder",
                       db_file_of(a, &o->from));
    if (file_exists(io, o->backup))
        return err_set(e, ERR_CONFLICT, "%s is there already: a backup makes a folder of its own", o->backup);
    rc = file_lock(io, in(a, o->from.data_dir, PLACE_BACKUP_LOCK), &lock, e);
    if (rc == -ERR_CONFLICT)
        return err_wrap(e, "another backup of %s is being made", o->from.data_dir);
    rc = rc < 0 ? rc : make(io, o, ret, e);
    file_unlock(lock);
    return rc;
}

/* --- restoring --- */

static int note_read(struct io *io, struct arena *a, const char *folder, struct str *ret_sha256,
                     struct err *e)
{
    struct str text = { 0 };
    struct jval *v = NULL;
    int rc = file_read(io, a, in(a, folder, BACKUP_NOTE), NOTE_MAX_BYTES, &text, e);

    if (rc == -ERR_NOT_FOUND)
        return err_set(e, ERR_INVALID,
                       "%s is no backup, or one that was not finished: it has no " BACKUP_NOTE, folder);
    rc = rc < 0 ? rc : jval_from_json(a, text, in(a, folder, BACKUP_NOTE), NULL, &v, e);
    if (rc < 0)
        return rc;
    if (jval_int(jval_get(v, "slipway_backup")) != BACKUP_SHAPE)
        return err_set(e, ERR_INVALID, "%s was made by a newer slipway: update this one", folder);
    *ret_sha256 = jval_str(jval_get(v, "database_sha256"));
    return 0;
}

/* The backup's database as a file in the folder that will have it. */
static int database_fetch(struct io *io, const struct backup_options *o, const char *to, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct backup_file f = { .from = in(a, o->backup, DB_NAME), .to = to };
    int64_t bytes = 0;
    int rc = note_read(io, a, o->backup, &f.sha256, e);

    rc = rc < 0 ? rc : db_file_remove(io, to, e); /* of one that was cut short */
    return rc < 0 ? rc : backup_file_copy(io, &f, &bytes, NULL, e);
}

/* Opening it brings it to this program's format. */
static int files_fetch(struct io *io, const struct backup_options *o, const char *db,
                       struct backup_counts *ret, struct err *e)
{
    AUTO_PTR(store) store = NULL;
    struct backup_files f = { .io = io, .from = o->backup, .to = o->to.data_dir, .progress = &o->progress };
    const struct store_by by = by_of(io, o);
    int rc = store_open(io, &(struct store_options){ .path = db }, &store, e);

    rc = rc < 0 ? rc : store_note(store, "store.restore", o->backup, &by, e);
    f.store = store;
    return rc < 0 ? rc : backup_files_copy(&f, ret, e);
}

static int rows_to_pg(struct io *io, const char *file, const struct backup_options *o,
                      struct backup_counts *ret, struct err *e)
{
    AUTO_PTR(store) from = NULL;
    AUTO_PTR(store) to = NULL;
    struct store_copy c = {
        .what = "store.copy", .object = file, .by = by_of(io, o), .progress = o->progress
    };
    int rc = store_open_to_read(io, &(struct store_options){ .path = file }, &from, e);

    rc = rc < 0 ? rc : store_open(io, &(struct store_options){ .url = o->to.db_url }, &to, e);
    c.to = to;
    rc = rc < 0 ? rc : store_copy(from, &c, e);
    ret->rows = c.ret_rows;
    return rc;
}

static int restore(struct io *io, const struct backup_options *o, struct backup_counts *ret, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    const char *db = in(a, o->to.data_dir, DB_NAME), *unready = in(a, o->to.data_dir, DB_NAME ".restoring");
    int rc;

    if (!o->to.db_url && file_exists(io, db))
        return err_set(e, ERR_CONFLICT, "%s is there already: restore into a folder without one", db);
    rc = database_fetch(io, o, unready, e);
    rc = rc < 0 ? rc : files_fetch(io, o, unready, ret, e);
    if (rc == 0 && o->to.db_url)
        rc = rows_to_pg(io, unready, o, ret, e);
    if (rc < 0)
        return rc;
    return o->to.db_url ? db_file_remove(io, unready, e) : bulk_keep(io, unready, db, e);
}

int backup_restore(struct io *io, const struct backup_options *o, struct backup_counts *ret, struct err *e)
{
    struct file_lock *lock = NULL;
    int rc = file_lock_folder(io, o->to.data_dir, "server", &lock, e);

    rc = rc < 0 ? rc : restore(io, o, ret, e);
    file_unlock(lock);
    return rc;
}

/* --- moving --- */

static int rows_to_file(struct io *io, const struct backup_options *o, struct backup_counts *ret,
                        struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    AUTO_PTR(store) from = NULL;
    const char *db = db_file_of(a, &o->to), *unready = arena_printf(a, "%s.copying", db);
    struct store_copy c = { .what = "store.copy",
                            .object = o->from.db_url ? "PostgreSQL" : db_file_of(a, &o->from),
                            .by = by_of(io, o),
                            .progress = o->progress };
    int rc;

    if (file_exists(io, db))
        return err_set(e, ERR_CONFLICT, "%s is there already: copy into a folder without one", db);
    rc = db_file_remove(io, unready, e); /* of one that was cut short */
    rc = rc < 0 ? rc : place_open_to_read(io, &o->from, &from, e);
    rc = rc < 0 ? rc : copy_to_file(io, from, unready, &c, e);
    ret->rows = c.ret_rows;
    return rc < 0 ? rc : bulk_keep(io, unready, db, e);
}

/* Before the rows: what is cut short here can be begun again. */
static int files_move(struct io *io, const struct backup_options *o, struct backup_counts *ret, struct err *e)
{
    AUTO_PTR(store) store = NULL;
    struct backup_files f = {
        .io = io, .from = o->from.data_dir, .to = o->to.data_dir, .progress = &o->progress
    };
    int rc;

    if (!f.from || !f.to || strcmp(f.from, f.to) == 0)
        return 0;
    rc = place_open_to_read(io, &o->from, &store, e);
    f.store = store;
    return rc < 0 ? rc : backup_files_copy(&f, ret, e);
}

static int move(struct io *io, const struct backup_options *o, struct backup_counts *ret, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    int rc = files_move(io, o, ret, e);

    if (rc < 0)
        return rc;
    return o->to.db_url ? rows_to_pg(io, db_file_of(a, &o->from), o, ret, e) : rows_to_file(io, o, ret, e);
}

static int place_lock(struct io *io, const struct backup_place *p, struct file_lock **ret, struct err *e)
{
    return p->data_dir && !p->db_url ? file_lock_folder(io, p->data_dir, "server", ret, e) : 0;
}

int backup_move(struct io *io, const struct backup_options *o, struct backup_counts *ret, struct err *e)
{
    struct file_lock *from = NULL, *to = NULL;
    int rc = place_lock(io, &o->from, &from, e);

    rc = rc < 0 ? rc : place_lock(io, &o->to, &to, e);
    rc = rc < 0 ? rc : move(io, o, ret, e);
    file_unlock(to);
    file_unlock(from);
    return rc;
}

int backup_export(struct io *io, const struct backup_options *o, struct store_export *x, struct err *e)
{
    AUTO_PTR(store) from = NULL;
    int rc = place_open_to_read(io, &o->from, &from, e);

    x->now_unix_ms = io_now_unix_ms(io);
    return rc < 0 ? rc : store_export(from, x, e);
}
