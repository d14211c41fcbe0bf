/*
 * io/db_stmt.c: statements of one connection: prepared once, bound, stepped. Owns the prepared statements;
 * runs on the thread that has the connection.
 */
#include "io/db_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct db_stmt {
    struct db_head head;
    struct db_conn *conn;
    sqlite3_stmt *handle;
    bool cached; /* lives in conn->stmts; else it is freed when finished */
    bool busy;
    struct db_stmt *next, *prev; /* in conn->open while busy */
};

int conn_fail(struct db_conn *c, struct err *e)
{
    enum err_code code = (sqlite3_errcode(c->handle) & 0xff) == SQLITE_CONSTRAINT ? ERR_CONFLICT : ERR_STORE;

    return err_set(e, code, "%s: %s", c->path, sqlite3_errmsg(c->handle));
}

int conn_exec(struct db_conn *c, const char *sql, struct err *e)
{
    if (sqlite3_exec(c->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
        return conn_fail(c, e);
    return 0;
}

static int stmt_prepare(struct db_conn *c, const char *sql, bool cached, struct db_stmt **ret, struct err *e)
{
    unsigned flags = cached ? SQLITE_PREPARE_PERSISTENT : 0;
    sqlite3_stmt *handle = NULL;

    if (sqlite3_prepare_v3(c->handle, sql, -1, flags, &handle, NULL) != SQLITE_OK)
        return conn_fail(c, e);
    struct db_stmt *s = xcalloc(1, sizeof(*s));
    s->head = c->head;
    s->conn = c;
    s->handle = handle;
    s->cached = cached;
    if (cached)
        map_put(c->stmts, str_of(sql), s);
    *ret = s;
    return 0;
}

/* A statement that is being stepped already (a query inside a loop over the same query) gets a twin. */
static int stmt_take(struct db_conn *c, const char *sql, struct db_stmt **ret, struct err *e)
{
    struct db_stmt *s = map_get(c->stmts, str_of(sql));

    if (!s || s->busy) {
        int rc = stmt_prepare(c, sql, !s, &s, e);
        if (rc)
            return rc;
    }
    s->busy = true;
    s->prev = NULL;
    s->next = c->open;
    if (c->open)
        c->open->prev = s;
    c->open = s;
    *ret = s;
    return 0;
}

static void stmt_free(struct db_stmt *s)
{
    sqlite3_finalize(s->handle);
    free(s);
}

static void lite_finish(struct db_stmt *s)
{
    if (!s->busy)
        return;
    s->busy = false;
    if (s->prev)
        s->prev->next = s->next;
    else
        s->conn->open = s->next;
    if (s->next)
        s->next->prev = s->prev;
    if (!s->cached) {
        stmt_free(s);
        return;
    }
    sqlite3_reset(s->handle);
    sqlite3_clear_bindings(s->handle);
}

void conn_finish_all(struct db_conn *c)
{
    while (c->open)
        lite_finish(c->open); /* NOLINT(clang-analyzer-unix.Malloc): it unlinks what it frees */
}

static bool stmt_visit_free(struct str key, void *value, void *ctx)
{
    (void)key;
    (void)ctx;
    stmt_free(value);
    return true;
}

void conn_done(struct db_conn *c)
{
    conn_finish_all(c);
    if (c->stmts)
        map_each(c->stmts, stmt_visit_free, NULL);
    map_free(c->stmts);
    sqlite3_close(c->handle);
    *c = (struct db_conn){ 0 };
}

static int bind_str(sqlite3_stmt *h, int at, struct str s)
{
    if (!s.ptr)
        return sqlite3_bind_null(h, at);
    return sqlite3_bind_text64(h, at, s.ptr, s.len, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static int stmt_bind(struct db_stmt *s, const char *types, va_list *ap, struct err *e)
{
    int rc = SQLITE_OK;

    assert((int)strlen(types) == sqlite3_bind_parameter_count(s->handle));
    for (int at = 1; *types && rc == SQLITE_OK; types++, at++) {
        switch (*types) {
        case 's':
            rc = bind_str(s->handle, at, va_arg(*ap, struct str));
            break;
        case 'z':
            rc = bind_str(s->handle, at, str_of(va_arg(*ap, const char *)));
            break;
        case 'i':
            rc = sqlite3_bind_int64(s->handle, at, va_arg(*ap, int64_t));
            break;
        case 'd':
            rc = sqlite3_bind_double(s->handle, at, va_arg(*ap, double));
            break;
        case 'n':
            rc = sqlite3_bind_null(s->handle, at);
            break;
        default:
            assert(!"db_query: unknown type letter");
        }
    }
    return rc == SQLITE_OK ? 0 : conn_fail(s->conn, e);
}

static int lite_query(struct db_conn *c, struct db_stmt **ret, const struct db_text *t, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = stmt_take(c, t->sql, &s, e);

    if (rc)
        return rc;
    rc = stmt_bind(s, t->types, t->values, e);
    if (rc) {
        lite_finish(s);
        return rc;
    }
    *ret = s;
    return 0;
}

static int lite_step(struct db_stmt *s, bool *ret_row, struct err *e)
{
    assert(s->busy);
    int code = sqlite3_step(s->handle);

    if (code == SQLITE_ROW) {
        *ret_row = true;
        return 0;
    }
    int rc = code == SQLITE_DONE ? 0 : conn_fail(s->conn, e);
    lite_finish(s);
    if (!rc)
        *ret_row = false;
    return rc;
}

int conn_run(struct db_conn *c, const char *sql, struct err *e)
{
    struct db_stmt *s = NULL;
    bool row = false;
    int rc = stmt_take(c, sql, &s, e);

    return rc ? rc : lite_step(s, &row, e); /* it has no rows: its end finishes it */
}

static int64_t lite_changes(struct db_conn *c)
{
    return sqlite3_changes64(c->handle);
}

static int64_t lite_last_id(struct db_conn *c)
{
    return sqlite3_last_insert_rowid(c->handle);
}

static struct str lite_col_str(struct db_stmt *s, int col)
{
    const char *text = (const char *)sqlite3_column_text(s->handle, col);

    return (struct str){ text, text ? (size_t)sqlite3_column_bytes(s->handle, col) : 0 };
}

static int64_t lite_col_i64(struct db_stmt *s, int col)
{
    return sqlite3_column_int64(s->handle, col);
}

static double lite_col_double(struct db_stmt *s, int col)
{
    return sqlite3_column_double(s->handle, col);
}

static bool lite_col_is_null(struct db_stmt *s, int col)
{
    return sqlite3_column_type(s->handle, col) == SQLITE_NULL;
}

const struct db_engine lite_engine = { .query = lite_query,
                                       .step = lite_step,
                                       .finish = lite_finish,
                                       .changes = lite_changes,
                                       .last_id = lite_last_id,
                                       .col_str = lite_col_str,
                                       .col_i64 = lite_col_i64,
                                       .col_double = lite_col_double,
                                       .col_is_null = lite_col_is_null };
