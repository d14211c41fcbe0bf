/* cli/why_facts.h: what is known of an item: from the queue server, and from the agent's journal when it is
 * on this machine. */
#pragma once

#include "cli/session.h"
#include "launch/why.h"

struct why_wanted {
    const char *item;
    const char *queue;     /* on a W&B server: where to look; NULL: in all queues of the entity */
    const char *state_dir; /* NULL: the usual folder, when there is a journal in it */
};
/** why_facts_gather() - results live in the session's arena. -ERR_NOT_FOUND: neither the server nor the
 * journal has it. Yields. */
NODISCARD int why_facts_gather(struct session *s, const struct why_wanted *wanted, struct why_facts *ret,
                               struct err *e);
