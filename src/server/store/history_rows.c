/*
 * server/store/history_rows.c: which lines have a value for each of some keys, out of columns, and then those
 * lines as they came: samples, and pages by step.
 */
#include "server/store/history_internal.h"

#include <float.h>
#include <stdlib.h>

#include "server/history_line.h"

enum {
    MAP_WORDS = COLUMN_ROWS / 64,
    PICK_STEP = 16,   /* lines a statement asks for by their numbers */
    PICK_SLICE = 512, /* lines between which others run */
};

/* A stretch of lines, and which of them are wanted. */
struct part {
    int64_t line, rows;
    uint64_t map[MAP_WORDS];
    bool seen; /* has the key that is being looked at */
};
struct pick {
    struct arena *a;
    const struct store_sample_query *q;
    struct history_head head;
    struct part *parts;
    size_t len, cap;
    struct history_line *tail;
    size_t tail_len;
    bool *tail_wanted;
    int64_t key_id; /* the key that is being looked at */
    bool steps;     /* it is _step, and steps have a range */
};

static bool by_step(const struct store_sample_query *q)
{
    return q->min_step < q->max_step;
}

/* --- out of columns --- */

struct key_part {
    int64_t line, rows, values;
    double lo, hi;
};

static int key_part_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct key_part *)ret = (struct key_part){ .line = db_col_i64(st, 0),
                                                 .rows = db_col_i64(st, 1),
                                                 .values = db_col_i64(st, 2),
                                                 .lo = db_col_double(st, 3),
                                                 .hi = db_col_double(st, 4) };
    return 0;
}

static void map_fill(struct part *p)
{
    for (int64_t i = 0; i < p->rows; i++)
        p->map[i / 64] |= (uint64_t)1 << (i % 64);
}

/* What of a stretch has the key, and, of steps, one in the range. */
static int map_of(struct db_conn *c, const struct pick *p, const struct key_part *k, uint64_t *ret,
                  struct err *e)
{
    struct db_stmt *st = NULL;
    struct key_column cells = { 0 };
    int rc = db_query(c, &st, e,
                      "SELECT cells FROM history_columns WHERE run_id = ? AND stream = ? AND key_id = ?"
                      " AND line = ?",
                      "iiii", p->q->of.run_id, (int64_t)p->q->of.stream, p->key_id, k->line);

    if (rc == 0)
        rc = step_one(st, "a stretch of history", e);
    if (rc < 0)
        return rc;
    rc = column_cells_read(p->a, db_col_str(st, 0), (size_t)k->rows, &cells, e);
    db_finish(st);
    for (size_t i = 0; i < cells.len; i++)
        if (!p->steps || (cells.values[i] >= p->q->min_step && cells.values[i] < p->q->max_step))
            ret[cells.rows[i] / 64] |= (uint64_t)1 << (cells.rows[i] % 64);
    return rc;
}

static struct part *part_at(struct pick *p, const struct key_part *k, bool first_key, size_t *at)
{
    if (first_key) {
        p->parts = arena_grow(p->a, p->parts, p->len, &p->cap, sizeof(*p->parts));
        p->parts[p->len] = (struct part){ .line = k->line, .rows = k->rows };
        map_fill(&p->parts[p->len]);
        return &p->parts[p->len++];
    }
    while (*at < p->len && p->parts[*at].line < k->line)
        ++*at;
    return *at < p->len && p->parts[*at].line == k->line ? &p->parts[*at] : NULL;
}

static void unseen_drop(struct pick *p)
{
    size_t len = 0;

    for (size_t i = 0; i < p->len; i++) {
        if (!p->parts[i].seen)
            continue;
        p->parts[len] = p->parts[i];
        p->parts[len++].seen = false;
    }
    p->len = len;
}

/* Of the parts that are left, those rows that have one key more. */
static int key_narrow(struct db_conn *c, struct pick *p, struct str key, bool first_key, struct err *e)
{
    struct rows rows = ROWS(p->a, struct key_part, key_part_row);
    struct key_part *keys = NULL;
    struct db_stmt *st = NULL;
    size_t len = 0, at = 0;
    int rc = tx_key_id(c, &p->q->of, key, &p->key_id, e);

    p->steps = by_step(p->q) && str_is(key, "_step");
    if (rc == 0)
        rc =
            db_query(c, &st, e,
                     "SELECT line, line_count, numbers + others, lo, hi FROM history_columns WHERE run_id = ?"
                     " AND stream = ? AND key_id = ? AND line < ? AND hi >= ? AND lo <= ? ORDER BY line",
                     "iiiidd", p->q->of.run_id, (int64_t)p->q->of.stream, p->key_id, p->head.packed,
                     p->steps ? p->q->min_step : -DBL_MAX, p->steps ? p->q->max_step : DBL_MAX);
    if (rc == 0)
        rc = rows_read(&rows, st, e);
    if (rc == 0)
        keys = rows_take(&rows, &len);
    for (size_t i = 0; rc == 0 && i < len; i++) {
        const struct key_part *k = &keys[i];
        struct part *part = part_at(p, k, first_key, &at);
        uint64_t map[MAP_WORDS] = { 0 };

        if (!part)
            continue;
        part->seen = true;
        if (k->values == k->rows && (!p->steps || (k->lo >= p->q->min_step && k->hi < p->q->max_step)))
            continue;
        rc = map_of(c, p, k, map, e);
        for (size_t w = 0; w < MAP_WORDS; w++)
            part->map[w] &= map[w];
    }
    unseen_drop(p);
    return rc;
}

/* --- out of the tail --- */

struct line_test {
    const struct store_sample_query *q;
    size_t found;
    bool *has; /* a key each */
    bool in_range;
};

static void test_value(void *ctx, const struct line_value *v)
{
    struct line_test *t = ctx;

    if (by_step(t->q) && v->kind == LINE_NUMBER && str_is(v->key, "_step")) {
        double step = line_number(v->text);

        t->in_range = step >= t->q->min_step && step < t->q->max_step;
    }
    for (size_t i = 0; i < t->q->key_count; i++) {
        if (t->has[i] || !str_eq(t->q->keys[i], v->key))
            continue;
        t->has[i] = true;
        t->found++;
    }
}

static bool line_is_wanted(struct arena *a, const struct store_sample_query *q, struct str line)
{
    struct line_test t = { .q = q,
                           .has = arena_array(a, q->key_count + 1, sizeof(bool)),
                           .in_range = !by_step(q) };

    (void)line_each(line, test_value, &t);
    return t.in_range && t.found == q->key_count;
}

static int pick_read(struct db_conn *c, void *arg, struct err *e)
{
    struct pick *p = arg;
    const struct store_sample_query *q = p->q;
    struct rows tail = ROWS(p->a, struct history_line, history_line_row);
    bool first = true;
    int rc = tx_history_head(c, &q->of, &p->head, e);

    p->len = 0;
    if (rc == 0 && by_step(q)) {
        rc = key_narrow(c, p, STR("_step"), true, e);
        first = false;
    }
    for (size_t i = 0; rc == 0 && i < q->key_count; i++, first = false)
        rc = key_narrow(c, p, q->keys[i], first, e);
    if (rc == 0)
        rc = tx_history_tail(c, &q->of, &p->head, &tail, e);
    if (rc < 0)
        return rc;
    p->tail = rows_take(&tail, &p->tail_len);
    p->tail_wanted = arena_array(p->a, p->tail_len + 1, sizeof(bool));
    for (size_t i = 0; i < p->tail_len; i++)
        p->tail_wanted[i] = line_is_wanted(p->a, q, p->tail[i].text);
    return 0;
}

/* --- choosing --- */

struct choice {
    int64_t total, samples; /* lines there are, and how many are taken */
    int64_t seen, taken;
};

/* Which of the lines is the next sample: evenly spread, the first and the last among them. */
static int64_t next_sample(const struct choice *c)
{
    return c->samples > 1
               ? (int64_t)((double)c->taken * (double)(c->total - 1) / (double)(c->samples - 1) + 0.5)
               : 0;
}

/* Line after line: is this one among the samples? */
static bool choose(struct choice *c)
{
    if (c->taken == c->samples || c->seen++ != next_sample(c))
        return false;
    c->taken++;
    return true;
}

struct fetch {
    const struct store_sample_query *q;
    const int64_t *lines;
    size_t len, before; /* before: rows of earlier slices */
    struct rows rows;
};

static void line_add(struct rows *r, const struct history_line *line)
{
    r->items = arena_grow(r->a, r->items, r->len, &r->cap, r->size);
    ((struct history_line *)r->items)[r->len++] = *line;
}

static int by_line(const void *a, const void *b)
{
    int64_t x = ((const struct history_line *)a)->line, y = ((const struct history_line *)b)->line;

    return (x > y) - (x < y);
}

/* A list of numbers, or a join with one, will not do: while PostgreSQL has no statistics it takes a run for
 * so small that it reads all of it for a list. Where there is no such line the text is absent. */
static int fetch_some(struct db_conn *c, struct fetch *f, const int64_t *lines, size_t len, struct err *e)
{
    struct rows rows = ROWS(f->rows.a, struct history_line, history_line_row);
    int64_t n[PICK_STEP];
    struct db_stmt *st = NULL;
    struct history_line *found;
    size_t count;
    int rc;

    for (size_t k = 0; k < PICK_STEP; k++)
        n[k] = k < len ? lines[k] : -1;
    rc = db_query(c, &st, e,
                  "SELECT v.column1, (SELECT l.text FROM run_lines l WHERE l.run_id = ? AND l.stream = ?"
                  " AND l.line = v.column1) FROM (VALUES (?), (?), (?), (?), (?), (?), (?), (?), (?), (?),"
                  " (?), (?), (?), (?), (?), (?)) v",
                  "iiiiiiiiiiiiiiiiii", f->q->of.run_id, (int64_t)f->q->of.stream, n[0], n[1], n[2], n[3],
                  n[4], n[5], n[6], n[7], n[8], n[9], n[10], n[11], n[12], n[13], n[14], n[15]);
    if (rc == 0)
        rc = rows_read(&rows, st, e);
    if (rc < 0)
        return rc;
    found = rows_take(&rows, &count);
    qsort(found, count, sizeof(*found), by_line);
    for (size_t i = 0; i < count; i++)
        if (found[i].text.ptr)
            line_add(&f->rows, &found[i]);
    return 0;
}

static int fetch_range(struct db_conn *c, struct fetch *f, int64_t first, size_t len, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT line, text FROM run_lines WHERE run_id = ? AND stream = ? AND line >= ?"
                      " AND line < ? ORDER BY line",
                      "iiii", f->q->of.run_id, (int64_t)f->q->of.stream, first, first + (int64_t)len);

    return rc < 0 ? rc : rows_more(&f->rows, st, e);
}

/* How many of them follow one another. */
static size_t range_len(const int64_t *lines, size_t len)
{
    size_t n = 1;

    while (n < len && lines[n] == lines[0] + (int64_t)n)
        n++;
    return n;
}

static int fetch_read(struct db_conn *c, void *arg, struct err *e)
{
    struct fetch *f = arg;
    size_t len;
    int rc = 0;

    f->rows.len = f->before; /* it may be run again */
    for (size_t i = 0; rc == 0 && i < f->len; i += len) {
        const int64_t *lines = f->lines + i;
        size_t left = f->len - i;

        len = range_len(lines, left);
        if (len > PICK_STEP) {
            rc = fetch_range(c, f, lines[0], len, e);
        } else {
            len = left < PICK_STEP ? left : PICK_STEP;
            rc = fetch_some(c, f, lines, len, e);
        }
    }
    return rc;
}

static int lines_fetch(struct store *s, struct fetch *f, const int64_t *lines, size_t len, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < len; i += PICK_SLICE) {
        f->lines = lines + i;
        f->before = f->rows.len;
        f->len = len - i < PICK_SLICE ? len - i : PICK_SLICE;
        rc = db_read(s->db, fetch_read, f, e);
        if (rc == 0 && i + PICK_SLICE < len)
            rc = io_sleep(s->io, 0, e);
    }
    return rc;
}

static int64_t lines_there(const struct pick *p)
{
    int64_t total = 0;

    for (size_t i = 0; i < p->len; i++)
        for (size_t w = 0; w < MAP_WORDS; w++)
            total += __builtin_popcountll(p->parts[i].map[w]);
    for (size_t i = 0; i < p->tail_len; i++)
        total += p->tail_wanted[i];
    return total;
}

/* The samples in columns by their numbers, into @ret; those of the tail follow when the choice goes on. */
static size_t choose_packed(const struct pick *p, struct choice *c, int64_t *ret)
{
    size_t len = 0;

    for (size_t i = 0; i < p->len; i++)
        for (int64_t row = 0; row < p->parts[i].rows; row++)
            if ((p->parts[i].map[row / 64] >> (row % 64) & 1) && choose(c))
                ret[len++] = p->parts[i].line + row;
    return len;
}

static int sample_by_key(struct store *s, struct arena *a, const struct store_sample_query *q,
                         struct rows *ret, struct err *e)
{
    struct pick p = { .a = a, .q = q };
    struct choice c = { 0 };
    struct fetch f = { .q = q, .rows = *ret };
    int64_t *lines;
    size_t len;
    int rc = db_read(s->db, pick_read, &p, e);

    if (rc < 0)
        return rc;
    c.total = lines_there(&p);
    c.samples = q->samples < c.total ? q->samples : c.total;
    lines = arena_array(a, (size_t)c.samples + 1, sizeof(*lines));
    len = choose_packed(&p, &c, lines);
    rc = lines_fetch(s, &f, lines, len, e);
    *ret = f.rows;
    for (size_t i = 0; rc == 0 && i < p.tail_len; i++) {
        if (!p.tail_wanted[i] || !choose(&c))
            continue;
        line_add(ret, &p.tail[i]);
    }
    return rc;
}

/* Every line counts: by their numbers, which are those from 0 on. */
static int sample_all(struct store *s, struct arena *a, const struct store_sample_query *q, struct rows *ret,
                      struct err *e)
{
    struct store_run run = { 0 };
    struct fetch f = { .q = q, .rows = *ret };
    struct choice c = { 0 };
    int64_t *lines;
    int rc = store_run_by_id(s, a, q->of.run_id, &run, e);

    if (rc < 0)
        return rc;
    c.total = q->of.stream == RUN_EVENTS ? run.events_lines : run.history_lines;
    c.samples = q->samples < c.total ? q->samples : c.total;
    lines = arena_array(a, (size_t)c.samples + 1, sizeof(*lines));
    for (; c.taken < c.samples; c.taken++)
        lines[c.taken] = next_sample(&c);
    rc = lines_fetch(s, &f, lines, (size_t)c.taken, e);
    *ret = f.rows;
    return rc;
}

int store_sample(struct store *s, struct arena *a, const struct store_sample_query *q, struct str **ret,
                 size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct history_line, history_line_row);
    struct str *texts;
    bool all = q->key_count == 0 && !by_step(q);
    int rc = all ? 0 : history_ready(s, &q->of, e);

    if (rc == 0)
        rc = all ? sample_all(s, a, q, &rows, e) : sample_by_key(s, a, q, &rows, e);
    if (rc < 0)
        return rc;
    texts = arena_array(a, rows.len + 1, sizeof(*texts));
    for (size_t i = 0; i < rows.len; i++)
        texts[i] = ((struct history_line *)rows.items)[i].text;
    *ret = texts;
    *ret_len = rows.len;
    return 0;
}
