/* agent/heartbeat.c: staying in touch with the server; an outage of any length is survived. */
#include "agent/agent_internal.h"
#include "base/log.h"

enum { SILENCE_MS = 180000, BEAT_MS = 10000, BEATS_PER_UPDATE = 2 };

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
        return agent_register(a);
    return rc == 0 ? agent_register_anew(a) : rc;
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
        rc = rc ? agent_sleep_retry(a, failures - 1, &e, NULL) : cond_wait(a->io, &a->beat, BEAT_MS, NULL);
        if (rc == -ERR_CANCELLED)
            return rc;
    }
}

void heartbeat_run(void *arg)
{
    struct agent *a = arg;

    if (agent_register(a))
        return;
    a->registered = true;
    (void)!beat_until_cancelled(a); /* ends only when cancelled */
}
