/* cli/items.c: `slipway items`, `slipway items show`, `slipway stop`. */
#include <stdio.h>

#include "cli/documents.h"
#include "cli/item.h"
#include "cli/items_watch.h"
#include "cli/text.h"
#include "cli/verbs.h"

enum { DEFAULT_FIRST = 50, MAX_FIRST = 1000 };

int items_query(struct session *s, const struct items_watch *w, const struct jval **ret, struct err *e)
{
    struct jval *variables = jval_new_object(s->a);
    const struct jval *data = NULL;
    const struct jval *queue = NULL;

    jval_set_cstr(s->a, variables, "entity", w->entity);
    jval_set_cstr(s->a, variables, "project", QUEUE_PROJECT);
    jval_set_cstr(s->a, variables, "queue", w->queue);
    jval_set_int(s->a, variables, "first", w->limit);
    if (session_call(s, document_items, variables, &data, e))
        return -e->code;
    queue = jval_path(data, "project.runQueue");
    if (jval_is(queue, JVAL_NULL))
        return err_set(e, ERR_NOT_FOUND, "no queue \"%s\" in %s; 'slipway queue list' shows what there is",
                       w->queue, w->entity);
    *ret = jval_get(queue, "runQueueItems");
    return 0;
}

void items_row(struct strbuf *b, struct arena *a, const struct jval *node)
{
    struct str reason = text_first_line(a, jval_str(jval_path(node, "error.message")));

    strbuf_addf(b, "%-24.*s %-9.*s %-10.*s %.*s%s%.*s\n", STR_ARG(jval_str(jval_get(node, "id"))),
                STR_ARG(jval_str(jval_get(node, "state"))),
                STR_ARG(jval_str(jval_get(node, "associatedRunId"))),
                STR_ARG(jval_str(jval_get(node, "createdAt"))), reason.len ? " " : "", STR_ARG(reason));
}

static int list(struct session *s, const struct items_watch *w, struct err *e)
{
    const struct jval *items = NULL, *edges;
    int rc = items_query(s, w, &items, e);

    if (rc)
        return rc;
    if (w->json) {
        print_json(items);
        return 0;
    }
    edges = jval_get(items, "edges");
    for (size_t i = 0; i < jval_len(edges); i++) {
        AUTO_STRBUF struct strbuf row = STRBUF(4096);

        items_row(&row, s->a, jval_get(jval_at(edges, i), "node"));
        fputs(strbuf_cstr(&row), stdout);
    }
    return 0;
}

static int items_run(struct io *io, const struct args *a, struct err *e)
{
    struct items_watch w = { .queue = args_operand(a, 0),
                             .limit = args_int(a, "limit", DEFAULT_FIRST),
                             .json = args_json(a) };
    struct session s = { 0 };
    int rc = session_open(&s, io, a, e);

    if (rc == 0)
        rc = session_entity(&s, &w.entity, e);
    if (rc == 0)
        rc = args_has(a, "watch") ? items_watch(&s, &w, e) : list(&s, &w, e);
    session_close(&s);
    return rc;
}

static const struct option_row items_rows[] = {
    { "limit", 'n', OPTION_INT, "N", "how many, newest first (default 50)", 1, MAX_FIRST },
    { "watch", 'w', OPTION_FLAG, NULL, "go on, and show changes as they come, until Ctrl-C", 0, 0 },
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
    .details =
        "With --watch a terminal shows the list as it changes; elsewhere a line is printed for each change\n"
        "of state, and with -o json an object a line: at, item, state, by, note. An outage of the server\n"
        "is waited for. Ctrl-C ends it with exit status 0.",
    .examples = "  slipway items gpu\n  slipway items gpu --limit 5 -o json\n  slipway items gpu --watch",
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
    return session_run(io, a, stop, e);
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
