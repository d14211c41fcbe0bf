/* cli/logs.h: jobs' log lines by queue item, from Cloud Logging or the emulator. */
#pragma once

#include "cli/session.h"

struct logs_options {
    /* also each change of the item's state from this one on, on stderr, in its place among the lines; moved
     * past what was shown; NULL: none. With one item only */
    size_t *states_shown;
    bool to_stderr; /* stdout is for something else */
    bool json;      /* an object a line instead of text */
};
/** logs_follow() - print the lines of @count items as they come until all have ended and their late lines
 * have come. An item that is not there, or was deleted meanwhile, has ended. Outages of server and log are
 * waited for, and told once each. -ERR_NOT_FOUND: none of the items is there. Yields. */
NODISCARD int logs_follow(struct session *s, const char *const *ids, size_t count,
                          const struct logs_options *o, struct err *e);
