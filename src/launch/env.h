/* launch/env.h: the environment of a pool: what a config gives, and the job's W&B variables merged into it.
 * Internal to src/launch. */
#pragma once

#include "launch/convert.h"
#include "launch/job_env.h"

/**
 * env_merge() - the list to send: @user (converted; NULL none) with @job merged in by name. Who wins is
 * written in render.h.
 */
struct jval *env_merge(struct converter *c, const struct jval *user, const struct env_list *job,
                       const struct path *at);
