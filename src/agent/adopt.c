/*
 * agent/adopt.c: the jobs of a journal that was lost with its disk. Our own server lends the items of a
 * silent agent again, and the jobs are found then. A W&B server lends nothing twice, so an agent whose
 * journal is new looks for living jobs that carry the label of its home, and takes each up where it is.
 *
 * What a job tells of its item is in its labels and variables; the spec is lost, so such a launch is seen to
 * the end of the job it has, and gets no other.
 */
#include "agent/agent_internal.h"
#include "base/log.h"
#include "launch/render.h"

enum { REGISTER_LOOK_MS = 1000, PLACES_MAX = 256 };

/* A list may lag behind a create by a minute. */
static const int64_t rounds_ms[] = { 0, 20000, 60000 };

struct adopted {
    struct str item, queue, run_id, run_entity, wb_project;
    struct vertex_place where;
};

static int wait_registered(struct agent *a)
{
    int rc = 0;

    while (!rc && !a->registered)
        rc = io_sleep(a->io, REGISTER_LOOK_MS, NULL);
    return rc;
}

/* Which of our queues has it, and is it still to be ended? An item that is in none, or has ended, is
 * nobody's.
 */
static int find_item(struct agent *a, struct arena *arena, struct adopted *j, struct err *e)
{
    for (size_t i = 0; a->served[i]; i++) {
        struct wandb_item_status status = { 0 };
        const struct wandb_item_ref ref = { str_of(a->o.entity), str_of(a->served[i]), j->item };
        int rc = wandb_item_get(a->o.wandb, arena, &ref, &status, e);

        if (rc && rc != -ERR_NOT_FOUND)
            return rc;
        if (rc || !str_eq(status.run_id, j->run_id))
            continue;
        if (!str_is(status.state, "CLAIMED") && !str_is(status.state, "RUNNING"))
            break;
        j->queue = ref.queue;
        return 0;
    }
    return err_set(e, ERR_NOT_FOUND, "no queue of ours has its item as one that is under way");
}

static int read_job(struct agent *a, struct arena *arena, const struct vertex_job *job, struct adopted *j,
                    struct err *e)
{
    struct vertex_env vars[] = { { .name = "WANDB_ENTITY" }, { .name = "WANDB_PROJECT" }, { .name = NULL } };
    int rc;

    if (!label_text(arena, jval_str(jval_get(job->labels, LABEL_ITEM)), &j->item) ||
        !label_text(arena, jval_str(jval_get(job->labels, LABEL_RUN)), &j->run_id))
        return err_set(e, ERR_NOT_FOUND, "its labels do not tell the item");
    rc = find_item(a, arena, j, e);
    rc = rc ? rc : vertex_get_env(a->o.google, arena, job->name, vars, e);
    j->run_entity = vars[0].value;
    j->wb_project = vars[1].value;
    return rc;
}

static int take_up(struct agent *a, const struct vertex_job *job, const struct adopted *j, struct err *e)
{
    int64_t now = io_now_unix_ms(a->io);
    struct launch_row row = { .item = j->item,
                              .queue = j->queue,
                              .run_id = j->run_id,
                              .run_entity = j->run_entity,
                              .wb_project = j->wb_project,
                              .gcp_project = j->where.gcp_project,
                              .region = j->where.region,
                              .vertex_job = job->name,
                              .phase = LAUNCH_ACTIVE,
                              .acked = true,
                              .leased_at_ms = now,
                              .active_at_ms = now };
    int rc = journal_add(a->journal, &row, STR("null"), &row.id, e);
    struct launch *l;

    if (rc)
        return rc;
    LOG_INFO("launch.adopted", "item=%.*s run=%.*s queue=%.*s vertex_job=%.*s", STR_ARG(row.item),
             STR_ARG(row.run_id), STR_ARG(row.queue), STR_ARG(row.vertex_job));
    l = launch_new(a, &row);
    l->recovered = l->parked = true;
    agent_start_launch(a, l);
    watcher_look(l);
    return 0;
}

/* -ERR_NOT_FOUND: it is not for us to see to its end. */
static int adopt_job(struct agent *a, const struct vertex_place *where, const struct vertex_job *job,
                     struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct adopted j = { .where = *where };
    int rc;

    if (map_get(a->by_job, job->name))
        return 0;
    rc = read_job(a, arena, job, &j, e);
    if (rc == -ERR_NOT_FOUND)
        LOG_WARNING("adopt.left", "vertex_job=%.*s reason=\"%s\"", STR_ARG(job->name), e->msg);
    if (rc || map_get(a->by_item, j.item)) /* it came to us while we asked */
        return rc;
    return take_up(a, job, &j, e);
}

static int adopt_at(struct agent *a, const struct vertex_place *where, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    const char *filter = arena_printf(arena, "labels." LABEL_HOME "=\"%.*s\" AND " VERTEX_LIVE_STATES,
                                      STR_ARG(label_value(arena, str_of(a->o.home))));
    struct vertex_jobs jobs = { 0 };
    int rc = vertex_list(a->o.google, arena, where, str_of(filter), &jobs, e);

    for (size_t i = 0; !rc && i < jobs.len; i++) {
        if (str_eq(jval_str(jval_get(jobs.at[i].labels, LABEL_AGENT)), journal_agent_label(a->journal)))
            continue; /* of this journal */
        rc = adopt_job(a, where, &jobs.at[i], e);
        rc = rc == -ERR_NOT_FOUND ? 0 : rc;
    }
    return rc;
}

static bool is_in(struct str region, const struct str *regions, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (str_eq(regions[i], region))
            return true;
    return false;
}

static size_t add_regions(struct str *regions, size_t len, const struct launch_policy *p)
{
    for (size_t i = 0; i < p->rung_count && len < PLACES_MAX; i++)
        if (p->rungs[i].region.len && !is_in(p->rungs[i].region, regions, len))
            regions[len++] = p->rungs[i].region;
    return len;
}

/* Wherever the configuration may have sent a job. A queue config that names a place of its own is not known
 * before one of its items comes. */
static int adopt_round(struct agent *a, struct err *e)
{
    struct str regions[PLACES_MAX] = { str_of(a->o.region ? a->o.region : DEFAULT_REGION) };
    struct str project = str_of(a->o.gcp_project);
    size_t len = add_regions(regions, 1, &a->o.policies->all);
    int failed = project.len ? 0 : google_project(a->o.google, &project, e);

    for (size_t i = 0; i < a->o.policies->len; i++)
        len = add_regions(regions, len, &a->o.policies->queues[i].policy);
    for (size_t i = 0; project.len && i < len; i++) { /* one that does not answer holds up no other */
        int rc = adopt_at(a, &(struct vertex_place){ .gcp_project = project, .region = regions[i] }, e);

        if (rc == -ERR_CANCELLED)
            return rc;
        failed = rc ? rc : failed;
    }
    return failed;
}

/* One look is enough for that, also one that failed: a region that never answers is no reason to stand still.
 */
static void let_takers_go(struct agent *a)
{
    a->adopting = false;
    cond_broadcast(a->io, &a->slots);
}

/* Until it works: -ERR_CANCELLED, else 0. */
static int adopt_surely(struct agent *a)
{
    for (uint32_t attempt = 0;; attempt++) {
        struct err e = { 0 };
        int rc = adopt_round(a, &e);

        let_takers_go(a);
        if (!rc || rc == -ERR_CANCELLED)
            return rc;
        if (attempt == 0)
            LOG_WARNING("adopt.failed", "error=\"%s\" action=\"trying again until it answers\"", e.msg);
        rc = agent_sleep_retry(a, attempt, &e, NULL);
        if (rc)
            return rc;
    }
}

void adopt_run(void *arg)
{
    struct agent *a = arg;
    int rc = journal_adoption_is_due(a->journal) ? wait_registered(a) : -ERR_CANCELLED;

    for (size_t i = 0; !rc && i < ARRAY_LEN(rounds_ms) && a->o.home && !wandb_is_slipway(a->o.wandb); i++) {
        rc = io_sleep(a->io, rounds_ms[i], NULL);
        rc = rc ? rc : adopt_surely(a);
    }
    let_takers_go(a);
    if (!rc)
        (void)!journal_adoption_done(a->journal, NULL); /* else once more at the next start */
}
