/* bench/load/protocols.c: see load.h. Slipway's GraphQL over HTTP, beanstalkd's lines, Redis' streams. */
#include <stdio.h>
#include <string.h>

#include "base/defs.h"
#include "load.h"

/* What follows @mark, up to any of @ends. */
static bool find_after(struct str in, const char *mark, const char *ends, char *ret, size_t size)
{
    int64_t at = str_find(in, str_of(mark));
    size_t n;

    if (at < 0)
        return false;
    in = str_sub(in, (size_t)at + strlen(mark), in.len);
    for (n = 0; n < in.len && n + 1 < size && !strchr(ends, in.ptr[n]); n++)
        ret[n] = in.ptr[n];
    ret[n] = '\0';
    return n > 0;
}

static int64_t number_after(struct str in, const char *mark, int64_t fallback)
{
    char text[24];
    int64_t n = fallback;

    if (find_after(in, mark, ",}\r\n ", text, sizeof(text)))
        (void)!str_to_i64(str_of(text), &n);
    return n;
}

/* --- GraphQL over HTTP ---------------------------------------------------------------------------------- */

static void graphql_body(struct load_client *c, struct strbuf *b)
{
    const struct load_options *o = c->o;

    if (o->op == LOAD_PUSH)
        strbuf_addf(
            b,
            "{\"query\":\"mutation Push($e: String!, $q: String!, $spec: JSONString!) { "
            "pushToRunQueueByName(input: {entityName: $e, projectName: \\\"model-registry\\\", queueName: "
            "$q, runSpec: $spec}) { runQueueItemId } }\",\"variables\":{\"e\":\"%s\",\"q\":\"%s\","
            "\"spec\":\"{\\\"docker\\\":{\\\"docker_image\\\":\\\"img:1\\\"},\\\"name\\\":\\\"%s\\\"}\"}}",
            o->entity, o->queue, o->body);
    else if (c->step == 0)
        strbuf_addf(
            b,
            "{\"query\":\"mutation Pop($e: String!, $q: String!, $a: ID!) { popFromRunQueue(input: "
            "{entityName: $e, projectName: \\\"model-registry\\\", queueName: $q, launchAgentId: $a}) { "
            "runQueueItemId runSpec fence } }\",\"variables\":{\"e\":\"%s\",\"q\":\"%s\",\"a\":\"%s\"}}",
            o->entity, o->queue, o->agent);
    else
        strbuf_addf(
            b,
            "{\"query\":\"mutation Ack($i: ID!, $r: String!, $f: Int) { ackRunQueueItem(input: "
            "{runQueueItemId: $i, runName: $r, fence: $f}) { success } }\",\"variables\":{\"i\":\"%s\","
            "\"r\":\"r%.*s\",\"f\":%lld}}",
            c->id, 7, c->id, (long long)c->fence);
}

static void graphql_ask(struct load_client *c, struct strbuf *out)
{
    AUTO_STRBUF struct strbuf body = STRBUF(BODY_MAX * 2);

    graphql_body(c, &body);
    strbuf_addf(out,
                "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                "Authorization: Basic %s\r\nContent-Length: %zu\r\n\r\n%s",
                c->o->login, body.len, strbuf_cstr(&body));
}

static int64_t graphql_answer(struct load_client *c, struct str in)
{
    int64_t head = str_find(in, STR("\r\n\r\n")), body = number_after(in, "Content-Length: ", -1);

    if (head < 0)
        return 0;
    if (!str_has_prefix(in, STR("HTTP/1.1 200")) || body < 0)
        return -1;
    if ((int64_t)in.len < head + 4 + body)
        return 0;
    in = str_sub(in, 0, (size_t)(head + 4 + body));
    if (c->o->op == LOAD_LEASE && c->step == 1)
        return str_find(in, STR("\"success\":true")) >= 0 ? (int64_t)in.len : -1;
    if (!find_after(in, "\"runQueueItemId\":\"", "\"", c->id, sizeof(c->id)))
        return -1;
    c->fence = number_after(in, "\"fence\":", 0);
    return (int64_t)in.len;
}

const struct load_protocol load_graphql = { "graphql", graphql_ask, graphql_answer };

/* --- beanstalkd ----------------------------------------------------------------------------------------- */

static void beanstalkd_ask(struct load_client *c, struct strbuf *out)
{
    if (c->o->op == LOAD_PUSH)
        strbuf_addf(out, "put 100 0 600 %lld\r\n%s\r\n", (long long)c->o->bytes, c->o->body);
    else if (c->step == 0)
        strbuf_addz(out, "reserve\r\n");
    else
        strbuf_addf(out, "delete %s\r\n", c->id);
}

static int64_t beanstalkd_answer(struct load_client *c, struct str in)
{
    int64_t line = str_find(in, STR("\r\n"));
    int64_t n;

    if (line < 0)
        return 0;
    if (str_has_prefix(in, STR("INSERTED ")) || str_has_prefix(in, STR("DELETED")))
        return line + 2;
    if (!find_after(in, "RESERVED ", " ", c->id, sizeof(c->id)))
        return -1;
    n = number_after(str_sub(in, STR("RESERVED ").len, in.len), " ", -1);
    if (n < 0)
        return -1;
    return (int64_t)in.len >= line + 2 + n + 2 ? line + 2 + n + 2 : 0;
}

const struct load_protocol load_beanstalkd = { "beanstalkd", beanstalkd_ask, beanstalkd_answer };

/* --- Redis ---------------------------------------------------------------------------------------------- */

/* A stream with one group of readers: an entry stays pending until it is acknowledged. */
static void redis_ask(struct load_client *c, struct strbuf *out)
{
    char reader[16];

    snprintf(reader, sizeof(reader), "r%05d", c->number);
    if (c->o->op == LOAD_PUSH)
        strbuf_addf(out, "*5\r\n$4\r\nXADD\r\n$1\r\nq\r\n$1\r\n*\r\n$1\r\nb\r\n$%lld\r\n%s\r\n",
                    (long long)c->o->bytes, c->o->body);
    else if (c->step == 0)
        strbuf_addf(
            out,
            "*9\r\n$10\r\nXREADGROUP\r\n$5\r\nGROUP\r\n$1\r\ng\r\n$6\r\n%s\r\n$5\r\nCOUNT\r\n$1\r\n1\r\n"
            "$7\r\nSTREAMS\r\n$1\r\nq\r\n$1\r\n>\r\n",
            reader);
    else
        strbuf_addf(out, "*4\r\n$4\r\nXACK\r\n$1\r\nq\r\n$1\r\ng\r\n$%zu\r\n%s\r\n", strlen(c->id), c->id);
}

/* Where the value at @at ends; 0: it is not there as a whole yet. */
static size_t redis_value_end(struct str in, size_t at)
{
    struct str rest = str_sub(in, at, in.len);
    int64_t line = str_find(rest, STR("\r\n")), n = 0;

    if (line < 1)
        return 0;
    (void)!str_to_i64(str_sub(rest, 1, (size_t)line), &n);
    at += (size_t)line + 2;
    if (rest.ptr[0] == '$' && n >= 0)
        return at + (size_t)n + 2 <= in.len ? at + (size_t)n + 2 : 0;
    if (rest.ptr[0] != '*')
        return at;
    for (int64_t i = 0; at && i < n; i++)
        at = redis_value_end(in, at);
    return at;
}

static int64_t redis_answer(struct load_client *c, struct str in)
{
    size_t end = redis_value_end(in, 0);
    static const char before_id[] = "*1\r\n*2\r\n$1\r\nq\r\n*1\r\n*2\r\n$";
    bool taken = c->o->op == LOAD_LEASE && c->step == 0;

    if (!end)
        return 0;
    if (taken && (!str_has_prefix(in, str_of(before_id)) ||
                  !find_after(str_sub(in, sizeof(before_id) - 1, end), "\r\n", "\r", c->id, sizeof(c->id))))
        return -1;
    return in.ptr[0] == '-' || (c->step == 1 && in.ptr[1] != '1') ? -1 : (int64_t)end;
}

const struct load_protocol load_redis = { "redis", redis_ask, redis_answer };
