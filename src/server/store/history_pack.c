/*
 * server/store/history_pack.c: lines into columns, a stretch at a time. The lines are read, made columns of
 * on a worker thread, and the columns stored if no line came anew meanwhile; so posts wait for the storing
 * only.
 */
#include "server/store/history_internal.h"

struct pack {
    struct arena *a;
    const struct store_history *of;
    struct history_head head;
    struct history_line *lines;
    size_t len;
    int64_t first, end; /* lines of the stretch: first to before end */
    bool is_full;       /* no line that comes could still belong to it */
    struct columns columns;
    struct str *blocks, *cells; /* a column each */
    bool stored;
};

/* --- reading --- */

struct line_size {
    int64_t line, size;
};

static int size_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct line_size *)ret = (struct line_size){ db_col_i64(st, 0), db_col_i64(st, 1) };
    return 0;
}

/* How far the stretch goes, by numbers and by bytes, before its texts are fetched. */
static int stretch_find(struct db_conn *c, struct pack *p, struct err *e)
{
    struct rows rows = ROWS(p->a, struct line_size, size_row);
    struct db_stmt *st = NULL;
    struct line_size *sizes;
    size_t len = 0;
    int64_t bytes = 0;
    int rc = db_query(c, &st, e,
                      "SELECT line, length(text) FROM run_lines WHERE run_id = ? AND stream = ? AND line >= ?"
                      " AND line < ? ORDER BY line LIMIT ?",
                      "iiiii", p->of->run_id, (int64_t)p->of->stream, p->head.packed, p->head.lines,
                      (int64_t)COLUMN_ROWS + 1);

    if (rc == 0)
        rc = rows_read(&rows, st, e);
    if (rc < 0)
        return rc;
    sizes = rows_take(&rows, &len);
    p->is_full = len == 0; /* the head counts lines that are not there */
    p->first = p->end = len > 0 ? sizes[0].line : p->head.lines;
    for (size_t i = 0; i < len && !p->is_full; i++) {
        p->is_full = sizes[i].line >= p->first + COLUMN_ROWS || bytes >= HISTORY_STRETCH_BYTES;
        bytes += sizes[i].size;
        if (!p->is_full)
            p->end = sizes[i].line + 1;
    }
    p->is_full = p->is_full || p->end == p->first + COLUMN_ROWS;
    if (!p->is_full && p->first > p->head.packed) { /* a gap, and little behind it: pass over the gap */
        p->end = p->first;
        p->is_full = true;
    }
    return 0;
}

static int pack_read(struct db_conn *c, void *arg, struct err *e)
{
    struct pack *p = arg;
    struct rows rows = ROWS(p->a, struct history_line, history_line_row);
    struct db_stmt *st = NULL;
    int rc = tx_history_head(c, p->of, &p->head, e);

    p->is_full = false;
    if (rc < 0 || !store_history_is_long(p->head.lines, p->head.packed))
        return rc;
    rc = stretch_find(c, p, e);
    if (rc < 0 || !p->is_full)
        return rc;
    rc =
        db_query(c, &st, e,
                 "SELECT line, text FROM run_lines WHERE run_id = ? AND stream = ? AND line >= ? AND line < ?"
                 " ORDER BY line",
                 "iiii", p->of->run_id, (int64_t)p->of->stream, p->first, p->end);
    if (rc == 0)
        rc = rows_read(&rows, st, e);
    if (rc == 0)
        p->lines = rows_take(&rows, &p->len);
    return rc;
}

/* --- columns: on a worker thread --- */

static void pack_work(void *arg)
{
    struct pack *p = arg;
    size_t rows = (size_t)(p->end - p->first);

    columns_begin(&p->columns, p->a, HISTORY_KEYS_MAX);
    for (size_t i = 0; i < p->len; i++)
        columns_add(&p->columns, (uint16_t)(p->lines[i].line - p->first), p->lines[i].text);
    columns_end(&p->columns);
    p->blocks = arena_array(p->a, p->columns.len + 1, sizeof(*p->blocks));
    p->cells = arena_array(p->a, p->columns.len + 1, sizeof(*p->cells));
    for (size_t i = 0; i < p->columns.len; i++) {
        p->blocks[i] = column_blocks_text(p->a, p->columns.items[i], rows);
        p->cells[i] = column_cells_text(p->a, p->columns.items[i], rows);
    }
}

/* --- storing --- */

struct key_id {
    struct str name;
    int64_t id;
};

static int key_id_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct key_id *)ret = (struct key_id){ col(a, st, 0), db_col_i64(st, 1) };
    return 0;
}

/* The ids of the run's keys, by name; *ret_len is how many, which is also the highest. */
static int key_ids(struct db_conn *c, struct pack *p, struct map *ret, size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(p->a, struct key_id, key_id_row);
    struct key_id *ids;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, "SELECT name, key_id FROM history_keys WHERE run_id = ? AND stream = ?",
                      "ii", p->of->run_id, (int64_t)p->of->stream);

    if (rc == 0)
        rc = rows_read(&rows, st, e);
    if (rc < 0)
        return rc;
    ids = rows_take(&rows, ret_len);
    for (size_t i = 0; i < *ret_len; i++)
        map_put(ret, ids[i].name, &ids[i]);
    return 0;
}

static int column_store(struct db_conn *c, const struct pack *p, size_t i, int64_t id, struct err *e)
{
    const struct column_sums s = column_sums(p->columns.items[i]);
    int rc = db_run(c, NULL, e,
                    "INSERT INTO history_keys (run_id, stream, name, key_id, numbers, others, lo, hi)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run_id, stream, name) DO UPDATE SET"
                    " numbers = history_keys.numbers + excluded.numbers,"
                    " others = history_keys.others + excluded.others,"
                    " lo = CASE WHEN excluded.lo < history_keys.lo THEN excluded.lo ELSE history_keys.lo END,"
                    " hi = CASE WHEN excluded.hi > history_keys.hi THEN excluded.hi ELSE history_keys.hi END",
                    "iisiiidd", p->of->run_id, (int64_t)p->of->stream, p->columns.items[i]->key, id,
                    s.numbers, s.others, s.lo, s.hi);

    if (rc < 0)
        return rc;
    return db_run(
        c, NULL, e,
        "INSERT INTO history_columns (run_id, stream, key_id, line, line_count, numbers, others, lo,"
        " hi, blocks, cells) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        "iiiiiiiddss", p->of->run_id, (int64_t)p->of->stream, id, p->first, p->end - p->first, s.numbers,
        s.others, s.lo, s.hi, p->blocks[i], p->cells[i]);
}

static int packed_set(struct db_conn *c, const struct store_history *of, int64_t packed, struct err *e)
{
    return of->stream == RUN_EVENTS ? db_run(c, NULL, e, "UPDATE runs SET events_packed = ? WHERE id = ?",
                                             "ii", packed, of->run_id)
                                    : db_run(c, NULL, e, "UPDATE runs SET history_packed = ? WHERE id = ?",
                                             "ii", packed, of->run_id);
}

static int pack_store(struct db_conn *c, void *arg, struct err *e)
{
    struct pack *p = arg;
    AUTO_PTR(map) ids = map_new();
    struct history_head now = { 0 };
    size_t len = 0;
    int rc = tx_history_head(c, p->of, &now, e);

    p->stored = rc == 0 && now.packed == p->head.packed && now.rewrites == p->head.rewrites;
    if (!p->stored)
        return rc;
    rc = key_ids(c, p, ids, &len, e);
    for (size_t i = 0; rc == 0 && i < p->columns.len; i++) {
        const struct key_id *known = map_get(ids, p->columns.items[i]->key);

        if (known || len < HISTORY_KEYS_MAX)
            rc = column_store(c, p, i, known ? known->id : (int64_t)++len, e);
    }
    return rc < 0 ? rc : packed_set(c, p->of, p->end, e);
}

/* One stretch; *ret_more: there may be another. */
static int pack_one(struct store *s, struct pack *p, bool *ret_more, struct err *e)
{
    int rc = db_read(s->db, pack_read, p, e);

    *ret_more = false;
    if (rc < 0 || !p->is_full)
        return rc;
    rc = io_work(s->io, pack_work, p, e);
    if (rc == 0)
        rc = db_write(s->db, pack_store, p, e);
    *ret_more = true;
    return rc;
}

int store_history_pack(struct store *s, const struct store_history *of, struct err *e)
{
    enum { TRIES_MAX = 10 }; /* against lines that come anew again and again */
    bool more = true;
    int rc = 0;

    for (int tries = 0; rc == 0 && more && tries < TRIES_MAX;) {
        AUTO_PTR(arena) a = arena_new();
        struct pack p = { .a = a, .of = of };

        rc = pack_one(s, &p, &more, e);
        tries += more && !p.stored;
    }
    return rc;
}

/* --- lines that come anew --- */

static int keys_recount(struct db_conn *c, const struct store_history *of, struct err *e)
{
#define OF_KEY                                                                                               \
    " FROM history_columns h WHERE h.run_id = history_keys.run_id AND h.stream = history_keys.stream"        \
    " AND h.key_id = history_keys.key_id)"
    return db_run(c, NULL, e,
                  "UPDATE history_keys SET numbers = (SELECT coalesce(sum(h.numbers), 0)" OF_KEY
                  ", others = (SELECT coalesce(sum(h.others), 0)" OF_KEY
                  ", lo = (SELECT coalesce(min(h.lo), ?)" OF_KEY
                  ", hi = (SELECT coalesce(max(h.hi), ?)" OF_KEY " WHERE run_id = ? AND stream = ?",
                  "ddii", COLUMN_NONE, -COLUMN_NONE, of->run_id, (int64_t)of->stream);
#undef OF_KEY
}

int tx_history_cut(struct db_conn *c, int64_t run_id, enum run_stream stream, int64_t line, struct err *e)
{
    const struct store_history of = { run_id, stream };
    struct db_stmt *st = NULL;
    int64_t first = line;
    int rc = db_query(c, &st, e,
                      "SELECT coalesce(min(line), ?) FROM history_columns WHERE run_id = ? AND stream = ?"
                      " AND line + line_count > ?",
                      "iiii", line, run_id, (int64_t)stream, line);

    if (rc == 0)
        rc = read_one(NULL, st, "the stretch", i64_row, &first, e);
    if (rc == 0)
        rc = db_run(c, NULL, e,
                    "DELETE FROM history_columns WHERE run_id = ? AND stream = ? AND line + line_count > ?",
                    "iii", run_id, (int64_t)stream, line);
    if (rc == 0)
        rc = keys_recount(c, &of, e);
    return rc < 0 ? rc : packed_set(c, &of, first < line ? first : line, e);
}

int tx_history_drop(struct db_conn *c, int64_t run_id, struct err *e)
{
    int rc = db_run(c, NULL, e, "DELETE FROM history_columns WHERE run_id = ?", "i", run_id);

    return rc < 0 ? rc : db_run(c, NULL, e, "DELETE FROM history_keys WHERE run_id = ?", "i", run_id);
}

/* --- what is left --- */

struct unpacked_args {
    int64_t max;
    struct rows rows;
};

static int unpacked_read(struct db_conn *c, void *arg, struct err *e)
{
    struct unpacked_args *u = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT id FROM runs WHERE history_lines - history_packed >= 1024 ORDER BY id LIMIT ?",
                      "i", u->max);

    return rc < 0 ? rc : rows_read(&u->rows, st, e);
}

int store_history_unpacked(struct store *s, struct arena *a, int64_t max, int64_t **ret, size_t *ret_len,
                           struct err *e)
{
    struct unpacked_args u = { .max = max, .rows = ROWS(a, int64_t, i64_row) };
    int rc = db_read(s->db, unpacked_read, &u, e);

    if (rc == 0)
        *ret = rows_take(&u.rows, ret_len);
    return rc;
}
