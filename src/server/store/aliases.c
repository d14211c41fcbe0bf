/* server/store/aliases.c: aliases of versions, and which runs used an artifact. */
#include "server/store/artifacts_internal.h"

struct alias_args {
    struct arena *a;
    int64_t collection_id, artifact_id;
    const struct store_alias *list;
    size_t len;
    void *ret;
};

static int alias_set_one(struct db_conn *c, const struct store_alias *x, struct err *e)
{
    int64_t changes = 0;
    int rc = db_run(c, &changes, e,
                    "INSERT INTO artifact_aliases (collection_id, alias, artifact_id)"
                    " SELECT collection_id, ?, artifact_id FROM collection_members"
                    " WHERE collection_id = ? AND artifact_id = ?"
                    " ON CONFLICT (collection_id, alias) DO UPDATE SET artifact_id = excluded.artifact_id",
                    "sii", x->alias, x->collection_id, x->artifact_id);

    if (rc == 0 && changes == 0)
        return err_set(e, ERR_NOT_FOUND, "the artifact is not in that collection");
    return rc;
}

static int alias_set(struct db_conn *c, void *arg, struct err *e)
{
    const struct alias_args *x = arg;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < x->len; i++)
        rc = alias_set_one(c, &x->list[i], e);
    return rc;
}

int store_alias_set(struct store *s, const struct store_alias *list, size_t len, struct err *e)
{
    struct alias_args x = { .list = list, .len = len };

    return db_write(s->db, alias_set, &x, e);
}

static int alias_remove(struct db_conn *c, void *arg, struct err *e)
{
    const struct alias_args *x = arg;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < x->len; i++)
        rc = db_run(c, NULL, e,
                    "DELETE FROM artifact_aliases WHERE collection_id = ? AND alias = ? AND artifact_id = ?",
                    "isi", x->list[i].collection_id, x->list[i].alias, x->list[i].artifact_id);
    return rc;
}

int store_alias_remove(struct store *s, const struct store_alias *list, size_t len, struct err *e)
{
    struct alias_args x = { .list = list, .len = len };

    return db_write(s->db, alias_remove, &x, e);
}

static int alias_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_alias_row *)ret = (struct store_alias_row){ .id = db_col_i64(st, 0),
                                                               .alias = col(a, st, 1),
                                                               .collection = collection_row_at(a, st, 2) };
    return 0;
}

#define ALIAS_SELECT                                                                                         \
    "SELECT x.id, x.alias, " COLLECTION_COLUMNS " FROM artifact_aliases x"                                   \
    " JOIN collections c ON c.id = x.collection_id" COLLECTION_JOINS

static int alias_list(struct db_conn *c, void *arg, struct err *e)
{
    struct alias_args *x = arg;
    struct db_stmt *st = NULL;
    int rc;

    if (x->artifact_id)
        rc = db_query(c, &st, e,
                      ALIAS_SELECT " WHERE x.artifact_id = ? AND (? = 0 OR x.collection_id = ?)"
                                   " ORDER BY x.id",
                      "iii", x->artifact_id, x->collection_id, x->collection_id);
    else
        rc = db_query(c, &st, e, ALIAS_SELECT " WHERE x.collection_id = ? ORDER BY x.id LIMIT 10000", "i",
                      x->collection_id);
    return rc < 0 ? rc : rows_read(x->ret, st, e);
}

int store_alias_list(struct store *s, struct arena *a, const struct store_alias *which,
                     struct store_alias_row **ret, size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_alias_row, alias_row);
    struct alias_args x = {
        .a = a, .collection_id = which->collection_id, .artifact_id = which->artifact_id, .ret = &rows
    };
    int rc = db_read(s->db, alias_list, &x, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

/* --- uses --- */

static int run_use(struct db_conn *c, void *arg, struct err *e)
{
    const struct store_use *u = arg;

    return db_run(c, NULL, e,
                  "INSERT INTO run_artifacts (run_id, artifact_id, used_as, at_unix_ms) VALUES (?, ?, ?, ?)"
                  " ON CONFLICT (run_id, artifact_id) DO UPDATE SET used_as = coalesce(excluded.used_as,"
                  " run_artifacts.used_as)",
                  "iisi", u->run_id, u->artifact_id, u->used_as, u->now_unix_ms);
}

int store_run_use(struct store *s, const struct store_use *u, struct err *e)
{
    struct store_use copy = *u;

    return db_write(s->db, run_use, &copy, e);
}

static int users(struct db_conn *c, void *arg, struct err *e)
{
    struct alias_args *x = arg;
    struct db_stmt *st = NULL;
    int rc =
        db_query(c, &st, e, "SELECT run_id FROM run_artifacts WHERE artifact_id = ? ORDER BY id LIMIT 10000",
                 "i", x->artifact_id);

    return rc < 0 ? rc : rows_read(x->ret, st, e);
}

int store_artifact_users(struct store *s, struct arena *a, int64_t artifact_id, int64_t **ret,
                         size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, int64_t, i64_row);
    struct alias_args x = { .a = a, .artifact_id = artifact_id, .ret = &rows };
    int rc = db_read(s->db, users, &x, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}
