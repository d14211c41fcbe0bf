/*
 * launch/launch_macros.h: the macros that every launch has, and what they mean in a config. Internal to
 * src/launch.
 */
#pragma once

#include "launch/render.h"

/**
 * launch_macros_fill() - *ret is @block, which stands at @at, with its macros filled in. A label that a macro
 * has made invalid ("${author}" with a capital letter) is made valid by label_value(), for who launches
 * cannot mend it; one that the config itself gives wrong is left for the checks. -ERR_INVALID when @p got an
 * error.
 */
NODISCARD int launch_macros_fill(const struct render_input *in, const struct jval *block,
                                 const struct path *at, const struct jval **ret, struct problems *p);
/** launch_macros_check() - warns of macros in @block that no launch has. */
void launch_macros_check(const struct jval *block, const struct path *at, struct problems *p);
/** region_lower() - a region as Google writes it. */
struct str region_lower(struct arena *a, struct str s);
