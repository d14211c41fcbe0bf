/* server/store/item_depths.c: how full the queues are. */
#include "server/store/store_internal.h"

static int depth_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_depth *)ret = (struct store_depth){ .entity = col(a, st, 0),
                                                       .queue = col(a, st, 1),
                                                       .state = col(a, st, 2),
                                                       .items = db_col_i64(st, 3),
                                                       .oldest_unix_ms = db_col_i64(st, 4) };
    return 0;
}

/* One part for each index that serves it. */
static int depths_read(struct db_conn *c, void *arg, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT n.name, q.name, d.state, d.items, d.oldest FROM ("
                      "SELECT queue_id, state, count(*) AS items, min(created_unix_ms) AS oldest FROM items"
                      " WHERE state = 'PENDING' GROUP BY queue_id, state UNION ALL "
                      "SELECT queue_id, state, count(*), min(created_unix_ms) FROM items"
                      " WHERE state = 'LEASED' GROUP BY queue_id, state UNION ALL "
                      "SELECT queue_id, state, count(*), min(created_unix_ms) FROM items"
                      " WHERE state IN ('CLAIMED', 'RUNNING') GROUP BY queue_id, state) d"
                      " JOIN queues q ON q.id = d.queue_id JOIN entities n ON n.id = q.entity_id"
                      " WHERE q.deleted_unix_ms IS NULL ORDER BY n.name, q.name, d.state",
                      "");

    return rc < 0 ? rc : rows_read(arg, st, e);
}

int store_item_depths(struct store *s, struct arena *a, struct store_depth **ret, size_t *ret_len,
                      struct err *e)
{
    struct rows rows = ROWS(a, struct store_depth, depth_row);
    int rc = db_read(s->db, depths_read, &rows, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}
