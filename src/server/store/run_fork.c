/* server/store/run_fork.c: a run that begins where another was at a step. */
#include "server/store/branches.h"
#include "server/store/history_internal.h"

enum { LINES_STEP = 2000, BYTES_STEP = 8 << 20 }; /* copied at a time */

struct fork {
    const struct store_fork *in;
    int64_t parent_id, parent_rewinds;
    int64_t run_id, lines;
    int64_t done; /* lines that are there */
};

struct fork_run {                                    /* either of them */
    int64_t id, lines, rewinds, fork_of, fork_lines; /* fork_of 0: it is none */
    bool is_new;                                     /* pending, and has logged nothing */
};

static int fork_run_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct fork_run *)ret = (struct fork_run){ .id = db_col_i64(st, 0),
                                                 .lines = db_col_i64(st, 1),
                                                 .rewinds = db_col_i64(st, 2),
                                                 .fork_of = db_col_i64(st, 3),
                                                 .fork_lines = db_col_i64(st, 4),
                                                 .is_new = db_col_i64(st, 5) != 0 };
    return 0;
}

static int fork_run(struct db_conn *c, const struct fork *f, struct str name, struct fork_run *ret,
                    struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT id, history_lines, rewinds, coalesce(fork_of, 0), fork_lines,"
                      " CASE WHEN state = 'pending' AND (history_lines = 0 OR fork_of IS NOT NULL)"
                      " THEN 1 ELSE 0 END FROM runs WHERE project_id = ? AND name = ?",
                      "is", f->in->project_id, name);

    return rc < 0 ? rc : read_one(NULL, st, "the run", fork_run_row, ret, e);
}

static int no_parent(struct err *e)
{
    return err_set(e, ERR_NOT_FOUND, "it does not exist in the project of the new run");
}

static int parent_read(struct db_conn *c, void *arg, struct err *e)
{
    struct fork *f = arg;
    struct fork_run parent = { 0 };
    int rc = fork_run(c, f, f->in->parent, &parent, e);

    f->parent_id = parent.id;
    return rc == -ERR_NOT_FOUND ? no_parent(e) : rc;
}

/* --- the run --- */

static int run_mark(struct db_conn *c, struct fork *f, struct str summary, struct err *e)
{
    return db_run(c, NULL, e,
                  "UPDATE runs SET fork_of = ?, fork_lines = ?, summary = ?, branch_summary = ?,"
                  " heartbeat_unix_ms = ? WHERE project_id = ? AND name = ?",
                  "iissiis", f->parent_id, f->lines, summary, summary, f->in->now_unix_ms, f->in->project_id,
                  f->in->name);
}

/* The run is there, made for this fork or for an item that was acknowledged, or it is refused. W&B's client
 * tries an upsert again that met a conflict (409), for as long as it may take to start: this is none. */
static int run_make(struct db_conn *c, struct arena *a, struct fork *f, struct err *e)
{
    const struct store_fork *in = f->in;
    const struct store_history parent = { f->parent_id, RUN_HISTORY };
    struct fork_run run = { 0 };
    struct str summary = { 0 };
    int rc = db_run(c, NULL, e,
                    "INSERT INTO runs (project_id, name, state, user_id, created_unix_ms, heartbeat_unix_ms)"
                    " VALUES (?, ?, 'pending', ?, ?, ?) ON CONFLICT DO NOTHING",
                    "isiii", in->project_id, in->name, in->user_id, in->now_unix_ms, in->now_unix_ms);

    if (rc == 0)
        rc = fork_run(c, f, in->name, &run, e);
    if (rc < 0)
        return rc;
    f->run_id = run.id;
    if (!run.is_new || (run.fork_of != 0 && (run.fork_of != f->parent_id || run.fork_lines != f->lines)))
        return err_set(e, ERR_INVALID,
                       "run '%.*s' is there already: take another id, or go on with it with resume='must'",
                       STR_ARG(in->name));
    if (run.fork_of != 0)
        return 0;
    rc = tx_history_summary(c, a, &parent, f->lines, &summary, e);
    return rc < 0 ? rc : run_mark(c, f, summary, e);
}

static int fork_begin(struct db_conn *c, void *arg, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct fork *f = arg;
    struct history_point point = { .of = { .stream = RUN_HISTORY }, .step = f->in->step, .reached = -1 };
    struct fork_run parent = { 0 };
    int rc = fork_run(c, f, f->in->parent, &parent, e);

    if (rc == -ERR_NOT_FOUND)
        return no_parent(e);
    if (rc == 0 && parent.lines < parent.fork_lines)
        return err_set(e, ERR_CONFLICT, "it is still being forked itself: try again");
    f->parent_id = parent.id;
    f->parent_rewinds = parent.rewinds;
    point.of.run_id = parent.id;
    if (rc == 0)
        rc = tx_history_at(c, a, &point, &f->lines, e);
    return rc < 0 ? rc : run_make(c, a, f, e);
}

/* --- its lines --- */

struct part_line {
    int64_t line, size;
};

static int part_line_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct part_line *)ret = (struct part_line){ db_col_i64(st, 0), db_col_i64(st, 1) };
    return 0;
}

/* How far the next part goes, by lines and by bytes. */
static int part_end(struct db_conn *c, struct fork *f, int64_t *ret, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct rows rows = ROWS(a, struct part_line, part_line_row);
    const struct part_line *lines;
    struct db_stmt *st = NULL;
    size_t len = 0;
    int64_t bytes = 0;
    int rc = db_query(c, &st, e,
                      "SELECT line, length(text) FROM run_lines WHERE run_id = ? AND stream = ? AND line >= ?"
                      " AND line < ? ORDER BY line LIMIT ?",
                      "iiiii", f->parent_id, (int64_t)RUN_HISTORY, f->done, f->lines, (int64_t)LINES_STEP);

    if (rc == 0)
        rc = rows_read(&rows, st, e);
    if (rc < 0)
        return rc;
    lines = rows_take(&rows, &len);
    *ret = f->lines;
    for (size_t i = 0; i < len; i++) {
        bytes += lines[i].size;
        if (i + 1 < LINES_STEP && bytes < BYTES_STEP)
            continue;
        *ret = lines[i].line + 1;
        break;
    }
    return 0;
}

static int fork_copy(struct db_conn *c, void *arg, struct err *e)
{
    struct fork *f = arg;
    struct fork_run parent = { 0 }, run = { 0 };
    int64_t end = 0;
    int rc = fork_run(c, f, f->in->name, &run, e);

    if (rc == 0)
        rc = fork_run(c, f, f->in->parent, &parent, e);
    if (rc < 0)
        return rc;
    f->done = run.lines;
    if (f->done >= f->lines)
        return 0;
    if (parent.id != f->parent_id || parent.rewinds != f->parent_rewinds)
        return err_set(e, ERR_CONFLICT, "it was rewound while it was forked: try again");
    rc = part_end(c, f, &end, e);
    if (rc == 0)
        rc = db_run(c, NULL, e,
                    "INSERT INTO run_lines (run_id, stream, line, text) SELECT ?, stream, line, text"
                    " FROM run_lines WHERE run_id = ? AND stream = ? AND line >= ? AND line < ?",
                    "iiiii", run.id, parent.id, (int64_t)RUN_HISTORY, f->done, end);
    if (rc == 0)
        rc = db_run(c, NULL, e, "UPDATE runs SET history_lines = ? WHERE id = ?", "ii", end, run.id);
    if (rc == 0)
        f->done = end;
    return rc;
}

int store_run_fork(struct store *s, const struct store_fork *in, struct store_forked *ret, struct err *e)
{
    struct fork f = { .in = in };
    int rc = db_read(s->db, parent_read, &f, e);

    if (rc == 0)
        rc = history_ready(s, &(struct store_history){ f.parent_id, RUN_HISTORY }, e);
    if (rc == 0)
        rc = db_write(s->db, fork_begin, &f, e);
    while (rc == 0 && f.done < f.lines)
        rc = db_write(s->db, fork_copy, &f, e);
    if (rc == 0)
        *ret = (struct store_forked){ f.run_id, f.lines };
    return rc;
}
