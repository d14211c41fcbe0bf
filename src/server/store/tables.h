/*
 * server/store/tables.h: all that a store has, table by table and row by row as JSON that the database itself
 * writes and reads: so a new table or column is moved without a word about it here. For the sources of this
 * folder that move whole stores.
 */
#pragma once

#include "server/store/store_internal.h"

struct table {
    struct str name;
    struct str *columns; /* in the order of their names */
    bool *is_real;       /* of each: has it doubles? */
    size_t column_count;
    struct str identity; /* PostgreSQL draws its numbers; absent: nobody does */
};
struct tables {
    struct table *items; /* in the order of their names */
    size_t len;
};
/** tables_read() - those of the store, without the one that PostgreSQL's format is kept in. */
NODISCARD int tables_read(struct db_conn *c, struct arena *a, struct tables *ret, struct err *e);
/** tables_match() - have both the same tables with the same columns? -ERR_STORE says what only one has. */
NODISCARD int tables_match(const struct tables *from, const struct tables *to, struct err *e);
/** table_count() - its rows. */
NODISCARD int table_count(struct db_conn *c, struct arena *a, const struct table *t, int64_t *ret,
                          struct err *e);

/* The rows of one table, a few at a time in memory. */
struct table_reader {
    struct db_conn *conn;
    struct db_stmt *rows;
    const char *fetch, *close; /* PostgreSQL: how a cursor goes on and ends. NULL: SQLite, which steps */
    bool any;                  /* of the rows that were fetched last, one was there */
};
/** table_secret() - is the column one that opens something, or helps to? */
bool table_secret(const struct table *t, struct str column);
/** table_read() - begin. @withhold: secret columns are null, and rows of secrets are left out. Texts of the
 * statements are in @a, which outlives the connection's transaction. */
NODISCARD int table_read(struct table_reader *r, struct db_conn *c, struct arena *a, const struct table *t,
                         bool withhold, struct err *e);
/** table_next() - the next row as a compact JSON object, borrowed until the next call; absent at the end,
 * after which the reader must not be used. */
NODISCARD int table_next(struct table_reader *r, struct str *ret, struct err *e);
/** table_insert() - a statement with one value: a JSON array of such objects, which become rows. In @a. */
const char *table_insert(const struct db_conn *c, struct arena *a, const struct table *t);
/** table_numbers_settle() - numbers that are drawn from now on are above those that are there. */
NODISCARD int table_numbers_settle(struct db_conn *c, struct arena *a, const struct table *t, struct err *e);
