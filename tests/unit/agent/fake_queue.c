/* tests/unit/agent/fake_queue.c: a small queue server behind HTTP. */
#include "fake_queue.h"

#include <stdio.h>
#include <string.h>

#include "base/jval.h"
#include "io/http.h"

struct queue queue;

static struct item *find_item(struct str id)
{
    int64_t n = -1;

    return id.len > 1 && str_to_i64(str_sub(id, 1, id.len), &n) && n >= 0 && n < (int64_t)queue.count
               ? &queue.items[n]
               : NULL;
}

/* Waiting, or leased for longer than a lease lasts without an ack. */
static bool can_pop(const struct item *it, struct str name)
{
    if (!str_is(name, it->queue ? it->queue : "q"))
        return false;
    return strcmp(it->state, "PENDING") == 0 ||
           (strcmp(it->state, "LEASED") == 0 && sim_now_ms(queue.sim) - it->leased_ms > LEASE_MS);
}

static void tell(struct str word)
{
    size_t len = strlen(queue.told);

    snprintf(queue.told + len, sizeof(queue.told) - len, "%.*s ", STR_ARG(word));
}

static const char *pop(struct arena *a, struct str name)
{
    for (size_t i = 0; i < queue.count; i++)
        if (can_pop(&queue.items[i], name)) {
            tell(str_of(arena_printf(a, "pop:i%zu", i)));
            queue.items[i].leased_ms = sim_now_ms(queue.sim);
            snprintf(queue.items[i].state, sizeof(queue.items[i].state), "LEASED");
            queue.items[i].pops++;
            return arena_printf(a, "{\"popFromRunQueue\":{\"runQueueItemId\":\"i%zu\",\"runSpec\":%s%s%s}}",
                                i, queue.items[i].spec,
                                queue.fences ? arena_printf(a, ",\"fence\":%d", queue.items[i].pops) : "",
                                queue.items[i].taken_over
                                    ? arena_printf(a, ",\"takenOverRunId\":\"%s\"", queue.items[i].run)
                                    : "");
        }
    return "{\"popFromRunQueue\":null}";
}

static const char *ack(struct arena *a, struct item *it, struct str run)
{
    bool again = it && it->taken_over && str_is(run, it->run), first = it && (!it->run[0] || again);

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
    snprintf(it->files, sizeof(it->files), "%.*s",
             STR_ARG(jval_str(jval_at(jval_get(vars, "filePaths"), 0))));
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
    queue.keeps += str_is(op, "keepRunQueueItem");
    return arena_printf(
        a,
        "{\"updateRunQueueItemWarning\":{\"success\":true},\"noteRunQueueItem\":{\"success\":true},"
        "\"keepRunQueueItem\":{\"success\":%s}}",
        queue.lent_on ? "false" : "true");
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

static const char *run_call(struct arena *a, struct str op, const struct jval *vars)
{
    struct str file = jval_str(jval_at(jval_get(vars, "files"), 0));

    if (str_is(op, "UpsertBucket"))
        return "{\"upsertBucket\":{\"bucket\":{\"id\":\"R\",\"name\":\"n\"},\"inserted\":true}}";
    if (str_is(op, "GetSweepState"))
        return queue.sweep_state
                   ? arena_printf(a, "{\"project\":{\"sweep\":{\"state\":\"%s\"}}}", queue.sweep_state)
                   : "{\"project\":{\"sweep\":null}}";
    return arena_printf(a,
                        "{\"createRunFiles\":{\"runID\":\"R\",\"uploadHeaders\":[\"x-kind:error\"],\"files\":"
                        "[{\"name\":\"f\",\"uploadUrl\":\"http://server:80/storage/%.*s\"}]}}",
                        STR_ARG(file));
}

/* Files and the ends of runs; false: it is GraphQL. */
static bool serve_file(struct http_exchange *x)
{
    bool is_put = str_is(x->method, "PUT");

    if (!is_put && !str_has_prefix(x->path, STR("/files/")))
        return false;
    tell(is_put ? STR("PUT") : STR("stream"));
    if (is_put && !queue.no_storage) {
        queue.put_had_key = http_header_get(x->headers, x->header_count, "Authorization").len > 0;
        queue.put_had_headers = str_is(http_header_get(x->headers, x->header_count, "x-kind"), "error") &&
                                !http_header_get(x->headers, x->header_count, "Content-Type").len;
        snprintf(queue.file, sizeof(queue.file), "%.*s", STR_ARG(x->body));
        snprintf(queue.file_url, sizeof(queue.file_url), "%.*s", STR_ARG(x->path));
    } else if (!is_put) {
        snprintf(queue.stream, sizeof(queue.stream), "%.*s", STR_ARG(x->body));
        snprintf(queue.stream_url, sizeof(queue.stream_url), "%.*s", STR_ARG(x->path));
    }
    http_reply_text(x, is_put && queue.no_storage ? 403 : 200, "application/json", STR("{}"));
    return true;
}

static void tell_call(struct str op, const struct jval *vars)
{
    static const char *const asks[] = { "popFromRunQueue", "LaunchAgent", "StopRequests", "RunStatuses",
                                        "ProjectRunQueues" };

    for (size_t i = 0; i < ARRAY_LEN(asks); i++)
        if (str_is(op, asks[i]))
            return;
    tell(str_is(op, "updateLaunchAgent") ? jval_str(jval_get(vars, "agentStatus")) : op);
}

static const char *call(struct arena *a, struct str op, const struct jval *vars)
{
    if (str_is(op, "ProjectRunQueues"))
        return queue.is_missing ? "{\"project\":{\"runQueues\":[{\"id\":\"P\",\"name\":\"p\"}]}}"
                                : "{\"project\":{\"runQueues\":[{\"id\":\"Q\",\"name\":\"q\"},"
                                  "{\"id\":\"R\",\"name\":\"r\"}]}}";
    if (str_is(op, "createLaunchAgent"))
        return "{\"createLaunchAgent\":{\"launchAgentId\":\"A\"}}";
    if (str_is(op, "LaunchAgent"))
        return queue.stop_polling ? "{\"launchAgent\":{\"name\":\"n\",\"stopPolling\":true}}"
                                  : "{\"launchAgent\":{\"name\":\"n\",\"stopPolling\":false}}";
    if (str_is(op, "updateLaunchAgent"))
        return "{\"updateLaunchAgent\":{\"success\":true}}";
    if (str_is(op, "popFromRunQueue"))
        return pop(a, jval_str(jval_get(vars, "queueName")));
    if (str_is(op, "StopRequests"))
        return stop_requests(a);
    if (str_is(op, "RunStatuses"))
        return run_statuses(a, vars);
    if (str_is(op, "UpsertBucket") || str_is(op, "CreateRunFiles") || str_is(op, "GetSweepState"))
        return run_call(a, op, vars);
    return item_call(a, op, vars);
}

static bool is_unheard(struct str op)
{
    return queue.deaf && (str_is(op, "LaunchAgent") || str_is(op, "updateLaunchAgent"));
}

static void serve(void *ctx, struct http_exchange *x)
{
    struct jval *v = NULL;
    struct str op;
    const char *data;

    queue.requests++;
    if (queue.own_server)
        http_reply_header(x, "Server", STR("slipway/test"));
    if (!queue.down && serve_file(x))
        return;
    if (queue.down || queue.answer_429 > 0 || jval_from_json(x->a, x->body, "body", NULL, &v, NULL)) {
        queue.answer_429 -= queue.answer_429 > 0;
        http_reply_text(x, queue.down ? 503 : 429, "text/plain", STR("no"));
        return;
    }
    op = jval_str(jval_get(v, "operationName"));
    if (is_unheard(op)) {
        http_reply_text(x, 503, "text/plain", STR("no"));
        return;
    }
    tell_call(op, jval_get(v, "variables"));
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
