/*
 * server/sweep_stops.h: which runs of a sweep are ended early: hyperband (search/bands.h) over what the runs
 * have logged. Read as it comes: of each run only the lines since the last look.
 */
#pragma once

#include "server/search/search.h"
#include "server/server_internal.h"

struct sweep_look {
    const struct store_sweep *sweep;
    const struct search *search;
    int64_t agent_id; /* whose runs; of a sweep with a scheduler all runs are looked at */
    int64_t now_unix_ms;
};
/** sweep_stops() - the names of the runs that are to end: a list. Of a sweep with a scheduler, whose agents
 * hear nothing while they have a run, they are asked to stop besides. Yields. */
NODISCARD int sweep_stops(struct server *s, struct arena *a, const struct sweep_look *look, struct jval **ret,
                          struct err *e);
