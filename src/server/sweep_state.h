/*
 * server/sweep_state.h: the life of a sweep. Pure.
 *
 * PENDING waits for its first agent, RUNNING hands out runs, PAUSED hands out none until it is resumed.
 * STOPPED and FINISHED let runs end, CANCELED ends them. Each end can be resumed. Source: protocol
 * reference 12.
 */
#pragma once

#include <stdbool.h>

#include "base/str.h"

enum sweep_state {
    SWEEP_PENDING,
    SWEEP_RUNNING,
    SWEEP_PAUSED,
    SWEEP_STOPPED,
    SWEEP_FINISHED,
    SWEEP_CANCELED,
    SWEEP_STATE_COUNT_
};
const char *sweep_state_name(enum sweep_state s); /* "PENDING" ... as on the wire */
/** sweep_state_parse() - also of the spelling CANCELLED. */
bool sweep_state_parse(struct str name, enum sweep_state *ret);
bool sweep_state_is_ended(enum sweep_state s);
/** sweep_state_may() - may somebody ask for this change? */
bool sweep_state_may(enum sweep_state from, enum sweep_state to);
