/*
 * tests/sim/faults.c: what goes wrong in a world, and when. Each seed draws which kinds of faults it has, for
 * a world in which all things fail at once gets nowhere, and shows less.
 */
#include "faults.h"

#include <ftw.h>
#include <stdio.h>

#include "base/defs.h"
#include "invariants.h"

enum {
    RESTART_MAX_MS = 15 * 1000,
    ABSENCE_MAX_MS = 12 * 60 * 1000, /* longer than the server waits for an agent before it lends again */
    FREEZE_MAX_MS = 150 * 1000,      /* longer than a lease */
    DISK_FULL_MAX_MS = 90 * 1000,
    REPLACE_MAX_MS = 4 * 60 * 1000, /* outlives the other faults */
    SOON_MAX_MS = 4 * 1000,
    KILL_AGAIN_MAX_MS = 60 * 1000,
    CUT_MAX_MS = 90 * 1000,
    LONG_CUT_MAX_MS =
        8 * 60 * 1000,              /* longer than the server waits for an agent; outlives the other faults */
    SILENCE_MIN_MS = 5 * 60 * 1000, /* likewise */
    SILENCE_MAX_MS = 14 * 60 * 1000,
    CLOCK_OFF_MAX_MS = 5 * 1000,
    CLOCK_JUMP_MAX_MS = 3 * 60 * 60 * 1000,
    CLOCK_DRIFT_MAX_PPM = 20000
};

#define REPLACE_CHANCE 0.02 /* per step, once it is due */
#define SILENCE_CHANCE 0.05 /* likewise: on the way to a create, */
#define LATER_CHANCE   0.01 /* or when it has one behind it */

int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    return at->level > 0 ? remove(path) : 0;
}

static double maybe(struct sim *s, double max)
{
    return sim_random_unit(s) < 0.65 ? max * sim_random_unit(s) : 0;
}

static void draw_replacements(struct world *w, struct faults *f)
{
    struct sim *s = w->sim;

    f->replace = sim_random_unit(s) < 0.3 ? 0.03 * sim_random_unit(s) : 0;
    for (size_t i = 0; i < w->agent_count; i++)
        if (sim_random_unit(s) < 0.5)
            f->replace_at_ms[i] = sim_random_range(s, 1, REPLACE_MAX_MS);
}

void faults_draw(struct world *w, struct faults *f)
{
    struct sim *s = w->sim;

    *f = (struct faults){
        .net = { .delay_max_ms = sim_random_range(s, 1, 1500),
                 .drop_request = maybe(s, 0.25),
                 .drop_reply = maybe(s, 0.25),
                 .duplicate = maybe(s, 0.25),
                 .duplicate_to = "server", /* against a doubled create nobody has a defence */
                 .cut_reply = maybe(s, 0.1),
                 .answer_429 = maybe(s, 0.08),
                 .answer_500 = maybe(s, 0.08),
                 .answer_503 = maybe(s, 0.08),
                 .answer_html = maybe(s, 0.02),
                 .answer_gateway = maybe(s, 0.08),
                 .answer_refused = maybe(s, 0.06),
                 .answer_missing = sim_random_unit(s) < 0.15 ? 0.2 * sim_random_unit(s) : 0,
                 .kill_node = maybe(s, 0.02),
                 .power_cut = sim_random_unit(s),
                 .kill_at_change = maybe(s, 0.02),
                 .disk_full = maybe(s, 0.01),
                 .disk_full_max_ms = DISK_FULL_MAX_MS,
                 .short_write = maybe(s, 0.02),
                 .fsync_fails = maybe(s, 0.2) },
        .freeze = maybe(s, 0.002),
        .outage = maybe(s, 0.004),
        .cut = maybe(s, 0.004),
        .clock = maybe(s, 0.002),
    };
    if (w->wandb) /* the hardest thing that can happen there */
        draw_replacements(w, f);
    f->long_cut = f->cut > 0 && sim_random_unit(s) < 0.3 ? 0.3 : 0;
}

/* --- machines ------------------------------------------------------------------------------------------- */

/* A machine that is put up anew has an empty disk, and takes its time more often than not. */
static int64_t draw_absence(struct world_machine *m)
{
    struct sim *s = m->world->sim;

    if (sim_random_unit(s) < m->disk_loss || m->replaced) {
        m->replaced = false;
        sim_note(s, "the disk of %s is lost", m->dir);
        m->world->disks_lost++;
        invariants_lose(m->world, (size_t)(m - m->world->agents));
        sim_node_lose_disk(m->node);
        nftw(m->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    }
    return sim_random_range(s, 0, sim_random_unit(s) < m->long_absence ? ABSENCE_MAX_MS : RESTART_MAX_MS);
}

static void start_when_due(struct world_machine *m)
{
    struct sim *s = m->world->sim;

    if (sim_node_is_up(m->node))
        return;
    if (m->start_at_ms < 0)
        m->start_at_ms = sim_now_ms(s) + (m->starts ? draw_absence(m) : 0);
    if (sim_now_ms(s) >= m->start_at_ms)
        world_start_machine(m);
}

/* @chance is per step. */
static void freeze_or_thaw(struct world_machine *m, double chance)
{
    struct sim *s = m->world->sim;

    if (!sim_node_is_frozen(m->node)) {
        if (chance <= 0 || sim_random_unit(s) >= chance)
            return;
        m->thaw_at_ms = sim_now_ms(s) + sim_random_range(s, 100, FREEZE_MAX_MS);
        sim_node_freeze(m->node, true);
    } else if (sim_now_ms(s) >= m->thaw_at_ms) {
        sim_node_freeze(m->node, false);
    }
}

/* Not as soon as it has one: what was made long ago is another matter than what is just being made. */
static bool is_replaced_now(struct faults *f, struct world_machine *m)
{
    struct sim *s = m->world->sim;
    int64_t *at_ms = &f->replace_at_ms[m - m->world->agents];
    bool due = *at_ms && sim_now_ms(s) >= *at_ms;

    if ((!due && f->replace <= 0) || !sim_node_is_up(m->node) || !invariants_has_jobs(m) ||
        sim_random_unit(s) >= (due ? REPLACE_CHANCE : f->replace))
        return false;
    f->kill_again[m - m->world->agents] = due && sim_random_unit(s) < 0.5;
    if (due)
        *at_ms = 0;
    return true;
}

static void replace(struct faults *f, struct world_machine *m)
{
    if (!is_replaced_now(f, m))
        return;
    m->replaced = true;
    sim_node_kill(m->node);
}

/* In its next life: while it looks for what it had, or between two looks. */
static void kill_again(struct faults *f, struct world_machine *m)
{
    struct sim *s = m->world->sim;
    size_t i = (size_t)(m - m->world->agents);

    if (!sim_node_is_up(m->node))
        return;
    if (f->kill_again[i])
        f->kill_at_ms[i] = sim_now_ms(s) +
                           sim_random_range(s, 1, sim_random_unit(s) < 0.7 ? SOON_MAX_MS : KILL_AGAIN_MAX_MS);
    f->kill_again[i] = false;
    if (!f->kill_at_ms[i] || sim_now_ms(s) < f->kill_at_ms[i])
        return;
    f->kill_at_ms[i] = 0;
    sim_node_kill(m->node);
}

/* The client knows what it asked for only while no answer of its own can be lost. */
static void trouble_server(struct world *w, double chance)
{
    sim_node_set_disk_faults(w->server.node, !w->asking);
    if (chance > 0 && !w->asking && sim_node_is_up(w->server.node) && sim_random_unit(w->sim) < chance)
        sim_node_kill(w->server.node);
    start_when_due(&w->server);
}

/* --- the network between an agent and a service --------------------------------------------------------- */

static void cut(struct world_machine *m, enum service service, int64_t ms)
{
    struct sim *s = m->world->sim;
    struct sim_node *other = service == TO_SERVER ? m->world->server.node : m->world->emulator;

    m->cut_until_ms[service] = sim_now_ms(s) + ms;
    switch (sim_random_range(s, 0, 3)) {
    case 0:
        sim_node_cut(m->node, other, true);
        return;
    case 1:
        sim_node_cut(other, m->node, true);
        return;
    default:
        sim_node_cut(m->node, other, true);
        sim_node_cut(other, m->node, true);
    }
}

static void cut_or_mend(struct faults *f, struct world_machine *m, enum service service)
{
    struct sim *s = m->world->sim;
    struct sim_node *other = service == TO_SERVER ? m->world->server.node : m->world->emulator;

    if (m->cut_until_ms[service] && sim_now_ms(s) >= m->cut_until_ms[service]) {
        m->cut_until_ms[service] = 0;
        sim_node_cut(m->node, other, false);
        sim_node_cut(other, m->node, false);
    } else if (!m->cut_until_ms[service] && f->cut > 0 && sim_random_unit(s) < f->cut) {
        bool is_long = sim_random_unit(s) < f->long_cut;

        cut(m, service, sim_random_range(s, 1000, is_long ? LONG_CUT_MAX_MS : CUT_MAX_MS));
    }
}

static bool falls_silent_now(const struct world_machine *m)
{
    struct sim *s = m->world->sim;

    if (!m->silence_at_ms || sim_now_ms(s) < m->silence_at_ms || !sim_node_is_up(m->node) ||
        sim_node_is_frozen(m->node))
        return false;
    if (m->silence_later)
        return invariants_has_jobs(m) && sim_random_unit(s) < LATER_CHANCE;
    return invariants_has_items(m) && sim_random_unit(s) < SILENCE_CHANCE;
}

/* An agent that lives and holds items, and of which the server hears nothing until it has lent them again. It
 * comes back with all that it had in mind. */
static void fall_silent(struct world_machine *m)
{
    struct sim *s = m->world->sim;
    int64_t ms;

    if (!falls_silent_now(m))
        return;
    m->silence_at_ms = 0;
    m->world->silences++;
    ms = sim_random_range(s, SILENCE_MIN_MS, SILENCE_MAX_MS);
    switch (sim_random_range(s, 0, 2)) {
    case 0:
        m->thaw_at_ms = sim_now_ms(s) + ms;
        sim_node_freeze(m->node, true);
        return;
    case 1:
        cut(m, TO_SERVER, ms);
        return;
    default: /* Google is back first */
        cut(m, TO_SERVER, ms);
        cut(m, TO_EMULATOR, sim_random_range(s, ms / 2, ms));
    }
}

/* --- clocks --------------------------------------------------------------------------------------------- */

static void set_clock(struct sim *s, struct sim_node *n)
{
    int64_t max = sim_random_unit(s) < 0.5 ? CLOCK_OFF_MAX_MS : CLOCK_JUMP_MAX_MS;
    int64_t drift = sim_random_unit(s) < 0.5 ? 0 : CLOCK_DRIFT_MAX_PPM;
    int64_t off = sim_random_range(s, -max, max);

    sim_node_set_clock(n, off, sim_random_range(s, -drift, drift));
}

static void change_clock(struct world_machine *m, double chance)
{
    if (chance > 0 && sim_random_unit(m->world->sim) < chance)
        set_clock(m->world->sim, m->node);
}

/* --- all of it ------------------------------------------------------------------------------------------ */

static void machine_step(struct faults *f, struct world_machine *m)
{
    change_clock(m, f->clock);
    for (enum service s = TO_SERVER; m != &m->world->server && s < SERVICES; s++)
        cut_or_mend(f, m, s);
}

void faults_start(struct world *w, struct faults *f)
{
    sim_set_faults(w->sim, &f->net);
    for (size_t i = 0; f->clock > 0 && i < w->agent_count; i++)
        set_clock(w->sim, w->agents[i].node);
}

void faults_step(struct world *w, struct faults *f)
{
    for (size_t i = 0; i < w->agent_count; i++) {
        start_when_due(&w->agents[i]);
        freeze_or_thaw(&w->agents[i], f->freeze);
        replace(f, &w->agents[i]);
        kill_again(f, &w->agents[i]);
        fall_silent(&w->agents[i]);
        machine_step(f, &w->agents[i]);
    }
    machine_step(f, &w->server);
    trouble_server(w, f->outage);
}

void faults_stop(struct world *w, struct faults *f)
{
    f->net = (struct sim_faults){ .delay_max_ms = 20 };
    f->replace = f->freeze = f->outage = f->cut = f->long_cut = f->clock = 0;
    sim_set_faults(w->sim, &f->net);
    w->calm = true;
    w->calm_since_ms = sim_now_ms(w->sim);
}
