/* server/store/identities.c: people of an OpenID provider, and their sign-in. */
#include "server/store/identities.h"

#include "server/store/store_internal.h"

static int identity_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_identity *)ret = (struct store_identity){ .username = col(a, st, 0),
                                                             .issuer = col(a, st, 1),
                                                             .subject = col(a, st, 2),
                                                             .created_unix_ms = db_col_i64(st, 3) };
    return 0;
}

struct identity_args {
    const struct store_identity *identity;
    const struct store_by *by;
    struct rows *rows;
};

static int identity_note(struct db_conn *c, const struct identity_args *q, const char *what, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    const struct store_identity *i = q->identity;
    const struct audit_note note = { .what = what,
                                     .object = arena_printf(a, "user %.*s", STR_ARG(i->username)),
                                     .detail = arena_printf(a, "sub %.*s at %.*s", STR_ARG(i->subject),
                                                            STR_ARG(i->issuer)) };

    return tx_audit(c, q->by, &note, e);
}

/* --- by an admin --- */

static int tx_identity_add(struct db_conn *c, int64_t user_id, const struct identity_args *q, struct err *e)
{
    const struct store_identity *i = q->identity;
    int rc = db_run(c, NULL, e,
                    "INSERT INTO identities (user_id, issuer, subject, created_unix_ms) VALUES (?, ?, ?, ?)",
                    "issi", user_id, i->issuer, i->subject, q->by->now_unix_ms);

    if (rc == -ERR_CONFLICT)
        return err_set(e, ERR_CONFLICT, "a user is linked to sub %.*s at %.*s already", STR_ARG(i->subject),
                       STR_ARG(i->issuer));
    return rc < 0 ? rc : identity_note(c, q, "user.link", e);
}

static int is_service(struct db_conn *c, int64_t user_id, bool *ret, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, "SELECT 1 FROM users WHERE id = ? AND team_id IS NOT NULL", "i", user_id);

    return rc < 0 ? rc : read_any(st, ret, e);
}

static int identity_add(struct db_conn *c, void *arg, struct err *e)
{
    const struct identity_args *q = arg;
    int64_t user = 0;
    bool service = false;
    int rc = tx_user_id(c, q->identity->username, &user, e);

    rc = rc < 0 ? rc : is_service(c, user, &service, e);
    if (rc == 0 && service)
        return err_set(e, ERR_INVALID, "%.*s is a service account: nobody signs in as one",
                       STR_ARG(q->identity->username));
    return rc < 0 ? rc : tx_identity_add(c, user, q, e);
}

int store_identity_add(struct store *s, const struct store_identity *i, const struct store_by *by,
                       struct err *e)
{
    struct identity_args q = { .identity = i, .by = by };

    return db_write(s->db, identity_add, &q, e);
}

static int identity_remove(struct db_conn *c, void *arg, struct err *e)
{
    const struct identity_args *q = arg;
    const struct store_identity *i = q->identity;
    int64_t user = 0, changes = 0;
    int rc = tx_user_id(c, i->username, &user, e);

    if (rc == 0)
        rc = db_run(c, &changes, e, "DELETE FROM identities WHERE user_id = ? AND issuer = ? AND subject = ?",
                    "iss", user, i->issuer, i->subject);
    if (rc == 0 && changes == 0)
        return err_set(e, ERR_NOT_FOUND, "%.*s is not linked to sub %.*s at %.*s", STR_ARG(i->username),
                       STR_ARG(i->subject), STR_ARG(i->issuer));
    rc = rc < 0 ? rc : tx_sessions_end(c, user, q->by->now_unix_ms, e);
    return rc < 0 ? rc : identity_note(c, q, "user.unlink", e);
}

int store_identity_remove(struct store *s, const struct store_identity *i, const struct store_by *by,
                          struct err *e)
{
    struct identity_args q = { .identity = i, .by = by };

    return db_write(s->db, identity_remove, &q, e);
}

static int identity_list(struct db_conn *c, void *arg, struct err *e)
{
    struct identity_args *q = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT u.username, i.issuer, i.subject, i.created_unix_ms FROM identities i"
                      " JOIN users u ON u.id = i.user_id ORDER BY u.username, i.id",
                      "");

    return rc < 0 ? rc : rows_read(q->rows, st, e);
}

int store_identity_list(struct store *s, struct arena *a, struct store_identity **ret, size_t *ret_len,
                        struct err *e)
{
    struct rows rows = ROWS(a, struct store_identity, identity_row);
    struct identity_args q = { .rows = &rows };
    int rc = db_read(s->db, identity_list, &q, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

/* --- sign-in --- */

struct sign_in {
    struct arena *a;
    const struct store_sign_in *in;
    struct store_user user;
};

static int user_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_user *)ret = user_at(a, st, 0);
    return 0;
}

static int find_known(struct db_conn *c, struct sign_in *q, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT " USER_COLUMNS " FROM identities i JOIN users u ON u.id = i.user_id"
                      " WHERE i.issuer = ? AND i.subject = ?",
                      "ss", q->in->issuer, q->in->subject);

    return rc < 0 ? rc : read_one(q->a, st, "the person", user_row, &q->user, e);
}

/* Not who is somebody else at this issuer already: addresses get new owners, subjects do not. */
static int find_by_email(struct db_conn *c, struct sign_in *q, struct err *e)
{
    struct rows rows = ROWS(q->a, struct store_user, user_row);
    struct db_stmt *st = NULL;
    size_t len = 0;
    int rc;

    if (q->in->email.len == 0)
        return err_set(e, ERR_NOT_FOUND, "no address");
    rc = db_query(c, &st, e,
                  "SELECT " USER_COLUMNS " FROM users u WHERE lower(u.email) = ? AND u.team_id IS NULL"
                  " AND NOT EXISTS (SELECT 1 FROM identities i WHERE i.user_id = u.id AND i.issuer = ?)",
                  "ss", q->in->email, q->in->issuer);
    rc = rc < 0 ? rc : rows_read(&rows, st, e);
    if (rc < 0)
        return rc;
    if (rows.len > 1)
        return err_set(e, ERR_CONFLICT, "several users here have the address %.*s: an admin has to link one",
                       STR_ARG(q->in->email));
    if (rows.len == 0)
        return err_set(e, ERR_NOT_FOUND, "no such address");
    q->user = *(struct store_user *)rows_take(&rows, &len);
    return 0;
}

static int make_user(struct db_conn *c, struct sign_in *q, struct err *e)
{
    const struct store_by by = { STR("sign-in"), q->in->now_unix_ms };
    const struct store_new_user user = { .username = arena_cstr(q->a, q->in->new_name),
                                         .email = arena_cstr(q->a, q->in->email),
                                         .by = by };
    struct db_stmt *st = NULL;
    int64_t id = 0;
    int rc;

    if (q->in->new_name.len == 0)
        return err_set(e, ERR_DENIED, "you have no account here");
    rc = tx_user_add(c, &user, &id, e);
    rc = rc < 0 ? rc : db_query(c, &st, e, "SELECT " USER_COLUMNS " FROM users u WHERE u.id = ?", "i", id);
    return rc < 0 ? rc : read_one(q->a, st, "the user", user_row, &q->user, e);
}

static int find_or_make(struct db_conn *c, struct sign_in *q, struct err *e)
{
    int rc = find_by_email(c, q, e);
    struct store_identity identity = { .issuer = q->in->issuer, .subject = q->in->subject };
    const struct store_by by = { STR("sign-in"), q->in->now_unix_ms };

    if (rc == -ERR_NOT_FOUND)
        rc = make_user(c, q, e);
    if (rc < 0)
        return rc;
    identity.username = q->user.username;
    return tx_identity_add(c, q->user.id, &(struct identity_args){ .identity = &identity, .by = &by }, e);
}

static int sign_in(struct db_conn *c, void *arg, struct err *e)
{
    struct sign_in *q = arg;
    struct store_by by = { .now_unix_ms = q->in->now_unix_ms };
    struct audit_note note = { .what = "session.create" };
    int rc = find_known(c, q, e);

    if (rc == -ERR_NOT_FOUND)
        rc = find_or_make(c, q, e);
    if (rc < 0)
        return rc;
    if (q->user.disabled_unix_ms > 0)
        return err_set(e, ERR_DENIED, "the account %.*s is disabled", STR_ARG(q->user.username));
    rc = tx_session_add(c, q->user.id, &q->in->session, by.now_unix_ms, e);
    note.object = arena_printf(q->a, "user %.*s", STR_ARG(q->user.username));
    note.detail =
        arena_printf(q->a, "from %.*s by %.*s", STR_ARG(q->in->session.address), STR_ARG(q->in->issuer));
    by.who = str_of(note.object);
    return rc < 0 ? rc : tx_audit(c, &by, &note, e);
}

int store_sign_in(struct store *s, struct arena *a, const struct store_sign_in *in, struct store_user *ret,
                  struct err *e)
{
    struct sign_in q = { .a = a, .in = in };
    int rc = db_write(s->db, sign_in, &q, e);

    if (rc == 0)
        *ret = q.user;
    return rc;
}

struct refusal {
    struct str who, why;
    int64_t now_unix_ms;
};

static int refused(struct db_conn *c, void *arg, struct err *e)
{
    const struct refusal *r = arg;
    AUTO_PTR(arena) a = arena_new();
    const struct store_by by = { STR("sign-in"), r->now_unix_ms };

    return tx_audit(c, &by,
                    &(struct audit_note){ .what = "session.refuse",
                                          .object = arena_cstr(a, r->who),
                                          .detail = arena_cstr(a, r->why) },
                    e);
}

int store_sign_in_refused(struct store *s, struct str who, struct str why, int64_t now_unix_ms, struct err *e)
{
    struct refusal r = { who, why, now_unix_ms };

    return db_write(s->db, refused, &r, e);
}
