/* server/api/artifact_changes.c: artifacts used, edited, deleted; aliases. */
#include "base/log.h"
#include "server/api/artifacts.h"

enum { LIST_MAX = 100 };

static struct jval *artifact_payload(struct gql_call *c, const struct store_artifact *t)
{
    struct jval *o = jval_new_object(c->a);

    jval_set(c->a, o, "artifact", artifact_object(c->a, t));
    set_text(c->a, o, "clientMutationId", gql_arg_str(c, "input.clientMutationId"));
    return o;
}

int resolve_use_artifact(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_use u = { .used_as = gql_arg_str(c, "input.usedAs"), .now_unix_ms = now_of(c) };
    struct store_project project = { 0 };
    struct store_run run = { 0 };
    struct store_artifact artifact = { 0 };
    int rc = find_project_args(c, "input.entityName", "input.projectName", &project, e);

    if (rc == 0)
        rc = store_run_by_name(store_of(c), c->a, project.id, gql_arg_str(c, "input.runName"), &run, e);
    if (rc == 0)
        rc = find_artifact_to(c, "read", gql_arg_str(c, "input.artifactID"), &artifact, e);
    if (rc == 0 && artifact.state == ARTIFACT_DELETED)
        return err_set(e, ERR_CONFLICT, "the artifact is deleted");
    u.run_id = run.id;
    u.artifact_id = artifact.id;
    if (rc == 0)
        rc = store_run_use(store_of(c), &u, e);
    if (rc == 0)
        *ret = artifact_payload(c, &artifact);
    return rc;
}

/* --- update --- */

static bool has_tag(const struct jval *list, const char *member, struct str name)
{
    for (size_t i = 0; i < jval_len(list); i++) {
        const struct jval *one = jval_at(list, i);

        if (str_eq(jval_str(member ? jval_get(one, member) : one), name))
            return true;
    }
    return false;
}

int artifact_tags_changed(struct arena *a, const struct artifact_tag_change *change, struct str *ret,
                          struct err *e)
{
    const struct jval *old = NULL, *add = change->add, *drop = change->drop;
    struct jval *list = jval_new_array(a);
    int rc = stored_json(a, change->stored, "tags", &old, e);

    if (rc < 0 || jval_len(add) + jval_len(drop) == 0)
        return rc;
    for (size_t i = 0; i < jval_len(old); i++)
        if (!has_tag(drop, "tagName", jval_str(jval_at(old, i))))
            jval_push(a, list, jval_at(old, i));
    for (size_t i = 0; i < jval_len(add); i++) {
        const struct jval *name = jval_get(jval_at(add, i), "tagName");

        rc = artifact_name_check(jval_str(name), "a tag", e);
        if (rc < 0)
            return rc;
        if (!has_tag(list, NULL, jval_str(name)))
            jval_push(a, list, name);
    }
    if (jval_len(list) > LIST_MAX)
        return err_set(e, ERR_LIMIT, "more than %d tags", LIST_MAX);
    *ret = jval_text(a, list, JVAL_COMPACT);
    return 0;
}

/* input.aliases is the whole list of its own collection. */
static int aliases_replace(struct gql_call *c, const struct store_artifact *t, struct err *e)
{
    const struct jval *wanted = gql_arg(c, "input.aliases");
    const struct store_alias own = { .collection_id = t->collection_id, .artifact_id = t->id };
    struct store_alias_row *old = NULL;
    struct store_alias *set, *gone;
    size_t len = 0, set_len = 0, gone_len = 0;
    int rc;

    if (!jval_is(wanted, JVAL_ARRAY))
        return 0;
    rc = store_alias_list(store_of(c), c->a, &own, &old, &len, e);
    set = arena_array(c->a, jval_len(wanted) + 1, sizeof(*set));
    gone = arena_array(c->a, len + 1, sizeof(*gone));
    for (size_t i = 0; rc == 0 && i < jval_len(wanted); i++) {
        struct str alias = jval_str(jval_get(jval_at(wanted, i), "alias"));

        if (alias_is_version(alias))
            continue;
        rc = alias_check(alias, e);
        set[set_len] = own;
        set[set_len++].alias = alias;
    }
    for (size_t i = 0; rc == 0 && i < len; i++)
        if (!alias_is_version(old[i].alias) && !has_tag(wanted, "alias", old[i].alias)) {
            gone[gone_len] = own;
            gone[gone_len++].alias = old[i].alias;
        }
    if (rc == 0 && gone_len > 0)
        rc = store_alias_remove(store_of(c), gone, gone_len, e);
    return rc < 0 || set_len == 0 ? rc : store_alias_set(store_of(c), set, set_len, e);
}

int resolve_update_artifact(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_artifact_change g = { .description = gql_arg_str(c, "input.description"),
                                       .ttl_s = gql_arg_int(c, "input.ttlDurationSeconds", -2),
                                       .now_unix_ms = now_of(c) };
    struct artifact_tag_change tags = { .add = gql_arg(c, "input.tagsToAdd"),
                                        .drop = gql_arg(c, "input.tagsToDelete") };
    struct store_artifact artifact = { 0 };
    int rc = find_artifact(c, gql_arg_str(c, "input.artifactID"), &artifact, e);

    tags.stored = artifact.tags;
    if (rc == 0)
        rc = artifact_metadata_arg(c, &g.metadata, e);
    if (rc == 0)
        rc = artifact_tags_changed(c->a, &tags, &g.tags, e);
    g.artifact_id = artifact.id;
    if (rc == 0)
        rc = aliases_replace(c, &artifact, e);
    if (rc == 0)
        rc = store_artifact_update(store_of(c), &g, e);
    if (rc == 0)
        rc = find_artifact(c, artifact.uid, &artifact, e);
    if (rc == 0)
        *ret = artifact_payload(c, &artifact);
    return rc;
}

int resolve_delete_artifact(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct store_by by = by_of(c);
    struct store_artifact artifact = { 0 };
    int rc = find_artifact(c, gql_arg_str(c, "input.artifactID"), &artifact, e);

    if (rc == 0 && artifact.user_id != caller_of(c)->user.id)
        rc = find_artifact_to(c, "deleteArtifact.of others", artifact.uid, &artifact, e);
    if (rc == 0)
        rc = store_artifact_delete(store_of(c), artifact.id, gql_arg_bool(c, "input.deleteAliases", false),
                                   &by, e);
    if (rc == 0)
        rc = find_artifact(c, artifact.uid, &artifact, e);
    if (rc < 0)
        return rc;
    LOG_INFO("artifact.deleted", "artifact=%.*s id=%.*s user=%.*s", STR_ARG(artifact.collection),
             STR_ARG(artifact.uid), STR_ARG(caller_of(c)->user.username));
    *ret = artifact_payload(c, &artifact);
    return 0;
}

/* --- aliases --- */

static int alias_arg(struct gql_call *c, const struct jval *v, struct store_alias *ret, struct err *e)
{
    const struct project_ref ref = { .entity = jval_str(jval_get(v, "entityName")),
                                     .name = jval_str(jval_get(v, "projectName")) };
    const struct access q = access_of(c);
    struct store_project project = { 0 };
    struct store_collection collection = { 0 };
    int rc = access_project(&q, &ref, &project, e);

    ret->alias = jval_str(jval_get(v, "alias"));
    if (rc == 0)
        rc = alias_check(ret->alias, e);
    if (rc == 0)
        rc = store_collection_by_name(store_of(c), c->a, project.id,
                                      jval_str(jval_get(v, "artifactCollectionName")), &collection, e);
    ret->collection_id = collection.id;
    return rc;
}

static int aliases_arg(struct gql_call *c, struct store_alias **ret, size_t *ret_len, struct err *e)
{
    const struct jval *list = gql_arg(c, "input.aliases");
    struct store_alias *aliases = arena_array(c->a, jval_len(list) + 1, sizeof(*aliases));
    struct store_artifact artifact = { 0 };
    int rc = find_artifact(c, gql_arg_str(c, "input.artifactID"), &artifact, e);

    if (rc == 0 && jval_len(list) > LIST_MAX)
        return err_set(e, ERR_LIMIT, "more than %d aliases at once", LIST_MAX);
    for (size_t i = 0; rc == 0 && i < jval_len(list); i++) {
        aliases[i].artifact_id = artifact.id;
        rc = alias_arg(c, jval_at(list, i), &aliases[i], e);
    }
    *ret = aliases;
    *ret_len = jval_len(list);
    return rc;
}

int resolve_add_aliases(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_alias *aliases = NULL;
    size_t len = 0;
    int rc = aliases_arg(c, &aliases, &len, e);

    if (rc == 0)
        rc = store_alias_set(store_of(c), aliases, len, e);
    if (rc == 0)
        *ret = success_object(c, true);
    return rc;
}

int resolve_delete_aliases(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_alias *aliases = NULL;
    size_t len = 0;
    int rc = aliases_arg(c, &aliases, &len, e);

    if (rc == 0)
        rc = store_alias_remove(store_of(c), aliases, len, e);
    if (rc == 0)
        *ret = success_object(c, true);
    return rc;
}
