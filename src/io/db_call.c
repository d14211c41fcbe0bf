/* io/db_call.c: statements as their callers write them, handed to the engine of the connection. */
#include <assert.h>

#include "io/db_internal.h"

static const struct db_engine *of_conn(const struct db_conn *c)
{
    return ((const struct db_head *)c)->engine;
}

static const struct db_engine *of_stmt(const struct db_stmt *s)
{
    return ((const struct db_head *)s)->engine;
}

int db_query(struct db_conn *c, struct db_stmt **ret, struct err *e, const char *sql, const char *types, ...)
{
    va_list ap;
    int rc;

    va_start(ap, types);
    rc = of_conn(c)->query(c, ret, &(struct db_text){ sql, types, &ap }, e);
    va_end(ap);
    return rc;
}

int db_step(struct db_stmt *s, bool *ret_row, struct err *e)
{
    return of_stmt(s)->step(s, ret_row, e);
}

void db_finish(struct db_stmt *s)
{
    if (s)
        of_stmt(s)->finish(s);
}

int db_run(struct db_conn *c, int64_t *ret_changes, struct err *e, const char *sql, const char *types, ...)
{
    struct db_stmt *s = NULL;
    bool row = true;
    va_list ap;
    int rc;

    va_start(ap, types);
    rc = of_conn(c)->query(c, &s, &(struct db_text){ sql, types, &ap }, e);
    va_end(ap);
    while (!rc && row)
        rc = db_step(s, &row, e);
    if (!rc && ret_changes)
        *ret_changes = of_conn(c)->changes(c);
    return rc;
}

struct str db_col_str(struct db_stmt *s, int col)
{
    return of_stmt(s)->col_str(s, col);
}

int64_t db_col_i64(struct db_stmt *s, int col)
{
    return of_stmt(s)->col_i64(s, col);
}

double db_col_double(struct db_stmt *s, int col)
{
    return of_stmt(s)->col_double(s, col);
}

bool db_col_is_null(struct db_stmt *s, int col)
{
    return of_stmt(s)->col_is_null(s, col);
}

int64_t db_last_id(struct db_conn *c)
{
    return of_conn(c)->last_id(c);
}

bool db_is_shared(const struct db_conn *c)
{
    return of_conn(c) != &lite_engine;
}

void db_notify(struct db_conn *c, const char *channel, struct str text)
{
    if (db_is_shared(c))
        pg_words_add(pg_conn_words(c), channel, text);
}

int db_listen(struct db *d, const struct db_listener *l, struct err *e)
{
    return d->pg ? pg_pool_listen(d->pg, l, e) : 0;
}
