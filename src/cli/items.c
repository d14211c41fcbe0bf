/* cli/items.c: `slipway items`, `slipway items show`, `slipway stop`. */
#include <stdio.h>

#include "cli/documents.h"
#include "cli/item.h"
#include "cli/text.h"
#include "cli/verbs.h"

enum { DEFAULT_FIRST = 50, MAX_FIRST = 1000 };

static int list(struct session *s, const struct args *a, struct err *e)
{
    struct jval *variables = jval_new_object(s->a);
    const char *entity = NULL;
    const struct jval *data = NULL;
    const struct jval *queue = NULL;
    const struct jval *edges = NULL;

    if (session_entity(s, &entity, e))
        return -e->code;
    jval_set_cstr(s->a, variables, "entity", entity);
    jval_set_cstr(s->a, variables, "project", QUEUE_PROJECT);
    jval_set_cstr(s->a, variables, "queue", args_operand(a, 0));
    jval_set_int(s->a, variables, "first", args_int(a, "limit", DEFAULT_FIRST));
    if (session_call(s, document_items, variables, &data, e))
        return -e->code;
    queue = jval_path(data, "project.runQueue");
    if (jval_is(queue, JVAL_NULL))
        return err_set(e, ERR_NOT_FOUND, "no queue \"%s\" in %s; 'slipway queue list' shows what there is",
                       args_operand(a, 0), entity);
    edges = jval_path(queue, "runQueueItems.edges");
    if (args_json(a)) {
        print_json(jval_get(queue, "runQueueItems"));
        return 0;
    }
    for (size_t i = 0; i < jval_len(edges); i++) {
        const struct jval *node = jval_get(jval_at(edges, i), "node");

        struct str reason = text_first_line(s->a, jval_str(jval_path(node, "error.message")));

        printf("%-24.*s %-9.*s %-10.*s %.*s%s%.*s\n", STR_ARG(jval_str(jval_get(node, "id"))),
               STR_ARG(jval_str(jval_get(node, "state"))),
               STR_ARG(jval_str(jval_get(node, "associatedRunId"))),
               STR_ARG(jval_str(jval_get(node, "createdAt"))), reason.len ? " " : "", STR_ARG(reason));
    }
    return 0;
}

static int items_run(struct io *io, const struct args *a, struct err *e)
{
    struct session s = { 0 };
    int rc = session_open(&s, io, a, e);

    if (rc == 0)
        rc = list(&s, a, e);
    session_close(&s);
    return rc;
}

static const struct option_row items_rows[] = {
    { "limit", 'n', OPTION_INT, "N", "how many, newest first (default 50)", 1, MAX_FIRST },
    OPTION_ENTITY,
    OPTION_URL,
    OPTION_OUTPUT,
    OPTION_END,
};

const struct verb verb_items = {
    .name = "items",
    .operands = "QUEUE",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "list the items of a queue",
    .examples = "  slipway items gpu\n  slipway items gpu --limit 5 -o json",
    .rows = items_rows,
    .run = items_run,
};

static int show_run(struct io *io, const struct args *a, struct err *e)
{
    struct session s = { 0 };
    const struct jval *item = NULL;
    int rc = session_open(&s, io, a, e);

    if (rc == 0)
        rc = item_fetch(&s, args_operand(a, 0), &item, e);
    if (rc == 0 && args_json(a))
        print_json(item);
    else if (rc == 0)
        item_print(item);
    session_close(&s);
    return rc;
}

static const struct option_row plain_rows[] = { OPTION_ENTITY, OPTION_URL, OPTION_OUTPUT, OPTION_END };

const struct verb verb_item_show = {
    .name = "items show",
    .operands = "ITEM",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "show one item: state, reason, its life with times",
    .examples = "  slipway items show ITEM",
    .rows = plain_rows,
    .run = show_run,
};

static int stop(struct session *s, const struct args *a, struct err *e)
{
    const char *id = args_operand(a, 0);
    struct jval *variables = jval_new_object(s->a);
    const struct jval *item = NULL;
    const struct jval *data = NULL;
    struct str state;

    if (item_fetch(s, id, &item, e))
        return -e->code;
    state = jval_str(jval_get(item, "state"));
    if (item_has_ended(item) && !str_is(state, "STOPPED")) /* stopping it twice is no mistake */
        return err_set(e, ERR_CONFLICT, "item %s has ended already: %.*s", id, STR_ARG(state));
    jval_set_cstr(s->a, variables, "id", id);
    if (session_call(s, document_stop, variables, &data, e))
        return -e->code;
    if (!jval_bool(jval_path(data, "stopRunQueueItem.success")))
        return err_set(e, ERR_CONFLICT, "item %s has ended already", id);
    if (args_json(a))
        print_json(data);
    else if (item_has_ended(item))
        printf("Item %s is stopped already.\n", id);
    else
        printf("Asked for the end of item %s.\nNext: slipway items show %s\n", id, id);
    return 0;
}

static int stop_run(struct io *io, const struct args *a, struct err *e)
{
    struct session s = { 0 };
    int rc = session_open(&s, io, a, e);

    if (rc == 0)
        rc = stop(&s, a, e);
    session_close(&s);
    return rc;
}

const struct verb verb_stop = {
    .name = "stop",
    .operands = "ITEM",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "ask for the end of an item and its job",
    .examples = "  slipway stop ITEM",
    .rows = plain_rows,
    .run = stop_run,
};
