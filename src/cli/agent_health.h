/* cli/agent_health.h: /healthz, /readyz and /metrics of an agent, for Kubernetes, Cloud Run and Prometheus.
 */
#pragma once

#include "agent/agent.h"
#include "cli/option.h"
#include "io/http.h"

struct agent_health;
/** agent_health_open() - listen when --http-port or the environment's PORT says so; else *ret is NULL. @agent
 * is borrowed. Yields. -ERR_CONFIG for a PORT that is none, -ERR_OS. */
NODISCARD int agent_health_open(struct io *io, const struct args *args, struct agent *agent,
                                struct agent_health **ret, struct err *e);
void agent_health_close(struct agent_health *h); /* Yields. NULL is a no-op */
