/* emulator/run.h: a live job, shared by run.c (its life) and replica.c (its programs). */
#pragma once

#include "emulator/container.h"
#include "emulator/emulator_internal.h"
#include "io/proc.h"

struct replica {
    struct run *run;
    struct replica_id id;
    char task[40];      /* "workerpool0-0" */
    struct proc *proc;  /* NULL before it is started and after it has ended */
    struct strbuf tail; /* the last of its stderr */
    struct cond drained;
    bool reader_done;
    bool sleeps;          /* runs a built-in program, and has neither process nor fiber */
    int64_t sleeps_until; /* monotonic; when that ends by itself, with @status */
    /* set when it has ended */
    bool ended, seen;
    int status;
    const char *start_error; /* in the run's arena */
};

struct run {
    struct emulator *m;
    struct arena *a;
    struct job_row row;
    struct jval *custom_job;
    struct job_policy policy;
    struct capacity_job kind;
    int64_t preempt_ms; /* how long its machines are its own; -1: for good */
    bool cancel;        /* asked for */
    bool settling;      /* its end is decided: too late to cancel */
    struct cond wake;
    struct replica *replicas;
    size_t replica_count;
    struct group *fibers; /* of the replicas */
};

/** replicas_start() - every replica of every pool: a fiber and a process, or a built-in program. */
void replicas_start(struct run *run);
/** replicas_look() - end the built-in programs whose time is over. When the next one is due (monotonic), or
 * @until_ms when that is sooner. */
int64_t replicas_look(struct run *run, int64_t until_ms);
/** replicas_stop() - SIGTERM, after the grace SIGKILL, until all have ended; frees them. At once when our own
 * fiber is cancelled. Yields. */
void replicas_stop(struct run *run);
