/* server/api/runs.c: runs, read side. */
#include <string.h>

#include "server/api/sweeps.h"

enum { CONSOLE_MAX = 10000 };

static int64_t id_of_run(const struct gql_call *c)
{
    return parent_int(c, "$id");
}

int resolve_project_run(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_run run = { 0 };
    int rc = store_run_by_name(store_of(c), c->a, parent_int(c, "$id"), gql_arg_str(c, "name"), &run, e);

    if (rc == 0)
        *ret = run_object(c->a, &run);
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}

int resolve_run_project(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_project project = { 0 };
    int rc = store_project_by_name(store_of(c), c->a, parent_int(c, "$entity"),
                                   jval_str(jval_get(c->parent, "$project")), &project, e);

    if (rc == 0)
        *ret = project_object(c->a, &project);
    return rc;
}

int resolve_run_config_part(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct jval *config = NULL, *wandb, *keys = gql_arg(c, "keys");
    struct jval *part = jval_new_object(c->a);
    int rc = stored_json(c->a, jval_str(jval_get(c->parent, "config")), "the run's config", &config, e);

    if (rc < 0)
        return rc;
    wandb = jval_path(config, "_wandb.value");
    for (size_t i = 0; i < jval_len(keys); i++) {
        struct str key = jval_str(jval_at(keys, i));
        const struct jval *value = jval_get_str(wandb, key);

        if (value)
            jval_set_str(c->a, part, key, value);
    }
    *ret = jval_new_str(c->a, jval_text(c->a, part, JVAL_COMPACT));
    return 0;
}

struct jval *text_list(struct arena *a, const struct str *lines, size_t len)
{
    struct jval *list = jval_new_array(a);

    for (size_t i = 0; i < len; i++)
        jval_push(a, list, jval_new_str(a, lines[i]));
    return list;
}

/* historyTail and eventsTail */
int resolve_run_tail(struct gql_call *c, const struct jval **ret, struct err *e)
{
    bool is_events = strcmp(c->field, "eventsTail") == 0;
    int64_t count = parent_int(c, is_events ? "eventsLineCount" : "historyLineCount");
    const struct store_line_query last = { .run_id = id_of_run(c),
                                           .stream = is_events ? RUN_EVENTS : RUN_HISTORY,
                                           .from = count > 0 ? count - 1 : 0,
                                           .count = 1 };
    struct str *lines = NULL;
    size_t len = 0;
    int rc = store_run_lines(store_of(c), c->a, &last, &lines, &len, e);

    if (rc == 0)
        *ret = jval_new_str(c->a, jval_text(c->a, text_list(c->a, lines, len), JVAL_COMPACT));
    return rc;
}

int resolve_run_console(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct store_line_query part = { .run_id = id_of_run(c),
                                           .stream = RUN_OUTPUT,
                                           .from = gql_arg_int(c, "offset", 0),
                                           .count = gql_arg_int(c, "limit", 1000) };
    struct str *lines = NULL;
    size_t len = 0;
    int rc;

    if (part.count < 1 || part.count > CONSOLE_MAX || part.from < 0)
        return err_set(e, ERR_INVALID, "offset starts at 0, limit is 1 to %d", CONSOLE_MAX);
    rc = store_run_lines(store_of(c), c->a, &part, &lines, &len, e);
    if (rc == 0)
        *ret = text_list(c->a, lines, len);
    return rc;
}

int resolve_run_files(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct jval *list = jval_new_array(c->a);
    struct store_file *files = NULL;
    size_t len = 0;
    int rc = store_file_list(store_of(c), c->a, id_of_run(c), &files, &len, e);

    for (size_t i = 0; rc == 0 && i < len; i++) {
        struct jval *o = jval_new_object(c->a);

        set_text(c->a, o, "name", files[i].name);
        jval_set_int(c->a, o, "sizeBytes", files[i].size_bytes);
        jval_set(c->a, o, "updatedAt", time_value(c->a, files[i].updated_unix_ms));
        jval_push(c->a, list, o);
    }
    if (rc == 0)
        *ret = list;
    return rc;
}

int resolve_run_item(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct str uid = jval_str(jval_get(c->parent, "$item"));
    struct store_item item = { 0 };
    struct store_queue queue = { 0 };
    int rc;

    if (!uid.ptr)
        return 0;
    rc = find_item(c, uid, &item, &queue, e);
    if (rc == 0)
        *ret = item_object(c->a, &item);
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}
