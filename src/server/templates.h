/* server/templates.h: template variables where queues are saved and launches pushed; the rules are
 * launch/template.h's. Pure. */
#pragma once

#include "base/jval.h"

struct template_push {
    const struct jval *config;    /* the queue's; NULL none */
    const struct jval *variables; /* the queue's; NULL none */
    const struct jval *values;    /* templateVariableValues; NULL: perhaps in the spec */
    const struct jval *spec;      /* as pushed */
};
/** templates_fill() - the config with its tokens replaced, and the spec with the record of the values.
 * -ERR_INVALID with all that is wrong, joined with "; ". */
NODISCARD int templates_fill(struct arena *a, const struct template_push *in, const struct jval **ret_config,
                             const struct jval **ret_spec, struct err *e);
/** templates_check() - a queue's definitions as they are saved. -ERR_INVALID likewise. Tokens of @config
 * without a definition are errors; of unused definitions nothing is said. */
NODISCARD int templates_check(struct arena *a, const struct jval *variables, const struct jval *config,
                              struct err *e);
