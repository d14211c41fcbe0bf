/*
 * launch/job_env.h: the W&B variables of a launched job (protocol reference 7.1) and their sharding (7.2).
 * Pure. Secrets are never in the result: they are entries with @secret_ref set, filled in at submit.
 */
#pragma once

#include "launch/spec.h"

struct env_entry {
    struct str name;
    struct str value;      /* absent for a secret; never empty: Vertex refuses that */
    struct str secret_ref; /* present: the value is the secret of this name ("slipway:wandb-api-key") */
};
struct env_list {
    struct env_entry *items; /* no name twice */
    size_t len;
};
struct job_env_input {
    const struct launch_spec *spec;
    struct str base_url, run_id;                                       /* required */
    struct str run_name, image_uri, queue_name, queue_entity, item_id; /* absent or empty: left out */
};
#define JOB_ENV_API_KEY_REF "slipway:wandb-api-key"
enum {
    JOB_ENV_MAX_VALUE = 32670 /* bytes (all ASCII) of one slice of WANDB_CONFIG and the file overrides */
};
/**
 * job_env_build() - the variables in the protocol's order. The JSON texts are Python's (json.dumps), byte for
 * byte as the W&B agent writes them. A text over JOB_ENV_MAX_VALUE is cut into NAME_0, NAME_1, ...; then
 * there is no NAME. Strings borrow from @in or lie in @a.
 */
void job_env_build(struct arena *a, const struct job_env_input *in, struct env_list *ret);
