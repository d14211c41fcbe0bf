/*
 * tests/sim/world.h: server, emulator, agent and a client as four nodes of one simulated world, and what the
 * harness knows of the items it pushed. One world a seed.
 */
#pragma once

#include "io/sim.h"

enum { WORLD_MAX_ITEMS = 6, WORLD_MAX_EVENTS = 64 };

struct world_item {
    char label[16]; /* argv[1] of its program, and the run's name */
    int exit_status;
    int64_t runs_for_ms;
    int64_t push_at_ms; /* after the queue is there */
    char id[80];        /* once pushed */
    /* seen from inside: the program */
    int started, living;
    /* seen from outside: the queue */
    char state[24], error[300];
    int ends; /* how often its history says finished, failed or stopped */
};

struct world {
    struct sim *sim;
    struct sim_node *server, *emulator, *agent, *client;
    char agent_dir[32], server_dir[32], emulator_dir[32];
    struct secret *key;
    int64_t max_jobs;
    struct world_item items[WORLD_MAX_ITEMS];
    size_t item_count;
    bool queue_ready, done;
    unsigned agent_starts;
    char broken[400]; /* the first broken promise; "" none */
};

/** world_new() - draws items and max_jobs from the seed; folders are relative to the working directory. */
struct world *world_new(uint64_t seed);
void world_free(struct world *w);
void world_break(struct world *w, const char *fmt, ...) PRINTF(2, 3);
void world_start_services(struct world *w);
void world_start_agent(struct world *w);

/* client.c: a fiber that makes the queue, pushes the items and watches until all have ended. */
void client_main(struct io *io, void *world);
