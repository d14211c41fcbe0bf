/* cli/why_facts.c: what is known of an item, from the queue server and the agent's journal. */
#include "cli/why_facts.h"

#include "agent/journal_look.h"
#include "base/timefmt.h"
#include "cli/documents.h"
#include "cli/roles.h"
#include "google/refusal.h"

static int64_t time_in(const struct jval *v, const char *key)
{
    int64_t ms = 0;

    (void)rfc3339_parse(jval_str(jval_get(v, key)), &ms); /* absent: 0, not known */
    return ms;
}

/* --- words ---------------------------------------------------------------------------------------------- */

/* Google's errors are "STATUS (REASON): message"; the refusal table wants the parts. */
static void read_status(struct str text, struct refusal *in)
{
    static const struct {
        struct str word;
        int http_status;
    } rows[] = {
        { { "PERMISSION_DENIED", 17 }, 403 },   { { "INVALID_ARGUMENT", 16 }, 400 },
        { { "FAILED_PRECONDITION", 19 }, 400 }, { { "NOT_FOUND", 9 }, 404 },
        { { "UNAUTHENTICATED", 15 }, 401 },     { { "invalid_grant", 13 }, 0 },
        { { "invalid_target", 14 }, 0 },        { { "unauthorized_client", 19 }, 0 },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ptrdiff_t at = str_find(text, rows[i].word);
        struct str rest, reason;

        if (at < 0)
            continue;
        in->status = rows[i].word;
        in->http_status = rows[i].http_status;
        rest = str_sub(text, (size_t)at + rows[i].word.len, text.len);
        if (str_take(&rest, ' ') && str_take(&rest, '(') && str_cut(&rest, ')', &reason))
            in->reason = reason;
        return;
    }
}

static struct why_words words_of(struct arena *a, struct str text)
{
    struct why_words w = { .text = text };
    struct refusal in = { .message = text };
    struct explanation x = { 0 };
    struct str said, fix;

    read_status(text, &in);
    if (!in.status.len || !refusal_explain(a, &in, &x))
        return w;
    w.id = str_of(x.id);
    w.permission = str_of(x.permission);
    w.cause = str_of(x.cause);
    w.fix = str_of(x.fix);
    if (refusal_cut(text, &said, &fix)) { /* the agent knew who asked, and for what */
        w.fix = fix;
        w.text = said;
    }
    return w;
}

/* --- the queue server ----------------------------------------------------------------------------------- */

static void take_history(struct arena *a, const struct jval *list, struct why_facts *f)
{
    struct why_event *events = arena_array(a, jval_len(list) + 1, sizeof(*events));

    for (size_t i = 0; i < jval_len(list); i++) {
        const struct jval *v = jval_at(list, i);

        events[i] = (struct why_event){ .at_unix_ms = time_in(v, "at"),
                                        .state = jval_str(jval_get(v, "state")),
                                        .by = jval_str(jval_get(v, "by")),
                                        .note = jval_str(jval_get(v, "note")) };
    }
    f->history = events;
    f->history_len = jval_len(list);
}

static struct why_agent agent_of(struct arena *a, const struct jval *v)
{
    struct why_agent g = { .name = jval_str(jval_get(v, "name")),
                           .hostname = jval_str(jval_get(v, "hostname")),
                           .heartbeat_unix_ms = time_in(v, "heartbeatAt"),
                           .ended = str_is(jval_str(jval_get(v, "agentStatus")), "KILLED") };
    struct str config = jval_str(jval_get(v, "agentConfig"));
    struct jval *tree = NULL;

    if (config.len && jval_from_json(a, config, "agentConfig", NULL, &tree, NULL) == 0)
        g.max_jobs = jval_int(jval_get(tree, "max_jobs"));
    return g;
}

static bool listens(const struct jval *agent, struct str queue_id)
{
    return jval_has_text(jval_get(agent, "runQueues"), queue_id);
}

static int take_queue(struct session *s, const struct jval *queue, struct why_facts *f, struct err *e)
{
    struct jval *variables = jval_new_object(s->a);
    const struct jval *data = NULL, *agents, *held;
    struct why_agent *all;

    jval_set(s->a, variables, "entity", jval_get(queue, "entityName"));
    jval_set(s->a, variables, "queue", jval_get(queue, "name"));
    jval_set_cstr(s->a, variables, "project", QUEUE_PROJECT);
    if (session_call(s, document_why_queue, variables, &data, e))
        return -e->code;
    agents = jval_path(data, "entity.launchAgents");
    held = jval_path(data, "project.runQueue.runQueueItems.totalCount");
    all = arena_array(s->a, jval_len(agents) + 1, sizeof(*all));
    for (size_t i = 0; i < jval_len(agents); i++)
        if (listens(jval_at(agents, i), jval_str(jval_get(queue, "id"))))
            all[f->agent_count++] = agent_of(s->a, jval_at(agents, i));
    f->agents = all;
    f->agents_known = jval_is(agents, JVAL_ARRAY);
    f->held = jval_is(held, JVAL_INT) ? jval_int(held) : -1;
    return 0;
}

static void take_wait(struct arena *a, const struct jval *warnings, struct why_facts *f)
{
    struct str reason = { 0 };

    for (size_t i = jval_len(warnings); i > 0; i--)
        if (why_wait_read(jval_str(jval_get(jval_at(warnings, i - 1), "message")), &reason,
                          &f->next_try_unix_ms))
            break;
    f->waits = words_of(a, reason);
}

static int take_item(struct session *s, const struct jval *item, struct why_facts *f, struct err *e)
{
    const struct jval *ahead = jval_get(item, "itemsAhead"), *holder = jval_get(item, "launchAgent");

    f->state = jval_str(jval_get(item, "state"));
    f->queue = jval_str(jval_path(item, "queue.name"));
    f->created_unix_ms = time_in(item, "createdAt");
    f->stop_asked = jval_bool(jval_get(item, "stopAsked"));
    f->ahead = jval_is(ahead, JVAL_INT) ? jval_int(ahead) : -1;
    f->stage = jval_str(jval_path(item, "error.stage"));
    f->error = words_of(s->a, jval_str(jval_path(item, "error.message")));
    take_wait(s->a, jval_get(item, "warnings"), f);
    take_history(s->a, jval_get(item, "history"), f);
    if (jval_is(holder, JVAL_OBJECT))
        f->holder = agent_of(s->a, holder);
    return take_queue(s, jval_get(item, "queue"), f, e);
}

/* A W&B server knows an item only in its queue, and only its state. */
static int ask_wandb(struct session *s, const struct why_wanted *wanted, struct why_facts *f, struct err *e)
{
    struct wandb_queue_list queues = { 0 };
    struct wandb_queue one = { .name = str_of(wanted->queue) };
    const char *entity = NULL;
    int rc = session_entity(s, &entity, e);

    if (!rc && wanted->queue)
        queues = (struct wandb_queue_list){ &one, 1 };
    else if (!rc)
        rc = wandb_queues(s->wandb, s->a, str_of(entity), &queues, e);
    for (size_t i = 0; !rc && i < queues.len && !f->state.len; i++) {
        const struct wandb_item_ref ref = { str_of(entity), queues.items[i].name, f->item };
        struct wandb_item_status status = { 0 };

        rc = wandb_item_get(s->wandb, s->a, &ref, &status, e);
        if (!rc) {
            f->state = status.state;
            f->queue = queues.items[i].name;
        }
        rc = rc == -ERR_NOT_FOUND ? 0 : rc;
    }
    return rc ? session_explain(wandb_base_url(s->wandb), e) : 0;
}

static int ask_server(struct session *s, const struct why_wanted *wanted, struct why_facts *f, struct err *e)
{
    struct jval *variables = jval_new_object(s->a);
    const struct jval *data = NULL;
    int rc;

    jval_set_cstr(s->a, variables, "id", wanted->item);
    rc = session_call(s, document_why, variables, &data, e);
    if (rc && !wandb_is_slipway(s->wandb) && e->code == ERR_INVALID) /* no such field: a W&B server */
        return ask_wandb(s, wanted, f, e);
    if (rc || !jval_is(jval_get(data, "runQueueItem"), JVAL_OBJECT))
        return rc;
    return take_item(s, jval_get(data, "runQueueItem"), f, e);
}

/* --- the agent's journal -------------------------------------------------------------------------------- */

static int look_in_journal(struct session *s, const struct why_wanted *wanted, struct why_facts *f,
                           struct err *e)
{
    const char *dir = wanted->state_dir ? wanted->state_dir : role_default_dir(s->io, s->a, "agent");
    struct journal_glance g = { 0 };
    struct err why = { 0 };
    struct why_journal *j;
    int rc = journal_look(s->io, s->a, dir, f->item, &g, &why);

    if (rc && wanted->state_dir && rc != -ERR_NOT_FOUND) {
        *e = why;
        return rc;
    }
    /* A launch that was reported is history; when the item goes on, another agent has it. */
    if (rc || (g.phase == LAUNCH_REPORTED && f->state.len && !str_is(f->state, "FAILED")))
        return 0;
    j = arena_alloc(s->a, sizeof(*j));
    *j = (struct why_journal){ .phase = g.phase,
                               .cause = g.cause,
                               .vertex_job = g.vertex_job,
                               .vertex_status = g.vertex_status,
                               .since_unix_ms = g.moved_at_ms,
                               .waiting_unix_ms = g.waiting_since_ms,
                               .tries = g.attempts };
    f->journal = j;
    if (!f->queue.len)
        f->queue = g.queue;
    if (!f->error.text.len && launch_phase_is_ended(g.phase)) {
        f->error = words_of(s->a, g.reason);
        f->stage = g.stage;
    }
    if (g.phase == LAUNCH_WAITING && g.reason.len)
        f->waits = words_of(s->a, g.reason);
    return 0;
}

int why_facts_gather(struct session *s, const struct why_wanted *wanted, struct why_facts *ret, struct err *e)
{
    struct why_facts f = {
        .now_unix_ms = io_now_unix_ms(s->io), .item = str_of(wanted->item), .ahead = -1, .held = -1
    };

    if (ask_server(s, wanted, &f, e) || look_in_journal(s, wanted, &f, e))
        return -e->code;
    if (!f.state.len && !f.journal)
        return err_set(e, ERR_NOT_FOUND,
                       "no item \"%s\": it was deleted from its queue, or never was there; 'slipway items "
                       "QUEUE' lists those there are",
                       wanted->item);
    *ret = f;
    return 0;
}
