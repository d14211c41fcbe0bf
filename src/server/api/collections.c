/* server/api/collections.c: collections of artifacts: edited, tagged, deleted. */
#include "base/log.h"
#include "server/api/artifacts.h"

/* A sequence or a portfolio, by the uid that one of the calls' arguments has. */
static int find_collection(struct gql_call *c, struct store_collection *ret, struct err *e)
{
    static const char *const names[] = { "input.artifactSequenceID", "input.artifactPortfolioID" };
    const struct access q = access_of(c);
    struct str uid = gql_arg_str(c, gql_arg_given(c, names[1]) ? names[1] : names[0]);
    struct store_collection found = { 0 };
    int rc = store_collection_by_uid(store_of(c), c->a, uid, &found, e);

    if (rc == 0)
        rc = access_entity_id(&q, found.entity_id, "this collection", e);
    if (rc == -ERR_NOT_FOUND)
        return err_set(e, ERR_NOT_FOUND,
                       "collection '%.*s' does not exist, or you are not a member of its entity",
                       STR_ARG(str_sub(uid, 0, 60)));
    if (rc == 0)
        *ret = found;
    return rc;
}

static struct jval *collection_payload(struct gql_call *c, const struct jval *collection)
{
    struct jval *o = jval_new_object(c->a);

    jval_set(c->a, o, "artifactCollection", collection);
    set_text(c->a, o, "clientMutationId", gql_arg_str(c, "input.clientMutationId"));
    return o;
}

/* --- update --- */

/* A name or a type; absent: it stays. */
static int name_arg(struct gql_call *c, const char *dotted, const char *what, struct str *ret, struct err *e)
{
    struct str name = gql_arg_str(c, dotted);
    int rc = name.ptr ? artifact_name_check(name, what, e) : 0;

    if (rc == 0)
        *ret = name;
    return rc;
}

/* updateArtifactSequence, updateArtifactPortfolio, moveArtifactSequence */
int resolve_update_collection(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct store_by by = by_of(c);
    struct store_collection_change g = { .description = gql_arg_str(c, "input.description") };
    struct store_collection found = { 0 };
    int rc = find_collection(c, &found, e);

    g.id = found.id;
    g.project_id = found.project_id;
    if (rc == 0)
        rc = name_arg(c, "input.name", "a collection", &g.name, e);
    if (rc == 0)
        rc = name_arg(c, "input.destinationArtifactTypeName", "an artifact type", &g.type, e);
    if (rc == 0)
        rc = store_collection_update(store_of(c), &g, &by, e);
    if (rc == 0)
        rc = store_collection_by_id(store_of(c), c->a, found.id, &found, e);
    if (rc == 0)
        *ret = collection_payload(c, collection_object(c->a, &found));
    return rc;
}

/* --- tags --- */

static int tag_collection(struct gql_call *c, struct artifact_tag_change *change, struct err *e)
{
    const struct store_by by = by_of(c);
    struct store_collection_change g = { 0 };
    struct store_collection found = { 0 };
    struct store_project project = { 0 };
    int rc = find_project_args(c, "input.entityName", "input.projectName", &project, e);

    if (rc == 0)
        rc = store_collection_by_name(store_of(c), c->a, project.id,
                                      gql_arg_str(c, "input.artifactCollectionName"), &found, e);
    change->stored = found.tags;
    if (rc == 0)
        rc = artifact_tags_changed(c->a, change, &g.tags, e);
    g.id = found.id;
    g.project_id = found.project_id;
    return rc < 0 ? rc : store_collection_update(store_of(c), &g, &by, e);
}

int resolve_tag_collection(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct artifact_tag_change change = { .add = gql_arg(c, "input.tags") };
    struct jval *o = jval_new_object(c->a), *names = jval_new_array(c->a);
    int rc = tag_collection(c, &change, e);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < jval_len(change.add); i++)
        jval_push(c->a, names, jval_get(jval_at(change.add, i), "tagName"));
    jval_set(c->a, o, "tags",
             tags_list(c->a, jval_text(c->a, names, JVAL_COMPACT), gql_arg_str(c, "input.projectName")));
    set_text(c->a, o, "clientMutationID", gql_arg_str(c, "input.clientMutationID"));
    *ret = o;
    return 0;
}

int resolve_untag_collection(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct artifact_tag_change change = { .drop = gql_arg(c, "input.tags") };
    struct jval *o = jval_new_object(c->a);
    int rc = tag_collection(c, &change, e);

    jval_set_bool(c->a, o, "success", true);
    set_text(c->a, o, "clientMutationID", gql_arg_str(c, "input.clientMutationID"));
    if (rc == 0)
        *ret = o;
    return rc;
}

/* --- delete --- */

/* Versions that others logged go with it. */
static int may_delete(struct gql_call *c, const struct store_collection *n, struct err *e)
{
    struct access q = access_of(c);
    bool of_others = false;
    int rc = store_collection_has_of_others(store_of(c), n->id, q.user->id, &of_others, e);

    q.act = "deleteArtifactSequence.of others";
    return rc < 0 || !of_others ? rc : access_entity_id(&q, n->entity_id, "this collection", e);
}

int resolve_delete_collection(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct store_by by = by_of(c);
    struct store_collection found = { 0 };
    struct jval *o;
    int rc = find_collection(c, &found, e);

    if (rc == 0)
        rc = may_delete(c, &found, e);
    if (rc == 0)
        rc = store_collection_delete(store_of(c), found.id, &by, e);
    if (rc < 0)
        return rc;
    LOG_INFO("collection.deleted", "collection=%.*s id=%.*s user=%.*s", STR_ARG(found.name),
             STR_ARG(found.uid), STR_ARG(caller_of(c)->user.username));
    o = collection_object(c->a, &found);
    jval_set_cstr(c->a, o, "state", "DELETED");
    *ret = collection_payload(c, o);
    return 0;
}
