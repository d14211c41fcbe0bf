/* server/store/sweep_runs.c: what a sweep hands out, and to whom. */
#include "server/store/store_internal.h"
#include "server/store/sweeps.h"

/* --- its runs --- */

struct run_args {
    const struct store_sweep_run_query *query;
    void *ret;
};

/* Which runs: of the sweep, and of one agent if that is asked for. */
#define RUNS_OF                                                                                              \
    RUN_SELECT "WHERE r.project_id = ? AND r.sweep = ? AND (? = 0 OR r.name IN (SELECT run_name FROM"        \
               " sweep_runs WHERE agent_id = ?))"

static int sweep_run_list(struct db_conn *c, void *arg, struct err *e)
{
    const struct run_args *r = arg;
    const struct store_sweep_run_query *q = r->query;
    const struct store_page *page = &q->page;
    struct db_stmt *st = NULL;
    int rc = page->oldest_first
                 ? db_query(c, &st, e, RUNS_OF " AND r.id > ? ORDER BY r.id LIMIT ?", "isiiii", q->project_id,
                            q->sweep, q->agent_id, q->agent_id, page->after, page->first)
                 : db_query(c, &st, e, RUNS_OF " AND r.id < ? ORDER BY r.id DESC LIMIT ?", "isiiii",
                            q->project_id, q->sweep, q->agent_id, q->agent_id,
                            page->after > 0 ? page->after : INT64_MAX, page->first);

    return rc < 0 ? rc : rows_read(r->ret, st, e);
}

int store_sweep_runs(struct store *s, struct arena *a, const struct store_sweep_run_query *q,
                     struct store_run **ret, size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_run, run_row);
    struct run_args r = { .query = q, .ret = &rows };
    int rc = db_read(s->db, sweep_run_list, &r, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

struct alive_args {
    const struct store_sweep *sweep;
    int64_t count;
};

static int sweep_alive(struct db_conn *c, void *arg, struct err *e)
{
    struct alive_args *v = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT count(*) FROM runs WHERE project_id = ? AND sweep = ? AND state IN ('pending',"
                      " 'running', 'preempting')",
                      "is", v->sweep->project_id, v->sweep->name);

    return rc < 0 ? rc : read_one(NULL, st, "the count", i64_row, &v->count, e);
}

int store_sweep_alive(struct store *s, const struct store_sweep *sweep, int64_t *ret, struct err *e)
{
    struct alive_args v = { .sweep = sweep };
    int rc = db_read(s->db, sweep_alive, &v, e);

    if (rc == 0)
        *ret = v.count;
    return rc;
}

/* --- its agents --- */

struct agent_args {
    struct arena *a;
    const struct store_new_sweep_agent *new_agent;
    char new_uid[UID_SIZE];
    struct str uid;
    int64_t id, now_unix_ms;
    void *ret;
};

static int agent_add(struct db_conn *c, void *arg, struct err *e)
{
    struct agent_args *g = arg;
    const struct store_new_sweep_agent *n = g->new_agent;

    return db_run(
        c, NULL, e,
        "INSERT INTO sweep_agents (uid, sweep_id, host, user_id, created_unix_ms, heartbeat_unix_ms)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        "zisiii", g->new_uid, n->sweep_id, n->host, n->user_id, n->now_unix_ms, n->now_unix_ms);
}

int store_sweep_agent_add(struct store *s, struct arena *a, const struct store_new_sweep_agent *n,
                          struct str *ret_uid, struct err *e)
{
    struct agent_args g = { .new_agent = n };
    int rc;

    io_random_id(s->io, g.new_uid, UID_LEN);
    rc = db_write(s->db, agent_add, &g, e);
    if (rc == 0)
        *ret_uid = arena_str(a, str_of(g.new_uid));
    return rc;
}

#define AGENT_SELECT                                                                                         \
    "SELECT g.id, g.sweep_id, g.uid, g.host, g.user_id, (SELECT count(*) FROM sweep_runs t WHERE"            \
    " t.agent_id = g.id), g.created_unix_ms, g.heartbeat_unix_ms FROM sweep_agents g "

static int agent_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_sweep_agent *)ret = (struct store_sweep_agent){ .id = db_col_i64(st, 0),
                                                                   .sweep_id = db_col_i64(st, 1),
                                                                   .uid = col(a, st, 2),
                                                                   .host = col(a, st, 3),
                                                                   .user_id = db_col_i64(st, 4),
                                                                   .total_runs = db_col_i64(st, 5),
                                                                   .created_unix_ms = db_col_i64(st, 6),
                                                                   .heartbeat_unix_ms = db_col_i64(st, 7) };
    return 0;
}

static int agent_by_uid(struct db_conn *c, void *arg, struct err *e)
{
    struct agent_args *g = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, AGENT_SELECT "WHERE g.uid = ?", "s", g->uid);

    return rc < 0 ? rc : read_one(g->a, st, "the sweep's agent", agent_row, g->ret, e);
}

int store_sweep_agent_by_uid(struct store *s, struct arena *a, struct str uid, struct store_sweep_agent *ret,
                             struct err *e)
{
    struct agent_args g = { .a = a, .uid = uid, .ret = ret };

    return db_read(s->db, agent_by_uid, &g, e);
}

static int agent_list(struct db_conn *c, void *arg, struct err *e)
{
    struct agent_args *g = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, AGENT_SELECT "WHERE g.sweep_id = ? ORDER BY g.id LIMIT 1000", "i", g->id);

    return rc < 0 ? rc : rows_read(g->ret, st, e);
}

int store_sweep_agent_list(struct store *s, struct arena *a, int64_t sweep_id, struct store_sweep_agent **ret,
                           size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_sweep_agent, agent_row);
    struct agent_args g = { .id = sweep_id, .ret = &rows };
    int rc = db_read(s->db, agent_list, &g, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

static int agent_beat(struct db_conn *c, void *arg, struct err *e)
{
    const struct agent_args *g = arg;
    int rc = db_run(c, NULL, e, "UPDATE sweep_agents SET heartbeat_unix_ms = ? WHERE id = ?", "ii",
                    g->now_unix_ms, g->id);

    if (rc < 0)
        return rc;
    return db_run(
        c, NULL, e,
        "UPDATE sweeps SET heartbeat_unix_ms = ?, state = CASE WHEN state = 'PENDING' THEN 'RUNNING'"
        " ELSE state END WHERE id = (SELECT sweep_id FROM sweep_agents WHERE id = ?)",
        "ii", g->now_unix_ms, g->id);
}

int store_sweep_beat(struct store *s, int64_t agent_id, int64_t now_unix_ms, struct err *e)
{
    struct agent_args g = { .id = agent_id, .now_unix_ms = now_unix_ms };

    return db_write(s->db, agent_beat, &g, e);
}

/* --- handing out --- */

struct handing {
    const struct store_hand_out *in;
    bool taken;
};

static int hand_out(struct db_conn *c, void *arg, struct err *e)
{
    struct handing *h = arg;
    const struct store_hand_out *in = h->in;
    int64_t changes = 0;
    int rc = db_run(c, &changes, e,
                    "UPDATE sweeps SET handed_out = handed_out + 1, updated_unix_ms = ?"
                    " WHERE id = ? AND handed_out = ? AND state = 'RUNNING'",
                    "iii", in->now_unix_ms, in->sweep_id, in->position);

    h->taken = changes > 0;
    if (rc < 0 || !h->taken)
        return rc;
    rc = db_run(c, NULL, e,
                "INSERT INTO sweep_runs (sweep_id, position, run_name, agent_id) VALUES (?, ?, ?, ?)", "iisi",
                in->sweep_id, in->position, in->run_name, in->agent_id);
    if (rc < 0)
        return rc;
    return db_run(
        c, NULL, e,
        "INSERT INTO runs (project_id, name, state, sweep, config, user_id, created_unix_ms,"
        " heartbeat_unix_ms) SELECT project_id, ?, 'pending', name, ?, ?, ?, ? FROM sweeps WHERE id = ?",
        "ssiiii", in->run_name, in->args, in->user_id, in->now_unix_ms, in->now_unix_ms, in->sweep_id);
}

int store_sweep_hand_out(struct store *s, const struct store_hand_out *h, bool *ret_taken, struct err *e)
{
    struct handing args = { .in = h };
    int rc = db_write(s->db, hand_out, &args, e);

    if (rc == 0)
        *ret_taken = args.taken;
    return rc;
}
