/* cli/item.h: fetching and showing one queue item: shared by `launch`, `items show` and `logs`. */
#pragma once

#include "cli/session.h"

/** item_fetch() - the item as the server gives it (operations/item.graphql). -ERR_NOT_FOUND when there is
 * none. Yields. */
NODISCARD int item_fetch(struct session *s, const char *item_id, const struct jval **ret, struct err *e);
/** items_fetch() - id, state, createdAt, error and history of @count items, 50 with a request, into
 * @ret[@count]; NULL for one that is not there. Yields. */
NODISCARD int items_fetch(struct session *s, const char *const *ids, size_t count, const struct jval **ret,
                          struct err *e);
bool item_has_ended(const struct jval *item);
/** item_print() - for people: state, run, reason, and its life with times. */
void item_print(const struct jval *item);
/** item_end_err() - 0 for a FINISHED item, else -ERR_REMOTE with the reason a user is told. */
int item_end_err(const struct jval *item, struct err *e);
/** item_print_news() - to stderr, a line for each change of state from *shown on and before @until (which may
 * be over their number); *shown is moved past them. Without @with_end it halts at the one that ended the
 * item: a log may still have lines to show before it. */
void item_print_news(const struct jval *item, size_t until, bool with_end, size_t *shown);
/** item_wait() - print each change of state from *shown on to stderr until the item has ended; *ret (NULL
 * before) is its last form. Yields. */
NODISCARD int item_wait(struct session *s, const char *item_id, size_t *shown, const struct jval **ret,
                        struct err *e);
