/* server/sign_in/admin.c: sessions and people of the provider, for `slipway admin`. */
#include "server/server_internal.h"

int server_session_list(struct server *s, struct arena *a, const char *username, struct jval **ret,
                        struct err *e)
{
    struct jval *list = jval_new_array(a);
    struct store_session *sessions = NULL;
    size_t len = 0;
    int rc =
        store_session_list(s->store, a, username ? str_of(username) : (struct str){ 0 }, &sessions, &len, e);

    for (size_t i = 0; rc == 0 && i < len; i++) {
        struct jval *o = jval_new_object(a);

        jval_set_int(a, o, "id", sessions[i].id);
        list_set_str(a, o, "user", sessions[i].username);
        list_set_str(a, o, "address", sessions[i].address);
        list_set_time(a, o, "created", sessions[i].created_unix_ms);
        list_set_time(a, o, "last_used", sessions[i].last_used_unix_ms);
        list_set_time(a, o, "expires", sessions[i].expires_unix_ms);
        jval_push(a, list, o);
    }
    if (rc == 0)
        *ret = list;
    return rc;
}

int server_session_revoke(struct server *s, struct arena *a, int64_t id, struct jval **ret, struct err *e)
{
    const struct store_by by = admin_by(s);
    struct store_session session = { 0 };
    struct jval *o = jval_new_object(a);
    int rc = store_session_end(s->store, a, id, &by, &session, e);

    if (rc < 0)
        return rc;
    jval_set_int(a, o, "id", session.id);
    list_set_str(a, o, "user", session.username);
    *ret = o;
    return 0;
}

static struct store_identity kept(const struct admin_identity *i)
{
    return (struct store_identity){ .username = str_of(i->username),
                                    .issuer = str_of(i->issuer),
                                    .subject = str_of(i->subject) };
}

int server_identity_add(struct server *s, const struct admin_identity *i, struct err *e)
{
    const struct store_identity identity = kept(i);
    const struct store_by by = admin_by(s);

    return store_identity_add(s->store, &identity, &by, e);
}

int server_identity_remove(struct server *s, const struct admin_identity *i, struct err *e)
{
    const struct store_identity identity = kept(i);
    const struct store_by by = admin_by(s);

    return store_identity_remove(s->store, &identity, &by, e);
}

int server_identity_list(struct server *s, struct arena *a, struct jval **ret, struct err *e)
{
    struct jval *list = jval_new_array(a);
    struct store_identity *people = NULL;
    size_t len = 0;
    int rc = store_identity_list(s->store, a, &people, &len, e);

    for (size_t i = 0; rc == 0 && i < len; i++) {
        struct jval *o = jval_new_object(a);

        list_set_str(a, o, "user", people[i].username);
        list_set_str(a, o, "issuer", people[i].issuer);
        list_set_str(a, o, "subject", people[i].subject);
        list_set_time(a, o, "created", people[i].created_unix_ms);
        jval_push(a, list, o);
    }
    if (rc == 0)
        *ret = list;
    return rc;
}
