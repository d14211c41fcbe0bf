/* launch/task.c: image, command, arguments and environment of a pool's task. */
#include "launch/task.h"

enum { TASK_MAX_BYTES = 2 * 1024 * 1024 /* command, arguments and environment: the kernel's limit */ };

static struct str image_of(const struct tasks *t, const struct jval *container)
{
    struct str image = jval_str(jval_get(container, "imageUri"));

    return image.len > 0 ? image : t->image_uri;
}

/* What a pool runs: equal for pools that run the same image, or the same module of the same executor. */
static struct str what_runs(struct arena *a, const struct tasks *t, const struct jval *pool)
{
    const struct jval *container = jval_get(pool, "containerSpec"),
                      *package = jval_get(pool, "pythonPackageSpec");

    if (container)
        return image_of(t, container);
    return str_of(arena_printf(a, "%.*s\n%.*s", STR_ARG(jval_str(jval_get(package, "executorImageUri"))),
                               STR_ARG(jval_str(jval_get(package, "pythonModule")))));
}

void tasks_plan(struct arena *a, struct tasks *t, const struct jval *pools)
{
    const struct jval *first = NULL;

    t->training = what_runs(a, t, jval_at(pools, 0));
    for (size_t i = 0; i < jval_len(pools); i++) {
        const struct jval *container = jval_get(jval_at(pools, i), "containerSpec");

        if (container && t->image_uri.len > 0 && str_eq(image_of(t, container), t->image_uri)) {
            t->training = t->image_uri;
            t->image_used = true;
        }
        if (jval_get(jval_at(pools, i), "pythonPackageSpec"))
            t->image_used = true;
    }
    for (size_t i = 0; i < jval_len(pools) && !first; i++) {
        if (str_eq(what_runs(a, t, jval_at(pools, i)), t->training))
            first = jval_at(pools, i);
    }
    t->training_command = jval_path(first, "containerSpec.command");
}

/* The launch's words behind @out; without their places, which are not in the config. */
static struct jval *add_words(struct arena *a, struct jval *out, const struct jval *words)
{
    for (size_t i = 0; i < jval_len(words); i++)
        jval_push(a, out, jval_new_str(a, jval_str(jval_at(words, i))));
    return out;
}

/* A new list: @list (NULL none) and then the override arguments. */
static struct jval *with_args(struct arena *a, const struct tasks *t, const struct jval *list)
{
    struct jval *out = list ? jval_copy(a, list) : jval_new_array(a);

    return add_words(a, out, t->spec->args);
}

static void override_command(struct converter *c, const struct tasks *t, struct jval *out,
                             const struct path *at)
{
    const struct jval *own = jval_get(out, "command");

    if (own && !jval_equal(own, t->training_command))
        problem_add(c->p, PROBLEM_WARNING, jval_pos(own), path_text(c->a, at),
                    "the launch's entry point replaces a command that is not the one of the first pool with "
                    "this image");
    jval_set(c->a, out, "command", add_words(c->a, jval_new_array(c->a), t->spec->entry_point));
}

static struct jval *finish_container(struct converter *c, const struct tasks *t, const struct jval *was,
                                     const struct path *at)
{
    struct jval *out = jval_copy(c->a, was);
    struct str image = image_of(t, was);

    if (image.len == 0)
        convert_error(c, was, at, "no image: the launch brings none and the config names none");
    else if (jval_str(jval_get(was, "imageUri")).len == 0)
        jval_set(c->a, out, "imageUri", jval_new_str(c->a, image));
    if (!str_eq(image, t->training))
        return out;
    if (jval_len(t->spec->entry_point) > 0)
        override_command(c, t, out, at);
    if (jval_len(t->spec->args) > 0)
        jval_set(c->a, out, "args", with_args(c->a, t, jval_get(was, "args")));
    return out;
}

static struct jval *finish_package(struct converter *c, const struct tasks *t, const struct jval *pool,
                                   const struct path *at)
{
    const struct jval *was = jval_get(pool, "pythonPackageSpec");
    struct jval *out = jval_copy(c->a, was);

    if (!str_eq(what_runs(c->a, t, pool), t->training))
        return out;
    if (jval_len(t->spec->entry_point) > 0)
        problem_add(c->p, PROBLEM_WARNING, jval_pos(was), path_text(c->a, at),
                    "the launch's entry point is not used: a Python package has its own");
    if (jval_len(t->spec->args) > 0)
        jval_set(c->a, out, "args", with_args(c->a, t, jval_get(was, "args")));
    return out;
}

static size_t list_bytes(struct converter *c, const struct jval *list, const struct jval *task,
                         const struct path *at)
{
    size_t bytes = 0;

    for (size_t i = 0; i < jval_len(list); i++) {
        size_t len = jval_str(jval_at(list, i)).len + 1;

        if (len > ENV_MAX_STRING)
            convert_error(c, task, at, "an argument of %zu bytes; a container takes at most %d each", len,
                          ENV_MAX_STRING);
        bytes += len;
    }
    return bytes;
}

static void check_bytes(struct converter *c, struct tasks *t, const struct jval *task, const struct path *at)
{
    const struct jval *env = jval_get(task, "env");
    size_t bytes = list_bytes(c, jval_get(task, "command"), task, at);

    bytes += list_bytes(c, jval_get(task, "args"), task, at);
    for (size_t i = 0; i < jval_len(env); i++)
        bytes += jval_str(jval_get(jval_at(env, i), "name")).len +
                 jval_str(jval_get(jval_at(env, i), "value")).len + 2;
    if (bytes > TASK_MAX_BYTES)
        convert_error(
            c, task, at,
            "command, arguments and environment have %zu bytes together; a container starts with at "
            "most %d",
            bytes, TASK_MAX_BYTES);
    t->bytes += bytes;
}

struct jval *task_finish(struct converter *c, struct tasks *t, const struct jval *pool, const struct path *at)
{
    const struct jval *container = jval_get(pool, "containerSpec");
    struct jval *out = container ? finish_container(c, t, container, at) : finish_package(c, t, pool, at);

    jval_set(c->a, out, "env", env_merge(c, jval_get(out, "env"), &t->env, at));
    check_bytes(c, t, out, at);
    return out;
}
