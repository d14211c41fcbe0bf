/* server/api/artifacts.c: artifacts, their collections and types, one at a time. */
#include "server/api/artifacts.h"

/* What is not there is null: clients have their own words for it. */
static int missing_is_null(int rc)
{
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}

int find_artifact_to(struct gql_call *c, const char *act, struct str uid, struct store_artifact *ret,
                     struct err *e)
{
    struct access q = access_of(c);
    struct store_artifact found = { 0 };
    int rc = store_artifact_by_uid(store_of(c), c->a, uid, &found, e);

    q.act = act;
    if (rc == 0)
        rc = access_entity_id(&q, found.entity_id, "this artifact", e);
    if (rc == -ERR_NOT_FOUND)
        return err_set(e, ERR_NOT_FOUND,
                       "artifact '%.*s' does not exist, or you are not a member of its entity",
                       STR_ARG(str_sub(uid, 0, 60)));
    if (rc == 0)
        *ret = found;
    return rc;
}

int find_artifact(struct gql_call *c, struct str uid, struct store_artifact *ret, struct err *e)
{
    return find_artifact_to(c, access_of(c).act, uid, ret, e);
}

int find_artifact_member(struct gql_call *c, int64_t project_id, struct str name, struct store_member *ret,
                         struct err *e)
{
    struct store_collection collection = { 0 };
    struct str alias = name, wanted = { 0 };
    int rc;

    if (!str_cut(&alias, ':', &wanted) || alias.len == 0)
        alias = STR("latest");
    rc = store_collection_by_name(store_of(c), c->a, project_id, wanted, &collection, e);
    return rc < 0 ? rc : store_member_by_alias(store_of(c), c->a, collection.id, alias, ret, e);
}

/* --- Query --- */

int resolve_artifact(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_artifact found = { 0 };
    int rc = find_artifact(c, gql_arg_str(c, "id"), &found, e);

    if (rc == 0)
        *ret = artifact_object(c->a, &found);
    return missing_is_null(rc);
}

int resolve_collection(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct access q = access_of(c);
    struct store_collection found = { 0 };
    int rc = store_collection_by_uid(store_of(c), c->a, gql_arg_str(c, "id"), &found, e);

    if (rc == 0)
        rc = access_entity_id(&q, found.entity_id, "this collection", e);
    if (rc == 0)
        *ret = collection_object(c->a, &found);
    return missing_is_null(rc);
}

int resolve_client_id(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct access q = access_of(c);
    struct store_artifact found = { 0 };
    struct jval *o = jval_new_object(c->a);
    int rc = store_artifact_by_client_id(store_of(c), c->a, gql_arg_str(c, "clientID"), &found, e);

    if (rc == 0)
        rc = access_entity_id(&q, found.entity_id, "this artifact", e);
    if (rc < 0)
        return missing_is_null(rc);
    set_text(c->a, o, "serverID", found.uid);
    *ret = o;
    return 0;
}

/* --- Project --- */

int resolve_project_artifact(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_member found = { 0 };
    int rc = find_artifact_member(c, parent_int(c, "$id"), gql_arg_str(c, "name"), &found, e);

    if (rc == 0)
        *ret = artifact_object(c->a, &found.artifact);
    return missing_is_null(rc);
}

int resolve_project_member(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_member found = { 0 };
    int rc = find_artifact_member(c, parent_int(c, "$id"), gql_arg_str(c, "name"), &found, e);

    if (rc == 0)
        *ret = member_object(c->a, &found);
    return missing_is_null(rc);
}

int resolve_project_collection(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_collection found = { 0 };
    int rc =
        store_collection_by_name(store_of(c), c->a, parent_int(c, "$id"), gql_arg_str(c, "name"), &found, e);

    if (rc == 0)
        *ret = collection_object(c->a, &found);
    return missing_is_null(rc);
}

int resolve_project_type(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_artifact_type found = { 0 };
    int rc = store_artifact_type_by_name(store_of(c), c->a, parent_int(c, "$id"), gql_arg_str(c, "name"),
                                         &found, e);

    if (rc == 0)
        *ret = artifact_type_object(c->a, &found);
    return missing_is_null(rc);
}

/* --- ArtifactType --- */

/* of an artifact or a collection */
int resolve_type_of(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_artifact_type found = { 0 };
    int rc = store_artifact_type_by_name(store_of(c), c->a, parent_int(c, "$projectId"),
                                         jval_str(jval_get(c->parent, "$type")), &found, e);

    if (rc == 0)
        *ret = artifact_type_object(c->a, &found);
    return rc;
}

int resolve_type_artifact(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_member found = { 0 };
    int rc = find_artifact_member(c, parent_int(c, "$project"), gql_arg_str(c, "name"), &found, e);

    if (rc == 0 && str_eq(found.collection.type, jval_str(jval_get(c->parent, "name"))))
        *ret = artifact_object(c->a, &found.artifact);
    return missing_is_null(rc);
}

int resolve_type_collection(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_collection found = { 0 };
    int rc = store_collection_by_name(store_of(c), c->a, parent_int(c, "$project"), gql_arg_str(c, "name"),
                                      &found, e);

    if (rc == 0 && str_eq(found.type, jval_str(jval_get(c->parent, "name"))))
        *ret = collection_object(c->a, &found);
    return missing_is_null(rc);
}

/* --- collections --- */

int resolve_collection_member(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_member found = { 0 };
    int rc = store_member_by_alias(store_of(c), c->a, parent_int(c, "$id"), gql_arg_str(c, "aliasName"),
                                   &found, e);

    if (rc == 0)
        *ret = member_object(c->a, &found);
    return missing_is_null(rc);
}

int resolve_collection_latest(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct store_member_query newest = { .collection_id = parent_int(c, "$id"),
                                               .page = { .first = 1 } };
    const struct jval *before = jval_get(c->parent, "$latest");
    struct store_member *list = NULL;
    struct store_artifact found = { 0 };
    size_t len = 0;
    int rc;

    if (before) { /* createArtifact speaks of the time before it */
        rc = jval_is(before, JVAL_STR) ? find_artifact(c, jval_str(before), &found, e) : -ERR_NOT_FOUND;
        if (rc == 0)
            *ret = artifact_object(c->a, &found);
        return missing_is_null(rc);
    }
    rc = store_member_list(store_of(c), c->a, &newest, &list, &len, e);
    if (rc == 0 && len > 0)
        *ret = artifact_object(c->a, &list[0].artifact);
    return rc;
}

/* --- Artifact --- */

int resolve_artifact_sequence(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct jval *latest = jval_get(c->parent, "$latest");
    struct store_collection found = { 0 };
    struct jval *o;
    int rc = store_collection_by_id(store_of(c), c->a, parent_int(c, "$sequence"), &found, e);

    if (rc < 0)
        return rc;
    o = collection_object(c->a, &found);
    if (latest)
        jval_set(c->a, o, "$latest", latest);
    *ret = o;
    return 0;
}

int resolve_artifact_manifest(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct str sha256 = jval_str(jval_get(c->parent, "$manifest"));
    struct caller *who = caller_of(c);
    struct jval *o = jval_new_object(c->a), *file = jval_new_object(c->a);
    const char *id = arena_printf(c->a, "ArtifactManifest:of:%lld", (long long)parent_int(c, "$id"));

    if (!sha256.ptr)
        return 0;
    set_text(c->a, file, "id", global_id(c->a, id));
    jval_set_cstr(c->a, file, "name", "wandb_manifest.json");
    set_text(c->a, file, "directUrl",
             blob_download_url(who->server, who->exchange, sha256, STR("wandb_manifest.json")));
    jval_set_int(c->a, file, "sizeBytes", 0);
    set_text(c->a, o, "id", global_id(c->a, id));
    jval_set(c->a, o, "file", file);
    *ret = o;
    return 0;
}

int resolve_artifact_creator(struct gql_call *c, const struct jval **ret, struct err *e)
{
    int64_t run_id = parent_int(c, "$run");
    struct store_run run = { 0 };
    struct store_user user = { 0 };
    struct jval *o;
    int rc;

    if (run_id) {
        rc = store_run_by_id(store_of(c), c->a, run_id, &run, e);
        o = rc == 0 ? run_object(c->a, &run) : NULL;
    } else {
        rc = store_user_by_id(store_of(c), c->a, parent_int(c, "$user"), &user, e);
        o = rc == 0 ? user_object(c->a, &user) : NULL;
    }
    if (rc < 0)
        return missing_is_null(rc);
    jval_set_cstr(c->a, o, "__typename", run_id ? "Run" : "User");
    *ret = o;
    return 0;
}
