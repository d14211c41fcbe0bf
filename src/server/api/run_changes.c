/* server/api/run_changes.c: runs, changing: UpsertBucket, files, stop, delete. */
#include "base/log.h"
#include "server/api/api.h"
#include "server/api/run_branches.h"
#include "server/run_spec.h"

enum { FILES_MAX = 1000 };

/* A run named by its id is being edited: that is no sign of life. */
static int upsert_by_id(struct gql_call *c, struct str id, struct store_run_upsert *u, struct err *e)
{
    struct store_run run = { 0 };
    int rc = find_run_id(c, id, &run, e);

    if (rc < 0)
        return rc;
    u->project_id = run.project_id;
    u->name = run.name;
    u->state = str_of(run_state_name(run.state));
    return 0;
}

static struct str asked_header(const struct gql_call *c, const char *name)
{
    const struct http_exchange *x = caller_of(c)->exchange;
    struct str value = str_trim(http_header_get(x->headers, x->header_count, name));

    return value.len > 0 ? value : (struct str){ 0 };
}

/* A service account logs runs for people of its team, whom clients name in headers: protocol reference 1.4.
 */
static int run_owner(struct gql_call *c, int64_t entity_id, int64_t *ret, struct err *e)
{
    struct str name = asked_header(c, "X-WANDB-USERNAME"), email = asked_header(c, "X-WANDB-USER-EMAIL");
    int64_t member = 0;
    int rc = 0;

    if (caller_of(c)->user.is_service && (name.ptr || email.ptr))
        rc = store_member_find(store_of(c), entity_id, name, email, &member, e);
    if (rc == 0 && member != 0)
        *ret = member;
    return rc;
}

static int upsert_by_name(struct gql_call *c, struct store_run_upsert *u, struct err *e)
{
    struct store_new_project n = { .name = gql_arg_str(c, "input.modelName"), .now_unix_ms = u->now_unix_ms };
    struct store_entity entity = { 0 };
    struct store_project found = { 0 };
    bool made = false;
    char *fresh;
    int rc = find_entity_arg(c, "input.entityName", &entity, e);

    u->name = gql_arg_str(c, "input.name");
    if (u->name.len == 0) {
        fresh = arena_alloc(c->a, 9);
        io_random_id(caller_of(c)->server->io, fresh, 8);
        u->name = str_of(fresh);
    }
    if (n.name.len == 0)
        n.name = STR("uncategorized"); /* as W&B calls it */
    if (rc == 0)
        rc = run_name_check(u->name, e);
    if (rc == 0)
        rc = project_name_check(n.name, e);
    if (rc == 0)
        rc = run_owner(c, entity.id, &u->user_id, e);
    n.entity_id = entity.id;
    if (rc == 0)
        rc = store_project_ensure(store_of(c), c->a, &n, &found, &made, e);
    u->project_id = found.id;
    return rc;
}

static int upsert_texts(struct gql_call *c, struct store_run_upsert *u, const struct jval **ret_config,
                        struct err *e)
{
    const struct jval *config = NULL, *summary = NULL, *tags = gql_arg(c, "input.tags");
    int rc;

    u->display_name = gql_arg_str(c, "input.displayName");
    u->description = gql_arg_str(c, "input.description");
    u->notes = gql_arg_str(c, "input.notes");
    u->group_name = gql_arg_str(c, "input.groupName");
    u->job_type = gql_arg_str(c, "input.jobType");
    u->host = gql_arg_str(c, "input.host");
    u->program = gql_arg_str(c, "input.jobProgram");
    u->repo = gql_arg_str(c, "input.jobRepo");
    u->commit = gql_arg_str(c, "input.commit");
    u->sweep = gql_arg_str(c, "input.sweep");
    u->config = gql_arg_str(c, "input.config");
    u->summary = gql_arg_str(c, "input.summaryMetrics");
    if (jval_is(tags, JVAL_ARRAY))
        u->tags = jval_text(c->a, tags, JVAL_COMPACT);
    rc = stored_json(c->a, u->config, "config", &config, e);
    if (rc == 0)
        rc = stored_json(c->a, u->summary, "summaryMetrics", &summary, e);
    u->item_uid = jval_str(jval_path(config, "_wandb.value.launch_trace_id"));
    *ret_config = config;
    return rc;
}

int resolve_upsert_bucket(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct str id = gql_arg_str(c, "input.id");
    struct store_run_upsert u = { .state = gql_arg_str(c, "input.state"),
                                  .user_id = caller_of(c)->user.id,
                                  .now_unix_ms = now_of(c) };
    struct store_run run = { 0 };
    struct jval *o = jval_new_object(c->a);
    const struct jval *config = NULL;
    bool made = false;
    int rc = id.len > 0 ? upsert_by_id(c, id, &u, e) : upsert_by_name(c, &u, e);

    if (rc == 0)
        rc = upsert_texts(c, &u, &config, e);
    if (rc == 0 && id.len == 0)
        rc = run_fork(c, &u, config, e);
    if (rc == 0)
        rc = store_run_upsert(store_of(c), c->a, &u, &run, &made, e);
    if (rc < 0)
        return rc;
    if (made)
        LOG_INFO("run.started", "run=%.*s project=%.*s entity=%.*s", STR_ARG(run.name),
                 STR_ARG(run.project_name), STR_ARG(run.entity_name));
    jval_set(c->a, o, "bucket", run_object(c->a, &run));
    jval_set_bool(c->a, o, "inserted", made);
    set_text(c->a, o, "clientMutationId", gql_arg_str(c, "input.clientMutationId"));
    *ret = o;
    return 0;
}

/* --- files --- */

static int run_of_files(struct gql_call *c, struct store_run *ret, struct err *e)
{
    struct store_project project = { 0 };
    int rc = find_project_args(c, "input.entityName", "input.projectName", &project, e);

    return rc < 0 ? rc
                  : store_run_by_name(store_of(c), c->a, project.id, gql_arg_str(c, "input.runName"), ret, e);
}

int resolve_create_files(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct jval *names = gql_arg(c, "input.files");
    struct caller *who = caller_of(c);
    struct store_run run = { 0 };
    struct jval *o = jval_new_object(c->a), *list = jval_new_array(c->a);
    int rc = run_of_files(c, &run, e);

    if (rc == 0 && jval_len(names) > FILES_MAX)
        rc = err_set(e, ERR_LIMIT, "more than %d files at once", FILES_MAX);
    for (size_t i = 0; rc == 0 && i < jval_len(names); i++) {
        struct str name = jval_str(jval_at(names, i));
        struct jval *file = jval_new_object(c->a);

        rc = files_name_check(name, e);
        if (rc < 0)
            break;
        set_text(c->a, file, "name", name);
        set_text(c->a, file, "uploadUrl", files_upload_url(who->server, who->exchange, run.id, name));
        jval_push(c->a, list, file);
    }
    if (rc < 0)
        return rc;
    jval_set(c->a, o, "runID", jval_get(run_object(c->a, &run), "id"));
    jval_set(c->a, o, "uploadHeaders", jval_new_array(c->a));
    jval_set(c->a, o, "files", list);
    *ret = o;
    return 0;
}

int resolve_files_uploaded(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_run run = { 0 };
    int rc = run_of_files(c, &run, e);

    if (rc == 0) /* an upload is noted when its last byte is here: nothing is left to do */
        *ret = success_object(c, true);
    return rc;
}

/* --- stop, delete, state --- */

int resolve_stop_run(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct store_by by = by_of(c);
    struct store_run run = { 0 };
    int rc = find_run_id(c, gql_arg_str(c, "input.id"), &run, e);

    if (rc == 0)
        rc = store_run_ask_stop(store_of(c), run.id, &by, e);
    if (rc < 0)
        return rc;
    LOG_INFO("run.stop_asked", "run=%.*s by=\"%.*s\"", STR_ARG(run.name), STR_ARG(by.who));
    *ret = success_object(c, true);
    return 0;
}

int resolve_delete_run(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct store_by by = by_of(c);
    struct access q = access_of(c);
    struct store_run run = { 0 };
    int rc = find_run_id(c, gql_arg_str(c, "input.id"), &run, e);

    q.act = "deleteRun.of others";
    if (rc == 0 && !str_eq(run.username, q.user->username))
        rc = access_entity_id(&q, run.entity_id, "this run", e);
    if (rc == 0)
        rc = store_run_delete(store_of(c), run.id, &by, e);
    if (rc < 0)
        return rc;
    LOG_INFO("run.deleted", "run=%.*s user=%.*s", STR_ARG(run.name), STR_ARG(caller_of(c)->user.username));
    *ret = success_object(c, true);
    return 0;
}

int resolve_update_run_state(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct str wanted = gql_arg_str(c, "input.state");
    enum run_state state = RUN_PENDING;
    struct store_run run = { 0 };
    bool allowed;
    int rc = find_run_id(c, gql_arg_str(c, "input.id"), &run, e);

    if (rc < 0)
        return rc;
    /* Protocol reference 2.8: the two moves a client may make itself. */
    allowed = run_state_parse(wanted, &state) &&
              ((state == RUN_PENDING && (run.state == RUN_RUNNING || run.state == RUN_FAILED ||
                                         run.state == RUN_CRASHED || run.state == RUN_PREEMPTED)) ||
               (state == RUN_FAILED && (run.state == RUN_PENDING || run.state == RUN_RUNNING)));
    if (!allowed)
        return err_set(e, ERR_INVALID, "a run that is %s cannot be made %.*s", run_state_name(run.state),
                       STR_ARG(str_sub(wanted, 0, 40)));
    rc = store_run_set_state(store_of(c), run.id, state, now_of(c), e);
    if (rc == 0)
        *ret = success_object(c, true);
    return rc;
}
