/* server/store/runs.c: runs: made, found, listed, deleted. Their changes of state are in
 * run_moves.c. */
#include "server/store/store_internal.h"

struct run_args {
    const struct store_by *by;
    struct arena *a;
    int64_t id;
    struct str name;
    const struct store_run_query *query;
    void *ret;
};

int run_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    struct store_run r = { .id = db_col_i64(st, 0),
                           .project_id = db_col_i64(st, 1),
                           .name = col(a, st, 2),
                           .project_name = col(a, st, 3),
                           .entity_name = col(a, st, 4),
                           .entity_id = db_col_i64(st, 5),
                           .display_name = col(a, st, 7),
                           .description = col(a, st, 8),
                           .notes = col(a, st, 9),
                           .group_name = col(a, st, 10),
                           .job_type = col(a, st, 11),
                           .host = col(a, st, 12),
                           .program = col(a, st, 13),
                           .repo = col(a, st, 14),
                           .commit = col(a, st, 15),
                           .sweep = col(a, st, 16),
                           .config = col(a, st, 17),
                           .summary = col(a, st, 18),
                           .tags = col(a, st, 19),
                           .username = col(a, st, 20),
                           .item_uid = col(a, st, 21),
                           .stop_asked = db_col_i64(st, 22) != 0,
                           .has_exit_code = !db_col_is_null(st, 23),
                           .exit_code = db_col_i64(st, 23),
                           .history_lines = db_col_i64(st, 24),
                           .events_lines = db_col_i64(st, 25),
                           .log_lines = db_col_i64(st, 26),
                           .created_unix_ms = db_col_i64(st, 27),
                           .heartbeat_unix_ms = db_col_i64(st, 28),
                           .history_packed = db_col_i64(st, 29),
                           .events_packed = db_col_i64(st, 30) };

    if (!run_state_parse(db_col_str(st, 6), &r.state))
        return err_set(e, ERR_STORE, "run %.*s has an unknown state", STR_ARG(r.name));
    *(struct store_run *)ret = r;
    return 0;
}

int tx_run_by_name(struct db_conn *c, struct arena *a, int64_t project_id, struct str name,
                   struct store_run *ret, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, RUN_SELECT "WHERE r.project_id = ? AND r.name = ?", "is", project_id, name);

    return rc < 0 ? rc : read_one(a, st, "the run", run_row, ret, e);
}

static int run_by_name(struct db_conn *c, void *arg, struct err *e)
{
    struct run_args *r = arg;

    return tx_run_by_name(c, r->a, r->id, r->name, r->ret, e);
}

int store_run_by_name(struct store *s, struct arena *a, int64_t project_id, struct str name,
                      struct store_run *ret, struct err *e)
{
    struct run_args r = { .a = a, .id = project_id, .name = name, .ret = ret };

    return db_read(s->db, run_by_name, &r, e);
}

static int run_by_id(struct db_conn *c, void *arg, struct err *e)
{
    struct run_args *r = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, RUN_SELECT "WHERE r.id = ?", "i", r->id);

    return rc < 0 ? rc : read_one(r->a, st, "the run", run_row, r->ret, e);
}

int store_run_by_id(struct store *s, struct arena *a, int64_t id, struct store_run *ret, struct err *e)
{
    struct run_args r = { .a = a, .id = id, .ret = ret };

    return db_read(s->db, run_by_id, &r, e);
}

static int run_list(struct db_conn *c, void *arg, struct err *e)
{
    struct run_args *r = arg;
    struct db_stmt *st = NULL;
    const struct store_page *page = &r->query->page;
    int rc =
        page->oldest_first
            ? db_query(c, &st, e, RUN_SELECT "WHERE r.project_id = ? AND r.id > ? ORDER BY r.id LIMIT ?",
                       "iii", r->query->project_id, page->after, page->first)
            : db_query(c, &st, e, RUN_SELECT "WHERE r.project_id = ? AND r.id < ? ORDER BY r.id DESC LIMIT ?",
                       "iii", r->query->project_id, page->after > 0 ? page->after : INT64_MAX, page->first);

    return rc < 0 ? rc : rows_read(r->ret, st, e);
}

int store_run_list(struct store *s, struct arena *a, const struct store_run_query *q, struct store_run **ret,
                   size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_run, run_row);
    struct run_args r = { .a = a, .query = q, .ret = &rows };
    int rc = db_read(s->db, run_list, &r, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

static int run_count(struct db_conn *c, void *arg, struct err *e)
{
    struct run_args *r = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, "SELECT count(*) FROM runs WHERE project_id = ?", "i", r->id);

    return rc < 0 ? rc : read_one(NULL, st, "the count", i64_row, r->ret, e);
}

int store_run_count(struct store *s, int64_t project_id, int64_t *ret, struct err *e)
{
    struct run_args r = { .id = project_id, .ret = ret };

    return db_read(s->db, run_count, &r, e);
}

/* By numbers, not by a list of them: PostgreSQL reads the whole run for each of a list while it has no
 * statistics. */
int tx_lines_drop(struct db_conn *c, struct lines_drop *d, struct err *e)
{
    struct db_stmt *st = NULL;
    int64_t last = -1;
    int rc = db_query(c, &st, e,
                      "SELECT coalesce(max(l.line), -1) FROM (SELECT line FROM run_lines WHERE run_id = ?"
                      " AND stream = ? AND line >= ? ORDER BY line LIMIT ?) l",
                      "iiii", d->run_id, (int64_t)d->stream, d->from, d->max);

    if (rc == 0)
        rc = read_one(NULL, st, "the last line", i64_row, &last, e);
    return rc < 0 ? rc
                  : db_run(c, &d->gone, e,
                           "DELETE FROM run_lines WHERE run_id = ? AND stream = ? AND line >= ?"
                           " AND line <= ?",
                           "iiii", d->run_id, (int64_t)d->stream, d->from, last);
}

int tx_run_lines_drop(struct db_conn *c, int64_t run_id, int64_t max, int64_t *ret, struct err *e)
{
    int rc = 0;

    *ret = 0;
    for (enum run_stream of = RUN_HISTORY; rc == 0 && of < RUN_STREAM_COUNT_; of++) {
        struct lines_drop d = { .run_id = run_id, .stream = of, .max = max - *ret };

        rc = tx_lines_drop(c, &d, e);
        *ret += d.gone;
    }
    return rc;
}
