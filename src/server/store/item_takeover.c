/*
 * server/store/item_takeover.c: items that were acknowledged and whose agent fell silent: they are
 * lent again, with a new token, to an agent that finds a job by its labels. Their state stays what it was,
 * for the job may well run on.
 */
#include "server/store/store_internal.h"

#define IN_HAND   "state IN ('CLAIMED', 'RUNNING')"
#define ABANDONED ITEM_SELECT "WHERE queue_id = ? AND abandoned = 1 AND " IN_HAND " ORDER BY seq LIMIT 1"

struct takeover {
    struct str uid, agent_uid;
    int64_t fence, before_unix_ms, now_unix_ms, changes;
    int64_t queue_id;
    void *ret;
};

/* A line for each, in the same transaction. The agents of others do not look for a job before they make one,
 * so what they held is never lent again. */
static int abandon(struct db_conn *c, void *arg, struct err *e)
{
    struct takeover *t = arg;
    int64_t lent = 0;
    int rc =
        db_run(c, NULL, e,
               "INSERT INTO item_lines (item_seq, at_unix_ms, state, who, note)"
               " SELECT i.seq, ?, i.state, 'server', 'agent ' || g.name || ' is silent: another agent may"
               " take it over' FROM items i JOIN agents g ON g.uid = i.agent_uid"
               " WHERE i.abandoned = 0 AND i." IN_HAND " AND g.heartbeat_unix_ms < ?"
               " AND i.updated_unix_ms < ? AND g.version LIKE 'slipway@%'",
               "iii", t->now_unix_ms, t->before_unix_ms, t->before_unix_ms);

    if (rc == 0)
        rc = db_run(c, &t->changes, e,
                    "UPDATE items SET abandoned = 1 WHERE abandoned = 0 AND " IN_HAND
                    " AND updated_unix_ms < ? AND agent_uid IN (SELECT uid FROM agents WHERE"
                    " heartbeat_unix_ms < ? AND version LIKE 'slipway@%')",
                    "ii", t->before_unix_ms, t->before_unix_ms);
    if (rc == 0)
        rc = db_run(c, &lent, e,
                    "UPDATE items SET abandoned = 1 WHERE abandoned = 2 AND lease_until_unix_ms <= ?", "i",
                    t->now_unix_ms);
    t->changes += lent;
    if (rc == 0 && t->changes)
        tx_wake_queue(c, 0);
    return rc;
}

static int abandoned_due(struct db_conn *c, void *arg, struct err *e)
{
    struct takeover *t = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT (SELECT count(*) FROM items i JOIN agents g ON g.uid = i.agent_uid"
                      " WHERE i.abandoned = 0 AND i." IN_HAND " AND g.heartbeat_unix_ms < ?"
                      " AND i.updated_unix_ms < ? AND g.version LIKE 'slipway@%')"
                      " + (SELECT count(*) FROM items WHERE abandoned = 2 AND lease_until_unix_ms <= ?)",
                      "iii", t->before_unix_ms, t->before_unix_ms, t->now_unix_ms);

    return rc < 0 ? rc : read_one(NULL, st, "the count", i64_row, &t->changes, e);
}

int store_takeover_sweep(struct store *s, int64_t before_unix_ms, int64_t now_unix_ms, size_t *ret_count,
                         struct err *e)
{
    struct takeover t = { .before_unix_ms = before_unix_ms, .now_unix_ms = now_unix_ms };
    int rc = db_read(s->db, abandoned_due, &t, e); /* mostly none: then nothing is written */

    if (rc == 0 && t.changes > 0)
        rc = db_write(s->db, abandon, &t, e);
    if (rc == 0)
        *ret_count = (size_t)t.changes;
    return rc;
}

/* --- who holds it --- */

static int item_keep(struct db_conn *c, void *arg, struct err *e)
{
    struct takeover *t = arg;
    struct db_stmt *st = NULL;
    int64_t fence = 0;
    int rc = db_query(c, &st, e, "SELECT fence FROM items WHERE uid = ?", "s", t->uid);

    if (rc == 0)
        rc = read_one(NULL, st, "the queue item", i64_row, &fence, e);
    if (rc < 0)
        return rc;
    if (fence != t->fence)
        return err_set(e, ERR_CONFLICT, "item %.*s has been given to an agent again since", STR_ARG(t->uid));
    return db_run(c, NULL, e, "UPDATE items SET abandoned = 0, agent_uid = ? WHERE uid = ? AND " IN_HAND,
                  "ss", t->agent_uid, t->uid);
}

int store_item_keep(struct store *s, struct str uid, int64_t fence, struct str agent_uid, struct err *e)
{
    struct takeover t = { .uid = uid, .fence = fence, .agent_uid = agent_uid };

    return db_write(s->db, item_keep, &t, e);
}

static int item_abandoned(struct db_conn *c, void *arg, struct err *e)
{
    struct takeover *t = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT 1 FROM items WHERE queue_id = ? AND abandoned = 1 AND " IN_HAND " LIMIT 1", "i",
                      t->queue_id);

    return rc < 0 ? rc : read_any(st, t->ret, e);
}

int store_item_abandoned(struct store *s, int64_t queue_id, bool *ret, struct err *e)
{
    struct takeover t = { .queue_id = queue_id, .ret = ret };

    return db_read(s->db, item_abandoned, &t, e);
}

int tx_item_take_over(struct db_conn *c, const struct store_pop *o, struct arena *a, bool *ret_found,
                      struct store_item *ret, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, db_is_shared(c) ? ABANDONED DB_LOCK_ROWS : ABANDONED, "i", o->queue_id);

    if (rc == 0)
        rc = db_step(st, ret_found, e);
    if (rc < 0 || !*ret_found)
        return rc;
    rc = item_row(a, st, ret, e);
    db_finish(st);
    if (rc < 0)
        return rc;
    ret->fence++;
    ret->lease_until_unix_ms = o->now_unix_ms + o->lease_ms;
    ret->agent_uid = o->agent_uid;
    rc = db_run(c, NULL, e,
                "UPDATE items SET abandoned = 2, fence = ?, lease_until_unix_ms = ?, agent_uid = ?,"
                " updated_unix_ms = ? WHERE seq = ?",
                "iisii", ret->fence, ret->lease_until_unix_ms, o->agent_uid, o->now_unix_ms, ret->seq);
    return rc < 0 ? rc
                  : db_run(c, NULL, e,
                           "INSERT INTO item_lines (item_seq, at_unix_ms, state, who, note)"
                           " VALUES (?, ?, ?, ?, 'taken over')",
                           "iizs", ret->seq, o->now_unix_ms, item_state_wire(ret->state), o->who);
}

/* --- a clock that was set back --- */

static int times_settle(struct db_conn *c, void *arg, struct err *e)
{
    const struct takeover *t = arg;
    int64_t latest = t->before_unix_ms, now = t->now_unix_ms;
    int rc = db_run(c, NULL, e,
                    "UPDATE items SET lease_until_unix_ms = ? WHERE lease_until_unix_ms > ?"
                    " AND (state = 'LEASED' OR " IN_HAND ")",
                    "ii", latest, latest);

    if (rc == 0)
        rc = db_run(c, NULL, e, "UPDATE items SET updated_unix_ms = ? WHERE updated_unix_ms > ? AND " IN_HAND,
                    "ii", now, now);
    if (rc == 0)
        rc = db_run(c, NULL, e, "UPDATE agents SET heartbeat_unix_ms = ? WHERE heartbeat_unix_ms > ?", "ii",
                    now, now);
    return rc ? rc
              : db_run(c, NULL, e, "UPDATE runs SET heartbeat_unix_ms = ? WHERE heartbeat_unix_ms > ?", "ii",
                       now, now);
}

/* Where others write too, nothing is written for nothing: the tables are read whole. */
static int settle_due(struct db_conn *c, void *arg, struct err *e)
{
    struct takeover *t = arg;
    struct db_stmt *st = NULL;
    bool due = true;
    int rc = 0;

    if (db_is_shared(c))
        rc = db_query(c, &st, e,
                      "SELECT 1 WHERE EXISTS (SELECT 1 FROM items WHERE (state = 'LEASED' OR " IN_HAND ")"
                      " AND (lease_until_unix_ms > ? OR updated_unix_ms > ?))"
                      " OR EXISTS (SELECT 1 FROM agents WHERE heartbeat_unix_ms > ?)"
                      " OR EXISTS (SELECT 1 FROM runs WHERE heartbeat_unix_ms > ?)",
                      "iiii", t->before_unix_ms, t->before_unix_ms, t->before_unix_ms, t->before_unix_ms);
    if (rc == 0 && st)
        rc = read_any(st, &due, e);
    t->changes = due;
    return rc;
}

int store_times_settle(struct store *s, int64_t now_unix_ms, int64_t lease_ms, struct err *e)
{
    struct takeover t = { .before_unix_ms = now_unix_ms + lease_ms, .now_unix_ms = now_unix_ms };
    int rc = db_read(s->db, settle_due, &t, e);

    return rc < 0 || t.changes == 0 ? rc : db_write(s->db, times_settle, &t, e);
}
