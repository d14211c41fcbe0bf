/* server/api/item_words.c: what agents and users say about an item: ack, fail, warn, finish, note, stop,
 * delete. */
#include "base/log.h"
#include "server/api/api.h"
#include "server/run_spec.h"

enum { MESSAGE_MAX = 64 << 10 };

/* Who speaks: the agent that holds the item, if one does; W&B's protocol does not say more. */
static struct str speaker(struct gql_call *c, const struct store_item *item)
{
    struct store_agent agent = { 0 };

    if (item->agent_uid.ptr && store_agent_by_uid(store_of(c), c->a, item->agent_uid, &agent, NULL) == 0)
        return str_of(arena_printf(c->a, "agent %.*s", STR_ARG(agent.name)));
    return str_of(arena_printf(c->a, "user %.*s", STR_ARG(caller_of(c)->user.username)));
}

static int item_word(struct gql_call *c, struct store_item_word *w, struct err *e)
{
    const struct jval *files = gql_arg(c, "input.filePaths");
    struct store_item item = { 0 };
    struct store_queue queue = { 0 };
    int rc = find_item(c, gql_arg_str(c, "input.runQueueItemId"), &item, &queue, e);

    if (rc < 0)
        return rc;
    w->uid = item.uid;
    w->fence = gql_arg_int(c, "input.fence", 0);
    w->who = speaker(c, &item);
    w->note = str_sub(gql_arg_str(c, "input.message"), 0, MESSAGE_MAX);
    w->error = w->note;
    w->error_stage = gql_arg_str(c, "input.stage");
    if (jval_len(files) > 0)
        w->error_files = jval_text(c->a, files, JVAL_COMPACT);
    w->now_unix_ms = now_of(c);
    return 0;
}

/* Write down what came of it; returns @rc. */
static int told(int rc, const struct store_item_word *w, const char *event, struct err *e)
{
    if (rc == -ERR_CONFLICT)
        LOG_INFO("item.refused", "item=%.*s what=%s by=\"%.*s\" why=\"%s\"", STR_ARG(w->uid), event,
                 STR_ARG(w->who), e->msg);
    else if (rc == 0)
        LOG_INFO(event, "item=%.*s by=\"%.*s\"", STR_ARG(w->uid), STR_ARG(w->who));
    return rc;
}

/* A refusal by the item's state is an answer ("success": false), not an error: agents go on from it. */
static int answer(struct gql_call *c, int rc, const struct jval **ret)
{
    if (rc < 0 && rc != -ERR_CONFLICT)
        return rc;
    *ret = success_object(c, rc == 0);
    return 0;
}

int resolve_ack(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_item_word w = { .ev = ITEM_EV_ACK };
    struct str run_name = gql_arg_str(c, "input.runName");
    int rc = run_name_check(run_name, e);

    if (rc == 0)
        rc = item_word(c, &w, e);
    if (rc < 0)
        return rc;
    w.note = str_of(arena_printf(c->a, "will be run %.*s", STR_ARG(run_name)));
    return answer(c, told(store_item_ack(store_of(c), &w, run_name, e), &w, "item.acked", e), ret);
}

int resolve_fail(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_item_word w = { .ev = ITEM_EV_FAIL };
    int rc = item_word(c, &w, e);

    return rc < 0 ? rc : answer(c, told(store_item_tell(store_of(c), &w, e), &w, "item.failed", e), ret);
}

int resolve_warning(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_item_word w = { 0 };
    int rc = item_word(c, &w, e);

    return rc < 0 ? rc : answer(c, told(store_item_note(store_of(c), &w, e), &w, "item.warned", e), ret);
}

int resolve_finish(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct str outcome = gql_arg_str(c, "input.outcome");
    struct store_item_word w = { .ev = ITEM_EV_FINISH };
    int rc = item_word(c, &w, e);

    if (rc < 0)
        return rc;
    if (str_is(outcome, "FAILED"))
        w.ev = ITEM_EV_FAIL;
    else if (str_is(outcome, "STOPPED"))
        w.ev = ITEM_EV_STOPPED;
    if (!w.note.ptr)
        w.note = str_of(w.ev == ITEM_EV_FAIL ? "the job failed" : "the job ended");
    w.error = w.note;
    w.error_stage = STR("run");
    return answer(c, told(store_item_tell(store_of(c), &w, e), &w, "item.finished", e), ret);
}

int resolve_keep(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_item item = { 0 };
    struct store_queue queue = { 0 };
    struct store_agent agent = { 0 };
    int rc = find_item(c, gql_arg_str(c, "input.runQueueItemId"), &item, &queue, e);

    if (rc == 0)
        rc = find_agent(c, gql_arg_str(c, "input.launchAgentId"), &agent, e);
    if (rc < 0)
        return rc;
    rc = store_item_keep(store_of(c), item.uid, gql_arg_int(c, "input.fence", 0), agent.uid, e);
    if (rc == -ERR_CONFLICT)
        LOG_INFO("item.lost", "item=%.*s agent=%.*s why=\"%s\"", STR_ARG(item.uid), STR_ARG(agent.uid),
                 e->msg);
    return answer(c, rc, ret);
}

int resolve_note(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_item_word w = { .ev = ITEM_EV_STARTED };
    struct store_item before = { 0 };
    int rc = item_word(c, &w, e);

    if (rc == 0)
        rc = store_item_by_uid(store_of(c), c->a, w.uid, &before, e);
    if (rc < 0)
        return rc;
    /* Moving to RUNNING writes the line itself; an item that runs already gets the line as a note. */
    if (gql_arg_bool(c, "input.running", false) && before.state == ITEM_CLAIMED)
        return answer(c, told(store_item_tell(store_of(c), &w, e), &w, "item.running", e), ret);
    return answer(c, told(store_item_note(store_of(c), &w, e), &w, "item.noted", e), ret);
}

int resolve_stop_item(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_item_word w = { .ev = ITEM_EV_STOP_ASKED };
    struct store_item after = { 0 };
    struct jval *o;
    int rc = item_word(c, &w, e);

    if (rc < 0)
        return rc;
    w.who = str_of(arena_printf(c->a, "user %.*s", STR_ARG(caller_of(c)->user.username)));
    w.note = STR("asked to stop");
    rc = store_item_tell(store_of(c), &w, e);
    if (rc == 0)
        rc = store_item_by_uid(store_of(c), c->a, w.uid, &after, e);
    if (rc < 0)
        return rc;
    LOG_INFO("item.stop_asked", "item=%.*s by=\"%.*s\"", STR_ARG(w.uid), STR_ARG(w.who));
    o = success_object(c, true);
    jval_set(c->a, o, "item", item_object(c->a, &after));
    *ret = o;
    return 0;
}

int resolve_delete_item(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct store_by by = by_of(c);
    struct store_item item = { 0 };
    struct store_queue queue = { 0 };
    int rc = find_item(c, gql_arg_str(c, "input.runQueueItemId"), &item, &queue, e);

    if (rc == 0 && !str_eq(queue.uid, gql_arg_str(c, "input.queueID")))
        rc = err_set(e, ERR_NOT_FOUND, "item %.*s is not in this queue", STR_ARG(item.uid));
    if (rc == 0 && !str_eq(item.pushed_by, caller_of(c)->user.username))
        rc = may_more(c, "deleteFromRunQueue.of others", &queue, e);
    if (rc == 0)
        rc = store_item_delete(store_of(c), item.uid, &by, e);
    if (rc < 0)
        return rc;
    LOG_INFO("item.deleted", "item=%.*s user=%.*s", STR_ARG(item.uid), STR_ARG(caller_of(c)->user.username));
    *ret = success_object(c, true);
    return 0;
}
