/* server/store/items.c: items: push, find, list. Their changes of state are in item_moves.c. */
#include "server/store/store_internal.h"

struct item_args {
    struct arena *a;
    struct str uid;
    int64_t id;
    const struct store_item_query *query;
    const struct store_new_item *new_item;
    const struct store_item *item;
    bool has_priorities;
    char new_uid[UID_SIZE];
    void *ret;
};

/* --- push --- */

static int item_push(struct db_conn *c, void *arg, struct err *e)
{
    struct item_args *i = arg;
    const struct store_new_item *n = i->new_item;
    int rc = db_run(c, NULL, e,
                    "INSERT INTO items (uid, queue_id, state, priority, spec, pushed_by, target_entity,"
                    " target_project, created_unix_ms, updated_unix_ms)"
                    " VALUES (?, ?, 'PENDING', ?, ?, ?, ?, ?, ?, ?)",
                    "ziissssii", i->new_uid, n->queue_id, n->priority, n->spec, n->pushed_by,
                    n->target_entity, n->target_project, n->now_unix_ms, n->now_unix_ms);

    if (rc < 0)
        return rc;
    rc = db_run(c, NULL, e,
                "INSERT INTO item_lines (item_seq, at_unix_ms, state, who, note)"
                " VALUES (?, ?, 'PENDING', 'user ' || ?, 'put into the queue')",
                "iis", db_last_id(c), n->now_unix_ms, n->pushed_by);
    if (rc == 0)
        tx_wake_queue(c, n->queue_id);
    return rc;
}

int store_item_push(struct store *s, struct arena *a, const struct store_new_item *n, struct str *ret_uid,
                    struct err *e)
{
    struct item_args i = { .new_item = n };
    int rc;

    io_random_id(s->io, i.new_uid, UID_LEN);
    rc = db_write(s->db, item_push, &i, e);
    if (rc == 0)
        *ret_uid = arena_str(a, str_of(i.new_uid));
    return rc;
}

/* --- find and list --- */

int item_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    struct store_item i = { .seq = db_col_i64(st, 0),
                            .uid = col(a, st, 1),
                            .queue_id = db_col_i64(st, 2),
                            .priority = db_col_i64(st, 4),
                            .spec = col(a, st, 5),
                            .pushed_by = col(a, st, 6),
                            .target_entity = col(a, st, 7),
                            .target_project = col(a, st, 8),
                            .run_name = col(a, st, 9),
                            .agent_uid = col(a, st, 10),
                            .fence = db_col_i64(st, 11),
                            .lease_until_unix_ms = db_col_i64(st, 12),
                            .error = col(a, st, 13),
                            .error_stage = col(a, st, 14),
                            .error_files = col(a, st, 15),
                            .stop_asked = db_col_i64(st, 16) != 0,
                            .created_unix_ms = db_col_i64(st, 17),
                            .updated_unix_ms = db_col_i64(st, 18) };

    if (!item_state_parse(db_col_str(st, 3), &i.state))
        return err_set(e, ERR_STORE, "item %.*s has an unknown state", STR_ARG(i.uid));
    *(struct store_item *)ret = i;
    return 0;
}

static int item_by_uid(struct db_conn *c, void *arg, struct err *e)
{
    struct item_args *i = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, ITEM_SELECT "WHERE uid = ?", "s", i->uid);

    return rc < 0 ? rc : read_one(i->a, st, "the queue item", item_row, i->ret, e);
}

int store_item_by_uid(struct store *s, struct arena *a, struct str uid, struct store_item *ret, struct err *e)
{
    struct item_args i = { .a = a, .uid = uid, .ret = ret };

    return db_read(s->db, item_by_uid, &i, e);
}

#define STATE_FILTER                                                                                         \
    "(? IS NULL OR ? LIKE '%,' || CASE state WHEN 'SILENT' THEN 'FAILED' ELSE state END || ',%')"

#define LATEST_FIRST " ORDER BY seq DESC LIMIT ?"

static int item_list(struct db_conn *c, void *arg, struct err *e)
{
    struct item_args *i = arg;
    const struct store_item_query *q = i->query;
    struct db_stmt *st = NULL;
    const char *sql = q->stop_asked ? ITEM_SELECT
                          "WHERE queue_id = ? AND seq < ? AND stop_asked = 1 AND " STATE_FILTER LATEST_FIRST
                                    : ITEM_SELECT
                          "WHERE queue_id = ? AND seq < ? AND " STATE_FILTER LATEST_FIRST;
    int rc = db_query(c, &st, e, sql, "iizzi", q->queue_id, q->page.after > 0 ? q->page.after : INT64_MAX,
                      q->states, q->states, q->page.first);

    return rc < 0 ? rc : rows_read(i->ret, st, e);
}

int store_item_list(struct store *s, struct arena *a, const struct store_item_query *q,
                    struct store_item **ret, size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_item, item_row);
    struct item_args i = { .a = a, .query = q, .ret = &rows };
    int rc = db_read(s->db, item_list, &i, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

static int item_count(struct db_conn *c, void *arg, struct err *e)
{
    struct item_args *i = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(
        c, &st, e, "SELECT count(*) FROM items WHERE queue_id = ? AND stop_asked >= ? AND " STATE_FILTER,
        "iizz", i->query->queue_id, (int64_t)i->query->stop_asked, i->query->states, i->query->states);

    return rc < 0 ? rc : read_one(NULL, st, "the count", i64_row, i->ret, e);
}

int store_item_count(struct store *s, const struct store_item_query *q, int64_t *ret, struct err *e)
{
    struct item_args i = { .query = q, .ret = ret };

    return db_read(s->db, item_count, &i, e);
}

static int item_ahead(struct db_conn *c, void *arg, struct err *e)
{
    struct item_args *i = arg;
    struct db_stmt *st = NULL;
    int rc = i->has_priorities
                 ? db_query(c, &st, e,
                            "SELECT count(*) FROM items WHERE queue_id = ? AND state = 'PENDING'"
                            " AND (priority, seq) < (?, ?)",
                            "iii", i->item->queue_id, i->item->priority, i->item->seq)
                 : db_query(c, &st, e,
                            "SELECT count(*) FROM items WHERE queue_id = ? AND state = 'PENDING' AND seq < ?",
                            "ii", i->item->queue_id, i->item->seq);

    return rc < 0 ? rc : read_one(NULL, st, "the count", i64_row, i->ret, e);
}

int store_item_ahead(struct store *s, const struct store_item *item, bool has_priorities, int64_t *ret,
                     struct err *e)
{
    struct item_args i = { .item = item, .has_priorities = has_priorities, .ret = ret };

    return db_read(s->db, item_ahead, &i, e);
}

static int line_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_item_line *)ret = (struct store_item_line){ .at_unix_ms = db_col_i64(st, 0),
                                                               .state = col(a, st, 1),
                                                               .who = col(a, st, 2),
                                                               .note = col(a, st, 3),
                                                               .stage = col(a, st, 4),
                                                               .files = col(a, st, 5) };
    return 0;
}

static int item_history(struct db_conn *c, void *arg, struct err *e)
{
    struct item_args *i = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT at_unix_ms, state, who, note, stage, files FROM item_lines WHERE item_seq = ?"
                      " ORDER BY id",
                      "i", i->id);

    return rc < 0 ? rc : rows_read(i->ret, st, e);
}

int store_item_history(struct store *s, struct arena *a, int64_t seq, struct store_item_line **ret,
                       size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_item_line, line_row);
    struct item_args i = { .a = a, .id = seq, .ret = &rows };
    int rc = db_read(s->db, item_history, &i, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

static int item_waiting(struct db_conn *c, void *arg, struct err *e)
{
    struct item_args *i = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, "SELECT 1 FROM items WHERE queue_id = ? AND state = 'PENDING' LIMIT 1", "i",
                      i->id);

    return rc < 0 ? rc : read_any(st, i->ret, e);
}

int store_item_waiting(struct store *s, int64_t queue_id, bool *ret, struct err *e)
{
    struct item_args i = { .id = queue_id, .ret = ret };

    return db_read(s->db, item_waiting, &i, e);
}
