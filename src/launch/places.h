/* launch/places.h: gathering what a config says about a job, wherever it says it. Internal to src/launch. */
#pragma once

#include "launch/convert.h"

struct found {
    struct jval *value;     /* converted; NULL: not given, or wrong (a problem is noted) */
    const struct jval *raw; /* as given; NULL: not given */
    const struct path *at;  /* as the user wrote it; NULL: not from the config */
    struct jval_pos pos;
};
struct gathered {
    struct found at[TARGET_COUNT];
};
/** places_gather() - walk @block ({spec, run}); problems go to c->p. @at is where the block stands. */
void places_gather(struct converter *c, const struct jval *block, const struct path *at,
                   struct gathered *ret);
/** config_block() - the {spec, run} object in a queue config: itself, under "vertex" or "gcp-vertex", or
 * under "resource_args". NULL with a problem when there is none. *ret_at lives in the arena. */
const struct jval *config_block(struct converter *c, const struct jval *config, const struct path **ret_at);
