/* cli/agent_reload.h: the agent's launch config is read again on SIGHUP, and when its file changes. */
#pragma once

#include "agent/agent.h"
#include "cli/launch_config.h"
#include "cli/roles.h"

struct agent_reload_options { /* all borrowed */
    struct stop *stop;
    struct agent *agent;
    const struct args *args;
    const struct launch_config *config; /* the one it started with */
};
struct agent_reloader;
/** agent_reload_open() - watch, until closed. A config that is wrong is said, and the one before holds; so is
 * what cannot change while the agent runs. */
struct agent_reloader *agent_reload_open(struct io *io, const struct agent_reload_options *o);
void agent_reload_close(struct agent_reloader *r); /* after agent_run(); NULL is a no-op. Yields. */
/** agent_config_options() - what of @o follows from @c alone. */
void agent_config_options(struct io *io, const struct launch_config *c, struct agent_options *o);
