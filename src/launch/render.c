/* launch/render.c: queue config and launch spec to the request. */
#include "launch/render.h"

#include <assert.h>

#include "base/timefmt.h"
#include "launch/checks.h"
#include "launch/ladder.h"
#include "launch/launch_macros.h"
#include "launch/task.h"
#include "launch/template.h"
#include "launch/unknown.h"

enum { REQUEST_WARN_BYTES = 1000000 /* what Vertex stores of a job is limited, no page says to how much */ };

struct renderer {
    struct converter c;
    const struct render_input *in; /* NULL: only the config is checked */
    struct tasks tasks;
    struct gathered g;
};

/* --- before: left-over template variables --------------------------------------------------------------- */

/* A value that the server has put in may hold braces; then they are text. */
static void refuse_templates(struct converter *c, const struct jval *v, const struct path *at)
{
    struct template_token t;

    if (jval_is(v, JVAL_STR) && template_token_next(jval_str(v), 0, &t))
        convert_error(c, v, at, "the template variable {{%.*s}} has no value: the queue must define it",
                      STR_ARG(t.name));
    for (size_t i = 0; i < jval_len(v); i++) {
        struct path here = { .up = at, .index = i };

        if (jval_is(v, JVAL_OBJECT))
            here.key = jval_key_at(v, i);
        refuse_templates(c, jval_at(v, i), &here);
    }
}

/* --- pools ---------------------------------------------------------------------------------------------- */

/* The pool with what the launch adds to its task. {} is a pool left out. */
static const struct jval *finish_pool(struct renderer *r, const struct jval *pool, const struct path *at)
{
    const struct jval *container = jval_get(pool, "containerSpec"),
                      *package = jval_get(pool, "pythonPackageSpec");
    const struct path inside = { .up = at,
                                 .key = container ? STR("container_spec") : STR("python_package_spec") };
    struct jval *out;

    if (!container == !package)
        return pool; /* empty, or wrong: the checks have said so */
    out = jval_copy(r->c.a, pool);
    jval_set(r->c.a, out, container ? "containerSpec" : "pythonPackageSpec",
             task_finish(&r->c, &r->tasks, pool, &inside));
    return out;
}

static void finish_pools(struct renderer *r)
{
    struct found *f = &r->g.at[TARGET_POOLS];
    struct jval *out;

    if (!jval_is(f->value, JVAL_ARRAY))
        return;
    out = jval_new_array(r->c.a);
    jval_set_pos(out, jval_pos(f->value));
    tasks_plan(r->c.a, &r->tasks, f->value);
    for (size_t i = 0; i < jval_len(f->value); i++) {
        const struct path at = { .up = f->at, .index = i };

        jval_push(r->c.a, out, finish_pool(r, jval_at(f->value, i), &at));
    }
    f->value = out;
    if (r->in->image_uri.len > 0 && !r->tasks.image_used)
        convert_warn(&r->c, f->raw, f->at,
                     "the launch's image %.*s is not used: no container has ${image_uri}",
                     STR_ARG(r->in->image_uri));
    if (r->tasks.bytes > REQUEST_WARN_BYTES)
        convert_warn(&r->c, f->raw, f->at,
                     "commands, arguments and environments have %zu bytes in all pools together; Vertex may "
                     "refuse a job of more than about %d",
                     r->tasks.bytes, REQUEST_WARN_BYTES);
}

/* Where "spec" itself is wrong, or another name was meant, that has been said. */
static void check_pools_given(struct renderer *r, const struct jval *block, const struct path *at)
{
    static const char *const meant[] = { "worker_pool_specs", "spec", "vertex", "gcp-vertex" };
    const struct jval *spec = jval_get(block, "spec");

    if (r->g.at[TARGET_POOLS].raw || !jval_is(block, JVAL_OBJECT) ||
        (!jval_is(spec, JVAL_NULL) && !jval_is(spec, JVAL_OBJECT)))
        return;
    for (size_t i = 0; i < ARRAY_LEN(meant); i++) {
        if (unknown_meant(r->c.p, meant[i]))
            return;
    }
    problem_hint(convert_error(&r->c, spec ? spec : block, at,
                               "spec.worker_pool_specs is missing: what is the job to run, and on what?"),
                 "spec.worker_pool_specs", NULL);
}

/* --- what follows from other values -----------------------------------------------------------------------
 */

/* The SDK: gs:// is put in front when missing, one slash at the end is dropped, and the folder carries the
 * time. It takes local time; a pure function has none, so this is UTC. */
static void derive_base_output(struct renderer *r)
{
    struct found *bucket = &r->g.at[TARGET_STAGING_BUCKET], *out = &r->g.at[TARGET_BASE_OUTPUT];
    struct str s = jval_str(bucket->value);
    char stamp[RFC3339_SIZE];

    if (!bucket->value || out->value)
        return;
    if (str_has_prefix(s, STR("gs://")))
        s = str_sub(s, 5, s.len);
    if (s.len > 0 && s.ptr[s.len - 1] == '/')
        s = str_sub(s, 0, s.len - 1);
    if (s.len == 0)
        return;                                /* said by the checks */
    rfc3339_format(r->in->now_unix_ms, stamp); /* 2026-01-02T03:04:05.678Z */
    *out = *bucket;
    out->value = jval_new_cstr(r->c.a, arena_printf(r->c.a, "gs://%.*s/aiplatform-custom-job-%.10s-%.12s",
                                                    STR_ARG(s), stamp, stamp + 11));
    jval_set_pos(out->value, bucket->pos);
}

/* A name stands for an experiment in the default store of the job's project, a run for EXPERIMENT-RUN. */
static void expand_experiment(struct renderer *r, const struct rendered *out)
{
    struct found *experiment = &r->g.at[TARGET_EXPERIMENT], *run = &r->g.at[TARGET_EXPERIMENT_RUN];
    struct str name = jval_str(experiment->value), run_name = jval_str(run->value);
    const char *store = arena_printf(r->c.a, "projects/%.*s/locations/%.*s/metadataStores/default/contexts/",
                                     STR_ARG(out->gcp_project), STR_ARG(out->region));
    bool short_name = str_find(name, STR("/")) < 0;
    const char *full =
        short_name ? arena_printf(r->c.a, "%s%.*s", store, STR_ARG(name)) : arena_cstr(r->c.a, name);

    if (name.len > 0 && short_name) {
        experiment->value = jval_new_cstr(r->c.a, full);
        jval_set_pos(experiment->value, experiment->pos);
    }
    if (name.len > 0 && run_name.len > 0 && str_find(run_name, STR("/")) < 0) {
        run->value = jval_new_cstr(r->c.a, arena_printf(r->c.a, "%s-%.*s", full, STR_ARG(run_name)));
        jval_set_pos(run->value, run->pos);
    }
}

static void default_text(struct renderer *r, enum target t, struct str value)
{
    if (!r->g.at[t].raw && !r->g.at[t].value && value.len > 0)
        r->g.at[t].value = jval_new_str(r->c.a, value);
}

static void add_labels(struct renderer *r)
{
    struct found *f = &r->g.at[TARGET_LABELS];
    const struct render_input *in = r->in;
    const struct {
        const char *key;
        struct str value;
    } ours[] = { { LABEL_RUN, in->run_id },
                 { LABEL_ITEM, in->item_id },
                 { LABEL_AGENT, in->agent_label },
                 { LABEL_HOME, in->home },
                 { LABEL_ATTEMPT, in->attempt_label } };

    if (!f->value)
        f->value = jval_new_object(r->c.a);
    for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
        if (ours[i].value.len > 0)
            jval_set(r->c.a, f->value, ours[i].key, jval_new_str(r->c.a, label_value(r->c.a, ours[i].value)));
    }
}

/* Both end up in a host name or a URL's path: only what such names are made of. */
static bool is_url_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char ch = s.ptr[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '-' || ch == '.' || ch == ':'))
            return false;
    }
    return s.len > 0;
}

static struct str address_part(struct renderer *r, enum target t, struct str otherwise, const char *what)
{
    const struct found *f = &r->g.at[t];
    struct str s = f->value ? jval_str(f->value) : otherwise;

    if (f->raw && !f->value)
        return (struct str){ NULL, 0 }; /* wrong, and said */
    if (s.len == 0) {
        problem_add(r->c.p, PROBLEM_ERROR, f->pos, path_text(r->c.a, f->at),
                    "no %s: set spec.%s, or the agent's default", what,
                    t == TARGET_PROJECT ? "project" : "location");
        return s;
    }
    s = t == TARGET_LOCATION ? region_lower(r->c.a, s) : s;
    if (!is_url_name(s) ||
        (t == TARGET_LOCATION && (str_find(s, STR(".")) >= 0 || str_find(s, STR(":")) >= 0)))
        problem_add(r->c.p, PROBLEM_ERROR, f->pos, path_text(r->c.a, f->at),
                    "\"%.*s\" is not the name of a %s", STR_ARG(str_sub(s, 0, 200)), what);
    return s;
}

/* --- the request ------------------------------------------------------------------------------------------
 */

enum { HOLDERS_MAX = 8 };

/* The request while it is built: its own objects, by their path. */
struct request {
    struct arena *a;
    struct jval *root;
    struct {
        struct str path;
        struct jval *object;
    } holders[HOLDERS_MAX];
    size_t len;
};

/* "a.b.c" is "c" in "a.b". */
static struct str path_split(struct str path, struct str *ret_up)
{
    size_t at = path.len;

    while (at > 0 && path.ptr[at - 1] != '.')
        at--;
    *ret_up = str_sub(path, 0, at > 0 ? at - 1 : 0);
    return str_sub(path, at, path.len);
}

/* The object at @path, made with those on the way to it when it is not there yet. */
static struct jval *holder(struct request *q, struct str path)
{
    struct str above = { NULL, 0 }, name = path_split(path, &above);
    struct jval *made;

    if (path.len == 0)
        return q->root;
    for (size_t i = 0; i < q->len; i++) {
        if (str_eq(q->holders[i].path, path))
            return q->holders[i].object;
    }
    made = jval_new_object(q->a);
    jval_set_str(q->a, holder(q, above), name, made);
    assert(q->len < HOLDERS_MAX);
    q->holders[q->len].path = path;
    q->holders[q->len++].object = made;
    return made;
}

static const struct jval *build_request(struct renderer *r)
{
    struct request q = { .a = r->c.a, .root = jval_new_object(r->c.a) };

    if (str_is(jval_str(r->g.at[TARGET_TIMEOUT].value), "0s"))
        r->g.at[TARGET_TIMEOUT].value = NULL; /* as in the SDK: no limit of our own */
    for (int t = 0; t < TARGET_COUNT; t++) {
        struct str up = { NULL, 0 }, name;

        if (!target_paths[t] || !r->g.at[t].value)
            continue;
        name = path_split(str_of(target_paths[t]), &up);
        jval_set_str(q.a, holder(&q, up), name, r->g.at[t].value);
    }
    return q.root;
}

static int finish(struct problems *p, struct err *e)
{
    problems_sort(p);
    return problems_err(p, ERR_INVALID, e);
}

static void plan_tasks(struct renderer *r)
{
    const struct render_input *in = r->in;
    const struct job_env_input env = { .spec = in->spec,
                                       .base_url = in->base_url,
                                       .run_id = in->run_id,
                                       .run_name = in->run_name,
                                       .image_uri = in->image_uri,
                                       .queue_name = in->queue_name,
                                       .queue_entity = in->queue_entity,
                                       .item_id = in->item_id };
    struct env_list list = { 0 };

    job_env_build(r->c.a, &env, &list);
    r->tasks = (struct tasks){ .spec = in->spec, .image_uri = in->image_uri };
    r->tasks.env.list = env_of_job(r->c.a, &list);
}

/* All that is done with a block when there is an item. */
static void render_block(struct renderer *r, const struct jval *block, const struct path *at,
                         struct rendered *out)
{
    const struct render_input *in = r->in;

    template_record_check(jval_get(in->spec->raw, "template_variables"), r->c.p);
    if (!template_record_has_braces(jval_get(in->spec->raw, "template_variables")))
        refuse_templates(&r->c, block, at);
    plan_tasks(r);
    places_gather(&r->c, block, at, &r->g);
    check_pools_given(r, block, at);
    out->gcp_project = address_part(r, TARGET_PROJECT, in->gcp_project, "Google Cloud project");
    r->tasks.env.gcp_project = out->gcp_project;
    out->region = address_part(r, TARGET_LOCATION, in->region, "region");
    default_text(r, TARGET_DISPLAY_NAME, in->run_name);
    default_text(r, TARGET_DISPLAY_NAME, in->run_id);
    checks_run(&r->c, &r->g, out->region);
    finish_pools(r);
    derive_base_output(r);
    expand_experiment(r, out);
    add_labels(r);
    out->is_spot = str_is(jval_str(r->g.at[TARGET_STRATEGY].value), "SPOT");
    out->is_flexible = str_is(jval_str(r->g.at[TARGET_STRATEGY].value), "FLEX_START");
    out->request = build_request(r);
}

int render_custom_job(const struct render_input *in, struct rendered *ret, struct problems *p, struct err *e)
{
    struct renderer *r = arena_alloc(p->a, sizeof(*r));
    struct rendered out = { 0 };
    const struct jval *block;
    const struct path *at = NULL;

    *r = (struct renderer){ .c = { .a = p->a, .p = p }, .in = in };
    block = config_block(&r->c, in->spec->resource_args, &at);
    if (!block)
        return finish(p, e);
    out.names_region = ladder_names_region(block);
    if (in->rung)
        block = ladder_apply(p->a, block, in->rung);
    if (launch_macros_fill(in, block, at, &block, p))
        return finish(p, e);
    render_block(r, block, at, &out);
    if (finish(p, e))
        return -ERR_INVALID;
    *ret = out;
    return 0;
}

bool request_needs_v1beta1(const struct jval *request)
{
    const struct jval *pools = jval_path(request, "jobSpec.workerPoolSpecs");

    for (size_t i = 0; i < jval_len(pools); i++) {
        const struct jval *machine = jval_get(jval_at(pools, i), "machineSpec");

        if (jval_get(machine, "multihostGpuNodeCount") || jval_get(machine, "minGpuDriverVersion"))
            return true;
    }
    return false;
}

int queue_config_check(const struct jval *config, struct problems *p, struct err *e)
{
    struct renderer *r = arena_alloc(p->a, sizeof(*r));
    const struct path *at = NULL;
    const struct jval *block;

    *r = (struct renderer){ .c = { .a = p->a, .p = p, .open = true } };
    block = config_block(&r->c, config, &at);
    if (!block)
        return finish(p, e);
    launch_macros_check(block, at, p);
    places_gather(&r->c, block, at, &r->g);
    check_pools_given(r, block, at);
    checks_run(&r->c, &r->g, region_lower(r->c.a, jval_str(r->g.at[TARGET_LOCATION].value)));
    return finish(p, e);
}
