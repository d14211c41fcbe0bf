/* cli/wants.c: what jobs of a queue config want of Google: a job is made as for a launch, and looked at. */
#include "cli/wants.h"

#include "launch/render.h"
#include "launch/template.h"

/* Stands for what only a launch knows. What has it in its value cannot be looked at. */
#define OF_THE_LAUNCH "of-the-launch"

static bool is_known(struct str value)
{
    return value.len && str_find(value, STR(OF_THE_LAUNCH)) < 0;
}

/* --- a job --- */

/* The default, else the first value that is allowed, else one of the type. */
static const struct jval *some_value(struct arena *a, const struct jval *schema)
{
    const struct jval *v = jval_get(schema, "default"), *least = jval_get(schema, "minimum");
    struct str type = jval_str(jval_get(schema, "type"));

    if (!jval_is(v, JVAL_NULL))
        return v;
    if (jval_len(jval_get(schema, "enum")))
        return jval_at(jval_get(schema, "enum"), 0);
    if (str_is(type, "integer") || str_is(type, "number"))
        return jval_is(least, JVAL_NULL) ? jval_new_int(a, 1) : least;
    if (str_is(type, "boolean"))
        return jval_new_bool(a, false);
    return jval_new_cstr(a, OF_THE_LAUNCH);
}

static int fill_templates(struct wants *w, const struct jval *variables, const struct jval **config,
                          struct problems *p, struct err *e)
{
    struct jval *chosen = jval_new_object(w->a);

    for (size_t i = 0; i < jval_len(variables); i++)
        jval_set_str(w->a, chosen, jval_key_at(variables, i),
                     some_value(w->a, jval_get(jval_at(variables, i), "schema")));
    return template_fill(*config, chosen, config, p, e);
}

static const char *environment(void *ctx, const char *name)
{
    return io_env(ctx, name);
}

static int make_job_of(struct wants *w, const struct jval *config, struct str image, struct rendered *ret,
                       struct problems *p)
{
    const struct str of_launch = STR(OF_THE_LAUNCH);
    const struct macro_env env = { w->config->allow_env, environment, w->io };
    struct launch_spec spec = {
        .entity = of_launch, .wb_project = of_launch, .image_uri = image, .resource_args = config
    };
    struct render_input in = { .spec = &spec,
                               .base_url = str_of("https://api.wandb.ai"),
                               .run_id = of_launch,
                               .run_name = of_launch,
                               .queue_name = of_launch,
                               .queue_entity = of_launch,
                               .item_id = of_launch,
                               .author = of_launch,
                               .image_uri = image,
                               .gcp_project = w->gcp_project.len ? w->gcp_project : of_launch,
                               .region = str_of(w->config->region ? w->config->region
                                                                  : io_env(w->io, "GOOGLE_CLOUD_REGION")),
                               .agent_label = of_launch,
                               .attempt_label = of_launch,
                               .macro_env = &env,
                               .now_unix_ms = io_now_unix_ms(w->io) };

    if (!in.region.len)
        in.region = STR("us-central1");
    return render_custom_job(&in, ret, p, NULL);
}

/* A launch brings an image only where the config leaves room for one. */
static int make_job(struct wants *w, const struct jval *config, struct rendered *ret, struct problems *p)
{
    struct problems first = *p;

    if (make_job_of(w, config, (struct str){ NULL, 0 }, ret, &first) == 0) {
        *p = first;
        return 0;
    }
    return make_job_of(w, config, STR(OF_THE_LAUNCH), ret, p);
}
/* --- what is in it --- */

void wants_add_place(struct wants *w, struct str gcp_project, struct str region)
{
    if (!is_known(gcp_project))
        return;
    for (size_t i = 0; i < w->place_len; i++)
        if (str_eq(w->places[i].gcp_project, gcp_project) && str_eq(w->places[i].region, region))
            return;
    w->places = arena_grow(w->a, w->places, w->place_len, &w->place_cap, sizeof(*w->places));
    w->places[w->place_len++] = (struct want_place){ arena_str(w->a, gcp_project), arena_str(w->a, region) };
}

static void add_account(struct wants *w, struct str email)
{
    if (!is_known(email))
        return;
    for (size_t i = 0; i < w->account_len; i++)
        if (str_eq(w->accounts[i].email, email))
            return;
    w->accounts = arena_grow(w->a, w->accounts, w->account_len, &w->account_cap, sizeof(*w->accounts));
    w->accounts[w->account_len++] = (struct want_account){ arena_str(w->a, email) };
}

/* gs://BUCKET/FOLDER. The folder may be the launch's own. */
static void add_bucket(struct wants *w, struct str uri, const struct rendered *job)
{
    struct str rest = str_sub(uri, 5, uri.len), name = { NULL, 0 };

    if (!str_has_prefix(uri, STR("gs://")) || !str_cut(&rest, '/', &name) || !is_known(name))
        return;
    for (size_t i = 0; i < w->bucket_len; i++)
        if (str_eq(w->buckets[i].name, name) && str_eq(w->buckets[i].region, job->region))
            return;
    w->buckets = arena_grow(w->a, w->buckets, w->bucket_len, &w->bucket_cap, sizeof(*w->buckets));
    w->buckets[w->bucket_len++] =
        (struct want_bucket){ arena_str(w->a, name), arena_str(w->a, job->gcp_project),
                              arena_str(w->a, job->region) };
}

static void add_image(struct wants *w, struct str uri)
{
    if (!is_known(uri))
        return;
    for (size_t i = 0; i < w->image_len; i++)
        if (str_eq(w->images[i].uri, uri))
            return;
    w->images = arena_grow(w->a, w->images, w->image_len, &w->image_cap, sizeof(*w->images));
    w->images[w->image_len++] = (struct want_image){ arena_str(w->a, uri) };
}

void wants_add_secret(struct wants *w, struct str name)
{
    struct want_secret s = { .name = arena_str(w->a, name) };

    if (!is_known(name) || str_is(name, JOB_ENV_API_KEY_REF) ||
        secret_ref_parse(s.name, (struct str){ NULL, 0 }, &s.ref, NULL))
        return;
    s.gcp_project = s.ref.gcp_project; /* names are in full */
    for (size_t i = 0; i < w->secret_len; i++)
        if (str_eq(w->secrets[i].name, s.name))
            return;
    w->secrets = arena_grow(w->a, w->secrets, w->secret_len, &w->secret_cap, sizeof(*w->secrets));
    w->secrets[w->secret_len++] = s;
}

static void add_task(struct wants *w, const struct jval *task, const struct rendered *job)
{
    const struct jval *env = jval_get(task, "env"), *packages = jval_get(task, "packageUris");

    add_image(w, jval_str(jval_get(task, "imageUri")));
    add_image(w, jval_str(jval_get(task, "executorImageUri")));
    for (size_t i = 0; i < jval_len(packages); i++)
        add_bucket(w, jval_str(jval_at(packages, i)), job);
    for (size_t i = 0; i < jval_len(env); i++)
        wants_add_secret(w, jval_str(jval_path(jval_at(env, i), "valueFrom.secretKeyRef.name")));
}

int wants_add_config(struct wants *w, const struct jval *config, const struct jval *variables,
                     struct problems *p, struct err *e)
{
    struct rendered job = { 0 };
    const struct jval *spec, *pools;
    if (fill_templates(w, variables, &config, p, e))
        return e ? -(int)e->code : -ERR_INVALID;
    if (make_job(w, config, &job, p))
        return err_set(e, ERR_INVALID, "no job can be made of the config");
    spec = jval_get(job.request, "jobSpec");
    pools = jval_get(spec, "workerPoolSpecs");
    wants_add_place(w, job.gcp_project, job.region);
    add_account(w, jval_str(jval_get(spec, "serviceAccount")));
    add_bucket(w, jval_str(jval_path(spec, "baseOutputDirectory.outputUriPrefix")), &job);
    for (size_t i = 0; i < jval_len(pools); i++) {
        add_task(w, jval_get(jval_at(pools, i), "containerSpec"), &job);
        add_task(w, jval_get(jval_at(pools, i), "pythonPackageSpec"), &job);
    }
    return 0;
}
