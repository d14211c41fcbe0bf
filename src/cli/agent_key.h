/*
 * cli/agent_key.h: the agent's own W&B key when it is kept in Google Secret Manager.
 *
 * Where a key is looked for, first that is there: WANDB_API_KEY, WANDB_API_KEY_SECRET, wandb.api_key_secret
 * of launch-config.yaml, .netrc. One that comes from a secret is read again when the server refuses it: keys
 * rotate without a restart.
 */
#pragma once

#include "cli/launch_config.h"
#include "google/secret_manager.h"
#include "wandb/wandb.h"

struct agent_key {
    struct io *io;
    struct google *google;
    struct secret_manager *secrets;
    /* of agent_key_read() */
    struct str name; /* of the version, in full; absent: the key is from no secret */
    int64_t next_look_ms;
    unsigned looking;
};
/** agent_key_read() - when the key is to come from a secret, put it into @settings. @c names it; @a holds
 * k->name. Yields. -ERR_CONFIG when what is there is no key; errors of secret_manager_access() and
 * google_project(). */
NODISCARD int agent_key_read(struct agent_key *k, struct arena *a, const struct launch_config *c,
                             struct wandb_settings *settings, struct err *e);
/** agent_key_renew() - a wandb_key_fn: asks Secret Manager again, at most every 10 s. @ctx is the agent_key.
 */
NODISCARD int agent_key_renew(void *ctx, struct secret **ret, struct err *e);
