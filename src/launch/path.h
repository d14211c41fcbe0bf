/*
 * launch/path.h: where in a config we are, as a chain of parts on the stack; text is made only for messages.
 * Internal to src/launch.
 */
#pragma once

#include "base/jval.h"

struct path {
    const struct path *up; /* NULL: the outermost */
    struct str key;        /* absent: a list element, @index */
    size_t index;
};
/** path_text() - "spec.worker_pool_specs[0].machine_spec"; "" for NULL. */
const char *path_text(struct arena *a, const struct path *p);
/** type_phrase() - "a string", "an object": for messages. */
const char *type_phrase(enum jval_type t);
