/*
 * server/run_spec.h: what the server does to a pushed launch spec and to a queue's config. Pure.
 * Source: protocol reference 4.2, 4.3 and 8.2.
 */
#pragma once

#include "base/jval.h"

enum { PRIORITY_DEFAULT = 2, PRIORITY_MAX = 3 };
/** priority_check() - the priority of a push. @given false: the default. -ERR_INVALID: outside 0..3, or not
 * the default where the queue has no priorities. */
NODISCARD int priority_check(bool queue_has_priorities, bool given, int64_t value, int64_t *ret,
                             struct err *e);

struct spec_merge {
    const struct jval *spec;         /* the pushed object */
    struct str resource;             /* the queue's; absent: the queue has no config */
    const struct jval *queue_config; /* {"resource_args":{"<resource>":{...}}}; NULL none */
    struct str author;               /* who pushes; a spec that names an author keeps it */
};
/** spec_merge() - the spec an agent gets: the queue's resource_args below the spec's own (deep, the spec
 * wins), resource and author filled in. -ERR_INVALID: the spec, its resource_args or its overrides are no
 * objects. */
NODISCARD int spec_merge(struct arena *a, const struct spec_merge *in, const struct jval **ret,
                         struct err *e);

/** queue_name_check(), entity_name_check(), project_name_check() - -ERR_INVALID says what is allowed. */
NODISCARD int queue_name_check(struct str name, struct err *e);
NODISCARD int entity_name_check(struct str name, struct err *e);
NODISCARD int project_name_check(struct str name, struct err *e);
/** run_name_check() - a run's id: it becomes a part of addresses and of ids with ':' between. */
NODISCARD int run_name_check(struct str name, struct err *e);
