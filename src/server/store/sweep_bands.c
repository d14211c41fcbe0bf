/* server/store/sweep_bands.c: how far runs of a sweep have come, for hyperband. */
#include "server/store/sweep_bands.h"

#include "server/store/store_internal.h"

struct progress_args {
    const struct store_sweep_progress_query *query;
    void *ret;
};

static int progress_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_sweep_progress *)ret =
        (struct store_sweep_progress){ .sweep_id = db_col_i64(st, 0),
                                       .run_id = db_col_i64(st, 1),
                                       .run_name = col(a, st, 2),
                                       .history_lines = db_col_i64(st, 3),
                                       .lines_read = db_col_i64(st, 4),
                                       .logged = db_col_i64(st, 5),
                                       .bands_seen = db_col_i64(st, 6),
                                       .has_best = !db_col_is_null(st, 7),
                                       .best = db_col_double(st, 7),
                                       .is_stopped = db_col_i64(st, 8) != 0 };
    return 0;
}

static int progress_list(struct db_conn *c, void *arg, struct err *e)
{
    const struct progress_args *p = arg;
    const struct store_sweep_progress_query *q = p->query;
    struct db_stmt *st = NULL;
    int rc =
        db_query(c, &st, e,
                 "SELECT t.sweep_id, r.id, t.run_name, r.history_lines, t.lines_read, t.logged, t.bands_seen,"
                 " t.best, t.is_stopped FROM sweep_runs t JOIN sweeps s ON s.id = t.sweep_id JOIN runs r"
                 " ON r.project_id = s.project_id AND r.name = t.run_name WHERE t.sweep_id = ?"
                 " AND (t.agent_id = ? OR ? = 0) AND (r.history_lines > t.lines_read OR (t.is_stopped = 1"
                 " AND r.state IN ('pending', 'running'))) ORDER BY t.position LIMIT 200",
                 "iii", q->sweep_id, q->agent_id, q->agent_id);

    return rc < 0 ? rc : rows_read(p->ret, st, e);
}

int store_sweep_progress(struct store *s, struct arena *a, const struct store_sweep_progress_query *q,
                         struct store_sweep_progress **ret, size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_sweep_progress, progress_row);
    struct progress_args p = { .query = q, .ret = &rows };
    int rc = db_read(s->db, progress_list, &p, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

struct save_args {
    const struct store_sweep_progress *p;
    const struct store_sweep_bands *passed;
};

static int best_save(struct db_conn *c, const struct store_sweep_progress *p, struct err *e)
{
    if (!p->has_best)
        return 0;
    return db_run(c, NULL, e, "UPDATE sweep_runs SET best = ? WHERE sweep_id = ? AND run_name = ?", "dis",
                  p->best, p->sweep_id, p->run_name);
}

static int progress_save(struct db_conn *c, void *arg, struct err *e)
{
    const struct save_args *v = arg;
    const struct store_sweep_progress *p = v->p;
    int rc = db_run(c, NULL, e,
                    "UPDATE sweep_runs SET lines_read = ?, logged = ?, bands_seen = ?, is_stopped = ?"
                    " WHERE sweep_id = ? AND run_name = ?",
                    "iiiiis", p->lines_read, p->logged, p->bands_seen, (int64_t)p->is_stopped, p->sweep_id,
                    p->run_name);

    if (rc == 0)
        rc = best_save(c, p, e);
    for (size_t i = 0; rc == 0 && i < v->passed->count; i++)
        rc = db_run(c, NULL, e,
                    "INSERT INTO sweep_bands (sweep_id, band, run_name, metric) VALUES (?, ?, ?, ?)"
                    " ON CONFLICT (sweep_id, band, run_name) DO NOTHING",
                    "iisd", p->sweep_id, v->passed->first + (int64_t)i, p->run_name, v->passed->at[i]);
    return rc;
}

int store_sweep_progress_save(struct store *s, const struct store_sweep_progress *p,
                              const struct store_sweep_bands *passed, struct err *e)
{
    struct save_args v = { p, passed };

    return db_write(s->db, progress_save, &v, e);
}

struct band_args {
    const struct store_sweep_band_query *query;
    void *ret;
};

static int metric_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(double *)ret = db_col_double(st, 0);
    return 0;
}

static int band_list(struct db_conn *c, void *arg, struct err *e)
{
    const struct band_args *b = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(
        c, &st, e,
        "SELECT metric FROM sweep_bands WHERE sweep_id = ? AND band = ? AND run_name <> ? LIMIT 10000", "iis",
        b->query->sweep_id, b->query->band, b->query->but);

    return rc < 0 ? rc : rows_read(b->ret, st, e);
}

int store_sweep_band(struct store *s, struct arena *a, const struct store_sweep_band_query *q, double **ret,
                     size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, double, metric_row);
    struct band_args b = { .query = q, .ret = &rows };
    int rc = db_read(s->db, band_list, &b, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}
