/* server/store/tables.c: which tables and columns a store has, and their rows as JSON. */
#include "server/store/tables.h"

#include <string.h>

enum { SQL_MAX_BYTES = 64 * 1024 };

/* --- which there are --- */

struct column {
    struct str table, name;
    bool drawn, is_real;
};

static int column_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct column *)ret =
        (struct column){ col(a, st, 0), col(a, st, 1), db_col_i64(st, 2) != 0, db_col_i64(st, 3) != 0 };
    return 0;
}

#define LITE_COLUMNS                                                                                         \
    "SELECT m.name, p.name, 0, p.type = 'REAL' FROM sqlite_schema m JOIN pragma_table_info(m.name) p"        \
    " WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, p.name"
#define PG_COLUMNS                                                                                           \
    "SELECT table_name::text, column_name::text, CASE is_identity WHEN 'YES' THEN 1 ELSE 0 END,"             \
    " CASE data_type WHEN 'double precision' THEN 1 ELSE 0 END"                                              \
    " FROM information_schema.columns WHERE table_schema = current_schema()"                                 \
    " AND table_name <> 'slipway_schema' ORDER BY table_name COLLATE \"C\", column_name COLLATE \"C\""

static void table_add(struct tables *all, struct arena *a, size_t *cap, const struct column *c)
{
    struct table *last = all->len > 0 ? &all->items[all->len - 1] : NULL;

    if (!last || !str_eq(last->name, c->table)) {
        all->items = arena_grow(a, all->items, all->len, cap, sizeof(*all->items));
        last = &all->items[all->len++];
        *last = (struct table){ .name = c->table };
    }
    last->column_count++;
    if (c->drawn)
        last->identity = c->name;
}

int tables_read(struct db_conn *c, struct arena *a, struct tables *ret, struct err *e)
{
    struct rows rows = ROWS(a, struct column, column_row);
    struct tables all = { 0 };
    const struct column *columns;
    size_t len = 0, cap = 0, at = 0;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, db_is_shared(c) ? PG_COLUMNS : LITE_COLUMNS, "");

    rc = rc < 0 ? rc : rows_read(&rows, st, e);
    if (rc < 0)
        return rc;
    columns = rows_take(&rows, &len);
    for (size_t i = 0; i < len; i++)
        table_add(&all, a, &cap, &columns[i]);
    for (size_t i = 0; i < all.len; i++) {
        struct table *t = &all.items[i];

        t->columns = arena_array(a, t->column_count, sizeof(*t->columns));
        t->is_real = arena_array(a, t->column_count, sizeof(*t->is_real));
        for (size_t k = 0; k < t->column_count; k++, at++) {
            t->columns[k] = columns[at].name;
            t->is_real[k] = columns[at].is_real;
        }
    }
    *ret = all;
    return 0;
}

static int only_one_has(const struct table *t, const char *which, struct str column, struct err *e)
{
    return err_set(e, ERR_STORE, "only the %s has %s%.*s of table %.*s", which,
                   column.ptr ? "the column " : "all", STR_ARG(column), STR_ARG(t->name));
}

static int columns_match(const struct table *from, const struct table *to, struct err *e)
{
    for (size_t i = 0; i < from->column_count || i < to->column_count; i++) {
        struct str left = i < from->column_count ? from->columns[i] : (struct str){ 0 };
        struct str right = i < to->column_count ? to->columns[i] : (struct str){ 0 };

        if (left.ptr && right.ptr && str_eq(left, right))
            continue;
        return left.ptr && (!right.ptr || str_cmp(left, right) < 0) ? only_one_has(from, "source", left, e)
                                                                    : only_one_has(to, "target", right, e);
    }
    return 0;
}

int tables_match(const struct tables *from, const struct tables *to, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && (i < from->len || i < to->len); i++) {
        const struct table *left = i < from->len ? &from->items[i] : NULL;
        const struct table *right = i < to->len ? &to->items[i] : NULL;

        if (left && right && str_eq(left->name, right->name))
            rc = columns_match(left, right, e);
        else if (left && (!right || str_cmp(left->name, right->name) < 0))
            rc = only_one_has(left, "source", (struct str){ 0 }, e);
        else if (right)
            rc = only_one_has(right, "target", (struct str){ 0 }, e);
    }
    return rc;
}

int table_count(struct db_conn *c, struct arena *a, const struct table *t, int64_t *ret, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, arena_printf(a, "SELECT count(*) FROM \"%.*s\"", STR_ARG(t->name)), "");

    return rc < 0 ? rc : read_one(NULL, st, "the count", i64_row, ret, e);
}

/* --- reading --- */

bool table_secret(const struct table *t, struct str column)
{
    static const char *const words[] = { "secret", "token", "password", "verifier" };

    if (str_is(t->name, "api_keys") && (str_is(column, "hash") || str_is(column, "lookup")))
        return true;
    if (str_is(t->name, "sessions") && (str_is(column, "hash") || str_is(column, "sign_in")))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_find(column, str_of(words[i])) >= 0)
            return true;
    return false;
}

static void column_list(struct strbuf *b, const struct table *t, const char *before, const char *after)
{
    for (size_t i = 0; i < t->column_count; i++)
        strbuf_addf(b, "%s%s%.*s%s", i > 0 ? ", " : "", before, STR_ARG(t->columns[i]), after);
}

/* Rows of meta are secrets, but for the head of the audit log. */
static const char *rows_shown(const struct table *t, bool withhold)
{
    return withhold && str_is(t->name, "meta") ? " WHERE key = 'audit_head'" : "";
}

static void lite_select(struct strbuf *b, const struct table *t, bool withhold)
{
    strbuf_addz(b, "SELECT json_object(");
    for (size_t i = 0; i < t->column_count; i++) {
        struct str name = t->columns[i];

        strbuf_addf(b, "%s'%.*s', ", i > 0 ? ", " : "", STR_ARG(name));
        if (withhold && table_secret(t, name))
            strbuf_addz(b, "NULL");
        else if (t->is_real[i])
            strbuf_addf(b, "json(real_json(\"%.*s\"))", STR_ARG(name)); /* its own has 15 digits */
        else
            strbuf_addf(b, "\"%.*s\"", STR_ARG(name));
    }
    strbuf_addf(b, ") FROM \"%.*s\"%s", STR_ARG(t->name), rows_shown(t, withhold));
}

static void pg_select(struct strbuf *b, const struct table *t, bool withhold)
{
    strbuf_addf(b, "DECLARE \"all_%.*s\" NO SCROLL CURSOR FOR SELECT row_to_json(r)::text FROM (SELECT ",
                STR_ARG(t->name));
    for (size_t i = 0; i < t->column_count; i++) {
        struct str name = t->columns[i];

        strbuf_addf(b, "%s%s\"%.*s\"", i > 0 ? ", " : "",
                    withhold && table_secret(t, name) ? "NULL::text AS " : "", STR_ARG(name));
    }
    strbuf_addf(b, " FROM \"%.*s\"%s) r", STR_ARG(t->name), rows_shown(t, withhold));
}

int table_read(struct table_reader *r, struct db_conn *c, struct arena *a, const struct table *t,
               bool withhold, struct err *e)
{
    AUTO_STRBUF struct strbuf sql = STRBUF(SQL_MAX_BYTES);
    const char *text;
    int rc;

    (db_is_shared(c) ? pg_select : lite_select)(&sql, t, withhold);
    rc = strbuf_check(&sql, e);
    if (rc < 0)
        return rc;
    text = arena_cstr(a, strbuf_str(&sql));
    *r = (struct table_reader){ .conn = c };
    if (!db_is_shared(c))
        return db_query(c, &r->rows, e, text, "");
    r->fetch = arena_printf(a, "FETCH 200 FROM \"all_%.*s\"", STR_ARG(t->name));
    r->close = arena_printf(a, "CLOSE \"all_%.*s\"", STR_ARG(t->name));
    rc = db_run(c, NULL, e, text, "");
    return rc < 0 ? rc : db_query(c, &r->rows, e, r->fetch, "");
}

int table_next(struct table_reader *r, struct str *ret, struct err *e)
{
    bool row = false;
    int rc = db_step(r->rows, &row, e);

    while (rc == 0 && !row && r->fetch && r->any) {
        r->any = false;
        rc = db_query(r->conn, &r->rows, e, r->fetch, "");
        rc = rc < 0 ? rc : db_step(r->rows, &row, e);
    }
    if (rc < 0)
        return rc;
    r->any = row;
    if (!row && r->close)
        rc = db_run(r->conn, NULL, e, r->close, "");
    *ret = row ? db_col_str(r->rows, 0) : (struct str){ 0 };
    return rc;
}

/* --- writing --- */

/* "->" gives a number's own text. */
static void lite_values(struct strbuf *b, const struct table *t)
{
    for (size_t i = 0; i < t->column_count; i++)
        strbuf_addf(
            b, t->is_real[i] ? "%sreal_of(value -> '$.\"%.*s\"')" : "%sjson_extract(value, '$.\"%.*s\"')",
            i > 0 ? ", " : "", STR_ARG(t->columns[i]));
}

const char *table_insert(const struct db_conn *c, struct arena *a, const struct table *t)
{
    AUTO_STRBUF struct strbuf sql = STRBUF(SQL_MAX_BYTES);
    bool shared = db_is_shared(c);

    strbuf_addf(&sql, "INSERT INTO \"%.*s\" (", STR_ARG(t->name));
    column_list(&sql, t, "\"", "\"");
    strbuf_addz(&sql, ") SELECT ");
    if (shared)
        column_list(&sql, t, "\"", "\"");
    else
        lite_values(&sql, t);
    if (shared)
        strbuf_addf(&sql, " FROM json_populate_recordset(NULL::\"%.*s\", ?::json)", STR_ARG(t->name));
    else
        strbuf_addz(&sql, " FROM json_each(?)");
    return arena_cstr(a, strbuf_str(&sql));
}

int table_numbers_settle(struct db_conn *c, struct arena *a, const struct table *t, struct err *e)
{
    struct str id = t->identity;

    if (!id.ptr)
        return 0;
    return db_run(c, NULL, e,
                  arena_printf(a,
                               "SELECT setval(pg_get_serial_sequence('\"%.*s\"', '%.*s'),"
                               " (SELECT max(\"%.*s\") FROM \"%.*s\"))",
                               STR_ARG(t->name), STR_ARG(id), STR_ARG(id), STR_ARG(t->name)),
                  "");
}
