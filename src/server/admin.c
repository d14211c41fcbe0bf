/* server/admin.c: users, teams, roles and keys, for `slipway admin`. */
#include "base/timefmt.h"
#include "server/run_spec.h"
#include "server/server_internal.h"

int server_first_admin(struct server *s, struct secret **ret_key, struct err *e)
{
    const struct admin_user_options admin = { .username = "admin", .admin = true };
    bool has_users = false;
    int rc = store_has_users(s->store, &has_users, e);

    if (rc < 0)
        return rc;
    if (!has_users)
        return server_user_create(s, &admin, ret_key, e);
    *ret_key = NULL;
    return 0;
}

struct store_by admin_by(const struct server *s)
{
    return (struct store_by){ str_of(s->acts_as), io_now_unix_ms(s->io) };
}

struct made_key {
    struct secret *key;
    struct store_new_key kept;
};

/* @o's key, or a new one: the key itself, and what is kept of it. */
static int make_key(struct server *s, struct arena *a, const struct admin_key_options *o,
                    const struct store_by *by, struct made_key *ret, struct err *e)
{
    AUTO_PTR(secret) key = o->api_key ? secret_dup(o->api_key) : keys_draw(s->keys);
    struct store_new_key kept = { 0 };
    int rc = keys_check(key, e);

    if (rc == 0)
        rc = keys_keep(s->keys, a, key, o->api_key != NULL, &kept, e);
    if (rc < 0)
        return rc;
    kept.name = str_of(o->name);
    kept.by = *by;
    kept.expires_unix_ms = o->lasts_ms > 0 ? by->now_unix_ms + o->lasts_ms : 0;
    *ret = (struct made_key){ .key = TAKE(key), .kept = kept };
    return 0;
}

int server_user_create(struct server *s, const struct admin_user_options *o, struct secret **ret_key,
                       struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    const struct admin_key_options first = { .name = o->key_name ? o->key_name : "first key",
                                             .api_key = o->api_key,
                                             .lasts_ms = o->key_lasts_ms };
    struct made_key made = { 0 };
    struct store_new_user user = { .username = o->username,
                                   .email = o->email,
                                   .admin = o->admin,
                                   .team = o->team,
                                   .key = &made.kept,
                                   .by = admin_by(s) };
    int rc = entity_name_check(str_of(o->username), e);

    if (rc == 0 && o->team && (!store_role_parse(str_of(o->role), &user.role) || user.role == ROLE_NONE))
        rc = err_set(e, ERR_INVALID, "there is no role '%s': it is admin, member or viewer", o->role);
    if (rc == 0)
        rc = make_key(s, a, &first, &user.by, &made, e);
    if (rc < 0)
        return rc;
    rc = store_user_add(s->store, &user, e);
    if (rc < 0) {
        secret_free(made.key);
        return err_wrap(e, "user '%s'", o->username);
    }
    *ret_key = made.key;
    return 0;
}

int server_user_set_admin(struct server *s, const char *username, bool admin, struct err *e)
{
    const struct store_by by = admin_by(s);

    return store_user_set_admin(s->store, str_of(username), admin, &by, e);
}

int server_user_set_disabled(struct server *s, const char *username, bool disabled, struct err *e)
{
    const struct store_by by = admin_by(s);

    return store_user_set_disabled(s->store, str_of(username), disabled, &by, e);
}

int server_team_create(struct server *s, const struct admin_team_options *o, struct err *e)
{
    const struct store_new_team team = {
        .name = o->name, .admins = o->admins, .members = o->members, .viewers = o->viewers, .by = admin_by(s)
    };
    int rc = entity_name_check(str_of(o->name), e);

    if (rc == 0)
        rc = store_team_add(s->store, &team, e);
    return rc < 0 ? err_wrap(e, "team '%s'", o->name) : 0;
}

int server_role_set(struct server *s, const struct admin_role_options *o, struct err *e)
{
    struct store_role_change change = { .user = str_of(o->user), .team = str_of(o->team), .by = admin_by(s) };

    if (o->queue)
        change.queue = str_of(o->queue);
    change.clear = o->queue && str_is(str_of(o->role), "default");
    if (!change.clear && !store_role_parse(str_of(o->role), &change.role))
        return err_set(e, ERR_INVALID, "there is no role '%s': it is admin, member, viewer or none%s",
                       o->role, o->queue ? ", or default for the one in the team" : "");
    return store_role_set(s->store, &change, e);
}

/* --- keys --- */

int server_key_create(struct server *s, const struct admin_key_options *o, struct secret **ret_key,
                      int64_t *ret_id, struct err *e)
{
    const struct store_by by = admin_by(s);

    return server_key_create_by(s, o, &by, ret_key, ret_id, e);
}

int server_key_create_by(struct server *s, const struct admin_key_options *o, const struct store_by *by,
                         struct secret **ret_key, int64_t *ret_id, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct made_key made = { 0 };
    int rc = make_key(s, a, o, by, &made, e);

    if (rc == 0)
        rc = store_key_add(s->store, str_of(o->username), &made.kept, ret_id, e);
    if (rc == 0)
        *ret_key = made.key;
    else
        secret_free(made.key);
    return rc;
}

void list_set_str(struct arena *a, struct jval *o, const char *name, struct str value)
{
    jval_set(a, o, name, value.ptr ? jval_new_str(a, value) : jval_new_null(a));
}

void list_set_time(struct arena *a, struct jval *o, const char *name, int64_t unix_ms)
{
    char text[RFC3339_SIZE];

    jval_set(a, o, name, unix_ms > 0 ? jval_new_cstr(a, rfc3339_format(unix_ms, text)) : jval_new_null(a));
}

static struct jval *key_names(struct arena *a, const struct store_key *k)
{
    struct jval *o = jval_new_object(a);

    jval_set_int(a, o, "id", k->id);
    list_set_str(a, o, "user", k->username);
    list_set_str(a, o, "name", k->name);
    list_set_str(a, o, "prefix", k->prefix);
    return o;
}

int server_key_revoke(struct server *s, struct arena *a, int64_t id, struct jval **ret, struct err *e)
{
    struct store_key key = { 0 };
    const struct store_by by = admin_by(s);
    int rc = store_key_revoke(s->store, a, id, &by, &key, e);

    if (rc == 0)
        *ret = key_names(a, &key);
    return rc;
}

static const char *key_state(const struct store_key *k, int64_t now_unix_ms)
{
    if (k->revoked_unix_ms > 0)
        return "revoked";
    return k->expires_unix_ms > 0 && k->expires_unix_ms <= now_unix_ms ? "expired" : "good";
}

int server_key_list(struct server *s, struct arena *a, const char *username, struct jval **ret, struct err *e)
{
    struct jval *list = jval_new_array(a);
    struct store_key *keys = NULL;
    size_t len = 0;
    int rc = store_key_list(s->store, a, username ? str_of(username) : (struct str){ 0 }, &keys, &len, e);

    for (size_t i = 0; rc == 0 && i < len; i++) {
        struct jval *o = key_names(a, &keys[i]);

        list_set_time(a, o, "created", keys[i].created_unix_ms);
        list_set_time(a, o, "last_used", keys[i].last_used_unix_ms);
        list_set_time(a, o, "expires", keys[i].expires_unix_ms);
        list_set_time(a, o, "revoked", keys[i].revoked_unix_ms);
        jval_set_cstr(a, o, "state", key_state(&keys[i], io_now_unix_ms(s->io)));
        jval_push(a, list, o);
    }
    if (rc == 0)
        *ret = list;
    return rc;
}

/* --- lists --- */

int server_user_list(struct server *s, struct arena *a, struct jval **ret, struct err *e)
{
    struct jval *list = jval_new_array(a);
    struct store_user *users = NULL;
    size_t len = 0;
    int rc = store_user_list(s->store, a, &users, &len, e);

    for (size_t i = 0; rc == 0 && i < len; i++) {
        struct jval *o = jval_new_object(a);

        list_set_str(a, o, "username", users[i].username);
        list_set_str(a, o, "email", users[i].email);
        jval_set_bool(a, o, "admin", users[i].admin);
        list_set_str(a, o, "team", users[i].is_service ? users[i].home : (struct str){ 0 });
        list_set_time(a, o, "created", users[i].created_unix_ms);
        list_set_time(a, o, "disabled", users[i].disabled_unix_ms);
        jval_push(a, list, o);
    }
    if (rc == 0)
        *ret = list;
    return rc;
}

int server_team_list(struct server *s, struct arena *a, struct jval **ret, struct err *e)
{
    struct jval *list = jval_new_array(a), *people = NULL;
    struct store_team_member *rows = NULL;
    size_t len = 0;
    int rc = store_team_list(s->store, a, &rows, &len, e);

    for (size_t i = 0; rc == 0 && i < len; i++) {
        struct jval *o = jval_new_object(a);

        if (i == 0 || !str_eq(rows[i].team, rows[i - 1].team)) {
            people = jval_new_array(a);
            list_set_str(a, o, "team", rows[i].team);
            jval_set(a, o, "members", people);
            jval_push(a, list, o);
            o = jval_new_object(a);
        }
        if (!rows[i].username.ptr)
            continue;
        list_set_str(a, o, "username", rows[i].username);
        jval_set_cstr(a, o, "role", store_role_name(rows[i].role));
        jval_push(a, people, o);
    }
    if (rc == 0)
        *ret = list;
    return rc;
}

/* --- how long is kept --- */

int server_keep_set(struct server *s, const struct admin_keep_options *o, struct err *e)
{
    const struct store_policy policy = { .entity = str_of(o->entity),
                                         .project = str_of(o->project),
                                         .keep = o->keep };
    const struct store_by by = admin_by(s);
    int rc = store_policy_change(s->store, &policy, &by, e);

    return rc < 0 ? err_wrap(e, "%s%s%s", o->entity, o->project ? "/" : "", o->project ? o->project : "") : 0;
}

static void set_keep(struct arena *a, struct jval *o, const char *name, int64_t ms)
{
    char text[32];

    jval_set(a, o, name, ms == KEEP_UNSAID ? jval_new_null(a) : jval_new_cstr(a, keep_text(ms, text)));
}

int server_keep_list(struct server *s, struct arena *a, const struct admin_keep_options *o, struct jval **ret,
                     struct err *e)
{
    const struct store_policy of = { .entity = str_of(o->entity), .project = str_of(o->project) };
    struct jval *list = jval_new_array(a);
    struct store_policy *rows = NULL;
    size_t len = 0;
    int rc = store_policy_list(s->store, a, &of, &rows, &len, e);

    for (size_t i = 0; rc == 0 && i < len; i++) {
        struct jval *v = jval_new_object(a);

        list_set_str(a, v, "entity", rows[i].entity);
        list_set_str(a, v, "project", rows[i].project);
        set_keep(a, v, "history", rows[i].keep.history_ms);
        set_keep(a, v, "files", rows[i].keep.files_ms);
        set_keep(a, v, "artifacts", rows[i].keep.artifacts_ms);
        jval_push(a, list, v);
    }
    if (rc == 0)
        *ret = list;
    return rc;
}

/* --- the audit log --- */

int server_audit_list(struct server *s, struct arena *a, int64_t from, int64_t count, struct jval **ret,
                      struct err *e)
{
    struct jval *list = jval_new_array(a);
    struct store_audit_row *rows = NULL;
    size_t len = 0;
    int rc = store_audit_list(s->store, a, (struct store_audit_query){ from, count }, &rows, &len, e);

    for (size_t i = 0; rc == 0 && i < len; i++) {
        struct jval *o = jval_new_object(a);

        jval_set_int(a, o, "seq", rows[i].seq);
        list_set_time(a, o, "at", rows[i].at_unix_ms);
        list_set_str(a, o, "who", rows[i].who);
        list_set_str(a, o, "what", rows[i].what);
        list_set_str(a, o, "object", rows[i].object);
        list_set_str(a, o, "detail", rows[i].detail);
        list_set_str(a, o, "before", rows[i].before);
        list_set_str(a, o, "after", rows[i].after);
        list_set_str(a, o, "hash", rows[i].hash);
        jval_push(a, list, o);
    }
    if (rc == 0)
        *ret = list;
    return rc;
}

int server_audit_verify(struct server *s, struct arena *a, struct str known, struct jval **ret, struct err *e)
{
    struct store_audit_check check = { 0 };
    struct str seq = { 0 };
    struct jval *o = jval_new_object(a);
    int rc;

    check.known_hash = known;
    if (known.len > 0 && (!str_cut(&check.known_hash, ':', &seq) || !str_to_i64(seq, &check.known_seq) ||
                          check.known_seq < 1 || check.known_hash.len != 64))
        return err_set(e, ERR_USAGE, "'%.*s' is no head of an audit log, which is SEQ:HASH", STR_ARG(known));
    rc = store_audit_check(s->store, a, &check, e);
    if (rc < 0)
        return rc;
    jval_set_int(a, o, "rows", check.rows);
    jval_set(a, o, "broken", check.broken ? jval_new_int(a, check.broken_seq) : jval_new_null(a));
    jval_set_cstr(a, o, "why", check.broken);
    jval_set_cstr(a, o, "head", arena_printf(a, "%lld:%.*s", (long long)check.rows, STR_ARG(check.head)));
    *ret = o;
    return 0;
}
