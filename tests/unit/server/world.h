/* A simulated machine with a data folder, for tests of the server: virtual time, a real SQLite file. */
#pragma once

#include <stdio.h>

#include "../test.h"
#include "io/sim.h"

struct world {
    struct sim_node *node;
    struct io *io;
    struct arena *a;
    char dir[FOLDER_SIZE];
    void (*test)(struct world *w);
};

static void world_main(struct io *io, void *arg)
{
    struct world *w = arg;

    w->io = io;
    w->test(w);
}

static void world_run(void (*test)(struct world *w))
{
    struct sim *s = sim_new(1);
    struct world w = { .test = test };
    int steps = 0;

    folder_make(w.dir);
    w.a = arena_new();
    w.node = sim_node_new(s, "server");
    sim_node_start(w.node, world_main, &w);
    while (sim_step(s))
        assert_true(++steps < 10 * 1000 * 1000);
    sim_free(s);
    arena_free(w.a);
    folder_remove(w.dir);
}
