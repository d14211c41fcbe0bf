/* server/store/sweeps.c: sweeps: made, changed, found. What they hand out is in sweep_runs.c. */
#include "server/store/sweeps.h"

#include "server/store/store_internal.h"

struct sweep_args {
    struct arena *a;
    int64_t id;
    struct str name;
    const struct store_sweep_query *query;
    void *ret;
};

#define SWEEP_SELECT                                                                                         \
    "SELECT s.id, s.project_id, s.name, p.name, n.name, n.id, s.state, s.method, s.display_name,"            \
    " s.description, s.config, s.controller, s.scheduler, s.seed, s.expected, s.handed_out,"                 \
    " (SELECT count(*) FROM runs r WHERE r.project_id = s.project_id AND r.sweep = s.name), u.username,"     \
    " s.created_unix_ms, s.updated_unix_ms, s.heartbeat_unix_ms, s.is_launched FROM sweeps s"                \
    " JOIN projects p ON p.id = s.project_id JOIN entities n ON n.id = p.entity_id"                          \
    " LEFT JOIN users u ON u.id = s.user_id "

static int sweep_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    struct store_sweep s = { .id = db_col_i64(st, 0),
                             .project_id = db_col_i64(st, 1),
                             .name = col(a, st, 2),
                             .project_name = col(a, st, 3),
                             .entity_name = col(a, st, 4),
                             .entity_id = db_col_i64(st, 5),
                             .method = col(a, st, 7),
                             .display_name = col(a, st, 8),
                             .description = col(a, st, 9),
                             .config = col(a, st, 10),
                             .controller = col(a, st, 11),
                             .scheduler = col(a, st, 12),
                             .seed = db_col_i64(st, 13),
                             .expected = db_col_i64(st, 14),
                             .handed_out = db_col_i64(st, 15),
                             .run_count = db_col_i64(st, 16),
                             .username = col(a, st, 17),
                             .created_unix_ms = db_col_i64(st, 18),
                             .updated_unix_ms = db_col_i64(st, 19),
                             .heartbeat_unix_ms = db_col_i64(st, 20),
                             .is_launched = db_col_i64(st, 21) != 0 };

    if (!sweep_state_parse(db_col_str(st, 6), &s.state))
        return err_set(e, ERR_STORE, "sweep %.*s has an unknown state", STR_ARG(s.name));
    *(struct store_sweep *)ret = s;
    return 0;
}

static int tx_sweep(struct db_conn *c, struct arena *a, int64_t id, struct store_sweep *ret, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, SWEEP_SELECT "WHERE s.id = ?", "i", id);

    return rc < 0 ? rc : read_one(a, st, "the sweep", sweep_row, ret, e);
}

/* --- finding --- */

static int sweep_by_name(struct db_conn *c, void *arg, struct err *e)
{
    struct sweep_args *r = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, SWEEP_SELECT "WHERE s.project_id = ? AND s.name = ?", "is", r->id, r->name);

    return rc < 0 ? rc : read_one(r->a, st, "the sweep", sweep_row, r->ret, e);
}

int store_sweep_by_name(struct store *s, struct arena *a, int64_t project_id, struct str name,
                        struct store_sweep *ret, struct err *e)
{
    struct sweep_args r = { .a = a, .id = project_id, .name = name, .ret = ret };

    return db_read(s->db, sweep_by_name, &r, e);
}

static int sweep_by_id(struct db_conn *c, void *arg, struct err *e)
{
    struct sweep_args *r = arg;

    return tx_sweep(c, r->a, r->id, r->ret, e);
}

int store_sweep_by_id(struct store *s, struct arena *a, int64_t id, struct store_sweep *ret, struct err *e)
{
    struct sweep_args r = { .a = a, .id = id, .ret = ret };

    return db_read(s->db, sweep_by_id, &r, e);
}

static int sweep_list(struct db_conn *c, void *arg, struct err *e)
{
    struct sweep_args *r = arg;
    const struct store_page *page = &r->query->page;
    struct db_stmt *st = NULL;
    int rc =
        db_query(c, &st, e, SWEEP_SELECT "WHERE s.project_id = ? AND s.id < ? ORDER BY s.id DESC LIMIT ?",
                 "iii", r->query->project_id, page->after > 0 ? page->after : INT64_MAX, page->first);

    return rc < 0 ? rc : rows_read(r->ret, st, e);
}

int store_sweep_list(struct store *s, struct arena *a, const struct store_sweep_query *q,
                     struct store_sweep **ret, size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_sweep, sweep_row);
    struct sweep_args r = { .query = q, .ret = &rows };
    int rc = db_read(s->db, sweep_list, &r, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

static int sweep_count(struct db_conn *c, void *arg, struct err *e)
{
    struct sweep_args *r = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, "SELECT count(*) FROM sweeps WHERE project_id = ?", "i", r->id);

    return rc < 0 ? rc : read_one(NULL, st, "the count", i64_row, r->ret, e);
}

int store_sweep_count(struct store *s, int64_t project_id, int64_t *ret, struct err *e)
{
    struct sweep_args r = { .id = project_id, .ret = ret };

    return db_read(s->db, sweep_count, &r, e);
}

/* --- making and changing --- */

static int sweep_note(struct db_conn *c, const struct store_sweep *sweep, const struct store_by *by,
                      struct audit_note note, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();

    note.object = arena_printf(a, "sweep %.*s/%.*s/%.*s", STR_ARG(sweep->entity_name),
                               STR_ARG(sweep->project_name), STR_ARG(sweep->name));
    return tx_audit(c, by, &note, e);
}

struct adding {
    struct arena *a;
    const struct store_new_sweep *in;
    struct store_sweep *ret;
};

static int sweep_add(struct db_conn *c, void *arg, struct err *e)
{
    const struct adding *n = arg;
    const struct store_new_sweep *in = n->in;
    struct db_stmt *st = NULL;
    int64_t id = 0;
    int rc = db_run(
        c, NULL, e,
        "INSERT INTO sweeps (project_id, name, state, method, display_name, description, config,"
        " controller, scheduler, is_launched, seed, expected, user_id, created_unix_ms, updated_unix_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        "iszssssssiiiiii", in->project_id, in->name, sweep_state_name(in->state), in->method,
        in->display_name, in->description, in->config, in->controller, in->scheduler,
        (int64_t)in->is_launched, in->seed, in->expected, in->user_id, in->by.now_unix_ms,
        in->by.now_unix_ms);

    for (size_t i = 0; rc == 0 && i < in->prior_run_count; i++)
        rc = db_run(c, NULL, e, "UPDATE runs SET sweep = ? WHERE project_id = ? AND name = ?", "sis",
                    in->name, in->project_id, in->prior_runs[i]);
    if (rc == 0)
        rc = db_query(c, &st, e, "SELECT id FROM sweeps WHERE project_id = ? AND name = ?", "is",
                      in->project_id, in->name);
    if (rc == 0)
        rc = read_one(NULL, st, "the sweep", i64_row, &id, e);
    if (rc == 0)
        rc = tx_sweep(c, n->a, id, n->ret, e);
    return rc < 0 ? rc
                  : sweep_note(c, n->ret, &in->by,
                               (struct audit_note){ .what = "sweep.create", .after = in->config }, e);
}

int store_sweep_add(struct store *s, struct arena *a, const struct store_new_sweep *n,
                    struct store_sweep *ret, struct err *e)
{
    struct store_sweep made = { 0 };
    struct adding args = { .a = a, .in = n, .ret = &made };
    int rc = db_write(s->db, sweep_add, &args, e);

    if (rc == 0)
        *ret = made;
    return rc;
}

struct changing {
    struct arena *a;
    const struct store_sweep_change *in;
    struct store_sweep sweep; /* first before, then after */
};

/* The ends of its runs, also of those that have an item: what runs in a job is stopped by its agent. */
static int stop_runs(struct db_conn *c, const struct changing *g, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct rows rows = ROWS(a, int64_t, i64_row);
    struct db_stmt *st = NULL;
    const int64_t *ids;
    size_t count = 0;
    int rc =
        db_query(c, &st, e,
                 "SELECT id FROM runs WHERE project_id = ? AND sweep = ? AND state IN ('pending', 'running',"
                 " 'preempting')",
                 "is", g->sweep.project_id, g->sweep.name);

    if (rc == 0)
        rc = rows_read(&rows, st, e);
    ids = rows_take(&rows, &count);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = tx_run_ask_stop(c, ids[i], &g->in->by, e);
    return rc;
}

static int state_change(struct db_conn *c, const struct changing *g, struct err *e)
{
    const struct store_sweep_change *in = g->in;
    const char *from = sweep_state_name(g->sweep.state), *to = sweep_state_name(in->state);
    int rc;

    if (!in->has_state)
        return 0;
    if (!sweep_state_may(g->sweep.state, in->state))
        return err_set(e, ERR_CONFLICT, "sweep %.*s is %s, and cannot become %s%s", STR_ARG(g->sweep.name),
                       from, to, sweep_state_is_ended(g->sweep.state) ? ": resume it first" : "");
    if (in->state == g->sweep.state)
        return 0;
    rc = db_run(c, NULL, e, "UPDATE sweeps SET state = ? WHERE id = ?", "zi", to, g->sweep.id);
    if (rc == 0 && in->state == SWEEP_CANCELED)
        rc = stop_runs(c, g, e);
    return rc < 0 ? rc
                  : sweep_note(c, &g->sweep, &in->by,
                               (struct audit_note){ .what = "sweep.state",
                                                    .detail = arena_printf(g->a, "%s to %s", from, to) },
                               e);
}

static int sweep_change(struct db_conn *c, void *arg, struct err *e)
{
    struct changing *g = arg;
    const struct store_sweep_change *in = g->in;
    int rc = tx_sweep(c, g->a, in->sweep_id, &g->sweep, e);

    if (rc == 0 && in->config.ptr && g->sweep.handed_out > 0)
        rc = err_set(e, ERR_CONFLICT, "sweep %.*s has runs already: its config stays; make a new sweep",
                     STR_ARG(g->sweep.name));
    if (rc == 0)
        rc = state_change(c, g, e);
    if (rc == 0)
        rc = db_run(
            c, NULL, e,
            "UPDATE sweeps SET method = coalesce(?, method), display_name = coalesce(?, display_name),"
            " description = coalesce(?, description), config = coalesce(?, config),"
            " controller = coalesce(?, controller), scheduler = coalesce(?, scheduler),"
            " expected = CASE WHEN ? = 1 THEN ? ELSE expected END,"
            " is_launched = CASE WHEN ? = 1 THEN 1 ELSE is_launched END, updated_unix_ms = ? WHERE id = ?",
            "ssssssiiiii", in->method, in->display_name, in->description, in->config, in->controller,
            in->scheduler, (int64_t)(in->config.ptr != NULL), in->expected, (int64_t)in->is_launched,
            in->by.now_unix_ms, in->sweep_id);
    if (rc == 0 && in->config.ptr)
        rc = sweep_note(
            c, &g->sweep, &in->by,
            (struct audit_note){ .what = "sweep.config", .before = g->sweep.config, .after = in->config }, e);
    return rc < 0 ? rc : tx_sweep(c, g->a, in->sweep_id, &g->sweep, e);
}

int store_sweep_change(struct store *s, struct arena *a, const struct store_sweep_change *change,
                       struct store_sweep *ret, struct err *e)
{
    struct changing g = { .a = a, .in = change };
    int rc = db_write(s->db, sweep_change, &g, e);

    if (rc == 0)
        *ret = g.sweep;
    return rc;
}

struct finishing {
    int64_t id, now_unix_ms;
};

static int sweep_finish(struct db_conn *c, void *arg, struct err *e)
{
    const struct finishing *f = arg;

    return db_run(
        c, NULL, e,
        "UPDATE sweeps SET state = 'FINISHED', updated_unix_ms = ? WHERE id = ? AND state = 'RUNNING'", "ii",
        f->now_unix_ms, f->id);
}

int store_sweep_finish(struct store *s, int64_t sweep_id, int64_t now_unix_ms, struct err *e)
{
    struct finishing f = { sweep_id, now_unix_ms };

    return db_write(s->db, sweep_finish, &f, e);
}
