/* server/store/sessions.c: what browsers were signed in. */
#include "server/store/sessions.h"

#include "server/store/store_internal.h"

#define SESSION_COLUMNS                                                                                      \
    "s.id, s.user_id, u.username, s.address, s.created_unix_ms, s.last_used_unix_ms, s.expires_unix_ms"
#define SESSION_FROM " FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.ended_unix_ms = 0 "
enum { SESSION_COLUMN_COUNT = 7 };

struct session_args {
    struct arena *a;
    struct str hash, username;
    int64_t id, at_unix_ms;
    const struct store_by *by;
    struct rows *rows;
    struct store_session session;
    struct store_session_found found;
};

static int session_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_session *)ret = (struct store_session){ .id = db_col_i64(st, 0),
                                                           .user_id = db_col_i64(st, 1),
                                                           .username = col(a, st, 2),
                                                           .address = col(a, st, 3),
                                                           .created_unix_ms = db_col_i64(st, 4),
                                                           .last_used_unix_ms = db_col_i64(st, 5),
                                                           .expires_unix_ms = db_col_i64(st, 6) };
    return 0;
}

static int found_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    struct store_session_found *f = ret;

    f->user = user_at(a, st, SESSION_COLUMN_COUNT);
    return session_row(a, st, &f->session, e);
}

int tx_session_add(struct db_conn *c, int64_t user_id, const struct store_new_session *n, int64_t now_unix_ms,
                   struct err *e)
{
    int rc = db_run(c, NULL, e,
                    "INSERT INTO sessions (hash, sign_in, user_id, address, created_unix_ms,"
                    " last_used_unix_ms, expires_unix_ms) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    "ssisiii", n->hash, n->sign_in, user_id, n->address, now_unix_ms, now_unix_ms,
                    n->expires_unix_ms);

    return rc == -ERR_CONFLICT ? err_set(e, ERR_CONFLICT, "this sign-in was used before") : rc;
}

int tx_sessions_end(struct db_conn *c, int64_t user_id, int64_t now_unix_ms, struct err *e)
{
    return db_run(c, NULL, e, "UPDATE sessions SET ended_unix_ms = ? WHERE user_id = ? AND ended_unix_ms = 0",
                  "ii", now_unix_ms, user_id);
}

static int session_find(struct db_conn *c, void *arg, struct err *e)
{
    struct session_args *q = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT " SESSION_COLUMNS ", " USER_COLUMNS SESSION_FROM
                      "AND s.hash = ? AND u.disabled_unix_ms = 0",
                      "s", q->hash);

    return rc < 0 ? rc : read_one(q->a, st, "the session", found_row, &q->found, e);
}

int store_session_find(struct store *s, struct arena *a, struct str hash, struct store_session_found *ret,
                       struct err *e)
{
    struct session_args q = { .a = a, .hash = hash };
    int rc = db_read(s->db, session_find, &q, e);

    if (rc == 0)
        *ret = q.found;
    return rc;
}

static int session_used(struct db_conn *c, void *arg, struct err *e)
{
    const struct session_args *q = arg;

    return db_run(c, NULL, e, "UPDATE sessions SET last_used_unix_ms = ? WHERE id = ?", "ii", q->at_unix_ms,
                  q->id);
}

int store_session_used(struct store *s, int64_t id, int64_t now_unix_ms, struct err *e)
{
    struct session_args q = { .id = id, .at_unix_ms = now_unix_ms };

    return db_write(s->db, session_used, &q, e);
}

static int session_list(struct db_conn *c, void *arg, struct err *e)
{
    struct session_args *q = arg;
    struct db_stmt *st = NULL;
    int64_t user = 0;
    int rc = q->username.ptr ? tx_user_id(c, q->username, &user, e) : 0;

    if (rc == 0)
        rc = db_query(c, &st, e,
                      "SELECT " SESSION_COLUMNS SESSION_FROM "AND ? IN (0, s.user_id) ORDER BY s.id", "i",
                      user);
    return rc < 0 ? rc : rows_read(q->rows, st, e);
}

int store_session_list(struct store *s, struct arena *a, struct str username, struct store_session **ret,
                       size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_session, session_row);
    struct session_args q = { .username = username, .rows = &rows };
    int rc = db_read(s->db, session_list, &q, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

static int session_end(struct db_conn *c, void *arg, struct err *e)
{
    struct session_args *q = arg;
    struct db_stmt *st = NULL;
    const char *what = arena_printf(q->a, "session %lld", (long long)q->id);
    int rc = db_query(c, &st, e, "SELECT " SESSION_COLUMNS SESSION_FROM "AND s.id = ?", "i", q->id);

    if (rc == 0)
        rc = read_one(q->a, st, what, session_row, &q->session, e);
    if (rc == 0)
        rc = db_run(c, NULL, e, "UPDATE sessions SET ended_unix_ms = ? WHERE id = ?", "ii",
                    q->by->now_unix_ms, q->id);
    return rc < 0 ? rc
                  : tx_audit(c, q->by,
                             &(struct audit_note){ .what = "session.end",
                                                   .object = arena_printf(q->a, "%s of user %.*s", what,
                                                                          STR_ARG(q->session.username)) },
                             e);
}

int store_session_end(struct store *s, struct arena *a, int64_t id, const struct store_by *by,
                      struct store_session *ret, struct err *e)
{
    struct session_args q = { .a = a, .id = id, .by = by };
    int rc = db_write(s->db, session_end, &q, e);

    if (rc == 0)
        *ret = q.session;
    return rc;
}

static int session_sweep(struct db_conn *c, void *arg, struct err *e)
{
    const struct session_args *q = arg;

    return db_run(c, NULL, e, "DELETE FROM sessions WHERE expires_unix_ms < ?", "i", q->at_unix_ms);
}

int store_session_sweep(struct store *s, int64_t before_unix_ms, struct err *e)
{
    struct session_args q = { .at_unix_ms = before_unix_ms };

    return db_write(s->db, session_sweep, &q, e);
}
