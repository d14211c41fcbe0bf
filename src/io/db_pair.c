/*
 * io/db_pair.c: one transaction that reads a database and one that writes another, on one worker thread; and
 * SQLite's online backup. The loop waits, so the connections belong to the worker meanwhile.
 */
#include "io/db_pair.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "io/db_internal.h"

enum { SNAPSHOT_PAGES = 4096 };

struct pair_work {
    struct db *from, *to;
    db_pair_fn fn;
    void *arg;
    struct db_pair conns;
    int rc;
    struct err e;
};

/* In a transaction of each. */
static int call(struct db_conn *to, void *arg, struct err *e)
{
    struct pair_work *w = arg;

    w->conns.to = to;
    return w->fn(&w->conns, w->arg, e);
}

/* @fn in a transaction of a SQLite connection. */
static int lite_transact(struct db_conn *c, const char *begin, db_fn fn, void *arg, struct err *e)
{
    int rc = conn_exec(c, begin, e);

    if (rc < 0)
        return rc;
    rc = fn(c, arg, e);
    conn_finish_all(c);
    rc = rc < 0 ? rc : conn_exec(c, "COMMIT", e);
    if (rc < 0)
        (void)conn_exec(c, "ROLLBACK", NULL); /* may have happened by itself */
    return rc;
}

static int pool_transact(struct pg_pool *p, const struct pg_work *work, struct err *e)
{
    struct pg_conn *c = pg_conn_new(pg_pool_url(p));
    int rc = pg_transact(c, work, e);

    pg_conn_free(c);
    return rc;
}

static int write_part(struct db_conn *from, void *arg, struct err *e)
{
    struct pair_work *w = arg;

    w->conns.from = from;
    return w->to->pg ? pool_transact(w->to->pg, &(struct pg_work){ call, w, PG_WRITE }, e)
                     : lite_transact(&w->to->writer, "BEGIN IMMEDIATE", call, w, e);
}

static void pair_work(void *arg)
{
    struct pair_work *w = arg;

    w->rc = w->from->pg ? pool_transact(w->from->pg, &(struct pg_work){ write_part, w, PG_READ }, &w->e)
                        : lite_transact(&w->from->reader, "BEGIN", write_part, w, &w->e);
}

int db_pair(struct db *from, struct db *to, db_pair_fn fn, void *arg, struct err *e)
{
    struct pair_work w = { .from = from, .to = to, .fn = fn, .arg = arg };
    int rc = io_work(from->io, pair_work, &w, e);

    if (rc == 0 && w.rc < 0 && e)
        *e = w.e;
    return rc < 0 ? rc : w.rc;
}

/* --- a snapshot ----------------------------------------------------------------------------------------- */

struct snapshot_work {
    struct db_conn *from;
    const struct db_snapshot *o;
    int rc;
    struct err e;
};

static int pages_copy(struct snapshot_work *w, sqlite3 *to)
{
    sqlite3_backup *b = sqlite3_backup_init(to, "main", w->from->handle, "main");
    int code = b ? SQLITE_OK : sqlite3_errcode(to);

    while (code == SQLITE_OK) {
        code = sqlite3_backup_step(b, SNAPSHOT_PAGES);
        if (w->o->told && (code == SQLITE_OK || code == SQLITE_DONE))
            w->o->told(w->o->ctx, sqlite3_backup_pagecount(b) - sqlite3_backup_remaining(b),
                       sqlite3_backup_pagecount(b));
    }
    if (b)
        (void)sqlite3_backup_finish(b); /* gives the code of the step again */
    if (code ==
        SQLITE_DONE) /* one file without a log beside it, that can be read where nothing can be written */
        code = sqlite3_exec(to, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL) == SQLITE_OK
                   ? SQLITE_DONE
                   : sqlite3_errcode(to);
    return code == SQLITE_DONE ? 0 : err_set(&w->e, ERR_STORE, "%s: %s", w->o->to, sqlite3_errstr(code));
}

/* The transaction that is open on it is what makes all steps see one moment. */
static int snapshot_in(struct db_conn *from, void *arg, struct err *e)
{
    struct snapshot_work *w = arg;
    sqlite3 *to = NULL;
    int rc = conn_exec(from, "SELECT count(*) FROM sqlite_schema", e); /* it begins with the first read */

    if (rc < 0)
        return rc;
    if (sqlite3_open_v2(w->o->to, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        rc = err_set(e, ERR_STORE, "%s: %s", w->o->to, to ? sqlite3_errmsg(to) : "out of memory");
    else
        rc = pages_copy(w, to);
    if (sqlite3_close(to) != SQLITE_OK && rc == 0)
        rc = err_set(e, ERR_STORE, "%s: cannot be closed", w->o->to);
    return rc;
}

static int file_new(const char *path, struct err *e)
{
    AUTO_FD int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 && errno == EEXIST)
        return err_set(e, ERR_CONFLICT, "%s is there already", path);
    return fd < 0 ? err_set_os(e, errno, "cannot make %s", path) : 0;
}

static void snapshot_work(void *arg)
{
    struct snapshot_work *w = arg;

    w->rc = file_new(w->o->to, &w->e);
    if (w->rc == 0)
        w->rc = lite_transact(w->from, "BEGIN", snapshot_in, w, &w->e);
}

int db_snapshot(struct db *from, const struct db_snapshot *o, struct err *e)
{
    struct snapshot_work w = { .from = &from->reader, .o = o };
    int rc;

    if (from->pg)
        return err_set(e, ERR_INVALID, "PostgreSQL has no file to copy");
    rc = io_work(from->io, snapshot_work, &w, e);
    if (rc == 0 && w.rc < 0 && e)
        *e = w.e;
    return rc < 0 ? rc : w.rc;
}

int db_version(struct db_conn *c, int64_t *ret, struct err *e)
{
    struct db_stmt *s = NULL;
    bool row = false;
    int rc = db_query(
        c, &s, e,
        db_is_shared(c) ? "SELECT coalesce(max(version), 0) FROM slipway_schema" : "PRAGMA user_version", "");

    rc = rc < 0 ? rc : db_step(s, &row, e);
    if (rc == 0 && row) {
        *ret = db_col_i64(s, 0);
        db_finish(s);
    }
    return rc;
}
