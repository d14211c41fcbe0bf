/*
 * server/store/history_chart.c: charts out of columns and the tail. Where a bucket is wide enough, blocks of
 * rows are read and not their cells. Stretches come in slices, between which others run.
 */
#include "server/store/history_internal.h"

#include <float.h>
#include <math.h>

enum { SLICE_BLOCKS = 256, SLICE_CELLS = 32, CELLS_AT_ONCE = 8 }; /* stretches */

struct opening { /* what all charts of the run begin with */
    const struct store_chart_query *q;
    struct arena *a;
    struct history_head head;
    int64_t x_id, *ids;
    double lo, hi;       /* of x, in the range asked for */
    int64_t rows;        /* of the stretches that have a part in it */
    struct columns tail; /* x, then the keys */
};

struct stretch {
    int64_t line, rows;
    struct str x_blocks, y_blocks, x_cells, y_cells; /* cells: absent where they were not read */
    struct column_block x[COLUMN_BLOCKS], y[COLUMN_BLOCKS];
};
struct slice {
    const struct opening *o;
    struct arena *a;
    int64_t y_id, after; /* lines of stretches that are behind us */
    bool with_cells;
    struct stretch *items;
    size_t len;
};

/* --- opening --- */

/* A store that was copied has lo and hi with 15 digits: look a little further than that may be off. */
static double further(double d, double sign)
{
    return fabs(d) < COLUMN_NONE ? d + sign * fabs(d) * 1e-14 : d;
}

static int range_read(struct db_conn *c, struct opening *o, struct err *e)
{
    const struct store_chart_query *q = o->q;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT coalesce(min(lo), ?), coalesce(max(hi), ?), coalesce(sum(line_count), 0)"
                      " FROM history_columns WHERE run_id = ? AND stream = ? AND key_id = ? AND line < ?"
                      " AND hi >= ? AND lo <= ?",
                      "ddiiiidd", COLUMN_NONE, -COLUMN_NONE, q->of.run_id, (int64_t)q->of.stream, o->x_id,
                      o->head.packed, further(q->from, -1), further(q->to, 1));

    if (rc == 0)
        rc = step_one(st, "the range", e);
    if (rc < 0)
        return rc;
    o->lo = further(db_col_double(st, 0), -1);
    o->hi = further(db_col_double(st, 1), 1);
    o->rows = db_col_i64(st, 2);
    db_finish(st);
    return 0;
}

static void tail_take(struct opening *o, const struct rows *tail)
{
    size_t len = 0;
    const struct history_line *lines = rows_take(tail, &len);
    struct str *keys = arena_array(o->a, o->q->key_count + 1, sizeof(*keys));
    struct key_column *x;

    keys[0] = o->q->x;
    for (size_t i = 0; i < o->q->key_count; i++)
        keys[i + 1] = o->q->keys[i];
    columns_begin_only(&o->tail, o->a, keys, o->q->key_count + 1);
    for (size_t i = 0; i < len; i++)
        columns_add(&o->tail, (uint16_t)i, lines[i].text);
    x = o->tail.items[0];
    for (size_t i = 0; i < x->len; i++) {
        if (!(x->values[i] >= o->q->from && x->values[i] <= o->q->to))
            continue; /* also what is no number */
        o->lo = x->values[i] < o->lo ? x->values[i] : o->lo;
        o->hi = x->values[i] > o->hi ? x->values[i] : o->hi;
    }
}

static int opening_read(struct db_conn *c, void *arg, struct err *e)
{
    struct opening *o = arg;
    const struct store_chart_query *q = o->q;
    struct rows tail = ROWS(o->a, struct history_line, history_line_row);
    int rc = tx_history_head(c, &q->of, &o->head, e);

    if (rc == 0)
        rc = tx_key_id(c, &q->of, q->x, &o->x_id, e);
    for (size_t i = 0; rc == 0 && i < q->key_count; i++)
        rc = tx_key_id(c, &q->of, q->keys[i], &o->ids[i], e);
    if (rc == 0)
        rc = range_read(c, o, e);
    if (rc == 0)
        rc = tx_history_tail(c, &q->of, &o->head, &tail, e);
    if (rc == 0)
        tail_take(o, &tail);
    return rc;
}

/* --- slices --- */

static int stretch_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    struct stretch *s = ret;

    s->line = db_col_i64(st, 0);
    s->rows = db_col_i64(st, 1);
    s->x_blocks = col(a, st, 2);
    s->y_blocks = col(a, st, 3);
    return 0;
}

static int full_stretch_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    struct stretch *s = ret;

    s->x_cells = col(a, st, 4);
    s->y_cells = col(a, st, 5);
    return stretch_row(a, st, ret, e);
}

/* A column of the other key's stretch at the same lines. As a join PostgreSQL, which guesses that a key has
 * one row, would go through all of that key for each stretch. */
#define Y(column)                                                                                            \
    "(SELECT y." column " FROM history_columns y WHERE y.run_id = x.run_id AND y.stream = x.stream"          \
    " AND y.key_id = ? AND y.line = x.line)"
#define OF_X " FROM history_columns x WHERE x.run_id = ? AND x.stream = ? AND x.key_id = ?"
#define STRETCHES_FROM                                                                                       \
    OF_X " AND x.line > ? AND x.line < ? AND x.hi >= ? AND x.lo <= ? AND " Y(                                \
        "line") " IS NOT NULL"                                                                               \
                " ORDER BY x.line LIMIT ?"

static size_t slice_max(bool with_cells)
{
    return with_cells ? SLICE_CELLS : SLICE_BLOCKS;
}

static int slice_read(struct db_conn *c, void *arg, struct err *e)
{
    struct slice *s = arg;
    const struct opening *o = s->o;
    const struct store_chart_query *q = o->q;
    struct rows rows = ROWS(s->a, struct stretch, s->with_cells ? full_stretch_row : stretch_row);
    struct db_stmt *st = NULL;
    const int64_t stream = (int64_t)q->of.stream, max = (int64_t)slice_max(s->with_cells);
    const double lo = further(o->lo, -1), hi = further(o->hi, 1);
    int rc;

    if (s->with_cells)
        rc = db_query(c, &st, e,
                      "SELECT x.line, x.line_count, x.blocks, " Y("blocks") ", x.cells, " Y("cells")
                          STRETCHES_FROM,
                      "iiiiiiiddii", s->y_id, s->y_id, q->of.run_id, stream, o->x_id, s->after,
                      o->head.packed, lo, hi, s->y_id, max);
    else
        rc = db_query(c, &st, e, "SELECT x.line, x.line_count, x.blocks, " Y("blocks") STRETCHES_FROM,
                      "iiiiiiddii", s->y_id, q->of.run_id, stream, o->x_id, s->after, o->head.packed, lo, hi,
                      s->y_id, max);
    if (rc == 0)
        rc = rows_read(&rows, st, e);
    if (rc == 0)
        s->items = rows_take(&rows, &s->len);
    return rc;
}

static size_t block_rows(const struct stretch *s, size_t block)
{
    size_t left = (size_t)s->rows - block * COLUMN_BLOCK_ROWS;

    return left < COLUMN_BLOCK_ROWS ? left : COLUMN_BLOCK_ROWS;
}

static bool needs_cells(const struct chart *chart, const struct stretch *s)
{
    for (size_t i = 0; i < column_block_count((size_t)s->rows); i++)
        if (!chart_fits_block(chart, &s->x[i], &s->y[i], block_rows(s, i)))
            return true;
    return false;
}

struct cells_args {
    struct slice *s;
    const struct chart *chart;
};

/* The cells of these stretches, in the order of their lines. A statement is a way to PostgreSQL and back, so
 * several come with one; the range of their lines is what it looks for while it has no statistics. */
static int cells_of(struct db_conn *c, struct slice *s, struct stretch *const wanting[CELLS_AT_ONCE],
                    size_t len, struct err *e)
{
    const struct store_chart_query *q = s->o->q;
    int64_t l[CELLS_AT_ONCE] = { -1, -1, -1, -1, -1, -1, -1, -1 };
    struct db_stmt *st = NULL;
    bool row = false;
    int rc;

    for (size_t i = 0; i < len; i++)
        l[i] = wanting[i]->line;
    rc =
        db_query(c, &st, e,
                 "SELECT x.cells, " Y("cells") OF_X " AND x.line >= ? AND x.line <= ?"
                                                    " AND x.line IN (?, ?, ?, ?, ?, ?, ?, ?) ORDER BY x.line",
                 "iiiiiiiiiiiiii", s->y_id, q->of.run_id, (int64_t)q->of.stream, s->o->x_id, l[0], l[len - 1],
                 l[0], l[1], l[2], l[3], l[4], l[5], l[6], l[7]);
    for (size_t i = 0; rc == 0 && i < len; i++) {
        rc = db_step(st, &row, e);
        if (rc < 0 || !row)
            return rc < 0 ? rc : err_set(e, ERR_NOT_FOUND, "a stretch of history does not exist");
        wanting[i]->x_cells = col(s->a, st, 0);
        wanting[i]->y_cells = col(s->a, st, 1);
    }
    if (rc == 0)
        db_finish(st);
    return rc;
}

/* Those of the slice whose blocks do not do, and whose cells were not read. */
static int cells_read(struct db_conn *c, void *arg, struct err *e)
{
    struct cells_args *l = arg;
    struct stretch *wanting[CELLS_AT_ONCE];
    size_t len = 0;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < l->s->len; i++) {
        struct stretch *s = &l->s->items[i];

        if (!s->x_cells.ptr && needs_cells(l->chart, s))
            wanting[len++] = s;
        if (len == CELLS_AT_ONCE || (len > 0 && i + 1 == l->s->len)) {
            rc = cells_of(c, l->s, wanting, len, e);
            len = 0;
        }
    }
    return rc;
}

static int stretch_draw(struct chart *chart, struct arena *a, const struct stretch *s, struct err *e)
{
    struct key_column x = { 0 }, y = { 0 };
    bool by_cells = s->x_cells.ptr && needs_cells(chart, s);
    int rc = 0;

    if (by_cells)
        rc = column_cells_read(a, s->x_cells, (size_t)s->rows, &x, e);
    if (by_cells && rc == 0)
        rc = column_cells_read(a, s->y_cells, (size_t)s->rows, &y, e);
    for (size_t i = 0; rc == 0 && i < column_block_count((size_t)s->rows); i++) {
        size_t from = i * COLUMN_BLOCK_ROWS;

        if (chart_fits_block(chart, &s->x[i], &s->y[i], block_rows(s, i)))
            chart_add_block(chart, &s->x[i], &s->y[i]);
        else
            chart_add_rows(chart, &x, &y, from, from + COLUMN_BLOCK_ROWS);
    }
    return rc;
}

static int slice_draw(struct store *st, struct chart *chart, struct slice *s, struct err *e)
{
    struct cells_args l = { s, chart };
    bool wanting = false;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < s->len; i++) {
        struct stretch *t = &s->items[i];

        rc = column_blocks_read(s->a, t->x_blocks, (size_t)t->rows, t->x, e);
        if (rc == 0)
            rc = column_blocks_read(s->a, t->y_blocks, (size_t)t->rows, t->y, e);
        wanting = wanting || (rc == 0 && !t->x_cells.ptr && needs_cells(chart, t));
    }
    if (rc == 0 && wanting)
        rc = db_read(st->db, cells_read, &l, e);
    for (size_t i = 0; rc == 0 && i < s->len; i++)
        rc = stretch_draw(chart, s->a, &s->items[i], e);
    return rc;
}

/* --- a chart --- */

static int columns_draw(struct store *s, const struct opening *o, int64_t y_id, struct chart *chart,
                        struct err *e)
{
    bool with_cells = o->rows <= (int64_t)o->q->buckets * COLUMN_BLOCK_ROWS;
    int64_t after = -1;
    int rc = 0;

    for (bool more = o->x_id && y_id; rc == 0 && more;) {
        AUTO_PTR(arena) a = arena_new();
        struct slice slice = { .o = o, .a = a, .y_id = y_id, .after = after, .with_cells = with_cells };

        rc = db_read(s->db, slice_read, &slice, e);
        if (rc == 0)
            rc = slice_draw(s, chart, &slice, e);
        more = rc == 0 && slice.len == slice_max(with_cells);
        if (more) {
            after = slice.items[slice.len - 1].line;
            rc = io_sleep(s->io, 0, e);
        }
    }
    return rc;
}

int store_chart(struct store *s, struct arena *a, const struct store_chart_query *q, struct chart **ret,
                struct err *e)
{
    struct opening o = { .q = q, .a = a, .ids = arena_array(a, q->key_count + 1, sizeof(*o.ids)) };
    struct chart *charts = arena_array(a, q->key_count + 1, sizeof(*charts));
    int rc = history_ready(s, &q->of, e);

    if (rc == 0)
        rc = db_read(s->db, opening_read, &o, e);
    if (rc == 0 && o.lo <= o.hi) {
        o.lo = q->from > -DBL_MAX ? q->from : o.lo;
        o.hi = q->to < DBL_MAX ? q->to : o.hi;
        for (size_t i = 0; rc == 0 && i < q->key_count; i++) {
            chart_begin(&charts[i], a, o.lo, o.hi, q->buckets);
            rc = columns_draw(s, &o, o.ids[i], &charts[i], e);
            if (rc == 0)
                chart_add_rows(&charts[i], o.tail.items[0], o.tail.items[i + 1], 0, SIZE_MAX);
        }
    }
    if (rc == 0)
        *ret = charts;
    return rc;
}
