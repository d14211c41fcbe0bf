/*
 * agent/watcher.c: one list per project and region tells the state of all our jobs that live. A job missing
 * from a complete list has ended (or is too new for it). What became of a few is asked for each by itself,
 * and of many with a second list. Each place has a fiber and a budget of reads of its own, so one that does
 * not answer holds up no other.
 *
 * Vertex allows 600 reads a minute, project and region. The lists may take half of them: ten thousand jobs in
 * one region are a hundred pages, every 20 seconds. The other half is for jobs that ended, and for whoever
 * else reads there. Below five hundred jobs a place is looked at each second while something happens there,
 * for a slot that is free unseen costs more than a read, and each ten seconds when nothing does.
 */
#include <stdlib.h>

#include "agent/agent_internal.h"
#include "agent/bucket.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "launch/render.h"

enum {
    WATCH_MIN_MS = 1000,
    WATCH_MAX_MS = 10000,
    READ_INTERVAL_MS = 200, /* half of the 600 a minute that Vertex allows per project and region */
    READ_BURST = 20,
    PAGES_SPARE = 3,        /* of a second list: so many more than it has found jobs */
    CLOCK_SKEW_MS = 300000, /* between Vertex's clock and ours, for the times of creates */
    MISSES_TO_BELIEVE = 3   /* a service that errs says once that a job is not there, and a proxy too */
};

struct place_watch {
    struct agent *agent;
    struct vertex_place where; /* owned */
    struct bucket gets;
    struct cond look;   /* something is about to happen */
    int64_t changed_ms; /* monotonic; a job there began, was asked to end, or was seen in another state */
    uint32_t failures;  /* in a row */
};

#define ENDED_STATES                                                                                         \
    "(state=\"JOB_STATE_SUCCEEDED\" OR state=\"JOB_STATE_FAILED\" OR state=\"JOB_STATE_CANCELLED\" OR "      \
    "state=\"JOB_STATE_EXPIRED\" OR state=\"JOB_STATE_PARTIALLY_SUCCEEDED\")"

static bool is_watched(const struct launch *l)
{
    return l->row.vertex_job.len && !l->settling &&
           (l->row.phase == LAUNCH_ACTIVE || l->row.phase == LAUNCH_STOPPING);
}

static void deliver(struct place_watch *p, struct launch *l, const struct vertex_job *job)
{
    enum vertex_status status = vertex_status_parse(job->state);

    l->misses = 0;
    l->looked = true;
    if (str_is(l->row.vertex_status, vertex_status_name(status)) && !vertex_status_is_ended(status))
        return;
    l->seen = status;
    l->seen_fresh = true;
    l->seen_started = job->start_time.len > 0;
    free(l->seen_error);
    l->seen_error = job->error_message.len ? xstrndup(job->error_message.ptr, job->error_message.len) : NULL;
    p->changed_ms = io_now_ms(p->agent->io);
    launch_wake(l);
}

static bool is_being_made(struct agent *a, struct str attempt_label)
{
    for (size_t i = 0; a->in_phase[LAUNCH_SUBMITTING] && i < a->launches.len; i++) {
        const struct launch *l = a->launches.items[i];

        if (l->row.phase == LAUNCH_SUBMITTING && str_eq(l->row.attempt_label, attempt_label))
            return true;
    }
    return false;
}

/* Of an item that another agent has, or that came back to us and looks for its job just now. */
static bool is_others(struct agent *a, struct str item_label)
{
    AUTO_PTR(arena) arena = arena_new();

    if (hold_is_foreign(a, item_label))
        return true;
    for (size_t i = 0; i < a->launches.len; i++) {
        const struct launch *l = a->launches.items[i];

        if (l->row.taken_over && !l->row.vertex_job.len && str_eq(launch_label(l, arena), item_label))
            return true;
    }
    return false;
}

/* A job with our mark that no launch calls its own: a create that ran twice, or landed after we gave it up.
 */
static int end_orphan(struct agent *a, const struct vertex_job *job)
{
    struct err e = { 0 };
    int rc;

    if (!str_eq(jval_str(jval_get(job->labels, LABEL_AGENT)), journal_agent_label(a->journal)) ||
        is_being_made(a, jval_str(jval_get(job->labels, LABEL_ATTEMPT))) ||
        is_others(a, jval_str(jval_get(job->labels, LABEL_ITEM))) ||
        vertex_status_parse(job->state) == VERTEX_CANCELLING)
        return 0;
    LOG_WARNING("watch.orphan", "vertex_job=%.*s action=cancelled", STR_ARG(job->name));
    rc = vertex_cancel(a->o.google, job->name, &e);
    if (rc && rc != -ERR_CANCELLED)
        LOG_WARNING("watch.orphan_failed", "vertex_job=%.*s error=\"%s\"", STR_ARG(job->name), e.msg);
    return rc == -ERR_CANCELLED ? rc : 0;
}

/* Ask for one job itself. Its launch may end while we wait, so it is looked up again. */
static int ask(struct place_watch *p, struct str name, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct agent *a = p->agent;
    struct vertex_job job = { 0 };
    int rc = vertex_get(a->o.google, arena, name, &job, e);
    struct launch *l = map_get(a->by_job, name);

    if (l && !rc)
        deliver(p, l, &job);
    if (l && rc == -ERR_NOT_FOUND && ++l->misses >= MISSES_TO_BELIEVE) {
        l->gone = true;
        launch_wake(l);
    }
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}

/* --- a sweep -------------------------------------------------------------------------------------------- */

struct sweep {
    struct place_watch *place;
    bool all_agents;   /* the lists have every agent's jobs */
    const char *whose; /* their filter */
    uint32_t number;   /* what launch.listed becomes */
    int64_t began_ms;
    size_t live;
    /* of the list of jobs that have ended */
    size_t wanted, found, seen;
};

static int see_live(void *ctx, const struct vertex_job *job, struct err *e)
{
    struct sweep *s = ctx;
    struct agent *a = s->place->agent;
    struct launch *l = map_get(a->by_job, job->name);

    s->live++;
    if (!l)
        return end_orphan(a, job);
    l->listed = s->number;
    deliver(s->place, l, job);
    return 0;
}

static int list_live(struct sweep *s, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    const char *filter = arena_printf(arena, "%s AND " VERTEX_LIVE_STATES, s->whose);

    return vertex_each(s->place->agent->o.google, &(struct vertex_list){ &s->place->where, str_of(filter) },
                       see_live, s, e);
}

static bool is_at(const struct launch *l, const struct vertex_place *where)
{
    return str_eq(l->row.region, where->region) && str_eq(l->row.gcp_project, where->gcp_project);
}

/* More jobs that another agent made than are asked for one by one? */
static bool has_many_of_others(const struct agent *a, const struct vertex_place *where)
{
    size_t count = 0;

    for (size_t i = 0; i < a->launches.len && count <= READ_BURST; i++) {
        const struct launch *l = a->launches.items[i];

        count += is_watched(l) && !l->row.attempt && is_at(l, where);
    }
    return count > READ_BURST;
}

static bool is_missing(const struct launch *l, const struct sweep *s)
{
    return is_watched(l) && l->listed != s->number && !l->seen_fresh && l->active_since_ms < s->began_ms &&
           is_at(l, &s->place->where);
}

/* It goes on only while it takes fewer reads than asking for each. */
static int see_ended(void *ctx, const struct vertex_job *job, struct err *e)
{
    struct sweep *s = ctx;
    struct launch *l = map_get(s->place->agent->by_job, job->name);

    if (s->seen++ % VERTEX_PAGE_JOBS == 0)
        (void)bucket_take(&s->place->gets, io_now_ms(s->place->agent->io)); /* the next get waits for it */
    if (l && is_missing(l, s)) {
        l->listed = s->number;
        s->found++;
        deliver(s->place, l, job);
    }
    return s->found == s->wanted || s->seen / VERTEX_PAGE_JOBS > s->found + PAGES_SPARE;
}

/* Those that ended, among all created since the oldest of the missing jobs: there is no filter for the time
 * of an end. */
static int list_ended(struct sweep *s, int64_t oldest_ms, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    char since[RFC3339_SIZE];
    const char *filter = arena_printf(arena, "%s AND " ENDED_STATES " AND create_time>=\"%s\"", s->whose,
                                      rfc3339_format(oldest_ms - CLOCK_SKEW_MS, since));
    int rc = vertex_each(s->place->agent->o.google, &(struct vertex_list){ &s->place->where, str_of(filter) },
                         see_ended, s, e);

    return rc > 0 ? 0 : rc;
}

/* The names of the missing jobs first: launches come and go while a request is under way. */
static size_t find_missing(struct sweep *s, struct arena *arena, struct str **ret, int64_t *ret_oldest_ms)
{
    const struct agent *a = s->place->agent;
    size_t count = 0, cap = 0;

    *ret = NULL;
    for (size_t i = 0; i < a->launches.len; i++) {
        const struct launch *l = a->launches.items[i];

        if (!is_missing(l, s))
            continue;
        *ret = arena_grow(arena, *ret, count, &cap, sizeof(**ret));
        (*ret)[count++] = arena_str(arena, l->row.vertex_job);
        if (l->row.submitted_at_ms && l->row.submitted_at_ms < *ret_oldest_ms)
            *ret_oldest_ms = l->row.submitted_at_ms;
    }
    return count;
}

static int sweep_missing(struct sweep *s, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct agent *a = s->place->agent;
    int64_t oldest_ms = INT64_MAX;
    struct str *missing;
    int rc = 0;

    s->wanted = find_missing(s, arena, &missing, &oldest_ms);
    if (s->all_agents)
        oldest_ms = CLOCK_SKEW_MS; /* when another agent made its jobs is not known */
    if (s->wanted > READ_BURST && oldest_ms < INT64_MAX)
        rc = list_ended(s, oldest_ms, e);
    for (size_t i = 0; i < s->wanted && !rc; i++) {
        const struct launch *l = map_get(a->by_job, missing[i]);
        int64_t wait;

        if (!l || !is_missing(l, s))
            continue;
        wait = bucket_take(&s->place->gets, io_now_ms(a->io));
        rc = wait ? io_sleep(a->io, wait, e) : 0;
        rc = rc ? rc : ask(s->place, missing[i], e);
    }
    return rc;
}

/* *ret_jobs: how many were listed. */
static int sweep_place(struct place_watch *p, size_t *ret_jobs, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct agent *a = p->agent;
    struct sweep s = { .place = p, .number = ++a->sweeps, .began_ms = io_now_ms(a->io) };
    int rc;

    s.all_agents = has_many_of_others(a, &p->where);
    s.whose = s.all_agents ? "labels." LABEL_AGENT ":*"
                           : arena_printf(arena, "labels." LABEL_AGENT "=\"%.*s\"",
                                          STR_ARG(journal_agent_label(a->journal)));
    rc = list_live(&s, e);

    if (!rc)
        LOG_DEBUG("watch.listed", "region=%.*s ms=%lld", STR_ARG(p->where.region),
                  (long long)(io_now_ms(a->io) - s.began_ms));
    *ret_jobs = s.live;
    return rc ? rc : sweep_missing(&s, e);
}

/* --- when ----------------------------------------------------------------------------------------------- */

static bool has_jobs(const struct agent *a, const struct vertex_place *where)
{
    for (size_t i = 0; i < a->launches.len; i++) {
        const struct launch *l = a->launches.items[i];

        if (is_watched(l) && is_at(l, where))
            return true;
    }
    return false;
}

/* Quick while things change, slow while they do not: a tenth of the time since the last change; and never
 * more pages than the place has reads for. */
static int64_t interval_ms(const struct place_watch *p, size_t jobs)
{
    const struct agent *a = p->agent;
    int64_t quiet = (io_now_ms(a->io) - p->changed_ms) / 10;
    int64_t pages_ms = (int64_t)(jobs / VERTEX_PAGE_JOBS + 1) * READ_INTERVAL_MS;

    if (a->o.watch_ms)
        return a->o.watch_ms;
    quiet = quiet < WATCH_MIN_MS ? WATCH_MIN_MS : quiet > WATCH_MAX_MS ? WATCH_MAX_MS : quiet;
    return quiet < pages_ms ? pages_ms : quiet;
}

/* From the beginning of a sweep to the next one's; a change on the way shortens it. -ERR_CANCELLED, else 0.
 */
static int wait_interval(struct place_watch *p, int64_t began_ms, size_t jobs)
{
    struct io *io = p->agent->io;
    int64_t left;

    while ((left = began_ms + interval_ms(p, jobs) - io_now_ms(io)) > 0)
        if (cond_wait(io, &p->look, left, NULL) == -ERR_CANCELLED)
            return -ERR_CANCELLED;
    return 0;
}

static void tell(struct place_watch *p, int rc, const struct err *e)
{
    if (rc && p->failures++ == 0)
        LOG_WARNING("watch.failed", "region=%.*s error=\"%s\" action=\"trying again until it answers\"",
                    STR_ARG(p->where.region), e->msg);
    if (!rc && p->failures)
        LOG_INFO("watch.recovered", "region=%.*s failures=%u", STR_ARG(p->where.region), p->failures);
    p->failures = rc ? p->failures : 0;
}

/* While there is anything to watch. */
static void place_run(void *arg)
{
    struct place_watch *p = arg;
    struct agent *a = p->agent;
    int rc = 0;

    while (rc != -ERR_CANCELLED && has_jobs(a, &p->where)) {
        int64_t began_ms = io_now_ms(a->io);
        size_t jobs = 0;
        struct err e = { 0 };

        rc = sweep_place(p, &jobs, &e);
        if (rc == -ERR_CANCELLED)
            break;
        tell(p, rc, &e);
        rc = rc ? agent_sleep_retry(a, p->failures - 1, &e, NULL) : wait_interval(p, began_ms, jobs);
    }
    vec_remove_item(&a->watched_places, p);
    free((char *)p->where.gcp_project.ptr);
    free((char *)p->where.region.ptr);
    free(p);
}

static struct place_watch *watch_of(const struct agent *a, const struct launch *l)
{
    for (size_t i = 0; i < a->watched_places.len; i++) {
        struct place_watch *p = a->watched_places.items[i];

        if (is_at(l, &p->where))
            return p;
    }
    return NULL;
}

static struct str own(struct str s)
{
    return (struct str){ xstrndup(s.ptr, s.len), s.len };
}

static void watch_place_of(struct agent *a, struct group *places, const struct launch *l)
{
    struct place_watch *p = xcalloc(1, sizeof(*p));

    *p = (struct place_watch){ .agent = a,
                               .where = { own(l->row.gcp_project), own(l->row.region), false },
                               .gets = { READ_INTERVAL_MS, READ_BURST, 0 },
                               .changed_ms = io_now_ms(a->io) };
    vec_push(&a->watched_places, p);
    group_spawn(places, "watch", place_run, p);
}

void watcher_look(const struct launch *l)
{
    struct agent *a = l->agent;
    struct place_watch *p = watch_of(a, l);

    if (p)
        p->changed_ms = io_now_ms(a->io);
    cond_broadcast(a->io, p ? &p->look : &a->watch);
}

void watcher_run(void *arg)
{
    struct agent *a = arg;
    struct group *places = group_new(a->io);
    int rc = 0;

    while (rc != -ERR_CANCELLED) {
        for (size_t i = 0; i < a->launches.len; i++) {
            const struct launch *l = a->launches.items[i];

            if (is_watched(l) && !watch_of(a, l))
                watch_place_of(a, places, l);
        }
        rc = cond_wait(a->io, &a->watch, -1, NULL);
    }
    group_end(places);
}
