/* server/store/policies.h: who said how long is kept what a project has. */
#pragma once

#include "server/keep.h"
#include "server/store/audit.h"

struct store_policy {
    struct str entity, project; /* project absent: for all of the entity's that say nothing */
    struct keep keep;
};
/** store_policy_change() - say it anew; a policy in which nothing is said any more is gone. @p's times may be
 * KEEP_AS_IT_IS and KEEP_UNSAID. The log of changes says "retention.set", when anything is another than
 * before. -ERR_NOT_FOUND: no such entity or project; -ERR_INVALID: a time that is none. */
NODISCARD int store_policy_change(struct store *s, const struct store_policy *p, const struct store_by *by,
                                  struct err *e);
/** store_policy_list() - of all, or of those that @of names (its texts may be absent), by name. */
NODISCARD int store_policy_list(struct store *s, struct arena *a, const struct store_policy *of,
                                struct store_policy **ret, size_t *ret_len, struct err *e);
/** keep_text() - "90d", "12h", "1500ms", "forever"; "-" for what is not said. @ret has 32 bytes. Returns
 * ret. */
const char *keep_text(int64_t ms, char *ret);
