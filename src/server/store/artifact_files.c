/* server/store/artifact_files.c: files of artifacts: promised, arrived, and what a commit makes of
 * them. */
#include "server/store/artifacts_internal.h"

static int needs_pending(struct db_conn *c, int64_t artifact_id, struct err *e)
{
    struct db_stmt *st = NULL;
    bool pending = false;
    int rc =
        db_query(c, &st, e, "SELECT 1 FROM artifacts WHERE id = ? AND state = 'PENDING'", "i", artifact_id);

    if (rc == 0)
        rc = read_any(st, &pending, e);
    if (rc == 0 && !pending)
        return err_set(e, ERR_CONFLICT, "the artifact is committed or deleted: it takes no more files");
    return rc;
}

/* --- promised --- */

struct declare {
    struct arena *a;
    int64_t artifact_id, now_unix_ms;
    const struct store_new_file *files;
    size_t len;
    struct store_artifact_file *ret;
};

/* A row with the same content keeps its bytes; else bytes that the project has are taken over. */
static int file_insert(struct db_conn *c, const struct declare *d, const struct store_new_file *f,
                       struct err *e)
{
    /* What the name had may lose its last name: retention looks whether it did. */
    int rc =
        db_run(c, NULL, e,
               "INSERT INTO dropped_blobs (sha256, at_unix_ms) SELECT sha256, ? FROM artifact_files"
               " WHERE artifact_id = ? AND is_manifest = ? AND name = ? AND sha256 IS NOT NULL AND md5 <> ?"
               " ON CONFLICT DO NOTHING",
               "iiiss", d->now_unix_ms, d->artifact_id, (int64_t)f->is_manifest, f->name, f->md5);

    if (rc < 0)
        return rc;
    return db_run(
        c, NULL, e,
        "INSERT INTO artifact_files (artifact_id, is_manifest, name, md5, created_unix_ms, sha256, "
        "size_bytes)"
        " SELECT ?, ?, ?, ?, ?, known.sha256, coalesce(known.size_bytes, 0) FROM (SELECT 1) one"
        " LEFT JOIN (SELECT f.sha256, f.size_bytes FROM artifact_files f JOIN artifacts a"
        "  ON a.id = f.artifact_id WHERE f.md5 = ? AND f.sha256 IS NOT NULL"
        "  AND a.project_id = (SELECT project_id FROM artifacts WHERE id = ?) LIMIT 1) known ON true"
        " WHERE true ON CONFLICT (artifact_id, is_manifest, name) DO UPDATE SET md5 = excluded.md5,"
        " sha256 = excluded.sha256, size_bytes = excluded.size_bytes",
        "iissisi", d->artifact_id, (int64_t)f->is_manifest, f->name, f->md5, d->now_unix_ms, f->md5,
        d->artifact_id);
}

static int file_status(struct db_conn *c, const struct declare *d, size_t i, struct err *e)
{
    const struct store_new_file *f = &d->files[i];
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT id, sha256 FROM artifact_files WHERE artifact_id = ? AND is_manifest = ?"
                      " AND name = ?",
                      "iis", d->artifact_id, (int64_t)f->is_manifest, f->name);

    if (rc == 0)
        rc = step_one(st, "the file", e);
    if (rc < 0)
        return rc;
    d->ret[i] = (struct store_artifact_file){ .id = db_col_i64(st, 0),
                                              .artifact_id = d->artifact_id,
                                              .is_manifest = f->is_manifest,
                                              .is_here = !db_col_is_null(st, 1) };
    db_finish(st);
    if (!f->is_manifest)
        return 0;
    return db_run(c, NULL, e, "UPDATE artifacts SET manifest_id = ? WHERE id = ?", "ii", d->ret[i].id,
                  d->artifact_id);
}

static int declare(struct db_conn *c, void *arg, struct err *e)
{
    struct declare *d = arg;
    int rc = needs_pending(c, d->artifact_id, e);

    for (size_t i = 0; rc == 0 && i < d->len; i++) {
        rc = file_insert(c, d, &d->files[i], e);
        if (rc == 0)
            rc = file_status(c, d, i, e);
    }
    return rc;
}

int store_artifact_declare(struct store *s, struct arena *a, const struct store_declare *o,
                           struct store_artifact_file **ret, struct err *e)
{
    struct declare d = { .a = a,
                         .artifact_id = o->artifact_id,
                         .files = o->files,
                         .len = o->len,
                         .now_unix_ms = o->now_unix_ms,
                         .ret = arena_array(a, o->len, sizeof(*d.ret)) };
    int rc = db_write(s->db, declare, &d, e);

    if (rc == 0)
        *ret = d.ret;
    return rc;
}

/* --- arrived --- */

struct file_args {
    struct arena *a;
    int64_t id;
    struct str md5;
    const struct store_blob *blob;
    const struct store_entry_query *query;
    void *ret;
};

static int file_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_artifact_file *)ret = (struct store_artifact_file){ .id = db_col_i64(st, 0),
                                                                       .artifact_id = db_col_i64(st, 1),
                                                                       .is_manifest = db_col_i64(st, 2) != 0,
                                                                       .name = col(a, st, 3),
                                                                       .md5 = col(a, st, 4),
                                                                       .is_here = !db_col_is_null(st, 5) };
    return 0;
}

static int file_by_id(struct db_conn *c, void *arg, struct err *e)
{
    struct file_args *f = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT id, artifact_id, is_manifest, name, md5, sha256 FROM artifact_files"
                      " WHERE id = ?",
                      "i", f->id);

    return rc < 0 ? rc : read_one(f->a, st, "the file", file_row, f->ret, e);
}

int store_artifact_file_by_id(struct store *s, struct arena *a, int64_t id, struct store_artifact_file *ret,
                              struct err *e)
{
    struct file_args f = { .a = a, .id = id, .ret = ret };

    return db_read(s->db, file_by_id, &f, e);
}

static int file_id_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_artifact_file *)ret = (struct store_artifact_file){ .id = db_col_i64(st, 0),
                                                                       .artifact_id = db_col_i64(st, 1),
                                                                       .is_here = !db_col_is_null(st, 2) };
    return 0;
}

static int file_by_md5(struct db_conn *c, void *arg, struct err *e)
{
    struct file_args *f = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT id, artifact_id, sha256 FROM artifact_files WHERE artifact_id = ? AND md5 = ?"
                      " AND is_manifest = 0 LIMIT 1",
                      "is", f->id, f->md5);

    return rc < 0 ? rc : read_one(NULL, st, "the file", file_id_row, f->ret, e);
}

int store_artifact_file_by_md5(struct store *s, int64_t artifact_id, struct str md5,
                               struct store_artifact_file *ret, struct err *e)
{
    struct file_args f = { .id = artifact_id, .md5 = md5, .ret = ret };

    return db_read(s->db, file_by_md5, &f, e);
}

/* The client sends it again; by then they have gone. */
static int not_doomed(struct db_conn *c, struct str sha256, struct err *e)
{
    struct db_stmt *st = NULL;
    bool doomed = false;
    int rc = db_query(c, &st, e, "SELECT 1 FROM dropped_blobs WHERE sha256 = ? AND at_unix_ms = " DOOMED_AT,
                      "s", sha256);

    rc = rc < 0 ? rc : read_any(st, &doomed, e);
    if (rc == 0 && doomed)
        return err_set(e, ERR_STORE, "these bytes are being removed, as nobody named them: send them again");
    return rc;
}

static int file_arrived(struct db_conn *c, void *arg, struct err *e)
{
    const struct file_args *f = arg;
    int64_t changes = 0;
    int rc = db_run(c, &changes, e,
                    "UPDATE artifact_files SET sha256 = ?, size_bytes = ? WHERE id = ? AND md5 = ?"
                    " AND artifact_id IN (SELECT id FROM artifacts WHERE state = 'PENDING')",
                    "siis", f->blob->sha256, f->blob->size_bytes, f->id, f->md5);

    if (rc == 0 && changes == 0)
        return err_set(e, ERR_CONFLICT,
                       "the artifact is committed or deleted, or the file is another by now");
    return rc < 0 ? rc : not_doomed(c, f->blob->sha256, e);
}

int store_artifact_file_arrived(struct store *s, int64_t id, struct str md5, const struct store_blob *b,
                                struct err *e)
{
    struct file_args f = { .id = id, .md5 = md5, .blob = b };

    return db_write(s->db, file_arrived, &f, e);
}

struct manifest_put {
    const struct store_manifest *in;
    struct store_artifact_file made;
};

static int manifest_put(struct db_conn *c, void *arg, struct err *e)
{
    struct manifest_put *m = arg;
    const struct store_manifest *in = m->in;
    const struct store_new_file file = { .is_manifest = true, .name = in->name, .md5 = in->md5 };
    struct declare d = { .artifact_id = in->artifact_id,
                         .now_unix_ms = in->now_unix_ms,
                         .files = &file,
                         .len = 1,
                         .ret = &m->made };
    struct file_args f = { .md5 = in->md5, .blob = &in->blob };
    int rc = declare(c, &d, e);

    f.id = m->made.id;
    rc = rc < 0 ? rc : file_arrived(c, &f, e);
    return rc < 0 ? rc
                  : db_run(c, NULL, e, "UPDATE artifacts SET digest = ? WHERE id = ?", "si", in->digest,
                           in->artifact_id);
}

int store_artifact_manifest_put(struct store *s, const struct store_manifest *in, struct err *e)
{
    struct manifest_put m = { .in = in };

    return db_write(s->db, manifest_put, &m, e);
}

static int blob_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_blob *)ret =
        (struct store_blob){ .sha256 = col(a, st, 0), .size_bytes = db_col_i64(st, 1) };
    return 0;
}

static int blob_by_md5(struct db_conn *c, void *arg, struct err *e)
{
    struct file_args *f = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT sha256, size_bytes FROM artifact_files WHERE md5 = ? AND artifact_id = ?"
                      " AND sha256 IS NOT NULL AND is_manifest = 0 LIMIT 1",
                      "si", f->md5, f->id);

    return rc < 0 ? rc : read_one(f->a, st, "the file", blob_row, f->ret, e);
}

int store_artifact_blob(struct store *s, struct arena *a, int64_t artifact_id, struct str md5,
                        struct store_blob *ret, struct err *e)
{
    struct file_args f = { .a = a, .id = artifact_id, .md5 = md5, .ret = ret };

    return db_read(s->db, blob_by_md5, &f, e);
}

static int blob_of_entity(struct db_conn *c, void *arg, struct err *e)
{
    struct file_args *f = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT f.sha256, f.size_bytes FROM artifact_files f JOIN artifacts a"
                      " ON a.id = f.artifact_id JOIN projects p ON p.id = a.project_id WHERE f.md5 = ?"
                      " AND p.entity_id = ? AND f.sha256 IS NOT NULL AND f.is_manifest = 0 LIMIT 1",
                      "si", f->md5, f->id);

    return rc < 0 ? rc : read_one(f->a, st, "the file", blob_row, f->ret, e);
}

int store_entity_blob(struct store *s, struct arena *a, int64_t entity_id, struct str md5,
                      struct store_blob *ret, struct err *e)
{
    struct file_args f = { .a = a, .id = entity_id, .md5 = md5, .ret = ret };

    return db_read(s->db, blob_of_entity, &f, e);
}

/* --- commit --- */

struct commit_now {
    int64_t collection_id, version;
    struct str wanted_aliases;
    bool pending;
};

static int commit_now(struct db_conn *c, struct arena *a, int64_t artifact_id, struct commit_now *ret,
                      struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT a.collection_id, c.next_version, a.wanted_aliases, a.state FROM artifacts a"
                      " JOIN collections c ON c.id = a.collection_id WHERE a.id = ?",
                      "i", artifact_id);

    if (rc == 0)
        rc = step_one(st, "the artifact", e);
    if (rc < 0)
        return rc;
    *ret = (struct commit_now){ .collection_id = db_col_i64(st, 0),
                                .version = db_col_i64(st, 1),
                                .wanted_aliases = col(a, st, 2),
                                .pending = str_is(db_col_str(st, 3), "PENDING") };
    if (str_is(db_col_str(st, 3), "DELETED"))
        rc = err_set(e, ERR_CONFLICT, "the artifact is deleted");
    db_finish(st);
    return rc;
}

static int add_entries(struct db_conn *c, const struct store_commit *m, int64_t *ret_bytes, struct err *e)
{
    int rc = 0;

    *ret_bytes = 0;
    for (size_t i = 0; rc == 0 && i < m->len; i++) {
        const struct store_entry *t = &m->entries[i];

        *ret_bytes += t->size_bytes;
        rc = db_run(c, NULL, e,
                    "INSERT INTO artifact_entries (artifact_id, path, digest, size_bytes, sha256, birth_uid)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    "ississ", m->artifact_id, t->path, t->digest, t->size_bytes, t->sha256, t->birth_uid);
    }
    return rc;
}

static int commit(struct db_conn *c, void *arg, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    const struct store_commit *m = arg;
    struct commit_now now = { 0 };
    int64_t bytes = 0;
    int rc = commit_now(c, a, m->artifact_id, &now, e);

    if (rc < 0 || !now.pending)
        return rc;
    rc = tx_collection_join(c,
                            &(struct joining){ .collection_id = now.collection_id,
                                               .artifact_id = m->artifact_id,
                                               .version = now.version,
                                               .aliases = now.wanted_aliases,
                                               .now_unix_ms = m->now_unix_ms },
                            e);
    if (rc == 0)
        rc = add_entries(c, m, &bytes, e);
    return rc < 0 ? rc
                  : db_run(c, NULL, e,
                           "UPDATE artifacts SET state = 'COMMITTED', version = ?, size_bytes = ?,"
                           " file_count = ?, updated_unix_ms = ? WHERE id = ?",
                           "iiiii", now.version, bytes, (int64_t)m->len, m->now_unix_ms, m->artifact_id);
}

int store_artifact_commit(struct store *s, const struct store_commit *m, struct err *e)
{
    struct store_commit copy = *m;

    return db_write(s->db, commit, &copy, e);
}

/* --- entries --- */

static int entry_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_entry *)ret = (struct store_entry){ .id = db_col_i64(st, 0),
                                                       .path = col(a, st, 1),
                                                       .digest = col(a, st, 2),
                                                       .size_bytes = db_col_i64(st, 3),
                                                       .sha256 = col(a, st, 4),
                                                       .birth_uid = col(a, st, 5) };
    return 0;
}

#define ENTRY_SELECT "SELECT id, path, digest, size_bytes, sha256, birth_uid FROM artifact_entries"

static int entries_by_path(struct db_conn *c, struct file_args *f, struct err *e)
{
    struct rows *rows = f->ret;
    int rc = 0;

    rows->len = 0; /* a callback that is run again begins anew */
    for (size_t i = 0; rc == 0 && i < f->query->path_count; i++) {
        struct db_stmt *st = NULL;

        rc = db_query(c, &st, e, ENTRY_SELECT " WHERE artifact_id = ? AND path = ?", "is",
                      f->query->artifact_id, f->query->paths[i]);
        if (rc == 0)
            rc = rows_more(rows, st, e);
    }
    return rc;
}

static int entry_list(struct db_conn *c, void *arg, struct err *e)
{
    struct file_args *f = arg;
    const struct store_entry_query *q = f->query;
    struct db_stmt *st = NULL;
    int rc;

    if (q->paths)
        return entries_by_path(c, f, e);
    rc = db_query(c, &st, e, ENTRY_SELECT " WHERE artifact_id = ? AND id > ? ORDER BY id LIMIT ?", "iii",
                  q->artifact_id, q->page.after, q->page.first);
    return rc < 0 ? rc : rows_read(f->ret, st, e);
}

int store_entry_list(struct store *s, struct arena *a, const struct store_entry_query *q,
                     struct store_entry **ret, size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_entry, entry_row);
    struct file_args f = { .a = a, .query = q, .ret = &rows };
    int rc = db_read(s->db, entry_list, &f, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}
