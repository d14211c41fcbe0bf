/* launch/checks.h: what Vertex would refuse, said before a submission is spent on it (reference 2.5, point
 * 7). Internal to src/launch. */
#pragma once

#include "launch/places.h"

/** checks_run() - over all that was gathered; @region may be absent (then what depends on it is not checked).
 */
void checks_run(struct converter *c, const struct gathered *g, struct str region);
/** label_is_valid() - may @s be a label key (@key) or value? */
bool label_is_valid(struct str s, bool key);
