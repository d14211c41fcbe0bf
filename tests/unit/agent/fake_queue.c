/* tests/unit/agent/fake_queue.c: a small queue server behind HTTP. */
#include "fake_queue.h"

#include <stdio.h>
#include <string.h>

#include "base/jval.h"
#include "io/http.h"

struct queue queue;

static struct item *find_item(struct str id)
{
    return id.len == 2 && (size_t)(id.ptr[1] - '0') < queue.count ? &queue.items[id.ptr[1] - '0'] : NULL;
}

/* Waiting, or leased for longer than a lease lasts without an ack. */
static bool can_pop(const struct item *it)
{
    return strcmp(it->state, "PENDING") == 0 ||
           (strcmp(it->state, "LEASED") == 0 && sim_now_ms(queue.sim) - it->leased_ms > LEASE_MS);
}

static const char *pop(struct arena *a)
{
    for (size_t i = 0; i < queue.count; i++)
        if (can_pop(&queue.items[i])) {
            queue.items[i].leased_ms = sim_now_ms(queue.sim);
            snprintf(queue.items[i].state, sizeof(queue.items[i].state), "LEASED");
            queue.items[i].pops++;
            return arena_printf(a, "{\"popFromRunQueue\":{\"runQueueItemId\":\"i%zu\",\"runSpec\":%s}}", i,
                                queue.items[i].spec);
        }
    return "{\"popFromRunQueue\":null}";
}

static const char *ack(struct arena *a, struct item *it, struct str run)
{
    bool first = it && !it->run[0];

    if (queue.steal && first)
        snprintf(it->run, sizeof(it->run), "stolen");
    first = first && !queue.steal;
    if (first)
        snprintf(it->run, sizeof(it->run), "%.*s", STR_ARG(run));
    if (first)
        snprintf(it->state, sizeof(it->state), "CLAIMED");
    if (it)
        it->acks++;
    return arena_printf(a, "{\"ackRunQueueItem\":{\"success\":%s}}", first ? "true" : "false");
}

static const char *report(struct item *it, const char *state, const struct jval *vars)
{
    snprintf(it->state, sizeof(it->state), "%s", state);
    snprintf(it->message, sizeof(it->message), "%.*s", STR_ARG(jval_str(jval_get(vars, "message"))));
    snprintf(it->stage, sizeof(it->stage), "%.*s", STR_ARG(jval_str(jval_get(vars, "stage"))));
    it->reports++;
    return "{\"failRunQueueItem\":{\"success\":true},\"finishRunQueueItem\":{\"success\":true}}";
}

static const char *item_call(struct arena *a, struct str op, const struct jval *vars)
{
    struct str id = jval_str(jval_get(vars, "itemId"));
    struct item *it = find_item(id.len ? id : jval_str(jval_get(vars, "runQueueItemId")));

    if (str_is(op, "ackRunQueueItem"))
        return ack(a, it, jval_str(jval_get(vars, "runId")));
    if (!it)
        return "{}";
    if (str_is(op, "failRunQueueItem"))
        return report(it, "FAILED", vars);
    if (str_is(op, "finishRunQueueItem"))
        return report(it, jval_str(jval_get(vars, "outcome")).ptr, vars);
    if (str_is(op, "GetRunQueueItem"))
        return arena_printf(a,
                            "{\"project\":{\"runQueue\":{\"runQueueItem\":{\"state\":\"%s\","
                            "\"associatedRunId\":\"%s\"}}}}",
                            it->state, it->run);
    if (str_is(op, "updateRunQueueItemWarning") &&
        str_has_prefix(jval_str(jval_get(vars, "message")), STR("waiting"))) {
        it->waits++;
    } else if (str_is(op, "updateRunQueueItemWarning")) {
        snprintf(it->warning, sizeof(it->warning), "%.*s", STR_ARG(jval_str(jval_get(vars, "message"))));
        it->warnings++;
    }
    return "{\"updateRunQueueItemWarning\":{\"success\":true},\"noteRunQueueItem\":{\"success\":true},"
           "\"keepRunQueueItem\":{\"success\":true}}";
}

/* Every run that is asked for is in the same state. */
static const char *run_statuses(struct arena *a, const struct jval *vars)
{
    AUTO_STRBUF struct strbuf fields = STRBUF(16384);

    for (size_t i = 0; jval_get(vars, arena_printf(a, "n%zu", i)); i++) {
        strbuf_addf(&fields, "%s\"r%zu\":{\"run\":", i ? "," : "", i);
        if (queue.run_state)
            strbuf_addf(&fields, "{\"state\":\"%s\",\"stopped\":%s}}", queue.run_state,
                        queue.stop_runs ? "true" : "false");
        else
            strbuf_addz(&fields, "null}");
    }
    return arena_printf(a, "{%s}", strbuf_cstr(&fields));
}

/* The ids of those that are to stop, as the queue's list. */
static const char *stop_requests(struct arena *a)
{
    AUTO_STRBUF struct strbuf edges = STRBUF(4096);

    for (size_t i = 0; i < queue.count; i++)
        if (queue.items[i].stop_asked)
            strbuf_addf(&edges, "%s{\"node\":{\"id\":\"i%zu\",\"run\":null}}", edges.len ? "," : "", i);
    return arena_printf(a,
                        "{\"project\":{\"runQueue\":{\"runQueueItems\":{\"edges\":[%s],\"pageInfo\":"
                        "{\"hasNextPage\":false}}}}}",
                        strbuf_cstr(&edges));
}

static const char *call(struct arena *a, struct str op, const struct jval *vars)
{
    if (str_is(op, "ProjectRunQueues"))
        return queue.is_missing ? "{\"project\":{\"runQueues\":[{\"id\":\"P\",\"name\":\"p\"}]}}"
                                : "{\"project\":{\"runQueues\":[{\"id\":\"Q\",\"name\":\"q\"}]}}";
    if (str_is(op, "createLaunchAgent"))
        return "{\"createLaunchAgent\":{\"launchAgentId\":\"A\"}}";
    if (str_is(op, "LaunchAgent"))
        return queue.stop_polling ? "{\"launchAgent\":{\"name\":\"n\",\"stopPolling\":true}}"
                                  : "{\"launchAgent\":{\"name\":\"n\",\"stopPolling\":false}}";
    if (str_is(op, "updateLaunchAgent"))
        return "{\"updateLaunchAgent\":{\"success\":true}}";
    if (str_is(op, "popFromRunQueue"))
        return pop(a);
    if (str_is(op, "StopRequests"))
        return stop_requests(a);
    if (str_is(op, "RunStatuses"))
        return run_statuses(a, vars);
    return item_call(a, op, vars);
}

static void serve(void *ctx, struct http_exchange *x)
{
    struct jval *v = NULL;
    struct str op;
    const char *data;

    queue.requests++;
    if (queue.own_server)
        http_reply_header(x, "Server", STR("slipway/test"));
    if (queue.down || queue.answer_429 > 0 || jval_from_json(x->a, x->body, "body", NULL, &v, NULL)) {
        queue.answer_429 -= queue.answer_429 > 0;
        http_reply_text(x, queue.down ? 503 : 429, "text/plain", STR("no"));
        return;
    }
    op = jval_str(jval_get(v, "operationName"));
    data = call(x->a, op, jval_get(v, "variables"));
    if (str_is(op, "ackRunQueueItem") && queue.lose_acks > 0) {
        queue.lose_acks--;
        http_reply_text(x, 502, "text/plain", STR("lost"));
        return;
    }
    if (str_is(op, "popFromRunQueue") && strstr(data, "null") && queue.own_server &&
        io_sleep(x->io, 1000, NULL)) /* as long as a wait lasts here */
        return;
    http_reply_text(x, 200, "application/json", str_of(arena_printf(x->a, "{\"data\":%s}", data)));
}

void queue_server_main(struct io *io, void *arg)
{
    struct http_server *s = NULL;

    (void)!http_listen(io, &(struct http_server_options){ .port = 80, .handler = serve }, &s, NULL);
    while (io_sleep(io, HOUR_MS, NULL) == 0)
        continue;
    http_server_close(s);
}
