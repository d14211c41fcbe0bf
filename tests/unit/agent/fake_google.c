/* tests/unit/agent/fake_google.c: see fake_google.h. */
#include "fake_google.h"

#include <stdio.h>
#include <string.h>

#include "launch/phase.h"
#include "launch/render.h"

struct cloud cloud;

void cloud_set_state(int index, const char *state, const char *error)
{
    snprintf(cloud.jobs[index].state, sizeof(cloud.jobs[index].state), "JOB_STATE_%s", state);
    cloud.jobs[index].error = error;
}

static bool is_live(const struct cloud_job *j)
{
    return !j->deleted && !vertex_status_is_ended(vertex_status_parse(str_of(j->state)));
}

int cloud_live_jobs(void)
{
    int n = 0;

    for (int i = 0; i < cloud.count; i++)
        n += is_live(&cloud.jobs[i]);
    return n;
}

static int reach(struct err *e)
{
    int rc = io_sleep(cloud.io, 50, e);

    return !rc && cloud.down ? err_set(e, ERR_NET, "vertex is down") : rc;
}

static void out_job(struct arena *a, const struct cloud_job *j, struct vertex_job *ret)
{
    struct jval *labels = jval_new_object(a);

    jval_set_cstr(a, labels, LABEL_ATTEMPT, j->attempt);
    jval_set_cstr(a, labels, LABEL_AGENT, j->agent);
    jval_set_cstr(a, labels, LABEL_HOME, j->home);
    jval_set_cstr(a, labels, LABEL_ITEM, j->item);
    jval_set_cstr(a, labels, LABEL_RUN, j->run);
    *ret = (struct vertex_job){ .name = str_of(arena_strdup(a, j->name)),
                                .state = str_of(arena_strdup(a, j->state)),
                                .error_message = str_of(j->error),
                                .start_time = j->started ? STR("2026-01-01T00:00:00Z") : (struct str){ 0 },
                                .create_time = str_of(arena_printf(a, "%06d", (int)(j - cloud.jobs))),
                                .labels = labels };
}

size_t google_traffic(const struct google *g, const struct google_traffic **ret)
{
    *ret = NULL;
    return 0;
}

int google_project(struct google *g, struct str *ret, struct err *e)
{
    if (cloud.project_unknown)
        return err_set(e, ERR_NET, "the metadata server is down");
    *ret = STR("proj");
    return 0;
}

int secret_manager_access(struct secret_manager *m, struct str name, struct str field, struct secret **ret,
                          struct err *e)
{
    int rc = reach(e);

    if (rc)
        return rc;
    cloud.secret_reads++;
    if (cloud.secret_failures > 0) {
        cloud.secret_failures--;
        return err_set_http(e, 503, "secret %.*s: UNAVAILABLE: try later", STR_ARG(name));
    }
    if (!cloud.secret)
        return err_set_http(e, 403, "secret %.*s: PERMISSION_DENIED: no secretmanager.versions.access",
                            STR_ARG(name));
    *ret = secret_new(field.len ? field : str_of(cloud.secret));
    return 0;
}

static void copy_label(char to[CLOUD_LABEL_SIZE], const struct jval *request, const char *name)
{
    snprintf(to, CLOUD_LABEL_SIZE, "%.*s", STR_ARG(jval_str(jval_get(jval_get(request, "labels"), name))));
}

static struct cloud_job *add_job(const struct jval *request)
{
    struct cloud_job *j = &cloud.jobs[cloud.count];

    snprintf(j->name, sizeof(j->name), "projects/1/locations/us-central1/customJobs/%d", ++cloud.count);
    snprintf(j->state, sizeof(j->state), "JOB_STATE_PENDING");
    copy_label(j->attempt, request, LABEL_ATTEMPT);
    copy_label(j->agent, request, LABEL_AGENT);
    copy_label(j->home, request, LABEL_HOME);
    copy_label(j->item, request, LABEL_ITEM);
    copy_label(j->run, request, LABEL_RUN);
    return j;
}

int vertex_create(struct google *g, struct arena *a, const struct vertex_place *where, struct str request,
                  struct vertex_job *ret, struct err *e)
{
    struct jval *tree = NULL;
    struct cloud_job *j;
    int rc = reach(e);

    if (rc)
        return rc;
    cloud.creates++;
    if (cloud.nowhere)
        return err_set_http(e, 502, "no answer");
    snprintf(cloud.wire, sizeof(cloud.wire), "%.*s", STR_ARG(request));
    if (cloud.refuse_creates > 0) {
        cloud.refuse_creates--;
        return err_set_http(e, 429, "RESOURCE_EXHAUSTED: The following quotas are exceeded: gpus");
    }
    if (jval_from_json(a, request, "create", NULL, &tree, e))
        return -ERR_INVALID;
    j = add_job(tree);
    if (cloud.twice)
        add_job(tree);
    if (cloud.lose_answers > 0) {
        cloud.lose_answers--;
        return err_set(e, ERR_NET, "the answer was lost");
    }
    out_job(a, j, ret);
    return io_sleep(cloud.io, 50, e);
}

int vertex_get(struct google *g, struct arena *a, struct str name, struct vertex_job *ret, struct err *e)
{
    int rc = reach(e);

    if (rc)
        return rc;
    cloud.gets++;
    for (int i = 0; i < cloud.count; i++)
        if (str_is(name, cloud.jobs[i].name) && !cloud.jobs[i].deleted) {
            out_job(a, &cloud.jobs[i], ret);
            return 0;
        }
    return err_set_http(e, 404, "no such job");
}

int vertex_get_env(struct google *g, struct arena *a, struct str name, struct vertex_env *vars, struct err *e)
{
    struct vertex_job job = { 0 };
    int rc = vertex_get(g, a, name, &job, e);

    for (size_t i = 0; !rc && vars[i].name; i++)
        vars[i].value = str_is(str_of(vars[i].name), "WANDB_ENTITY") ? STR("ent") : STR("proj");
    return rc;
}

/* Knows the filters of the agent: a dedup label, an item, or a label of its own, of any agent or of its home
 * with states that live or ended. */
int vertex_list(struct google *g, struct arena *a, const struct vertex_place *where, struct str filter,
                struct vertex_jobs *ret, struct err *e)
{
    struct vertex_jobs jobs = { .at = arena_array(a, CLOUD_MAX_JOBS, sizeof(*jobs.at)) };
    bool by_home = str_find(filter, STR(LABEL_HOME)) >= 0, by_item = str_find(filter, STR(LABEL_ITEM)) >= 0;
    bool any_agent = str_find(filter, STR(LABEL_AGENT ":*")) >= 0;
    bool live_only = str_find(filter, STR("JOB_STATE_RUNNING")) >= 0;
    bool ended_only = str_find(filter, STR("JOB_STATE_SUCCEEDED")) >= 0;
    int rc = reach(e);

    if (rc)
        return rc;
    cloud.lists++;
    cloud.item_lists += by_item;
    if (cloud.nowhere)
        return err_set_http(e, 404, "not found");
    for (int i = 0; i < cloud.count; i++) {
        const char *label = by_home                   ? cloud.jobs[i].home
                            : by_item                 ? cloud.jobs[i].item
                            : live_only || ended_only ? cloud.jobs[i].agent
                                                      : cloud.jobs[i].attempt;

        if (!cloud.jobs[i].deleted && (!live_only || is_live(&cloud.jobs[i])) &&
            (!ended_only || !is_live(&cloud.jobs[i])) &&
            (any_agent || str_find(filter, str_of(arena_printf(a, "=\"%s\"", label))) >= 0))
            out_job(a, &cloud.jobs[i], &jobs.at[jobs.len++]);
    }
    *ret = jobs;
    return 0;
}

int logging_read(struct google *g, struct arena *a, const struct log_query *q, struct log_page *ret,
                 struct err *e)
{
    int rc = reach(e);

    if (rc || !cloud.log_text)
        return rc ? rc : err_set_http(e, 403, "logging.logEntries.list is not allowed");
    ret->lines = arena_array(a, 1, sizeof(*ret->lines));
    ret->lines[0] = (struct log_line){ .job_id = q->job_ids[0], .text = str_of(cloud.log_text) };
    ret->len = 1;
    return 0;
}

int vertex_each(struct google *g, const struct vertex_list *list, vertex_visit_fn visit, void *ctx,
                struct err *e)
{
    struct arena *a = arena_new();
    struct vertex_jobs jobs = { 0 };
    int rc = vertex_list(g, a, list->where, list->filter, &jobs, e), told = 0;

    for (size_t i = 0; !rc && i < jobs.len; i++, told++)
        rc = visit(ctx, &jobs.at[i], e);
    cloud.told_max = told > cloud.told_max ? told : cloud.told_max;
    arena_free(a);
    return rc;
}

int vertex_cancel(struct google *g, struct str name, struct err *e)
{
    int rc = reach(e);

    if (rc)
        return rc;
    cloud.cancels++;
    if (cloud.fail_cancels > 0) {
        cloud.fail_cancels--;
        return err_set_http(e, 503, "UNAVAILABLE: try later");
    }
    for (int i = 0; i < cloud.count; i++) {
        if (!str_is(name, cloud.jobs[i].name) || cloud.jobs[i].deleted)
            continue;
        if (is_live(&cloud.jobs[i]))
            cloud_set_state(i, "CANCELLED", NULL);
        return 0;
    }
    return err_set_http(e, 404, "no such job");
}
