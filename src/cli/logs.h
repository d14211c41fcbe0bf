/* cli/logs.h: a job's log lines by queue item, from Cloud Logging or the emulator. */
#pragma once

#include "cli/session.h"

struct logs_options {
    /* also each change of the item's state from this one on, on stderr, in its place among the lines; moved
     * past what was shown; NULL: none */
    size_t *states_shown;
    bool to_stderr; /* stdout is for something else */
    bool json;      /* an object a line instead of text */
};
/** logs_follow_item() - print lines as they come until the item has ended and its log is still; *ret is the
 * item's last form. Yields. */
NODISCARD int logs_follow_item(struct session *s, const char *item_id, const struct logs_options *o,
                               const struct jval **ret, struct err *e);
