/* agent/submit.c: creating the Vertex job, and finding the one whose create was not answered. */
#include <stdlib.h>

#include "agent/acts.h"
#include "base/log.h"
#include "base/mem.h"

enum {
    LABEL_CHARS = 12,
    CREATE_INTERVAL_MS = 1000, /* Vertex allows 60 a minute per project and region */
    CREATE_BURST = 20,
    REQUEST_MAX_BYTES = 4 * 1024 * 1024,
    NOWHERE_TO_BELIEVE = 8 /* some two minutes */
};

static int wait_for_turn(struct launch *l, struct str gcp_project, struct str region)
{
    struct agent *a = l->agent;
    AUTO_STRBUF struct strbuf key = STRBUF(512);
    struct gate *g;

    strbuf_addf(&key, "%.*s/%.*s", STR_ARG(gcp_project), STR_ARG(region));
    g = map_get(a->gates, strbuf_str(&key));
    if (!g) {
        g = gate_new(CREATE_INTERVAL_MS, CREATE_BURST);
        map_put(a->gates, strbuf_str(&key), g);
    }
    return gate_pass(a->io, g, l->row.queue, NULL);
}

int submit_prepare(struct launch *l, struct arena *a, struct launch_row *next, struct submission *ret,
                   struct outcome *out)
{
    struct launch_job job = { 0 };
    char *label = arena_alloc(a, LABEL_CHARS + 1);
    int rc;

    io_random_id(l->agent->io, label, LABEL_CHARS);
    next->attempt++;
    rc = render_launch(l, a, &(struct render_attempt){ str_of(label), next->at }, &job, out);
    if (rc)
        return rc;
    next->ran = false;
    next->spot = job.rendered.is_spot;
    next->flexible = job.rendered.is_flexible;
    rc = wait_for_turn(l, job.rendered.gcp_project, job.rendered.region);
    if (!rc)
        rc = hold_make_sure(l, &ret->send_before_ms, &out->err);
    if (rc)
        return rc;
    next->attempt_label = str_of(label);
    next->gcp_project = job.rendered.gcp_project;
    next->region = job.rendered.region;
    ret->request = jval_text(a, job.rendered.request, JVAL_COMPACT);
    return 0;
}

int submit_create(struct launch *l, const struct submission *s, const struct launch_secrets *secrets,
                  struct outcome *out)
{
    AUTO_PTR(arena) a = arena_new();
    struct strbuf wire = STRBUF_WIPED(REQUEST_MAX_BYTES);
    struct vertex_place where = { .gcp_project = l->row.gcp_project,
                                  .region = l->row.region,
                                  .send_before_ms = s->send_before_ms };
    struct vertex_job made = { 0 };
    struct jval *tree = NULL;
    int rc = jval_from_json(a, s->request, "the request", NULL, &tree, &out->err);

    where.v1beta1 = request_needs_v1beta1(tree);
    if (!rc)
        rc = request_fill_secrets(tree, launch_secrets_find, (void *)(uintptr_t)secrets, &wire, &out->err);
    if (!rc)
        rc = vertex_create(l->agent->o.google, a, &where, strbuf_str(&wire), &made, &out->err);
    strbuf_wipe(&wire);
    if (!rc)
        strbuf_add(&out->job, made.name);
    return rc;
}

/* Of several jobs one that lives is ours, and the watcher ends the others (a create that ran twice). Else it
 * is the latest: what the earlier ones came to, the agent that made them knew. */
static const struct vertex_job *pick_job(const struct vertex_jobs *jobs)
{
    const struct vertex_job *latest = NULL;

    for (size_t i = 0; i < jobs->len; i++) {
        if (!vertex_status_is_ended(vertex_status_parse(jobs->at[i].state)))
            return &jobs->at[i];
        if (!latest || str_cmp(jobs->at[i].create_time, latest->create_time) > 0)
            latest = &jobs->at[i];
    }
    return latest;
}

struct by_item {
    struct vertex_jobs jobs;
    size_t cap;
    struct vertex_place *asked;
    size_t asked_count;
};

/* A place that several rungs share is asked once. */
static bool is_asked(const struct by_item *b, const struct vertex_place *where)
{
    for (size_t i = 0; i < b->asked_count; i++)
        if (str_eq(b->asked[i].gcp_project, where->gcp_project) && str_eq(b->asked[i].region, where->region))
            return true;
    return false;
}

static int ask_place(struct launch *l, struct arena *a, struct by_item *b, const struct vertex_place *where,
                     struct err *e)
{
    const char *filter = arena_printf(a, "labels." LABEL_ITEM "=\"%.*s\"", STR_ARG(launch_label(l, a)));
    struct vertex_jobs found = { 0 };
    int rc;

    if (is_asked(b, where))
        return 0;
    rc = vertex_list(l->agent->o.google, a, where, str_of(filter), &found, e);
    for (size_t i = 0; !rc && i < found.len; i++) {
        b->jobs.at = arena_grow(a, b->jobs.at, b->jobs.len, &b->cap, sizeof(*b->jobs.at));
        b->jobs.at[b->jobs.len++] = found.at[i];
    }
    b->asked[b->asked_count++] = *where;
    return rc;
}

/* Wherever the ladder leads, the jobs of an agent that had the item before. */
static int find_by_item(struct launch *l, struct arena *a, struct vertex_jobs *ret, struct outcome *out)
{
    const struct launch_policy *p = launch_policy(l);
    struct by_item b = { .asked = arena_array(a, p->rung_count, sizeof(*b.asked)) };
    int rc = 0;

    for (uint32_t i = 0; !rc && i < p->rung_count; i++) {
        const struct render_attempt attempt = { STR("check"), { .rung = i } };
        struct launch_job job = { 0 };

        rc = render_launch(l, a, &attempt, &job, out);
        if (!rc)
            rc = ask_place(l, a, &b, &(struct vertex_place){ job.rendered.gcp_project, job.rendered.region },
                           &out->err);
    }
    *ret = b.jobs;
    return rc;
}

static void keep_found(const struct vertex_jobs *jobs, struct outcome *out)
{
    const struct vertex_job *found = pick_job(jobs);

    if (found)
        strbuf_add(&out->job, found->name);
}

int act_find(struct launch *l, struct outcome *out)
{
    AUTO_PTR(arena) a = arena_new();
    struct vertex_jobs jobs = { 0 };
    int rc = find_by_item(l, a, &jobs, out);

    if (!rc)
        keep_found(&jobs, out);
    return rc;
}

/* A place whose list is not there, time and again, is none: the region or the project is misspelt, and no job
 * was made. What answers a host that does not exist does not have Google's manners, so a proxy may say so
 * too: it is not believed at once. */
static bool is_nowhere(struct launch *l, int rc, const struct err *e)
{
    l->nowhere = rc && e->http_status == 404 ? l->nowhere + 1 : 0;
    return l->nowhere >= NOWHERE_TO_BELIEVE;
}

/* The job of our latest attempt, likewise. */
static int find_by_attempt(struct launch *l, struct outcome *out)
{
    AUTO_PTR(arena) a = arena_new();
    const struct vertex_place where = { .gcp_project = l->row.gcp_project, .region = l->row.region };
    const char *filter = arena_printf(a, "labels." LABEL_ATTEMPT "=\"%.*s\"", STR_ARG(l->row.attempt_label));
    struct vertex_jobs jobs = { 0 };
    int rc = vertex_list(l->agent->o.google, a, &where, str_of(filter), &jobs, &out->err);

    if (!rc)
        keep_found(&jobs, out);
    return rc;
}

int act_probe(struct launch *l, struct outcome *out)
{
    int rc = l->row.attempt == 0 ? act_find(l, out) : find_by_attempt(l, out);

    if (rc == -ERR_CANCELLED)
        return rc;
    if (is_nowhere(l, rc, &out->err)) {
        out->err.code = ERR_NOT_FOUND;
        outcome_set(out, LAUNCH_EV_SUBMIT_ERR);
        return 0;
    }
    outcome_set(out, rc ? LAUNCH_EV_PROBE_ERR : out->job.len ? LAUNCH_EV_PROBE_FOUND : LAUNCH_EV_PROBE_NONE);
    return 0;
}
