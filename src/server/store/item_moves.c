/*
 * server/store/item_moves.c: every change of an item's state: checked by the table of server/states.h,
 * written with its line of history in one transaction.
 */
#include <string.h>

#include "server/store/store_internal.h"

struct item_now { /* what a move has to know */
    int64_t seq, fence;
    enum item_state state;
    bool stop_asked;
};

static int item_now(struct db_conn *c, struct str uid, struct item_now *ret, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, "SELECT seq, fence, state, stop_asked FROM items WHERE uid = ?", "s", uid);

    if (rc == 0)
        rc = step_one(st, "the queue item", e);
    if (rc < 0)
        return rc;
    *ret = (struct item_now){ .seq = db_col_i64(st, 0),
                              .fence = db_col_i64(st, 1),
                              .stop_asked = db_col_i64(st, 3) != 0 };
    if (!item_state_parse(db_col_str(st, 2), &ret->state))
        rc = err_set(e, ERR_STORE, "item %.*s has an unknown state", STR_ARG(uid));
    db_finish(st);
    return rc;
}

static int line_add(struct db_conn *c, const struct store_item_word *w, int64_t seq, enum item_state state,
                    bool is_warning, struct err *e)
{
    return db_run(c, NULL, e,
                  "INSERT INTO item_lines (item_seq, at_unix_ms, state, who, note, stage, files)"
                  " VALUES (?, ?, ?, ?, ?, ?, ?)",
                  "iizssss", seq, w->now_unix_ms, item_state_wire(state), w->who, w->note,
                  is_warning ? w->error_stage : (struct str){ 0 },
                  is_warning ? w->error_files : (struct str){ 0 });
}

static int fence_check(const struct store_item_word *w, const struct item_now *now, struct err *e)
{
    if (w->fence == 0 || w->fence == now->fence)
        return 0;
    return err_set(e, ERR_CONFLICT,
                   "the lease of item %.*s was lost: it has been given to an agent again since",
                   STR_ARG(w->uid));
}

int tx_item_tell(struct db_conn *c, const struct store_item_word *w, bool strict, struct err *e)
{
    struct item_now now = { 0 };
    enum item_state to = ITEM_PENDING;
    bool fails = w->ev == ITEM_EV_FAIL || w->ev == ITEM_EV_SILENCE;
    int rc = item_now(c, w->uid, &now, e);

    if (rc == 0)
        rc = fence_check(w, &now, e);
    if (rc < 0)
        return rc;
    if (!item_state_next(now.state, w->ev, &to)) {
        if (!strict)
            return 0;
        return err_set(e, ERR_CONFLICT, "item %.*s is %s: this cannot be done to it", STR_ARG(w->uid),
                       item_state_wire(now.state));
    }
    if (to == now.state)
        return 0;
    rc = db_run(c, NULL, e,
                "UPDATE items SET state = ?, updated_unix_ms = ?, error = ?, error_stage = ?, error_files = ?"
                " WHERE seq = ?",
                "zisssi", item_state_name(to), w->now_unix_ms, fails ? w->error : (struct str){ 0 },
                fails ? w->error_stage : (struct str){ 0 }, fails ? w->error_files : (struct str){ 0 },
                now.seq);
    return rc < 0 ? rc : line_add(c, w, now.seq, to, false, e);
}

int tx_item_stop_flag(struct db_conn *c, const struct store_item_word *w, struct err *e)
{
    struct item_now now = { 0 };
    int rc = item_now(c, w->uid, &now, e);

    if (rc < 0 || now.stop_asked || item_state_is_ended(now.state))
        return rc;
    rc = db_run(c, NULL, e, "UPDATE items SET stop_asked = 1 WHERE seq = ?", "i", now.seq);
    if (rc < 0 || now.state == ITEM_PENDING) /* a waiting item ends at once: one line is enough */
        return rc;
    return line_add(c, w, now.seq, now.state, false, e);
}

/* --- what agents and users say --- */

static int stop_note(struct db_conn *c, const struct store_item_word *w, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    const struct audit_note note = { .what = "item.stop",
                                     .object = arena_printf(a, "item %.*s", STR_ARG(w->uid)) };

    return tx_audit(c, &(struct store_by){ w->who, w->now_unix_ms }, &note, e);
}

static int item_tell(struct db_conn *c, void *arg, struct err *e)
{
    const struct store_item_word *w = arg;
    int rc = 0;

    if (w->ev == ITEM_EV_STOP_ASKED) {
        rc = stop_note(c, w, e);
        if (rc == 0)
            rc = tx_item_stop_flag(c, w, e);
        if (rc == 0)
            rc = tx_run_stop_of_item(c, w->uid, e);
    }
    if (rc == 0)
        rc = tx_item_tell(c, w, true, e);
    if (rc < 0)
        return rc;
    if (w->ev == ITEM_EV_FINISH)
        return tx_run_of_item(c, w->uid, RUN_FINISHED, e);
    if (w->ev == ITEM_EV_FAIL)
        return tx_run_of_item(c, w->uid, RUN_FAILED, e);
    if (w->ev == ITEM_EV_STOPPED)
        return tx_run_of_item(c, w->uid, RUN_KILLED, e);
    return 0;
}

int store_item_tell(struct store *s, const struct store_item_word *w, struct err *e)
{
    return db_write(s->db, item_tell, (void *)w, e);
}

static int item_note(struct db_conn *c, void *arg, struct err *e)
{
    const struct store_item_word *w = arg;
    struct item_now now = { 0 };
    int rc = item_now(c, w->uid, &now, e);

    if (rc == 0)
        rc = fence_check(w, &now, e);
    return rc < 0 ? rc : line_add(c, w, now.seq, now.state, w->error_stage.ptr != NULL, e);
}

int store_item_note(struct store *s, const struct store_item_word *w, struct err *e)
{
    return db_write(s->db, item_note, (void *)w, e);
}

struct ack {
    const struct store_item_word *word;
    struct str run_name;
};

/* An ack of this lease with this run that was done before: its answer was lost, and it may be said again.
 * Only a token tells it from the ack of another holder. */
static int is_echo(struct db_conn *c, const struct ack *k, bool *ret, struct err *e)
{
    const struct store_item_word *w = k->word;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT 1 FROM items WHERE uid = ? AND fence = ? AND run_name = ?"
                      " AND state IN ('CLAIMED', 'RUNNING')",
                      "sis", w->uid, w->fence, k->run_name);

    return rc < 0 ? rc : read_any(st, ret, e);
}

/* The lease as it stands now is the one that was acknowledged before, or that of an item that was taken over:
 * it is in hand now. */
static int ack_echo(struct db_conn *c, const struct ack *k, bool *ret, struct err *e)
{
    int rc = is_echo(c, k, ret, e);

    if (rc < 0 || !*ret)
        return rc;
    return db_run(c, NULL, e, "UPDATE items SET abandoned = 0 WHERE uid = ? AND abandoned <> 0", "s",
                  k->word->uid);
}

static int item_ack(struct db_conn *c, void *arg, struct err *e)
{
    const struct ack *k = arg;
    const struct store_item_word *w = k->word;
    struct run_ahead ahead = { .name = k->run_name, .item_uid = w->uid, .now_unix_ms = w->now_unix_ms };
    struct db_stmt *st = NULL;
    struct err refusal = { 0 };
    bool echo = false;
    int rc = tx_item_tell(c, w, true, &refusal);

    if (rc == -ERR_CONFLICT && w->fence) {
        int looked = ack_echo(c, k, &echo, e);

        if (looked < 0 || echo)
            return looked;
    }
    if (rc < 0)
        return err_set(e, refusal.code, "%s", refusal.msg);
    rc = db_query(c, &st, e,
                  "UPDATE items SET run_name = ? WHERE uid = ?"
                  " RETURNING target_entity, target_project, pushed_by, stop_asked",
                  "ss", k->run_name, w->uid);
    if (rc == 0)
        rc = step_one(st, "the queue item", e);
    if (rc < 0)
        return rc;
    ahead.entity = db_col_str(st, 0);
    ahead.project = db_col_str(st, 1);
    ahead.username = db_col_str(st, 2);
    ahead.stop_asked = db_col_i64(st, 3) != 0;
    if (ahead.entity.ptr && ahead.project.ptr)
        rc = tx_run_pending(c, &ahead, e);
    db_finish(st);
    return rc;
}

int store_item_ack(struct store *s, const struct store_item_word *w, struct str run_name, struct err *e)
{
    struct ack k = { w, run_name };

    return db_write(s->db, item_ack, &k, e);
}

/* --- lease --- */

struct pop {
    struct arena *a;
    const struct store_pop *pop;
    bool found;
    struct store_item item;
};

#define WAITING ITEM_SELECT "WHERE queue_id = ? AND state = 'PENDING' ORDER BY "

/* Where several servers share the store, each passes over what another is just lending. */
static const char *next_waiting(bool has_priorities, bool shared)
{
    if (has_priorities)
        return shared ? WAITING "priority, seq LIMIT 1" DB_LOCK_ROWS : WAITING "priority, seq LIMIT 1";
    return shared ? WAITING "seq LIMIT 1" DB_LOCK_ROWS : WAITING "seq LIMIT 1";
}

static int item_pop(struct db_conn *c, void *arg, struct err *e)
{
    struct pop *p = arg;
    const struct store_pop *o = p->pop;
    struct store_item_word line = { .who = o->who, .now_unix_ms = o->now_unix_ms, .note = STR("taken") };
    struct db_stmt *st = NULL;
    int rc = o->takes_over ? tx_item_take_over(c, o, p->a, &p->found, &p->item, e) : 0;

    if (rc < 0 || p->found)
        return rc;
    rc = db_query(c, &st, e, next_waiting(o->has_priorities, db_is_shared(c)), "i", o->queue_id);
    if (rc == 0)
        rc = db_step(st, &p->found, e);
    if (rc < 0 || !p->found)
        return rc;
    rc = item_row(p->a, st, &p->item, e);
    db_finish(st);
    if (rc < 0)
        return rc;
    p->item.state = ITEM_LEASED;
    p->item.fence++;
    p->item.lease_until_unix_ms = o->now_unix_ms + o->lease_ms;
    p->item.agent_uid = o->agent_uid;
    rc = db_run(c, NULL, e,
                "UPDATE items SET state = 'LEASED', fence = ?, lease_until_unix_ms = ?, agent_uid = ?,"
                " updated_unix_ms = ? WHERE seq = ?",
                "iisii", p->item.fence, p->item.lease_until_unix_ms, o->agent_uid, o->now_unix_ms,
                p->item.seq);
    return rc < 0 ? rc : line_add(c, &line, p->item.seq, ITEM_LEASED, false, e);
}

int store_item_pop(struct store *s, struct arena *a, const struct store_pop *p, bool *ret_found,
                   struct store_item *ret, struct err *e)
{
    struct pop args = { .a = a, .pop = p };
    int rc = db_write_locking(s->db, item_pop, &args, e);

    if (rc < 0)
        return rc;
    *ret_found = args.found;
    if (args.found)
        *ret = args.item;
    return 0;
}

/* --- housekeeping --- */

struct sweep {
    int64_t before_unix_ms, now_unix_ms;
    size_t count;
};
enum { SWEEP_BATCH = 64 }; /* a sweep that finds more runs again at once */

/* The ids a query gives, at most SWEEP_BATCH, so that the changes do not touch what is being read. */
struct batch {
    char uids[SWEEP_BATCH][UID_SIZE];
    size_t len;
};

static int batch_read(struct db_stmt *st, struct batch *b, struct err *e)
{
    bool row = true;
    int rc = 0;

    for (b->len = 0; rc == 0 && row;) {
        rc = db_step(st, &row, e);
        if (rc == 0 && row && b->len < SWEEP_BATCH) {
            struct str uid = db_col_str(st, 0);
            size_t len = uid.len < UID_LEN ? uid.len : UID_LEN;

            memcpy(b->uids[b->len], uid.ptr, len);
            b->uids[b->len++][len] = '\0';
        }
    }
    return rc;
}

static int lease_give_back(struct db_conn *c, const char *uid, int64_t now_unix_ms, struct err *e)
{
    struct store_item_word w = { .uid = str_of(uid),
                                 .ev = ITEM_EV_LEASE_OVER,
                                 .who = STR("server"),
                                 .now_unix_ms = now_unix_ms,
                                 .note = STR("the agent did not acknowledge it in time: back in the queue") };
    struct item_now now = { 0 };
    int rc = tx_item_tell(c, &w, true, e);

    if (rc == 0)
        rc = item_now(c, w.uid, &now, e);
    if (rc < 0 || !now.stop_asked)
        return rc;
    w.ev = ITEM_EV_STOP_ASKED;
    w.note = STR("stopped, as asked while an agent had it");
    return tx_item_tell(c, &w, true, e);
}

static int lease_sweep(struct db_conn *c, void *arg, struct err *e)
{
    struct sweep *w = arg;
    struct batch batch = { .len = 0 };
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT uid FROM items WHERE state = 'LEASED' AND lease_until_unix_ms <= ? LIMIT 64",
                      "i", w->now_unix_ms);

    if (rc == 0)
        rc = batch_read(st, &batch, e);
    for (size_t i = 0; rc == 0 && i < batch.len; i++)
        rc = lease_give_back(c, batch.uids[i], w->now_unix_ms, e);
    w->count = batch.len;
    if (rc == 0 && batch.len)
        tx_wake_queue(c, 0);
    return rc;
}

static int lease_due(struct db_conn *c, void *arg, struct err *e)
{
    struct sweep *w = arg;
    struct db_stmt *st = NULL;
    int64_t count = 0;
    int rc =
        db_query(c, &st, e, "SELECT count(*) FROM items WHERE state = 'LEASED' AND lease_until_unix_ms <= ?",
                 "i", w->now_unix_ms);

    if (rc == 0)
        rc = read_one(NULL, st, "the count", i64_row, &count, e);
    w->count = (size_t)count;
    return rc;
}

int store_lease_sweep(struct store *s, int64_t now_unix_ms, size_t *ret_count, struct err *e)
{
    struct sweep w = { .now_unix_ms = now_unix_ms };
    size_t total = 0;
    int rc = db_read(s->db, lease_due, &w, e); /* mostly none: then nothing is written */

    while (rc == 0 && w.count > 0) {
        rc = db_write(s->db, lease_sweep, &w, e);
        total += rc == 0 ? w.count : 0;
    }
    if (rc == 0)
        *ret_count = total;
    return rc;
}

static int orphan_sweep(struct db_conn *c, void *arg, struct err *e)
{
    struct sweep *w = arg;
    struct batch batch = { .len = 0 };
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT i.uid FROM items i LEFT JOIN agents g ON g.uid = i.agent_uid"
                      " WHERE i.state IN ('CLAIMED', 'RUNNING') AND i.updated_unix_ms < ?"
                      " AND coalesce(g.heartbeat_unix_ms, 0) < ? AND NOT EXISTS"
                      " (SELECT 1 FROM runs r WHERE r.item_uid = i.uid AND r.state <> 'pending') LIMIT 64",
                      "ii", w->before_unix_ms, w->before_unix_ms);

    if (rc == 0)
        rc = batch_read(st, &batch, e);
    for (size_t i = 0; rc == 0 && i < batch.len; i++) {
        const struct store_item_word word = {
            .uid = str_of(batch.uids[i]),
            .ev = ITEM_EV_SILENCE,
            .who = STR("server"),
            .now_unix_ms = w->now_unix_ms,
            .note = STR("given up: its agent stopped sending heartbeats and its run never started"),
            .error = STR("the agent that had this item stopped sending heartbeats and its run never started"),
            .error_stage = STR("agent"),
        };

        rc = tx_item_tell(c, &word, true, e);
    }
    w->count = batch.len;
    return rc;
}

int store_orphan_sweep(struct store *s, int64_t before_unix_ms, int64_t now_unix_ms, size_t *ret_count,
                       struct err *e)
{
    struct sweep w = { .before_unix_ms = before_unix_ms, .now_unix_ms = now_unix_ms };
    int rc = db_write(s->db, orphan_sweep, &w, e);

    if (rc == 0)
        *ret_count = w.count;
    return rc;
}

/* --- deleting --- */

struct item_removal {
    struct str uid;
    const struct store_by *by;
};

static int item_delete(struct db_conn *c, void *arg, struct err *e)
{
    const struct item_removal *r = arg;
    AUTO_PTR(arena) a = arena_new();
    const struct audit_note note = { .what = "item.delete",
                                     .object = arena_printf(a, "item %.*s", STR_ARG(r->uid)) };
    struct item_now now = { 0 };
    int rc = item_now(c, r->uid, &now, e);

    if (rc < 0)
        return rc;
    if (now.state != ITEM_PENDING && !item_state_is_ended(now.state))
        return err_set(e, ERR_CONFLICT, "an agent has item %.*s (%s): stop it first", STR_ARG(r->uid),
                       item_state_wire(now.state));
    rc = db_run(c, NULL, e, "DELETE FROM item_lines WHERE item_seq = ?", "i", now.seq);
    if (rc == 0)
        rc = db_run(c, NULL, e, "DELETE FROM items WHERE seq = ?", "i", now.seq);
    return rc < 0 ? rc : tx_audit(c, r->by, &note, e);
}

int store_item_delete(struct store *s, struct str uid, const struct store_by *by, struct err *e)
{
    struct item_removal r = { uid, by };

    return db_write(s->db, item_delete, &r, e);
}
