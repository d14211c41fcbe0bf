/*
 * server/store/history_step.c: where in a run's history a step is, and what the run's summary was there.
 * Columns say which lines are to be read; of a run with a million lines these are about a thousand.
 */
#include "server/store/history_internal.h"

#include <math.h>

#include "server/history_line.h"
#include "server/run_summary.h"

enum { WINDOW_MIN = 64, WINDOW_MAX = 2 * COLUMN_ROWS }; /* lines that are read for a summary */

/* --- the line --- */

struct history_step {
    int64_t line;   /* the first with a greater step; without one, the number of lines */
    double last;    /* the greatest step */
    bool has_steps; /* else last means nothing */
    bool has_more;  /* there is a line with a greater step */
};

struct finding {
    struct arena *a;
    const struct store_history *of;
    struct history_head head;
    int64_t key_id; /* of _step; 0: in no column */
    struct history_step found;
};

static int packed_last(struct db_conn *c, struct finding *f, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc =
        db_query(c, &st, e,
                 "SELECT coalesce(max(hi), ?) FROM history_columns WHERE run_id = ? AND stream = ?"
                 " AND key_id = ? AND line < ?",
                 "diiii", -COLUMN_NONE, f->of->run_id, (int64_t)f->of->stream, f->key_id, f->head.packed);

    if (rc == 0)
        rc = step_one(st, "the last step", e);
    if (rc < 0)
        return rc;
    f->found.last = db_col_double(st, 0);
    f->found.has_steps = f->found.last > -COLUMN_NONE;
    db_finish(st);
    return 0;
}

/* The first line with a greater step, of those that are in columns. */
static int packed_find(struct db_conn *c, struct finding *f, double step, struct err *e)
{
    struct key_column cells = { 0 };
    struct db_stmt *st = NULL;
    int64_t first;
    bool row = false;
    int rc = db_query(c, &st, e,
                      "SELECT line, line_count, cells FROM history_columns WHERE run_id = ? AND stream = ?"
                      " AND key_id = ? AND line < ? AND hi > ? ORDER BY line LIMIT 1",
                      "iiiid", f->of->run_id, (int64_t)f->of->stream, f->key_id, f->head.packed, step);

    rc = rc < 0 ? rc : db_step(st, &row, e);
    if (rc < 0 || !row)
        return rc;
    first = db_col_i64(st, 0);
    rc = column_cells_read(f->a, db_col_str(st, 2), (size_t)db_col_i64(st, 1), &cells, e);
    db_finish(st);
    for (size_t i = 0; rc == 0 && i < cells.len; i++) {
        if (!(cells.values[i] > step))
            continue; /* also what is no number */
        f->found.line = first + cells.rows[i];
        f->found.has_more = true;
        return 0;
    }
    return rc;
}

/* With keys in columns and no _step among them, steps are not known; with none at all there is no history. */
static int key_find(struct db_conn *c, struct finding *f, struct err *e)
{
    struct db_stmt *st = NULL;
    bool has_keys = false;
    int rc = tx_key_id(c, f->of, STR("_step"), &f->key_id, e);

    if (rc < 0 || f->key_id != 0)
        return rc;
    rc = db_query(c, &st, e, "SELECT key_id FROM history_keys WHERE run_id = ? AND stream = ? LIMIT 1", "ii",
                  f->of->run_id, (int64_t)f->of->stream);
    rc = rc < 0 ? rc : read_any(st, &has_keys, e);
    if (rc == 0 && has_keys)
        return err_set(e, ERR_INVALID,
                       "its steps are not known: _step is not among the first %d keys that it logged",
                       HISTORY_KEYS_MAX);
    return rc;
}

static void step_value(void *ctx, const struct line_value *v)
{
    if (v->kind == LINE_NUMBER && str_is(v->key, "_step"))
        *(double *)ctx = line_number(v->text);
}

static int tail_find(struct db_conn *c, struct finding *f, double step, struct err *e)
{
    struct rows rows = ROWS(f->a, struct history_line, history_line_row);
    const struct history_line *lines;
    size_t len = 0;
    int rc = tx_history_tail(c, f->of, &f->head, &rows, e);

    if (rc < 0)
        return rc;
    lines = rows_take(&rows, &len);
    for (size_t i = 0; i < len; i++) {
        double at = NAN;

        (void)line_each(lines[i].text, step_value, &at);
        if (!isfinite(at))
            continue;
        f->found.last = !f->found.has_steps || at > f->found.last ? at : f->found.last;
        f->found.has_steps = true;
        if (f->found.has_more || at <= step)
            continue;
        f->found.line = lines[i].line;
        f->found.has_more = true;
    }
    return 0;
}

static int step_find(struct db_conn *c, struct arena *a, const struct history_point *p,
                     struct history_step *ret, struct err *e)
{
    struct finding f = { .a = a, .of = &p->of };
    int rc = tx_history_head(c, &p->of, &f.head, e);

    if (rc == 0 && f.head.lines - f.head.packed > TAIL_LINES_MAX)
        return err_set(e, ERR_CONFLICT, "the run logs faster than its lines are packed: try again");
    f.found.line = f.head.lines;
    if (rc == 0)
        rc = key_find(c, &f, e);
    if (rc == 0)
        rc = packed_last(c, &f, e);
    if (rc == 0)
        rc = packed_find(c, &f, p->step, e);
    if (rc == 0)
        rc = tail_find(c, &f, p->step, e);
    if (rc == 0)
        *ret = f.found;
    return rc;
}

int tx_history_at(struct db_conn *c, struct arena *a, const struct history_point *p, int64_t *ret,
                  struct err *e)
{
    struct history_step found = { 0 };
    int rc = step_find(c, a, p, &found, e);

    if (rc < 0)
        return rc;
    if (!found.has_steps && p->reached < p->step)
        return err_set(e, ERR_INVALID,
                       found.line > 0 ? "its history is no longer there" : "it has no history");
    if (!found.has_more && found.last < p->step && p->reached < p->step)
        return err_set(e, ERR_INVALID, "it has no step %.17g: its last one is %.17g", p->step, found.last);
    *ret = found.line;
    return 0;
}

/* --- the summary --- */

struct summing {
    struct arena *a;
    const struct store_history *of;
    int64_t end, begin; /* lines from begin to before end are read */
    struct run_summary summary;
};

/* From the start of the stretch that the end is in, or of what is not packed. */
static int window_find(struct db_conn *c, struct summing *m, struct err *e)
{
    struct history_head head = { 0 };
    struct db_stmt *st = NULL;
    int rc = tx_history_head(c, m->of, &head, e);

    if (rc == 0)
        rc = db_query(c, &st, e,
                      "SELECT coalesce(min(line), ?) FROM history_columns WHERE run_id = ? AND stream = ?"
                      " AND line + line_count > ?",
                      "iiii", head.packed < m->end ? head.packed : m->end, m->of->run_id,
                      (int64_t)m->of->stream, m->end);
    if (rc == 0)
        rc = read_one(NULL, st, "the stretch", i64_row, &m->begin, e);
    if (rc == 0 && m->begin > m->end - WINDOW_MIN)
        m->begin = m->end - WINDOW_MIN;
    return rc;
}

static int window_add(struct db_conn *c, struct summing *m, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct rows rows = ROWS(a, struct str, str_row);
    struct db_stmt *st = NULL;
    struct str *lines;
    size_t len = 0;
    int rc = db_query(c, &st, e,
                      "SELECT text FROM run_lines WHERE run_id = ? AND stream = ? AND line >= ? AND line < ?"
                      " ORDER BY line DESC LIMIT ?",
                      "iiiii", m->of->run_id, (int64_t)m->of->stream, m->begin, m->end, (int64_t)WINDOW_MAX);

    if (rc == 0)
        rc = rows_read(&rows, st, e);
    if (rc < 0)
        return rc;
    lines = rows_take(&rows, &len);
    for (size_t i = 0; i < len; i++)
        run_summary_add(&m->summary, lines[i], (struct str){ 0 });
    return 0;
}

struct last_key {
    struct str name;
    int64_t id, stretch; /* stretch: where its last value is; -1: in none before the end */
};

static int last_key_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct last_key *)ret =
        (struct last_key){ col(a, st, 0), db_col_i64(st, 1), db_col_is_null(st, 2) ? -1 : db_col_i64(st, 2) };
    return 0;
}

static int last_value_add(struct db_conn *c, struct summing *m, const struct last_key *k, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct key_column cells = { 0 };
    struct db_stmt *st = NULL;
    struct str line = { 0 };
    int rc = db_query(c, &st, e,
                      "SELECT line_count, cells FROM history_columns WHERE run_id = ? AND stream = ?"
                      " AND key_id = ? AND line = ?",
                      "iiii", m->of->run_id, (int64_t)m->of->stream, k->id, k->stretch);

    if (rc == 0)
        rc = step_one(st, "a stretch of history", e);
    if (rc < 0)
        return rc;
    rc = column_cells_read(a, db_col_str(st, 1), (size_t)db_col_i64(st, 0), &cells, e);
    db_finish(st);
    if (rc < 0 || cells.len == 0)
        return rc;
    rc = db_query(c, &st, e, "SELECT text FROM run_lines WHERE run_id = ? AND stream = ? AND line = ?", "iii",
                  m->of->run_id, (int64_t)m->of->stream, k->stretch + cells.rows[cells.len - 1]);
    if (rc == 0)
        rc = read_one(a, st, "a logged line", str_row, &line, e);
    if (rc == 0)
        run_summary_add(&m->summary, line, k->name);
    return rc;
}

/* What was not logged lately is found by its column. */
static int rare_add(struct db_conn *c, struct summing *m, struct err *e)
{
    struct rows rows = ROWS(m->a, struct last_key, last_key_row);
    const struct last_key *keys;
    struct db_stmt *st = NULL;
    size_t len = 0;
    int rc = db_query(c, &st, e,
                      "SELECT k.name, k.key_id, (SELECT max(h.line) FROM history_columns h"
                      " WHERE h.run_id = k.run_id AND h.stream = k.stream AND h.key_id = k.key_id"
                      " AND h.line + h.line_count <= ?) FROM history_keys k WHERE k.run_id = ?"
                      " AND k.stream = ?",
                      "iii", m->end, m->of->run_id, (int64_t)m->of->stream);

    if (rc == 0)
        rc = rows_read(&rows, st, e);
    if (rc < 0)
        return rc;
    keys = rows_take(&rows, &len);
    for (size_t i = 0; rc == 0 && i < len; i++)
        if (keys[i].stretch >= 0 && !run_summary_knows(&m->summary, keys[i].name))
            rc = last_value_add(c, m, &keys[i], e);
    return rc;
}

int tx_history_summary(struct db_conn *c, struct arena *a, const struct store_history *of, int64_t line,
                       struct str *ret, struct err *e)
{
    struct summing m = { .a = a, .of = of, .end = line };
    int rc = window_find(c, &m, e);

    run_summary_begin(&m.summary, a);
    if (rc == 0)
        rc = window_add(c, &m, e);
    if (rc == 0)
        rc = rare_add(c, &m, e);
    if (rc == 0)
        *ret = jval_text(a, m.summary.values, JVAL_COMPACT);
    run_summary_end(&m.summary);
    return rc;
}
