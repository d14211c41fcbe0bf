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

int wandb_item_stop(struct wandb *w, struct str item_id, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *vars = jval_new_object(a);

    vars_set(a, vars, "itemId", item_id);
    return mutate(w, &(struct wandb_request){ wandb_op_item_stop, vars }, "stopRunQueueItem", e);
}

int wandb_item_stop_asked(struct wandb *w, struct arena *a, struct str item_id, struct wandb_run_status *ret,
                          struct err *e)
{
    struct jval *vars = jval_new_object(a);
    struct wandb_run_status status = { 0 };
    struct dec d, item, run;
    int rc;

    vars_set(a, vars, "itemId", item_id);
    rc = call_decoded(w, a, &(struct wandb_request){ wandb_op_item_stop_asked, vars }, &d, e);
    if (rc)
        return rc;
    if (!dec_object(&d, "runQueueItem", &item, DEC_OPTIONAL))
        return dec_failed(&d) ? -ERR_PROTO : err_set(e, ERR_NOT_FOUND, "no item %.*s", STR_ARG(item_id));
    dec_bool(&item, "stopAsked", &status.stop_asked, DEC_OPTIONAL);
    if (dec_object(&item, "run", &run, DEC_OPTIONAL))
        dec_str(&run, "state", &status.state, DEC_OPTIONAL);
    if (dec_failed(&item))
        return -ERR_PROTO;
    *ret = status;
    return 0;
}
