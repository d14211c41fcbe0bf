/* wandb/runs.h: sweeps, and the agent's own run, as W&B's servers have them. Errors as in wandb/wandb.h. */
#pragma once

#include "wandb/wandb.h"

struct wandb_file {
    struct str entity, agent_name; /* the name is that of wandb_agent_get() */
    struct str path;               /* "ITEM/error/error.log" */
    struct str content;
};
/** wandb_agent_file() - a file of the agent's own run, which W&B's pages show beside the item. The run is
 * there only for such files: it is made, or opened again, and ended with each, so that an idle agent has none
 * and a killed one leaves none that seems to live. Four requests, one of them to the server's storage. */
NODISCARD int wandb_agent_file(struct wandb *w, const struct wandb_file *f, struct err *e);

struct wandb_sweep_ref {
    struct str entity, wb_project, sweep_id;
};
/** wandb_sweep_state() - "RUNNING", "PAUSED", "FINISHED", ... as sent; absent when there is no such sweep. */
NODISCARD int wandb_sweep_state(struct wandb *w, struct arena *a, const struct wandb_sweep_ref *ref,
                                struct str *ret, struct err *e);
