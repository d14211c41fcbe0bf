/* cli/logs.h: a job's log lines by queue item, from Cloud Logging or the emulator. */
#pragma once

#include "cli/session.h"

/** logs_follow_item() - print lines as they come until the item has ended and its log is still. Yields. */
NODISCARD int logs_follow_item(struct session *s, const char *item_id, struct err *e);
