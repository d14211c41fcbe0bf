/* server/api/artifact_lists.c: lists of artifact types, collections, versions, aliases, files and uses. */
#include <string.h>

#include "base/crypto.h"
#include "server/api/artifacts.h"

enum { FILE_PAGE_MAX = 10000 };

int resolve_project_types(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct connection list = connection_begin(c->a);
    struct store_artifact_type *types = NULL;
    size_t len = 0;
    int rc = store_artifact_type_list(store_of(c), c->a, parent_int(c, "$id"), &types, &len, e);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < len; i++)
        connection_add(&list, artifact_type_object(c->a, &types[i]), types[i].id);
    *ret = connection_end(&list, false);
    return 0;
}

/* Only what every client sends: nothing, and that the versions are COMMITTED, which all are that are in a
 * collection. */
static int filters_check(struct gql_call *c, struct err *e)
{
    const struct jval *filters = NULL;
    int rc = stored_json(c->a, gql_arg_str(c, "filters"), "filters", &filters, e);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < jval_len(filters); i++)
        if (!str_is(jval_key_at(filters, i), "state") || !str_is(jval_str(jval_at(filters, i)), "COMMITTED"))
            return err_set(e, ERR_INVALID, "this server does not filter artifacts by '%.*s'",
                           STR_ARG(str_sub(jval_key_at(filters, i), 0, 60)));
    return 0;
}

/* of a project ($id) or one of its types ($project, name) */
int resolve_collections(struct gql_call *c, const struct jval **ret, struct err *e)
{
    bool of_type = strcmp(c->type, "ArtifactType") == 0;
    struct store_collection_query q = { .project_id = parent_int(c, of_type ? "$project" : "$id") };
    struct connection list = connection_begin(c->a);
    struct store_collection *found = NULL;
    struct jval *o;
    int64_t total = 0;
    size_t len = 0;
    bool more;
    int rc = filters_check(c, e);

    if (of_type)
        q.type = jval_str(jval_get(c->parent, "name"));
    if (rc == 0)
        rc = page_args(c, &q.page, e);
    if (rc == 0)
        rc = store_collection_list(store_of(c), c->a, &q, &found, &len, e);
    if (rc == 0 && gql_selects(c, "totalCount"))
        rc = store_collection_count(store_of(c), &q, &total, e);
    if (rc < 0)
        return rc;
    more = page_trim(&q.page, &len);
    for (size_t i = 0; i < len; i++)
        connection_add(&list, collection_object(c->a, &found[i]), found[i].id);
    o = connection_end(&list, more);
    jval_set_int(c->a, o, "totalCount", total);
    *ret = o;
    return 0;
}

/* --- aliases --- */

int resolve_collection_aliases(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct store_alias all = { .collection_id = parent_int(c, "$id") };
    struct connection list = connection_begin(c->a);
    struct store_alias_row *found = NULL;
    size_t len = 0;
    int rc = store_alias_list(store_of(c), c->a, &all, &found, &len, e);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < len; i++)
        connection_add(&list, alias_object(c->a, &found[i]), found[i].id);
    *ret = connection_end(&list, false);
    return 0;
}

/* of an artifact, or of a membership */
int resolve_artifact_aliases(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct store_alias which = { .artifact_id = parent_int(c, "$artifact"),
                                       .collection_id = parent_int(c, "$collection") };
    struct jval *list = jval_new_array(c->a);
    struct store_alias_row *found = NULL;
    size_t len = 0;
    int rc = store_alias_list(store_of(c), c->a, &which, &found, &len, e);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < len; i++)
        jval_push(c->a, list, alias_object(c->a, &found[i]));
    *ret = list;
    return 0;
}

/* --- versions --- */

struct members {
    struct store_member *items;
    size_t len;
    int64_t total;
    bool more;
};

static int members_page(struct gql_call *c, struct store_member_query *q, struct members *ret, struct err *e)
{
    int rc = page_args(c, &q->page, e);

    if (rc == 0)
        rc = store_member_list(store_of(c), c->a, q, &ret->items, &ret->len, e);
    if (rc == 0 && gql_selects(c, "totalCount"))
        rc = store_member_count(store_of(c), q, &ret->total, e);
    if (rc == 0)
        ret->more = page_trim(&q->page, &ret->len);
    return rc;
}

int resolve_collection_artifacts(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_member_query q = { .collection_id = parent_int(c, "$id") };
    struct str order = gql_arg_str(c, "order");
    struct connection list = connection_begin(c->a);
    struct members found = { 0 };
    struct jval *o;
    int rc = filters_check(c, e);

    q.page.oldest_first = order.len > 0 && !str_has_prefix(order, STR("-"));
    if (rc == 0)
        rc = members_page(c, &q, &found, e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < found.len; i++) {
        connection_add(&list, artifact_object(c->a, &found.items[i].artifact), found.items[i].id);
        connection_set(&list, "version",
                       jval_new_cstr(c->a, arena_printf(c->a, "v%lld", (long long)found.items[i].version)));
    }
    o = connection_end(&list, found.more);
    jval_set_int(c->a, o, "totalCount", found.total);
    *ret = o;
    return 0;
}

static struct jval *artifact_of_member(struct arena *a, const struct store_member *m)
{
    return artifact_object(a, &m->artifact);
}

/* The page of @members that the call asks for, as @object makes them, of what the caller may see. */
static int connect_members(struct gql_call *c, struct store_member_query *members,
                           struct jval *(*object)(struct arena *a, const struct store_member *m),
                           const struct jval **ret, struct err *e)
{
    const struct store_user *user = &caller_of(c)->user;
    struct connection list = connection_begin(c->a);
    struct members found = { 0 };
    struct jval *o;
    int rc;

    members->seen_by = user->admin ? 0 : user->id;
    rc = members_page(c, members, &found, e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < found.len; i++)
        connection_add(&list, object(c->a, &found.items[i]), found.items[i].id);
    o = connection_end(&list, found.more);
    jval_set_int(c->a, o, "totalCount", found.total);
    *ret = o;
    return 0;
}

int resolve_artifact_members(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_member_query members = { .artifact_id = parent_int(c, "$id") };

    return connect_members(c, &members, member_object, ret, e);
}

/* inputArtifacts and outputArtifacts of a run */
int resolve_run_artifacts(struct gql_call *c, const struct jval **ret, struct err *e)
{
    int64_t run_id = parent_int(c, "$id");
    bool used = strcmp(c->field, "inputArtifacts") == 0;
    struct store_member_query members = { .used_by_run_id = used ? run_id : 0,
                                          .logged_by_run_id = used ? 0 : run_id };

    return connect_members(c, &members, artifact_of_member, ret, e);
}

/* --- files --- */

static struct jval *file_object(struct gql_call *c, int64_t artifact_id, const struct store_entry *f)
{
    struct caller *who = caller_of(c);
    struct jval *o = jval_new_object(c->a);
    struct str url =
        f->sha256.ptr ? blob_download_url(who->server, who->exchange, f->sha256, f->path) : STR("");

    set_text(c->a, o, "id", global_id(c->a, arena_printf(c->a, "ArtifactFile:%lld", (long long)f->id)));
    set_text(c->a, o, "name", f->path);
    set_text(c->a, o, "displayName", f->path);
    set_text(c->a, o, "url", url);
    set_text(c->a, o, "directUrl", url);
    jval_set_int(c->a, o, "sizeBytes", f->size_bytes);
    set_text(c->a, o, "storagePath",
             str_of(arena_printf(c->a, "artifact/%lld/%.*s", (long long)artifact_id, STR_ARG(f->path))));
    set_text(c->a, o, "digest", f->digest);
    set_text(c->a, o, "md5", f->digest);
    return o;
}

static int file_query(struct gql_call *c, struct store_entry_query *q, struct err *e)
{
    const struct jval *names = gql_arg(c, "names");
    struct str *paths;

    if (!jval_is(names, JVAL_ARRAY))
        return page_args_max(c, FILE_PAGE_MAX, &q->page, e);
    if (jval_len(names) > FILE_PAGE_MAX)
        return err_set(e, ERR_LIMIT, "more than %d names at once", FILE_PAGE_MAX);
    paths = arena_array(c->a, jval_len(names) + 1, sizeof(*paths));
    for (size_t i = 0; i < jval_len(names); i++)
        paths[q->path_count++] = jval_str(jval_at(names, i));
    q->paths = paths;
    return 0;
}

/* of an artifact, or of a membership */
int resolve_artifact_files(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct jval *artifact = jval_get(c->parent, "artifact");
    struct store_entry_query q = { .artifact_id = parent_int(c, "$artifact") };
    struct connection list = connection_begin(c->a);
    struct store_entry *found = NULL;
    struct jval *o;
    size_t len = 0;
    bool more = false;
    int rc = file_query(c, &q, e);

    if (rc == 0)
        rc = store_entry_list(store_of(c), c->a, &q, &found, &len, e);
    if (rc < 0)
        return rc;
    if (!q.paths)
        more = page_trim(&q.page, &len);
    for (size_t i = 0; i < len; i++)
        connection_add(&list, file_object(c, q.artifact_id, &found[i]), found[i].id);
    o = connection_end(&list, more);
    jval_set_int(c->a, o, "totalCount",
                 q.paths ? (int64_t)len : jval_int(jval_get(artifact ? artifact : c->parent, "fileCount")));
    *ret = o;
    return 0;
}

/* --- uses --- */

int resolve_artifact_users(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct access q = access_of(c);
    struct connection list = connection_begin(c->a);
    struct jval *o;
    int64_t *ids = NULL;
    size_t len = 0;
    int rc = store_artifact_users(store_of(c), c->a, parent_int(c, "$id"), &ids, &len, e);

    for (size_t i = 0; rc == 0 && i < len; i++) {
        struct store_run run = { 0 };

        if (store_run_by_id(store_of(c), c->a, ids[i], &run, NULL) == 0 &&
            access_entity_id(&q, run.entity_id, "this run", NULL) == 0)
            connection_add(&list, run_object(c->a, &run), run.id);
    }
    if (rc < 0)
        return rc;
    o = connection_end(&list, false);
    jval_set_int(c->a, o, "totalCount", (int64_t)jval_len(list.edges));
    *ret = o;
    return 0;
}
