/*
 * io/fiber.h: stackful fibers and their scheduler: one per loop thread. Used by io/real, io/sim and tests.
 *
 * Stacks are mmapped with a guard page below and reused; switches are announced to AddressSanitizer and
 * ThreadSanitizer. A scheduler runs ready fibers in order (or as @pick says), and asks its world for time
 * only through the hooks.
 */
#pragma once

#include "io/io.h"

struct scheduler;
struct fiber;

struct scheduler_hooks {
    int64_t (*now_ms)(void *ctx);
    void (*wake)(void *ctx); /* a fiber became ready while none was: have scheduler_run() called soon */
    /* Which of @n ready fibers runs next; NULL: the first. The simulator draws from its seed. */
    size_t (*pick)(void *ctx, size_t n);
    void *ctx;
};

struct scheduler *scheduler_new(const struct scheduler_hooks *hooks);
void scheduler_free(struct scheduler *s); /* no fiber may be left; NULL is a no-op */
/** scheduler_run() - fire due timers, then run until no fiber is ready (or @max_switches switches; 0: no
 * limit). Returns switches done. */
size_t scheduler_run(struct scheduler *s, size_t max_switches);
/** scheduler_next_due_ms() - when the earliest timer is due, or -1. */
int64_t scheduler_next_due_ms(const struct scheduler *s);
size_t scheduler_fiber_count(const struct scheduler *s);

/* For implementations of yielding calls. */
struct fiber *fiber_current(struct scheduler *s); /* NULL outside a fiber */
/**
 * fiber_park() - stop the current fiber until fiber_unpark(), the time-out, or cancellation.
 * @timeout_ms < 0: none. Returns 0, -ERR_TIMEOUT or -ERR_CANCELLED. With @uncancellable only fiber_unpark()
 * ends it.
 */
int fiber_park(struct scheduler *s, int64_t timeout_ms, bool uncancellable);
void fiber_unpark(struct fiber *f);         /* make it ready; a no-op when it is not parked */
struct io *fiber_io(const struct fiber *f); /* the world of the group it belongs to */
/** fiber_cancel() - its present and every later yielding call returns -ERR_CANCELLED; so with the groups it
 * made. */
void fiber_cancel(struct fiber *f);
bool fiber_is_cancelled(const struct fiber *f);
const char *fiber_name(const struct fiber *f);
/** scheduler_cancel_io() - cancel every fiber whose group belongs to @io (a killed node). */
void scheduler_cancel_io(struct scheduler *s, struct io *io);
/** scheduler_hold_io() - while held, no fiber of @io runs; what should wake one is kept for it. As SIGSTOP
 * and SIGCONT do to a process. */
void scheduler_hold_io(struct scheduler *s, struct io *io, bool hold);
/** scheduler_dump() - a line per fiber: name, state, what it waits for. For debuggers and the simulator's
 * trace. */
void scheduler_dump(const struct scheduler *s, struct strbuf *out);
