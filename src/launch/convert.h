/* launch/convert.h: one value of a config as a typed value of the request. Internal to src/launch. */
#pragma once

#include "base/problems.h"
#include "launch/fields.h"
#include "launch/path.h"

struct converter {
    struct arena *a;
    struct problems *p;
    bool open; /* no item yet: a text with {{x}} or ${x} may become anything */
};
/**
 * convert_value() - @v as @f says, or NULL with a problem noted (NULL without one: nothing to send). The
 * result is free to change.
 */
struct jval *convert_value(struct converter *c, const struct field *f, const struct jval *v,
                           const struct path *at);
/** convert_is_open() - is @v a text whose value is not known yet? Always false with an item. */
bool convert_is_open(const struct converter *c, const struct jval *v);
/** convert_error(), convert_warn() - note a problem of @v, which stands at @at. Returns it for
 * problem_hint(). */
struct problem *convert_error(struct converter *c, const struct jval *v, const struct path *at,
                              const char *fmt, ...) PRINTF(4, 5);
struct problem *convert_warn(struct converter *c, const struct jval *v, const struct path *at,
                             const char *fmt, ...) PRINTF(4, 5);
/** convert_shown() - @v in a message: "5", "the string \"abc\"", "a list"; long texts are cut. */
const char *convert_shown(struct converter *c, const struct jval *v);
/** convert_env() - a list of {name, value | value_from}, or an object; in env.c. */
struct jval *convert_env(struct converter *c, const struct jval *v, const struct path *at);
