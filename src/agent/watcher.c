/*
 * agent/watcher.c: one list per project and region tells the state of all our jobs that live. A job missing
 * from a complete list has ended (or is too new for it), and is asked for itself.
 */
#include <stdlib.h>

#include "agent/agent_internal.h"
#include "base/log.h"
#include "base/mem.h"

enum { WATCH_MIN_MS = 1000, WATCH_MAX_MS = 10000 };

#define LIVE_STATES                                                                                          \
    "(state=\"JOB_STATE_QUEUED\" OR state=\"JOB_STATE_PENDING\" OR state=\"JOB_STATE_RUNNING\" OR "          \
    "state=\"JOB_STATE_CANCELLING\" OR state=\"JOB_STATE_UPDATING\" OR state=\"JOB_STATE_PAUSED\")"

static bool is_watched(const struct launch *l)
{
    return l->row.vertex_job.len && !l->settling &&
           (l->row.phase == LAUNCH_ACTIVE || l->row.phase == LAUNCH_STOPPING);
}

static struct launch *find_by_job(struct agent *a, struct str name)
{
    for (size_t i = 0; i < a->launches.len; i++) {
        struct launch *l = a->launches.items[i];

        if (str_eq(l->row.vertex_job, name))
            return l;
    }
    return NULL;
}

static void deliver(struct agent *a, struct launch *l, const struct vertex_job *job)
{
    enum vertex_status status = vertex_status_parse(job->state);

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
    struct launch *l = find_by_job(a, copy);

    if (l && !rc)
        deliver(a, l, &job);
    if (l && rc == -ERR_NOT_FOUND) {
        l->gone = true;
        launch_wake(l);
    }
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}

struct sweep {
    struct vertex_place where;
    int64_t began_ms;
    struct map *listed;
};

static int sweep_list(struct agent *a, struct arena *arena, struct sweep *s, struct err *e)
{
    const char *filter = arena_printf(arena, "labels." LABEL_AGENT "=\"%.*s\" AND " LIVE_STATES,
                                      STR_ARG(journal_agent_label(a->journal)));
    struct vertex_jobs jobs = { 0 };
    int rc = vertex_list(a->o.google, arena, &s->where, str_of(filter), &jobs, e);

    for (size_t i = 0; !rc && i < jobs.len; i++) {
        struct vertex_job *job = &jobs.at[i];
        struct launch *l = find_by_job(a, job->name);

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

        if (is_watched(l) && is_at(l, &s->where) && l->active_since_ms < s->began_ms && !l->seen_fresh &&
            !map_get(s->listed, l->row.vertex_job))
            missing[count++] = arena_str(arena, l->row.vertex_job);
    }
    for (size_t i = 0; i < count && !rc; i++)
        rc = ask(a, missing[i], e);
    return rc;
}

static int sweep_place(struct agent *a, const struct vertex_place *where, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    AUTO_PTR(map) listed = map_new();
    struct sweep s = { *where, io_now_ms(a->io), listed };
    int rc = sweep_list(a, arena, &s, e);

    return rc ? rc : sweep_missing(a, arena, &s, e);
}

/* Each (project, region) of the watched launches once. *ret_count: how many there were. */
static int sweep_all(struct agent *a, size_t *ret_count, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct vertex_place *places = arena_array(arena, a->launches.len + 1, sizeof(*places));
    size_t count = 0;
    int rc = 0;

    for (size_t i = 0; i < a->launches.len; i++) {
        const struct launch *l = a->launches.items[i];
        size_t j = 0;

        while (j < count && !is_at(l, &places[j]))
            j++;
        if (!is_watched(l) || j < count)
            continue;
        places[count++] = (struct vertex_place){ .gcp_project = arena_str(arena, l->row.gcp_project),
                                                 .region = arena_str(arena, l->row.region) };
    }
    for (size_t i = 0; i < count && !rc; i++)
        rc = sweep_place(a, &places[i], e);
    *ret_count = count;
    return rc;
}

/* Quick while things change, slow while they do not: a tenth of the time since the last change. */
static int64_t interval_ms(const struct agent *a)
{
    int64_t quiet = (io_now_ms(a->io) - a->last_change_ms) / 10;

    if (a->o.watch_ms)
        return a->o.watch_ms;
    return quiet < WATCH_MIN_MS ? WATCH_MIN_MS : quiet > WATCH_MAX_MS ? WATCH_MAX_MS : quiet;
}

void watcher_run(void *arg)
{
    struct agent *a = arg;
    uint32_t failures = 0;

    for (;;) {
        struct err e = { 0 };
        size_t groups = 0;
        int rc = sweep_all(a, &groups, &e);

        if (rc == -ERR_CANCELLED)
            return;
        if (rc && failures++ == 0)
            LOG_WARNING("watch.failed", "error=\"%s\" action=\"trying again until it answers\"", e.msg);
        if (!rc && failures)
            LOG_INFO("watch.recovered", "failures=%u", failures);
        failures = rc ? failures : 0;
        if (rc)
            rc = agent_sleep_retry(a, failures - 1, &e, NULL);
        else if (groups)
            rc = io_sleep(a->io, interval_ms(a), NULL);
        else
            rc = cond_wait(a->io, &a->watch, -1, NULL);
        if (rc == -ERR_CANCELLED)
            return;
    }
}
