/* server/store/artifacts.c: artifacts: made, found, changed, deleted. */
#include "server/store/artifacts_internal.h"

#include <assert.h>

static const char *const states[ARTIFACT_STATE_COUNT_] = {
    [ARTIFACT_PENDING] = "PENDING", [ARTIFACT_COMMITTED] = "COMMITTED", [ARTIFACT_DELETED] = "DELETED"
};

const char *artifact_state_wire(enum artifact_state s)
{
    assert((unsigned)s < ARTIFACT_STATE_COUNT_);
    return states[s];
}

static bool state_parse(struct str s, enum artifact_state *ret)
{
    for (int i = 0; i < ARTIFACT_STATE_COUNT_; i++)
        if (str_is(s, states[i])) {
            *ret = (enum artifact_state)i;
            return true;
        }
    return false;
}

int artifact_row_at(struct arena *a, struct db_stmt *st, int at, struct store_artifact *ret, struct err *e)
{
    struct store_artifact r = { .id = db_col_i64(st, at),
                                .uid = col(a, st, at + 1),
                                .collection_id = db_col_i64(st, at + 2),
                                .project_id = db_col_i64(st, at + 3),
                                .entity_id = db_col_i64(st, at + 4),
                                .version = db_col_is_null(st, at + 6) ? -1 : db_col_i64(st, at + 6),
                                .collection = col(a, st, at + 7),
                                .type = col(a, st, at + 8),
                                .project_name = col(a, st, at + 9),
                                .entity_name = col(a, st, at + 10),
                                .digest = col(a, st, at + 11),
                                .description = col(a, st, at + 12),
                                .metadata = col(a, st, at + 13),
                                .tags = col(a, st, at + 14),
                                .ttl_s = db_col_is_null(st, at + 15) ? -1 : db_col_i64(st, at + 15),
                                .history_step = db_col_i64(st, at + 16),
                                .has_history_step = !db_col_is_null(st, at + 16),
                                .run_id = db_col_i64(st, at + 17),
                                .user_id = db_col_i64(st, at + 18),
                                .size_bytes = db_col_i64(st, at + 19),
                                .file_count = db_col_i64(st, at + 20),
                                .created_unix_ms = db_col_i64(st, at + 21),
                                .updated_unix_ms = db_col_i64(st, at + 22),
                                .manifest_sha256 = col(a, st, at + 23),
                                .manifest_name = col(a, st, at + 24) };

    if (!state_parse(db_col_str(st, at + 5), &r.state))
        return err_set(e, ERR_STORE, "artifact %.*s has an unknown state", STR_ARG(r.uid));
    *ret = r;
    return 0;
}

static int artifact_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    return artifact_row_at(a, st, 0, ret, e);
}

struct artifact_args {
    struct arena *a;
    int64_t id;
    struct str key;
    void *ret;
};

static int tx_by_id(struct db_conn *c, struct arena *a, int64_t id, struct store_artifact *ret, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc =
        db_query(c, &st, e, "SELECT " ARTIFACT_COLUMNS " FROM " ARTIFACT_TABLES " WHERE a.id = ?", "i", id);

    return rc < 0 ? rc : read_one(a, st, "the artifact", artifact_row, ret, e);
}

static int by_id(struct db_conn *c, void *arg, struct err *e)
{
    struct artifact_args *r = arg;

    return tx_by_id(c, r->a, r->id, r->ret, e);
}

int store_artifact_by_id(struct store *s, struct arena *a, int64_t id, struct store_artifact *ret,
                         struct err *e)
{
    struct artifact_args r = { .a = a, .id = id, .ret = ret };

    return db_read(s->db, by_id, &r, e);
}

static int by_uid(struct db_conn *c, void *arg, struct err *e)
{
    struct artifact_args *r = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, "SELECT " ARTIFACT_COLUMNS " FROM " ARTIFACT_TABLES " WHERE a.uid = ?", "s",
                      r->key);

    return rc < 0 ? rc : read_one(r->a, st, "the artifact", artifact_row, r->ret, e);
}

int store_artifact_by_uid(struct store *s, struct arena *a, struct str uid, struct store_artifact *ret,
                          struct err *e)
{
    struct artifact_args r = { .a = a, .key = uid, .ret = ret };

    return db_read(s->db, by_uid, &r, e);
}

static int by_client_id(struct db_conn *c, void *arg, struct err *e)
{
    struct artifact_args *r = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT " ARTIFACT_COLUMNS " FROM " ARTIFACT_TABLES " WHERE a.client_id = ?"
                      " ORDER BY a.id DESC LIMIT 1",
                      "s", r->key);

    return rc < 0 ? rc : read_one(r->a, st, "the artifact", artifact_row, r->ret, e);
}

int store_artifact_by_client_id(struct store *s, struct arena *a, struct str client_id,
                                struct store_artifact *ret, struct err *e)
{
    struct artifact_args r = { .a = a, .key = client_id, .ret = ret };

    return db_read(s->db, by_client_id, &r, e);
}

/* --- create --- */

struct create {
    struct arena *a;
    const struct store_new_artifact *in;
    char artifact_uid[UID_SIZE], collection_uid[UID_SIZE];
    int64_t collection_id;
    struct store_artifact ret;
    struct str latest;
};

static int collection_ensure(struct db_conn *c, struct create *m, struct err *e)
{
    const struct store_new_artifact *n = m->in;
    struct store_collection found = { 0 };
    int rc = tx_collection_by_name(c, m->a, n->project_id, n->collection, &found, e);

    if (rc == 0 && (found.is_portfolio || !str_eq(found.type, n->type)))
        return err_set(
            e, ERR_CONFLICT, "collection '%.*s' of this project is %s of type '%.*s': choose another name",
            STR_ARG(n->collection), found.is_portfolio ? "a portfolio" : "there, and holds artifacts",
            STR_ARG(found.type));
    if (rc == 0)
        m->collection_id = found.id;
    if (rc != -ERR_NOT_FOUND)
        return rc;
    return tx_collection_make(c,
                              &(struct new_collection){ .uid = m->collection_uid,
                                                        .project_id = n->project_id,
                                                        .type = n->type,
                                                        .name = n->collection,
                                                        .now_unix_ms = n->now_unix_ms },
                              &m->collection_id, e);
}

static int latest_of(struct db_conn *c, struct create *m, struct err *e)
{
    struct db_stmt *st = NULL;
    bool row = false;
    int rc = db_query(c, &st, e,
                      "SELECT a.uid FROM collection_members m JOIN artifacts a ON a.id = m.artifact_id"
                      " WHERE m.collection_id = ? ORDER BY m.version DESC LIMIT 1",
                      "i", m->collection_id);

    if (rc == 0)
        rc = db_step(st, &row, e);
    if (rc < 0 || !row)
        return rc;
    m->latest = col(m->a, st, 0);
    db_finish(st);
    return 0;
}

/* The artifact that this create means although it is there already: *ret_id, or 0. */
static int find_same(struct db_conn *c, const struct create *m, int64_t *ret_id, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT id FROM artifacts WHERE collection_id = ? AND digest = ? AND"
                      " ((state = 'COMMITTED' AND ? <> 0) OR (state <> 'DELETED' AND client_id = ?))"
                      " ORDER BY state = 'COMMITTED' DESC, id DESC LIMIT 1",
                      "isis", m->collection_id, m->in->digest, (int64_t)m->in->dedup, m->in->client_id);

    *ret_id = 0;
    if (rc == 0)
        rc = read_one(NULL, st, "the artifact", i64_row, ret_id, e);
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}

static int artifact_insert(struct db_conn *c, const struct create *m, int64_t *ret_id, struct err *e)
{
    const struct store_new_artifact *n = m->in;
    int rc = db_run(c, NULL, e,
                    "INSERT INTO artifacts (uid, collection_id, project_id, state, digest, client_id,"
                    " description, metadata, tags, wanted_aliases, ttl_s, history_step, run_id, user_id,"
                    " created_unix_ms, updated_unix_ms) VALUES (?, ?, ?, 'PENDING', ?, ?, ?, ?, ?, ?,"
                    " CASE WHEN ? >= 0 THEN ? END, CASE WHEN ? <> 0 THEN ? END, nullif(?, 0), ?, ?, ?)",
                    "ziissssssiiiiiiii", m->artifact_uid, m->collection_id, n->project_id, n->digest,
                    n->client_id, n->description, n->metadata, n->tags, n->aliases, n->ttl_s, n->ttl_s,
                    (int64_t)n->has_history_step, n->history_step, n->run_id, n->user_id, n->now_unix_ms,
                    n->now_unix_ms);

    if (rc == 0)
        *ret_id = db_last_id(c);
    return rc;
}

static int create(struct db_conn *c, void *arg, struct err *e)
{
    struct create *m = arg;
    int64_t id = 0;
    int rc;

    m->latest = (struct str){ 0 }; /* it may run twice */
    rc = collection_ensure(c, m, e);

    if (rc == 0)
        rc = latest_of(c, m, e);
    if (rc == 0)
        rc = find_same(c, m, &id, e);
    if (rc == 0 && id == 0)
        rc = artifact_insert(c, m, &id, e);
    if (rc == 0)
        rc = tx_by_id(c, m->a, id, &m->ret, e);
    if (rc == 0 && m->ret.state == ARTIFACT_COMMITTED)
        rc = tx_aliases_add(c, m->collection_id, id, m->in->aliases, e);
    return rc;
}

int store_artifact_create(struct store *s, struct arena *a, const struct store_new_artifact *n,
                          struct store_artifact *ret, struct str *ret_latest, struct err *e)
{
    struct create m = { .a = a, .in = n };
    int rc;

    io_random_id(s->io, m.artifact_uid, UID_LEN);
    io_random_id(s->io, m.collection_uid, UID_LEN);
    rc = db_write(s->db, create, &m, e);
    if (rc < 0)
        return rc;
    *ret = m.ret;
    *ret_latest = m.latest;
    return 0;
}

/* --- changes --- */

static int update(struct db_conn *c, void *arg, struct err *e)
{
    const struct store_artifact_change *g = arg;

    return db_run(c, NULL, e,
                  "UPDATE artifacts SET description = coalesce(?, description),"
                  " metadata = coalesce(?, metadata), tags = coalesce(?, tags),"
                  " ttl_s = CASE ? WHEN -2 THEN ttl_s WHEN -1 THEN NULL ELSE ? END,"
                  " updated_unix_ms = ? WHERE id = ?",
                  "sssiiii", g->description, g->metadata, g->tags, g->ttl_s, g->ttl_s, g->now_unix_ms,
                  g->artifact_id);
}

int store_artifact_update(struct store *s, const struct store_artifact_change *g, struct err *e)
{
    struct store_artifact_change copy = *g;

    return db_write(s->db, update, &copy, e);
}

struct deletion {
    int64_t artifact_id;
    const struct store_by *by;
    bool with_aliases;
};

/* Those that people gave: every version has "vN". */
static int has_aliases(struct db_conn *c, int64_t artifact_id, bool *ret, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT 1 FROM artifact_aliases x JOIN collection_members m"
                      " ON m.collection_id = x.collection_id AND m.artifact_id = x.artifact_id"
                      " WHERE x.artifact_id = ? AND x.alias <> 'v' || m.version LIMIT 1",
                      "i", artifact_id);

    return rc < 0 ? rc : read_any(st, ret, e);
}

/* Before it leaves its collection. */
static int deletion_note(struct db_conn *c, int64_t artifact_id, const struct store_by *by, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct audit_note note = { .what = "artifact.delete" };
    struct db_stmt *st = NULL;
    int rc = db_query(
        c, &st, e,
        "SELECT uid || ' (' || coalesce((SELECT n.name || '/' || p.name || '/' || k.name || ':v' || m.version"
        " FROM collection_members m JOIN collections k ON k.id = m.collection_id"
        " JOIN projects p ON p.id = k.project_id JOIN entities n ON n.id = p.entity_id"
        " WHERE m.artifact_id = artifacts.id LIMIT 1), 'in no collection') || ')'"
        " FROM artifacts WHERE id = ?",
        "i", artifact_id);

    if (rc == 0)
        rc = step_one(st, "the artifact", e);
    if (rc < 0)
        return rc;
    note.object = arena_printf(a, "artifact %.*s", STR_ARG(db_col_str(st, 0)));
    db_finish(st);
    return tx_audit(c, by, &note, e);
}

int tx_artifact_delete(struct db_conn *c, int64_t id, const struct store_by *by, struct err *e)
{
    int rc = deletion_note(c, id, by, e);

    if (rc == 0)
        rc = db_run(c, NULL, e, "DELETE FROM artifact_aliases WHERE artifact_id = ?", "i", id);
    if (rc == 0)
        rc = db_run(c, NULL, e, "DELETE FROM collection_members WHERE artifact_id = ?", "i", id);
    if (rc == 0)
        rc = db_run(c, NULL, e, "DELETE FROM artifact_entries WHERE artifact_id = ?", "i", id);
    return rc < 0 ? rc
                  : db_run(c, NULL, e,
                           "UPDATE artifacts SET state = 'DELETED', updated_unix_ms = ? WHERE id = ?", "ii",
                           by->now_unix_ms, id);
}

static int delete (struct db_conn *c, void *arg, struct err *e)
{
    const struct deletion *d = arg;
    bool aliased = false;
    int rc = d->with_aliases ? 0 : has_aliases(c, d->artifact_id, &aliased, e);

    if (rc == 0 && aliased)
        return err_set(e, ERR_CONFLICT,
                       "the artifact has aliases: remove them first, or delete them with it");
    return rc < 0 ? rc : tx_artifact_delete(c, d->artifact_id, d->by, e);
}

int store_artifact_delete(struct store *s, int64_t artifact_id, bool with_aliases, const struct store_by *by,
                          struct err *e)
{
    struct deletion d = { .artifact_id = artifact_id, .by = by, .with_aliases = with_aliases };

    return db_write(s->db, delete, &d, e);
}
