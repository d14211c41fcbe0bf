/* cli/queue_find.h: one queue of an entity, as the server describes it. Each call yields. */
#pragma once

#include "cli/session.h"

/** queue_find() - -ERR_NOT_FOUND says how to see what there is. */
NODISCARD int queue_find(struct session *s, const char *entity, const char *name, const struct jval **ret,
                         struct err *e);
/** queue_config() - its {config, resource, templateVariables}; NULL when it has none. */
NODISCARD int queue_config(struct session *s, const char *entity, const struct jval *queue,
                           const struct jval **ret, struct err *e);
/** queue_template_variables() - the variables of a queue_config(), as launch/template.h has them. */
NODISCARD int queue_template_variables(struct arena *a, const struct jval *config, struct jval **ret,
                                       struct err *e);
