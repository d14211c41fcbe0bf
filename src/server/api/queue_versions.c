/* server/api/queue_versions.c: what queues were, and the way back. */
#include "base/log.h"
#include "server/api/api.h"

enum { VERSIONS_MAX = 1000 };

static int version_object(struct arena *a, const struct store_queue_version *v, struct jval **ret,
                          struct err *e)
{
    const struct {
        const char *name;
        struct str text;
    } trees[] = { { "externalLinks", v->external_links },
                  { "config", v->config },
                  { "templateVariables", v->template_variables } };
    struct jval *o = jval_new_object(a);

    jval_set_int(a, o, "version", v->version);
    jval_set(a, o, "createdAt", time_value(a, v->at_unix_ms));
    set_text(a, o, "createdBy", v->who);
    if (v->rolled_back_to > 0)
        jval_set_int(a, o, "rolledBackTo", v->rolled_back_to);
    set_text(a, o, "access", v->access);
    jval_set_cstr(a, o, "prioritizationMode", v->has_priorities ? "V0" : "DISABLED");
    set_text(a, o, "resource", v->resource);
    for (size_t i = 0; i < ARRAY_LEN(trees); i++) {
        const struct jval *tree = NULL;
        int rc = stored_json(a, trees[i].text, trees[i].name, &tree, e);

        if (rc < 0)
            return rc;
        jval_set(a, o, trees[i].name, tree ? tree : jval_new_null(a));
    }
    *ret = o;
    return 0;
}

int resolve_queue_versions(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct store_version_query q = { .queue_id = parent_int(c, "$id"),
                                           .before = gql_arg_int(c, "before", INT64_MAX),
                                           .count = gql_arg_int(c, "first", 20) };
    struct store_queue_version *versions = NULL;
    struct jval *list = jval_new_array(c->a);
    size_t len = 0;
    int rc;

    if (q.count < 1 || q.count > VERSIONS_MAX)
        return err_set(e, ERR_INVALID, "first: %lld is not from 1 to %d", (long long)q.count, VERSIONS_MAX);
    rc = store_queue_versions(store_of(c), c->a, &q, &versions, &len, e);
    for (size_t i = 0; rc == 0 && i < len; i++) {
        struct jval *o = NULL;

        rc = version_object(c->a, &versions[i], &o, e);
        if (rc == 0)
            jval_push(c->a, list, o);
    }
    if (rc == 0)
        *ret = list;
    return rc;
}

int resolve_roll_back_queue(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct store_by by = by_of(c);
    int64_t to = gql_arg_int(c, "input.version", 0), version = 0;
    struct store_queue queue = { 0 };
    struct jval *o;
    int rc = find_queue_uid(c, gql_arg_str(c, "input.queueID"), &queue, e);

    if (rc == 0)
        rc = store_queue_roll_back(store_of(c), queue.id, to, &by, &version, e);
    if (rc < 0)
        return rc;
    LOG_INFO("queue.rolled_back", "queue=%.*s name=\"%.*s\" to=%lld version=%lld by=\"%.*s\"",
             STR_ARG(queue.uid), STR_ARG(queue.name), (long long)to, (long long)version, STR_ARG(by.who));
    o = success_object(c, true);
    jval_set_int(c->a, o, "version", version);
    *ret = o;
    return 0;
}
