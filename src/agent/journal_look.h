/* agent/journal_look.h: reading an agent's journal from outside, also while the agent works on it. */
#pragma once

#include "agent/journal.h"

struct journal_glance {
    enum launch_phase phase;
    enum launch_cause cause;
    struct str queue, vertex_job, vertex_status, reason, stage; /* in the arena; may be absent */
    int64_t moved_at_ms;      /* Unix; when the phase or the Vertex status last changed */
    int64_t waiting_since_ms; /* 0: it does not wait */
    int64_t attempts;         /* creates that were sent */
};
/** journal_look() - the newest launch of @item in the journal of folder @state_dir. Takes no lock, changes
 * nothing. -ERR_NOT_FOUND: no journal, or no such item in it; -ERR_STORE: a journal of another format. Blocks
 * briefly. */
NODISCARD int journal_look(struct io *io, struct arena *a, const char *state_dir, struct str item,
                           struct journal_glance *ret, struct err *e);
