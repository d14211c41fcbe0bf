/* server/api/push.h: putting a launch spec into a queue, for who does it beside pushToRunQueue. */
#pragma once

#include "server/api/api.h"

struct push_request {
    const struct store_queue *queue;  /* that the caller may push to */
    struct str spec, template_values; /* JSON texts; values may be absent */
    bool has_priority;
    int64_t priority;
};
/** push_prepare() - the item that is to be pushed: checked, and merged with the queue's config; its texts are
 * in the call's arena. Yields. -ERR_INVALID says what is wrong with the spec; -ERR_DENIED. */
NODISCARD int push_prepare(struct gql_call *c, const struct push_request *r, struct store_new_item *ret,
                           struct err *e);
/** push_item() - put it into the queue, and wake who waits there. Yields. */
NODISCARD int push_item(struct gql_call *c, const struct store_queue *queue,
                        const struct store_new_item *item, struct str *ret_uid, struct err *e);
