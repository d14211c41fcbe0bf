/*
 * server/store/run_delete.c: a run is deleted: out of sight at once, and then what it logged goes, a small
 * step at a time, for a run may have millions of lines, and whoever writes meanwhile would wait for them.
 *
 * Its row goes last. Until then its number, by which lines and files are kept, is not given to another run.
 */
#include "server/store/retention.h"
#include "server/store/store_internal.h"

enum { LINES_STEP = 2000 };

struct deletion {
    int64_t id;
    const struct store_by *by;
    struct store_deleted step;
};

static int run_delete(struct db_conn *c, void *arg, struct err *e)
{
    const struct deletion *d = arg;
    int rc = tx_run_note(c, d->id, &(struct audit_note){ .what = "run.delete" }, d->by, e);

    if (rc == 0)
        rc = db_run(c, NULL, e, "DELETE FROM run_artifacts WHERE run_id = ?", "i", d->id);
    if (rc == 0) /* what it logged stays */
        rc = db_run(c, NULL, e, "UPDATE artifacts SET run_id = NULL WHERE run_id = ?", "i", d->id);
    return rc < 0 ? rc
                  : db_run(c, NULL, e,
                           "UPDATE runs SET project_id = 0, name = CAST(id AS TEXT), state = 'killed',"
                           " item_uid = NULL, sweep = NULL, history_lines = 0, events_lines = 0,"
                           " log_lines = 0, history_packed = 0, events_packed = 0 WHERE id = ?",
                           "i", d->id);
}

int store_run_delete(struct store *s, int64_t run_id, const struct store_by *by, struct err *e)
{
    struct deletion d = { .id = run_id, .by = by };

    return db_write(s->db, run_delete, &d, e);
}

/* --- what is left of it --- */

/* Charts of one key. *ret false: there are none left. */
static int column_drop(struct db_conn *c, int64_t id, bool *ret, struct err *e)
{
    struct db_stmt *st = NULL;
    int64_t stream, key_id;
    bool row = false;
    int rc = db_query(c, &st, e,
                      "SELECT stream, key_id FROM history_columns WHERE run_id = ? ORDER BY stream, key_id"
                      " LIMIT 1",
                      "i", id);

    rc = rc < 0 ? rc : db_step(st, &row, e);
    *ret = row;
    if (rc < 0 || !row)
        return rc;
    stream = db_col_i64(st, 0);
    key_id = db_col_i64(st, 1);
    db_finish(st);
    return db_run(c, NULL, e, "DELETE FROM history_columns WHERE run_id = ? AND stream = ? AND key_id = ?",
                  "iii", id, stream, key_id);
}

static int row_drop(struct db_conn *c, int64_t id, struct err *e)
{
    int rc = tx_history_drop(c, id, e);

    return rc < 0 ? rc : db_run(c, NULL, e, "DELETE FROM runs WHERE id = ?", "i", id);
}

static int deleted_step(struct db_conn *c, void *arg, struct err *e)
{
    struct deletion *d = arg;
    struct db_stmt *st = NULL;
    bool has_columns = false;
    int64_t id = 0;
    int rc = db_query(c, &st, e,
                      "SELECT coalesce(min(r.id), 0) FROM runs r WHERE " RUN_IS_DELETED
                      " AND NOT EXISTS (SELECT 1 FROM run_files f WHERE f.run_id = r.id)",
                      "");

    rc = rc < 0 ? rc : read_one(NULL, st, "the run", i64_row, &id, e);
    d->step = (struct store_deleted){ .more = id != 0 };
    if (rc < 0 || id == 0)
        return rc;
    rc = tx_run_lines_drop(c, id, LINES_STEP, &d->step.lines, e);
    if (rc < 0 || d->step.lines == LINES_STEP)
        return rc;
    rc = column_drop(c, id, &has_columns, e);
    if (rc < 0 || has_columns)
        return rc;
    d->step.runs = 1;
    return row_drop(c, id, e);
}

int store_deleted_step(struct store *s, struct store_deleted *ret, struct err *e)
{
    struct deletion d = { 0 };
    int rc = db_write(s->db, deleted_step, &d, e);

    if (rc == 0)
        *ret = d.step;
    return rc;
}
