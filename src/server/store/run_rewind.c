/* server/store/run_rewind.c: a run is taken back to a step. */
#include "server/store/branches.h"
#include "server/store/history_internal.h"

enum { LINES_STEP = 2000 }; /* removed at a time */

struct rewind {
    const struct store_rewind *in;
    struct store_history history;
    int64_t gone;
    enum run_stream stream; /* that is being cleared */
    int64_t cleared;
};

struct rewind_run { /* the run before */
    struct str name;
    int64_t project_id, lines, fork_lines, packed, events_packed;
    double rewound_step; /* -1: none */
};

static int run_before(struct db_conn *c, struct arena *a, int64_t id, struct rewind_run *ret, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT name, project_id, history_lines, fork_lines, history_packed, events_packed,"
                      " coalesce(rewound_step, -1) FROM runs WHERE id = ?",
                      "i", id);

    if (rc == 0)
        rc = step_one(st, "the run", e);
    if (rc < 0)
        return rc;
    *ret = (struct rewind_run){ col(a, st, 0),     db_col_i64(st, 1), db_col_i64(st, 2),   db_col_i64(st, 3),
                                db_col_i64(st, 4), db_col_i64(st, 5), db_col_double(st, 6) };
    db_finish(st);
    return 0;
}

static int run_take_back(struct db_conn *c, const struct rewind *w, int64_t line, struct str summary,
                         struct err *e)
{
    return db_run(c, NULL, e,
                  "UPDATE runs SET history_lines = ?, events_lines = 0, log_lines = 0,"
                  " fork_lines = CASE WHEN fork_lines > ? THEN ? ELSE fork_lines END,"
                  " rewinds = rewinds + 1, rewound_step = ?, line_rewrites = line_rewrites + 1, summary = ?,"
                  " branch_summary = ? WHERE id = ?",
                  "iiidssi", line, line, line, w->in->step, summary, summary, w->in->run_id);
}

/* Hyperband reads what the run has from its first line. */
static int sweep_take_back(struct db_conn *c, const struct rewind_run *r, struct err *e)
{
    int rc = db_run(c, NULL, e,
                    "UPDATE sweep_runs SET lines_read = 0, logged = 0, best = NULL, bands_seen = 0,"
                    " is_stopped = 0 WHERE run_name = ? AND sweep_id IN"
                    " (SELECT id FROM sweeps WHERE project_id = ?)",
                    "si", r->name, r->project_id);

    return rc < 0 ? rc
                  : db_run(c, NULL, e,
                           "DELETE FROM sweep_bands WHERE run_name = ? AND sweep_id IN"
                           " (SELECT id FROM sweeps WHERE project_id = ?)",
                           "si", r->name, r->project_id);
}

static int note(struct db_conn *c, struct arena *a, const struct rewind *w, int64_t line, int64_t before,
                struct err *e)
{
    const struct audit_note n = { .what = "run.rewind",
                                  .detail = arena_printf(a, "to step %.17g: %lld of %lld lines stay",
                                                         w->in->step, (long long)line, (long long)before) };

    return tx_run_note(c, w->in->run_id, &n, w->in->by, e);
}

static int run_rewind(struct db_conn *c, void *arg, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct rewind *w = arg;
    struct history_point point = { .of = w->history, .step = w->in->step };
    struct rewind_run before = { 0 };
    struct str summary = { 0 };
    int64_t id = w->in->run_id, line = 0;
    int rc = run_before(c, a, id, &before, e);

    if (rc == 0 && before.lines < before.fork_lines)
        return err_set(e, ERR_CONFLICT, "it is still being forked");
    point.reached = before.rewound_step;
    if (rc == 0)
        rc = tx_history_at(c, a, &point, &line, e);
    if (rc == 0)
        rc = tx_history_summary(c, a, &w->history, line, &summary, e);
    if (rc == 0 && line < before.packed)
        rc = tx_history_cut(c, id, RUN_HISTORY, line, e);
    if (rc == 0 && before.events_packed > 0)
        rc = tx_history_cut(c, id, RUN_EVENTS, 0, e);
    if (rc == 0)
        rc = run_take_back(c, w, line, summary, e);
    if (rc == 0)
        rc = sweep_take_back(c, &before, e);
    if (rc == 0)
        rc = tx_run_begin_again(c, id, w->in->by->now_unix_ms, e);
    if (rc == 0)
        rc = note(c, a, w, line, before.lines, e);
    if (rc == 0)
        w->gone = before.lines - line;
    return rc;
}

static int lines_clear(struct db_conn *c, void *arg, struct err *e)
{
    struct rewind *w = arg;
    struct db_stmt *st = NULL;
    struct lines_drop d = { .run_id = w->in->run_id, .stream = w->stream, .max = LINES_STEP };
    int rc = db_query(c, &st, e, "SELECT " LINES_OF_STREAM " FROM runs r WHERE r.id = ?", "iii",
                      (int64_t)w->stream, (int64_t)w->stream, w->in->run_id);

    if (rc == 0)
        rc = read_one(NULL, st, "the run", i64_row, &d.from, e);
    if (rc == 0)
        rc = tx_lines_drop(c, &d, e);
    w->cleared = d.gone;
    return rc;
}

int store_run_rewind(struct store *s, const struct store_rewind *r, int64_t *ret_gone, struct err *e)
{
    struct rewind w = { .in = r, .history = { r->run_id, RUN_HISTORY } };
    int rc = history_ready(s, &w.history, e);

    if (rc == 0)
        rc = db_write(s->db, run_rewind, &w, e);
    for (w.stream = RUN_HISTORY; rc == 0 && w.stream < RUN_STREAM_COUNT_; w.stream++) {
        do {
            rc = db_write(s->db, lines_clear, &w, e);
        } while (rc == 0 && w.cleared == LINES_STEP);
    }
    if (rc == 0)
        *ret_gone = w.gone;
    return rc;
}
