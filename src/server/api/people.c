/* server/api/people.c: users and teams as W&B's clients ask for them. Who changes them is `slipway admin`. */
#include "server/api/api.h"

/* ASCII case is not told apart. */
static bool contains(struct str text, struct str part)
{
    for (size_t i = 0; i + part.len <= text.len; i++)
        if (str_eq_nocase(str_sub(text, i, i + part.len), part))
            return true;
    return false;
}

/* By a part of the name or address; an exact name comes first, for clients that take the first. */
int resolve_users(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct store_user *me = &caller_of(c)->user;
    struct str part = gql_arg_str(c, "query");
    struct connection list = connection_begin(c->a);
    struct store_user *users = NULL;
    size_t len = 0;
    int rc =
        store_user_seen(store_of(c), c->a, (struct store_user_look){ me->id, me->admin }, &users, &len, e);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < len; i++)
        if (str_eq(users[i].username, part))
            connection_add(&list, user_object(c->a, &users[i]), users[i].id);
    for (size_t i = 0; i < len; i++)
        if (!str_eq(users[i].username, part) &&
            (contains(users[i].username, part) || contains(users[i].email, part)))
            connection_add(&list, user_object(c->a, &users[i]), users[i].id);
    *ret = connection_end(&list, false);
    return 0;
}

static struct jval *member_of_entity(struct arena *a, const struct store_entity_member *m)
{
    struct jval *o = user_object(a, &m->user);

    jval_set_bool(a, o, "admin", m->role == ROLE_ADMIN);
    jval_set_bool(a, o, "pending", false);
    jval_set_cstr(a, o, "accountType", m->user.is_service ? "SERVICE" : "USER");
    jval_set_cstr(a, o, "role", store_role_name(m->role));
    return o;
}

int resolve_entity_members(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct jval *list = jval_new_array(c->a);
    struct store_entity_member *members = NULL;
    size_t len = 0;
    int rc = store_entity_members(store_of(c), c->a, parent_int(c, "$id"), &members, &len, e);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < len; i++)
        jval_push(c->a, list, member_of_entity(c->a, &members[i]));
    *ret = list;
    return 0;
}

int resolve_entity_bytes(struct gql_call *c, const struct jval **ret, struct err *e)
{
    int64_t bytes = 0;
    int rc = store_entity_bytes(store_of(c), parent_int(c, "$id"), &bytes, e);

    if (rc == 0)
        *ret = jval_new_int(c->a, bytes);
    return rc;
}

/* Reports, automations, and integrations with other services: there are none here. */
int resolve_none(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct connection none = connection_begin(c->a);

    *ret = connection_end(&none, false);
    return 0;
}
