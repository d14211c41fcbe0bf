/* io/db_internal.h: what the db*.c files share. */
#pragma once

#include <sqlite3.h>

#include "base/map.h"
#include "io/db.h"
#include "io/db_engine.h"
#include "io/fiber.h"
#include "io/io_internal.h"

/* One SQLite connection. Used by one thread at a time: the reader by the loop, the writer by the worker. */
struct db_conn {
    struct db_head head;
    sqlite3 *handle;
    const char *path;     /* for messages; borrowed from the db */
    struct map *stmts;    /* SQL text -> struct db_stmt, prepared once */
    struct db_stmt *open; /* those being stepped now */
};

struct db_write; /* one waiting change; on its fiber's stack */

struct db {
    struct io *io;
    struct pg_pool *pg; /* not NULL: nothing below is used */
    char *path;
    struct db_conn reader, writer;
    unsigned read_depth;
    struct group *group; /* of the fiber that ships batches to the worker */
    struct db_write *first, *last;
    bool shipping;
    uint64_t commits;
};

/* db_stmt.c */
extern const struct db_engine lite_engine;
/** conn_fail() - ERR_CONFLICT for a violated constraint, else ERR_STORE, with the path and SQLite's text. */
int conn_fail(struct db_conn *c, struct err *e);
/** conn_add_reals() - for SQL: real_json(X) is a double as JSON that keeps every bit, real_of(TEXT) that
 * double again. */
NODISCARD int conn_add_reals(struct db_conn *c, struct err *e);
/** conn_exec() - any number of statements, read anew each time: for what is run once. */
int conn_exec(struct db_conn *c, const char *sql, struct err *e);
/** conn_run() - one statement without values and rows, prepared once: for what is run with every change. */
int conn_run(struct db_conn *c, const char *sql, struct err *e);
void conn_finish_all(struct db_conn *c); /* ends the statements a callback left open */
void conn_done(struct db_conn *c);

/* db_settle.c */
/** conn_settle_log() - before the first change: nothing in the log is there by the kernel's word alone.
 * Until then, and when it fails, no page of the log may go to the file, also when closing. */
int conn_settle_log(struct db_conn *c, struct err *e);
