/* server/store/roles.c: roles in teams and on queues. */
#include "server/store/store_internal.h"

static const char *const role_names[] = {
    [ROLE_NONE] = "none", [ROLE_VIEWER] = "viewer", [ROLE_MEMBER] = "member", [ROLE_ADMIN] = "admin"
};

const char *store_role_name(enum store_role role)
{
    return role_names[role];
}

bool store_role_parse(struct str name, enum store_role *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(role_names); i++) {
        if (!str_is(name, role_names[i]))
            continue;
        *ret = (enum store_role)i;
        return true;
    }
    return false;
}

/* A name that is none is no role: whoever wrote it by hand gave nothing away. */
static enum store_role role_col(struct db_stmt *st, int i)
{
    enum store_role role = ROLE_NONE;

    (void)store_role_parse(db_col_str(st, i), &role);
    return role;
}

/* --- looking --- */

struct role_look {
    struct arena *a;
    struct str name;
    int64_t user_id, id;
    bool found;
    enum store_role role;
    struct store_entity_role entity;
};

static int one_role(struct db_stmt *st, struct role_look *l, struct err *e)
{
    int rc = db_step(st, &l->found, e);

    if (rc < 0 || !l->found)
        return rc;
    l->role = role_col(st, 0);
    db_finish(st);
    return 0;
}

static int role_in(struct db_conn *c, void *arg, struct err *e)
{
    struct role_look *l = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, "SELECT role FROM members WHERE user_id = ? AND entity_id = ?", "ii",
                      l->user_id, l->id);

    return rc < 0 ? rc : one_role(st, l, e);
}

int store_role_in(struct store *s, int64_t user_id, int64_t entity_id, enum store_role *ret, struct err *e)
{
    struct role_look l = { .user_id = user_id, .id = entity_id };
    int rc = db_read(s->db, role_in, &l, e);

    if (rc == 0)
        *ret = l.role;
    return rc;
}

static int queue_role(struct db_conn *c, void *arg, struct err *e)
{
    struct role_look *l = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, "SELECT role FROM queue_roles WHERE queue_id = ? AND user_id = ?", "ii",
                      l->id, l->user_id);

    return rc < 0 ? rc : one_role(st, l, e);
}

int store_queue_role(struct store *s, int64_t user_id, int64_t queue_id, bool *ret_given,
                     enum store_role *ret, struct err *e)
{
    struct role_look l = { .user_id = user_id, .id = queue_id };
    int rc = db_read(s->db, queue_role, &l, e);

    if (rc < 0)
        return rc;
    *ret_given = l.found;
    *ret = l.role;
    return 0;
}

static int entity_role_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    struct store_entity_role *r = ret;

    r->entity = (struct store_entity){ .id = db_col_i64(st, 0),
                                       .name = col(a, st, 1),
                                       .is_team = db_col_i64(st, 2) != 0 };
    r->role = role_col(st, 3);
    return 0;
}

static int entity_role(struct db_conn *c, void *arg, struct err *e)
{
    struct role_look *l = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT n.id, n.name, n.is_team, m.role FROM entities n"
                      " LEFT JOIN members m ON m.entity_id = n.id AND m.user_id = ? WHERE n.name = ?",
                      "is", l->user_id, l->name);

    return rc < 0 ? rc : read_one(l->a, st, "the entity", entity_role_row, &l->entity, e);
}

int store_entity_role(struct store *s, struct arena *a, int64_t user_id, struct str name,
                      struct store_entity_role *ret, struct err *e)
{
    struct role_look l = { .a = a, .user_id = user_id, .name = name.ptr ? name : STR("") };
    int rc = db_read(s->db, entity_role, &l, e);

    if (rc == 0)
        *ret = l.entity;
    return rc;
}

static int member_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_team_member *)ret = (struct store_team_member){ .team = col(a, st, 0),
                                                                   .username = col(a, st, 1),
                                                                   .role = role_col(st, 2) };
    return 0;
}

static int member_list(struct db_conn *c, void *arg, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT n.name, u.username, m.role FROM entities n"
                      " LEFT JOIN members m ON m.entity_id = n.id LEFT JOIN users u ON u.id = m.user_id"
                      " WHERE n.is_team = 1 ORDER BY n.name, u.username",
                      "");

    return rc < 0 ? rc : rows_read(arg, st, e);
}

int store_team_list(struct store *s, struct arena *a, struct store_team_member **ret, size_t *ret_len,
                    struct err *e)
{
    struct rows rows = ROWS(a, struct store_team_member, member_row);
    int rc = db_read(s->db, member_list, &rows, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

struct entity_look {
    int64_t entity_id;
    void *ret;
};

static int entity_member_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_entity_member *)ret =
        (struct store_entity_member){ .user = user_at(a, st, 0), .role = role_col(st, 8) };
    return 0;
}

static int entity_members(struct db_conn *c, void *arg, struct err *e)
{
    const struct entity_look *l = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT " USER_COLUMNS ", m.role FROM members m JOIN users u ON u.id = m.user_id"
                      " WHERE m.entity_id = ? ORDER BY u.username LIMIT 1000",
                      "i", l->entity_id);

    return rc < 0 ? rc : rows_read(l->ret, st, e);
}

int store_entity_members(struct store *s, struct arena *a, int64_t entity_id,
                         struct store_entity_member **ret, size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_entity_member, entity_member_row);
    struct entity_look l = { .entity_id = entity_id, .ret = &rows };
    int rc = db_read(s->db, entity_members, &l, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

static int entity_bytes(struct db_conn *c, void *arg, struct err *e)
{
    const struct entity_look *l = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT CAST(coalesce((SELECT sum(f.size_bytes) FROM run_files f"
                      " JOIN runs r ON r.id = f.run_id JOIN projects p ON p.id = r.project_id"
                      " WHERE p.entity_id = ?), 0) + coalesce((SELECT sum(a.size_bytes) FROM artifacts a"
                      " JOIN projects p ON p.id = a.project_id"
                      " WHERE p.entity_id = ? AND a.state = 'COMMITTED'), 0) AS BIGINT)",
                      "ii", l->entity_id, l->entity_id);

    return rc < 0 ? rc : read_one(NULL, st, "the sum", i64_row, l->ret, e);
}

int store_entity_bytes(struct store *s, int64_t entity_id, int64_t *ret, struct err *e)
{
    struct entity_look l = { .entity_id = entity_id, .ret = ret };

    return db_read(s->db, entity_bytes, &l, e);
}

struct member_look {
    int64_t entity_id, user_id;
    struct str username, email;
};

static int member_find(struct db_conn *c, void *arg, struct err *e)
{
    struct member_look *l = arg;
    struct db_stmt *st = NULL;
    bool row = false;
    int rc = db_query(
        c, &st, e,
        "SELECT u.id FROM members m JOIN users u ON u.id = m.user_id"
        " WHERE m.entity_id = ? AND (u.username = ? OR u.email = ?) ORDER BY u.username <> ? LIMIT 1",
        "isss", l->entity_id, l->username, l->email, l->username);

    if (rc == 0)
        rc = db_step(st, &row, e);
    if (rc < 0 || !row)
        return rc;
    l->user_id = db_col_i64(st, 0);
    db_finish(st);
    return 0;
}

int store_member_find(struct store *s, int64_t entity_id, struct str username, struct str email, int64_t *ret,
                      struct err *e)
{
    struct member_look l = { .entity_id = entity_id, .username = username, .email = email };
    int rc = db_read(s->db, member_find, &l, e);

    if (rc == 0)
        *ret = l.user_id;
    return rc;
}

/* --- giving --- */

/* The id that a statement finds for a name; the statement must not be used again. */
static int named_id(struct db_stmt *st, const char *kind, struct str name, int64_t *ret, struct err *e)
{
    bool row = false;
    int rc = db_step(st, &row, e);

    if (rc < 0)
        return rc;
    if (!row)
        return err_set(e, ERR_NOT_FOUND, "there is no %s '%.*s'", kind, STR_ARG(str_sub(name, 0, 100)));
    *ret = db_col_i64(st, 0);
    db_finish(st);
    return 0;
}

int tx_user_id(struct db_conn *c, struct str username, int64_t *ret, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, "SELECT id FROM users WHERE username = ?", "s", username);

    return rc < 0 ? rc : named_id(st, "user", username, ret, e);
}

int tx_role_set(struct db_conn *c, int64_t user_id, int64_t entity_id, enum store_role role, struct err *e)
{
    return db_run(c, NULL, e,
                  "INSERT INTO members (user_id, entity_id, role) VALUES (?, ?, ?)"
                  " ON CONFLICT (user_id, entity_id) DO UPDATE SET role = excluded.role",
                  "iiz", user_id, entity_id, store_role_name(role));
}

int tx_team_id(struct db_conn *c, struct str name, int64_t *ret, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, "SELECT id FROM entities WHERE name = ? AND is_team = 1", "s", name);

    return rc < 0 ? rc : named_id(st, "team", name, ret, e);
}

static int leave_team(struct db_conn *c, int64_t user, int64_t team, struct err *e)
{
    int rc = db_run(c, NULL, e, "DELETE FROM members WHERE user_id = ? AND entity_id = ?", "ii", user, team);

    return rc < 0 ? rc
                  : db_run(c, NULL, e,
                           "DELETE FROM queue_roles WHERE user_id = ? AND queue_id IN"
                           " (SELECT id FROM queues WHERE entity_id = ?)",
                           "ii", user, team);
}

static int role_note(struct db_conn *c, const struct store_role_change *change, const char *old,
                     struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct audit_note note = {
        .what = "team.role",
        .object = arena_printf(a, "user %.*s in team %.*s", STR_ARG(change->user), STR_ARG(change->team)),
        .detail = arena_printf(a, "%s -> %s", old, change->clear ? "default" : store_role_name(change->role))
    };

    if (change->queue.ptr) {
        note.what = "queue.role";
        note.object = arena_printf(a, "user %.*s on queue %.*s/%.*s", STR_ARG(change->user),
                                   STR_ARG(change->team), STR_ARG(change->queue));
    }
    return tx_audit(c, &change->by, &note, e);
}

static int queue_role_set(struct db_conn *c, const struct store_role_change *change, int64_t user,
                          int64_t team, struct err *e)
{
    struct role_look l = { .user_id = user, .id = team };
    struct db_stmt *st = NULL;
    int64_t queue = 0;
    int rc = role_in(c, &l, e);

    if (rc == 0 && !l.found)
        return err_set(e, ERR_NOT_FOUND, "%.*s is not a member of team '%.*s'", STR_ARG(change->user),
                       STR_ARG(change->team));
    if (rc == 0)
        rc = db_query(c, &st, e,
                      "SELECT id FROM queues WHERE entity_id = ? AND name = ? AND deleted_unix_ms IS NULL",
                      "is", team, change->queue);
    if (rc == 0)
        rc = named_id(st, "queue", change->queue, &queue, e);
    if (rc == 0) {
        l = (struct role_look){ .user_id = user, .id = queue };
        rc = queue_role(c, &l, e);
    }
    if (rc == 0)
        rc = role_note(c, change, l.found ? store_role_name(l.role) : "default", e);
    if (rc < 0)
        return rc;
    if (change->clear)
        return db_run(c, NULL, e, "DELETE FROM queue_roles WHERE queue_id = ? AND user_id = ?", "ii", queue,
                      user);
    return db_run(c, NULL, e,
                  "INSERT INTO queue_roles (queue_id, user_id, role) VALUES (?, ?, ?)"
                  " ON CONFLICT (queue_id, user_id) DO UPDATE SET role = excluded.role",
                  "iiz", queue, user, store_role_name(change->role));
}

static int check_service(struct db_conn *c, const struct store_role_change *change, int64_t user,
                         int64_t team, struct err *e)
{
    struct db_stmt *st = NULL;
    bool is_others = false;
    int rc = db_query(c, &st, e, "SELECT 1 FROM users WHERE id = ? AND team_id <> ?", "ii", user, team);

    if (rc == 0)
        rc = read_any(st, &is_others, e);
    if (rc == 0 && is_others)
        return err_set(e, ERR_INVALID, "%.*s is a service account of another team", STR_ARG(change->user));
    return rc;
}

static int role_set(struct db_conn *c, void *arg, struct err *e)
{
    const struct store_role_change *change = arg;
    struct role_look old = { 0 };
    int64_t user = 0, team = 0;
    int rc = tx_user_id(c, change->user, &user, e);

    if (rc == 0)
        rc = tx_team_id(c, change->team, &team, e);
    if (rc == 0)
        rc = check_service(c, change, user, team, e);
    if (rc < 0)
        return rc;
    if (change->queue.ptr)
        return queue_role_set(c, change, user, team, e);
    old = (struct role_look){ .user_id = user, .id = team };
    rc = role_in(c, &old, e);
    if (rc == 0)
        rc = role_note(c, change, store_role_name(old.role), e);
    if (rc < 0)
        return rc;
    return change->role == ROLE_NONE ? leave_team(c, user, team, e)
                                     : tx_role_set(c, user, team, change->role, e);
}

int store_role_set(struct store *s, const struct store_role_change *change, struct err *e)
{
    return db_write(s->db, role_set, (void *)change, e);
}
