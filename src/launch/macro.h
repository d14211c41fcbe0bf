/* launch/macro.h: ${name} in a queue config's values, filled when the agent takes the item. Pure. */
#pragma once

#include "base/problems.h"

struct macro {
    const char *name;
    struct str value; /* absent: the macro is known but has no value here: an error that says so */
};
struct macro_set {
    const struct macro *items;
    size_t len;
};
/**
 * macro_expand() - a copy of @v with ${name} replaced in every string value (not in keys). One pass; inserted
 * text is not expanded again. "$${x}" is a literal "${x}". An unknown name stays as written and draws a
 * warning naming the nearest known one. -ERR_INVALID when @p got an error.
 */
NODISCARD int macro_expand(const struct jval *v, const struct macro_set *set, const struct jval **ret,
                           struct problems *p, struct err *e);
/** macro_is_in() - does @s hold a ${name}, known or not, that is not escaped? */
bool macro_is_in(struct str s);
