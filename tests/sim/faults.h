/* tests/sim/faults.h: what goes wrong in a world while it is not calm. */
#pragma once

#include <ftw.h>

#include "world.h"

struct faults {
    struct sim_faults net;
    /* chances per step, of each machine */
    double replace;  /* an agent's machine is replaced by an empty one, while it has jobs */
    double freeze;   /* an agent stands still for a while */
    double outage;   /* the server is killed */
    double cut;      /* an agent and a service cannot reach each other, one way or both */
    double long_cut; /* of such a cut: it lasts for minutes */
    double clock;    /* a wall clock jumps, and goes wrong from then on */
    /* once each, from then on; 0: not */
    int64_t replace_at_ms[WORLD_MAX_AGENTS]; /* an agent's machine is replaced */
    bool kill_again[WORLD_MAX_AGENTS];       /* and killed in its next life, */
    int64_t kill_at_ms[WORLD_MAX_AGENTS];    /* then, while it may not have found all that it had */
};
/** faults_draw() - which of them this world has, and how often. */
void faults_draw(struct world *w, struct faults *f);
void faults_start(struct world *w, struct faults *f);
/** faults_step() - before each step of the world: starts what is down and mends what is due, too. */
void faults_step(struct world *w, struct faults *f);
/** faults_stop() - from now on nothing new fails. */
void faults_stop(struct world *w, struct faults *f);
/** remove_entry() - for nftw(): all below a folder, not itself. */
int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at);
