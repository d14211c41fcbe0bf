/* agent/status.c: an agent's operator: what it does now, pausing, and a config that was read again. */
#include "agent/agent_internal.h"
#include "base/log.h"
#include "base/timefmt.h"

void agent_pause(struct agent *a, bool paused)
{
    if (a->paused == paused)
        return;
    a->paused = paused;
    LOG_INFO(paused ? "agent.paused" : "agent.resumed", "launches=%zu", a->launches.len);
    agent_slots_changed(a); /* takers look again */
}

void agent_reload(struct agent *a, const struct agent_options *o)
{
    a->o.queues = o->queues;
    a->o.max_jobs = o->max_jobs;
    a->o.max_schedulers = o->max_schedulers;
    a->o.policies = o->policies ? o->policies : &a->default_policies;
    a->o.gcp_project = o->gcp_project;
    a->o.region = o->region;
    a->o.macro_allow_env = o->macro_allow_env;
    a->o.config_json = o->config_json;
    a->o.stop_grace_ms = o->stop_grace_ms ? o->stop_grace_ms : a->o.stop_grace_ms;
    for (size_t i = 0; i < a->launches.len; i++)
        launch_count(a->launches.items[i], true);
    a->register_again = true;
    cond_broadcast(a->io, &a->beat);
    agent_slots_changed(a); /* who waits for a slot, and whose queue is gone */
}

static void set_time(struct arena *a, struct jval *v, const char *key, int64_t unix_ms)
{
    char text[RFC3339_SIZE];

    if (unix_ms)
        jval_set_cstr(a, v, key, rfc3339_format(unix_ms, text));
}

static struct jval *waiting_launch(struct arena *a, const struct launch *l)
{
    struct jval *v = jval_new_object(a);

    jval_set(a, v, "item", jval_new_str(a, l->row.item));
    jval_set(a, v, "run", jval_new_str(a, l->row.run_id));
    jval_set(a, v, "queue", jval_new_str(a, l->row.queue));
    jval_set_cstr(a, v, "cause", launch_cause_name(l->row.cause));
    jval_set(a, v, "reason", jval_new_str(a, l->row.reason));
    set_time(a, v, "since", l->row.waiting_since_ms);
    return v;
}

static void add_launches(const struct agent *ag, struct arena *a, struct jval *v)
{
    struct jval *phases = jval_new_object(a), *waiting = jval_new_array(a);
    int64_t count[LAUNCH_PHASE_COUNT] = { 0 };

    for (size_t i = 0; i < ag->launches.len; i++) {
        const struct launch *l = ag->launches.items[i];

        count[l->row.phase]++;
        if (l->row.phase == LAUNCH_WAITING)
            jval_push(a, waiting, waiting_launch(a, l));
    }
    for (unsigned p = 0; p < LAUNCH_PHASE_COUNT; p++)
        if (count[p])
            jval_set_int(a, phases, launch_phase_name((enum launch_phase)p), count[p]);
    jval_set(a, v, "launches", phases);
    jval_set(a, v, "waiting", waiting);
}

const struct jval *agent_status(const struct agent *ag, struct arena *a)
{
    struct jval *v = jval_new_object(a), *queues = jval_new_array(a), *slots = jval_new_object(a);
    int64_t age = io_now_ms(ag->io) - ag->last_beat_ms;

    for (size_t i = 0; ag->o.queues[i]; i++)
        jval_push(a, queues, jval_new_cstr(a, ag->o.queues[i]));
    jval_set_int(a, slots, "used", (int64_t)agent_slots_used(ag));
    jval_set_int(a, slots, "max", ag->o.max_jobs);
    jval_set_cstr(a, v, "entity", ag->o.entity);
    jval_set_cstr(a, v, "server", wandb_base_url(ag->o.wandb));
    jval_set_cstr(a, v, "version", ag->o.version);
    jval_set(a, v, "queues", queues);
    jval_set_bool(a, v, "paused", ag->paused);
    jval_set_bool(a, v, "draining", ag->draining);
    jval_set_bool(a, v, "ready", agent_is_ready(ag));
    if (ag->last_beat_ms)
        set_time(a, v, "lastHeartbeatAt", io_now_unix_ms(ag->io) - age);
    jval_set(a, v, "slots", slots);
    add_launches(ag, a, v);
    return v;
}
