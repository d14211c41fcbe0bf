/* emulator/store.c: jobs, operations and processes. Log lines are in store_lines.c. */
#include "emulator/store.h"

#include "base/crypto.h"

static const char *const migrations[] = {
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE jobs(seq INTEGER PRIMARY KEY AUTOINCREMENT, id INTEGER NOT NULL UNIQUE,"
    " gcp_number INTEGER NOT NULL, gcp_project TEXT NOT NULL, location TEXT NOT NULL, display_name TEXT NOT "
    "NULL,"
    " labels TEXT NOT NULL, body TEXT NOT NULL, state INTEGER NOT NULL, create_ms INTEGER NOT NULL,"
    " start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL, update_ms INTEGER NOT NULL,"
    " error_code INTEGER NOT NULL, error_message TEXT NOT NULL, restarts INTEGER NOT NULL, host_tag TEXT NOT "
    "NULL);"
    "CREATE INDEX jobs_by_place ON jobs(gcp_number, location, seq);"
    "CREATE INDEX jobs_live ON jobs(seq) WHERE state IN (1, 2, 3, 6);"
    "CREATE TABLE operations(id INTEGER PRIMARY KEY, gcp_number INTEGER NOT NULL, location TEXT NOT NULL,"
    " create_ms INTEGER NOT NULL, done_ms INTEGER NOT NULL);"
    "CREATE TABLE lines(seq INTEGER PRIMARY KEY AUTOINCREMENT, job_id INTEGER NOT NULL, time_ms INTEGER NOT "
    "NULL,"
    " task TEXT NOT NULL, severity TEXT NOT NULL, text TEXT NOT NULL);"
    "CREATE INDEX lines_by_job ON lines(job_id, time_ms, seq);"
    "CREATE INDEX lines_by_time ON lines(time_ms, seq);"
    "CREATE TABLE processes(job_id INTEGER NOT NULL, task TEXT NOT NULL, pid INTEGER NOT NULL,"
    " PRIMARY KEY(job_id, task)) WITHOUT ROWID;",
    "CREATE TABLE resources(kind TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,"
    " PRIMARY KEY(kind, name)) WITHOUT ROWID;",
    NULL,
};

int job_store_open(struct io *io, const char *path, bool fast_and_unsafe, struct db **ret, struct err *e)
{
    const struct db_options o = { .path = path,
                                  .migrations = migrations,
                                  .fast_and_unsafe = fast_and_unsafe };

    return db_open(io, &o, ret, e);
}

/* --- the secret --------------------------------------------------------------------------------------------
 */

struct secret_arg {
    char fresh[65];
    struct arena *a;
    struct str value;
};

static int secret_add(struct db_conn *c, void *arg, struct err *e)
{
    struct secret_arg *s = arg;

    return db_run(c, NULL, e, "INSERT OR IGNORE INTO meta(name, value) VALUES ('token_key', ?)", "z",
                  s->fresh);
}

static int secret_read(struct db_conn *c, void *arg, struct err *e)
{
    struct secret_arg *s = arg;
    struct db_stmt *q = NULL;
    bool row = false;
    int code = db_query(c, &q, e, "SELECT value FROM meta WHERE name = 'token_key'", "");

    if (code || (code = db_step(q, &row, e)))
        return code;
    if (!row)
        return err_set(e, ERR_STORE, "the emulator's token key is missing");
    s->value = arena_str(s->a, db_col_str(q, 0));
    db_finish(q);
    return 0;
}

int store_secret(struct db *d, struct io *io, struct arena *a, struct str *ret, struct err *e)
{
    struct secret_arg s = { .a = a };
    uint8_t bytes[32];
    int code;

    io_random(io, bytes, sizeof(bytes));
    hex_encode(bytes, sizeof(bytes), s.fresh);
    if ((code = db_write(d, secret_add, &s, e)) || (code = db_read(d, secret_read, &s, e)))
        return code;
    *ret = s.value;
    return 0;
}

/* --- jobs --------------------------------------------------------------------------------------------------
 */

#define JOB_COLUMNS                                                                                          \
    "seq, id, gcp_number, gcp_project, location, display_name, labels, body, state, create_ms, start_ms,"    \
    " end_ms, update_ms, error_code, error_message, restarts, host_tag"

static void read_job(struct db_stmt *q, struct job_row *ret)
{
    *ret = (struct job_row){
        .seq = db_col_i64(q, 0),
        .id = db_col_i64(q, 1),
        .gcp_number = db_col_i64(q, 2),
        .gcp_project = db_col_str(q, 3),
        .location = db_col_str(q, 4),
        .display_name = db_col_str(q, 5),
        .labels = db_col_str(q, 6),
        .body = db_col_str(q, 7),
        .state = (enum job_state)db_col_i64(q, 8),
        .create_ms = db_col_i64(q, 9),
        .start_ms = db_col_i64(q, 10),
        .end_ms = db_col_i64(q, 11),
        .update_ms = db_col_i64(q, 12),
        .error_code = db_col_i64(q, 13),
        .error_message = db_col_str(q, 14),
        .restarts = db_col_i64(q, 15),
        .host_tag = db_col_str(q, 16),
    };
}

/* Columns are NOT NULL; an absent view would bind NULL. */
static struct str text(struct str s)
{
    return s.ptr ? s : STR("");
}

static int job_add(struct db_conn *c, void *arg, struct err *e)
{
    struct job_row *r = arg;
    int code = db_run(c, NULL, e,
                      "INSERT INTO jobs(id, gcp_number, gcp_project, location, display_name, labels, body, "
                      "state, create_ms,"
                      " start_ms, end_ms, update_ms, error_code, error_message, restarts, host_tag)"
                      " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                      "iisssssiiiiiisis", r->id, r->gcp_number, text(r->gcp_project), text(r->location),
                      text(r->display_name), text(r->labels), text(r->body), (int64_t)r->state, r->create_ms,
                      r->start_ms, r->end_ms, r->update_ms, r->error_code, text(r->error_message),
                      r->restarts, text(r->host_tag));

    if (!code)
        r->seq = db_last_id(c);
    return code;
}

int store_add_job(struct db *d, struct job_row *row, struct err *e)
{
    return db_write(d, job_add, row, e);
}

static int job_update(struct db_conn *c, void *arg, struct err *e)
{
    const struct job_row *r = arg;

    return db_run(c, NULL, e,
                  "UPDATE jobs SET state = ?, start_ms = ?, end_ms = ?, update_ms = ?, error_code = ?,"
                  " error_message = ?, restarts = ? WHERE id = ?",
                  "iiiiisii", (int64_t)r->state, r->start_ms, r->end_ms, r->update_ms, r->error_code,
                  text(r->error_message), r->restarts, r->id);
}

int store_update_job(struct db *d, const struct job_row *row, struct err *e)
{
    struct job_row copy = *row;

    return db_write(d, job_update, &copy, e);
}

struct job_get_arg {
    struct arena *a;
    const struct resource_name *name;
    struct job_row row;
    bool found;
};

static int job_get(struct db_conn *c, void *arg, struct err *e)
{
    struct job_get_arg *g = arg;
    struct db_stmt *q = NULL;
    int code = db_query(c, &q, e,
                        "SELECT " JOB_COLUMNS " FROM jobs WHERE id = ? AND gcp_number = ? AND location = ?",
                        "iis", g->name->id, g->name->gcp_number, g->name->location);

    if (code || (code = db_step(q, &g->found, e)) || !g->found)
        return code;
    read_job(q, &g->row);
    g->row.gcp_project = arena_str(g->a, g->row.gcp_project);
    g->row.location = arena_str(g->a, g->row.location);
    g->row.display_name = arena_str(g->a, g->row.display_name);
    g->row.labels = arena_str(g->a, g->row.labels);
    g->row.body = arena_str(g->a, g->row.body);
    g->row.error_message = arena_str(g->a, g->row.error_message);
    g->row.host_tag = arena_str(g->a, g->row.host_tag);
    db_finish(q);
    return 0;
}

int store_get_job(struct db *d, struct arena *a, const struct resource_name *name, struct job_row *ret,
                  struct err *e)
{
    struct job_get_arg g = { .a = a, .name = name };
    int code = db_read(d, job_get, &g, e);

    if (code)
        return code;
    if (!g.found)
        return err_set(e, ERR_NOT_FOUND, "no job %lld", (long long)name->id);
    *ret = g.row;
    return 0;
}

struct job_each_arg {
    const struct job_scan *scan; /* NULL: not by project */
    job_visit_fn fn;
    void *ctx;
};

static int visit_jobs(struct db_stmt *q, const struct job_each_arg *arg, struct err *e)
{
    struct job_row row;
    bool more;

    for (;;) {
        int code = db_step(q, &more, e);

        if (code || !more)
            return code;
        read_job(q, &row);
        if (!arg->fn(&row, arg->ctx)) {
            db_finish(q);
            return 0;
        }
    }
}

static int job_each(struct db_conn *c, void *arg, struct err *e)
{
    const struct job_each_arg *j = arg;
    struct db_stmt *q = NULL;
    int code = db_query(c, &q, e,
                        "SELECT " JOB_COLUMNS " FROM jobs WHERE gcp_number = ? AND location = ? AND seq < ?"
                        " ORDER BY seq DESC",
                        "isi", j->scan->gcp_number, j->scan->location, j->scan->before_seq);

    return code ? code : visit_jobs(q, j, e);
}

int store_each_job(struct db *d, const struct job_scan *scan, job_visit_fn fn, void *ctx, struct err *e)
{
    struct job_each_arg j = { .scan = scan, .fn = fn, .ctx = ctx };

    return db_read(d, job_each, &j, e);
}

static int job_each_live(struct db_conn *c, void *arg, struct err *e)
{
    struct db_stmt *q = NULL;
    int code =
        db_query(c, &q, e, "SELECT " JOB_COLUMNS " FROM jobs WHERE state IN (1, 2, 3, 6) ORDER BY seq", "");

    return code ? code : visit_jobs(q, arg, e);
}

int store_each_live_job(struct db *d, job_visit_fn fn, void *ctx, struct err *e)
{
    struct job_each_arg j = { .fn = fn, .ctx = ctx };

    return db_read(d, job_each_live, &j, e);
}

/* --- operations --------------------------------------------------------------------------------------------
 */

struct job_delete_arg {
    int64_t job_id;
    const struct operation_row *op;
};

static int job_delete(struct db_conn *c, void *arg, struct err *e)
{
    const struct job_delete_arg *j = arg;
    int64_t changes = 0;
    int code = db_run(c, &changes, e, "DELETE FROM jobs WHERE id = ? AND state IN (4, 5, 7)", "i", j->job_id);

    if (code)
        return code;
    if (changes == 0)
        return err_set(e, ERR_NOT_FOUND, "no ended job %lld", (long long)j->job_id);
    if ((code = db_run(c, NULL, e, "DELETE FROM lines WHERE job_id = ?", "i", j->job_id)) ||
        (code = db_run(c, NULL, e, "DELETE FROM processes WHERE job_id = ?", "i", j->job_id)))
        return code;
    return db_run(
        c, NULL, e,
        "INSERT INTO operations(id, gcp_number, location, create_ms, done_ms) VALUES (?, ?, ?, ?, ?)",
        "iisii", j->op->name.id, j->op->name.gcp_number, j->op->name.location, j->op->create_ms,
        j->op->done_ms);
}

int store_delete_job(struct db *d, int64_t job_id, const struct operation_row *op, struct err *e)
{
    struct job_delete_arg j = { .job_id = job_id, .op = op };

    return db_write(d, job_delete, &j, e);
}

struct operation_get_arg {
    struct operation_row row;
    bool found;
};

static int operation_get(struct db_conn *c, void *arg, struct err *e)
{
    struct operation_get_arg *g = arg;
    struct db_stmt *q = NULL;
    int code =
        db_query(c, &q, e,
                 "SELECT create_ms, done_ms FROM operations WHERE id = ? AND gcp_number = ? AND location = ?",
                 "iis", g->row.name.id, g->row.name.gcp_number, g->row.name.location);

    if (code || (code = db_step(q, &g->found, e)) || !g->found)
        return code;
    g->row.create_ms = db_col_i64(q, 0);
    g->row.done_ms = db_col_i64(q, 1);
    db_finish(q);
    return 0;
}

int store_get_operation(struct db *d, const struct resource_name *name, struct operation_row *ret,
                        struct err *e)
{
    struct operation_get_arg g = { .row = { .name = *name } };
    int code = db_read(d, operation_get, &g, e);

    if (code)
        return code;
    if (!g.found)
        return err_set(e, ERR_NOT_FOUND, "no operation %lld", (long long)name->id);
    *ret = g.row;
    return 0;
}
