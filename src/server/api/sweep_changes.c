/* server/api/sweep_changes.c: upsertSweep: a new sweep, another state, and the way of its scheduler into a
 * queue. */
#include <string.h>

#include "base/log.h"
#include "server/api/push.h"
#include "server/api/sweeps.h"
#include "server/run_spec.h"
#include "server/search/search.h"
#include "server/sweep_commands.h"

enum { PRIOR_RUNS_MAX = 1000, SWEEP_ID_LEN = 8, SPEC_MAX = 4 << 20 };
#define SWEEP_ID_TOKEN STR("WANDB_SWEEP_ID") /* what clients write for an id that is not known yet */

struct upsert {
    struct gql_call *c;
    struct str name; /* of the sweep */
    struct str entity, project;
    struct str config;
    const struct jval *config_tree;
    const struct search *search; /* NULL: no config was given */
    bool has_state;
    enum sweep_state state;
    bool is_launched;
    struct store_queue queue;   /* of the scheduler */
    struct store_new_item item; /* the scheduler */
};

static int read_state(struct upsert *u, struct err *e)
{
    struct str state = gql_arg_str(u->c, "input.state");

    if (state.len == 0)
        return 0;
    if (!sweep_state_parse(state, &u->state))
        return err_set(e, ERR_INVALID,
                       "state '%.*s' is none of a sweep: RUNNING, PAUSED, STOPPED, FINISHED or CANCELED",
                       STR_ARG(str_sub(state, 0, 40)));
    u->has_state = true;
    return 0;
}

static int read_config(struct upsert *u, struct err *e)
{
    int rc;

    u->config = gql_arg_str(u->c, "input.config");
    if (u->config.len == 0)
        return 0;
    rc = sweep_config(u->c->a, u->config, &u->config_tree, e);
    if (rc == 0)
        rc = search_parse(u->c->a, u->config_tree, &u->search, e);
    return rc < 0 ? err_wrap(e, "sweep config") : 0;
}

/* --- the scheduler --- */

static int with_sweep_id(struct upsert *u, struct str spec, struct str *ret, struct err *e)
{
    AUTO_STRBUF struct strbuf b = STRBUF(SPEC_MAX);
    const struct str token = SWEEP_ID_TOKEN;
    ptrdiff_t at;
    int rc;

    while ((at = str_find(spec, token)) >= 0) {
        strbuf_add(&b, str_sub(spec, 0, (size_t)at));
        strbuf_add(&b, u->name);
        spec = str_sub(spec, (size_t)at + token.len, spec.len);
    }
    strbuf_add(&b, spec);
    rc = strbuf_check(&b, e);
    if (rc == 0)
        *ret = arena_str(u->c->a, strbuf_str(&b));
    return rc;
}

static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            !strchr("_-./:@", c))
            return false;
    }
    return true;
}

/* Clients write the arguments of a scheduler in quotes ("'queue'"), for a shell; where none reads them, as
 * with the agents of today, the scheduler would look for a queue with quotes in its name. What no shell would
 * read otherwise needs none. */
static int without_quotes(struct gql_call *c, struct str *spec, struct err *e)
{
    struct jval *over = jval_new_object(c->a), *plain = jval_new_array(c->a), *top = jval_new_object(c->a);
    struct jval *tree = NULL;
    const struct jval *args;
    int rc = jval_from_json(c->a, *spec, "run_spec", NULL, &tree, e);

    args = jval_path(tree, "overrides.args");
    if (rc < 0 || !jval_is(args, JVAL_ARRAY))
        return rc;
    for (size_t i = 0; i < jval_len(args); i++) {
        struct str arg = jval_str(jval_at(args, i)), inner = str_sub(arg, 1, arg.len > 0 ? arg.len - 1 : 0);

        if (arg.len > 2 && arg.ptr[0] == '\'' && arg.ptr[arg.len - 1] == '\'' && is_plain(inner))
            jval_push(c->a, plain, jval_new_str(c->a, inner));
        else
            jval_push(c->a, plain, jval_at(args, i));
    }
    jval_set(c->a, over, "args", plain);
    jval_set(c->a, top, "overrides", over);
    *spec = jval_text(c->a, jval_merge(c->a, tree, top), JVAL_COMPACT);
    return 0;
}

/* All that can be wrong with its item, before there is a sweep. */
static int read_scheduler(struct upsert *u, struct err *e)
{
    struct gql_call *c = u->c;
    const struct jval *launch = NULL;
    struct push_request r = { .queue = &u->queue,
                              .template_values = gql_arg_str(c, "input.templateVariableValues") };
    struct queue_ref ref = { .entity = u->entity };
    int rc = stored_json(c->a, gql_arg_str(c, "input.launchScheduler"), "launchScheduler", &launch, e);

    if (rc < 0 || !launch || jval_is(launch, JVAL_NULL))
        return rc;
    ref.name = jval_str(jval_get(launch, "queue"));
    ref.wb_project = jval_str(jval_get(launch, "run_queue_project"));
    if (ref.name.len == 0 || !jval_is(jval_get(launch, "run_spec"), JVAL_STR))
        return err_set(e, ERR_INVALID, "launchScheduler: write {\"queue\": NAME, \"run_spec\": JSON TEXT}");
    u->is_launched = true;
    rc = find_queue_named(c, &ref, &u->queue, e);
    if (rc == 0)
        rc = with_sweep_id(u, jval_str(jval_get(launch, "run_spec")), &r.spec, e);
    if (rc == 0)
        rc = without_quotes(c, &r.spec, e);
    return rc < 0 ? rc : push_prepare(c, &r, &u->item, e);
}

static int push_scheduler(struct upsert *u, struct err *e)
{
    struct str uid = { 0 };
    int rc = u->is_launched ? push_item(u->c, &u->queue, &u->item, &uid, e) : 0;

    if (rc == 0 && u->is_launched)
        LOG_INFO("sweep.scheduler_pushed", "sweep=%.*s item=%.*s", STR_ARG(u->name), STR_ARG(uid));
    return rc;
}

static struct str scheduler_text(struct gql_call *c)
{
    struct str launch = gql_arg_str(c, "input.launchScheduler");

    return launch.len > 0 ? launch : gql_arg_str(c, "input.scheduler");
}

/* --- a new one --- */

/* {"$or": [{"name": RUN}, ...]} */
static int read_prior_runs(struct upsert *u, struct store_new_sweep *n, struct err *e)
{
    const struct jval *filters = NULL, *list;
    struct str *names;
    int rc =
        stored_json(u->c->a, gql_arg_str(u->c, "input.priorRunsFilters"), "priorRunsFilters", &filters, e);

    list = jval_get(filters, "$or");
    if (rc < 0 || !filters || jval_is(filters, JVAL_NULL))
        return rc;
    if (!jval_is(list, JVAL_ARRAY) || jval_len(list) > PRIOR_RUNS_MAX)
        return err_set(e, ERR_INVALID,
                       "priorRunsFilters: write {\"$or\": [{\"name\": RUN}]} with at most %d runs",
                       PRIOR_RUNS_MAX);
    names = arena_array(u->c->a, jval_len(list) + 1, sizeof(*names));
    for (size_t i = 0; i < jval_len(list); i++)
        names[i] = jval_str(jval_get(jval_at(list, i), "name"));
    n->prior_runs = names;
    n->prior_run_count = jval_len(list);
    return 0;
}

static int new_project(struct upsert *u, int64_t *ret_id, struct err *e)
{
    struct gql_call *c = u->c;
    struct store_new_project n = { .name = gql_arg_str(c, "input.projectName"), .now_unix_ms = now_of(c) };
    struct store_entity entity = { 0 };
    struct store_project project = { 0 };
    bool made = false;
    int rc = find_entity_arg(c, "input.entityName", &entity, e);

    if (n.name.len == 0)
        n.name = STR("uncategorized"); /* as W&B calls it */
    if (rc == 0)
        rc = project_name_check(n.name, e);
    n.entity_id = entity.id;
    if (rc == 0)
        rc = store_project_ensure(store_of(c), c->a, &n, &project, &made, e);
    u->entity = entity.name;
    *ret_id = project.id;
    return rc;
}

static int create(struct upsert *u, struct store_sweep *ret, struct err *e)
{
    struct gql_call *c = u->c;
    struct io *io = caller_of(c)->server->io;
    char *name = arena_alloc(c->a, SWEEP_ID_LEN + 1);
    struct store_new_sweep n = { .controller = gql_arg_str(c, "input.controller"),
                                 .scheduler = scheduler_text(c),
                                 .config = u->config,
                                 .state = u->has_state ? u->state : SWEEP_PENDING,
                                 .user_id = caller_of(c)->user.id,
                                 .by = by_of(c) };
    uint32_t seed = 0;
    int rc;

    if (!u->search)
        return err_set(e, ERR_INVALID, "a new sweep needs a config with method and parameters");
    rc = new_project(u, &n.project_id, e);
    io_random_id(io, name, SWEEP_ID_LEN);
    io_random(io, &seed, sizeof(seed));
    n.name = u->name = str_of(name);
    n.seed = seed;
    n.method = u->search->method_name;
    n.display_name =
        gql_arg_given(c, "input.displayName") ? gql_arg_str(c, "input.displayName") : u->search->name;
    n.description =
        gql_arg_given(c, "input.description") ? gql_arg_str(c, "input.description") : u->search->description;
    n.expected = search_count(u->search);
    if (rc == 0)
        rc = read_prior_runs(u, &n, e);
    if (rc == 0)
        rc = read_scheduler(u, e);
    n.is_launched = u->is_launched;
    return rc < 0 ? rc : store_sweep_add(store_of(c), c->a, &n, ret, e);
}

/* --- one that is there --- */

/* With runs its config stays; clients that resume it send it again, spelled anew. */
static int keep_config(struct upsert *u, const struct store_sweep *sweep, struct store_sweep_change *g,
                       struct err *e)
{
    const struct jval *kept = NULL;
    int rc = sweep_config(u->c->a, sweep->config, &kept, e);

    if (rc < 0)
        return rc;
    if (sweep->handed_out == 0 || !u->search)
        return 0;
    if (!jval_equal(kept, u->config_tree))
        return err_set(e, ERR_CONFLICT, "sweep %.*s has runs already: its config stays; make a new sweep",
                       STR_ARG(sweep->name));
    g->config = (struct str){ 0 };
    return 0;
}

static int change(struct upsert *u, struct str id, struct store_sweep *ret, struct err *e)
{
    struct gql_call *c = u->c;
    struct store_sweep sweep = { 0 };
    struct store_sweep_change g = { .display_name = gql_arg_str(c, "input.displayName"),
                                    .description = gql_arg_str(c, "input.description"),
                                    .controller = gql_arg_str(c, "input.controller"),
                                    .scheduler = scheduler_text(c),
                                    .config = u->search ? u->config : (struct str){ 0 },
                                    .has_state = u->has_state,
                                    .state = u->state,
                                    .by = by_of(c) };
    int rc = find_sweep_id(c, id, &sweep, e);

    if (rc == 0)
        rc = keep_config(u, &sweep, &g, e);
    u->name = sweep.name;
    u->entity = sweep.entity_name;
    if (rc == 0)
        rc = read_scheduler(u, e);
    g.sweep_id = sweep.id;
    g.is_launched = u->is_launched;
    if (g.config.ptr) {
        g.method = u->search->method_name;
        g.expected = search_count(u->search);
    }
    return rc < 0 ? rc : store_sweep_change(store_of(c), c->a, &g, ret, e);
}

int resolve_upsert_sweep(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct str id = gql_arg_str(c, "input.id");
    struct upsert u = { .c = c };
    struct store_sweep sweep = { 0 };
    struct jval *o = jval_new_object(c->a);
    int rc = read_state(&u, e);

    if (rc == 0)
        rc = read_config(&u, e);
    if (rc == 0)
        rc = id.len > 0 ? change(&u, id, &sweep, e) : create(&u, &sweep, e);
    if (rc == 0)
        rc = push_scheduler(&u, e);
    if (rc < 0)
        return rc;
    LOG_INFO("sweep.saved", "sweep=%.*s method=%.*s state=%s user=%.*s", STR_ARG(sweep.name),
             STR_ARG(sweep.method), sweep_state_name(sweep.state), STR_ARG(caller_of(c)->user.username));
    jval_set(c->a, o, "sweep", sweep_object(c->a, &sweep));
    jval_set(c->a, o, "configValidationWarnings", u.search ? u.search->warnings : jval_new_array(c->a));
    jval_set_bool(c->a, o, "inserted", id.len == 0);
    set_text(c->a, o, "clientMutationId", gql_arg_str(c, "input.clientMutationId"));
    *ret = o;
    return 0;
}
