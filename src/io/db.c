/*
 * io/db.c: opening, checking, migrating and closing a SQLite file, and reading it on the loop thread.
 * The two connections belong to struct db; group commit is in db_write.c, statements in db_stmt.c.
 */
#include "io/db_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum {
    BUSY_TIMEOUT_MS = 10000,          /* `slipway admin` may write to the server's file */
    CHECK_MAX_BYTES = 8 * 1024 * 1024 /* larger files are not read through at every start */
};

/* SQLite would create the file with the umask's permissions, and its -wal and -shm take them over. */
static int db_file_make(const char *path, struct err *e)
{
    AUTO_FD int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    struct stat st;

    if (fd < 0 || fstat(fd, &st))
        return err_set(e, ERR_STORE, "cannot open the database %s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_STORE, "cannot open the database %s: not a regular file", path);
    if ((st.st_mode & 0077) && fchmod(fd, 0600))
        return err_set(e, ERR_STORE, "cannot make the database %s private: %s", path, strerror(errno));
    return 0;
}

/* A pragma's first column as text, compared; @want NULL accepts anything. It runs to its end, for what it
 * changes is written there: the mode "wal" is told before it is on the disk. */
static int conn_pragma(struct db_conn *c, const char *sql, const char *want, struct err *e)
{
    struct db_stmt *s = NULL;
    bool row = false;
    int rc = db_query(c, &s, e, sql, "");

    if (!rc)
        rc = db_step(s, &row, e);
    if (!rc && row && want && !str_is(db_col_str(s, 0), want)) {
        rc = err_set(e, ERR_STORE, "%s: %s says \"%.*s\"", c->path, sql, STR_ARG(db_col_str(s, 0)));
        db_finish(s);
    }
    while (!rc && row)
        rc = db_step(s, &row, e);
    return rc;
}

static int conn_number(struct db_conn *c, const char *sql, int64_t *ret, struct err *e)
{
    struct db_stmt *s = NULL;
    bool row = false;
    int rc = db_query(c, &s, e, sql, "");

    if (!rc)
        rc = db_step(s, &row, e);
    if (!row)
        return rc;
    *ret = db_col_i64(s, 0);
    db_finish(s);
    return 0;
}

static int conn_bytes(struct db_conn *c, int64_t *ret, struct err *e)
{
    return conn_number(c, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", ret, e);
}

/* SQLite counts what it allocates behind a lock, for limits that are not set here: a twentieth of a request's
 * time. Once, before its first connection. */
__attribute__((constructor)) static void count_no_memory(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int conn_connect(struct db_conn *c, const struct db *d, int mode, struct err *e)
{
    c->head.engine = &lite_engine;
    c->path = d->path;
    c->stmts = map_new();
    if (sqlite3_open_v2(d->path, &c->handle, mode | SQLITE_OPEN_NOMUTEX, d->io->vfs) != SQLITE_OK)
        return conn_fail(c, e);
    sqlite3_extended_result_codes(c->handle, 1);
    sqlite3_busy_timeout(c->handle, BUSY_TIMEOUT_MS);
    sqlite3_db_config(c->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(c->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL); /* see conn_settle_log() */
    sqlite3_db_config(c->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(c->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    sqlite3_db_config(c->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return conn_add_reals(c, e);
}

static int conn_open(struct db_conn *c, const struct db *d, bool fast, struct err *e)
{
    int rc = conn_connect(c, d, SQLITE_OPEN_READWRITE | (d->io->vfs ? SQLITE_OPEN_CREATE : 0), e);

    if (rc)
        return rc;
    rc = conn_pragma(c, "PRAGMA journal_mode=WAL", "wal", e);
    return rc ? rc : conn_exec(c, fast ? "PRAGMA synchronous=OFF" : "PRAGMA synchronous=FULL", e);
}

/* One step in one transaction. The version is read again inside: another process may have been faster. */
static int db_migrate_step(struct db_conn *c, int64_t from, const char *sql, struct err *e)
{
    int64_t version = 0;
    char set[64];

    snprintf(set, sizeof(set), "PRAGMA user_version=%lld", (long long)from + 1);
    int rc = conn_exec(c, "BEGIN IMMEDIATE", e);
    if (rc)
        return rc;
    rc = conn_number(c, "PRAGMA user_version", &version, e);
    if (!rc && version == from) {
        rc = conn_exec(c, sql, e);
        rc = rc ? rc : conn_exec(c, set, e);
    }
    rc = rc ? rc : conn_exec(c, "COMMIT", e);
    if (rc)
        (void)conn_exec(c, "ROLLBACK", NULL);
    return rc;
}

static int db_migrate(struct db_conn *c, const char *const *migrations, struct err *e)
{
    int64_t version = 0, known = 0;
    int rc = conn_number(c, "PRAGMA user_version", &version, e);

    while (migrations && migrations[known])
        known++;
    if (!rc && version > known)
        return err_set(e, ERR_STORE,
                       "%s was written by a newer slipway (format %lld, this one knows up to %lld): "
                       "update slipway, or use another folder",
                       c->path, (long long)version, (long long)known);
    for (; !rc && version < known; version++) {
        struct err why = { 0 };
        rc = db_migrate_step(c, version, migrations[version], &why);
        if (rc)
            rc = err_set(e, ERR_STORE, "cannot bring the format from %lld to %lld: %s", (long long)version,
                         (long long)version + 1, why.msg);
    }
    return rc;
}

static int db_file_find(const struct db *d, struct err *e)
{
    sqlite3_vfs *vfs = d->io->vfs ? sqlite3_vfs_find(d->io->vfs) : NULL;
    int there = 0;

    if (!vfs)
        return access(d->path, F_OK) ? err_set_os(e, errno, "cannot open the database %s", d->path) : 0;
    (void)vfs->xAccess(vfs, d->path, SQLITE_ACCESS_EXISTS, &there);
    return there ? 0 : err_set(e, ERR_NOT_FOUND, "cannot open the database %s: it is not there", d->path);
}

static int db_open_to_read(struct db *d, struct err *e)
{
    int rc = db_file_find(d, e);

    if (rc)
        return rc;
    return conn_connect(&d->reader, d, SQLITE_OPEN_READONLY, e);
}

static int db_open_conns(struct db *d, const struct db_options *o, struct err *e)
{
    int64_t size = 0;
    int rc = d->io->vfs ? 0 : db_file_make(d->path, e);

    rc = rc ? rc : conn_open(&d->writer, d, o->fast_and_unsafe, e);
    if (!rc && !o->fast_and_unsafe)
        rc = conn_settle_log(&d->writer, e);
    if (!rc)
        sqlite3_db_config(d->writer.handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    rc = rc ? rc : conn_bytes(&d->writer, &size, e);
    if (!rc && size <= CHECK_MAX_BYTES)
        rc = conn_pragma(&d->writer, "PRAGMA quick_check(1)", "ok", e);
    rc = rc ? rc : db_migrate(&d->writer, o->migrations, e);
    rc = rc ? rc : conn_exec(&d->writer, "PRAGMA foreign_keys=ON", e); /* migrations may rebuild tables */
    rc = rc ? rc : conn_open(&d->reader, d, o->fast_and_unsafe, e);
    return rc ? rc : conn_exec(&d->reader, "PRAGMA query_only=ON", e);
}

static int db_open_pg(struct io *io, const struct db_options *o, struct db **ret, struct err *e)
{
    struct db *d = xcalloc(1, sizeof(*d));
    int rc = pg_pool_open(io, o, &d->pg, e);

    if (rc) {
        free(d);
        return rc;
    }
    d->io = io;
    *ret = d;
    return 0;
}

int db_open(struct io *io, const struct db_options *o, struct db **ret, struct err *e)
{
    if (o->url)
        return db_open_pg(io, o, ret, e);
    if (io->dead)
        return err_set(e, ERR_CANCELLED, "%s: cancelled", o->path);
    struct db *d = xcalloc(1, sizeof(*d));
    d->io = io;
    d->path = xstrdup(o->path);
    d->group = group_new(io);
    int rc = o->read_only ? db_open_to_read(d, e) : db_open_conns(d, o, e);
    if (rc) {
        db_close(d);
        return rc;
    }
    *ret = d;
    return 0;
}

void db_close(struct db *d)
{
    if (!d)
        return;
    if (d->pg) {
        pg_pool_close(d->pg);
        free(d);
        return;
    }
    group_wait(d->group);
    group_free(d->group);
    conn_done(&d->reader);
    conn_done(&d->writer); /* last, so that it folds the log into the file */
    free(d->path);
    free(d);
}

int db_read(struct db *d, db_fn fn, void *arg, struct err *e)
{
    struct db_conn *c = &d->reader;

    if (d->pg)
        return pg_pool_work(d->pg, &(struct pg_work){ fn, arg, PG_READ }, e);
    if (d->io->dead)
        return err_set(e, ERR_CANCELLED, "%s: cancelled", d->path);
    if (d->read_depth) /* a read inside a read: same snapshot; the outer one ends the statements */
        return fn(c, arg, e);
    int rc = conn_run(c, "BEGIN", e);
    if (rc)
        return rc;
    d->read_depth++;
    rc = fn(c, arg, e);
    d->read_depth--;
    conn_finish_all(c);
    if (conn_run(c, "COMMIT", NULL)) /* nothing to lose, but the snapshot must not stay */
        (void)conn_run(c, "ROLLBACK", NULL);
    return rc;
}

uint64_t db_commits(const struct db *d)
{
    return d->pg ? pg_pool_commits(d->pg) : d->commits;
}
