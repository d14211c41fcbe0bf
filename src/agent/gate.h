/*
 * agent/gate.h: the right to create, for one project and region: as many a minute as Vertex allows, in turns
 * of the queues that want it, so that one with a hundred items does not keep another waiting.
 */
#pragma once

#include "io/io.h"

struct gate;

/** gate_new() - one every @interval_ms, up to @burst at once after a rest. */
struct gate *gate_new(int64_t interval_ms, int64_t burst);
void gate_free(struct gate *g); /* nobody waits any more; NULL is a no-op */
/** gate_pass() - wait for a turn of @queue: that of the queue which passed least lately, and in it first come
 * first served. Yields. -ERR_CANCELLED. */
NODISCARD int gate_pass(struct io *io, struct gate *g, struct str queue, struct err *e);
