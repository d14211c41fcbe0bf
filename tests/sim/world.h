/*
 * tests/sim/world.h: server, emulator, agent and a client as four nodes of one simulated world, and what the
 * harness knows of the items it pushed. One world a seed.
 */
#pragma once

#include "io/sim.h"
#include "launch/policy.h"

enum { WORLD_MAX_ITEMS = 6, WORLD_MAX_AGENTS = 2, WORLD_MAX_RUNGS = 4 };

/* Every job is to get this variable, from a secret of the emulator's. */
#define WORLD_SECRET_VARIABLE "TOKEN"
#define WORLD_SECRET          "a-secret-of-the-world"
#define WORLD_SECRET_BASE64   "YS1zZWNyZXQtb2YtdGhlLXdvcmxk"
#define WORLD_KEY             "0123456789abcdef0123456789abcdef01234567"

/* Where agents and scripts find the queue server, and where its owner does: with all its words, also in a
 * world in which it appears to the others as W&B's. */
#define WORLD_SERVER_URL      "http://server:8080"
#define WORLD_OWNER_URL       "http://server:8081"

struct world_item {
    char label[16]; /* argv[1] of its program, and the run's name */
    int exit_status;
    int64_t runs_for_ms;
    int64_t push_at_ms; /* after the queue is there */
    int64_t stop_at_ms; /* somebody asks for its end then; 0: nobody does */
    bool stop_asked;    /* and the server said yes */
    char id[80];        /* once pushed */
    bool scheduler;     /* of a sweep: has a limit of its own */
    /* with a W&B server */
    bool has_run;                /* its script starts its run, which ends the item */
    bool heeds_stop;             /* and ends when the server says that it was asked to */
    bool run_over;               /* its latest job said so */
    bool killed;                 /* a job of it was, and said nothing more */
    bool held[WORLD_MAX_AGENTS]; /* by the journal of that agent, as last seen */
    bool lost;                   /* no journal has it any more: that of its agent was lost with its disk */
    bool lives;                  /* a job of it does, as Vertex last listed them */
    bool over_time; /* the agent that has it ended a job of it for that, and may not have said so */
    /* seen from inside: the program */
    int started, living;
    int64_t last_end_ms; /* when a job of it last ended */
    /* seen from outside: the queue */
    char state[24], error[300];
    int ends; /* how often its history says finished, failed or stopped */
    int pops; /* how often it was lent: its latest token */
};

enum service { TO_SERVER, TO_EMULATOR, SERVICES };

/* A node that fails: killed and started again, or standing still for a while. */
struct world_machine {
    struct world *world;
    struct sim_node *node;
    sim_main_fn main;
    char dir[32];        /* what survives a kill */
    struct agent *agent; /* of an agent's machine, while it is up; else NULL */
    unsigned starts;
    int64_t start_at_ms;            /* when it is down; -1: not drawn yet */
    int64_t thaw_at_ms;             /* when it is frozen */
    int64_t cut_until_ms[SERVICES]; /* when it cannot reach one, or that one it; 0: it can */
    int64_t silence_at_ms; /* from then on, once it has items, the server does not hear of it for minutes; 0:
                              it does */
    bool silence_later;    /* once it has jobs */
    int64_t ill_ms;        /* when it was last down, frozen or cut off, or the weather not calm */
    double disk_loss, long_absence; /* chances, when it is killed */
    bool replaced;                  /* it went down for good: its next life has an empty disk */
};

struct world {
    struct sim *sim;
    struct sim_node *emulator, *client;
    struct world_machine server;
    struct world_machine agents[WORLD_MAX_AGENTS]; /* on one queue, each with a state folder of its own */
    size_t agent_count;
    char emulator_dir[32];
    struct secret *key;
    int64_t max_jobs, max_schedulers; /* of each agent */
    struct world_item items[WORLD_MAX_ITEMS];
    size_t item_count;
    bool wandb;          /* the server is as W&B's: lends an item once, and knows none of our words */
    struct group *words; /* of scripts, to the server */
    bool scarce; /* there is not enough of everything: items go along a ladder, and may fail for want of it */
    bool calm;   /* the faults are over */
    int64_t calm_since_ms;
    int64_t vertex_live; /* jobs that live, as Vertex last listed them */
    struct launch_rung rungs[WORLD_MAX_RUNGS];
    struct launch_policies policies;
    int64_t disks_lost; /* what ran then lives on unknown, until the item is lent again */
    int64_t silences;   /* schedulers that ran then live on, beside those of whoever takes them over */
    bool queue_ready, done;
    bool asking;      /* the client has a request under way: a server killed now would leave it in doubt */
    char broken[400]; /* the first broken promise; "" none */
};

/** world_new() - draws agents, items and max_jobs from the seed; folders are relative to the working
 * directory. @wandb: with a W&B server, in which the same seed has another history. */
struct world *world_new(uint64_t seed, bool wandb);
void world_free(struct world *w);
void world_break(struct world *w, const char *fmt, ...) PRINTF(2, 3);
/** world_may_fail() - is this what an item may come to where there is not enough of everything? */
bool world_may_fail(const struct world *w, const struct world_item *item);
void world_start_services(struct world *w);
void world_start_machine(struct world_machine *m);
/** world_live_max() - how many jobs may live at once, of schedulers or of the others. */
int64_t world_live_max(const struct world *w, bool schedulers);

/* client.c: a fiber that makes the queue, pushes the items and watches until all have ended. */
void client_main(struct io *io, void *world);
