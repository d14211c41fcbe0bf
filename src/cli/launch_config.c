/* cli/launch_config.c: the agent's configuration: launch-config.yaml, environment and flags. */
#include "cli/launch_config.h"

#include <string.h>

#include "base/dec.h"
#include "cli/config_file.h"
#include "io/file.h"
#include "launch/macro.h"

static const char *const top_keys[] = {
    "entity",      "queues",    "queue",   "max_jobs",    "max_schedulers",
    "secure_mode", "verbosity", "builder", "environment", "stopped_run_timeout",
    "registry",    "vertex",    "google",  "macros",      NULL
};
static const char *const vertex_keys[] = { "project", "region", NULL };
static const char *const google_keys[] = { "endpoint", NULL };
static const char *const macros_keys[] = { "allow_env", NULL };

static const char *text_or_null(struct arena *a, struct str s)
{
    return s.len ? arena_cstr(a, s) : NULL;
}

static int find_file(struct io *io, struct arena *arena, const struct args *a, const char **ret,
                     struct err *e)
{
    const char *given = args_text(a, "config");
    const char *home = io_env(io, "HOME");
    const char *usual = home ? arena_printf(arena, "%s/.config/wandb/launch-config.yaml", home) : NULL;

    if (given && !file_exists(io, given))
        return err_set(e, ERR_CONFIG, "could not find the launch config file %s (--config)", given);
    *ret = given ? given : usual && file_exists(io, usual) ? usual : NULL;
    return 0;
}

static void decode_queues(struct dec *d, struct arena *arena, struct launch_config *c)
{
    const struct jval *list = NULL;
    struct str one = { 0 };
    const char **queues = NULL;

    dec_list(d, "queues", &list, DEC_OPTIONAL);
    dec_str(d, "queue", &one, DEC_OPTIONAL); /* documented by W&B */
    queues = arena_array(arena, jval_len(list) + 2, sizeof(*queues));
    for (size_t i = 0; i < jval_len(list); i++) {
        if (!jval_is(jval_at(list, i), JVAL_STR))
            dec_fail(d, "queues", "element %zu is not a string", i);
        queues[i] = arena_cstr(arena, jval_str(jval_at(list, i)));
    }
    queues[jval_len(list)] = text_or_null(arena, one);
    c->queues = queues;
}

static void decode_macros(struct dec *d, struct arena *arena, struct launch_config *c)
{
    const struct jval *list = NULL;
    const char **allow;
    struct dec part;

    if (!dec_object(d, "macros", &part, DEC_OPTIONAL))
        return;
    dec_no_unknown(&part, macros_keys);
    dec_list(&part, "allow_env", &list, DEC_OPTIONAL);
    allow = arena_array(arena, jval_len(list) + 1, sizeof(*allow));
    for (size_t i = 0; i < jval_len(list); i++) {
        struct str entry = jval_str(jval_at(list, i));

        if (!macro_allow_is_valid(entry))
            dec_fail(&part, "allow_env",
                     "element %zu is neither a variable's name (FOO) nor a prefix of one (FOO_*)", i);
        allow[i] = arena_cstr(arena, entry);
    }
    c->allow_env = allow;
    d->failed = d->failed || part.failed;
}

static void decode_builder(struct dec *d)
{
    struct dec builder;
    struct str type = { 0 };

    if (!dec_object(d, "builder", &builder, DEC_OPTIONAL))
        return;
    dec_str(&builder, "type", &type, DEC_OPTIONAL);
    if (type.ptr && !str_is(type, "noop"))
        dec_fail(&builder, "type", "\"%.*s\" is not built here; \"noop\" is: push jobs with an image",
                 STR_ARG(type));
    d->failed = d->failed || builder.failed;
}

static void decode_google(struct dec *d, struct arena *arena, struct launch_config *c)
{
    struct dec part;
    struct str s = { 0 };

    if (dec_object(d, "environment", &part, DEC_OPTIONAL)) {
        dec_str(&part, "region", &s, DEC_OPTIONAL);
        c->region = text_or_null(arena, s);
        d->failed = d->failed || part.failed;
    }
    if (dec_object(d, "vertex", &part, DEC_OPTIONAL)) {
        struct str project = { 0 };

        dec_no_unknown(&part, vertex_keys);
        dec_str(&part, "region", &s, DEC_OPTIONAL);
        dec_str(&part, "project", &project, DEC_OPTIONAL);
        c->region = text_or_null(arena, s);
        c->gcp_project = text_or_null(arena, project);
        d->failed = d->failed || part.failed;
    }
    if (dec_object(d, "google", &part, DEC_OPTIONAL)) {
        s = (struct str){ 0 };
        dec_no_unknown(&part, google_keys);
        dec_str(&part, "endpoint", &s, DEC_OPTIONAL);
        c->google_endpoint = text_or_null(arena, s);
        d->failed = d->failed || part.failed;
    }
}

static void decode_numbers(struct dec *d, struct launch_config *c)
{
    dec_i64(d, "max_jobs", &c->max_jobs, DEC_OPTIONAL);
    dec_i64(d, "stopped_run_timeout", &c->stopped_run_timeout_s, DEC_OPTIONAL);
    dec_i64(d, "verbosity", &c->verbosity, DEC_OPTIONAL);
    if (c->max_jobs < -1)
        dec_fail(d, "max_jobs", "%lld is negative; -1 means no limit", (long long)c->max_jobs);
    if (c->stopped_run_timeout_s < 0)
        dec_fail(d, "stopped_run_timeout", "%lld is negative; it is a number of seconds",
                 (long long)c->stopped_run_timeout_s);
}

static int read_file_part(struct io *io, struct arena *arena, struct launch_config *c, struct err *e)
{
    struct jval *v = NULL;
    struct dec d;
    struct str entity = { 0 };

    if (config_load(io, arena, c->path, &v, e))
        return -e->code;
    if (jval_is(v, JVAL_NULL))
        v = jval_new_object(arena);
    dec_init(&d, arena, v, c->path, ERR_CONFIG, e);
    if (dec_failed(&d))
        return -e->code;
    d.path = "";
    d.file = c->path;
    if (jval_get(v, "base_url"))
        dec_fail(&d, "base_url", "is not taken from here; set WANDB_BASE_URL or give --url");
    dec_no_unknown(&d, top_keys);
    dec_str(&d, "entity", &entity, DEC_OPTIONAL);
    decode_numbers(&d, c);
    decode_queues(&d, arena, c);
    decode_builder(&d);
    decode_google(&d, arena, c);
    decode_macros(&d, arena, c);
    if (dec_failed(&d))
        return -e->code;
    c->entity = text_or_null(arena, entity);
    return 0;
}

static int read_environment(struct io *io, struct launch_config *c, struct err *e)
{
    const char *entity = io_env(io, "WANDB_ENTITY");
    const char *max_jobs = io_env(io, "WANDB_LAUNCH_MAX_JOBS");
    const char *endpoint = io_env(io, "SLIPWAY_GOOGLE_ENDPOINT");

    if (entity && entity[0])
        c->entity = entity;
    if (endpoint && endpoint[0])
        c->google_endpoint = endpoint;
    if (max_jobs && max_jobs[0] && !str_to_i64(str_of(max_jobs), &c->max_jobs))
        return err_set(e, ERR_CONFIG, "WANDB_LAUNCH_MAX_JOBS: \"%s\" is not a whole number", max_jobs);
    if (c->max_jobs < -1)
        return err_set(e, ERR_CONFIG, "WANDB_LAUNCH_MAX_JOBS: %s is negative; -1 means no limit", max_jobs);
    return 0;
}

static void read_flags(const struct args *a, struct launch_config *c)
{
    if (args_text(a, "entity"))
        c->entity = args_text(a, "entity");
    if (args_list(a, "queue")[0])
        c->queues = args_list(a, "queue");
    c->max_jobs = args_int(a, "max-jobs", c->max_jobs);
    c->verbosity = args_has(a, "verbose") ? args_count(a, "verbose") : c->verbosity;
}

static const char *as_json(struct arena *arena, const struct launch_config *c)
{
    struct jval *v = jval_new_object(arena);
    struct jval *queues = jval_new_array(arena);

    for (const char *const *q = c->queues; *q; q++)
        jval_push(arena, queues, jval_new_cstr(arena, *q));
    jval_set_int(arena, v, "max_jobs", c->max_jobs);
    jval_set_int(arena, v, "max_schedulers", 1);
    jval_set(arena, v, "queues", queues);
    jval_set(arena, v, "registry", jval_new_object(arena));
    jval_set(arena, v, "builder", jval_new_object(arena));
    jval_set_int(arena, v, "verbosity", c->verbosity);
    jval_set_cstr(arena, v, "entity", c->entity);
    return jval_text(arena, v, JVAL_PYTHON).ptr;
}

int launch_config_load(struct io *io, struct arena *arena, const struct args *a, struct launch_config *ret,
                       struct err *e)
{
    static const char *const none[] = { NULL };
    struct launch_config c = { .max_jobs = 1, .queues = none };

    if (find_file(io, arena, a, &c.path, e) || (c.path && read_file_part(io, arena, &c, e)) ||
        read_environment(io, &c, e))
        return -e->code;
    read_flags(a, &c);
    if (!c.queues[0])
        return err_set(e, ERR_CONFIG,
                       "no queue to take items from: give --queue NAME, or queues: [NAME] in %s",
                       c.path ? c.path : "~/.config/wandb/launch-config.yaml");
    c.json = as_json(arena, &c);
    *ret = c;
    return 0;
}
