/* server/store/audit.c: the log of changes, a chain of hashes. */
#include "server/store/audit.h"

#include <string.h>

#include "base/crypto.h"
#include "server/store/store_internal.h"

enum { HEX_LEN = 64 };
static const char no_hash[] = "0000000000000000000000000000000000000000000000000000000000000000";

static void hex_sha256(struct str text, char ret[HEX_LEN + 1])
{
    uint8_t sum[32];

    sha256(text, sum);
    hex_encode(sum, sizeof(sum), ret);
}

/* Lengths before the texts: no two rows are written alike. Absent and empty differ. */
static void add_field(struct strbuf *b, struct str s)
{
    if (s.ptr)
        strbuf_addf(b, "%zu:", s.len);
    else
        strbuf_addz(b, "-:");
    strbuf_add(b, s);
}

static void row_hash(struct str before_it, const struct store_audit_row *r, char ret[HEX_LEN + 1])
{
    AUTO_STRBUF struct strbuf b = STRBUF(1 << 20);

    strbuf_addf(&b, "%lld %lld ", (long long)r->seq, (long long)r->at_unix_ms);
    add_field(&b, before_it);
    add_field(&b, r->who);
    add_field(&b, r->what);
    add_field(&b, r->object);
    add_field(&b, r->detail);
    add_field(&b, r->before);
    add_field(&b, r->after);
    hex_sha256(strbuf_str(&b), ret);
}

/* --- writing --- */

static int last_row(struct db_conn *c, int64_t *ret_seq, char ret_hash[HEX_LEN + 1], struct err *e)
{
    struct db_stmt *st = NULL;
    bool row = false;
    int rc = db_query(c, &st, e, "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", "");

    memcpy(ret_hash, no_hash, HEX_LEN + 1);
    if (rc == 0)
        rc = db_step(st, &row, e);
    if (rc < 0 || !row)
        return rc;
    *ret_seq = db_col_i64(st, 0);
    if (db_col_str(st, 1).len == HEX_LEN) /* else it is found to be broken later: that stops no work now */
        memcpy(ret_hash, db_col_str(st, 1).ptr, HEX_LEN);
    db_finish(st);
    return 0;
}

static struct str digest(struct str text, char buf[HEX_LEN + 1])
{
    if (!text.ptr)
        return (struct str){ 0 };
    hex_sha256(text, buf);
    return (struct str){ buf, HEX_LEN };
}

int tx_audit(struct db_conn *c, const struct store_by *by, const struct audit_note *n, struct err *e)
{
    char before[HEX_LEN + 1], after[HEX_LEN + 1], previous[HEX_LEN + 1], hash[HEX_LEN + 1];
    struct store_audit_row r = { .at_unix_ms = by->now_unix_ms,
                                 .who = by->who.ptr ? by->who : STR("server"),
                                 .what = str_of(n->what),
                                 .object = str_of(n->object),
                                 .detail = n->detail ? str_of(n->detail) : (struct str){ 0 },
                                 .before = digest(n->before, before),
                                 .after = digest(n->after, after) };
    AUTO_STRBUF struct strbuf head = STRBUF(128);
    int rc = last_row(c, &r.seq, previous, e);

    r.seq++;
    row_hash((struct str){ previous, HEX_LEN }, &r, hash);
    if (rc == 0)
        rc = db_run(c, NULL, e,
                    "INSERT INTO audit (seq, at_unix_ms, who, what, object, detail, before, after, hash)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    "iisssssss", r.seq, r.at_unix_ms, r.who, r.what, r.object, r.detail, r.before, r.after,
                    (struct str){ hash, HEX_LEN });
    strbuf_addf(&head, "%lld:%s", (long long)r.seq, hash);
    return rc < 0 ? rc
                  : db_run(c, NULL, e,
                           "INSERT INTO meta (key, value) VALUES ('audit_head', ?)"
                           " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                           "s", strbuf_str(&head));
}

/* --- reading --- */

static int audit_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_audit_row *)ret = (struct store_audit_row){ .seq = db_col_i64(st, 0),
                                                               .at_unix_ms = db_col_i64(st, 1),
                                                               .who = col(a, st, 2),
                                                               .what = col(a, st, 3),
                                                               .object = col(a, st, 4),
                                                               .detail = col(a, st, 5),
                                                               .before = col(a, st, 6),
                                                               .after = col(a, st, 7),
                                                               .hash = col(a, st, 8) };
    return 0;
}

#define AUDIT_SELECT                                                                                         \
    "SELECT seq, at_unix_ms, who, what, object, detail, before, after, hash FROM audit WHERE seq >= ?"       \
    " ORDER BY seq LIMIT ?"

struct list {
    struct rows rows;
    struct store_audit_query q;
};

static int audit_list(struct db_conn *c, void *arg, struct err *e)
{
    struct list *l = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, AUDIT_SELECT, "ii", l->q.from, l->q.count);

    return rc < 0 ? rc : rows_read(&l->rows, st, e);
}

int store_audit_list(struct store *s, struct arena *a, struct store_audit_query q,
                     struct store_audit_row **ret, size_t *ret_len, struct err *e)
{
    struct list l = { .rows = ROWS(a, struct store_audit_row, audit_row), .q = q };
    int rc = db_read(s->db, audit_list, &l, e);

    if (rc == 0)
        *ret = rows_take(&l.rows, ret_len);
    return rc;
}

/* --- checking --- */

struct check {
    struct store_audit_check *io;
    char previous[HEX_LEN + 1];
};

/* What is wrong with the next row; NULL: nothing. */
static const char *fault_of(const struct check *k, const struct store_audit_row *r)
{
    char hash[HEX_LEN + 1];

    if (r->seq != k->io->rows + 1)
        return "is missing";
    row_hash((struct str){ k->previous, HEX_LEN }, r, hash);
    if (!str_is(r->hash, hash))
        return "was changed, or the one before it was";
    if (k->io->known_seq == r->seq && !str_eq(r->hash, k->io->known_hash))
        return "has another hash than the one that was kept: the chain was made anew";
    return NULL;
}

static int check_rows(struct db_conn *c, struct check *k, struct err *e)
{
    struct db_stmt *st = NULL;
    bool row = false;
    int rc = db_query(c, &st, e, AUDIT_SELECT, "ii", (int64_t)0, INT64_MAX);

    while (rc == 0) {
        AUTO_PTR(arena) a = NULL;
        struct store_audit_row r = { 0 };

        rc = db_step(st, &row, e);
        if (rc < 0 || !row)
            return rc;
        a = arena_new();
        (void)audit_row(a, st, &r, e); /* does not fail */
        k->io->broken = fault_of(k, &r);
        if (k->io->broken) {
            k->io->broken_seq = k->io->rows + 1;
            db_finish(st);
            return 0;
        }
        k->io->rows++;
        memcpy(k->previous, r.hash.ptr, HEX_LEN);
    }
    return rc;
}

/* Are rows gone from the end? */
static int check_end(struct db_conn *c, struct check *k, struct err *e)
{
    AUTO_STRBUF struct strbuf head = STRBUF(128);
    struct db_stmt *st = NULL;
    bool row = false;
    int rc = db_query(c, &st, e, "SELECT value FROM meta WHERE key = 'audit_head'", "");

    if (rc == 0)
        rc = db_step(st, &row, e);
    if (rc < 0)
        return rc;
    strbuf_addf(&head, "%lld:%s", (long long)k->io->rows, k->previous);
    if ((row && !str_eq(db_col_str(st, 0), strbuf_str(&head))) || (!row && k->io->rows > 0) ||
        k->io->known_seq > k->io->rows) {
        k->io->broken_seq = k->io->rows + 1;
        k->io->broken = "is missing";
    }
    if (row)
        db_finish(st);
    return 0;
}

static int audit_check(struct db_conn *c, void *arg, struct err *e)
{
    struct check *k = arg;
    int rc;

    memcpy(k->previous, no_hash, sizeof(no_hash)); /* it may be run again */
    k->io->rows = 0;
    rc = check_rows(c, k, e);

    return rc < 0 || k->io->broken ? rc : check_end(c, k, e);
}

int store_audit_check(struct store *s, struct arena *a, struct store_audit_check *io, struct err *e)
{
    struct check k = { .io = io };
    int rc;

    io->rows = io->broken_seq = 0;
    io->broken = NULL;
    rc = db_read(s->db, audit_check, &k, e);
    io->head = arena_str(a, str_of(k.previous));
    return rc;
}
