/* server/store/transfer.c: copies of a whole store, in one transaction and counted; and which files are its.
 */
#include "server/store/transfer.h"

#include "io/db_pair.h"
#include "server/store/tables.h"

enum { BATCH_ROWS = 500, BATCH_BYTES = 256 * 1024, BATCH_MAX_BYTES = 512 << 20 };

static void pages_told(void *ctx, int64_t done, int64_t of)
{
    const struct store_progress *p = ctx;

    if (p && p->told)
        p->told(p->ctx, STR("pages"), done, of);
}

int store_snapshot(struct store *from, const char *to, struct store_progress *p, struct err *e)
{
    const struct db_snapshot o = { .to = to, .told = pages_told, .ctx = p };

    return db_snapshot(from->db, &o, e);
}

/* --- copying --- */

struct copying {
    struct store_copy *o;
    const struct db_pair *conns;
    struct arena *a;
    int64_t rows, tables;
};

static void tell(const struct copying *c, const struct table *t, int64_t done, int64_t of)
{
    const struct store_progress *p = &c->o->progress;

    if (p->told)
        p->told(p->ctx, t->name, done, of);
}

/* Rows until the batch is full or the table ends: *ret_count 0. @batch is "[{...},{...}]". */
static int batch_fill(struct table_reader *r, struct strbuf *batch, int64_t *ret_count, struct err *e)
{
    struct str row = { "", 0 };
    int64_t n = 0;

    strbuf_reset(batch);
    strbuf_addc(batch, '[');
    while (n < BATCH_ROWS && batch->len < BATCH_BYTES) {
        int rc = table_next(r, &row, e);

        if (rc < 0)
            return rc;
        if (!row.ptr)
            break;
        if (n++ > 0)
            strbuf_addc(batch, ',');
        strbuf_add(batch, row);
    }
    strbuf_addc(batch, ']');
    *ret_count = row.ptr ? n : -n;
    return strbuf_check(batch, e);
}

static int rows_move(struct copying *c, const struct table *t, int64_t of, int64_t *ret_rows, struct err *e)
{
    AUTO_STRBUF struct strbuf batch = STRBUF(BATCH_MAX_BYTES);
    const char *insert = table_insert(c->conns->to, c->a, t);
    struct table_reader r = { 0 };
    int64_t moved = 0, n = 1;
    int rc = table_read(&r, c->conns->from, c->a, t, false, e);

    while (rc == 0 && n > 0) {
        rc = batch_fill(&r, &batch, &n, e);
        if (rc == 0 && n != 0)
            rc = db_run(c->conns->to, NULL, e, insert, "s", strbuf_str(&batch));
        moved += n > 0 ? n : -n;
        tell(c, t, moved, of);
    }
    *ret_rows = moved;
    return rc;
}

static int table_move(struct copying *c, const struct table *t, struct err *e)
{
    int64_t of = 0, moved = 0, there = 0;
    int rc = table_count(c->conns->from, c->a, t, &of, e);

    rc = rc < 0 ? rc : rows_move(c, t, of, &moved, e);
    rc = rc < 0 ? rc : table_count(c->conns->to, c->a, t, &there, e);
    if (rc == 0 && (moved != of || there != of))
        rc = err_set(e, ERR_STORE, "%lld rows there, %lld moved and %lld arrived", (long long)of,
                     (long long)moved, (long long)there);
    rc = rc < 0 ? rc : table_numbers_settle(c->conns->to, c->a, t, e);
    if (rc < 0)
        return err_wrap(e, "table %.*s", STR_ARG(t->name));
    c->rows += moved;
    c->tables++;
    return 0;
}

static int is_empty(struct copying *c, const struct tables *all, struct err *e)
{
    for (size_t i = 0; i < all->len; i++) {
        int64_t rows = 0;
        int rc = table_count(c->conns->to, c->a, &all->items[i], &rows, e);

        if (rc < 0)
            return rc;
        if (rows > 0)
            return err_set(
                e, ERR_CONFLICT,
                "the target is not empty: its table %.*s has %lld rows; nothing was copied, give an "
                "empty database, or another schema in it",
                STR_ARG(all->items[i].name), (long long)rows);
    }
    return 0;
}

static int versions_match(const struct db_pair *p, struct err *e)
{
    int64_t from = 0, to = 0;
    int rc = db_version(p->from, &from, e);

    rc = rc < 0 ? rc : db_version(p->to, &to, e);
    if (rc == 0 && from != to)
        return err_set(e, ERR_STORE, "the source has format %lld, and the target has %lld", (long long)from,
                       (long long)to);
    return rc;
}

static int copy(const struct db_pair *conns, void *arg, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct copying c = { .o = arg, .conns = conns, .a = a };
    const struct audit_note note = { .what = c.o->what, .object = c.o->object };
    struct tables from = { 0 }, to = { 0 };
    int rc = versions_match(conns, e);

    rc = rc < 0 ? rc : tables_read(conns->from, a, &from, e);
    rc = rc < 0 ? rc : tables_read(conns->to, a, &to, e);
    rc = rc < 0 ? rc : tables_match(&from, &to, e);
    rc = rc < 0 ? rc : is_empty(&c, &to, e);
    for (size_t i = 0; rc == 0 && i < to.len; i++) {
        to.items[i].columns = from.items[i].columns;
        rc = table_move(&c, &to.items[i], e);
    }
    rc = rc < 0 ? rc : tx_audit(conns->to, &c.o->by, &note, e);
    c.o->ret_rows = c.rows;
    c.o->ret_tables = c.tables;
    return rc;
}

int store_copy(struct store *from, struct store_copy *o, struct err *e)
{
    return db_pair(from->db, o->to->db, copy, o, e);
}

/* --- the log of changes --- */

struct note_args {
    const struct store_by *by;
    struct audit_note note;
};

static int note(struct db_conn *c, void *arg, struct err *e)
{
    const struct note_args *n = arg;

    return tx_audit(c, n->by, &n->note, e);
}

int store_note(struct store *s, const char *what, const char *object, const struct store_by *by,
               struct err *e)
{
    struct note_args n = { by, { .what = what, .object = object } };

    return db_write(s->db, note, &n, e);
}

/* --- files --- */

struct list_args {
    struct str after;
    int64_t run_id;
    struct rows *rows;
};

static int blob_list(struct db_conn *c, void *arg, struct err *e)
{
    const struct list_args *l = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT sha256 FROM artifact_files WHERE sha256 > ? UNION"
                      " SELECT sha256 FROM artifact_entries WHERE sha256 > ? ORDER BY 1 LIMIT ?",
                      "ssi", l->after, l->after, (int64_t)STORE_FILES_PAGE);

    return rc < 0 ? rc : rows_read(l->rows, st, e);
}

int store_blob_list(struct store *s, struct arena *a, struct str after, struct str **ret, size_t *ret_len,
                    struct err *e)
{
    struct rows rows = ROWS(a, struct str, str_row);
    struct list_args l = { .after = after, .rows = &rows };
    int rc = db_read(s->db, blob_list, &l, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

int run_file_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_run_file *)ret = (struct store_run_file){ db_col_i64(st, 0), col(a, st, 1) };
    return 0;
}

static int run_file_list(struct db_conn *c, void *arg, struct err *e)
{
    const struct list_args *l = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT run_id, name FROM run_files WHERE run_id > ? OR (run_id = ? AND name > ?)"
                      " ORDER BY run_id, name LIMIT ?",
                      "iisi", l->run_id, l->run_id, l->after, (int64_t)STORE_FILES_PAGE);

    return rc < 0 ? rc : rows_read(l->rows, st, e);
}

int store_run_file_list(struct store *s, struct arena *a, const struct store_run_file *after,
                        struct store_run_file **ret, size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_run_file, run_file_row);
    struct list_args l = { .after = after->name.ptr ? after->name : STR(""),
                           .run_id = after->run_id,
                           .rows = &rows };
    int rc = db_read(s->db, run_file_list, &l, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}
