/* launch/ladder.h: a queue config as a rung of the ladder changes it. Internal to src/launch. */
#pragma once

#include "base/jval.h"
#include "launch/policy.h"

/** ladder_names_region() - does the {spec, run} object @block say where the job is to run? */
bool ladder_names_region(const struct jval *block);
/**
 * ladder_apply() - @block with the rung's region, bucket, strategy and machine in place of its own, wherever
 * it says them. The machine goes to the first pool and to those that have the same one. What the rung leaves
 * open stays, and so does what is not an object: who reads it says so. Shares with @block.
 */
const struct jval *ladder_apply(struct arena *a, const struct jval *block, const struct launch_rung *rung);
