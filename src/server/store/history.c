/* server/store/history.c: how far a run's lines are packed, its keys, and the lines behind the last stretch.
 */
#include "server/store/history_internal.h"

#include "server/history_line.h"

int tx_history_head(struct db_conn *c, const struct store_history *of, struct history_head *ret,
                    struct err *e)
{
    struct db_stmt *st = NULL;
    bool events = of->stream == RUN_EVENTS;
    int rc = db_query(c, &st, e,
                      "SELECT history_lines, history_packed, events_lines, events_packed, line_rewrites"
                      " FROM runs WHERE id = ?",
                      "i", of->run_id);

    if (rc == 0)
        rc = step_one(st, "the run", e);
    if (rc < 0)
        return rc;
    *ret = (struct history_head){ .lines = db_col_i64(st, events ? 2 : 0),
                                  .packed = db_col_i64(st, events ? 3 : 1),
                                  .rewrites = db_col_i64(st, 4) };
    db_finish(st);
    return 0;
}

int tx_key_id(struct db_conn *c, const struct store_history *of, struct str name, int64_t *ret, struct err *e)
{
    struct db_stmt *st = NULL;
    int64_t id = 0;
    int rc =
        db_query(c, &st, e, "SELECT key_id FROM history_keys WHERE run_id = ? AND stream = ? AND name = ?",
                 "iis", of->run_id, (int64_t)of->stream, name);

    if (rc == 0)
        rc = read_one(NULL, st, "the key", i64_row, &id, e);
    if (rc < 0 && rc != -ERR_NOT_FOUND)
        return rc;
    *ret = id;
    return 0;
}

int history_line_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct history_line *)ret = (struct history_line){ db_col_i64(st, 0), col(a, st, 1) };
    return 0;
}

int tx_history_tail(struct db_conn *c, const struct store_history *of, const struct history_head *h,
                    struct rows *ret, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT line, text FROM run_lines WHERE run_id = ? AND stream = ? AND line >= ?"
                      " AND line < ? ORDER BY line LIMIT ?",
                      "iiiii", of->run_id, (int64_t)of->stream, h->packed, h->lines, (int64_t)TAIL_LINES_MAX);

    return rc < 0 ? rc : rows_read(ret, st, e);
}

struct head_args {
    const struct store_history *of;
    struct history_head head;
};

static int head_read(struct db_conn *c, void *arg, struct err *e)
{
    struct head_args *h = arg;

    return tx_history_head(c, h->of, &h->head, e);
}

int history_ready(struct store *s, const struct store_history *of, struct err *e)
{
    struct head_args h = { .of = of };
    int rc = db_read(s->db, head_read, &h, e);

    if (rc == 0 && store_history_is_long(h.head.lines, h.head.packed))
        rc = store_history_pack(s, of, e);
    return rc;
}

/* --- keys --- */

struct keys_args {
    struct arena *a;
    const struct store_history *of;
    struct rows keys, tail;
};

static int key_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_history_key *)ret = (struct store_history_key){ .name = col(a, st, 0),
                                                                   .numbers = db_col_i64(st, 1),
                                                                   .others = db_col_i64(st, 2),
                                                                   .lo = db_col_double(st, 3),
                                                                   .hi = db_col_double(st, 4) };
    return 0;
}

static int keys_read(struct db_conn *c, void *arg, struct err *e)
{
    struct keys_args *k = arg;
    struct history_head head = { 0 };
    struct db_stmt *st = NULL;
    int rc = tx_history_head(c, k->of, &head, e);

    if (rc == 0)
        rc = db_query(c, &st, e,
                      "SELECT name, numbers, others, lo, hi FROM history_keys WHERE run_id = ? AND stream = ?"
                      " AND numbers + others > 0 ORDER BY name",
                      "ii", k->of->run_id, (int64_t)k->of->stream);
    if (rc == 0)
        rc = rows_read(&k->keys, st, e);
    return rc < 0 ? rc : tx_history_tail(c, k->of, &head, &k->tail, e);
}

static void key_add(struct store_history_key *k, const struct column_sums *more)
{
    k->numbers += more->numbers;
    k->others += more->others;
    k->lo = more->lo < k->lo ? more->lo : k->lo;
    k->hi = more->hi > k->hi ? more->hi : k->hi;
}

/* Those of the tail behind those that are packed. */
static void keys_join(struct keys_args *k, struct store_history_key **ret, size_t *ret_len)
{
    size_t packed_len = 0, lines_len = 0;
    const struct store_history_key *packed = rows_take(&k->keys, &packed_len);
    const struct history_line *lines = rows_take(&k->tail, &lines_len);
    struct columns tail;
    struct store_history_key *all;
    size_t len = packed_len;
    AUTO_PTR(map) by_name = map_new();

    columns_begin(&tail, k->a, HISTORY_KEYS_MAX);
    for (size_t i = 0; i < lines_len; i++)
        columns_add(&tail, (uint16_t)i, lines[i].text);
    all = arena_array(k->a, packed_len + tail.len + 1, sizeof(*all));
    for (size_t i = 0; i < packed_len; i++) {
        all[i] = packed[i];
        map_put(by_name, all[i].name, &all[i]);
    }
    for (size_t i = 0; i < tail.len; i++) {
        const struct column_sums sums = column_sums(tail.items[i]);
        struct store_history_key *key = map_get(by_name, tail.items[i]->key);

        if (!key) {
            key = &all[len++];
            *key = (struct store_history_key){ .name = tail.items[i]->key,
                                               .lo = COLUMN_NONE,
                                               .hi = -COLUMN_NONE };
        }
        key_add(key, &sums);
    }
    columns_end(&tail);
    *ret = all;
    *ret_len = len < HISTORY_KEYS_MAX ? len : HISTORY_KEYS_MAX;
}

int store_history_keys(struct store *s, struct arena *a, const struct store_history *of,
                       struct store_history_key **ret, size_t *ret_len, struct err *e)
{
    struct keys_args k = { .a = a,
                           .of = of,
                           .keys = ROWS(a, struct store_history_key, key_row),
                           .tail = ROWS(a, struct history_line, history_line_row) };
    int rc = history_ready(s, of, e);

    if (rc == 0)
        rc = db_read(s->db, keys_read, &k, e);
    if (rc == 0)
        keys_join(&k, ret, ret_len);
    return rc;
}
