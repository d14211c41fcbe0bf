/*
 * emulator/condition.h: the conditions of policy bindings, as far as policies for launching jobs use them: a
 * subset of CEL. Pure.
 *
 *   resource.name == "X"   resource.name.startsWith("X")   resource.name.endsWith("X")
 *   resource.name.extract("A{x}B") == "X"
 *   resource.type == "X"   resource.service == "X"          (and != for each ==)
 *   request.time < timestamp("2026-01-01T00:00:00Z")
 *   && || ! and parentheses
 */
#pragma once

#include <stdbool.h>

#include "base/str.h"

struct condition_context {
    struct str resource; /* "projects/_/buckets/b/objects/o" */
    int64_t now_ms;
};
/** condition_holds() - true for an absent expression; false for one that is not in the subset. */
bool condition_holds(struct str expression, const struct condition_context *where);
/** condition_is_valid() - is it in the subset? */
bool condition_is_valid(struct str expression);
