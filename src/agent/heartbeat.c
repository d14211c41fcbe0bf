/* agent/heartbeat.c: registering with the server, and staying in touch; an outage of any length is survived.
 */
#include <stdlib.h>
#include <unistd.h>

#include "agent/agent_internal.h"
#include "base/log.h"
#include "base/mem.h"

enum { SILENCE_MS = 180000, BEAT_MS = 10000, QUEUE_LOOK_MS = 1000, BEATS_PER_UPDATE = 2, HOST_BYTES = 256 };

/* The ids of the queues we listen to, in our order; all that are missing are named at once. */
static int find_queues(struct agent *a, struct arena *arena, struct str *ids, size_t *ret_count,
                       struct err *e)
{
    struct wandb_queue_list list = { 0 };
    AUTO_STRBUF struct strbuf missing = STRBUF(500);
    AUTO_STRBUF struct strbuf there = STRBUF(500);
    size_t count = 0;
    int rc = wandb_queues(a->o.wandb, arena, str_of(a->o.entity), &list, e);

    for (size_t i = 0; !rc && a->o.queues[i]; i++) {
        size_t j = 0;

        while (j < list.len && !str_is(list.items[j].name, a->o.queues[i]))
            j++;
        if (j < list.len)
            ids[count++] = list.items[j].id;
        else
            strbuf_addf(&missing, "%s%s", missing.len ? ", " : "", a->o.queues[i]);
    }
    for (size_t j = 0; j < list.len; j++)
        strbuf_addf(&there, "%s%.*s", j ? ", " : "", STR_ARG(list.items[j].name));
    if (!rc && missing.len)
        rc = err_set(e, ERR_CONFIG, "no queue %s in entity \"%s\"; there are: %s", strbuf_cstr(&missing),
                     a->o.entity, there.len ? strbuf_cstr(&there) : "none");
    if (!rc)
        *ret_count = count;
    return rc;
}

static size_t count_queues(const struct agent *a)
{
    size_t n = 0;

    while (a->o.queues[n])
        n++;
    return n;
}

static int register_once(struct agent *a, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    char host[HOST_BYTES] = "";
    struct wandb_agent_record record = { .entity = str_of(a->o.entity),
                                         .agent_config = str_of(a->o.config_json),
                                         .version = str_of(a->o.version) };
    struct str *ids = arena_array(arena, count_queues(a) + 1, sizeof(*ids)), id = { 0 };
    int rc = find_queues(a, arena, ids, &record.queue_count, e);

    if (rc)
        return rc;
    if (gethostname(host, sizeof(host) - 1))
        host[0] = '\0'; /* only for people to read */
    record.hostname = str_of(host);
    record.queue_ids = ids;
    rc = wandb_agent_create(a->o.wandb, arena, &record, &id, e);
    if (rc)
        return rc;
    free((char *)a->agent_id.ptr);
    a->agent_id = (struct str){ xstrndup(id.ptr, id.len), id.len };
    return 0;
}

/* What no waiting will mend: a wrong queue, key or entity. It ends the agent once nothing is left to do. */
static bool is_final(const struct err *e)
{
    return e->code == ERR_CONFIG || e->code == ERR_AUTH || e->code == ERR_DENIED ||
           e->code == ERR_NOT_FOUND || e->code == ERR_INVALID;
}

static int register_until_done(struct agent *a)
{
    for (uint32_t attempt = 0;; attempt++) {
        struct err e = { 0 };
        int rc = register_once(a, &e);
        bool no_queue_yet = rc == -ERR_CONFIG && a->o.wait_for_queues;

        if (!rc) {
            hold_all_again(a); /* under a new id */
            LOG_INFO("agent.registered", "agent=%.*s entity=%s server=%s", STR_ARG(a->agent_id), a->o.entity,
                     wandb_base_url(a->o.wandb));
            return 0;
        }
        if (rc != -ERR_CANCELLED && is_final(&e) && !a->registered && !no_queue_yet) {
            a->failure = rc;
            a->failure_err = e;
            cond_broadcast(a->io, &a->changed);
            return rc;
        }
        if (rc != -ERR_CANCELLED && attempt == 0)
            LOG_WARNING("agent.not_registered",
                        "server=%s error=\"%s\" action=\"trying again until it answers\"",
                        wandb_base_url(a->o.wandb), e.msg);
        if (rc == -ERR_CANCELLED ||
            (no_queue_yet ? io_sleep(a->io, QUEUE_LOOK_MS, NULL) : agent_sleep_retry(a, attempt, &e, NULL)))
            return -ERR_CANCELLED;
    }
}

/* With other queues than before. One that is not there is tried for again with the next beat, and beats go
 * on.
 */
static int register_anew(struct agent *a)
{
    struct err e = { 0 };
    int rc = register_once(a, &e);

    if (rc == -ERR_CANCELLED)
        return rc;
    if (rc) {
        LOG_WARNING("agent.not_registered", "error=\"%s\" action=\"trying again with the next heartbeat\"",
                    e.msg);
        return 0;
    }
    a->register_again = false;
    hold_all_again(a); /* under a new id */
    LOG_INFO("agent.registered", "agent=%.*s entity=%s server=%s", STR_ARG(a->agent_id), a->o.entity,
             wandb_base_url(a->o.wandb));
    return 0;
}

/* One beat: are we to stop; and what we are doing. */
static int beat(struct agent *a, const char *status, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct wandb_agent_status seen = { 0 };
    int64_t began = io_now_ms(a->io);
    int rc = wandb_agent_get(a->o.wandb, arena, a->agent_id, &seen, e);

    if (!rc && status) /* the server writes down that we live when it is told what we do */
        rc = wandb_agent_update(a->o.wandb, a->agent_id, status, e);
    if (!rc && status && a->last_beat_ms && io_now_ms(a->io) - a->last_beat_ms > SILENCE_MS)
        hold_all_again(a);
    if (!rc && status)
        a->last_beat_ms = began;
    if (!rc && seen.stop_polling) {
        LOG_INFO("agent.stop_asked", "agent=%.*s", STR_ARG(a->agent_id));
        agent_drain(a);
    }
    return rc;
}

static int after_beat(struct agent *a, int rc)
{
    if (rc == -ERR_NOT_FOUND) /* the server started again from nothing */
        return register_until_done(a);
    return rc == 0 && a->register_again ? register_anew(a) : rc;
}

/* -ERR_CANCELLED, else 0. */
static int beat_until_cancelled(struct agent *a)
{
    const char *told = NULL;
    uint32_t failures = 0;

    for (unsigned n = 0;; n++) {
        const char *status = a->launches.len ? "RUNNING" : "POLLING";
        bool tell = status != told || n % BEATS_PER_UPDATE == 0;
        struct err e = { 0 };
        int rc = after_beat(a, beat(a, tell ? status : NULL, &e));

        if (rc == -ERR_CANCELLED)
            return rc;
        if (rc && failures++ == 0)
            LOG_WARNING("agent.heartbeat_failed", "error=\"%s\" action=\"trying again until it answers\"",
                        e.msg);
        if (!rc && failures)
            LOG_INFO("agent.heartbeat_recovered", "failures=%u", failures);
        failures = rc ? failures : 0;
        told = rc ? told : status;
        rc = rc ? agent_sleep_retry(a, failures - 1, &e, NULL) : io_sleep(a->io, BEAT_MS, NULL);
        if (rc)
            return rc;
    }
}

void heartbeat_run(void *arg)
{
    struct agent *a = arg;

    if (register_until_done(a))
        return;
    a->registered = true;
    if (!a->draining)
        takers_start(a);
    (void)!beat_until_cancelled(a); /* ends only when cancelled */
}
