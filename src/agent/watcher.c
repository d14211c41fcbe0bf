/*
 * agent/watcher.c: one list per project and region tells the state of all our jobs that live. A job missing
 * from a complete list has ended (or is too new for it), and is asked for itself. Each place has a fiber and
 * a budget of reads of its own, so one that does not answer holds up no other.
 */
#include <stdlib.h>

#include "agent/agent_internal.h"
#include "agent/bucket.h"
#include "base/log.h"
#include "base/mem.h"
#include "launch/render.h"

enum {
    WATCH_MIN_MS = 1000,
    WATCH_MAX_MS = 10000,
    READ_INTERVAL_MS = 200, /* half of the 600 a minute that Vertex allows per project and region */
    READ_BURST = 20,
    PAGE_JOBS = 100,
    MISSES_TO_BELIEVE = 3 /* a service that errs says once that a job is not there, and a proxy too */
};

struct place_watch {
    struct agent *agent;
    struct vertex_place where; /* owned */
    struct bucket gets;
    uint32_t failures; /* in a row */
};

static bool is_watched(const struct launch *l)
{
    return l->row.vertex_job.len && !l->settling &&
           (l->row.phase == LAUNCH_ACTIVE || l->row.phase == LAUNCH_STOPPING);
}

static void deliver(struct agent *a, struct launch *l, const struct vertex_job *job)
{
    enum vertex_status status = vertex_status_parse(job->state);

    l->misses = 0;
    if (str_is(l->row.vertex_status, vertex_status_name(status)) && !vertex_status_is_ended(status))
        return;
    l->seen = status;
    l->seen_fresh = true;
    l->seen_started = job->start_time.len > 0;
    free(l->seen_error);
    l->seen_error = job->error_message.len ? xstrndup(job->error_message.ptr, job->error_message.len) : NULL;
    a->last_change_ms = io_now_ms(a->io);
    launch_wake(l);
}

static bool is_being_made(struct agent *a, struct str attempt_label)
{
    for (size_t i = 0; i < a->launches.len; i++) {
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

    if (is_being_made(a, jval_str(jval_get(job->labels, LABEL_ATTEMPT))) ||
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
static int ask(struct agent *a, struct str name, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct str copy = arena_str(arena, name);
    struct vertex_job job = { 0 };
    int rc = vertex_get(a->o.google, arena, copy, &job, e);
    struct launch *l = map_get(a->by_job, copy);

    if (l && !rc)
        deliver(a, l, &job);
    if (l && rc == -ERR_NOT_FOUND && ++l->misses >= MISSES_TO_BELIEVE) {
        l->gone = true;
        launch_wake(l);
    }
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}

struct sweep {
    struct place_watch *place;
    int64_t began_ms;
    struct map *listed;
};

static int sweep_list(struct agent *a, struct arena *arena, struct sweep *s, struct err *e)
{
    const char *filter = arena_printf(arena, "labels." LABEL_AGENT "=\"%.*s\" AND " VERTEX_LIVE_STATES,
                                      STR_ARG(journal_agent_label(a->journal)));
    struct vertex_jobs jobs = { 0 };
    int rc = vertex_list(a->o.google, arena, &s->place->where, str_of(filter), &jobs, e);

    for (size_t i = 0; !rc && i < jobs.len; i++) {
        struct vertex_job *job = &jobs.at[i];
        struct launch *l = map_get(a->by_job, job->name);

        map_put(s->listed, job->name, job);
        if (l)
            deliver(a, l, job);
        else
            rc = end_orphan(a, job);
    }
    return rc;
}

static bool is_at(const struct launch *l, const struct vertex_place *where)
{
    return str_eq(l->row.gcp_project, where->gcp_project) && str_eq(l->row.region, where->region);
}

/* The names first: launches come and go while a get is under way. */
static int sweep_missing(struct agent *a, struct arena *arena, struct sweep *s, struct err *e)
{
    struct str *missing = arena_array(arena, a->launches.len + 1, sizeof(*missing));
    size_t count = 0;
    int rc = 0;

    for (size_t i = 0; i < a->launches.len; i++) {
        const struct launch *l = a->launches.items[i];

        if (is_watched(l) && is_at(l, &s->place->where) && l->active_since_ms < s->began_ms &&
            !l->seen_fresh && !map_get(s->listed, l->row.vertex_job))
            missing[count++] = arena_str(arena, l->row.vertex_job);
    }
    for (size_t i = 0; i < count && !rc; i++) {
        int64_t wait = bucket_take(&s->place->gets, io_now_ms(a->io));

        rc = wait ? io_sleep(a->io, wait, e) : 0;
        rc = rc ? rc : ask(a, missing[i], e);
    }
    return rc;
}

static int sweep_place(struct place_watch *p, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    AUTO_PTR(map) listed = map_new();
    struct sweep s = { p, io_now_ms(p->agent->io), listed };
    int rc = sweep_list(p->agent, arena, &s, e);

    if (!rc)
        LOG_DEBUG("watch.listed", "region=%.*s ms=%lld", STR_ARG(p->where.region),
                  (long long)(io_now_ms(p->agent->io) - s.began_ms));
    return rc ? rc : sweep_missing(p->agent, arena, &s, e);
}

/* How many jobs are watched there. */
static size_t count_watched(const struct agent *a, const struct vertex_place *where)
{
    size_t n = 0;

    for (size_t i = 0; i < a->launches.len; i++) {
        const struct launch *l = a->launches.items[i];

        n += is_watched(l) && is_at(l, where);
    }
    return n;
}

/* Quick while things change, slow while they do not: a tenth of the time since the last change; and never
 * more pages than the place has reads for. */
static int64_t interval_ms(const struct agent *a, size_t jobs)
{
    int64_t quiet = (io_now_ms(a->io) - a->last_change_ms) / 10;
    int64_t pages_ms = (int64_t)(jobs / PAGE_JOBS + 1) * READ_INTERVAL_MS;

    if (a->o.watch_ms)
        return a->o.watch_ms;
    quiet = quiet < WATCH_MIN_MS ? WATCH_MIN_MS : quiet > WATCH_MAX_MS ? WATCH_MAX_MS : quiet;
    return quiet < pages_ms ? pages_ms : quiet;
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
    size_t jobs;
    int rc = 0;

    while (rc != -ERR_CANCELLED && (jobs = count_watched(a, &p->where)) > 0) {
        struct err e = { 0 };

        rc = sweep_place(p, &e);
        if (rc == -ERR_CANCELLED)
            break;
        tell(p, rc, &e);
        rc = rc ? agent_sleep_retry(a, p->failures - 1, &e, NULL)
                : io_sleep(a->io, interval_ms(a, jobs), NULL);
    }
    vec_remove_item(&a->watched_places, p);
    free((char *)p->where.gcp_project.ptr);
    free((char *)p->where.region.ptr);
    free(p);
}

static bool has_watch(const struct agent *a, const struct launch *l)
{
    for (size_t i = 0; i < a->watched_places.len; i++)
        if (is_at(l, &((const struct place_watch *)a->watched_places.items[i])->where))
            return true;
    return false;
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
                               .gets = { READ_INTERVAL_MS, READ_BURST, 0 } };
    vec_push(&a->watched_places, p);
    group_spawn(places, "watch", place_run, p);
}

void watcher_run(void *arg)
{
    struct agent *a = arg;
    struct group *places = group_new(a->io);
    int rc = 0;

    while (rc != -ERR_CANCELLED) {
        for (size_t i = 0; i < a->launches.len; i++) {
            const struct launch *l = a->launches.items[i];

            if (is_watched(l) && !has_watch(a, l))
                watch_place_of(a, places, l);
        }
        rc = cond_wait(a->io, &a->watch, -1, NULL);
    }
    group_end(places);
}
