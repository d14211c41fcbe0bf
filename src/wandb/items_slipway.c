/* wandb/items_slipway.c: what only our own server understands: the ends of items, notes and stops. */
#include "wandb/wandb_internal.h"

static int mutate(struct wandb *w, const struct wandb_request *req, const char *field, struct err *e)
{
    bool success = false;
    int rc = call_success(w, req, field, &success, e);

    if (rc)
        return rc;
    return success ? 0 : err_set(e, ERR_CONFLICT, "%s: the server did not take it", field);
}

int wandb_item_finish(struct wandb *w, const struct wandb_hold *h, const char *outcome, struct str message,
                      struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *vars = jval_new_object(a);

    vars_hold(a, vars, "itemId", h);
    jval_set_cstr(a, vars, "outcome", outcome);
    vars_set(a, vars, "message", message);
    return mutate(w, &(struct wandb_request){ wandb_op_item_finish, vars }, "finishRunQueueItem", e);
}

int wandb_item_note(struct wandb *w, const struct wandb_hold *h, struct str message, bool running,
                    struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *vars = jval_new_object(a);

    vars_hold(a, vars, "itemId", h);
    vars_set(a, vars, "message", message);
    jval_set_bool(a, vars, "running", running);
    return mutate(w, &(struct wandb_request){ wandb_op_item_note, vars }, "noteRunQueueItem", e);
}

int wandb_item_keep(struct wandb *w, const struct wandb_hold *h, struct str agent_id, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *vars = jval_new_object(a);

    vars_hold(a, vars, "itemId", h);
    vars_set(a, vars, "agentId", agent_id);
    return mutate(w, &(struct wandb_request){ wandb_op_item_keep, vars }, "keepRunQueueItem", e);
}

int wandb_item_stop(struct wandb *w, struct str item_id, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *vars = jval_new_object(a);

    vars_set(a, vars, "itemId", item_id);
    return mutate(w, &(struct wandb_request){ wandb_op_item_stop, vars }, "stopRunQueueItem", e);
}

struct page {
    struct wandb_stops *found;
    size_t cap;
    struct str after; /* absent: there is no next one */
};

static void take_page(struct arena *a, struct dec *list, struct page *p)
{
    const struct jval *edges = NULL;
    struct dec info;
    bool more = false;

    dec_list(list, "edges", &edges, DEC_REQUIRED);
    for (size_t i = 0; i < jval_len(edges); i++) {
        const struct jval *node = jval_get(jval_at(edges, i), "node");

        p->found->items = arena_grow(a, p->found->items, p->found->len, &p->cap, sizeof(*p->found->items));
        p->found->items[p->found->len++] =
            (struct wandb_stop){ .item_id = jval_str(jval_get(node, "id")),
                                 .run_state = jval_str(jval_path(node, "run.state")) };
    }
    p->after = (struct str){ NULL, 0 };
    if (!dec_object(list, "pageInfo", &info, DEC_REQUIRED))
        return;
    dec_bool(&info, "hasNextPage", &more, DEC_REQUIRED);
    if (more)
        dec_str(&info, "endCursor", &p->after, DEC_REQUIRED);
}

static int stops_page(struct wandb *w, struct arena *a, const struct wandb_queue_ref *q, struct page *p,
                      struct err *e)
{
    struct jval *vars = jval_new_object(a);
    struct dec d, project, queue, list;
    int rc;

    vars_set(a, vars, "entity", q->entity);
    jval_set_cstr(a, vars, "project", WANDB_QUEUE_PROJECT);
    vars_set(a, vars, "queueName", q->queue);
    vars_set(a, vars, "after", p->after);
    rc = call_decoded(w, a, &(struct wandb_request){ wandb_op_stop_requests, vars }, &d, e);
    if (rc)
        return rc;
    if (!dec_object(&d, "project", &project, DEC_OPTIONAL) ||
        !dec_object(&project, "runQueue", &queue, DEC_OPTIONAL))
        return dec_failed(&d) ? -ERR_PROTO
                              : err_set(e, ERR_NOT_FOUND, "no queue \"%.*s\"", STR_ARG(q->queue));
    if (dec_object(&queue, "runQueueItems", &list, DEC_REQUIRED))
        take_page(a, &list, p);
    return dec_failed(&d) ? -ERR_PROTO : 0;
}

int wandb_stop_requests(struct wandb *w, struct arena *a, const struct wandb_queue_ref *q,
                        struct wandb_stops *ret, struct err *e)
{
    struct wandb_stops found = { 0 };
    struct page p = { .found = &found };
    int rc;

    do {
        rc = stops_page(w, a, q, &p, e);
    } while (!rc && p.after.ptr);
    if (!rc)
        *ret = found;
    return rc;
}
