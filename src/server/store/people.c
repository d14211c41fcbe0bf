/* server/store/people.c: entities and users. */
#include "server/store/store_internal.h"

/* One read by any of the lookups below: what to look for, and where the answer goes. */
struct lookup {
    struct arena *a;
    struct str name;
    int64_t id;
    void *ret;
};

static int has_users(struct db_conn *c, void *arg, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, "SELECT 1 FROM users LIMIT 1", "");

    return rc < 0 ? rc : read_any(st, arg, e);
}

int store_has_users(struct store *s, bool *ret, struct err *e)
{
    return db_read(s->db, has_users, ret, e);
}

/* --- making --- */

static int tx_entity_add(struct db_conn *c, const char *name, bool is_team, int64_t now_unix_ms,
                         int64_t *ret_id, struct err *e)
{
    struct store_new_project registry = { .name = STR("model-registry"), .now_unix_ms = now_unix_ms };
    int64_t project = 0;
    int rc = db_run(c, NULL, e, "INSERT INTO entities (name, is_team, created_unix_ms) VALUES (?, ?, ?)",
                    "zii", name, (int64_t)is_team, now_unix_ms);

    if (rc == -ERR_CONFLICT)
        return err_set(e, ERR_CONFLICT, "the name '%s' is taken", name);
    if (rc < 0)
        return rc;
    *ret_id = db_last_id(c);
    /* Queues live in this project, and agents ask for it before the first queue is made. */
    registry.entity_id = *ret_id;
    return tx_project_ensure(c, &registry, &project, NULL, e);
}

/* Its entity keeps the name; what it may do is in its team. */
static int service_join(struct db_conn *c, const struct store_new_user *u, int64_t user, struct err *e)
{
    int64_t team = 0;
    int rc = tx_team_id(c, str_of(u->team), &team, e);

    if (rc == 0)
        rc = db_run(c, NULL, e, "UPDATE users SET team_id = ? WHERE id = ?", "ii", team, user);
    return rc < 0 ? rc : tx_role_set(c, user, team, u->role, e);
}

static int user_note(struct db_conn *c, const struct store_new_user *u, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct audit_note note = { .what = "user.create", .object = arena_printf(a, "user %s", u->username) };

    if (u->team)
        note.detail = arena_printf(a, "service account of team %s, %s", u->team, store_role_name(u->role));
    else if (u->admin)
        note.detail = "admin of the server";
    return tx_audit(c, &u->by, &note, e);
}

int tx_user_add(struct db_conn *c, const struct store_new_user *u, int64_t *ret_id, struct err *e)
{
    int64_t entity = 0, user, key = 0;
    int rc = tx_entity_add(c, u->username, false, u->by.now_unix_ms, &entity, e);

    if (rc < 0)
        return rc;
    rc = db_run(
        c, NULL, e,
        "INSERT INTO users (entity_id, username, email, admin, created_unix_ms) VALUES (?, ?, ?, ?, ?)",
        "izzii", entity, u->username, u->email, (int64_t)u->admin, u->by.now_unix_ms);
    if (rc < 0)
        return rc;
    user = db_last_id(c);
    rc = u->key ? tx_key_add(c, user, u->key, &key, e) : 0;
    if (rc < 0)
        return rc;
    rc = u->team ? service_join(c, u, user, e) : tx_role_set(c, user, entity, ROLE_ADMIN, e);
    *ret_id = user;
    return rc < 0 ? rc : user_note(c, u, e);
}

static int user_add(struct db_conn *c, void *arg, struct err *e)
{
    int64_t id = 0;

    return tx_user_add(c, arg, &id, e);
}

int store_user_add(struct store *s, const struct store_new_user *u, struct err *e)
{
    return db_write(s->db, user_add, (void *)u, e);
}

static int team_members(struct db_conn *c, const struct store_new_team *t, int64_t team,
                        const char *const *names, enum store_role role, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    int rc = 0;

    for (; rc == 0 && names && *names; names++) {
        int64_t user = 0;

        rc = tx_user_id(c, str_of(*names), &user, e);
        if (rc < 0)
            return err_wrap(e, "team member");
        rc = tx_role_set(c, user, team, role, e);
        if (rc == 0)
            rc = tx_audit(
                c, &t->by,
                &(struct audit_note){ .what = "team.role",
                                      .object = arena_printf(a, "user %s in team %s", *names, t->name),
                                      .detail = arena_printf(a, "none -> %s", store_role_name(role)) },
                e);
    }
    return rc;
}

static int team_add(struct db_conn *c, void *arg, struct err *e)
{
    const struct store_new_team *t = arg;
    int64_t team = 0;
    AUTO_PTR(arena) a = arena_new();
    const struct audit_note note = { .what = "team.create", .object = arena_printf(a, "team %s", t->name) };
    int rc = tx_entity_add(c, t->name, true, t->by.now_unix_ms, &team, e);

    if (rc == 0)
        rc = tx_audit(c, &t->by, &note, e);
    if (rc == 0)
        rc = team_members(c, t, team, t->viewers, ROLE_VIEWER, e);
    if (rc == 0)
        rc = team_members(c, t, team, t->members, ROLE_MEMBER, e);
    return rc < 0 ? rc : team_members(c, t, team, t->admins, ROLE_ADMIN, e);
}

int store_team_add(struct store *s, const struct store_new_team *t, struct err *e)
{
    return db_write(s->db, team_add, (void *)t, e);
}

/* --- users --- */

struct store_user user_at(struct arena *a, struct db_stmt *st, int i)
{
    bool is_service = !db_col_is_null(st, i + 6);

    return (struct store_user){ .id = db_col_i64(st, i),
                                .entity_id = db_col_i64(st, i + 1),
                                .username = col(a, st, i + 2),
                                .email = col(a, st, i + 3),
                                .admin = db_col_i64(st, i + 4) != 0,
                                .created_unix_ms = db_col_i64(st, i + 5),
                                .home = col(a, st, is_service ? i + 6 : i + 2),
                                .disabled_unix_ms = db_col_i64(st, i + 7),
                                .is_service = is_service };
}

static int user_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_user *)ret = user_at(a, st, 0);
    return 0;
}

static int user_list(struct db_conn *c, void *arg, struct err *e)
{
    struct lookup *l = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, "SELECT " USER_COLUMNS " FROM users u ORDER BY u.username", "");

    return rc < 0 ? rc : rows_read(l->ret, st, e);
}

int store_user_list(struct store *s, struct arena *a, struct store_user **ret, size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_user, user_row);
    struct lookup l = { .ret = &rows };
    int rc = db_read(s->db, user_list, &l, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

struct seen {
    struct store_user_look look;
    struct rows *rows;
};

static int user_seen(struct db_conn *c, void *arg, struct err *e)
{
    const struct seen *l = arg;
    struct db_stmt *st = NULL;
    int rc =
        db_query(c, &st, e,
                 "SELECT " USER_COLUMNS " FROM users u WHERE u.disabled_unix_ms = 0 AND (? <> 0 OR u.id = ?"
                 " OR EXISTS (SELECT 1 FROM members m JOIN members o ON o.entity_id = m.entity_id"
                 " WHERE m.user_id = u.id AND o.user_id = ?)) ORDER BY u.username LIMIT 1000",
                 "iii", (int64_t)l->look.all, l->look.user_id, l->look.user_id);

    return rc < 0 ? rc : rows_read(l->rows, st, e);
}

int store_user_seen(struct store *s, struct arena *a, struct store_user_look look, struct store_user **ret,
                    size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_user, user_row);
    struct seen l = { .look = look, .rows = &rows };
    int rc = db_read(s->db, user_seen, &l, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

/* --- changing users --- */

struct user_change {
    struct str username;
    const struct store_by *by;
    const char *what, *detail;
    bool value;
};

/* Nobody could make another admin. */
static int check_admins(struct db_conn *c, const struct user_change *u, struct err *e)
{
    struct db_stmt *st = NULL;
    bool is_left = false;
    int rc = db_query(c, &st, e, "SELECT 1 FROM users WHERE admin = 1 AND disabled_unix_ms = 0 LIMIT 1", "");

    if (rc == 0)
        rc = read_any(st, &is_left, e);
    if (rc == 0 && !is_left)
        return err_set(e, ERR_CONFLICT, "%.*s is the last admin of the server: make another one first",
                       STR_ARG(u->username));
    return rc;
}

static int user_note_change(struct db_conn *c, const struct user_change *u, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    const struct audit_note note = { .what = u->what,
                                     .object = arena_printf(a, "user %.*s", STR_ARG(u->username)),
                                     .detail = u->detail };

    return tx_audit(c, u->by, &note, e);
}

static int user_set_admin(struct db_conn *c, void *arg, struct err *e)
{
    const struct user_change *u = arg;
    int64_t user = 0;
    int rc = tx_user_id(c, u->username, &user, e);

    if (rc == 0)
        rc = db_run(c, NULL, e, "UPDATE users SET admin = ? WHERE id = ?", "ii", (int64_t)u->value, user);
    if (rc == 0 && !u->value)
        rc = check_admins(c, u, e);
    return rc < 0 ? rc : user_note_change(c, u, e);
}

int store_user_set_admin(struct store *s, struct str username, bool admin, const struct store_by *by,
                         struct err *e)
{
    struct user_change u = { .username = username,
                             .by = by,
                             .what = "user.role",
                             .detail = admin ? "user -> admin of the server" : "admin of the server -> user",
                             .value = admin };

    return db_write(s->db, user_set_admin, &u, e);
}

static int user_set_disabled(struct db_conn *c, void *arg, struct err *e)
{
    const struct user_change *u = arg;
    int64_t user = 0;
    bool was_admin = false;
    struct db_stmt *st = NULL;
    int rc = tx_user_id(c, u->username, &user, e);

    if (rc == 0)
        rc = db_query(c, &st, e, "SELECT 1 FROM users WHERE id = ? AND admin = 1", "i", user);
    if (rc == 0)
        rc = read_any(st, &was_admin, e);
    if (rc == 0)
        rc = db_run(c, NULL, e, "UPDATE users SET disabled_unix_ms = ? WHERE id = ?", "ii",
                    u->value ? u->by->now_unix_ms : 0, user);
    if (rc == 0 && u->value)
        rc = tx_sessions_end(c, user, u->by->now_unix_ms, e);
    if (rc == 0 && u->value && was_admin)
        rc = check_admins(c, u, e);
    return rc < 0 ? rc : user_note_change(c, u, e);
}

int store_user_set_disabled(struct store *s, struct str username, bool disabled, const struct store_by *by,
                            struct err *e)
{
    struct user_change u = {
        .username = username, .by = by, .what = disabled ? "user.disable" : "user.enable", .value = disabled
    };

    return db_write(s->db, user_set_disabled, &u, e);
}

/* --- one user --- */

static int user_by_id(struct db_conn *c, void *arg, struct err *e)
{
    struct lookup *l = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e, "SELECT " USER_COLUMNS " FROM users u WHERE u.id = ?", "i", l->id);

    return rc < 0 ? rc : read_one(l->a, st, "the user", user_row, l->ret, e);
}

int store_user_by_id(struct store *s, struct arena *a, int64_t user_id, struct store_user *ret, struct err *e)
{
    struct lookup l = { .a = a, .id = user_id, .ret = ret };

    return db_read(s->db, user_by_id, &l, e);
}

/* --- entities --- */

static int entity_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e)
{
    *(struct store_entity *)ret = (struct store_entity){ .id = db_col_i64(st, 0),
                                                         .name = col(a, st, 1),
                                                         .is_team = db_col_i64(st, 2) != 0 };
    return 0;
}

static int user_teams(struct db_conn *c, void *arg, struct err *e)
{
    struct lookup *l = arg;
    struct db_stmt *st = NULL;
    int rc = db_query(c, &st, e,
                      "SELECT n.id, n.name, n.is_team FROM members m JOIN entities n ON n.id = m.entity_id"
                      " WHERE m.user_id = ? AND n.is_team = 1 ORDER BY n.name",
                      "i", l->id);

    return rc < 0 ? rc : rows_read(l->ret, st, e);
}

int store_user_teams(struct store *s, struct arena *a, int64_t user_id, struct store_entity **ret,
                     size_t *ret_len, struct err *e)
{
    struct rows rows = ROWS(a, struct store_entity, entity_row);
    struct lookup l = { .a = a, .id = user_id, .ret = &rows };
    int rc = db_read(s->db, user_teams, &l, e);

    if (rc == 0)
        *ret = rows_take(&rows, ret_len);
    return rc;
}

static int entity_get(struct db_conn *c, void *arg, struct err *e)
{
    struct lookup *l = arg;
    struct db_stmt *st = NULL;
    int rc = l->name.ptr
                 ? db_query(c, &st, e, "SELECT id, name, is_team FROM entities WHERE name = ?", "s", l->name)
                 : db_query(c, &st, e, "SELECT id, name, is_team FROM entities WHERE id = ?", "i", l->id);

    return rc < 0 ? rc : read_one(l->a, st, "the entity", entity_row, l->ret, e);
}

int store_entity_by_name(struct store *s, struct arena *a, struct str name, struct store_entity *ret,
                         struct err *e)
{
    struct lookup l = { .a = a, .name = name.ptr ? name : STR(""), .ret = ret };

    return db_read(s->db, entity_get, &l, e);
}

int store_entity_by_id(struct store *s, struct arena *a, int64_t id, struct store_entity *ret, struct err *e)
{
    struct lookup l = { .a = a, .id = id, .ret = ret };

    return db_read(s->db, entity_get, &l, e);
}
