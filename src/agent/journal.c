/* agent/journal.c: the journal's file, its lock, and its statements. */
#include "agent/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "io/file.h"

enum { PATH_MAX_BYTES = 4096, LABEL_CHARS = 12 };

struct journal {
    struct io *io;
    struct db *db;
    struct file_lock *lock;
    char *path;
    char label[LABEL_CHARS + 1];
};

static const char *const migrations[] = {
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;"
    "CREATE TABLE launches ("
    " id INTEGER PRIMARY KEY, item TEXT NOT NULL, queue TEXT NOT NULL, run_id TEXT NOT NULL, run_entity TEXT,"
    " wb_project TEXT, gcp_project TEXT, region TEXT, attempt_label TEXT, vertex_job TEXT, vertex_status "
    "TEXT,"
    " reason TEXT, stage TEXT, phase TEXT NOT NULL, attempt INTEGER NOT NULL, retries INTEGER NOT NULL,"
    " probes INTEGER NOT NULL, stop_asked INTEGER NOT NULL, probe_needed INTEGER NOT NULL,"
    " acked INTEGER NOT NULL, disowned INTEGER NOT NULL, own_key INTEGER NOT NULL,"
    " leased_at INTEGER NOT NULL, submitted_at INTEGER NOT NULL, active_at INTEGER NOT NULL,"
    " ended_at INTEGER NOT NULL, reported_at INTEGER NOT NULL, spec TEXT NOT NULL, request TEXT) STRICT;"
    "CREATE UNIQUE INDEX launches_open ON launches (item) WHERE phase != 'reported';"
    "CREATE TABLE history (id INTEGER PRIMARY KEY, launch INTEGER NOT NULL REFERENCES launches (id),"
    " at INTEGER NOT NULL, phase_from TEXT NOT NULL, phase_to TEXT NOT NULL, note TEXT) STRICT;"
    "CREATE INDEX history_launch ON history (launch);",
    "ALTER TABLE launches ADD COLUMN fence INTEGER NOT NULL DEFAULT 0;",
    /* stop_asked was a flag; it is the reason now */
    "UPDATE launches SET stop_asked = 3 WHERE stop_asked = 1;"
    "ALTER TABLE launches ADD COLUMN cause TEXT NOT NULL DEFAULT 'none';"
    "ALTER TABLE launches ADD COLUMN rungs INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE launches ADD COLUMN rung INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE launches ADD COLUMN round INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE launches ADD COLUMN resumes INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE launches ADD COLUMN rungs_out INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE launches ADD COLUMN ran INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE launches ADD COLUMN spot INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE launches ADD COLUMN flexible INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE launches ADD COLUMN waiting_since INTEGER NOT NULL DEFAULT 0;",
    "ALTER TABLE launches ADD COLUMN taken_over INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX launches_disowned ON launches (item) WHERE disowned = 1;",
    "ALTER TABLE launches ADD COLUMN scheduler INTEGER NOT NULL DEFAULT 0;",
    NULL,
};

/* --- opening -------------------------------------------------------------------------------------------- */

static int write_label(struct db_conn *c, void *arg, struct err *e)
{
    return db_run(c, NULL, e,
                  "INSERT OR IGNORE INTO meta (key, value) VALUES ('agent_label', ?), ('adoption', 'due')",
                  "z", (const char *)arg);
}

static int read_label(struct db_conn *c, void *arg, struct err *e)
{
    struct journal *j = arg;
    struct db_stmt *s = NULL;
    bool row = false;
    int rc = db_query(c, &s, e, "SELECT value FROM meta WHERE key = 'agent_label'", "");

    if (!rc)
        rc = db_step(s, &row, e);
    if (rc || !row)
        return rc;
    snprintf(j->label, sizeof(j->label), "%.*s", STR_ARG(db_col_str(s, 0)));
    db_finish(s);
    return 0;
}

static int load_label(struct journal *j, struct err *e)
{
    char fresh[LABEL_CHARS + 1];
    int rc = db_read(j->db, read_label, j, e);

    if (rc || j->label[0])
        return rc;
    io_random_id(j->io, fresh, LABEL_CHARS);
    rc = db_write(j->db, write_label, fresh, e);
    return rc ? rc : db_read(j->db, read_label, j, e);
}

int journal_open(struct io *io, const struct journal_options *o, struct journal **ret, struct err *e)
{
    AUTO_PTR(journal) j = xcalloc(1, sizeof(*j));
    AUTO_STRBUF struct strbuf file = STRBUF(PATH_MAX_BYTES);
    struct db_options db = { .migrations = migrations, .fast_and_unsafe = o->fast_and_unsafe };

    j->io = io;
    strbuf_addf(&file, "%s/journal.db", o->state_dir);
    db.path = j->path = xstrdup(strbuf_cstr(&file));
    if (file_lock_folder(io, o->state_dir, "agent", &j->lock, e))
        return -e->code;
    if (db_open(io, &db, &j->db, e) || load_label(j, e))
        return err_wrap(e, "journal %s", db.path);
    *ret = TAKE(j);
    return 0;
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    db_close(j->db);
    file_unlock(j->lock);
    free(j->path);
    free(j);
}

static int64_t bytes_of(const char *path)
{
    struct stat s;

    return stat(path, &s) ? 0 : (int64_t)s.st_size;
}

int64_t journal_bytes(const struct journal *j)
{
    AUTO_STRBUF struct strbuf log = STRBUF(PATH_MAX_BYTES);

    strbuf_addf(&log, "%s-wal", j->path);
    return bytes_of(j->path) + bytes_of(strbuf_cstr(&log));
}

struct str journal_agent_label(const struct journal *j)
{
    return str_of(j->label);
}

static int read_adoption(struct db_conn *c, void *arg, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(c, &s, e, "SELECT 1 FROM meta WHERE key = 'adoption'", "");

    if (!rc)
        rc = db_step(s, arg, e);
    if (!rc && *(bool *)arg)
        db_finish(s);
    return rc;
}

bool journal_adoption_is_due(struct journal *j)
{
    bool due = false;

    return db_read(j->db, read_adoption, &due, NULL) == 0 && due;
}

static int end_adoption(struct db_conn *c, void *arg, struct err *e)
{
    return db_run(c, NULL, e, "DELETE FROM meta WHERE key = 'adoption'", "");
}

int journal_adoption_done(struct journal *j, struct err *e)
{
    return db_write(j->db, end_adoption, NULL, e);
}

/* --- writing -------------------------------------------------------------------------------------------- */

struct add_args {
    const struct launch_row *r;
    struct str spec;
    int64_t id;
};

struct move_args {
    int64_t launch, at_ms;
    const char *from, *to;
    struct str note;
};

static int add_history(struct db_conn *c, const struct move_args *m, struct err *e)
{
    return db_run(c, NULL, e,
                  "INSERT INTO history (launch, at, phase_from, phase_to, note) VALUES (?, ?, ?, ?, ?)",
                  "iizzs", m->launch, m->at_ms, m->from, m->to, m->note);
}

/* In the worker thread. */
static int add_row(struct db_conn *c, void *arg, struct err *e)
{
    struct add_args *args = arg;
    const struct launch_row *r = args->r;
    const char *phase = launch_phase_name(r->phase);
    struct str taken = r->phase == LAUNCH_ACTIVE ? STR("adopted with its job") : STR("taken");
    int rc =
        db_run(c, NULL, e,
               "INSERT INTO launches (item, queue, run_id, run_entity, wb_project, phase, attempt, retries,"
               " probes, stop_asked, probe_needed, acked, disowned, own_key, leased_at, submitted_at,"
               " active_at, ended_at, reported_at, spec, fence, taken_over, scheduler, gcp_project, region,"
               " vertex_job)"
               " VALUES (?, ?, ?, ?, ?, ?, 0, 0, 0, 0, 0, ?, 0, ?, ?, 0, ?, 0, 0, ?, ?, ?, ?, ?, ?, ?)",
               "sssssziiii"
               "siiisss",
               r->item, r->queue, r->run_id, r->run_entity, r->wb_project, phase, (int64_t)r->acked,
               (int64_t)r->own_key, r->leased_at_ms, r->active_at_ms, args->spec, r->fence,
               (int64_t)r->taken_over, (int64_t)r->scheduler, r->gcp_project, r->region, r->vertex_job);

    if (rc)
        return rc;
    args->id = db_last_id(c);
    return add_history(c, &(struct move_args){ args->id, r->leased_at_ms, phase, phase, taken }, e);
}

int journal_add(struct journal *j, const struct launch_row *r, struct str spec, int64_t *ret_id,
                struct err *e)
{
    struct add_args args = { r, spec, 0 };
    int rc = db_write(j->db, add_row, &args, e);

    if (rc)
        return err_wrap(e, "journal");
    *ret_id = args.id;
    return 0;
}

/* In the worker thread. */
static int save_row(struct db_conn *c, void *arg, struct err *e)
{
    const struct journal_change *ch = arg;
    const struct launch_row *r = ch->row;
    const char *from = launch_phase_name(ch->from), *to = launch_phase_name(r->phase);
    int64_t changes = 0;
    int rc =
        db_run(c, &changes, e,
               "UPDATE launches SET run_entity = ?, wb_project = ?, gcp_project = ?, region = ?,"
               " attempt_label = ?, vertex_job = ?, vertex_status = ?, reason = ?, stage = ?, phase = ?,"
               " attempt = ?, retries = ?, probes = ?, stop_asked = ?, probe_needed = ?, acked = ?,"
               " disowned = ?, submitted_at = ?, active_at = ?, ended_at = ?, reported_at = ?,"
               " fence = ?, cause = ?, rungs = ?, rung = ?, round = ?, resumes = ?, rungs_out = ?,"
               " ran = ?, spot = ?, flexible = ?, waiting_since = ?,"
               " request = coalesce(?, request) WHERE id = ? AND phase = ?",
               "sssssssss"
               "z"
               "iiiiiiiiiiii"
               "ziiiiiiiii"
               "siz",
               r->run_entity, r->wb_project, r->gcp_project, r->region, r->attempt_label, r->vertex_job,
               r->vertex_status, r->reason, r->stage, to, (int64_t)r->attempt, (int64_t)r->retries,
               (int64_t)r->probes, (int64_t)r->stop, (int64_t)r->probe_needed, (int64_t)r->acked,
               (int64_t)r->disowned, r->submitted_at_ms, r->active_at_ms, r->ended_at_ms, r->reported_at_ms,
               r->fence, launch_cause_name(r->cause), (int64_t)r->rungs, (int64_t)r->at.rung,
               (int64_t)r->at.round, (int64_t)r->at.resumes, (int64_t)r->at.out, (int64_t)r->ran,
               (int64_t)r->spot, (int64_t)r->flexible, r->waiting_since_ms, ch->request, r->id, from);

    if (rc)
        return rc;
    if (changes != 1)
        return err_set(e, ERR_STORE, "launch %lld is not \"%s\" in the file: somebody else wrote to it",
                       (long long)r->id, from);
    if (ch->from == r->phase && !ch->note.len)
        return 0;
    return add_history(c, &(struct move_args){ r->id, ch->at_ms, from, to, ch->note }, e);
}

int journal_save(struct journal *j, const struct journal_change *change, struct err *e)
{
    struct journal_change copy = *change;
    int rc = db_write(j->db, save_row, &copy, e);

    return rc ? err_wrap(e, "journal") : 0;
}

/* --- reading -------------------------------------------------------------------------------------------- */

struct each_args {
    journal_visit_fn visit;
    void *ctx;
};

static void read_ladder(struct db_stmt *s, int i, struct launch_row *r)
{
    r->rungs = (uint32_t)db_col_i64(s, i++);
    r->at.rung = (uint32_t)db_col_i64(s, i++);
    r->at.round = (uint32_t)db_col_i64(s, i++);
    r->at.resumes = (uint32_t)db_col_i64(s, i++);
    r->at.out = (uint64_t)db_col_i64(s, i++);
    r->ran = db_col_i64(s, i++);
    r->spot = db_col_i64(s, i++);
    r->flexible = db_col_i64(s, i++);
    r->waiting_since_ms = db_col_i64(s, i++);
    r->taken_over = db_col_i64(s, i++);
    r->scheduler = db_col_i64(s, i++);
}

static int read_row(struct db_stmt *s, struct launch_row *r, struct err *e)
{
    int i = 0;

    r->id = db_col_i64(s, i++);
    r->item = db_col_str(s, i++);
    r->queue = db_col_str(s, i++);
    r->run_id = db_col_str(s, i++);
    r->run_entity = db_col_str(s, i++);
    r->wb_project = db_col_str(s, i++);
    r->gcp_project = db_col_str(s, i++);
    r->region = db_col_str(s, i++);
    r->attempt_label = db_col_str(s, i++);
    r->vertex_job = db_col_str(s, i++);
    r->vertex_status = db_col_str(s, i++);
    r->reason = db_col_str(s, i++);
    r->stage = db_col_str(s, i++);
    if (!launch_phase_parse(db_col_str(s, i++), &r->phase))
        return err_set(e, ERR_STORE, "launch %lld has a phase this version does not know", (long long)r->id);
    r->attempt = (uint32_t)db_col_i64(s, i++);
    r->retries = (uint32_t)db_col_i64(s, i++);
    r->probes = (uint32_t)db_col_i64(s, i++);
    r->stop = (enum launch_stop)db_col_i64(s, i++);
    r->probe_needed = db_col_i64(s, i++);
    r->acked = db_col_i64(s, i++);
    r->disowned = db_col_i64(s, i++);
    r->own_key = db_col_i64(s, i++);
    r->leased_at_ms = db_col_i64(s, i++);
    r->submitted_at_ms = db_col_i64(s, i++);
    r->active_at_ms = db_col_i64(s, i++);
    r->ended_at_ms = db_col_i64(s, i++);
    r->reported_at_ms = db_col_i64(s, i++);
    r->fence = db_col_i64(s, i++);
    if (!launch_cause_parse(db_col_str(s, i++), &r->cause))
        r->cause = CAUSE_NONE; /* of a newer version */
    read_ladder(s, i, r);
    return 0;
}

static int each_row(struct db_conn *c, void *arg, struct err *e)
{
    struct each_args *args = arg;
    struct db_stmt *s = NULL;
    bool row = false;
    int rc = db_query(
        c, &s, e,
        "SELECT id, item, queue, run_id, run_entity, wb_project, gcp_project, region,"
        " attempt_label, vertex_job, vertex_status, reason, stage, phase, attempt, retries,"
        " probes, stop_asked, probe_needed, acked, disowned, own_key, leased_at, submitted_at,"
        " active_at, ended_at, reported_at, fence, cause, rungs, rung, round, resumes, rungs_out, ran,"
        " spot, flexible, waiting_since, taken_over, scheduler FROM launches WHERE phase != 'reported' ORDER "
        "BY id",
        "");

    while (!rc && (rc = db_step(s, &row, e)) == 0 && row) {
        struct launch_row r = { 0 };

        rc = read_row(s, &r, e);
        if (rc)
            db_finish(s);
        else
            args->visit(args->ctx, &r);
    }
    return rc;
}

int journal_each(struct journal *j, journal_visit_fn visit, void *ctx, struct err *e)
{
    struct each_args args = { visit, ctx };

    return db_read(j->db, each_row, &args, e);
}

struct disowned_args {
    journal_item_fn visit;
    void *ctx;
};

static int disowned_rows(struct db_conn *c, void *arg, struct err *e)
{
    struct disowned_args *args = arg;
    struct db_stmt *s = NULL;
    bool row = false;
    int rc = db_query(c, &s, e, "SELECT item FROM launches WHERE disowned = 1", "");

    while (!rc && (rc = db_step(s, &row, e)) == 0 && row)
        args->visit(args->ctx, db_col_str(s, 0));
    return rc;
}

int journal_disowned(struct journal *j, journal_item_fn visit, void *ctx, struct err *e)
{
    return db_read(j->db, disowned_rows, &(struct disowned_args){ visit, ctx }, e);
}

struct text_args {
    const char *sql;
    int64_t id;
    struct arena *a;
    struct str text;
};

static int read_text(struct db_conn *c, struct text_args *args, struct db_stmt *s, struct err *e)
{
    bool row = false;
    int rc = db_step(s, &row, e);

    if (rc)
        return rc;
    if (!row)
        return err_set(e, ERR_NOT_FOUND, "no launch %lld in the journal", (long long)args->id);
    args->text = db_col_is_null(s, 0) ? (struct str){ 0 } : arena_str(args->a, db_col_str(s, 0));
    db_finish(s);
    return 0;
}

static int read_spec(struct db_conn *c, void *arg, struct err *e)
{
    struct text_args *args = arg;
    struct db_stmt *s = NULL;
    int rc = db_query(c, &s, e, "SELECT spec FROM launches WHERE id = ?", "i", args->id);

    return rc ? rc : read_text(c, args, s, e);
}

static int read_request(struct db_conn *c, void *arg, struct err *e)
{
    struct text_args *args = arg;
    struct db_stmt *s = NULL;
    int rc = db_query(c, &s, e, "SELECT request FROM launches WHERE id = ?", "i", args->id);

    return rc ? rc : read_text(c, args, s, e);
}

int journal_spec(struct journal *j, struct arena *a, int64_t id, struct str *ret, struct err *e)
{
    struct text_args args = { .id = id, .a = a };
    int rc = db_read(j->db, read_spec, &args, e);

    if (!rc)
        *ret = args.text;
    return rc;
}

int journal_request(struct journal *j, struct arena *a, int64_t id, struct str *ret, struct err *e)
{
    struct text_args args = { .id = id, .a = a };
    int rc = db_read(j->db, read_request, &args, e);

    if (!rc)
        *ret = args.text;
    return rc;
}

struct history_args {
    int64_t id;
    struct arena *a;
    struct journal_move *moves;
    size_t len, cap;
};

static int read_history(struct db_conn *c, void *arg, struct err *e)
{
    struct history_args *h = arg;
    struct db_stmt *s = NULL;
    bool row = false;
    int rc =
        db_query(c, &s, e, "SELECT at, phase_from, phase_to, note FROM history WHERE launch = ? ORDER BY id",
                 "i", h->id);

    while (!rc && (rc = db_step(s, &row, e)) == 0 && row) {
        struct journal_move m = { .at_ms = db_col_i64(s, 0), .note = arena_str(h->a, db_col_str(s, 3)) };

        if (!launch_phase_parse(db_col_str(s, 1), &m.from) || !launch_phase_parse(db_col_str(s, 2), &m.to))
            continue; /* of a newer version: a line less to show */
        h->moves = arena_grow(h->a, h->moves, h->len, &h->cap, sizeof(*h->moves));
        h->moves[h->len++] = m;
    }
    return rc;
}

int journal_history(struct journal *j, struct arena *a, int64_t id, struct journal_move **ret,
                    size_t *ret_len, struct err *e)
{
    struct history_args h = { .id = id, .a = a };
    int rc = db_read(j->db, read_history, &h, e);

    if (rc)
        return rc;
    *ret = h.moves;
    *ret_len = h.len;
    return 0;
}
