/* launch/checks.h: what Vertex would refuse, said before a submission is spent on it (reference 2.5, point
 * 7, and 1.4 to 1.12). Internal to src/launch. */
#pragma once

#include "launch/node.h"
#include "launch/places.h"

/** checks_run() - over all that was gathered; @region may be absent (then what depends on it is not checked).
 */
void checks_run(struct converter *c, const struct gathered *g, struct str region);
/** checks_pools() - those of the worker pools; part of checks_run(). */
void checks_pools(struct converter *c, const struct gathered *g);

/** label_is_valid() - may @s be a label key (@key) or value? */
bool label_is_valid(struct str s, bool key);
/** found_node() - what was gathered for @t. */
struct node found_node(const struct gathered *g, enum target t);
/**
 * resource_name_parts() - does @s have the parts of @pattern, as "projects/(*)/locations/(*)" written with a
 * plain "*" for each part that is free and not empty? The free parts go to @ret, at most @max.
 */
bool resource_name_parts(struct str s, const char *pattern, struct str *ret, size_t max);
