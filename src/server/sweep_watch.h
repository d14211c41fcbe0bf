/* server/sweep_watch.h: what is done about sweeps while none of their agents asks. */
#pragma once

#include "server/server_internal.h"

enum { SILENT_SWEEP_AGENT_MS = 10 * 60000 }; /* W&B's agents send a heartbeat every 5 s */

/** sweep_watch_run() - a fiber, @arg is the struct server. Every 15 s it looks for runs of sweeps on Launch
 * that are to end early: a scheduler sends heartbeats only while it has a free worker. Every minute it lets
 * sweeps rest which no agent has asked for SILENT_SWEEP_AGENT_MS and of which no run goes on: they are
 * PENDING again, waiting for an agent as when they were made, or FINISHED when all their runs were handed
 * out. */
void sweep_watch_run(void *arg);
