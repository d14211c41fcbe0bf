/* server/api/pop.c: handing an item to an agent, at once or when one comes. */
#include "base/log.h"
#include "server/api/api.h"

enum { BEAT_EVERY_MS = 20000 };

/* A poll is a sign of life, but not worth a write each time. */
static int agent_of(struct gql_call *c, struct store_agent *ret, struct err *e)
{
    struct str uid = gql_arg_str(c, "input.launchAgentId");
    int rc;

    if (uid.len == 0)
        return 0;
    rc = find_agent(c, uid, ret, e);
    if (rc < 0 || now_of(c) - ret->heartbeat_unix_ms < BEAT_EVERY_MS)
        return rc;
    return store_agent_beat(store_of(c), uid, (struct str){ 0 }, now_of(c), e);
}

static int pop_or_wait(struct gql_call *c, struct store_pop *pop, bool *ret_found, struct store_item *ret,
                       struct err *e)
{
    struct caller *who = caller_of(c);
    struct io *io = who->server->io;
    int64_t deadline = io_now_ms(io) + who->wait_ms;
    bool waiting = false;
    int rc;

    who->wait_applied = who->wait_ms > 0;
    for (;;) {
        struct item_wait wait = { .queue_id = pop->queue_id, .seen = who->server->wakes };

        rc = store_item_waiting(store_of(c), pop->queue_id, &waiting, e);
        if (rc == 0 && !waiting && pop->takes_over)
            rc = store_item_abandoned(store_of(c), pop->queue_id, &waiting, e);
        if (rc < 0)
            return rc;
        if (waiting) {
            pop->now_unix_ms = now_of(c);
            rc = store_item_pop(store_of(c), c->a, pop, ret_found, ret, e);
            if (rc < 0 || *ret_found)
                return rc;
            continue; /* another agent was quicker */
        }
        if (io_now_ms(io) >= deadline)
            return 0;
        http_wait_begin(who->exchange); /* an agent that has gone must not be given an item */
        wait.timeout_ms = deadline - io_now_ms(io);
        rc = wait_for_item(who->server, &wait, e);
        http_wait_end(who->exchange);
        if (rc < 0)
            return rc == -ERR_TIMEOUT ? 0 : rc;
    }
}

int resolve_pop(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_queue queue = { 0 };
    struct store_agent agent = { 0 };
    struct store_item item = { 0 };
    struct store_pop pop = { .lease_ms = caller_of(c)->server->lease_ms };
    const struct jval *spec = NULL;
    struct jval *o = jval_new_object(c->a);
    bool found = false;
    int rc = find_queue(c, &queue, e);

    if (rc == 0)
        rc = agent_of(c, &agent, e);
    if (rc < 0)
        return rc;
    pop.queue_id = queue.id;
    pop.has_priorities = queue.has_priorities;
    pop.agent_uid = agent.uid;
    pop.takes_over = str_has_prefix(agent.version, STR("slipway@"));
    pop.who = str_of(agent.uid.ptr ? arena_printf(c->a, "agent %.*s", STR_ARG(agent.name))
                                   : arena_printf(c->a, "user %.*s", STR_ARG(caller_of(c)->user.username)));
    rc = pop_or_wait(c, &pop, &found, &item, e);
    caller_of(c)->server->counts.pops += rc == 0 && found;
    caller_of(c)->server->counts.empty_pops += rc == 0 && !found;
    if (rc < 0 || !found)
        return rc;
    rc = stored_json(c->a, item.spec, "the item's spec", &spec, e);
    if (rc < 0)
        return rc;
    LOG_INFO("item.leased", "item=%.*s queue=%.*s by=\"%.*s\"", STR_ARG(item.uid), STR_ARG(queue.uid),
             STR_ARG(pop.who));
    set_text(c->a, o, "runQueueItemId", item.uid);
    jval_set(c->a, o, "runSpec", spec);
    jval_set_int(c->a, o, "fence", item.fence);
    if (item.state != ITEM_LEASED)
        set_text(c->a, o, "takenOverRunId", item.run_name);
    set_text(c->a, o, "clientMutationId", gql_arg_str(c, "input.clientMutationId"));
    *ret = o;
    return 0;
}
