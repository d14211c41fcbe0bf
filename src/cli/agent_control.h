/* cli/agent_control.h: the socket through which an agent's operator speaks to it. */
#pragma once

#include "agent/agent.h"

struct agent_control;

#define AGENT_SOCKET "agent.sock" /* in the state folder */

/** agent_control_open() - listen on the socket in @state_dir: HTTP with GET /status and POST /pause, /resume,
 * /drain. Where there can be none (a long path, a file system without sockets) that is logged, and NULL: an
 * agent works without. Yields. */
struct agent_control *agent_control_open(struct io *io, struct agent *agent, const char *state_dir);
void agent_control_close(struct agent_control *c); /* yields; NULL is a no-op */
