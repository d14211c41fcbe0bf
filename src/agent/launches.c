/* agent/launches.c: the launches in hand, and the one function through which a row changes. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/agent_internal.h"
#include "base/log.h"
#include "base/mem.h"
#include "launch/render.h"

struct launch *launch_new(struct agent *a, const struct launch_row *row)
{
    struct launch *l = xcalloc(1, sizeof(*l));

    l->agent = a;
    l->deadline_ms = -1;
    l->leased_since_ms = l->active_since_ms = io_now_ms(a->io);
    launch_row_assign(&l->row, row);
    return l;
}

void launch_free(struct launch *l)
{
    if (!l)
        return;
    launch_row_done(&l->row);
    secret_free(l->own_key);
    free(l->seen_error);
    free(l);
}

struct wandb_hold launch_hold(const struct launch *l)
{
    return (struct wandb_hold){ l->row.item, l->newer_fence ? l->newer_fence : l->row.fence };
}

const struct launch_policy *launch_policy(const struct launch *l)
{
    return launch_policy_of(l->agent->o.policies, l->row.queue);
}

/* A job that has ended holds none, also while it is asked why; but where waiting holds one, what may come to
 * wait never lets go of it. */
static bool row_holds_slot(const struct launch *l, const struct launch_row *r)
{
    if (r->scheduler)
        return false;
    if (launch_policy(l)->waiting_holds_slot)
        return !launch_phase_is_ended(r->phase);
    if (r->vertex_status.len && vertex_status_is_ended(vertex_status_parse(r->vertex_status)))
        return false;
    return launch_phase_holds_slot(r->phase, r->cause);
}

static bool holds_slot(const struct launch *l)
{
    return row_holds_slot(l, &l->row);
}

struct str launch_label(const struct launch *l, struct arena *a)
{
    return label_value(a, l->row.item);
}

void launch_count(struct launch *l, bool in)
{
    struct agent *a = l->agent;

    if (l->counted) {
        a->in_phase[l->counted_as]--;
        a->held -= l->holds;
    }
    l->counted = in;
    if (!in)
        return;
    l->counted_as = l->row.phase;
    l->holds = holds_slot(l);
    a->in_phase[l->counted_as]++;
    a->held += l->holds;
}

size_t agent_slots_used(const struct agent *a)
{
    return a->reserved + a->held;
}

bool agent_has_free_slot(const struct agent *a)
{
    return a->o.max_jobs < 0 || agent_slots_used(a) < (size_t)a->o.max_jobs;
}

void agent_slots_changed(struct agent *a)
{
    for (size_t i = 0; a->slots_wanted && i < a->launches.len; i++) {
        struct launch *l = a->launches.items[i];

        if (l->wants_slot)
            launch_wake(l);
    }
    cond_broadcast(a->io, &a->slots);
}

static void want_slot(struct launch *l, bool wants)
{
    struct agent *a = l->agent;

    if (l->wants_slot == wants)
        return;
    l->wants_slot = wants;
    a->slots_wanted += wants ? 1 : (size_t)-1;
    if (!wants)
        agent_slots_changed(a);
}

bool launch_take_slot(struct launch *l)
{
    struct agent *a = l->agent;

    if (!l->row.scheduler && !l->has_slot && !holds_slot(l)) {
        want_slot(l, !agent_has_free_slot(a));
        if (l->wants_slot)
            return false;
        l->has_slot = true;
        a->reserved++;
    }
    return true;
}

/* The other schedulers that have their turn, or had it when the agent ended. Of those that wait for another
 * try the first goes first. */
static int64_t other_schedulers(const struct launch *l)
{
    bool waits = l->row.phase == LAUNCH_WAITING, behind = false;
    int64_t n = 0;

    for (size_t i = 0; i < l->agent->launches.len; i++) {
        const struct launch *o = l->agent->launches.items[i];
        bool had = o->row.phase != LAUNCH_LEASED && !(waits && behind && o->row.phase == LAUNCH_WAITING);

        behind = behind || o == l;
        n += o != l && o->row.scheduler && !launch_phase_is_ended(o->row.phase) && (o->may_schedule || had);
    }
    return n;
}

bool launch_take_turn(struct launch *l)
{
    int64_t max = l->agent->o.max_schedulers;

    if (!l->may_schedule && max > 0 && other_schedulers(l) >= max)
        return false;
    l->may_schedule = true;
    return true;
}

void launch_drop_slot(struct launch *l)
{
    want_slot(l, false);
    if (!l->has_slot)
        return;
    l->has_slot = false;
    l->agent->reserved--;
    agent_slots_changed(l->agent);
}

void launch_want_stop(struct launch *l, enum launch_stop why)
{
    if (l->stop_wanted >= why || l->row.stop >= why)
        return;
    l->stop_wanted = why;
    launch_wake(l);
}

void launch_index_job(struct launch *l, bool on)
{
    struct map *by_job = l->agent->by_job;

    if (!l->row.vertex_job.len)
        return;
    if (on)
        map_put(by_job, l->row.vertex_job, l);
    else if (map_get(by_job, l->row.vertex_job) == l)
        map_remove(by_job, l->row.vertex_job);
}

void agent_start_launch(struct agent *a, struct launch *l)
{
    vec_push(&a->launches, l);
    map_put(a->by_item, l->row.item, l);
    launch_index_job(l, true);
    launch_count(l, true);
    if (!l->parked)
        group_spawn(a->drivers, "launch", launch_drive, l);
}

void launch_wake(struct launch *l)
{
    if (!l->parked) {
        cond_broadcast(l->agent->io, &l->wake);
        return;
    }
    l->parked = false;
    group_spawn(l->agent->drivers, "launch", launch_drive, l);
}

int agent_sleep_retry(struct agent *a, uint32_t attempt, const struct err *why, struct err *e)
{
    return io_sleep(a->io, retry_delay_ms(attempt, why, io_random_unit(a->io)), e);
}

static void stamp_times(struct launch_row *next, enum launch_phase from, int64_t now)
{
    if (next->phase == from)
        return;
    if (next->phase == LAUNCH_SUBMITTING && !next->submitted_at_ms)
        next->submitted_at_ms = now;
    if (next->phase == LAUNCH_ACTIVE)
        next->active_at_ms = now;
    if (next->phase == LAUNCH_ACTIVE)
        next->waiting_since_ms = 0;
    if (next->phase == LAUNCH_WAITING && !next->waiting_since_ms)
        next->waiting_since_ms = now;
    if (launch_phase_is_ended(next->phase) && !next->ended_at_ms)
        next->ended_at_ms = now;
    if (next->phase == LAUNCH_REPORTED)
        next->reported_at_ms = now;
}

/* A value in double quotes: its own become single ones. */
static void add_quoted(struct strbuf *b, const char *name, struct str value)
{
    strbuf_addf(b, " %s=\"", name);
    for (size_t i = 0; i < value.len; i++)
        strbuf_addc(b, value.ptr[i] == '"' ? '\'' : value.ptr[i] == '\n' ? ' ' : value.ptr[i]);
    strbuf_addc(b, '"');
}

static void log_move(const struct launch_row *r)
{
    AUTO_STRBUF struct strbuf more = STRBUF(16 * 1024);
    char event[40];

    if (r->vertex_job.len)
        strbuf_addf(&more, " vertex_job=%.*s", STR_ARG(r->vertex_job));
    if (r->cause != CAUSE_NONE && (r->phase == LAUNCH_WAITING || launch_phase_is_ended(r->phase)))
        strbuf_addf(&more, " cause=%s", launch_cause_name(r->cause));
    if (r->reason.len)
        add_quoted(&more, "reason", r->reason);
    snprintf(event, sizeof(event), "launch.%s", launch_phase_name(r->phase));
    LOG_INFO(event, "item=%.*s run=%.*s queue=%.*s attempt=%u%s", STR_ARG(r->item), STR_ARG(r->run_id),
             STR_ARG(r->queue), r->attempt, strbuf_cstr(&more));
}

int agent_journal_wait(struct agent *a, struct str item, const struct err *why, uint32_t attempt,
                       struct err *e)
{
    if (!a->told_store_error)
        LOG_ERROR("journal.failed",
                  "item=%.*s error=\"%s\" action=\"nothing new is done until it can be written\"",
                  STR_ARG(item), why->msg);
    a->told_store_error = true;
    return agent_sleep_retry(a, attempt, NULL, e);
}

void agent_journal_works(struct agent *a, struct str item)
{
    if (a->told_store_error)
        LOG_INFO("journal.writable", "item=%.*s", STR_ARG(item));
    a->told_store_error = false;
}

/* Nothing may be done that is not written down, so a store that fails is waited for. */
static int save_until_done(struct launch *l, const struct journal_change *c, struct err *e)
{
    struct agent *a = l->agent;
    int rc = 0;

    for (uint32_t attempt = 0; !rc; attempt++) {
        struct err why = { 0 };

        rc = journal_save(a->journal, c, &why);
        if (!rc) {
            agent_journal_works(a, l->row.item);
            return 0;
        }
        if (rc == -ERR_CANCELLED)
            return err_set(e, ERR_CANCELLED, "%s", why.msg);
        rc = agent_journal_wait(a, l->row.item, &why, attempt, e);
    }
    return rc;
}

/* A job of ours has ended: the machines it had may be what an older launch waits for. One goes, for one came
 * back. */
static void wake_waiting(struct agent *a)
{
    for (size_t i = 0; a->in_phase[LAUNCH_WAITING] && i < a->launches.len; i++) {
        struct launch *l = a->launches.items[i];

        if (l->row.phase != LAUNCH_WAITING || !launch_cause_is_capacity(l->row.cause) || l->try_now)
            continue;
        l->try_now = true;
        launch_wake(l);
        return;
    }
}

/* What follows from a new row for others. */
static void announce(struct launch *l, enum launch_phase from, bool held_slot)
{
    struct agent *a = l->agent;
    bool had_job = from == LAUNCH_ACTIVE || from == LAUNCH_STOPPING;

    if (l->row.phase != LAUNCH_WAITING)
        launch_drop_slot(l);
    if (held_slot && !holds_slot(l) && had_job)
        wake_waiting(a);
    if ((held_slot && !holds_slot(l)) || (from <= LAUNCH_WAITING && l->row.phase != from))
        agent_slots_changed(a); /* the second: takers wait for those that have no job yet */
    if (l->row.phase == LAUNCH_ACTIVE && from != LAUNCH_ACTIVE) {
        l->looked = false;
        l->active_since_ms = io_now_ms(a->io);
        watcher_look(l);
    }
    if (from == LAUNCH_ACTIVE && l->row.phase != from && l->stop_wanted == LAUNCH_STOP_NOT_STARTED)
        l->stop_wanted = l->row.stop; /* meant for that job, which may have ended by itself meanwhile */
}

int launch_save(struct launch *l, const struct launch_row *next, struct str request, struct str note,
                struct err *e)
{
    struct agent *a = l->agent;
    enum launch_phase from = l->row.phase;
    struct launch_row row = *next;
    struct journal_change change = { .row = &row, .from = from, .request = request, .note = note };
    bool held_slot;
    int rc;

    assert(launch_phase_may_move(from, row.phase));
    if (!request.ptr && !note.len && launch_row_equal(&l->row, &row))
        return 0;
    change.at_ms = io_now_unix_ms(a->io);
    stamp_times(&row, from, change.at_ms);
    rc = save_until_done(l, &change, e);
    if (rc)
        return rc;
    held_slot = holds_slot(l);
    launch_index_job(l, false);
    launch_row_assign(&l->row, &row);
    launch_index_job(l, true);
    launch_count(l, true);
    if (l->row.phase != from) {
        log_move(&l->row);
        a->moves[row.phase]++;
        a->failed_for[row.cause] += row.phase == LAUNCH_FAILED;
        a->waited_for[row.cause] += row.phase == LAUNCH_WAITING;
    }
    announce(l, from, held_slot);
    return 0;
}
