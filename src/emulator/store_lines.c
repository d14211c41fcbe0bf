/* emulator/store_lines.c: captured log lines, and the processes that may be left over from before a restart.
 */
#include "emulator/store.h"

struct lines_add_arg {
    const struct line_row *rows;
    size_t count;
};

static int lines_add(struct db_conn *c, void *arg, struct err *e)
{
    const struct lines_add_arg *l = arg;

    for (size_t i = 0; i < l->count; i++) {
        const struct line_row *r = &l->rows[i];
        int code =
            db_run(c, NULL, e,
                   "INSERT INTO lines(job_id, time_ms, task, severity, text)"
                   " SELECT ?1, ?2, ?3, ?4, ?5 WHERE EXISTS (SELECT 1 FROM jobs WHERE id = ?1)",
                   "iisss", r->job_id, r->time_ms, r->task, r->severity, r->text.ptr ? r->text : STR(""));

        if (code)
            return code;
    }
    return 0;
}

int store_add_lines(struct db *d, const struct line_row *rows, size_t count, struct err *e)
{
    struct lines_add_arg l = { .rows = rows, .count = count };

    return db_write(d, lines_add, &l, e);
}

#define LINE_SELECT                                                                                          \
    "SELECT l.seq, l.job_id, l.time_ms, l.task, l.severity, l.text, j.gcp_number, j.gcp_project"             \
    " FROM lines l JOIN jobs j ON j.id = l.job_id WHERE "
#define OLDEST_FIRST "(l.time_ms, l.seq) > (?, ?) ORDER BY l.time_ms, l.seq"
#define NEWEST_FIRST "(l.time_ms, l.seq) < (?, ?) ORDER BY l.time_ms DESC, l.seq DESC"

struct line_each_arg {
    const struct line_scan *scan;
    line_visit_fn fn;
    void *ctx;
};

static int line_query(struct db_conn *c, const struct line_scan *s, struct db_stmt **ret, struct err *e)
{
    if (s->job_id && s->newest_first)
        return db_query(c, ret, e, LINE_SELECT "l.job_id = ? AND " NEWEST_FIRST, "iii", s->job_id, s->time_ms,
                        s->seq);
    if (s->job_id)
        return db_query(c, ret, e, LINE_SELECT "l.job_id = ? AND " OLDEST_FIRST, "iii", s->job_id, s->time_ms,
                        s->seq);
    if (s->newest_first)
        return db_query(c, ret, e, LINE_SELECT NEWEST_FIRST, "ii", s->time_ms, s->seq);
    return db_query(c, ret, e, LINE_SELECT OLDEST_FIRST, "ii", s->time_ms, s->seq);
}

static int line_each(struct db_conn *c, void *arg, struct err *e)
{
    const struct line_each_arg *l = arg;
    struct db_stmt *q = NULL;
    int code = line_query(c, l->scan, &q, e);

    while (!code) {
        struct line_row row;
        bool more = false;

        code = db_step(q, &more, e);
        if (code || !more)
            break;
        row = (struct line_row){
            .seq = db_col_i64(q, 0),
            .job_id = db_col_i64(q, 1),
            .time_ms = db_col_i64(q, 2),
            .task = db_col_str(q, 3),
            .severity = db_col_str(q, 4),
            .text = db_col_str(q, 5),
            .gcp_number = db_col_i64(q, 6),
            .gcp_project = db_col_str(q, 7),
        };
        if (!l->fn(&row, l->ctx)) {
            db_finish(q);
            break;
        }
    }
    return code;
}

int store_each_line(struct db *d, const struct line_scan *scan, line_visit_fn fn, void *ctx, struct err *e)
{
    struct line_each_arg l = { .scan = scan, .fn = fn, .ctx = ctx };

    return db_read(d, line_each, &l, e);
}

/* --- processes
 * ---------------------------------------------------------------------------------------------- */

struct process_set_arg {
    int64_t job_id, pid;
    const char *task;
};

static int process_set(struct db_conn *c, void *arg, struct err *e)
{
    const struct process_set_arg *p = arg;

    if (p->pid == 0)
        return db_run(c, NULL, e, "DELETE FROM processes WHERE job_id = ?", "i", p->job_id);
    return db_run(c, NULL, e, "INSERT OR REPLACE INTO processes(job_id, task, pid) VALUES (?, ?, ?)", "izi",
                  p->job_id, p->task, p->pid);
}

int store_set_process(struct db *d, int64_t job_id, const char *task, int64_t pid, struct err *e)
{
    struct process_set_arg p = { .job_id = job_id, .pid = pid, .task = task };

    return db_write(d, process_set, &p, e);
}

struct process_each_arg {
    process_visit_fn fn;
    void *ctx;
};

static int process_each(struct db_conn *c, void *arg, struct err *e)
{
    const struct process_each_arg *p = arg;
    struct db_stmt *q = NULL;
    int code = db_query(c, &q, e, "SELECT job_id, pid FROM processes", "");

    while (!code) {
        bool more = false;

        code = db_step(q, &more, e);
        if (code || !more)
            break;
        p->fn(db_col_i64(q, 0), db_col_i64(q, 1), p->ctx);
    }
    return code;
}

int store_each_process(struct db *d, process_visit_fn fn, void *ctx, struct err *e)
{
    struct process_each_arg p = { .fn = fn, .ctx = ctx };

    return db_read(d, process_each, &p, e);
}
