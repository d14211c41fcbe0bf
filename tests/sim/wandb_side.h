/* tests/sim/wandb_side.h: what is different in a world with a W&B server: the server, and scripts that tell
 * it. */
#pragma once

#include "io/http.h"
#include "world.h"

struct wandb_server {
    struct world *world;
    struct server *server;
};
/** wandb_server_handle() - an http_handler_fn: @ctx is a struct wandb_server. An agent that asks it for what
 * only our server has breaks a promise. */
void wandb_server_handle(void *ctx, struct http_exchange *x);

/**
 * script_run() - what @item's program does in such a world: it starts its run, tells the server twice a
 * minute that it lives and at the end how it ended, as wandb's client does; some never tell it anything. One
 * that is killed says nothing more. Its exit status; 128 + *ret_signal when a signal ended it, else that is
 * 0. Yields.
 */
int script_run(struct sim_process *p, struct world_item *item, const char *const *env, int *ret_signal);
