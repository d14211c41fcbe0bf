/* server/api/items.c: items, read side. */
#include "server/api/api.h"

int resolve_item(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_item item = { 0 };
    struct store_queue queue = { 0 };
    int rc = find_item(c, gql_arg_str(c, "id"), &item, &queue, e);

    if (rc == 0)
        *ret = item_object(c->a, &item);
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}

/* ",PENDING,FAILED," of the argument states; NULL: all. */
static const char *states_arg(struct gql_call *c)
{
    const struct jval *list = gql_arg(c, "states");
    AUTO_STRBUF struct strbuf text = STRBUF(4096);

    if (!jval_is(list, JVAL_ARRAY))
        return NULL;
    strbuf_addc(&text, ',');
    for (size_t i = 0; i < jval_len(list); i++) {
        strbuf_add(&text, jval_str(jval_at(list, i)));
        strbuf_addc(&text, ',');
    }
    return arena_strdup(c->a, strbuf_cstr(&text));
}

int resolve_queue_items(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_item_query q = { .queue_id = parent_int(c, "$id"),
                                  .states = states_arg(c),
                                  .stop_asked = gql_arg_bool(c, "stopAsked", false) };
    struct connection list = connection_begin(c->a);
    struct store_item *items = NULL;
    struct jval *o;
    int64_t total = 0;
    size_t len = 0;
    bool more;
    int rc = page_args(c, &q.page, e);

    if (rc == 0)
        rc = store_item_list(store_of(c), c->a, &q, &items, &len, e);
    if (rc == 0 && gql_selects(c, "totalCount"))
        rc = store_item_count(store_of(c), &q, &total, e);
    if (rc < 0)
        return rc;
    more = page_trim(&q.page, &len);
    for (size_t i = 0; i < len; i++)
        connection_add(&list, item_object(c->a, &items[i]), items[i].seq);
    o = connection_end(&list, more);
    jval_set_int(c->a, o, "totalCount", total);
    *ret = o;
    return 0;
}

int resolve_queue_item(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_item item = { 0 };
    int rc = store_item_by_uid(store_of(c), c->a, gql_arg_str(c, "id"), &item, e);

    if (rc == -ERR_NOT_FOUND || (rc == 0 && item.queue_id != parent_int(c, "$id")))
        return 0;
    if (rc == 0)
        *ret = item_object(c->a, &item);
    return rc;
}

int resolve_item_spec(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct jval *spec = NULL;
    struct jval *shown;
    int rc = stored_json(c->a, jval_str(jval_get(c->parent, "$spec")), "the item's spec", &spec, e);

    if (rc < 0)
        return rc;
    shown = jval_copy(c->a, spec);
    jval_remove(shown, "_wandb_api_key");
    *ret = shown;
    return 0;
}

int resolve_item_queue(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_queue queue = { 0 };
    int rc = store_queue_by_id(store_of(c), c->a, parent_int(c, "$queue"), &queue, e);

    if (rc == 0)
        *ret = queue_object(c->a, &queue);
    return rc;
}

int resolve_item_history(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct jval *list = jval_new_array(c->a);
    struct store_item_line *lines = NULL;
    size_t len = 0;
    int rc = store_item_history(store_of(c), c->a, parent_int(c, "$seq"), &lines, &len, e);

    for (size_t i = 0; rc == 0 && i < len; i++) {
        struct jval *o = jval_new_object(c->a);

        jval_set(c->a, o, "at", time_value(c->a, lines[i].at_unix_ms));
        set_text(c->a, o, "state", lines[i].state);
        set_text(c->a, o, "by", lines[i].who);
        set_text(c->a, o, "note", lines[i].note);
        jval_push(c->a, list, o);
    }
    if (rc == 0)
        *ret = list;
    return rc;
}

int resolve_item_warnings(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct jval *list = jval_new_array(c->a);
    struct store_item_line *lines = NULL;
    size_t len = 0;
    int rc = store_item_history(store_of(c), c->a, parent_int(c, "$seq"), &lines, &len, e);

    for (size_t i = 0; rc == 0 && i < len; i++) {
        struct jval *o = jval_new_object(c->a);
        const struct jval *files = NULL;

        if (!lines[i].stage.ptr)
            continue;
        rc = stored_json(c->a, lines[i].files, "filePaths", &files, e);
        set_text(c->a, o, "message", lines[i].note.ptr ? lines[i].note : STR(""));
        set_text(c->a, o, "stage", lines[i].stage);
        jval_set(c->a, o, "filePaths", files ? files : jval_new_array(c->a));
        jval_set(c->a, o, "at", time_value(c->a, lines[i].at_unix_ms));
        jval_push(c->a, list, o);
    }
    if (rc == 0)
        *ret = list;
    return rc;
}

int resolve_item_ahead(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct store_item item = { .queue_id = parent_int(c, "$queue"),
                                     .seq = parent_int(c, "$seq"),
                                     .priority = parent_int(c, "priority") };
    struct store_queue queue = { 0 };
    int64_t ahead = 0;
    int rc;

    if (!str_is(jval_str(jval_get(c->parent, "state")), "PENDING"))
        return 0;
    rc = store_queue_by_id(store_of(c), c->a, item.queue_id, &queue, e);
    if (rc == 0)
        rc = store_item_ahead(store_of(c), &item, queue.has_priorities, &ahead, e);
    if (rc == 0)
        *ret = jval_new_int(c->a, ahead);
    return rc;
}

int resolve_item_agent(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct str uid = jval_str(jval_get(c->parent, "$agent"));
    struct store_agent agent = { 0 };
    int rc;

    if (!uid.ptr)
        return 0;
    rc = store_agent_by_uid(store_of(c), c->a, uid, &agent, e);
    if (rc == 0)
        *ret = agent_object(c->a, &agent);
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}

int resolve_item_run(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct access q = access_of(c);
    struct str name = jval_str(jval_get(c->parent, "associatedRunId"));
    const struct project_ref ref = { .entity = jval_str(jval_get(c->parent, "$entity")),
                                     .name = jval_str(jval_get(c->parent, "$project")) };
    struct store_project project = { 0 };
    struct store_run run = { 0 };
    int rc;

    if (!name.ptr)
        return 0;
    rc = access_project(&q, &ref, &project, e);
    if (rc == 0)
        rc = store_run_by_name(store_of(c), c->a, project.id, name, &run, e);
    if (rc == 0)
        *ret = run_object(c->a, &run);
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}
