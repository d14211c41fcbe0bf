/* server/store/collection_members.c: collections come to be, and artifacts become versions of them: of the
 * one they are logged into, and of portfolios that they are linked into. */
#include <stdio.h>

#include "base/jval.h"
#include "server/store/artifacts_internal.h"

int tx_artifact_type_ensure(struct db_conn *c, const struct store_artifact_type *t, int64_t *ret,
                            struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_run(c, NULL, e,
                    "INSERT INTO artifact_types (project_id, name, created_unix_ms)"
                    " VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                    "isi", t->project_id, t->name, t->created_unix_ms);

    if (rc == 0)
        rc = db_query(c, &st, e, "SELECT id FROM artifact_types WHERE project_id = ? AND name = ?", "is",
                      t->project_id, t->name);
    return rc < 0 ? rc : read_one(NULL, st, "the artifact type", i64_row, ret, e);
}

int tx_collection_make(struct db_conn *c, const struct new_collection *n, int64_t *ret_id, struct err *e)
{
    const struct store_artifact_type type = { .project_id = n->project_id,
                                              .name = n->type,
                                              .created_unix_ms = n->now_unix_ms };
    int64_t type_id = 0;
    int rc = tx_artifact_type_ensure(c, &type, &type_id, e);

    if (rc == 0)
        rc = db_run(c, NULL, e,
                    "INSERT INTO collections (uid, project_id, type_id, name, is_portfolio, created_unix_ms,"
                    " updated_unix_ms) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    "ziisiii", n->uid, n->project_id, type_id, n->name, (int64_t)n->is_portfolio,
                    n->now_unix_ms, n->now_unix_ms);
    if (rc == 0)
        *ret_id = db_last_id(c);
    return rc;
}

int tx_aliases_add(struct db_conn *c, int64_t collection_id, int64_t artifact_id, struct str json,
                   struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *list = NULL;
    int rc = json.ptr ? jval_from_json(a, json, "aliases", NULL, &list, e) : 0;

    for (size_t i = 0; rc == 0 && i < jval_len(list); i++)
        rc = db_run(c, NULL, e,
                    "INSERT INTO artifact_aliases (collection_id, alias, artifact_id) VALUES (?, ?, ?)"
                    " ON CONFLICT (collection_id, alias) DO UPDATE SET artifact_id = excluded.artifact_id",
                    "isi", collection_id, jval_str(jval_at(list, i)), artifact_id);
    return rc;
}

int tx_collection_join(struct db_conn *c, const struct joining *j, struct err *e)
{
    char own[32];
    int rc = db_run(c, NULL, e,
                    "INSERT INTO collection_members (collection_id, artifact_id, version, created_unix_ms)"
                    " VALUES (?, ?, ?, ?)",
                    "iiii", j->collection_id, j->artifact_id, j->version, j->now_unix_ms);

    snprintf(own, sizeof(own), "[\"v%lld\"]", (long long)j->version);
    if (rc == 0)
        rc =
            db_run(c, NULL, e,
                   "UPDATE collections SET next_version = next_version + 1, updated_unix_ms = ? WHERE id = ?",
                   "ii", j->now_unix_ms, j->collection_id);
    if (rc == 0)
        rc = tx_aliases_add(c, j->collection_id, j->artifact_id, str_of(own), e);
    if (rc == 0)
        rc = tx_aliases_add(c, j->collection_id, j->artifact_id, STR("[\"latest\"]"), e);
    return rc < 0 ? rc : tx_aliases_add(c, j->collection_id, j->artifact_id, j->aliases, e);
}

/* --- links --- */

struct link {
    struct arena *a;
    const struct store_link *in;
    char uid[UID_SIZE];
    int64_t collection_id, version;
    struct str type;
};

static int artifact_type(struct db_conn *c, struct link *l, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT t.name FROM artifacts a JOIN collections n ON n.id = a.collection_id"
                      " JOIN artifact_types t ON t.id = n.type_id WHERE a.id = ? AND a.state = 'COMMITTED'",
                      "i", l->in->artifact_id);

    rc = rc < 0 ? rc : read_one(l->a, st, "the artifact", str_row, &l->type, e);
    return rc == -ERR_NOT_FOUND ? err_set(e, ERR_CONFLICT, "the artifact is not committed, or deleted") : rc;
}

static int portfolio_ensure(struct db_conn *c, struct link *l, struct err *e)
{
    const struct store_link *in = l->in;
    struct store_collection found = { 0 };
    int rc = tx_collection_by_name(c, l->a, in->project_id, in->portfolio, &found, e);

    if (rc == 0 && (!found.is_portfolio || !str_eq(found.type, l->type)))
        return err_set(e, ERR_CONFLICT, "collection '%.*s' is %s of type '%.*s': choose another name",
                       STR_ARG(in->portfolio),
                       found.is_portfolio ? "a portfolio" : "what runs log into, and holds artifacts",
                       STR_ARG(found.type));
    l->collection_id = found.id;
    if (rc != -ERR_NOT_FOUND)
        return rc;
    return tx_collection_make(c,
                              &(struct new_collection){ .uid = l->uid,
                                                        .project_id = in->project_id,
                                                        .type = l->type,
                                                        .name = in->portfolio,
                                                        .is_portfolio = true,
                                                        .now_unix_ms = in->now_unix_ms },
                              &l->collection_id, e);
}

/* *ret_version -1: it is none of them yet. */
static int version_in(struct db_conn *c, const struct link *l, int64_t *ret_version, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT version FROM collection_members WHERE collection_id = ? AND artifact_id = ?",
                      "ii", l->collection_id, l->in->artifact_id);

    *ret_version = -1;
    rc = rc < 0 ? rc : read_one(NULL, st, "the version", i64_row, ret_version, e);
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}

static int next_version(struct db_conn *c, const struct link *l, int64_t *ret, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, "SELECT next_version FROM collections WHERE id = ?", "i", l->collection_id);

    return rc < 0 ? rc : read_one(NULL, st, "the collection", i64_row, ret, e);
}

static int link_in(struct db_conn *c, void *arg, struct err *e)
{
    struct link *l = arg;
    struct joining j = { .artifact_id = l->in->artifact_id,
                         .aliases = l->in->aliases,
                         .now_unix_ms = l->in->now_unix_ms };
    int rc = artifact_type(c, l, e);

    rc = rc < 0 ? rc : portfolio_ensure(c, l, e);
    rc = rc < 0 ? rc : version_in(c, l, &l->version, e);
    if (rc == 0 && l->version >= 0)
        return tx_aliases_add(c, l->collection_id, j.artifact_id, j.aliases, e);
    rc = rc < 0 ? rc : next_version(c, l, &l->version, e);
    j.collection_id = l->collection_id;
    j.version = l->version;
    return rc < 0 ? rc : tx_collection_join(c, &j, e);
}

int store_artifact_link(struct store *s, const struct store_link *in, struct store_linked *ret, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct link l = { .a = a, .in = in };
    int rc;

    io_random_id(s->io, l.uid, UID_LEN);
    rc = db_write(s->db, link_in, &l, e);
    if (rc == 0)
        *ret = (struct store_linked){ l.collection_id, l.version };
    return rc;
}

static int unlink_out(struct db_conn *c, void *arg, struct err *e)
{
    const struct store_alias *which = arg;
    int64_t gone = 0;
    int rc = db_run(c, &gone, e,
                    "DELETE FROM collection_members WHERE collection_id = ? AND artifact_id = ?"
                    " AND collection_id IN (SELECT id FROM collections WHERE is_portfolio <> 0)",
                    "ii", which->collection_id, which->artifact_id);

    if (rc == 0 && gone == 0)
        return err_set(e, ERR_NOT_FOUND, "the artifact is not linked into this collection");
    return rc < 0 ? rc
                  : db_run(c, NULL, e,
                           "DELETE FROM artifact_aliases WHERE collection_id = ? AND artifact_id = ?", "ii",
                           which->collection_id, which->artifact_id);
}

int store_artifact_unlink(struct store *s, int64_t artifact_id, int64_t collection_id, struct err *e)
{
    struct store_alias which = { .artifact_id = artifact_id, .collection_id = collection_id };

    return db_write(s->db, unlink_out, &which, e);
}
