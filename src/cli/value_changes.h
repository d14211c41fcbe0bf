/* cli/value_changes.h: what is different between two JSON values, place by place. */
#pragma once

#include "base/jval.h"

/** value_changes() - a list of {path, old, new}; old or new is missing where there is none. Either value may
 * be NULL. Members of lists that have names are told apart by them. */
struct jval *value_changes(struct arena *a, const struct jval *old, const struct jval *new);
/** value_change_text() - one of them for people: "spec.x: 1 -> (none)". */
const char *value_change_text(struct arena *a, const struct jval *change);
