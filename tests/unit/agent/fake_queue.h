/* tests/unit/agent/fake_queue.h: a small queue server behind HTTP, its items a table that tests read and
 * turn. */
#pragma once

#include "io/sim.h"

enum { MAX_ITEMS = 100, HOUR_MS = 3600 * 1000, LEASE_MS = 60000 };

struct item {
    const char *spec;
    const char *queue; /* NULL: "q" */
    char state[20], run[40], message[2000], stage[20], warning[2000], files[200];
    int pops, acks, reports, warnings, waits;
    int64_t leased_ms;
    bool stop_asked, taken_over; /* the second: its agent fell silent, and it may have a job already */
};

/* The queue server, and what happens to it. */
struct queue {
    struct sim *sim; /* for its clock */
    struct item items[MAX_ITEMS];
    size_t count;
    bool own_server; /* answers as Slipway */
    bool is_missing; /* the queue is not made yet */
    bool down;
    int lose_acks; /* answers of the next so many acks */
    bool steal;    /* an ack finds that somebody else was quicker */
    bool fences;   /* a pop gives a token */
    bool deaf;     /* heartbeats are not answered */
    bool lent_on;  /* another agent has got all items meanwhile */
    int keeps;     /* how often somebody asked whether an item is still his */
    const char *run_state;
    bool stop_runs; /* somebody asked every run to stop */
    bool stop_polling;
    int requests, answer_429;
    /* what it was told: "createLaunchAgent POLLING popFromRunQueue ...", without the heartbeat's questions
     * and pops that brought nothing */
    char told[8192];
    const char *sweep_state;
    bool no_storage, put_had_key, put_had_headers;
    char file[8192], file_url[200], stream_url[200], stream[500]; /* the latest ones */
};
extern struct queue queue;
/** queue_server_main() - the server's node: serves on port 80 until it is killed. */
void queue_server_main(struct io *io, void *arg);
