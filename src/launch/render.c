/* launch/render.c: queue config and launch spec to the request. */
#include "launch/render.h"

#include "base/timefmt.h"
#include "launch/checks.h"
#include "launch/task.h"

enum { REQUEST_WARN_BYTES = 1000000 /* what Vertex stores of a job is limited, no page says to how much */ };

struct renderer {
    struct converter c;
    const struct render_input *in; /* NULL: only the config is checked */
    struct tasks tasks;
    struct gathered g;
};

/* --- before: macros, left-over template variables ------------------------------------------------------- */

static int fill_macros(const struct render_input *in, const struct jval *block, const struct jval **ret,
                       struct problems *p, struct err *e)
{
    const struct macro items[] = {
        { "image_uri", in->image_uri },      { "run_id", in->run_id },
        { "run_name", in->run_name },        { "project_name", in->spec->wb_project },
        { "entity_name", in->spec->entity }, { "author", in->author },
        { "queue_name", in->queue_name },    { "item_id", in->item_id },
    };
    const struct macro_set set = { items, ARRAY_LEN(items) };

    return macro_expand(block, &set, ret, p, e);
}

static void refuse_templates(struct converter *c, const struct jval *v, const struct path *at)
{
    struct str name;

    if (jval_is(v, JVAL_STR) && template_is_in(jval_str(v), &name))
        convert_error(c, v, at, "the template variable {{%.*s}} has no value: the queue must define it",
                      STR_ARG(name));
    for (size_t i = 0; i < jval_len(v); i++) {
        struct path here = { .up = at, .index = i };

        if (jval_is(v, JVAL_OBJECT))
            here.key = jval_key_at(v, i);
        refuse_templates(c, jval_at(v, i), &here);
    }
}

/* --- pools ---------------------------------------------------------------------------------------------- */

/* {} is a pool left out. Any other has exactly one task. */
static const struct jval *finish_pool(struct renderer *r, const struct jval *pool, const struct path *at)
{
    const struct jval *container = jval_get(pool, "containerSpec"),
                      *package = jval_get(pool, "pythonPackageSpec");
    const struct path inside = { .up = at,
                                 .key = container ? STR("container_spec") : STR("python_package_spec") };
    struct jval *out;

    if (jval_len(pool) == 0)
        return pool;
    if (!container == !package) {
        convert_error(
            &r->c, pool, at,
            container ? "has both container_spec and python_package_spec"
                      : "has neither container_spec nor python_package_spec; write {} to leave a pool out");
        return pool;
    }
    if (!r->in)
        return pool;
    out = jval_copy(r->c.a, pool);
    jval_set(r->c.a, out, container ? "containerSpec" : "pythonPackageSpec",
             task_finish(&r->c, &r->tasks, pool, &inside));
    return out;
}

static void finish_pools(struct renderer *r, const struct jval *block)
{
    struct found *f = &r->g.at[TARGET_POOLS];
    struct jval *out;
    const struct path up = { .key = str_of(f->path ? f->path : "") };

    if (!f->value) {
        if (r->c.p->errors == 0)
            problem_add(r->c.p, PROBLEM_ERROR, jval_pos(block), "spec", "\"worker_pool_specs\" is missing");
        return;
    }
    if (!jval_is(f->value, JVAL_ARRAY))
        return; /* a text that is not known yet */
    out = jval_new_array(r->c.a);
    tasks_plan(r->c.a, &r->tasks, f->value);
    for (size_t i = 0; i < jval_len(f->value); i++) {
        const struct path at = { .up = &up, .index = i };

        jval_push(r->c.a, out, finish_pool(r, jval_at(f->value, i), &at));
    }
    f->value = out;
    if (r->in && r->in->image_uri.len > 0 && !r->tasks.image_used)
        problem_add(r->c.p, PROBLEM_WARNING, f->pos, f->path,
                    "the launch's image %.*s is not used: no container has ${image_uri}",
                    STR_ARG(r->in->image_uri));
    if (r->tasks.bytes > REQUEST_WARN_BYTES)
        problem_add(r->c.p, PROBLEM_WARNING, f->pos, f->path,
                    "commands, arguments and environments have %zu bytes in all pools together; Vertex may "
                    "refuse a job of more than about %d",
                    r->tasks.bytes, REQUEST_WARN_BYTES);
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
    if (s.len == 0) {
        problem_add(r->c.p, PROBLEM_ERROR, bucket->pos, bucket->path, "names no bucket");
        return;
    }
    rfc3339_format(r->in->now_unix_ms, stamp); /* 2026-01-02T03:04:05.678Z */
    *out = (struct found){ .value = jval_new_cstr(
                               r->c.a, arena_printf(r->c.a, "gs://%.*s/aiplatform-custom-job-%.10s-%.12s",
                                                    STR_ARG(s), stamp, stamp + 11)),
                           .path = bucket->path,
                           .pos = bucket->pos,
                           .raw = bucket->raw };
}

static void default_text(struct renderer *r, enum target t, struct str value)
{
    if (!r->g.at[t].value && value.len > 0)
        r->g.at[t] = (struct found){ .value = jval_new_str(r->c.a, value), .path = "the launch's name" };
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

static struct str lower(struct arena *a, struct str s)
{
    char *made = arena_cstr(a, s);

    for (size_t i = 0; i < s.len; i++) {
        if (made[i] >= 'A' && made[i] <= 'Z')
            made[i] = (char)(made[i] - 'A' + 'a');
    }
    return (struct str){ made, s.len };
}

static struct str address_part(struct renderer *r, enum target t, struct str otherwise, const char *what)
{
    const struct found *f = &r->g.at[t];
    struct str s = f->value ? jval_str(f->value) : otherwise;

    if (s.len == 0) {
        problem_add(r->c.p, PROBLEM_ERROR, (struct jval_pos){ 0 }, "spec",
                    "no %s: set spec.%s, or the agent's default", what,
                    t == TARGET_PROJECT ? "project" : "location");
        return s;
    }
    s = t == TARGET_LOCATION ? lower(r->c.a, s) : s;
    if (!is_url_name(s) ||
        (t == TARGET_LOCATION && (str_find(s, STR(".")) >= 0 || str_find(s, STR(":")) >= 0)))
        problem_add(r->c.p, PROBLEM_ERROR, f->pos, f->path ? f->path : "spec",
                    "\"%.*s\" is not the name of a %s", STR_ARG(s), what);
    return s;
}

/* --- the request ------------------------------------------------------------------------------------------
 */

/* Set @value at "a.b.c", making the objects on the way. */
static void set_path(struct arena *a, struct jval *object, struct str path, const struct jval *value)
{
    struct str part = { NULL, 0 };
    struct jval *inner;

    (void)str_cut(&path, '.', &part);
    if (path.len == 0) {
        jval_set_str(a, object, part, value);
        return;
    }
    inner = jval_get_str(object, part) ? jval_copy(a, jval_get_str(object, part)) : jval_new_object(a);
    set_path(a, inner, path, value);
    jval_set_str(a, object, part, inner);
}

static const struct jval *build_request(struct renderer *r)
{
    struct jval *request = jval_new_object(r->c.a);
    struct str timeout = jval_str(r->g.at[TARGET_TIMEOUT].value);

    if (str_is(timeout, "0s")) { /* as in the SDK: no limit of our own */
        problem_add(r->c.p, PROBLEM_WARNING, r->g.at[TARGET_TIMEOUT].pos, r->g.at[TARGET_TIMEOUT].path,
                    "0 is left out: Vertex's own limit of 7 days applies");
        r->g.at[TARGET_TIMEOUT].value = NULL;
    }
    for (int t = 0; t < TARGET_COUNT; t++) {
        if (target_paths[t] && r->g.at[t].value)
            set_path(r->c.a, request, str_of(target_paths[t]), r->g.at[t].value);
    }
    return request;
}

static int failed(const struct problems *p, struct err *e)
{
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

int render_custom_job(const struct render_input *in, struct rendered *ret, struct problems *p, struct err *e)
{
    struct renderer *r = arena_alloc(p->a, sizeof(*r));
    struct rendered out = { 0 };
    const struct jval *block;
    const struct path *at = NULL;

    *r = (struct renderer){ .c = { .a = p->a, .p = p }, .in = in };
    block = config_block(&r->c, in->spec->resource_args, &at);
    if (!block || fill_macros(in, block, &block, p, e))
        return failed(p, e);
    refuse_templates(&r->c, block, at);
    plan_tasks(r);
    places_gather(&r->c, block, at, &r->g);
    out.gcp_project = address_part(r, TARGET_PROJECT, in->gcp_project, "Google Cloud project");
    r->tasks.env.gcp_project = out.gcp_project;
    out.region = address_part(r, TARGET_LOCATION, in->region, "region");
    default_text(r, TARGET_DISPLAY_NAME, in->run_name);
    default_text(r, TARGET_DISPLAY_NAME, in->run_id);
    checks_run(&r->c, &r->g, out.region);
    finish_pools(r, block);
    derive_base_output(r);
    add_labels(r);
    out.request = build_request(r);
    if (failed(p, e))
        return -ERR_INVALID;
    *ret = out;
    return 0;
}

int queue_config_check(const struct jval *config, struct problems *p, struct err *e)
{
    struct renderer *r = arena_alloc(p->a, sizeof(*r));
    const struct path *at = NULL;
    const struct jval *block;

    *r = (struct renderer){ .c = { .a = p->a, .p = p, .open = true } };
    block = config_block(&r->c, config, &at);
    if (!block)
        return failed(p, e);
    places_gather(&r->c, block, at, &r->g);
    checks_run(&r->c, &r->g, jval_str(r->g.at[TARGET_LOCATION].value));
    finish_pools(r, block);
    return failed(p, e);
}
