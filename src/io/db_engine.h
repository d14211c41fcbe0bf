/*
 * io/db_engine.h: what SQLite and PostgreSQL do each in their own way behind io/db.h. Included by
 * src/io/db*.c only. A connection or statement of either begins with a pointer to its engine's table.
 */
#pragma once

#include <stdarg.h>

#include "io/db.h"

struct db_text { /* one statement as the caller of db_query() wrote it */
    const char *sql, *types;
    va_list *values;
};
/* As the functions of the same names in io/db.h say. */
struct db_engine {
    int (*query)(struct db_conn *c, struct db_stmt **ret, const struct db_text *text, struct err *e);
    int (*step)(struct db_stmt *s, bool *ret_row, struct err *e);
    void (*finish)(struct db_stmt *s); /* not NULL, and under way */
    int64_t (*changes)(struct db_conn *c);
    int64_t (*last_id)(struct db_conn *c);
    struct str (*col_str)(struct db_stmt *s, int col);
    int64_t (*col_i64)(struct db_stmt *s, int col);
    double (*col_double)(struct db_stmt *s, int col);
    bool (*col_is_null)(struct db_stmt *s, int col);
};
struct db_head {
    const struct db_engine *engine;
};

/* --- db_pg.c: one connection to PostgreSQL, used by one worker thread at a time --- */
struct pg_conn;
struct pg_conn *pg_conn_new(const char *url);
void pg_conn_free(struct pg_conn *c); /* NULL is a no-op. Blocks briefly */
/** pg_conn_open() - connect, where there is no connection that works. Blocks. -ERR_STORE. */
NODISCARD int pg_conn_open(struct pg_conn *c, struct err *e);
/** pg_transact() - @fn in a transaction, and again as long as others got in its way. Blocks.
 * A connection that broke before the commit is made anew, once. */
struct pg_work {
    db_fn fn;
    void *arg;
    const char *begin; /* one of those below */
};
#define PG_READ    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
#define PG_WRITE   "BEGIN ISOLATION LEVEL SERIALIZABLE"
#define PG_LOCKING "BEGIN ISOLATION LEVEL READ COMMITTED"
NODISCARD int pg_transact(struct pg_conn *c, const struct pg_work *w, struct err *e);
bool pg_work_reads(const struct pg_work *w);
/** pg_exec() - statements without values or rows, at once. Blocks. */
NODISCARD int pg_exec(struct pg_conn *c, const char *sql, struct err *e);
struct db_conn *pg_conn_base(struct pg_conn *c);
/* What a transaction wants others to hear once it is committed; each once. */
struct pg_word {
    const char *channel; /* borrowed */
    char text[24];
};
struct pg_words {
    struct pg_word *at;
    size_t len, cap;
};
void pg_words_add(struct pg_words *to, const char *channel, struct str text);
/** pg_conn_words() - those of the transaction under way, or of the last one. */
struct pg_words *pg_conn_words(struct db_conn *c);
/** pg_next_notice() - the text of the next notification that has come to @channel; absent: none came within
 * @wait_ms. Lives until the next call. Blocks. -ERR_STORE: the connection broke. */
NODISCARD int pg_next_notice(struct pg_conn *c, int wait_ms, struct str *ret, struct err *e);

/* --- db_pg_schema.c --- */
/** pg_schema_text() - a migration of io/db.h, in PostgreSQL's words, in @out. */
void pg_schema_text(struct strbuf *out, const char *sql);

/* --- db_pg_pool.c: the connections of one process --- */
struct pg_pool;
NODISCARD int pg_pool_open(struct io *io, const struct db_options *o, struct pg_pool **ret, struct err *e);
void pg_pool_close(struct pg_pool *p); /* nobody works with it any more. Yields. NULL is a no-op */
NODISCARD int pg_pool_work(struct pg_pool *p, const struct pg_work *w, struct err *e); /* yields */
NODISCARD int pg_pool_listen(struct pg_pool *p, const struct db_listener *l, struct err *e);
uint64_t pg_pool_commits(const struct pg_pool *p);
const char *pg_pool_url(const struct pg_pool *p); /* as long as the pool */
