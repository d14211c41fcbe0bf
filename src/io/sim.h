/*
 * io/sim.h: the simulated world: virtual time, a seeded scheduler and an in-process network between nodes'
 * handlers. The same seed and the same program give the same history, byte for byte.
 *
 * Addresses: a node called NAME that listens on port P is http://NAME:P for everybody, whatever host it gave
 * to http_listen(); 127.0.0.1 and localhost mean the calling node itself. Port 0 takes the node's next free
 * port: 40001, 40002, ... again from the start after a restart. Plain http and https are the same here.
 *
 * All of it is used from one thread: sim_*() by the harness, between steps or from a node's fibers.
 */
#pragma once

#include "io/io.h"

struct sim;

/* The words in all answers that sim_faults makes up. */
#define SIM_WRONG_ANSWER "a wrong answer from somewhere on the way"

/* Chances are per request, 0 to 1. Delays are uniform in [min, max], and are drawn anew for the reply. */
struct sim_faults {
    int64_t delay_min_ms, delay_max_ms;
    double drop_request;      /* never arrives: the client waits for its time-out or gets ERR_NET */
    double drop_reply;        /* the handler ran; the client never learns */
    double duplicate;         /* the handler runs twice; the first reply counts */
    const char *duplicate_to; /* node; NULL: any */
    double cut_reply;         /* the handler ran; the body ends half-way, and the client may not notice */
    /* Answers of something on the way: the handler does not run. */
    double answer_429, answer_500, answer_503, answer_html;
    double answer_gateway; /* 502 or 504 */
    double answer_refused; /* 401, 403, 404 or 409: with an empty body, a page, or an error as Google writes
                              them; 401 and 403 also as a GraphQL server does */
    double
        answer_missing; /* to GET alone: 404 as Google writes it. Of one thing it is said, by this and the one
                           before, twice at most that it is not there: a third time is to be believed */
    double
        kill_node; /* per scheduler step, for nodes marked killable; starting them again is the harness's */
    /* Of SQLite's files. All but the first are per operation, and for nodes marked so. */
    double power_cut; /* per kill: what was not synced is in doubt; else the kernel lives on and keeps it */
    double kill_at_change; /* in the middle of a commit, too */
    double disk_full;      /* no file grows for a while */
    double short_write;    /* a part is written, and the call fails */
    double fsync_fails;    /* what was to be synced is in doubt, and no later sync makes it safe */
    int64_t disk_full_max_ms;
};

struct sim *sim_new(uint64_t seed);
void sim_free(struct sim *s); /* kills all nodes and lets their fibers unwind first */
void sim_set_faults(struct sim *s,
                    const struct sim_faults *f); /* may change while running: "once faults stop" */

/* A node is a machine: its fibers live and die together; its files survive. Those of SQLite are on a disk of
 * the simulator's, in memory; others are real. */
struct sim_node;
struct sim_node *sim_node_new(struct sim *s, const char *name);
struct io *sim_node_io(struct sim_node *n); /* of the latest boot; NULL before the first */
/**
 * sim_node_start() - (re)boot: run @fn(io, arg) on a first fiber, once the fibers of the boot before have
 * unwound. The node must be down. It is up until killed or @fn returns; while it is down connections to it
 * are refused. @fn must leave nothing running: it closes what it opened, on cancellation too.
 */
typedef void (*sim_main_fn)(struct io *io, void *arg);
void sim_node_start(struct sim_node *n, sim_main_fn fn, void *arg);
/** sim_node_kill() - as kill -9: no later call of the node has any effect; its fibers unwind with
 * ERR_CANCELLED. Work under way (io_work) happened wholly, not at all, or up to some change to the disk, by
 * the seed. No-op when down. */
void sim_node_kill(struct sim_node *n);
/** sim_node_cut_power() - a kill after which the next boot finds of what was not synced what the seed leaves.
 */
void sim_node_cut_power(struct sim_node *n);
/** sim_node_stop_disk() - after @changes more writes, syncs and deletions nothing reaches the disk and all
 * fail, until the next boot: for a test that wants each moment of a power cut. */
void sim_node_stop_disk(struct sim_node *n, int64_t changes);
/** sim_node_lose_disk() - of a node that is down: it boots with an empty one. */
void sim_node_lose_disk(struct sim_node *n);
/** sim_node_disk_holds() - is @text in any of its files? Written is enough, synced or not. */
bool sim_node_disk_holds(const struct sim_node *n, const char *text);
/** sim_node_set_disk_faults() - do full disks, short writes, failing syncs and kills at changes reach it? No,
 * at first. */
void sim_node_set_disk_faults(struct sim_node *n, bool on);
bool sim_node_is_up(const struct sim_node *n);
/** sim_node_freeze() - as SIGSTOP (and SIGCONT): its fibers stand still while time, the others and what is
 * under way to it go on. No-op when down; a kill ends it. */
void sim_node_freeze(struct sim_node *n, bool frozen);
bool sim_node_is_frozen(const struct sim_node *n);
void sim_node_set_killable(struct sim_node *n, bool killable); /* may sim_faults.kill_node hit it? */
/** sim_node_set_trusted() - requests that this node makes are delayed, but meet no other fault: for a harness
 * that has to know what it asked for. */
void sim_node_set_trusted(struct sim_node *n, bool trusted);
/** sim_node_signal() - to its io_signal_wait(); a node that does not wait there is killed. */
void sim_node_signal(struct sim_node *n, int signal);
/** sim_node_cut() - from now on nothing that @from sends reaches @to, neither requests nor replies; with
 * @cut false it does again. The other way is another matter. */
void sim_node_cut(struct sim_node *from, struct sim_node *to, bool cut);
/** sim_node_set_clock() - its wall clock is @off_ms ahead (behind: < 0) of the world's from now on, and gains
 * @drift_ppm microseconds a second. Its monotonic clock, its waits and time-outs do not notice. */
void sim_node_set_clock(struct sim_node *n, int64_t off_ms, int64_t drift_ppm);
void sim_node_set_env(struct sim_node *n, const char *name, const char *value);

/* Programs that proc_spawn() can start: argv[0] (behind its last '/') by name. The function runs on a fiber
 * of the node. */
struct sim_process; /* handle for output and signals */
typedef int (*sim_program_fn)(struct sim_process *p, const char *const *argv,
                              const char *const *env);                               /* exit status */
void sim_program_add(struct sim *s, const char *name, sim_program_fn fn, void *ctx); /* @name is copied */
void *sim_process_ctx(const struct sim_process *p);                                  /* of its program */
void sim_process_print(struct sim_process *p, const char *line);                     /* to stdout */
/** sim_process_sleep() - virtual time; -ERR_CANCELLED with the signal that ended it in *ret_signal. SIGKILL
 * comes again on every call; the program should return. */
NODISCARD int sim_process_sleep(struct sim_process *p, int64_t ms, int *ret_signal);

/** sim_step() - run one fiber switch or advance time to the next event. False when nothing is left to happen.
 */
bool sim_step(struct sim *s);
int64_t sim_now_ms(const struct sim *s);
uint64_t sim_random(struct sim *s); /* from the seed: for the harness's own choices */
int64_t sim_random_range(struct sim *s, int64_t min, int64_t max); /* uniform in [min, max] */
double sim_random_unit(struct sim *s);                             /* uniform in [0, 1) */
/** sim_note() - a line of the harness's own into the trace. */
void sim_note(struct sim *s, const char *fmt, ...) PRINTF(2, 3);
/** sim_watch() - @fn gets each line of the trace as it comes: the whole of it, where sim_trace() has the end.
 */
typedef void (*sim_line_fn)(void *ctx, const char *line);
void sim_watch(struct sim *s, sim_line_fn fn, void *ctx);
/** sim_describe() - @fn says in a few words, in @a, what a request with this path and body is about, for the
 * trace; "" when it does not know. */
typedef const char *(*sim_describe_fn)(void *ctx, struct arena *a, struct str target, struct str body);
void sim_describe(struct sim *s, sim_describe_fn fn, void *ctx);
/** sim_trace() - the last lines of what happened (requests, faults, kills), oldest first. */
void sim_trace(const struct sim *s, struct strbuf *out);
/** sim_trace_hash() - a digest over the whole history: equal for equal seeds. */
uint64_t sim_trace_hash(const struct sim *s);
/** sim_fibers() - a line per living fiber, for a run that does not settle. */
void sim_fibers(const struct sim *s, struct strbuf *out);
