/*
 * launch/path.h: where in a config we are, as a chain of parts on the stack; text is made only for messages.
 * Internal to src/launch.
 */
#pragma once

#include "base/jval.h"

struct path {
    const struct path *up; /* NULL: the outermost */
    struct str key;        /* absent: a list element, @index */
    size_t index;          /* with a key: which member of the object it is */
};
/** path_keep() - the chain in the arena, for when the stack it lies on has gone. */
const struct path *path_keep(struct arena *a, const struct path *p);
/** path_text() - "spec.worker_pool_specs[0].machine_spec"; "" for NULL. */
const char *path_text(struct arena *a, const struct path *p);
/** type_phrase() - "a string", "an object": for messages. */
const char *type_phrase(enum jval_type t);
