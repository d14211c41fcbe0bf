/*
 * launch/node.h: one value of a config seen from both sides: as given (with place and spelling) and as
 * converted. The checks walk these. Internal to src/launch.
 */
#pragma once

#include "launch/convert.h"

struct node {
    const struct jval *raw;  /* as given; NULL: not given, or null */
    const struct jval *made; /* converted; NULL: not given, or wrong, which has been said */
    const struct path *at;
};
/** node_member() - the member that is called @name in snake_case, in whichever spelling it is written. */
struct node node_member(struct converter *c, struct node n, const char *name);
struct node node_element(struct converter *c, struct node n, size_t index);
/** node_is_known() - is its value there, right, and not to be filled in later? */
bool node_is_known(const struct converter *c, struct node n);
struct str node_str(struct node n);
/** node_error(), node_warn() - at its place. Returns the problem for problem_hint(). */
struct problem *node_error(struct converter *c, struct node n, const char *fmt, ...) PRINTF(3, 4);
struct problem *node_warn(struct converter *c, struct node n, const char *fmt, ...) PRINTF(3, 4);
