/* emulator/container.c: see the header. */
#include "emulator/container.h"

static const char *const tf_types[] = { "chief", "worker", "ps", "evaluator" };

static const struct jval *pool_spec(const struct jval *custom_job, size_t pool)
{
    return jval_at(jval_path(custom_job, "jobSpec.workerPoolSpecs"), pool);
}

size_t pool_count(const struct jval *custom_job)
{
    return jval_len(jval_path(custom_job, "jobSpec.workerPoolSpecs"));
}

size_t pool_replicas(const struct jval *custom_job, size_t pool)
{
    int64_t n;

    if (!str_to_i64(jval_str(jval_get(pool_spec(custom_job, pool), "replicaCount")), &n) || n < 0)
        return 0;
    return (size_t)n;
}

static size_t all_replicas(const struct jval *custom_job)
{
    size_t n = 0;

    for (size_t i = 0; i < pool_count(custom_job); i++)
        n += pool_replicas(custom_job, i);
    return n;
}

/* --- CLUSTER_SPEC and TF_CONFIG --------------------------------------------------------------------------
 */

static struct jval *pool_hosts(struct arena *a, const struct job_facts *f, size_t pool)
{
    struct jval *hosts = jval_new_array(a);

    for (size_t i = 0; i < pool_replicas(f->custom_job, pool); i++)
        jval_push(a, hosts,
                  jval_new_cstr(
                      a, arena_printf(a, "cmle-training-workerpool%zu-%s-%zu:2222", pool, f->host_tag, i)));
    return hosts;
}

static const char *cluster_spec(struct arena *a, const struct job_facts *f, struct replica_id id)
{
    struct jval *root = jval_new_object(a), *cluster = jval_new_object(a), *task = jval_new_object(a);

    for (size_t i = 0; i < pool_count(f->custom_job); i++) {
        if (pool_replicas(f->custom_job, i) > 0)
            jval_set(a, cluster, arena_printf(a, "workerpool%zu", i), pool_hosts(a, f, i));
    }
    jval_set_cstr(a, task, "type", arena_printf(a, "workerpool%zu", id.pool));
    jval_set_int(a, task, "index", (int64_t)id.index);
    jval_set(a, root, "cluster", cluster);
    jval_set_cstr(a, root, "environment", "cloud");
    jval_set(a, root, "task", task);
    jval_set(a, root, "job", jval_get(f->custom_job, "jobSpec"));
    return jval_text(a, root, JVAL_COMPACT).ptr;
}

static const char *tf_config(struct arena *a, const struct job_facts *f, struct replica_id id)
{
    struct jval *root = jval_new_object(a), *cluster = jval_new_object(a), *task = jval_new_object(a);

    for (size_t i = 0; i < pool_count(f->custom_job) && i < 3; i++) { /* evaluators are not listed */
        if (pool_replicas(f->custom_job, i) > 0)
            jval_set(a, cluster, tf_types[i], pool_hosts(a, f, i));
    }
    jval_set_cstr(a, task, "type", tf_types[id.pool < ARRAY_LEN(tf_types) ? id.pool : 1]);
    jval_set_int(a, task, "index", (int64_t)id.index);
    jval_set_cstr(a, task, "cloud", arena_printf(a, "%lld", (long long)f->job_id));
    jval_set(a, root, "cluster", cluster);
    jval_set_cstr(a, root, "environment", "cloud");
    jval_set(a, root, "task", task);
    jval_set(a, root, "job", jval_get(f->custom_job, "jobSpec"));
    return jval_text(a, root, JVAL_COMPACT).ptr;
}

/* --- environment -------------------------------------------------------------------------------------------
 */

static void set_output_folders(struct arena *a, const struct job_facts *f, struct jval *env)
{
    struct str base = jval_str(jval_path(f->custom_job, "jobSpec.baseOutputDirectory.outputUriPrefix"));
    const char *slash = str_has_suffix(base, STR("/")) ? "" : "/";

    if (base.len == 0)
        return;
    jval_set_cstr(a, env, "AIP_MODEL_DIR", arena_printf(a, "%.*s%smodel/", STR_ARG(base), slash));
    jval_set_cstr(a, env, "AIP_CHECKPOINT_DIR", arena_printf(a, "%.*s%scheckpoints/", STR_ARG(base), slash));
    jval_set_cstr(a, env, "AIP_TENSORBOARD_LOG_DIR", arena_printf(a, "%.*s%slogs/", STR_ARG(base), slash));
}

/* "AIP_EXPERIMENT_NAME" is the last part of projects/.../contexts/NAME. */
static void set_last_part(struct arena *a, struct jval *env, const char *name, struct str resource)
{
    struct str rest = resource, part = { NULL, 0 };

    if (resource.len == 0)
        return;
    while (str_cut(&rest, '/', &part))
        continue;
    jval_set(a, env, name, jval_new_str(a, part));
}

static void set_service_env(struct arena *a, const struct job_facts *f, struct replica_id id,
                            struct jval *env)
{
    const struct jval *spec = jval_get(f->custom_job, "jobSpec");
    struct str tensorboard = jval_str(jval_get(spec, "tensorboard"));

    jval_set_cstr(a, env, "CLUSTER_SPEC", cluster_spec(a, f, id));
    if (all_replicas(f->custom_job) > 1)
        jval_set_cstr(a, env, "TF_CONFIG", tf_config(a, f, id));
    set_output_folders(a, f, env);
    jval_set_cstr(a, env, "CLOUD_ML_JOB_ID", arena_printf(a, "%lld", (long long)f->job_id));
    jval_set_cstr(a, env, "CLOUD_ML_PROJECT_ID", arena_printf(a, "%lld", (long long)f->gcp_number));
    jval_set(a, env, "CLOUD_ML_REGION", jval_new_str(a, f->location));
    if (tensorboard.len > 0) {
        jval_set(a, env, "AIP_TENSORBOARD_RESOURCE_NAME", jval_new_str(a, tensorboard));
        jval_set_cstr(a, env, "AIP_TENSORBOARD_API_URI",
                      arena_printf(a, "%.*s-aiplatform.googleapis.com", STR_ARG(f->location)));
    }
    set_last_part(a, env, "AIP_EXPERIMENT_NAME", jval_str(jval_get(spec, "experiment")));
    set_last_part(a, env, "AIP_EXPERIMENT_RUN_NAME", jval_str(jval_get(spec, "experimentRun")));
}

struct str expand_references(struct arena *a, struct str value, const struct jval *env)
{
    AUTO_STRBUF struct strbuf out = STRBUF(1024 * 1024);
    size_t i = 0;

    while (i < value.len) {
        struct str rest = str_sub(value, i, value.len);
        ptrdiff_t close;
        const struct jval *known = NULL;

        if (str_has_prefix(rest, STR("$$"))) {
            strbuf_addc(&out, '$');
            i += 2;
            continue;
        }
        close = str_has_prefix(rest, STR("$(")) ? str_find(rest, STR(")")) : -1;
        if (close > 0)
            known = jval_get_str(env, str_sub(rest, 2, (size_t)close));
        if (known) {
            strbuf_add(&out, jval_str(known));
            i += (size_t)close + 1;
        } else {
            strbuf_addc(&out, value.ptr[i++]);
        }
    }
    return arena_str(a, out.full ? value : strbuf_str(&out));
}

static void set_user_env(struct arena *a, const struct jval *list, struct jval *env)
{
    for (size_t i = 0; i < jval_len(list); i++) {
        const struct jval *var = jval_at(list, i);
        struct str value = expand_references(a, jval_str(jval_get(var, "value")), env);

        jval_set_str(a, env, jval_str(jval_get(var, "name")), jval_new_str(a, value));
    }
}

static const char *const *env_block(struct arena *a, const struct jval *below, const struct jval *above)
{
    const struct jval *all = jval_merge(a, below, above);
    const char **block = arena_array(a, jval_len(all) + 1, sizeof(*block));

    for (size_t i = 0; i < jval_len(all); i++)
        block[i] =
            arena_printf(a, "%.*s=%.*s", STR_ARG(jval_key_at(all, i)), STR_ARG(jval_str(jval_at(all, i))));
    return block;
}

static const char *const *replica_env(struct arena *a, const struct job_facts *f, struct replica_id id,
                                      const struct image *image, const struct jval *user)
{
    struct jval *machine = jval_new_object(a), *container = jval_new_object(a);

    jval_set_cstr(a, machine, "PATH", f->path);
    jval_set_cstr(a, machine, "HOME", f->home);
    jval_set_cstr(a, machine, "LANG", "C.UTF-8");
    for (size_t i = 0; image && i < jval_len(image->env); i++)
        jval_set_str(a, machine, jval_key_at(image->env, i), jval_at(image->env, i));
    set_service_env(a, f, id, container);
    set_user_env(a, user, container);
    return env_block(a, machine, container);
}

/* --- command line ------------------------------------------------------------------------------------------
 */

struct argv_builder {
    struct arena *a;
    const char **items;
    size_t len;
};

static void argv_add_all(struct argv_builder *b, const struct jval *list)
{
    const char **longer = arena_array(b->a, b->len + jval_len(list) + 1, sizeof(*longer));

    for (size_t i = 0; i < b->len; i++)
        longer[i] = b->items[i];
    for (size_t i = 0; i < jval_len(list); i++)
        longer[b->len++] = arena_cstr(b->a, jval_str(jval_at(list, i)));
    b->items = longer;
}

/* As containers do it: a command of the spec replaces ENTRYPOINT and drops CMD; args replace CMD. */
static void container_argv(struct argv_builder *b, const struct jval *spec, const struct image *image)
{
    const struct jval *command = jval_get(spec, "command"), *args = jval_get(spec, "args");

    if (jval_len(command) > 0)
        argv_add_all(b, command);
    else if (image)
        argv_add_all(b, image->command);
    if (jval_len(args) > 0)
        argv_add_all(b, args);
    else if (image && jval_len(command) == 0)
        argv_add_all(b, image->args);
}

/* The executor image runs `python -m MODULE ARGS`; the package is expected in its folder, nothing is
 * downloaded. */
static void python_argv(struct argv_builder *b, const struct jval *spec, const struct image *image)
{
    struct jval *module = jval_new_array(b->a);

    if (!image)
        return;
    jval_push(b->a, module, jval_new_cstr(b->a, "-m"));
    jval_push(b->a, module, jval_get(spec, "pythonModule"));
    argv_add_all(b, image->command);
    argv_add_all(b, module);
    argv_add_all(b, jval_get(spec, "args"));
}

void container_of_replica(struct arena *a, const struct job_facts *f, struct replica_id id,
                          struct container *ret)
{
    const struct jval *pool = pool_spec(f->custom_job, id.pool);
    const struct jval *spec = jval_get(pool, "containerSpec"), *python = jval_get(pool, "pythonPackageSpec");
    struct str uri = jval_str(python ? jval_get(python, "executorImageUri") : jval_get(spec, "imageUri"));
    const struct image *image = image_find(f->images, uri);
    struct argv_builder argv = { .a = a };
    struct container c = { .cwd = image && image->folder ? image->folder : f->home };

    if (python)
        python_argv(&argv, python, image);
    else
        container_argv(&argv, spec, image);
    c.env = replica_env(a, f, id, image, jval_get(python ? python : spec, "env"));
    if (argv.len > 0)
        c.argv = argv.items;
    else
        c.start_error = arena_printf(a,
                                     "runc create failed: unable to start container process: no command "
                                     "specified (image %.*s is not in "
                                     "the emulator's image table)",
                                     STR_ARG(uri));
    *ret = c;
}
