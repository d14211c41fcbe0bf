/* launch/macro.h: ${name} in a queue config's values, filled when the agent takes the item. Pure. */
#pragma once

#include "base/problems.h"
#include "launch/path.h"

struct macro {
    const char *name;
    struct str value; /* absent: the macro is known but has no value here: an error that says so */
};
/* What of the agent's environment a config may use. */
struct macro_env {
    const char *const *allow;                        /* NULL-ended: names, and prefixes that end in "*" */
    const char *(*get)(void *ctx, const char *name); /* a variable's value, or NULL; borrowed */
    void *ctx;
};
struct macro_set {
    const struct macro *items; /* come before the environment's */
    size_t len;
    bool strict;                 /* an unknown macro is an error */
    const struct macro_env *env; /* NULL: none */
    const struct path *at;       /* where the value stands, for messages; NULL: it is the whole */
};
/**
 * macro_expand() - a copy of @v with ${name} replaced in every string value (not in keys). One pass; inserted
 * text is not expanded again. Of the dollars before "{name}" each pair is one dollar, and one left over
 * begins the macro: "$${x}" is the text "${x}". Elsewhere a dollar is a dollar.
 *
 * An unknown name stays as written, for it may be meant for a shell, with a warning that names the nearest
 * known one (with set->strict an error). A variable of the environment that is not allowed stays too, and the
 * warning says how to allow it, never what it holds. A prefix does not cover WANDB_API_KEY: that must be
 * named in full. -ERR_INVALID when @p got an error.
 */
NODISCARD int macro_expand(const struct jval *v, const struct macro_set *set, const struct jval **ret,
                           struct problems *p, struct err *e);
/** macro_is_in() - does @s hold a ${name}, known or not, that is not escaped? */
bool macro_is_in(struct str s);
/** macro_braces_end() - the index behind "{name}" when that stands at @at and could be a macro's, else 0. */
size_t macro_braces_end(struct str s, size_t at);
/** macro_allow_is_valid() - may @entry stand in macros.allow_env: a variable's name, or a prefix of at least
 * one character with "*" behind it? */
bool macro_allow_is_valid(struct str entry);
