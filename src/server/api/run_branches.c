/*
 * server/api/run_branches.c: wandb.init(resume_from="RUN?_step=N") and wandb.init(fork_from="RUN?_step=N").
 *
 * The first sends RewindRun, takes the answer's config under its own, and upserts the run by the answer's id.
 * The second only upserts a new run whose config has _wandb.branch_point: {"run_id": RUN, "step": N}. Either
 * counts its steps from N + 1 on, and its lines from the upsert's historyLineCount on. That member stays in
 * the config and comes with each later upsert of the run; of a run that was rewound it names the run itself.
 * Seen with 0.25.1, 0.28.2 and 0.31.0.
 */
#include "server/api/run_branches.h"

#include <math.h>

#include "base/log.h"

/* Clients know one metric too; JSON has no word for NaN and infinities. */
static int step_check(double step, struct err *e)
{
    if (!isfinite(step) || step < 0)
        return err_set(e, ERR_INVALID, "%.17g is no step: they count from 0", step);
    return 0;
}

static int rewind_args(struct gql_call *c, double *ret_step, struct err *e)
{
    struct str metric = gql_arg_str(c, "input.metricName");

    if (!str_is(metric, "_step"))
        return err_set(e, ERR_INVALID, "metricName is '%.*s': a run can only be rewound to a _step",
                       STR_ARG(str_sub(metric, 0, 100)));
    *ret_step = jval_real(gql_arg(c, "input.metricValue"));
    return step_check(*ret_step, e);
}

static int rewind_run(struct gql_call *c, struct store_run *ret, struct err *e)
{
    struct str name = gql_arg_str(c, "input.runName");
    struct store_project project = { 0 };
    int rc = find_project_args(c, "input.entityName", "input.projectName", &project, e);

    if (rc < 0)
        return rc;
    rc = store_run_by_name(store_of(c), c->a, project.id, name, ret, e);
    if (rc == -ERR_NOT_FOUND)
        return err_set(e, ERR_NOT_FOUND, "run '%.*s' does not exist in project '%.*s' of entity '%.*s'",
                       STR_ARG(str_sub(name, 0, 100)), STR_ARG(project.name), STR_ARG(project.entity_name));
    return rc;
}

int resolve_rewind_run(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct store_by by = by_of(c);
    struct store_rewind r = { .by = &by };
    struct jval *o = jval_new_object(c->a);
    struct store_run run = { 0 };
    int64_t gone = 0;
    int rc = rewind_args(c, &r.step, e);

    if (rc == 0)
        rc = rewind_run(c, &run, e);
    if (rc < 0)
        return rc;
    r.run_id = run.id;
    rc = store_run_rewind(store_of(c), &r, &gone, e);
    if (rc < 0)
        return err_wrap(e, "run '%.*s' cannot be rewound to step %.17g", STR_ARG(run.name), r.step);
    LOG_INFO("run.rewound", "run=%.*s step=%.17g lines_gone=%lld by=\"%.*s\"", STR_ARG(run.name), r.step,
             (long long)gone, STR_ARG(by.who));
    rc = store_run_by_id(store_of(c), c->a, run.id, &run, e);
    if (rc < 0)
        return rc;
    jval_set(c->a, o, "rewoundRun", run_object(c->a, &run));
    set_text(c->a, o, "clientMutationId", gql_arg_str(c, "input.clientMutationId"));
    *ret = o;
    return 0;
}

/* --- forks --- */

static const struct jval *branch_point(const struct jval *config)
{
    return jval_path(config, "_wandb.value.branch_point");
}

/* A run that has this branch point already is being changed. */
static int has_branch_point(struct gql_call *c, const struct store_run_upsert *u, const struct jval *point,
                            bool *ret, struct err *e)
{
    const struct jval *config = NULL;
    struct store_run run = { 0 };
    int rc = store_run_by_name(store_of(c), c->a, u->project_id, u->name, &run, e);

    *ret = false;
    if (rc == -ERR_NOT_FOUND)
        return 0;
    if (rc == 0)
        rc = stored_json(c->a, run.config, "the run's config", &config, e);
    if (rc == 0)
        *ret = jval_equal(branch_point(config), point);
    return rc;
}

static int fork_step(const struct jval *point, double *ret, struct err *e)
{
    const struct jval *step = jval_get(point, "step");

    if (!jval_is_number(step))
        return err_set(e, ERR_INVALID, "_wandb.branch_point of the config has no number as its step");
    *ret = jval_real(step);
    return step_check(*ret, e);
}

int run_fork(struct gql_call *c, const struct store_run_upsert *u, const struct jval *config, struct err *e)
{
    const struct jval *point = branch_point(config);
    struct store_fork f = { .project_id = u->project_id,
                            .name = u->name,
                            .parent = jval_str(jval_get(point, "run_id")),
                            .user_id = u->user_id,
                            .now_unix_ms = u->now_unix_ms };
    struct store_forked made = { 0 };
    bool is_there = false;
    int rc;

    if (f.parent.len == 0 || str_eq(f.parent, u->name))
        return 0;
    rc = has_branch_point(c, u, point, &is_there, e);
    if (rc < 0 || is_there)
        return rc;
    rc = fork_step(point, &f.step, e);
    if (rc == 0)
        rc = store_run_fork(store_of(c), &f, &made, e);
    if (rc < 0)
        return err_wrap(e, "run '%.*s' cannot be forked", STR_ARG(str_sub(f.parent, 0, 100)));
    LOG_INFO("run.forked", "run=%.*s from=%.*s step=%.17g lines=%lld", STR_ARG(f.name), STR_ARG(f.parent),
             f.step, (long long)made.lines);
    if (store_history_is_long(made.lines, 0))
        packer_wish(caller_of(c)->server, &(struct store_history){ made.run_id, RUN_HISTORY });
    return 0;
}
