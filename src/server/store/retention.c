/* server/store/retention.c: what goes after a time. Each change is small, so that nobody waits for it. */
#include "server/store/retention.h"

#include "server/store/store_internal.h"

enum { LINES_STEP = 2000, FILES_STEP = 100 };

/* Each project with the policy that counts there: its own, else its entity's. Of @what is a column, and where
 * none is said, or no policy is there, the default holds. */
#define PROJECTS(what)                                                                                       \
    "projects p LEFT JOIN retention k ON k.id = coalesce("                                                   \
    "(SELECT x.id FROM retention x WHERE x.project_id = p.id AND x." what " IS NOT NULL),"                   \
    " (SELECT x.id FROM retention x WHERE x.project_id = 0 AND x.entity_id = p.entity_id"                    \
    " AND x." what " IS NOT NULL))"
/* The values of what is old come first in each statement: the default, now, the default. */
#define OLD(what, time)     "coalesce(k." what ", ?) > 0 AND " time " < ? - coalesce(k." what ", ?)"
#define OLD_VALUES(k, what) (k)->keep.what, (k)->now_unix_ms, (k)->keep.what

#define LIVE                "('pending', 'running', 'preempting')"
#define ITEM_LIVE           "('PENDING', 'LEASED', 'CLAIMED', 'RUNNING')"

/* "+p.id" has SQLite go from the projects to the rows of each that are old, and not through all rows. */
#define OLD_RUN_TIME(what)  OLD(what, "r.heartbeat_unix_ms")
#define NO_LIVE_ITEM                                                                                         \
    " AND NOT EXISTS (SELECT 1 FROM items i WHERE i.uid = r.item_uid AND i.state IN " ITEM_LIVE ")"
#define ENDED_RUNS     " JOIN runs r ON r.project_id = +p.id AND r.state NOT IN " LIVE NO_LIVE_ITEM " AND "
#define OLD_RUNS(what) PROJECTS(what) ENDED_RUNS OLD_RUN_TIME(what)
#define FILES_OF_RUN   " JOIN run_files f ON f.run_id = r.id"
#define WITH_HISTORY   " AND r.history_gone_unix_ms <= r.heartbeat_unix_ms"

/* Versions that nothing holds: an alias that was given (each has "vN"), a link, a run. */
#define NO_ALIAS                                                                                             \
    " AND NOT EXISTS (SELECT 1 FROM artifact_aliases x JOIN collection_members m"                            \
    " ON m.collection_id = x.collection_id AND m.artifact_id = x.artifact_id"                                \
    " WHERE x.artifact_id = a.id AND x.alias <> 'v' || m.version)"
#define NO_LINK                                                                                              \
    " AND NOT EXISTS (SELECT 1 FROM collection_members m WHERE m.artifact_id = a.id"                         \
    " AND m.collection_id <> a.collection_id)"
#define NO_LIVE_RUN                                                                                          \
    " AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.id = a.run_id AND r.state IN " LIVE ")"                   \
    " AND NOT EXISTS (SELECT 1 FROM run_artifacts u JOIN runs r ON r.id = u.run_id"                          \
    " WHERE u.artifact_id = a.id AND r.state IN " LIVE ")"
/* What a run logged beside a job is the job's code. */
#define NO_JOBS_CODE                                                                                         \
    " AND NOT (t.name = 'code' AND EXISTS (SELECT 1 FROM artifacts j"                                        \
    " JOIN collections jo ON jo.id = j.collection_id JOIN artifact_types jt ON jt.id = jo.type_id"           \
    " WHERE j.run_id = a.run_id AND j.state = 'COMMITTED' AND jt.name = 'job'))"
/* A spec has its job by name and version, by an alias, which then holds it, or by uid. To find more in there
 * than is meant only keeps more. */
#define NO_LIVE_JOB                                                                                          \
    " AND NOT (t.name = 'job' AND EXISTS (SELECT 1 FROM items i WHERE i.state IN " ITEM_LIVE                 \
    " AND (i.spec LIKE '%' || o.name || ':v' || a.version || '%' OR i.spec LIKE '%' || a.uid || '%')))"
#define OLD_VERSION_TIME OLD("artifacts_ms", "a.created_unix_ms")
#define VERSIONS                                                                                             \
    " JOIN artifacts a ON a.project_id = +p.id AND a.state = 'COMMITTED'"                                    \
    " JOIN collections o ON o.id = a.collection_id JOIN artifact_types t ON t.id = o.type_id WHERE "
#define HELD_BY_NOTHING NO_ALIAS NO_LINK NO_LIVE_RUN NO_JOBS_CODE NO_LIVE_JOB
#define OLD_VERSIONS    PROJECTS("artifacts_ms") VERSIONS OLD_VERSION_TIME HELD_BY_NOTHING

struct prune {
    struct arena *a;
    const struct store_keep *keep;
    int64_t id;
    int64_t before; /* a point in time */
    struct str sha256;
    const struct store_run_file *file;
    const struct store_by *by;
    struct rows *rows;
    struct store_prunable count;
    struct store_emptied emptied;
    int64_t lines, runs;
    bool named, went;
};

/* --- how much --- */

static int by_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_prunable_by *)ret = (struct store_prunable_by){ .entity = col(a, st, 0),
                                                                   .project = col(a, st, 1),
                                                                   .keep_ms = db_col_i64(st, 2),
                                                                   .runs = db_col_i64(st, 3),
                                                                   .things = db_col_i64(st, 4),
                                                                   .bytes = db_col_i64(st, 5) };
    return 0;
}

#define COUNTED(what, counts, from)                                                                          \
    "SELECT (SELECT n.name FROM entities n WHERE n.id = k.entity_id),"                                       \
    " (SELECT q.name FROM projects q WHERE q.id = k.project_id), coalesce(k." what ", ?), " counts           \
    " FROM " from " GROUP BY k.id, k.entity_id, k.project_id, k." what " ORDER BY 1, 2"
#define COUNT(c, st, k, e, what, counts, from)                                                               \
    db_query(c, st, e, COUNTED(#what, counts, from), "iiii", (k)->keep.what, OLD_VALUES(k, what))

static int by_policy(struct db_conn *c, const struct prune *p, enum store_kept kept, struct err *e)
{
    const struct store_keep *k = p->keep;
    struct db_stmt *st = NULL;
    int rc = 0;

    if (kept == KEPT_HISTORY)
        rc = COUNT(c, &st, k, e, history_ms, "count(DISTINCT r.id), count(*), 0",
                   OLD_RUNS("history_ms") WITH_HISTORY " JOIN run_lines l ON l.run_id = r.id");
    else if (kept == KEPT_FILES)
        rc = COUNT(c, &st, k, e, files_ms, "count(DISTINCT r.id), count(*), sum(f.size_bytes)",
                   OLD_RUNS("files_ms") FILES_OF_RUN);
    else
        rc = COUNT(c, &st, k, e, artifacts_ms, "count(DISTINCT a.run_id), count(*), sum(a.size_bytes)",
                   OLD_VERSIONS);
    return rc < 0 ? rc : rows_read(p->rows, st, e);
}

static int deleted_count(struct db_conn *c, struct prune *p, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT count(DISTINCT a.id), count(f.id), (SELECT count(*) FROM runs r WHERE"
                      " " RUN_IS_DELETED ") FROM artifacts a LEFT JOIN artifact_files f"
                      " ON f.artifact_id = a.id WHERE (a.state = 'DELETED' AND a.emptied = 0"
                      " AND a.updated_unix_ms < ?) OR (a.state = 'PENDING' AND a.updated_unix_ms < ?)",
                      "ii", p->keep->deleted_unix_ms, p->keep->pending_unix_ms);

    rc = rc < 0 ? rc : step_one(st, "the count", e);
    if (rc < 0)
        return rc;
    p->count.artifacts = db_col_i64(st, 0);
    p->count.blobs = db_col_i64(st, 1);
    p->count.deleted_runs = db_col_i64(st, 2);
    db_finish(st);
    return 0;
}

static int prunable(struct db_conn *c, void *arg, struct err *e)
{
    struct prune *p = arg;
    int rc = 0;

    for (enum store_kept kept = 0; rc == 0 && kept < KEPT_COUNT_; kept++) {
        *p->rows = ROWS(p->rows->a, struct store_prunable_by, by_row);
        rc = by_policy(c, p, kept, e);
        if (rc == 0)
            p->count.by[kept].items = rows_take(p->rows, &p->count.by[kept].len);
    }
    return rc < 0 ? rc : deleted_count(c, p, e);
}

int store_prunable(struct store *s, struct arena *a, const struct store_keep *k, struct store_prunable *ret,
                   struct err *e)
{
    struct rows rows = { .a = a };
    struct prune p = { .keep = k, .rows = &rows };
    int rc = db_read(s->db, prunable, &p, e);

    if (rc == 0)
        *ret = p.count;
    return rc;
}

/* --- lines --- */

/* The first row's number; 0: there is none. */
static int first_id(struct db_stmt *st, int64_t *ret, struct err *e)
{
    bool row = false;
    int rc = db_step(st, &row, e);

    *ret = rc == 0 && row ? db_col_i64(st, 0) : 0;
    if (rc == 0 && row)
        db_finish(st);
    return rc;
}

static int prune_lines(struct db_conn *c, void *arg, struct err *e)
{
    struct prune *p = arg;
    struct db_stmt *st = NULL;
    int64_t id = 0;
    int rc = db_query(c, &st, e, "SELECT r.id FROM " OLD_RUNS("history_ms") WITH_HISTORY " LIMIT 1", "iii",
                      OLD_VALUES(p->keep, history_ms));

    rc = rc < 0 ? rc : first_id(st, &id, e);
    p->lines = p->runs = 0;
    if (rc < 0 || id == 0)
        return rc;
    rc = tx_run_lines_drop(c, id, LINES_STEP, &p->lines, e);
    if (rc < 0 || p->lines == LINES_STEP)
        return rc;
    p->runs = 1;
    rc = tx_history_drop(c, id, e);
    if (rc < 0)
        return rc;
    return db_run(c, NULL, e, "UPDATE runs SET history_gone_unix_ms = heartbeat_unix_ms + 1 WHERE id = ?",
                  "i", id);
}

int store_prune_lines(struct store *s, const struct store_keep *k, int64_t *ret_lines, int64_t *ret_runs,
                      struct err *e)
{
    struct prune p = { .keep = k };
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
                      "SELECT f.run_id, f.name FROM " OLD_RUNS("files_ms") FILES_OF_RUN
                      " UNION ALL SELECT f.run_id, f.name FROM runs r" FILES_OF_RUN " WHERE " RUN_IS_DELETED
                      " LIMIT ?",
                      "iiii", OLD_VALUES(p->keep, files_ms), (int64_t)FILES_STEP);

    return rc < 0 ? rc : rows_read(p->rows, st, e);
}

int store_prune_file_list(struct store *s, struct arena *a, const struct store_keep *k,
                          struct store_run_file **ret, size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_run_file, run_file_row);
    struct prune p = { .keep = k, .rows = &rows };
    int rc = db_read(s->db, file_list, &p, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

static int file_forget(struct db_conn *c, void *arg, struct err *e)
{
    const struct prune *p = arg;
    int64_t gone = 0;
    int rc = db_run(c, &gone, e, "DELETE FROM run_files WHERE run_id = ? AND name = ?", "is", p->file->run_id,
                    p->file->name);

    if (rc < 0 || !p->by)
        return rc;
    if (gone == 0)
        return err_set(e, ERR_NOT_FOUND, "the run has no such file");
    return tx_run_note(c, p->file->run_id,
                       &(struct audit_note){ .what = "run.delete_file",
                                             .detail = arena_printf(p->a, "%.*s", STR_ARG(p->file->name)) },
                       p->by, e);
}

int store_run_file_forget(struct store *s, const struct store_run_file *f, const struct store_by *by,
                          struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct prune p = { .a = a, .file = f, .by = by };

    return db_write(s->db, file_forget, &p, e);
}

/* --- versions of artifacts --- */

static int version_list(struct db_conn *c, void *arg, struct err *e)
{
    struct prune *p = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, "SELECT a.id FROM " OLD_VERSIONS " LIMIT ?", "iiii",
                      OLD_VALUES(p->keep, artifacts_ms), (int64_t)FILES_STEP);

    return rc < 0 ? rc : rows_read(p->rows, st, e);
}

int store_prune_version_list(struct store *s, struct arena *a, const struct store_keep *k, int64_t **ret,
                             size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, int64_t, i64_row);
    struct prune p = { .keep = k, .rows = &rows };
    int rc = db_read(s->db, version_list, &p, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

static int prune_version(struct db_conn *c, void *arg, struct err *e)
{
    struct prune *p = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, "SELECT 1 FROM " OLD_VERSIONS " AND a.id = ?", "iiii",
                      OLD_VALUES(p->keep, artifacts_ms), p->id);

    rc = rc < 0 ? rc : read_any(st, &p->went, e);
    return rc < 0 || !p->went ? rc : tx_artifact_delete(c, p->id, p->by, e);
}

int store_prune_version(struct store *s, int64_t artifact_id, const struct store_keep *k,
                        const struct store_by *by, bool *ret, struct err *e)
{
    struct prune p = { .keep = k, .id = artifact_id, .by = by };
    int rc = db_write(s->db, prune_version, &p, e);

    if (rc == 0)
        *ret = p.went;
    return rc;
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
                    "iiii", p->keep->now_unix_ms, id, (int64_t)FILES_STEP, id);
    return rc < 0 ? rc
                  : db_run(c, &p->emptied.files, e,
                           "DELETE FROM artifact_files WHERE id IN"
                           " (SELECT id FROM artifact_files WHERE artifact_id = ? ORDER BY id LIMIT ?)",
                           "ii", id, (int64_t)FILES_STEP);
}

static int prune_artifact(struct db_conn *c, void *arg, struct err *e)
{
    struct prune *p = arg;
    struct db_stmt *st = NULL;
    int64_t id = 0;
    int rc = db_run(c, NULL, e,
                    "UPDATE artifacts SET state = 'DELETED' WHERE state = 'PENDING' AND updated_unix_ms < ?",
                    "i", p->keep->pending_unix_ms);

    if (rc == 0)
        rc = db_query(
            c, &st, e,
            "SELECT id FROM artifacts WHERE state = 'DELETED' AND emptied = 0 AND updated_unix_ms < ?"
            " ORDER BY updated_unix_ms LIMIT 1",
            "i", p->keep->deleted_unix_ms);
    rc = rc < 0 ? rc : first_id(st, &id, e);
    p->emptied = (struct store_emptied){ 0 };
    if (rc < 0 || id == 0)
        return rc;
    rc = drop_files(c, p, id, e);
    if (rc < 0 || p->emptied.files == FILES_STEP)
        return rc;
    p->emptied.artifacts = 1;
    return db_run(c, NULL, e, "UPDATE artifacts SET emptied = 1 WHERE id = ?", "i", id);
}

int store_prune_artifact(struct store *s, const struct store_keep *k, struct store_emptied *ret,
                         struct err *e)
{
    struct prune p = { .keep = k };
    int rc = db_write(s->db, prune_artifact, &p, e);

    if (rc == 0)
        *ret = p.emptied;
    return rc;
}

static int dropped_list(struct db_conn *c, void *arg, struct err *e)
{
    struct prune *p = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(
        c, &st, e,
        "SELECT sha256 FROM dropped_blobs WHERE sha256 > ? AND at_unix_ms <= ? ORDER BY sha256 LIMIT ?",
        "sii", p->sha256, p->before, (int64_t)FILES_STEP);

    return rc < 0 ? rc : rows_read(p->rows, st, e);
}

int store_dropped_list(struct store *s, struct arena *a, const struct store_dropped_query *q,
                       struct str **ret, size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct str, str_row);
    struct prune p = { .sha256 = q->after, .before = q->now_unix_ms, .rows = &rows };
    int rc = db_read(s->db, dropped_list, &p, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

static int blob_expect(struct db_conn *c, void *arg, struct err *e)
{
    struct prune *p = arg;
    int64_t changes = 0;
    int rc =
        db_run(c, &changes, e,
               "INSERT INTO dropped_blobs (sha256, at_unix_ms) VALUES (?, ?) ON CONFLICT (sha256)"
               " DO UPDATE SET at_unix_ms = excluded.at_unix_ms WHERE dropped_blobs.at_unix_ms <> " DOOMED_AT,
               "si", p->sha256, p->before);

    p->named = changes > 0;
    return rc;
}

int store_blob_expect(struct store *s, struct str sha256, int64_t until_unix_ms, bool *ret, struct err *e)
{
    struct prune p = { .sha256 = sha256, .before = until_unix_ms };
    int rc = db_write(s->db, blob_expect, &p, e);

    if (rc == 0)
        *ret = p.named;
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

static int blob_doom(struct db_conn *c, void *arg, struct err *e)
{
    struct prune *p = arg;
    int rc = blob_named(c, p, e);

    return rc < 0 || p->named
               ? rc
               : db_run(c, NULL, e, "UPDATE dropped_blobs SET at_unix_ms = " DOOMED_AT " WHERE sha256 = ?",
                        "s", p->sha256);
}

int store_blob_doom(struct store *s, struct str sha256, bool *ret, struct err *e)
{
    struct prune p = { .sha256 = sha256 };
    int rc = db_write(s->db, blob_doom, &p, e);

    if (rc == 0)
        *ret = !p.named;
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
