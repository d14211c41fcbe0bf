/* server/store/queue_versions.c: what queues were before, and their way back. */
#include "server/store/store_internal.h"

int tx_queue_version_add(struct db_conn *c, int64_t queue_id, const struct store_by *by,
                         int64_t rolled_back_to, struct err *e)
{
    return db_run(
        c, NULL, e,
        "INSERT INTO queue_versions (queue_id, version, at_unix_ms, who, rolled_back_to, access,"
        " has_priorities, external_links, config_uid) SELECT q.id,"
        " (SELECT coalesce(max(v.version), 0) + 1 FROM queue_versions v WHERE v.queue_id = q.id), ?, ?,"
        " NULLIF(?, 0), q.access, q.has_priorities, q.external_links, q.config_uid"
        " FROM queues q WHERE q.id = ?",
        "isii", by->now_unix_ms, by->who.ptr ? by->who : STR("server"), rolled_back_to, queue_id);
}

/* --- reading --- */

struct versions_args {
    const struct store_version_query *query;
    struct rows *rows;
};

static int version_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_queue_version *)ret =
        (struct store_queue_version){ .version = db_col_i64(st, 0),
                                      .at_unix_ms = db_col_i64(st, 1),
                                      .who = col(a, st, 2),
                                      .rolled_back_to = db_col_i64(st, 3),
                                      .access = col(a, st, 4),
                                      .has_priorities = db_col_i64(st, 5) != 0,
                                      .external_links = col(a, st, 6),
                                      .resource = col(a, st, 7),
                                      .config = col(a, st, 8),
                                      .template_variables = col(a, st, 9) };
    return 0;
}

static int versions(struct db_conn *c, void *arg, struct err *e)
{
    const struct versions_args *v = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT v.version, v.at_unix_ms, v.who, v.rolled_back_to, v.access, v.has_priorities,"
                      " v.external_links, c.resource, c.config, c.template_variables FROM queue_versions v"
                      " LEFT JOIN configs c ON c.uid = v.config_uid"
                      " WHERE v.queue_id = ? AND v.version < ? ORDER BY v.version DESC LIMIT ?",
                      "iii", v->query->queue_id, v->query->before, v->query->count);

    return rc < 0 ? rc : rows_read(v->rows, st, e);
}

int store_queue_versions(struct store *s, struct arena *a, const struct store_version_query *q,
                         struct store_queue_version **ret, size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_queue_version, version_row);
    struct versions_args v = { .query = q, .rows = &rows };
    int rc = db_read(s->db, versions, &v, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

/* --- back --- */

struct back_args {
    int64_t queue_id, to;
    const struct store_by *by;
    int64_t version; /* the new one */
};

static int newest(struct db_conn *c, int64_t queue_id, int64_t *ret, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, "SELECT coalesce(max(version), 0) FROM queue_versions WHERE queue_id = ?",
                      "i", queue_id);

    return rc < 0 ? rc : read_one(NULL, st, "the queue", i64_row, ret, e);
}

/* *ret_changed: it was something else before. */
static int take_again(struct db_conn *c, struct arena *a, const struct back_args *b, struct str *ret_before,
                      bool *ret_changed, struct err *e)
{
    struct queue_look old = { 0 }, now = { 0 };
    int64_t changes = 0;
    int rc = tx_queue_look(c, a, b->queue_id, &old, e);

    if (rc == 0)
        rc =
            db_run(c, &changes, e,
                   "UPDATE queues SET (access, has_priorities, external_links, config_uid) ="
                   " (SELECT v.access, v.has_priorities, v.external_links, v.config_uid FROM queue_versions v"
                   " WHERE v.queue_id = queues.id AND v.version = ?) WHERE id = ? AND EXISTS"
                   " (SELECT 1 FROM queue_versions v WHERE v.queue_id = queues.id AND v.version = ?)",
                   "iii", b->to, b->queue_id, b->to);
    if (rc == 0 && changes == 0)
        rc = err_set(e, ERR_NOT_FOUND, "the queue has no version %lld: its newest is %lld", (long long)b->to,
                     (long long)b->version);
    rc = rc < 0 ? rc : tx_queue_look(c, a, b->queue_id, &now, e);
    if (rc < 0)
        return rc;
    *ret_before = old.text;
    *ret_changed = !str_eq(old.text, now.text);
    return 0;
}

static int roll_back(struct db_conn *c, void *arg, struct err *e)
{
    struct back_args *b = arg;
    AUTO_PTR(arena) a = arena_new();
    struct queue_change change = { .what = "queue.rollback", .by = b->by };
    bool changed = false;
    int rc = newest(c, b->queue_id, &b->version, e);

    rc = rc < 0 ? rc : take_again(c, a, b, &change.before, &changed, e);
    if (rc < 0 || !changed)
        return rc;
    b->version++;
    change.detail = arena_printf(a, "to version %lld", (long long)b->to);
    rc = tx_queue_version_add(c, b->queue_id, b->by, b->to, e);
    return rc < 0 ? rc : tx_queue_note(c, a, b->queue_id, &change, e);
}

int store_queue_roll_back(struct store *s, int64_t queue_id, int64_t to, const struct store_by *by,
                          int64_t *ret_version, struct err *e)
{
    struct back_args b = { .queue_id = queue_id, .to = to, .by = by };
    int rc = db_write(s->db, roll_back, &b, e);

    if (rc == 0)
        *ret_version = b.version;
    return rc;
}
