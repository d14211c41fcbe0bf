/* server/store/collections.c: artifact types, collections and their members, read side. */
#include "server/store/artifacts_internal.h"

struct coll_args {
    struct arena *a;
    int64_t id;
    struct str name;
    const struct store_collection_query *query;
    const struct store_member_query *members;
    void *ret;
};

/* --- types --- */

static int type_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_artifact_type *)ret = (struct store_artifact_type){ .id = db_col_i64(st, 0),
                                                                       .project_id = db_col_i64(st, 1),
                                                                       .name = col(a, st, 2),
                                                                       .created_unix_ms = db_col_i64(st, 3) };
    return 0;
}

static int type_by_name(struct db_conn *c, void *arg, struct err *e)
{
    struct coll_args *q = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT id, project_id, name, created_unix_ms FROM artifact_types"
                      " WHERE project_id = ? AND name = ?",
                      "is", q->id, q->name);

    return rc < 0 ? rc : read_one(q->a, st, "the artifact type", type_row, q->ret, e);
}

int store_artifact_type_by_name(struct store *s, struct arena *a, int64_t project_id, struct str name,
                                struct store_artifact_type *ret, struct err *e)
{
    struct coll_args q = { .a = a, .id = project_id, .name = name, .ret = ret };

    return db_read(s->db, type_by_name, &q, e);
}

static int type_list(struct db_conn *c, void *arg, struct err *e)
{
    struct coll_args *q = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT id, project_id, name, created_unix_ms FROM artifact_types"
                      " WHERE project_id = ? ORDER BY id LIMIT 1000",
                      "i", q->id);

    return rc < 0 ? rc : rows_read(q->ret, st, e);
}

int store_artifact_type_list(struct store *s, struct arena *a, int64_t project_id,
                             struct store_artifact_type **ret, size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_artifact_type, type_row);
    struct coll_args q = { .a = a, .id = project_id, .ret = &rows };
    int rc = db_read(s->db, type_list, &q, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

/* --- collections --- */

struct store_collection collection_row_at(struct arena *a, struct db_stmt *st, int at)
{
    return (struct store_collection){ .id = db_col_i64(st, at),
                                      .uid = col(a, st, at + 1),
                                      .project_id = db_col_i64(st, at + 2),
                                      .entity_id = db_col_i64(st, at + 3),
                                      .name = col(a, st, at + 4),
                                      .type = col(a, st, at + 5),
                                      .project_name = col(a, st, at + 6),
                                      .entity_name = col(a, st, at + 7),
                                      .is_portfolio = db_col_i64(st, at + 8) != 0,
                                      .description = col(a, st, at + 9),
                                      .tags = col(a, st, at + 10),
                                      .created_unix_ms = db_col_i64(st, at + 11),
                                      .updated_unix_ms = db_col_i64(st, at + 12) };
}

static int collection_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_collection *)ret = collection_row_at(a, st, 0);
    return 0;
}

#define COLLECTION_SELECT "SELECT " COLLECTION_COLUMNS " FROM collections c" COLLECTION_JOINS

int tx_collection_by_name(struct db_conn *c, struct arena *a, int64_t project_id, struct str name,
                          struct store_collection *ret, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, COLLECTION_SELECT " WHERE c.project_id = ? AND c.name = ?", "is", project_id,
                      name);

    return rc < 0 ? rc : read_one(a, st, "the collection", collection_row, ret, e);
}

static int collection_by_name(struct db_conn *c, void *arg, struct err *e)
{
    struct coll_args *q = arg;

    return tx_collection_by_name(c, q->a, q->id, q->name, q->ret, e);
}

int store_collection_by_name(struct store *s, struct arena *a, int64_t project_id, struct str name,
                             struct store_collection *ret, struct err *e)
{
    struct coll_args q = { .a = a, .id = project_id, .name = name, .ret = ret };

    return db_read(s->db, collection_by_name, &q, e);
}

static int collection_by_uid(struct db_conn *c, void *arg, struct err *e)
{
    struct coll_args *q = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, COLLECTION_SELECT " WHERE c.uid = ?", "s", q->name);

    return rc < 0 ? rc : read_one(q->a, st, "the collection", collection_row, q->ret, e);
}

int store_collection_by_uid(struct store *s, struct arena *a, struct str uid, struct store_collection *ret,
                            struct err *e)
{
    struct coll_args q = { .a = a, .name = uid, .ret = ret };

    return db_read(s->db, collection_by_uid, &q, e);
}

static int collection_by_id(struct db_conn *c, void *arg, struct err *e)
{
    struct coll_args *q = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, COLLECTION_SELECT " WHERE c.id = ?", "i", q->id);

    return rc < 0 ? rc : read_one(q->a, st, "the collection", collection_row, q->ret, e);
}

int store_collection_by_id(struct store *s, struct arena *a, int64_t id, struct store_collection *ret,
                           struct err *e)
{
    struct coll_args q = { .a = a, .id = id, .ret = ret };

    return db_read(s->db, collection_by_id, &q, e);
}

static int collection_list(struct db_conn *c, void *arg, struct err *e)
{
    struct coll_args *q = arg;
    const struct store_collection_query *o = q->query;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      COLLECTION_SELECT " WHERE c.project_id = ? AND (? IS NULL OR t.name = ?) AND c.id > ?"
                                        " ORDER BY c.id LIMIT ?",
                      "issii", o->project_id, o->type, o->type, o->page.after, o->page.first);

    return rc < 0 ? rc : rows_read(q->ret, st, e);
}

int store_collection_list(struct store *s, struct arena *a, const struct store_collection_query *o,
                          struct store_collection **ret, size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_collection, collection_row);
    struct coll_args q = { .a = a, .query = o, .ret = &rows };
    int rc = db_read(s->db, collection_list, &q, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

static int collection_count(struct db_conn *c, void *arg, struct err *e)
{
    struct coll_args *q = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT count(*) FROM collections c JOIN artifact_types t ON t.id = c.type_id"
                      " WHERE c.project_id = ? AND (? IS NULL OR t.name = ?)",
                      "iss", q->query->project_id, q->query->type, q->query->type);

    return rc < 0 ? rc : read_one(NULL, st, "the count", i64_row, q->ret, e);
}

int store_collection_count(struct store *s, const struct store_collection_query *o, int64_t *ret,
                           struct err *e)
{
    struct coll_args q = { .query = o, .ret = ret };

    return db_read(s->db, collection_count, &q, e);
}

/* --- members --- */

#define MEMBER_SELECT                                                                                        \
    "SELECT m.id, m.version, m.created_unix_ms, " COLLECTION_COLUMNS ", " ARTIFACT_COLUMNS                   \
    " FROM collection_members m JOIN collections c ON c.id = m.collection_id" COLLECTION_JOINS               \
    " JOIN artifacts a ON a.id = m.artifact_id" ARTIFACT_JOINS

static int member_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    struct store_member m = { .id = db_col_i64(st, 0),
                              .version = db_col_i64(st, 1),
                              .created_unix_ms = db_col_i64(st, 2),
                              .collection = collection_row_at(a, st, 3) };
    int rc = artifact_row_at(a, st, 3 + COLLECTION_COLUMN_COUNT, &m.artifact, e);

    if (rc == 0)
        *(struct store_member *)ret = m;
    return rc;
}

static int member_by_alias(struct db_conn *c, void *arg, struct err *e)
{
    struct coll_args *q = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      MEMBER_SELECT " JOIN artifact_aliases x ON x.collection_id = m.collection_id"
                                    " AND x.artifact_id = m.artifact_id WHERE m.collection_id = ?"
                                    " AND x.alias = ?",
                      "is", q->id, q->name);

    return rc < 0 ? rc : read_one(q->a, st, "the version", member_row, q->ret, e);
}

int store_member_by_alias(struct store *s, struct arena *a, int64_t collection_id, struct str alias,
                          struct store_member *ret, struct err *e)
{
    struct coll_args q = { .a = a, .id = collection_id, .name = alias, .ret = ret };

    return db_read(s->db, member_by_alias, &q, e);
}

/* Whose collection it is; twice the user's number, 0 for all. */
#define SEEN      "(? = 0 OR p.entity_id IN (SELECT entity_id FROM members WHERE user_id = ?))"
#define BACKWARDS " AND m.id < ? AND " SEEN " ORDER BY m.id DESC LIMIT ?"

static int member_query(struct db_conn *c, const struct store_member_query *o, struct db_stmt **ret,
                        struct err *e)
{
    int64_t before = o->page.after > 0 ? o->page.after : INT64_MAX;

    if (o->logged_by_run_id)
        return db_query(c, ret, e,
                        MEMBER_SELECT " WHERE a.run_id = ? AND m.collection_id = a.collection_id" BACKWARDS,
                        "iiiii", o->logged_by_run_id, before, o->seen_by, o->seen_by, o->page.first);
    if (o->used_by_run_id)
        return db_query(c, ret, e,
                        MEMBER_SELECT " JOIN run_artifacts u ON u.artifact_id = a.id WHERE u.run_id = ?"
                                      " AND m.collection_id = a.collection_id" BACKWARDS,
                        "iiiii", o->used_by_run_id, before, o->seen_by, o->seen_by, o->page.first);
    if (o->artifact_id)
        return db_query(c, ret, e, MEMBER_SELECT " WHERE m.artifact_id = ?" BACKWARDS, "iiiii",
                        o->artifact_id, before, o->seen_by, o->seen_by, o->page.first);
    return o->page.oldest_first
               ? db_query(c, ret, e,
                          MEMBER_SELECT " WHERE m.collection_id = ? AND m.id > ? ORDER BY m.id LIMIT ?",
                          "iii", o->collection_id, o->page.after, o->page.first)
               : db_query(c, ret, e, MEMBER_SELECT " WHERE m.collection_id = ?" BACKWARDS, "iiiii",
                          o->collection_id, before, o->seen_by, o->seen_by, o->page.first);
}

static int member_list(struct db_conn *c, void *arg, struct err *e)
{
    struct coll_args *q = arg;
    struct db_stmt *st = NULL;
    int rc = member_query(c, q->members, &st, e);

    return rc < 0 ? rc : rows_read(q->ret, st, e);
}

int store_member_list(struct store *s, struct arena *a, const struct store_member_query *o,
                      struct store_member **ret, size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_member, member_row);
    struct coll_args q = { .a = a, .members = o, .ret = &rows };
    int rc = db_read(s->db, member_list, &q, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

#define MEMBER_COUNT                                                                                         \
    "SELECT count(*) FROM collection_members m JOIN collections c ON c.id = m.collection_id"                 \
    " JOIN projects p ON p.id = c.project_id JOIN artifacts a ON a.id = m.artifact_id"

static int member_count(struct db_conn *c, void *arg, struct err *e)
{
    struct coll_args *q = arg;
    const struct store_member_query *o = q->members;
    struct db_stmt *st = NULL;
    int rc;

    if (o->logged_by_run_id)
        rc = db_query(c, &st, e,
                      MEMBER_COUNT " WHERE a.run_id = ? AND m.collection_id = a.collection_id AND " SEEN,
                      "iii", o->logged_by_run_id, o->seen_by, o->seen_by);
    else if (o->used_by_run_id)
        rc = db_query(c, &st, e,
                      MEMBER_COUNT " JOIN run_artifacts u ON u.artifact_id = a.id WHERE u.run_id = ?"
                                   " AND m.collection_id = a.collection_id AND " SEEN,
                      "iii", o->used_by_run_id, o->seen_by, o->seen_by);
    else if (o->artifact_id)
        rc = db_query(c, &st, e, MEMBER_COUNT " WHERE m.artifact_id = ? AND " SEEN, "iii", o->artifact_id,
                      o->seen_by, o->seen_by);
    else
        rc = db_query(c, &st, e, "SELECT count(*) FROM collection_members WHERE collection_id = ?", "i",
                      o->collection_id);
    return rc < 0 ? rc : read_one(NULL, st, "the count", i64_row, q->ret, e);
}

int store_member_count(struct store *s, const struct store_member_query *o, int64_t *ret, struct err *e)
{
    struct coll_args q = { .members = o, .ret = ret };

    return db_read(s->db, member_count, &q, e);
}
