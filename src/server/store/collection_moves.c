/* server/store/collection_moves.c: collections of artifacts, changing. */
#include "server/store/artifacts_internal.h"

struct move {
    int64_t id;
    const struct store_collection_change *change;
    const struct store_by *by;
    int64_t user_id;
    bool *ret;
};

/* Of a collection that is there. */
static int collection_note(struct db_conn *c, int64_t id, const char *what, const struct store_by *by,
                           struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct audit_note note = { .what = what };
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT n.name || '/' || p.name || '/' || c.name FROM collections c" COLLECTION_JOINS
                      " WHERE c.id = ?",
                      "i", id);

    if (rc == 0)
        rc = step_one(st, "the collection", e);
    if (rc < 0)
        return rc;
    note.object = arena_printf(a, "collection %.*s", STR_ARG(db_col_str(st, 0)));
    db_finish(st);
    return tx_audit(c, by, &note, e);
}

/* --- update --- */

static int name_is_free(struct db_conn *c, const struct move *m, struct err *e)
{
    struct db_stmt *st = NULL;
    bool taken = false;
    int rc = db_query(c, &st, e, "SELECT 1 FROM collections WHERE project_id = ? AND name = ? AND id <> ?",
                      "isi", m->change->project_id, m->change->name, m->change->id);

    rc = rc < 0 ? rc : read_any(st, &taken, e);
    if (rc == 0 && taken)
        return err_set(e, ERR_CONFLICT, "the project has a collection '%.*s' already: choose another name",
                       STR_ARG(m->change->name));
    return rc;
}

static int type_change(struct db_conn *c, const struct move *m, struct err *e)
{
    const struct store_artifact_type type = { .project_id = m->change->project_id,
                                              .name = m->change->type,
                                              .created_unix_ms = m->by->now_unix_ms };
    int64_t type_id = 0;
    int rc = tx_artifact_type_ensure(c, &type, &type_id, e);

    return rc < 0 ? rc
                  : db_run(c, NULL, e, "UPDATE collections SET type_id = ? WHERE id = ?", "ii", type_id,
                           m->change->id);
}

static int update(struct db_conn *c, void *arg, struct err *e)
{
    const struct move *m = arg;
    const struct store_collection_change *g = m->change;
    int rc = g->name.ptr ? name_is_free(c, m, e) : 0;

    if (rc == 0 && (g->name.ptr || g->type.ptr))
        rc = collection_note(c, m->change->id, "collection.update", m->by, e);
    if (rc == 0 && g->type.ptr)
        rc = type_change(c, m, e);
    return rc < 0 ? rc
                  : db_run(c, NULL, e,
                           "UPDATE collections SET name = coalesce(?, name),"
                           " description = coalesce(?, description), tags = coalesce(?, tags),"
                           " updated_unix_ms = ? WHERE id = ?",
                           "sssii", g->name, g->description, g->tags, m->by->now_unix_ms, m->change->id);
}

int store_collection_update(struct store *s, const struct store_collection_change *g,
                            const struct store_by *by, struct err *e)
{
    struct move m = { .change = g, .by = by };

    return db_write(s->db, update, &m, e);
}

/* --- delete --- */

static int has_of_others(struct db_conn *c, void *arg, struct err *e)
{
    const struct move *m = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT 1 FROM artifacts WHERE collection_id = ? AND user_id <> ?"
                      " AND state <> 'DELETED' LIMIT 1",
                      "ii", m->id, m->user_id);

    return rc < 0 ? rc : read_any(st, m->ret, e);
}

int store_collection_has_of_others(struct store *s, int64_t id, int64_t user_id, bool *ret, struct err *e)
{
    struct move m = { .id = id, .user_id = user_id, .ret = ret };

    return db_read(s->db, has_of_others, &m, e);
}

#define ITS_ARTIFACTS "(SELECT id FROM artifacts WHERE collection_id = ?)"

static int delete (struct db_conn *c, void *arg, struct err *e)
{
    static const char *const emptied[] = {
        "DELETE FROM artifact_aliases WHERE collection_id = ? OR artifact_id IN " ITS_ARTIFACTS,
        "DELETE FROM collection_members WHERE collection_id = ? OR artifact_id IN " ITS_ARTIFACTS,
    };
    const struct move *m = arg;
    int rc = collection_note(c, m->id, "collection.delete", m->by, e);

    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(emptied); i++)
        rc = db_run(c, NULL, e, emptied[i], "ii", m->id, m->id);
    if (rc == 0)
        rc = db_run(c, NULL, e, "DELETE FROM artifact_entries WHERE artifact_id IN " ITS_ARTIFACTS, "i",
                    m->id);
    if (rc == 0)
        rc = db_run(c, NULL, e,
                    "UPDATE artifacts SET state = 'DELETED', updated_unix_ms = ? WHERE collection_id = ?"
                    " AND state <> 'DELETED'",
                    "ii", m->by->now_unix_ms, m->id);
    return rc < 0 ? rc : db_run(c, NULL, e, "DELETE FROM collections WHERE id = ?", "i", m->id);
}

int store_collection_delete(struct store *s, int64_t id, const struct store_by *by, struct err *e)
{
    struct move m = { .id = id, .by = by };

    return db_write(s->db, delete, &m, e);
}
