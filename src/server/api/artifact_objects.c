/* server/api/artifact_objects.c: rows of artifacts as objects of the schema. */
#include "server/api/artifacts.h"

static struct str numbered_id(struct arena *a, const char *type, int64_t id)
{
    return global_id(a, arena_printf(a, "%s:%lld", type, (long long)id));
}

struct jval *artifact_type_object(struct arena *a, const struct store_artifact_type *t)
{
    struct jval *o = jval_new_object(a);

    set_text(a, o, "id", numbered_id(a, "ArtifactType", t->id));
    jval_set_int(a, o, "$project", t->project_id);
    set_text(a, o, "name", t->name);
    jval_set(a, o, "createdAt", time_value(a, t->created_unix_ms));
    return o;
}

struct jval *tags_list(struct arena *a, struct str json, struct str owner)
{
    struct jval *list = jval_new_array(a);
    const struct jval *names = NULL;

    if (stored_json(a, json, "tags", &names, NULL) < 0) /* checked when it was stored */
        return list;
    for (size_t i = 0; i < jval_len(names); i++) {
        struct str name = jval_str(jval_at(names, i));
        struct jval *o = jval_new_object(a);

        set_text(a, o, "id", global_id(a, arena_printf(a, "Tag:%.*s:%.*s", STR_ARG(owner), STR_ARG(name))));
        set_text(a, o, "name", name);
        jval_push(a, list, o);
    }
    return list;
}

struct jval *collection_object(struct arena *a, const struct store_collection *n)
{
    struct jval *o = jval_new_object(a), *tags = jval_new_object(a), *edges = jval_new_array(a);
    const struct jval *list = tags_list(a, n->tags, n->uid);

    jval_set_cstr(a, o, "__typename", n->is_portfolio ? "ArtifactPortfolio" : "ArtifactSequence");
    set_text(a, o, "id", n->uid);
    jval_set_int(a, o, "$id", n->id);
    jval_set_int(a, o, "$projectId", n->project_id);
    jval_set_int(a, o, "$entity", n->entity_id);
    set_text(a, o, "$project", n->project_name);
    set_text(a, o, "$type", n->type);
    set_text(a, o, "name", n->name);
    set_text(a, o, "description", n->description);
    jval_set_cstr(a, o, "state", "READY");
    jval_set(a, o, "createdAt", time_value(a, n->created_unix_ms));
    jval_set(a, o, "updatedAt", time_value(a, n->updated_unix_ms));
    jval_set_cstr(a, o, "digestAlgorithm", "MANIFEST_MD5");
    for (size_t i = 0; i < jval_len(list); i++) {
        struct jval *edge = jval_new_object(a);

        jval_set(a, edge, "node", jval_at(list, i));
        jval_push(a, edges, edge);
    }
    jval_set(a, tags, "edges", edges);
    jval_set(a, o, "tags", tags);
    return o;
}

struct jval *artifact_object(struct arena *a, const struct store_artifact *t)
{
    struct jval *o = jval_new_object(a);

    set_text(a, o, "id", t->uid);
    jval_set_int(a, o, "$id", t->id);
    jval_set_int(a, o, "$artifact", t->id);
    jval_set_int(a, o, "$sequence", t->collection_id);
    jval_set_int(a, o, "$projectId", t->project_id);
    set_text(a, o, "$type", t->type);
    jval_set_int(a, o, "$run", t->run_id);
    jval_set_int(a, o, "$user", t->user_id);
    set_text(a, o, "$manifest", t->manifest_sha256);
    if (t->version >= 0)
        jval_set_int(a, o, "versionIndex", t->version);
    set_text(a, o, "description", t->description);
    set_text(a, o, "metadata", t->metadata);
    jval_set_int(a, o, "ttlDurationSeconds", t->ttl_s);
    jval_set_bool(a, o, "ttlIsInherited", t->ttl_s < 0);
    jval_set(a, o, "tags", tags_list(a, t->tags, t->uid));
    if (t->has_history_step)
        jval_set_int(a, o, "historyStep", t->history_step);
    jval_set_cstr(a, o, "state", artifact_state_wire(t->state));
    jval_set_int(a, o, "size", t->size_bytes);
    set_text(a, o, "digest", t->digest);
    jval_set_cstr(a, o, "digestAlgorithm", "MANIFEST_MD5");
    jval_set_int(a, o, "fileCount", t->file_count);
    jval_set(a, o, "createdAt", time_value(a, t->created_unix_ms));
    jval_set(a, o, "updatedAt", time_value(a, t->updated_unix_ms));
    return o;
}

struct jval *member_object(struct arena *a, const struct store_member *m)
{
    struct jval *o = jval_new_object(a);

    set_text(a, o, "id", numbered_id(a, "ArtifactCollectionMembership", m->id));
    jval_set_int(a, o, "$collection", m->collection.id);
    jval_set_int(a, o, "$artifact", m->artifact.id);
    jval_set_int(a, o, "versionIndex", m->version);
    jval_set(a, o, "createdAt", time_value(a, m->created_unix_ms));
    jval_set(a, o, "artifactCollection", collection_object(a, &m->collection));
    jval_set(a, o, "artifact", artifact_object(a, &m->artifact));
    return o;
}

struct jval *alias_object(struct arena *a, const struct store_alias_row *x)
{
    struct jval *o = jval_new_object(a);

    set_text(a, o, "id", numbered_id(a, "ArtifactAlias", x->id));
    set_text(a, o, "alias", x->alias);
    jval_set(a, o, "artifactCollection", collection_object(a, &x->collection));
    return o;
}
