/*
 * agent/register.c: telling the server who takes from which queues. A queue that is not there yet is looked
 * for again with each heartbeat, and those that are there are served meanwhile.
 */
#include <string.h>
#include <unistd.h>

#include "agent/agent_internal.h"
#include "base/log.h"
#include "base/mem.h"

enum { LOOK_OWN_MS = 1000, LOOK_OTHER_MS = 10000, HOST_BYTES = 256, REFUSED_TO_BELIEVE = 2 };

/* Which of our queues there are, in our order. */
struct found {
    struct str *ids;
    const char **names; /* NULL-ended; borrowed from the options */
    size_t count;
    struct strbuf all, missing; /* as text */
};

static size_t count_queues(const struct agent *a)
{
    size_t n = 0;

    while (a->o.queues[n])
        n++;
    return n;
}

static int find_queues(struct agent *a, struct arena *arena, struct found *f, struct err *e)
{
    struct wandb_queue_list list = { 0 };
    int rc = wandb_queues(a->o.wandb, arena, str_of(a->o.entity), &list, e);

    f->ids = arena_array(arena, count_queues(a) + 1, sizeof(*f->ids));
    f->names = arena_array(arena, count_queues(a) + 1, sizeof(*f->names));
    for (size_t i = 0; !rc && a->o.queues[i]; i++) {
        size_t j = 0;

        while (j < list.len && !str_is(list.items[j].name, a->o.queues[i]))
            j++;
        if (j == list.len) {
            strbuf_addf(&f->missing, "%s%s", f->missing.len ? ", " : "", a->o.queues[i]);
            continue;
        }
        f->names[f->count] = a->o.queues[i];
        f->ids[f->count++] = list.items[j].id;
    }
    for (size_t j = 0; j < list.len; j++)
        strbuf_addf(&f->all, "%s%.*s", j ? ", " : "", STR_ARG(list.items[j].name));
    return rc;
}

/* Told once, and again when something else is missing. */
static void tell_missing(struct agent *a, const struct found *f)
{
    if (str_eq(a->queues_missing, strbuf_str(&f->missing)))
        return;
    a->queues_missing = arena_str(a->ids, strbuf_str(&f->missing));
    if (f->missing.len)
        LOG_WARNING("agent.no_queue",
                    "queue=\"%s\" entity=%s there=\"%.*s\" action=\"waiting until it is made ('slipway queue "
                    "create', or the W&B app)\"",
                    strbuf_cstr(&f->missing), a->o.entity, STR_ARG(strbuf_str(&f->all)));
}

static int create_record(struct agent *a, struct arena *arena, const struct found *f, struct err *e)
{
    char host[HOST_BYTES] = "";
    struct wandb_agent_record record = { .entity = str_of(a->o.entity),
                                         .queue_ids = f->ids,
                                         .queue_count = f->count,
                                         .agent_config = str_of(a->o.config_json),
                                         .version = str_of(a->o.version) };
    struct str id = { 0 };
    int64_t began = io_now_ms(a->io);
    int rc;

    if (gethostname(host, sizeof(host) - 1))
        host[0] = '\0'; /* only for people to read */
    record.hostname = str_of(host);
    rc = wandb_agent_create(a->o.wandb, arena, &record, &id, e);
    if (rc)
        return rc;
    a->agent_id = arena_str(a->ids, id);
    a->last_beat_ms = began; /* the server counts our silence from here */
    return 0;
}

static bool is_served(const struct agent *a, const struct found *f)
{
    size_t i = 0;

    while (i < f->count && a->served && a->served[i] && strcmp(a->served[i], f->names[i]) == 0)
        i++;
    return i == f->count && a->served && !a->served[i];
}

/* Only a record with other queues than now, or one that was asked for, is a new one. */
static int register_found(struct agent *a, struct arena *arena, const struct found *f, struct err *e)
{
    const char **served;
    int rc;

    if (f->count == 0 && !a->served)
        return err_set(e, ERR_CONFIG, "no queue %s in entity \"%s\"", strbuf_cstr(&f->missing), a->o.entity);
    if (f->count == 0 || (is_served(a, f) && !a->register_again))
        return 0;
    rc = create_record(a, arena, f, e);
    if (rc)
        return rc;
    served = arena_array(a->ids, f->count + 1, sizeof(*served));
    memcpy(served, f->names, f->count * sizeof(*served));
    a->served = served;
    a->register_again = false;
    hold_all_again(a); /* under a new id */
    LOG_INFO("agent.registered", "agent=%.*s entity=%s server=%s", STR_ARG(a->agent_id), a->o.entity,
             wandb_base_url(a->o.wandb));
    if (!a->draining)
        takers_start(a);
    return 0;
}

static int register_once(struct agent *a, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct found f = { .all = STRBUF(4096), .missing = STRBUF(4096) };
    int rc = find_queues(a, arena, &f, e);

    if (!rc)
        tell_missing(a, &f);
    if (!rc)
        rc = register_found(a, arena, &f, e);
    strbuf_done(&f.all);
    strbuf_done(&f.missing);
    return rc;
}

/* What no waiting will mend: a wrong key or entity. Said twice it ends an agent that has nothing in hand;
 * with launches in hand it goes on asking, for they can only end with the server. */
static bool is_final(const struct err *e)
{
    return e->code == ERR_AUTH || e->code == ERR_DENIED || e->code == ERR_NOT_FOUND || e->code == ERR_INVALID;
}

int agent_register(struct agent *a)
{
    uint32_t refused = 0;

    a->register_again = true;
    for (uint32_t attempt = 0;; attempt++) {
        struct err e = { 0 };
        int rc = register_once(a, &e);
        bool no_queue_yet = rc == -ERR_CONFIG;

        if (!rc || rc == -ERR_CANCELLED)
            return rc;
        refused = is_final(&e) ? refused + 1 : 0;
        if (refused >= REFUSED_TO_BELIEVE && !a->registered && !a->launches.len) {
            a->failure = rc;
            a->failure_err = e;
            cond_broadcast(a->io, &a->changed);
            return rc;
        }
        if (attempt == 0 && !no_queue_yet)
            LOG_WARNING("agent.not_registered",
                        "server=%s error=\"%s\" action=\"trying again until it answers\"",
                        wandb_base_url(a->o.wandb), e.msg);
        if (no_queue_yet)
            rc = cond_wait(a->io, &a->beat, wandb_is_slipway(a->o.wandb) ? LOOK_OWN_MS : LOOK_OTHER_MS, NULL);
        else
            rc = agent_sleep_retry(a, attempt, &e, NULL);
        if (rc == -ERR_CANCELLED)
            return rc;
    }
}

int agent_register_anew(struct agent *a)
{
    struct err e = { 0 };
    int rc;

    if (!a->register_again && !a->queues_missing.len)
        return 0;
    rc = register_once(a, &e);
    if (rc && rc != -ERR_CANCELLED)
        LOG_WARNING("agent.not_registered", "error=\"%s\" action=\"trying again with the next heartbeat\"",
                    e.msg);
    return rc == -ERR_CANCELLED ? rc : 0;
}
