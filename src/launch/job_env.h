/*
 * launch/job_env.h: the W&B variables of a launched job (protocol reference 7.1) and their sharding (7.2).
 * Pure. Secrets are never in the result: they are entries with @secret_ref set, filled in at submit.
 */
#pragma once

#include "launch/spec.h"

struct env_entry {
    struct str name, value;
    struct str secret_ref; /* present: the value is the secret of this name ("slipway:wandb-api-key") */
};
struct env_list {
    struct env_entry *items;
    size_t len;
};
struct job_env_input {
    const struct launch_spec *spec;
    struct str base_url, run_id, run_name, image_uri, queue_name, queue_entity, item_id;
};
#define JOB_ENV_API_KEY_REF "slipway:wandb-api-key"
enum { JOB_ENV_MAX_VALUE = 32670 };
void job_env_build(struct arena *a, const struct job_env_input *in, struct env_list *ret);
