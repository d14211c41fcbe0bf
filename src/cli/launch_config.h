/*
 * cli/launch_config.h: the agent's configuration: launch-config.yaml, environment and flags, in W&B's
 * precedence: file, then environment, then flags. Keys: W&B Launch reference 6.2; ours are `macros`
 * (allow_env), `vertex` (project, region, and those of launch/policy.h) and `google` (endpoint, endpoints by
 * service, credentials, allow_hosts, self_signed_jwt, secret_cache_seconds).
 */
#pragma once

#include "cli/option.h"
#include "google/google.h"
#include "io/io.h"
#include "launch/policy.h"

struct launch_config {
    const char *path;          /* the file read; NULL none */
    const char *entity;        /* NULL: the key's own */
    const char *const *queues; /* NULL-ended */
    int64_t max_jobs;          /* -1: no limit */
    int64_t max_schedulers;    /* of sweeps, beside max_jobs; -1: no limit */
    int64_t stopped_run_timeout_s;
    int64_t verbosity;
    const char *gcp_project, *region; /* NULL: not given */
    struct launch_policies policies;  /* vertex.regions, ladders, limits */
    struct google_options google;     /* of the file and the environment; no metadata host */
    int64_t secret_keep_s;            /* how long values of secrets are kept in memory */
    const char *api_key_secret;       /* where the agent's own W&B key is: a reference; NULL: not there */
    const char *api_key_secret_from;  /* "WANDB_API_KEY_SECRET", "wandb.api_key_secret" */
    const char *const *allow_env;     /* macros.allow_env: NULL-ended; NULL none */
    const char *foreign_builder;      /* why its builder is not one of ours; NULL: it is */
    const char *json;                 /* the whole, for the server's record */
};
/** launch_config_read() - the file at @path (NULL: the usual one, if it is there) and the environment, for
 * commands that are not the agent and know what it would do. *ret lives in @arena; @json is NULL. -ERR_CONFIG
 * with file, line and the nearest known key. */
NODISCARD int launch_config_read(struct io *io, struct arena *arena, const char *path,
                                 struct launch_config *ret, struct err *e);
/** launch_config_load() - the same and the agent's flags; a queue must be named. */
NODISCARD int launch_config_load(struct io *io, struct arena *arena, const struct args *a,
                                 struct launch_config *ret, struct err *e);
/** launch_config_google_env() - what the environment says goes before the file's: SLIPWAY_GOOGLE_ENDPOINT,
 * SLIPWAY_GOOGLE_CREDENTIALS. (SLIPWAY_GOOGLE_ENDPOINT_<SERVICE> is read by google/hosts.c.) */
NODISCARD int launch_config_google_env(struct io *io, struct google_options *o, struct err *e);
