/*
 * server/sweep_commands.h: what an agent of a sweep is told to do. Source: protocol reference 2.9 and 12.2.
 *
 * {"type": "run", "run_id", "args", "program"}: start this run. {"type": "stop", "run_id"}: end it.
 * {"type": "exit"}: end all, there is nothing left. An agent that has a run gets no second one.
 */
#pragma once

#include "server/server_internal.h"

struct sweep_beat {
    const struct store_sweep_agent *agent;
    const struct jval *runs; /* {RUN: true}: what it has under way; NULL: nothing */
    int64_t now_unix_ms;
};
/** sweep_commands() - a list of them. Yields. */
NODISCARD int sweep_commands(struct server *s, struct arena *a, const struct sweep_beat *beat,
                             struct jval **ret, struct err *e);
/** sweep_config() - a stored config, parsed. */
NODISCARD int sweep_config(struct arena *a, struct str text, const struct jval **ret, struct err *e);
