/* server/access.c: membership checks. What a user may not see does not exist for it: the same answer. */
#include "server/server_internal.h"

int access_entity_id(struct server *s, const struct store_user *u, int64_t entity_id, const char *what,
                     struct err *e)
{
    bool member = false;
    int rc = u->admin ? 0 : store_is_member(s->store, u->id, entity_id, &member, e);

    if (rc < 0 || u->admin || member)
        return rc;
    return err_set(e, ERR_NOT_FOUND, "%s does not exist, or you are not a member of its entity", what);
}

int access_entity(struct server *s, struct arena *a, const struct store_user *u, struct str name,
                  struct store_entity *ret, struct err *e)
{
    struct store_entity found = { 0 };
    bool member = false;
    int rc = store_entity_by_name(s->store, a, name, &found, e);

    if (rc == 0 && !u->admin)
        rc = store_is_member(s->store, u->id, found.id, &member, e);
    if (rc == -ERR_NOT_FOUND || (rc == 0 && !u->admin && !member))
        return err_set(e, ERR_NOT_FOUND, "entity '%.*s' does not exist, or %.*s is not a member of it",
                       STR_ARG(str_sub(name, 0, 100)), STR_ARG(u->username));
    if (rc == 0)
        *ret = found;
    return rc;
}

int access_project(struct server *s, struct arena *a, const struct store_user *u,
                   const struct project_ref *ref, struct store_project *ret, struct err *e)
{
    struct store_entity owner = { 0 };
    int rc = access_entity(s, a, u, ref->entity.len > 0 ? ref->entity : u->username, &owner, e);

    if (rc == 0)
        rc = store_project_by_name(s->store, a, owner.id, ref->name, ret, e);
    if (rc == -ERR_NOT_FOUND && owner.id != 0)
        return err_set(e, ERR_NOT_FOUND, "project '%.*s' does not exist in entity '%.*s'",
                       STR_ARG(str_sub(ref->name, 0, 100)), STR_ARG(owner.name));
    return rc;
}
