/* server/store/retention.c: what goes after a time. Each change is small, so that nobody waits for it. */
#include "server/store/retention.h"

#include "server/store/store_internal.h"

enum { LINES_STEP = 2000, FILES_STEP = 100 };

#define ENDED "state NOT IN ('pending', 'running', 'preempting') AND heartbeat_unix_ms < ?"

struct prune {
    const struct store_keep *keep;
    int64_t before, now;
    struct str sha256;
    const struct store_run_file *file;
    struct rows *rows;
    struct store_prunable count;
    struct store_emptied emptied;
    int64_t lines, runs;
    bool named;
};

/* --- how much --- */

static int add_counts(struct db_stmt *st, int64_t *first, int64_t *second, struct err *e)
{
    int rc = step_one(st, "the count", e);

    if (rc < 0)
        return rc;
    *first = db_col_i64(st, 0);
    *second = db_col_i64(st, 1);
    db_finish(st);
    return 0;
}

static int prunable(struct db_conn *c, void *arg, struct err *e)
{
    struct prune *p = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT count(DISTINCT r.id), count(*) FROM runs r JOIN run_lines l ON l.run_id = r.id"
                      " WHERE r." ENDED " AND r.history_gone_unix_ms <= r.heartbeat_unix_ms",
                      "i", p->keep->history_unix_ms);

    rc = rc < 0 ? rc : add_counts(st, &p->count.runs, &p->count.lines, e);
    if (rc == 0)
        rc = db_query(c, &st, e,
                      "SELECT count(*), coalesce(sum(f.size_bytes), 0) FROM runs r JOIN run_files f"
                      " ON f.run_id = r.id WHERE r." ENDED,
                      "i", p->keep->files_unix_ms);
    rc = rc < 0 ? rc : add_counts(st, &p->count.files, &p->count.file_bytes, e);
    if (rc == 0)
        rc = db_query(c, &st, e,
                      "SELECT count(DISTINCT a.id), count(f.id) FROM artifacts a LEFT JOIN artifact_files f"
                      " ON f.artifact_id = a.id WHERE (a.state = 'DELETED' AND a.emptied = 0"
                      " AND a.updated_unix_ms < ?) OR (a.state = 'PENDING' AND a.updated_unix_ms < ?)",
                      "ii", p->keep->deleted_unix_ms, p->keep->pending_unix_ms);
    return rc < 0 ? rc : add_counts(st, &p->count.artifacts, &p->count.blobs, e);
}

int store_prunable(struct store *s, const struct store_keep *k, struct store_prunable *ret, struct err *e)
{
    struct prune p = { .keep = k };
    int rc = db_read(s->db, prunable, &p, e);

    if (rc == 0)
        *ret = p.count;
    return rc;
}

/* --- lines --- */

/* The first that @sql finds; 0: none. */
static int find_id(struct db_conn *c, const char *sql, int64_t before, int64_t *ret, struct err *e)
{
    struct db_stmt *st = NULL;
    bool row = false;
    int rc = db_query(c, &st, e, sql, "i", before);

    rc = rc < 0 ? rc : db_step(st, &row, e);
    *ret = rc == 0 && row ? db_col_i64(st, 0) : 0;
    if (rc == 0 && row)
        db_finish(st);
    return rc;
}

static int prune_lines(struct db_conn *c, void *arg, struct err *e)
{
    struct prune *p = arg;
    int64_t id = 0;
    int rc = find_id(c,
                     "SELECT id FROM runs WHERE " ENDED " AND history_gone_unix_ms <= heartbeat_unix_ms"
                     " ORDER BY heartbeat_unix_ms LIMIT 1",
                     p->before, &id, e);

    p->lines = p->runs = 0;
    if (rc < 0 || id == 0)
        return rc;
    rc = db_run(c, &p->lines, e,
                "DELETE FROM run_lines WHERE run_id = ? AND (stream, line) IN"
                " (SELECT stream, line FROM run_lines WHERE run_id = ? LIMIT ?)",
                "iii", id, id, (int64_t)LINES_STEP);
    if (rc < 0 || p->lines == LINES_STEP)
        return rc;
    p->runs = 1;
    rc = tx_history_drop(c, id, e);
    if (rc < 0)
        return rc;
    return db_run(c, NULL, e, "UPDATE runs SET history_gone_unix_ms = heartbeat_unix_ms + 1 WHERE id = ?",
                  "i", id);
}

int store_prune_lines(struct store *s, int64_t before_unix_ms, int64_t *ret_lines, int64_t *ret_runs,
                      struct err *e)
{
    struct prune p = { .before = before_unix_ms };
    int rc = db_write(s->db, prune_lines, &p, e);

    if (rc < 0)
        return rc;
    *ret_lines = p.lines;
    *ret_runs = p.runs;
    return 0;
}

/* --- files of runs --- */

static int file_list(struct db_conn *c, void *arg, struct err *e)
{
    struct prune *p = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT f.run_id, f.name FROM runs r JOIN run_files f ON f.run_id = r.id"
                      " WHERE r." ENDED " LIMIT ?",
                      "ii", p->before, (int64_t)FILES_STEP);

    return rc < 0 ? rc : rows_read(p->rows, st, e);
}

int store_prune_file_list(struct store *s, struct arena *a, int64_t before_unix_ms,
                          struct store_run_file **ret, size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_run_file, run_file_row);
    struct prune p = { .before = before_unix_ms, .rows = &rows };
    int rc = db_read(s->db, file_list, &p, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

static int file_forget(struct db_conn *c, void *arg, struct err *e)
{
    const struct prune *p = arg;

    return db_run(c, NULL, e, "DELETE FROM run_files WHERE run_id = ? AND name = ?", "is", p->file->run_id,
                  p->file->name);
}

int store_run_file_forget(struct store *s, const struct store_run_file *f, struct err *e)
{
    struct prune p = { .file = f };

    return db_write(s->db, file_forget, &p, e);
}

/* --- bytes of artifacts --- */

/* Digests of these files that no other artifact has. An artifact's entries have the digests of its files. */
static int drop_files(struct db_conn *c, struct prune *p, int64_t id, struct err *e)
{
    int rc = db_run(c, NULL, e, "DELETE FROM artifact_entries WHERE artifact_id = ?", "i", id);

    if (rc == 0)
        rc = db_run(c, NULL, e,
                    "INSERT INTO dropped_blobs (sha256, at_unix_ms) SELECT DISTINCT f.sha256, ? FROM"
                    " (SELECT sha256 FROM artifact_files WHERE artifact_id = ? ORDER BY id LIMIT ?) f"
                    " WHERE f.sha256 IS NOT NULL"
                    " AND NOT EXISTS (SELECT 1 FROM artifact_files o WHERE o.sha256 = f.sha256"
                    " AND o.artifact_id <> ?)"
                    " AND NOT EXISTS (SELECT 1 FROM artifact_entries o WHERE o.sha256 = f.sha256)"
                    " ON CONFLICT DO NOTHING",
                    "iiii", p->now, id, (int64_t)FILES_STEP, id);
    return rc < 0 ? rc
                  : db_run(c, &p->emptied.files, e,
                           "DELETE FROM artifact_files WHERE id IN"
                           " (SELECT id FROM artifact_files WHERE artifact_id = ? ORDER BY id LIMIT ?)",
                           "ii", id, (int64_t)FILES_STEP);
}

static int prune_artifact(struct db_conn *c, void *arg, struct err *e)
{
    struct prune *p = arg;
    int64_t id = 0;
    int rc = db_run(c, NULL, e,
                    "UPDATE artifacts SET state = 'DELETED' WHERE state = 'PENDING' AND updated_unix_ms < ?",
                    "i", p->keep->pending_unix_ms);

    if (rc == 0)
        rc =
            find_id(c,
                    "SELECT id FROM artifacts WHERE state = 'DELETED' AND emptied = 0 AND updated_unix_ms < ?"
                    " ORDER BY updated_unix_ms LIMIT 1",
                    p->keep->deleted_unix_ms, &id, e);
    p->emptied = (struct store_emptied){ 0 };
    if (rc < 0 || id == 0)
        return rc;
    rc = drop_files(c, p, id, e);
    if (rc < 0 || p->emptied.files == FILES_STEP)
        return rc;
    p->emptied.artifacts = 1;
    return db_run(c, NULL, e, "UPDATE artifacts SET emptied = 1 WHERE id = ?", "i", id);
}

int store_prune_artifact(struct store *s, const struct store_keep *k, int64_t now_unix_ms,
                         struct store_emptied *ret, struct err *e)
{
    struct prune p = { .keep = k, .now = now_unix_ms };
    int rc = db_write(s->db, prune_artifact, &p, e);

    if (rc == 0)
        *ret = p.emptied;
    return rc;
}

static int dropped_list(struct db_conn *c, void *arg, struct err *e)
{
    struct prune *p = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, "SELECT sha256 FROM dropped_blobs WHERE sha256 > ? ORDER BY sha256 LIMIT ?",
                      "si", p->sha256, (int64_t)FILES_STEP);

    return rc < 0 ? rc : rows_read(p->rows, st, e);
}

int store_dropped_list(struct store *s, struct arena *a, struct str after, struct str **ret, size_t *ret_len,
                       struct err *e)
{
    struct rows rows = ROWS(a, struct str, str_row);
    struct prune p = { .sha256 = after, .rows = &rows };
    int rc = db_read(s->db, dropped_list, &p, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

static int blob_named(struct db_conn *c, void *arg, struct err *e)
{
    struct prune *p = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT 1 FROM artifact_files WHERE sha256 = ? UNION ALL"
                      " SELECT 1 FROM artifact_entries WHERE sha256 = ?",
                      "ss", p->sha256, p->sha256);

    return rc < 0 ? rc : read_any(st, &p->named, e);
}

int store_blob_named(struct store *s, struct str sha256, bool *ret, struct err *e)
{
    struct prune p = { .sha256 = sha256 };
    int rc = db_read(s->db, blob_named, &p, e);

    if (rc == 0)
        *ret = p.named;
    return rc;
}

static int dropped_forget(struct db_conn *c, void *arg, struct err *e)
{
    const struct prune *p = arg;

    return db_run(c, NULL, e, "DELETE FROM dropped_blobs WHERE sha256 = ?", "s", p->sha256);
}

int store_dropped_forget(struct store *s, struct str sha256, struct err *e)
{
    struct prune p = { .sha256 = sha256 };

    return db_write(s->db, dropped_forget, &p, e);
}
