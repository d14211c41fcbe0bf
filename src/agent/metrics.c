/* agent/metrics.c: what an agent does, for those who watch over it. */
#include "agent/agent_internal.h"
#include "base/prom.h"

enum { BEAT_FRESH_MS = 60000 };

bool agent_is_ready(const struct agent *a)
{
    return a->registered && !a->draining && a->last_beat_ms &&
           io_now_ms(a->io) - a->last_beat_ms < BEAT_FRESH_MS;
}

static void launches_by_phase(const struct agent *a, struct strbuf *out)
{
    size_t count[LAUNCH_PHASE_COUNT] = { 0 };

    for (size_t i = 0; i < a->launches.len; i++)
        count[((const struct launch *)a->launches.items[i])->row.phase]++;
    prom_head(out, "slipway_agent_launches", "gauge", "Launches in hand, by phase.");
    for (unsigned p = 0; p < LAUNCH_REPORTED; p++)
        strbuf_addf(out, "slipway_agent_launches{phase=\"%s\"} %zu\n",
                    launch_phase_name((enum launch_phase)p), count[p]);
}

static void by_cause(struct strbuf *out, const char *name, const uint64_t counts[CAUSE_COUNT])
{
    for (unsigned c = 0; c < CAUSE_COUNT; c++)
        if (counts[c])
            strbuf_addf(out, "%s{cause=\"%s\"} %llu\n", name,
                        c == CAUSE_NONE ? "other" : launch_cause_name((enum launch_cause)c),
                        (unsigned long long)counts[c]);
}

static void causes(const struct agent *a, struct strbuf *out)
{
    uint64_t waiting[CAUSE_COUNT] = { 0 };

    for (size_t i = 0; i < a->launches.len; i++) {
        const struct launch *l = a->launches.items[i];

        waiting[l->row.cause] += l->row.phase == LAUNCH_WAITING;
    }
    prom_head(out, "slipway_agent_launches_waiting", "gauge", "Launches that wait now, by cause.");
    by_cause(out, "slipway_agent_launches_waiting", waiting);
    prom_head(out, "slipway_agent_waits_total", "counter", "Times a launch was put off, by cause.");
    by_cause(out, "slipway_agent_waits_total", a->waited_for);
    prom_head(out, "slipway_agent_launches_failed_total", "counter", "Launches that failed, by cause.");
    by_cause(out, "slipway_agent_launches_failed_total", a->failed_for);
}

static bool holds_job(const struct launch *l)
{
    return l->row.phase == LAUNCH_ACTIVE || l->row.phase == LAUNCH_STOPPING;
}

/* Is an earlier launch in the same region? Then its line is there already. */
static bool region_is_told(const struct agent *a, size_t index, struct str region)
{
    for (size_t i = 0; i < index; i++) {
        const struct launch *l = a->launches.items[i];

        if (holds_job(l) && str_eq(l->row.region, region))
            return true;
    }
    return false;
}

static void jobs_by_region(const struct agent *a, struct strbuf *out)
{
    prom_head(out, "slipway_agent_vertex_jobs", "gauge", "Vertex AI jobs that are watched, by region.");
    for (size_t i = 0; i < a->launches.len; i++) {
        const struct launch *l = a->launches.items[i];
        size_t count = 0;

        if (!holds_job(l) || region_is_told(a, i, l->row.region))
            continue;
        for (size_t j = i; j < a->launches.len; j++) {
            const struct launch *other = a->launches.items[j];

            count += holds_job(other) && str_eq(other->row.region, l->row.region);
        }
        strbuf_addz(out, "slipway_agent_vertex_jobs{region=\"");
        prom_text(out, l->row.region);
        strbuf_addf(out, "\"} %zu\n", count);
    }
}

static void totals(const struct agent *a, struct strbuf *out)
{
    static const struct {
        enum launch_phase phase;
        const char *outcome;
    } ends[] = { { LAUNCH_FINISHED, "finished" },
                 { LAUNCH_FAILED, "failed" },
                 { LAUNCH_STOPPED, "stopped" },
                 { LAUNCH_PREEMPTED, "preempted" } };

    prom_one(out, "slipway_agent_items_taken_total", "counter", "Items taken from queues.",
             (double)a->items_taken);
    prom_one(out, "slipway_agent_jobs_submitted_total", "counter", "Vertex AI jobs made or found again.",
             (double)a->moves[LAUNCH_ACTIVE]);
    prom_one(out, "slipway_agent_reported_total", "counter", "Outcomes that the queue has taken.",
             (double)a->moves[LAUNCH_REPORTED]);
    prom_head(out, "slipway_agent_launches_ended_total", "counter", "Launches that ended, by outcome.");
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        strbuf_addf(out, "slipway_agent_launches_ended_total{outcome=\"%s\"} %llu\n", ends[i].outcome,
                    (unsigned long long)a->moves[ends[i].phase]);
}

static void requests(const struct agent *a, struct strbuf *out)
{
    static const struct prom_calls_names names = { "slipway_agent_request", "to", "Requests sent" };
    struct prom_kind kinds[GOOGLE_TRAFFIC_MAX + 2];
    const struct google_traffic *google;
    size_t len = google_traffic(a->o.google, &google);

    for (size_t i = 0; i < len; i++)
        kinds[i] = (struct prom_kind){ google[i].service, &google[i].calls };
    kinds[len++] = (struct prom_kind){ "queue", wandb_traffic(a->o.wandb, false) };
    kinds[len++] = (struct prom_kind){ "queue_wait", wandb_traffic(a->o.wandb, true) };
    prom_calls_write(out, &names, kinds, len);
}

void agent_metrics(const struct agent *a, struct strbuf *out)
{
    int64_t age = a->last_beat_ms ? io_now_ms(a->io) - a->last_beat_ms : -1;

    prom_head(out, "slipway_agent_info", "gauge", "The agent's version.");
    strbuf_addz(out, "slipway_agent_info{version=\"");
    prom_text(out, str_of(a->o.version));
    strbuf_addz(out, "\"} 1\n");
    prom_one(out, "slipway_agent_ready", "gauge", "1 when the queue server answers.", agent_is_ready(a));
    if (age >= 0)
        prom_one(out, "slipway_agent_last_heartbeat_timestamp_seconds", "gauge",
                 "When the queue server last answered a heartbeat.",
                 (double)(io_now_unix_ms(a->io) - age) / 1000);
    prom_one(out, "slipway_agent_slots", "gauge", "How many jobs may be in hand at once; -1: no limit.",
             (double)a->o.max_jobs);
    prom_one(out, "slipway_agent_slots_used", "gauge",
             "Slots that launches hold, or that are kept for a poll.", (double)agent_slots_used(a));
    launches_by_phase(a, out);
    jobs_by_region(a, out);
    causes(a, out);
    prom_one(out, "slipway_agent_journal_bytes", "gauge", "Size of the journal on disk, with its log.",
             (double)journal_bytes(a->journal));
    totals(a, out);
    requests(a, out);
}
