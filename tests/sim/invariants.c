/*
 * tests/sim/invariants.c: what has to hold inside the agents after each step, and in what all of them and the
 * server have written down at the end. What the client can see is checked in client.c, what a job can see in
 * world.c.
 */
#include "invariants.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_internal.h"
#include "base/mem.h"

enum {
    POLL_MS = 120 * 1000,         /* a request that waits for its time-out, the longest back-off, a poll */
    TAKEOVER_MS = 20 * 60 * 1000, /* from calm weather on: the longest absence, silence, probes */
    ADOPT_MS = 5 * 60 * 1000,     /* likewise: the longest back-offs, and a list that lags */
    MAX_FILE = 8 * 1024 * 1024
};

/* --- slots ---------------------------------------------------------------------------------------------- */

static const struct world_item *item_of(const struct world *w, struct str id)
{
    for (size_t i = 0; i < w->item_count; i++)
        if (str_is(id, w->items[i].id))
            return &w->items[i];
    return NULL;
}

/* Its job ended so long ago that its agent has to know. */
static bool ended_long_ago(const struct world *w, const struct world_item *item)
{
    int64_t since_ms = item && item->last_end_ms > w->calm_since_ms ? item->last_end_ms : w->calm_since_ms;

    return item && w->calm && item->started > 0 && !item->living && sim_now_ms(w->sim) - since_ms > POLL_MS;
}

static bool is_watched(const struct launch *l)
{
    return l->row.phase == LAUNCH_ACTIVE || l->row.phase == LAUNCH_STOPPING;
}

static void check_slots(struct world *w, const struct agent *a)
{
    size_t kept = 0, wanted = 0;

    for (size_t i = 0; i < a->launches.len; i++) {
        const struct launch *l = a->launches.items[i];

        kept += l->has_slot;
        wanted += l->wants_slot;
        if (l->has_slot && l->wants_slot)
            world_break(w, "a launch wants a slot and has one");
    }
    if (a->reserved > kept + a->taker_list.len)
        world_break(w, "%zu slots are kept, for %zu launches and %zu takers", a->reserved, kept,
                    a->taker_list.len);
    if (a->slots_wanted != wanted)
        world_break(w, "%zu launches want a slot, %zu are counted", wanted, a->slots_wanted);
}

/* By its own rows: a create that may have made a job counts as one. A scheduler that it took over and made no
   attempt for is not counted: all it does is look for what the agent before it made, and watch or stop that.
   Nor is a job that it adopted, which it may find when it has taken others already.
 */
static void check_max_jobs(struct world *w, const struct world_machine *m)
{
    int64_t jobs[2] = { 0 }; /* of programs, of schedulers */

    for (size_t i = 0; i < m->agent->launches.len; i++) {
        const struct launch_row *r = &((const struct launch *)m->agent->launches.items[i])->row;
        bool ended = vertex_status_is_ended(vertex_status_parse(r->vertex_status));
        bool in_hand = r->phase == LAUNCH_SUBMITTING ||
                       ((r->phase == LAUNCH_ACTIVE || r->phase == LAUNCH_STOPPING) && !ended);

        jobs[r->scheduler] += in_hand && (r->attempt > 0 || (!r->scheduler && !w->wandb));
    }
    if (jobs[0] > w->max_jobs || jobs[1] > w->max_schedulers)
        world_break(w, "%s has %lld jobs and %lld schedulers in hand", m->dir, (long long)jobs[0],
                    (long long)jobs[1]);
}

/* Its machine may have been cut off or down until a moment ago. */
static bool has_been_well(const struct world *w, const struct world_machine *m)
{
    return w->calm && sim_now_ms(w->sim) - m->ill_ms > POLL_MS &&
           sim_now_ms(w->sim) - w->calm_since_ms > POLL_MS;
}

static void check_jobs(struct world *w, const struct world_machine *m)
{
    const struct agent *a = m->agent;

    for (size_t i = 0; has_been_well(w, m) && i < a->launches.len; i++) {
        const struct launch *l = a->launches.items[i];
        const struct world_item *item = item_of(w, l->row.item);

        if (is_watched(l) && !l->settling && io_now_ms(a->io) - l->active_since_ms > POLL_MS &&
            ended_long_ago(w, item))
            world_break(w, "%s holds a slot for %s, whose job ended %lld s ago", m->dir, item->label,
                        (long long)((sim_now_ms(w->sim) - item->last_end_ms) / 1000));
    }
}

static void note_illness(struct world *w, struct world_machine *m)
{
    bool cut = false;

    for (enum service s = TO_SERVER; s < SERVICES; s++)
        cut = cut || m->cut_until_ms[s];
    if (!sim_node_is_up(m->node) || sim_node_is_frozen(m->node) || cut || !w->calm)
        m->ill_ms = sim_now_ms(w->sim);
}

/* --- whose item it is ----------------------------------------------------------------------------------- */

bool invariants_has_jobs(const struct world_machine *m)
{
    const size_t *in = m->agent ? m->agent->in_phase : NULL;

    return in && in[LAUNCH_SUBMITTING] + in[LAUNCH_ACTIVE] + in[LAUNCH_STOPPING] > 0;
}

bool invariants_has_items(const struct world_machine *m)
{
    return m->agent && m->agent->launches.len > 0;
}

bool invariants_is_held(const struct world *w, const struct world_item *item)
{
    bool held = false;

    for (size_t i = 0; i < w->agent_count; i++)
        held = held || item->held[i];
    return held;
}

void invariants_lose(struct world *w, size_t agent)
{
    for (size_t i = 0; i < w->item_count; i++) {
        struct world_item *item = &w->items[i];

        item->lost = item->lost || item->held[agent];
        item->held[agent] = false;
    }
}

/* An agent that had an item until its lease ran out may not know yet that it has it no more. */
static void note_held(struct world *w, size_t agent)
{
    const struct agent *a = w->agents[agent].agent;

    for (size_t i = 0; i < w->item_count; i++) {
        struct world_item *item = &w->items[i];
        const struct launch *l = map_get(a->by_item, str_of(item->id));

        item->held[agent] = l && !l->row.disowned;
        item->lost = item->lost && !(item->held[agent] && l->row.acked);
        item->over_time = item->over_time || (l && l->row.phase == LAUNCH_STOPPING &&
                                              l->row.stop == LAUNCH_STOP_DEADLINE && hold_is_sure(l));
    }
}

void invariants_step(struct world *w)
{
    for (size_t i = 0; i < w->agent_count; i++) {
        struct world_machine *m = &w->agents[i];

        note_illness(w, m);
        if (!m->agent || !sim_node_is_up(m->node))
            continue;
        note_held(w, i);
        check_slots(w, m->agent);
        check_max_jobs(w, m);
        check_jobs(w, m);
    }
}

/* --- jobs ----------------------------------------------------------------------------------------------- */

/* In how many journals is it? */
static int hands(const struct world *w, struct str job)
{
    int n = 0;

    for (size_t i = 0; i < w->agent_count; i++) {
        const struct world_machine *m = &w->agents[i];

        n += m->agent && sim_node_is_up(m->node) && map_get(m->agent->by_job, job);
    }
    return n;
}

void invariants_job(struct world *w, struct str name)
{
    int64_t ill_ms = w->calm_since_ms;

    if (w->wandb && hands(w, name) > 1)
        world_break(w, "the job %.*s is in two journals", STR_ARG(name));
    for (size_t i = 0; i < w->agent_count; i++)
        ill_ms = w->agents[i].ill_ms > ill_ms ? w->agents[i].ill_ms : ill_ms;
    if (w->calm && sim_now_ms(w->sim) - ill_ms > (w->wandb ? ADOPT_MS : TAKEOVER_MS) && !hands(w, name))
        world_break(w, "the job %.*s lives, and no agent has it in its journal", STR_ARG(name));
}

/* --- secrets -------------------------------------------------------------------------------------------- */

static bool has(struct str text, const char *secret)
{
    return memmem(text.ptr, text.len, secret, strlen(secret)) != NULL;
}

bool invariants_has_secret(struct str text)
{
    return has(text, WORLD_SECRET) || has(text, WORLD_SECRET_BASE64) || has(text, WORLD_KEY);
}

static bool file_has_secret(const char *path)
{
    FILE *f = fopen(path, "rb");
    char *buf = xmalloc(MAX_FILE);
    size_t n = f ? fread(buf, 1, MAX_FILE, f) : 0;
    bool found = invariants_has_secret((struct str){ buf, n });

    if (f)
        fclose(f);
    free(buf);
    return found;
}

/* As it lies on the disk: also what was deleted, and what waits in a log. */
static void check_folder(struct world *w, const char *folder)
{
    DIR *d = opendir(folder);
    const struct dirent *entry;
    char path[400];

    while (d && (entry = readdir(d)) != NULL) {
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (entry->d_type == DT_REG && file_has_secret(path))
            world_break(w, "%s has the value of a secret in it", path);
    }
    if (d)
        closedir(d);
}

void invariants_end(struct world *w)
{
    check_folder(w, w->server.dir);
    for (size_t i = 0; i < w->agent_count; i++)
        check_folder(w, w->agents[i].dir);
    if (w->vertex_live)
        world_break(w, "all items have ended, and %lld Vertex jobs live", (long long)w->vertex_live);
}
