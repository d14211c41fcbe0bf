/*
 * io/sim.h: the simulated world: virtual time, a seeded scheduler and an in-process network between nodes'
 * handlers. The same seed and the same program give the same history, byte for byte.
 */
#pragma once

#include "io/io.h"

struct sim;

/* Chances are per request, 0 to 1. Delays are uniform in [min, max]. */
struct sim_faults {
    int64_t delay_min_ms, delay_max_ms;
    double drop_request; /* never arrives: the client waits for its time-out or gets ERR_NET */
    double drop_reply;   /* the handler ran; the client never learns */
    double duplicate;    /* the handler runs twice; the first reply counts */
    double answer_429, answer_500, answer_503, answer_html; /* the handler does not run */
    double kill_node; /* per scheduler step, for nodes marked killable */
};

struct sim *sim_new(uint64_t seed);
void sim_free(struct sim *s); /* kills all nodes first */
void sim_set_faults(struct sim *s,
                    const struct sim_faults *f); /* may change while running: "once faults stop" */

/* A node is a machine: its fibers live and die together; its files survive. */
struct sim_node;
struct sim_node *sim_node_new(struct sim *s, const char *name);
struct io *sim_node_io(struct sim_node *n); /* a new one after each restart */
/** sim_node_start() - (re)boot: run @fn(io, arg) on a first fiber. While the node is down its handlers refuse
 * connections. */
typedef void (*sim_main_fn)(struct io *io, void *arg);
void sim_node_start(struct sim_node *n, sim_main_fn fn, void *arg);
/** sim_node_kill() - as kill -9: no later call of the node has any effect; its fibers unwind with
 * ERR_CANCELLED. Work under way (io_work) either happened wholly or not at all, by the seed. */
void sim_node_kill(struct sim_node *n);
bool sim_node_is_up(const struct sim_node *n);
void sim_node_signal(struct sim_node *n, int signal); /* to its io_signal_wait() */
void sim_node_set_env(struct sim_node *n, const char *name, const char *value);

/* Programs that proc_spawn() can start: argv[0] by name. The function runs on a fiber of the node. */
struct sim_process; /* handle for output and signals */
typedef int (*sim_program_fn)(struct sim_process *p, const char *const *argv,
                              const char *const *env); /* exit status */
void sim_program_add(struct sim *s, const char *name, sim_program_fn fn);
void sim_process_print(struct sim_process *p, const char *line);
/** sim_process_sleep() - virtual time; -ERR_CANCELLED with the signal that ended it in *ret_signal. */
int sim_process_sleep(struct sim_process *p, int64_t ms, int *ret_signal);

/** sim_step() - run one fiber switch or advance time to the next event. False when nothing is left to happen.
 */
bool sim_step(struct sim *s);
int64_t sim_now_ms(const struct sim *s);
uint64_t sim_random(struct sim *s); /* from the seed: for the harness's own choices */
/** sim_trace() - the last lines of what happened (requests, faults, kills), oldest first. */
void sim_trace(const struct sim *s, struct strbuf *out);
/** sim_trace_hash() - a digest over the whole history: equal for equal seeds. */
uint64_t sim_trace_hash(const struct sim *s);
