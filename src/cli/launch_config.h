/*
 * cli/launch_config.h: the agent's configuration: launch-config.yaml, environment and flags, in W&B's
 * precedence: file, then environment, then flags. Keys: W&B Launch reference 6.2; ours are `macros`
 * (allow_env), `vertex` (project, region) and `google` (endpoint).
 */
#pragma once

#include "cli/option.h"
#include "io/io.h"

struct launch_config {
    const char *path;          /* the file read; NULL none */
    const char *entity;        /* NULL: the key's own */
    const char *const *queues; /* NULL-ended */
    int64_t max_jobs;          /* -1: no limit */
    int64_t stopped_run_timeout_s;
    int64_t verbosity;
    const char *gcp_project, *region, *google_endpoint; /* NULL: not given */
    const char *const *allow_env;                       /* macros.allow_env: NULL-ended; NULL none */
    const char *json;                                   /* the whole, for the server's record */
};
/** launch_config_load() - *ret lives in @arena. -ERR_CONFIG with file, line and the nearest known key. */
NODISCARD int launch_config_load(struct io *io, struct arena *arena, const struct args *a,
                                 struct launch_config *ret, struct err *e);
