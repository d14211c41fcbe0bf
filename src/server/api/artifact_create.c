/* server/api/artifact_create.c: an artifact comes to be; what its names and texts may look like. */
#include "server/api/artifacts.h"

enum { NAME_MAX_BYTES = 128, LIST_MAX = 100, METADATA_MAX_BYTES = 4 << 20 };

int artifact_name_check(struct str name, const char *what, struct err *e)
{
    bool fits = name.len > 0 && name.len <= NAME_MAX_BYTES && str_is_utf8(name);

    for (size_t i = 0; fits && i < name.len; i++)
        fits = (unsigned char)name.ptr[i] >= ' ' && name.ptr[i] != '/' && name.ptr[i] != ':';
    if (fits)
        return 0;
    return err_set(e, ERR_INVALID, "%s has 1 to %d bytes, and no '/', ':' or control characters", what,
                   NAME_MAX_BYTES);
}

bool alias_is_version(struct str alias)
{
    struct str rest = alias;

    return str_take(&rest, 'v') && str_take_digits(&rest).len > 0 && rest.len == 0;
}

int alias_check(struct str alias, struct err *e)
{
    if (alias_is_version(alias))
        return err_set(e, ERR_INVALID,
                       "alias '%.*s' looks like a version: versions are counted by the server",
                       STR_ARG(alias));
    return artifact_name_check(alias, "an alias", e);
}

/* --- create --- */

int artifact_aliases_arg(struct gql_call *c, struct str *ret_json, struct err *e)
{
    const struct jval *list = gql_arg(c, "input.aliases");
    struct jval *names = jval_new_array(c->a);

    if (jval_len(list) > LIST_MAX)
        return err_set(e, ERR_LIMIT, "more than %d aliases", LIST_MAX);
    for (size_t i = 0; i < jval_len(list); i++) {
        const struct jval *alias = jval_get(jval_at(list, i), "alias");
        int rc = alias_check(jval_str(alias), e);

        if (rc < 0)
            return rc;
        jval_push(c->a, names, alias);
    }
    *ret_json = jval_text(c->a, names, JVAL_COMPACT);
    return 0;
}

static int tags_arg(struct gql_call *c, struct str *ret_json, struct err *e)
{
    const struct jval *list = gql_arg(c, "input.tags");
    struct jval *names = jval_new_array(c->a);

    if (jval_len(list) > LIST_MAX)
        return err_set(e, ERR_LIMIT, "more than %d tags", LIST_MAX);
    for (size_t i = 0; i < jval_len(list); i++) {
        const struct jval *tag = jval_get(jval_at(list, i), "tagName");
        int rc = artifact_name_check(jval_str(tag), "a tag", e);

        if (rc < 0)
            return rc;
        jval_push(c->a, names, tag);
    }
    *ret_json = jval_text(c->a, names, JVAL_COMPACT);
    return 0;
}

int artifact_metadata_arg(struct gql_call *c, struct str *ret, struct err *e)
{
    const struct jval *parsed = NULL;
    struct str metadata = gql_arg_str(c, "input.metadata");

    if (metadata.len > METADATA_MAX_BYTES)
        return err_set(e, ERR_LIMIT, "metadata is longer than %d bytes", METADATA_MAX_BYTES);
    *ret = metadata;
    return stored_json(c->a, metadata, "metadata", &parsed, e);
}

static int create_names(struct gql_call *c, struct store_new_artifact *n, struct err *e)
{
    const struct jval *names = gql_arg(c, "input.artifactCollectionNames");
    int rc;

    n->type = gql_arg_str(c, "input.artifactTypeName");
    n->collection = gql_arg_str(c, "input.artifactCollectionName");
    if (n->collection.len == 0 && jval_len(names) == 1)
        n->collection = jval_str(jval_at(names, 0));
    n->digest = gql_arg_str(c, "input.digest");
    rc = artifact_name_check(n->type, "an artifact's type", e);
    if (rc == 0)
        rc = artifact_name_check(n->collection, "an artifact's name", e);
    if (rc == 0)
        rc = artifact_name_check(n->digest, "a digest", e);
    if (rc == 0 && gql_arg_str(c, "input.distributedID").len > 0)
        return err_set(e, ERR_INVALID, "this server has no artifacts that several runs build together");
    return rc;
}

static int create_where(struct gql_call *c, struct store_new_artifact *n, struct err *e)
{
    struct str run_name = gql_arg_str(c, "input.runName");
    struct store_project project = { 0 };
    struct store_run run = { 0 };
    int rc = find_project_args(c, "input.entityName", "input.projectName", &project, e);

    if (rc == 0 && run_name.len > 0)
        rc = store_run_by_name(store_of(c), c->a, project.id, run_name, &run, e);
    n->project_id = project.id;
    n->run_id = run.id;
    return rc;
}

int resolve_create_artifact(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_new_artifact n = { .client_id = gql_arg_str(c, "input.clientID"),
                                    .description = gql_arg_str(c, "input.description"),
                                    .ttl_s = gql_arg_int(c, "input.ttlDurationSeconds", -1),
                                    .history_step = gql_arg_int(c, "input.historyStep", 0),
                                    .has_history_step = gql_arg_given(c, "input.historyStep"),
                                    .dedup = gql_arg_bool(c, "input.enableDigestDeduplication", false),
                                    .user_id = caller_of(c)->user.id,
                                    .now_unix_ms = now_of(c) };
    struct store_artifact made = { 0 };
    struct jval *o = jval_new_object(c->a), *artifact;
    struct str latest = { 0 };
    int rc = create_names(c, &n, e);

    if (rc == 0)
        rc = create_where(c, &n, e);
    if (rc == 0)
        rc = artifact_aliases_arg(c, &n.aliases, e);
    if (rc == 0)
        rc = tags_arg(c, &n.tags, e);
    if (rc == 0)
        rc = artifact_metadata_arg(c, &n.metadata, e);
    if (rc == 0)
        rc = store_artifact_create(store_of(c), c->a, &n, &made, &latest, e);
    if (rc < 0)
        return rc;
    artifact = artifact_object(c->a, &made);
    set_text(c->a, artifact, "$latest", latest);
    jval_set(c->a, o, "artifact", artifact);
    set_text(c->a, o, "clientMutationId", gql_arg_str(c, "input.clientMutationId"));
    *ret = o;
    return 0;
}
