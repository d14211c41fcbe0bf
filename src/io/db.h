/*
 * io/db.h: one SQLite file with group commit (WAL, synchronous=FULL), or a PostgreSQL database that several
 * processes may share. SQL is written once, in what both understand; '?' stands for a value.
 *
 * Writes run on a worker thread: all that wait when the worker is free share one transaction, each in a
 * savepoint of its own, and every waiter is woken after the commit is on the disk. Reads run at once on the
 * loop thread on a second connection, and see what has been committed.
 * With PostgreSQL every callback is a transaction of its own on a worker thread, serializable where it
 * writes: one that met another is run again, so it must set what it returns anew each time, and not add to
 * it.
 */
#pragma once

#include "io/io.h"

struct db;
struct db_conn; /* valid inside a callback only */
struct db_stmt;

struct db_options {
    const char *path; /* its folder must exist; created 0600 */
    const char
        *url; /* not NULL: PostgreSQL's, "postgres://user@host/name?sslmode=verify-full", and no file */
    /* Step i (from 0) brings the file from user_version i to i + 1; each is SQL text, run in one transaction.
     * NULL-ended. */
    const char *const *migrations;
    bool fast_and_unsafe; /* synchronous=OFF: simulator and tests */
    /* To look at a file that another process may be writing to: nothing is made, checked, migrated or
     * changed, and db_write() must not be called. -ERR_NOT_FOUND when it is not there. */
    bool read_only;
};
/** db_open() - open, check, migrate. Blocks briefly. -ERR_STORE: not a database, newer than this program,
 * damaged. */
NODISCARD int db_open(struct io *io, const struct db_options *o, struct db **ret, struct err *e);
void db_close(struct db *d); /* waits for the writer. Yields. NULL is a no-op */
/** db_commits() - transactions that db_write() has committed: for metrics; fewer than writes under load. */
uint64_t db_commits(const struct db *d);

/** db_fn - statements against @c. Returns 0, or a negative code with @e filled: then its own changes are
 * rolled back. Must not touch loop state when writing. */
typedef int (*db_fn)(struct db_conn *c, void *arg, struct err *e);
/** db_write() - run @fn on the worker; back when its changes are durable. Yields. @arg may be on the stack.
 * fn's code, -ERR_STORE, -ERR_CANCELLED (then nothing was changed). */
NODISCARD int db_write(struct db *d, db_fn fn, void *arg, struct err *e);
/** db_write_locking() - the same, for a callback that locks the rows it decides upon (DB_LOCK_ROWS): with
 * PostgreSQL it sees what is committed while it runs, and several take different rows at once. */
NODISCARD int db_write_locking(struct db *d, db_fn fn, void *arg, struct err *e);
/** db_read() - run @fn now on the reading connection. Does not yield, but with PostgreSQL, where @fn runs on
 * a worker thread and may be run again. */
NODISCARD int db_read(struct db *d, db_fn fn, void *arg, struct err *e);

/**
 * db_query() - a statement with its parameters bound; prepared once per connection and text (@sql must be a
 * literal).
 * @types has a letter per '?': s struct str (absent binds NULL), z const char * (NULL binds NULL), i int64_t
 * (cast your ints), d double, n nothing (binds NULL). Then step with db_step() until it gives false, or
 * db_run() for one without rows.
 */
NODISCARD int db_query(struct db_conn *c, struct db_stmt **ret, struct err *e, const char *sql,
                       const char *types, ...);
/** db_step() - next row: *ret_row false at the end (the statement is then reset and must not be used again).
 */
NODISCARD int db_step(struct db_stmt *s, bool *ret_row, struct err *e);
void db_finish(struct db_stmt *s); /* stop before the end; NULL is a no-op */
/** db_run() - db_query() and one complete run. *ret_changes may be NULL. -ERR_CONFLICT for a violated
 * constraint. */
NODISCARD int db_run(struct db_conn *c, int64_t *ret_changes, struct err *e, const char *sql,
                     const char *types, ...);
struct str db_col_str(struct db_stmt *s, int col); /* borrowed until the next step; absent for NULL */
int64_t db_col_i64(struct db_stmt *s, int col);    /* 0 for NULL */
double db_col_double(struct db_stmt *s, int col);
bool db_col_is_null(struct db_stmt *s, int col);
int64_t db_last_id(struct db_conn *c);

/* Behind a SELECT, where db_is_shared(): lock its rows, and pass over those that others have locked. */
#define DB_LOCK_ROWS " FOR UPDATE SKIP LOCKED"

/* --- several processes on one database: PostgreSQL ------------------------------------------------------ */
bool db_is_shared(const struct db_conn *c);
/** db_notify() - soon after the transaction is committed, every process that listens to @channel hears @text
 * (23 bytes at most): once for many transactions that say the same at a time. It is lost when this process
 * or the database ends just then, so it may hasten what would come about later, and no more. Nothing happens
 * with SQLite, which has one process. */
void db_notify(struct db_conn *c, const char *channel, struct str text);
struct db_listener {
    const char *channel;                       /* a lower-case word; borrowed */
    void (*heard)(void *ctx, struct str text); /* on the loop thread, must not yield. Absent: texts may have
                                                  been missed */
    void *ctx;
};
/** db_listen() - once a database, until it is closed. Nothing is heard with SQLite. Does not yield. */
NODISCARD int db_listen(struct db *d, const struct db_listener *l, struct err *e);
