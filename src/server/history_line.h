/*
 * server/history_line.h: the values of one line that a run logged. A line is a JSON object; members of
 * objects in it are named with dots ("train.loss"), but an object with a member "_type" (an image, a
 * histogram) is one value. Pure; the line may be any bytes.
 */
#pragma once

#include <stdbool.h>

#include "base/str.h"

enum { LINE_KEY_MAX_BYTES = 512, LINE_LEVELS_MAX = 8 };

enum line_kind {
    LINE_NUMBER, /* also NaN, Infinity and -Infinity, bare or as strings: W&B's clients write both */
    LINE_OTHER   /* a string, a boolean, a list, an object that is not looked into */
};
struct line_value {
    struct str key;  /* well-formed UTF-8 without NUL */
    struct str text; /* as it stands in the line; JSON, but for bare NaN and infinities */
    enum line_kind kind;
};
/** line_value_fn - borrows @v for the call. */
typedef void (*line_value_fn)(void *ctx, const struct line_value *v);

/** line_each() - give the values in their order; null is none, and neither is one whose name is longer than
 * LINE_KEY_MAX_BYTES. false: the line is not such an object; what was found before that place was given. */
bool line_each(struct str line, line_value_fn fn, void *ctx);
/** line_number() - the value of a LINE_NUMBER's text. */
double line_number(struct str text);
