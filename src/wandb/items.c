/* wandb/items.c: queue items from pop to their end, and the runs they became. */
#include <assert.h>
#include <string.h>

#include "wandb/runs.h"
#include "wandb/wandb_internal.h"

int wandb_item_pop(struct wandb *w, struct arena *a, const struct wandb_pop *req, struct wandb_item *ret,
                   struct err *e)
{
    struct jval *vars = jval_new_object(a), *parsed = NULL;
    struct wandb_item item = { 0 };
    struct dec d, popped;
    const char *document = wandb_is_slipway(w) ? wandb_op_item_pop_fenced : wandb_op_item_pop;
    int rc;

    vars_set(a, vars, "entity", req->entity);
    jval_set_cstr(a, vars, "project", WANDB_QUEUE_PROJECT);
    vars_set(a, vars, "queueName", req->queue);
    vars_set(a, vars, "launchAgentId", req->agent_id);
    rc = call_decoded(w, a, &(struct wandb_request){ document, vars, req->wait_s }, &d, e);
    if (rc)
        return rc;
    if (!dec_object(&d, "popFromRunQueue", &popped, DEC_OPTIONAL)) {
        if (dec_failed(&d))
            return -ERR_PROTO;
        *ret = item;
        return 0;
    }
    dec_str(&popped, "runQueueItemId", &item.id, DEC_REQUIRED);
    dec_val(&popped, "runSpec", &item.spec, DEC_OPTIONAL);
    dec_i64(&popped, "fence", &item.fence, DEC_OPTIONAL);
    dec_str(&popped, "takenOverRunId", &item.taken_over_as, DEC_OPTIONAL);
    if (dec_failed(&popped))
        return -ERR_PROTO;
    /* A bare JSON value here, though the scalar of the same name elsewhere is text: take both. */
    if (jval_is(item.spec, JVAL_STR) &&
        !jval_from_json(a, jval_str(item.spec), "runSpec", NULL, &parsed, NULL))
        item.spec = parsed;
    *ret = item;
    return 0;
}

int wandb_item_ack(struct wandb *w, const struct wandb_hold *h, struct str run_id, struct err *e)
{
    const char *document = h->fence ? wandb_op_item_ack_fenced : wandb_op_item_ack;
    AUTO_PTR(arena) a = arena_new();
    struct jval *vars = jval_new_object(a);
    bool success = false;
    int rc;

    vars_hold(a, vars, "itemId", h);
    vars_set(a, vars, "runId", run_id);
    rc = call_success(w, &(struct wandb_request){ document, vars }, "ackRunQueueItem", &success, e);
    if (rc)
        return rc;
    return success ? 0
                   : err_set(e, ERR_CONFLICT, "item %.*s was acknowledged before, by this agent or another",
                             STR_ARG(h->item_id));
}

struct note {
    const char *document, *field, *stage;
    const struct wandb_hold *hold;
    struct str message, file;
};

static int send_note(struct wandb *w, const struct note *n, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *vars = jval_new_object(a);
    bool success = false;
    int rc;

    vars_hold(a, vars, "runQueueItemId", n->hold);
    vars_set(a, vars, "message", n->message);
    jval_set_cstr(a, vars, "stage", n->stage);
    if (n->file.len) {
        struct jval *files = jval_new_array(a);

        jval_push(a, files, jval_new_str(a, n->file));
        jval_set(a, vars, "filePaths", files);
    }
    rc = call_success(w, &(struct wandb_request){ n->document, vars }, n->field, &success, e);
    if (rc)
        return rc;
    return success ? 0
                   : err_set(e, ERR_CONFLICT, "the server did not take the report on item %.*s",
                             STR_ARG(n->hold->item_id));
}

int wandb_item_fail(struct wandb *w, const struct wandb_hold *h, const struct wandb_failure *f, struct err *e)
{
    const struct note n = { h->fence ? wandb_op_item_fail_fenced : wandb_op_item_fail,
                            "failRunQueueItem",
                            f->stage,
                            h,
                            f->message,
                            f->file };

    return send_note(w, &n, e);
}

int wandb_item_warn(struct wandb *w, const struct wandb_hold *h, struct str message, const char *stage,
                    struct err *e)
{
    const struct note n = { h->fence ? wandb_op_item_warn_fenced : wandb_op_item_warn,
                            "updateRunQueueItemWarning",
                            stage,
                            h,
                            message,
                            { NULL, 0 } };

    return send_note(w, &n, e);
}

int wandb_item_get(struct wandb *w, struct arena *a, const struct wandb_item_ref *ref,
                   struct wandb_item_status *ret, struct err *e)
{
    struct jval *vars = jval_new_object(a);
    struct wandb_item_status status = { 0 };
    struct dec d, project, queue, item;
    int rc;

    jval_set_cstr(a, vars, "projectName", WANDB_QUEUE_PROJECT);
    vars_set(a, vars, "entityName", ref->entity);
    vars_set(a, vars, "runQueue", ref->queue);
    vars_set(a, vars, "itemId", ref->item_id);
    rc = call_decoded(w, a, &(struct wandb_request){ wandb_op_item_get, vars }, &d, e);
    if (rc)
        return rc;
    if (!dec_object(&d, "project", &project, DEC_OPTIONAL) ||
        !dec_object(&project, "runQueue", &queue, DEC_OPTIONAL) ||
        !dec_object(&queue, "runQueueItem", &item, DEC_OPTIONAL))
        return err_set(e, ERR_NOT_FOUND, "no item %.*s in queue \"%.*s\"", STR_ARG(ref->item_id),
                       STR_ARG(ref->queue));
    dec_str(&item, "state", &status.state, DEC_OPTIONAL);
    dec_str(&item, "associatedRunId", &status.run_id, DEC_OPTIONAL);
    if (dec_failed(&item))
        return -ERR_PROTO;
    *ret = status;
    return 0;
}

int wandb_sweep_state(struct wandb *w, struct arena *a, const struct wandb_sweep_ref *ref, struct str *ret,
                      struct err *e)
{
    struct jval *vars = jval_new_object(a);
    struct dec d, project, sweep;
    struct str state = { 0 };
    int rc;

    vars_set(a, vars, "entity", ref->entity);
    vars_set(a, vars, "project", ref->wb_project);
    vars_set(a, vars, "sweep", ref->sweep_id);
    rc = call_decoded(w, a, &(struct wandb_request){ wandb_op_sweep_get, vars }, &d, e);
    if (rc)
        return rc;
    if (dec_object(&d, "project", &project, DEC_OPTIONAL) &&
        dec_object(&project, "sweep", &sweep, DEC_OPTIONAL))
        dec_str(&sweep, "state", &state, DEC_OPTIONAL);
    if (dec_failed(&d))
        return -ERR_PROTO;
    *ret = state;
    return 0;
}

/* A project or run that is not there yet is a null, and an answer. */
static void take_status(struct dec *project, struct wandb_run_status *ret)
{
    struct dec run;

    if (!dec_object(project, "run", &run, DEC_OPTIONAL))
        return;
    dec_str(&run, "state", &ret->state, DEC_OPTIONAL);
    dec_bool(&run, "stopped", &ret->stop_asked, DEC_OPTIONAL);
}

int wandb_run_status(struct wandb *w, struct arena *a, const struct wandb_run_ref *ref,
                     struct wandb_run_status *ret, struct err *e)
{
    return wandb_run_statuses(w, a, ref, 1, ret, e);
}

/* A field of its own for each run: r0, r1, ... with variables p0, e0, n0, ... */
static const char *statuses_document(struct arena *a, size_t count)
{
    AUTO_STRBUF struct strbuf head = STRBUF(64 * 1024);
    AUTO_STRBUF struct strbuf fields = STRBUF(64 * 1024);

    for (size_t i = 0; i < count; i++) {
        strbuf_addf(&head, "%s$p%zu: String!, $e%zu: String!, $n%zu: String!", i ? ", " : "", i, i, i);
        strbuf_addf(&fields,
                    " r%zu: project(name: $p%zu, entityName: $e%zu) { run(name: $n%zu) { state stopped } }",
                    i, i, i, i);
    }
    return arena_printf(a, "query RunStatuses(%s) {%s }", strbuf_cstr(&head), strbuf_cstr(&fields));
}

static void set_indexed(struct arena *a, struct jval *vars, char letter, size_t i, struct str value)
{
    vars_set(a, vars, arena_printf(a, "%c%zu", letter, i), value);
}

int wandb_run_statuses(struct wandb *w, struct arena *a, const struct wandb_run_ref *refs, size_t count,
                       struct wandb_run_status *ret, struct err *e)
{
    struct wandb_run_status *found = arena_array(a, count, sizeof(*found));
    struct jval *vars = jval_new_object(a);
    struct dec d, project;
    int rc;

    assert(count <= WANDB_MAX_STATUSES);
    for (size_t i = 0; i < count; i++) {
        set_indexed(a, vars, 'p', i, refs[i].wb_project);
        set_indexed(a, vars, 'e', i, refs[i].entity);
        set_indexed(a, vars, 'n', i, refs[i].run_id);
    }
    rc = call_decoded(w, a, &(struct wandb_request){ statuses_document(a, count), vars }, &d, e);
    if (rc)
        return rc;
    for (size_t i = 0; i < count; i++)
        if (dec_object(&d, arena_printf(a, "r%zu", i), &project, DEC_OPTIONAL))
            take_status(&project, &found[i]);
    if (dec_failed(&d))
        return -ERR_PROTO;
    memcpy(ret, found, count * sizeof(*ret));
    return 0;
}
