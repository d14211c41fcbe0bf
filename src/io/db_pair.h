/*
 * io/db_pair.h: for moving what one database has into another, and a SQLite file as it is at one moment.
 * For commands that have both to themselves, not for a server that works.
 */
#pragma once

#include "io/db.h"

struct db_pair {
    struct db_conn *from, *to;
};
/** db_pair_fn - as db_fn. With PostgreSQL it may be run again, from the start. */
typedef int (*db_pair_fn)(const struct db_pair *p, void *arg, struct err *e);
/** db_pair() - run @fn on a worker thread: it sees @from as it was at the start, and all that it changes in
 * @to is committed together when it gives 0. Nobody else in this process may use the two meanwhile. Yields.
 * fn's code, -ERR_STORE, -ERR_CANCELLED. */
NODISCARD int db_pair(struct db *from, struct db *to, db_pair_fn fn, void *arg, struct err *e);

struct db_snapshot {
    const char *to;                                                /* there must be no such file; made 0600 */
    void (*told)(void *ctx, int64_t done_pages, int64_t of_pages); /* on the worker thread; may be NULL */
    void *ctx;
};
/** db_snapshot() - a copy of a SQLite file, of one moment, durable; another process may go on writing to it.
 * A half copy is left behind on failure. Yields. -ERR_CONFLICT: there is such a file; -ERR_STORE. */
NODISCARD int db_snapshot(struct db *from, const struct db_snapshot *o, struct err *e);
/** db_version() - of the format: how many migrations it has had. */
NODISCARD int db_version(struct db_conn *c, int64_t *ret, struct err *e);
