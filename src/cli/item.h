/* cli/item.h: fetching and showing one queue item: shared by `launch`, `items show` and `logs`. */
#pragma once

#include "cli/session.h"

/** item_fetch() - the item as the server gives it (operations/item.graphql). -ERR_NOT_FOUND when there is
 * none. Yields. */
NODISCARD int item_fetch(struct session *s, const char *item_id, const struct jval **ret, struct err *e);
bool item_has_ended(const struct jval *item);
/** item_print() - for people: state, run, reason, and its life with times. */
void item_print(const struct jval *item);
/** item_end_err() - 0 for a FINISHED item, else -ERR_REMOTE with the reason a user is told. */
int item_end_err(const struct jval *item, struct err *e);
/** item_wait() - print each change of state to stderr until the item has ended; *ret (NULL before) is its
 * last form. Yields. */
NODISCARD int item_wait(struct session *s, const char *item_id, const struct jval **ret, struct err *e);
