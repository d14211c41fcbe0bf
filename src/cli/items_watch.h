/* cli/items_watch.h: `slipway items --watch`. */
#pragma once

#include "cli/session.h"

struct items_watch {
    const char *entity, *queue;
    int64_t limit; /* newest items */
    bool json;
};
/** items_row() - one item of a list as a line of a table, with its newline. */
void items_row(struct strbuf *b, struct arena *a, const struct jval *node);
/** items_query() - the newest items of the queue: "runQueueItems" of operations/items.graphql.
 * -ERR_NOT_FOUND. Yields. */
NODISCARD int items_query(struct session *s, const struct items_watch *w, const struct jval **ret,
                          struct err *e);
/** items_watch() - show the queue until somebody ends it (SIGINT, SIGTERM; that is 0): a table that is drawn
 * anew on a terminal, else a line, or a JSON object, for each change. Outages are waited for. Yields. */
NODISCARD int items_watch(struct session *s, const struct items_watch *w, struct err *e);
