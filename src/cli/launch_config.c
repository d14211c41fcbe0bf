/* cli/launch_config.c: the agent's configuration: launch-config.yaml, environment and flags. */
#include "cli/launch_config.h"

#include <stdlib.h>
#include <string.h>

#include "base/dec.h"
#include "cli/config_file.h"
#include "google/hosts.h"
#include "google/secret_manager.h"
#include "io/file.h"
#include "launch/macro.h"
#include "launch/secret_ref.h"

enum { MAX_SCHEDULERS_DEFAULT = 1, SECRET_KEEP_MAX_S = 3600, START_TIMEOUT_MAX_S = 365 * 24 * 3600 };

static const char *const top_keys[] = {
    "entity",      "queues",    "queue",   "max_jobs",    "max_schedulers",
    "secure_mode", "verbosity", "builder", "environment", "stopped_run_timeout",
    "registry",    "vertex",    "google",  "macros",      "wandb",
    NULL
};
static const char *const google_keys[] = { "endpoint",    "endpoints",       "allow_hosts",
                                           "credentials", "self_signed_jwt", "secret_cache_seconds",
                                           NULL };
static const char *const wandb_keys[] = { "api_key_secret", NULL };
static const char *const macros_keys[] = { "allow_env", NULL };

static const char *text_or_null(struct arena *a, struct str s)
{
    return s.len ? arena_cstr(a, s) : NULL;
}

static int find_file(struct io *io, struct arena *arena, const char *given, const char **ret, struct err *e)
{
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

static int check_key_secret(struct str name, struct err *e)
{
    struct secret_ref ref = { 0 };

    return secret_ref_parse(name, (struct str){ NULL, 0 }, &ref, e);
}

static void decode_wandb(struct dec *d, struct arena *arena, struct launch_config *c)
{
    struct str secret = { 0 };
    struct err why = { 0 };
    struct dec part;

    if (!dec_object(d, "wandb", &part, DEC_OPTIONAL))
        return;
    if (jval_get(part.v, "api_key"))
        dec_fail(&part, "api_key",
                 "is not taken from here; set WANDB_API_KEY, or keep the key in Secret Manager and give "
                 "api_key_secret");
    dec_no_unknown(&part, wandb_keys);
    dec_str(&part, "api_key_secret", &secret, DEC_OPTIONAL);
    if (secret.ptr && check_key_secret(secret, &why))
        dec_fail(&part, "api_key_secret", "%s", why.msg);
    c->api_key_secret = text_or_null(arena, secret);
    c->api_key_secret_from = "wandb.api_key_secret";
    d->failed = d->failed || part.failed;
}

/* Commands that only look at the config may meet one of the Python agent's; ours itself does not build. */
static void decode_builder(struct dec *d, struct arena *arena, const struct jval *file,
                           struct launch_config *c)
{
    const struct jval_pos at = jval_pos(jval_path(file, "builder.type"));
    struct dec builder;
    struct str type = { 0 };

    if (!dec_object(d, "builder", &builder, DEC_OPTIONAL))
        return;
    dec_str(&builder, "type", &type, DEC_OPTIONAL);
    if (type.ptr && !str_is(type, "noop"))
        c->foreign_builder = arena_printf(
            arena, "%s:%u:%u: builder.type: \"%.*s\" is not built here; \"noop\" is: push jobs with an image",
            c->path, at.line, at.column, STR_ARG(type));
    d->failed = d->failed || builder.failed;
}

/* NULL-ended; *ret stays when the key is not there. */
static void decode_texts(struct dec *d, struct arena *arena, const char *key, const char *const **ret)
{
    const struct jval *list = NULL;
    const char **texts;

    dec_list(d, key, &list, DEC_OPTIONAL);
    if (!list)
        return;
    texts = arena_array(arena, jval_len(list) + 1, sizeof(*texts));
    for (size_t i = 0; i < jval_len(list); i++) {
        texts[i] = arena_cstr(arena, jval_str(jval_at(list, i)));
        if (!texts[i])
            dec_fail(d, key, "element %zu is not a string", i);
    }
    *ret = texts;
}

/* {service: URL} */
static void decode_endpoints(struct dec *d, struct arena *arena, struct google_options *o)
{
    const struct jval *map = NULL;
    struct google_endpoint *at;
    struct err why = { 0 };

    dec_val(d, "endpoints", &map, DEC_OPTIONAL);
    if (map && !jval_is(map, JVAL_OBJECT))
        dec_fail(d, "endpoints", "is not a map of services and URLs, such as {sts: http://127.0.0.1:8080}");
    at = arena_array(arena, jval_len(map) + 1, sizeof(*at));
    for (size_t i = 0; i < jval_len(map); i++) {
        at[i].service = arena_cstr(arena, jval_key_at(map, i));
        at[i].url = arena_cstr(arena, jval_str(jval_at(map, i)));
        if (hosts_endpoint_check(at[i].service, str_of(at[i].url), &why))
            dec_fail(d, "endpoints", "%s", why.msg);
    }
    o->endpoints = at;
}

static void decode_google_options(struct dec *d, struct arena *arena, struct launch_config *c)
{
    struct google_options *o = &c->google;
    struct dec part;
    struct str endpoint = { 0 }, credentials = { 0 };
    struct err why = { 0 };

    if (!dec_object(d, "google", &part, DEC_OPTIONAL))
        return;
    dec_no_unknown(&part, google_keys);
    dec_str(&part, "endpoint", &endpoint, DEC_OPTIONAL);
    dec_str(&part, "credentials", &credentials, DEC_OPTIONAL);
    dec_bool(&part, "self_signed_jwt", &o->self_signed_jwt, DEC_OPTIONAL);
    dec_i64(&part, "secret_cache_seconds", &c->secret_keep_s, DEC_OPTIONAL);
    if (c->secret_keep_s < 0 || c->secret_keep_s > SECRET_KEEP_MAX_S)
        dec_fail(&part, "secret_cache_seconds", "%lld is not a number of seconds from 0 to %d",
                 (long long)c->secret_keep_s, SECRET_KEEP_MAX_S);
    decode_endpoints(&part, arena, o);
    decode_texts(&part, arena, "allow_hosts", &o->allow_hosts);
    if (endpoint.len && hosts_endpoint_check("endpoint", endpoint, &why))
        dec_fail(&part, "endpoint", "%s", why.msg);
    o->endpoint = text_or_null(arena, endpoint);
    o->credentials_file = text_or_null(arena, credentials);
    d->failed = d->failed || part.failed;
}

static void decode_place(struct dec *d, struct arena *arena, struct launch_config *c)
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

        dec_no_unknown(&part, launch_policy_keys);
        dec_str(&part, "region", &s, DEC_OPTIONAL);
        dec_str(&part, "project", &project, DEC_OPTIONAL);
        c->region = text_or_null(arena, s);
        c->gcp_project = text_or_null(arena, project);
        launch_policies_decode(&part, &c->policies);
        d->failed = d->failed || part.failed;
    }
}

static void decode_numbers(struct dec *d, struct launch_config *c)
{
    dec_i64(d, "max_jobs", &c->max_jobs, DEC_OPTIONAL);
    dec_i64(d, "max_schedulers", &c->max_schedulers, DEC_OPTIONAL);
    dec_i64(d, "stopped_run_timeout", &c->stopped_run_timeout_s, DEC_OPTIONAL);
    dec_i64(d, "verbosity", &c->verbosity, DEC_OPTIONAL);
    if (c->max_jobs < -1)
        dec_fail(d, "max_jobs", "%lld is negative; -1 means no limit", (long long)c->max_jobs);
    if (c->max_schedulers < -1)
        dec_fail(d, "max_schedulers", "%lld is negative; -1 means no limit", (long long)c->max_schedulers);
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
    decode_builder(&d, arena, v, c);
    decode_place(&d, arena, c);
    decode_google_options(&d, arena, c);
    decode_macros(&d, arena, c);
    decode_wandb(&d, arena, c);
    if (dec_failed(&d))
        return -e->code;
    c->entity = text_or_null(arena, entity);
    return 0;
}

int launch_config_google_env(struct io *io, struct google_options *o, struct err *e)
{
    const char *endpoint = io_env_text(io, "SLIPWAY_GOOGLE_ENDPOINT");
    const char *credentials = io_env_text(io, "SLIPWAY_GOOGLE_CREDENTIALS");

    if (endpoint && hosts_endpoint_check("SLIPWAY_GOOGLE_ENDPOINT", str_of(endpoint), e))
        return -ERR_CONFIG;
    if (endpoint)
        o->endpoint = endpoint;
    if (credentials)
        o->credentials_file = credentials;
    return 0;
}

/* Seconds, as W&B has it: a fraction is allowed, and 0 or less is for ever. */
static int read_start_timeout(struct io *io, struct launch_config *c, struct err *e)
{
    const char *text = io_env_text(io, "WANDB_LAUNCH_START_TIMEOUT");
    double seconds = 0;
    char *end = NULL;

    if (!text)
        return 0;
    seconds = strtod(text, &end);
    if (*end || end == text || !(seconds < START_TIMEOUT_MAX_S))
        return err_set(e, ERR_CONFIG, "WANDB_LAUNCH_START_TIMEOUT: \"%s\" is not a number of seconds", text);
    launch_policies_start_timeout(&c->policies, seconds > 0 ? (int64_t)(seconds * 1000) : 0);
    return 0;
}

static int read_environment(struct io *io, struct launch_config *c, struct err *e)
{
    const char *entity = io_env(io, "WANDB_ENTITY");
    const char *max_jobs = io_env(io, "WANDB_LAUNCH_MAX_JOBS");
    const char *key_secret = io_env_text(io, "WANDB_API_KEY_SECRET");

    if (entity && entity[0])
        c->entity = entity;
    if (launch_config_google_env(io, &c->google, e))
        return -e->code;
    if (key_secret && check_key_secret(str_of(key_secret), e)) {
        err_wrap(e, "WANDB_API_KEY_SECRET");
        e->code = ERR_CONFIG;
        return -ERR_CONFIG;
    }
    if (key_secret) {
        c->api_key_secret = key_secret;
        c->api_key_secret_from = "WANDB_API_KEY_SECRET";
    }
    if (read_start_timeout(io, c, e))
        return -e->code;
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
    jval_set_int(arena, v, "max_schedulers", c->max_schedulers);
    jval_set(arena, v, "queues", queues);
    jval_set(arena, v, "registry", jval_new_object(arena));
    jval_set(arena, v, "builder", jval_new_object(arena));
    jval_set_int(arena, v, "verbosity", c->verbosity);
    jval_set_cstr(arena, v, "entity", c->entity);
    return jval_text(arena, v, JVAL_PYTHON).ptr;
}

int launch_config_read(struct io *io, struct arena *arena, const char *path, struct launch_config *ret,
                       struct err *e)
{
    static const char *const none[] = { NULL };
    struct launch_config c = { .max_jobs = 1,
                               .max_schedulers = MAX_SCHEDULERS_DEFAULT,
                               .queues = none,
                               .secret_keep_s = SECRET_KEEP_DEFAULT_MS / 1000 };

    launch_policies_default(&c.policies);
    if (find_file(io, arena, path, &c.path, e) || (c.path && read_file_part(io, arena, &c, e)) ||
        read_environment(io, &c, e))
        return -e->code;
    *ret = c;
    return 0;
}

int launch_config_load(struct io *io, struct arena *arena, const struct args *a, struct launch_config *ret,
                       struct err *e)
{
    struct launch_config c = { 0 };

    if (launch_config_read(io, arena, args_text(a, "config"), &c, e))
        return -e->code;
    if (c.foreign_builder)
        return err_set(e, ERR_CONFIG, "%s", c.foreign_builder);
    read_flags(a, &c);
    if (!c.queues[0])
        return err_set(e, ERR_CONFIG,
                       "no queue to take items from: give --queue NAME, or queues: [NAME] in %s",
                       c.path ? c.path : "~/.config/wandb/launch-config.yaml");
    c.json = as_json(arena, &c);
    *ret = c;
    return 0;
}
