/*
 * io/io.h: everything a fiber can see of the world, behind one interface with two implementations.
 *
 * io/real: the machine (libuv loop, libcurl, llhttp, processes, files). io/sim: virtual time and an
 * in-process network under a seeded scheduler. All calls are made on the loop's thread, from a fiber; a call
 * that may let other fibers run says "Yields": what was read from shared state before it is read again after
 * it.
 *
 * Cancelling: when a fiber's group is cancelled, or its node is killed (simulator), its present and every
 * later yielding call returns -ERR_CANCELLED at once, without effect. Code answers by returning. Nothing
 * retries on ERR_CANCELLED.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/str.h"

struct io; /* the world as one role sees it; layout in io_internal.h */

/* --- time and chance
 * ---------------------------------------------------------------------------------------- */
int64_t io_now_unix_ms(struct io *io); /* wall clock: for the protocol only; may jump */
int64_t io_now_ms(struct io *io); /* monotonic: for waits; the time of a suspended machine counts (Linux) */
/** io_sleep() - wait @ms (0 lets others run). Yields. -ERR_CANCELLED. */
NODISCARD int io_sleep(struct io *io, int64_t ms, struct err *e);
void io_random(struct io *io, void *ret, size_t len);
/** io_random_id() - @len characters of [a-z0-9], the first a letter; @ret has len + 1 bytes. */
void io_random_id(struct io *io, char *ret, size_t len);
/** io_random_unit() - a double in [0, 1): for jitter. */
double io_random_unit(struct io *io);

/* --- fibers
 * -------------------------------------------------------------------------------------------------- A group
 * owns its fibers: group_wait() returns when all have ended, so nothing outlives what it works on.
 */
struct group;
typedef void (*fiber_fn)(void *arg);

struct group *group_new(struct io *io);
/** group_spawn() - start @fn(@arg) on a fiber of its own (64 KiB stack with a guard page), at the next turn.
 * @name is borrowed for ever. */
void group_spawn(struct group *g, const char *name, fiber_fn fn, void *arg);
/** group_cancel() - ask every fiber of the group, present and future, to end. Does not wait. */
void group_cancel(struct group *g);
/** group_wait() - until the group is empty. Yields. Not cut short by cancellation: fibers end, then it
 * returns. */
void group_wait(struct group *g);
size_t group_count(const struct group *g);
void group_free(struct group *g); /* the group must be empty; NULL is a no-op */
/** group_end() - cancel, wait, free. Yields. */
void group_end(struct group *g);
/** io_cancelled() - has the calling fiber been asked to end? Does not yield. */
bool io_cancelled(struct io *io);

/* A place to wait for something to change. Zero-initialised is ready for use; must outlive its waiters. */
struct fiber;
struct cond {
    struct fiber *first, *last;
};
/** cond_wait() - until signalled. @timeout_ms < 0: no limit. Yields. -ERR_TIMEOUT, -ERR_CANCELLED. Re-check
 * the condition. */
NODISCARD int cond_wait(struct io *io, struct cond *c, int64_t timeout_ms, struct err *e);
void cond_signal(struct io *io, struct cond *c);    /* wakes the longest waiter; does not yield */
void cond_broadcast(struct io *io, struct cond *c); /* wakes all; does not yield */

/* --- blocking work
 * ------------------------------------------------------------------------------------------ */
/**
 * io_work() - run @fn(@arg) on a worker thread and wait for it. Yields.
 * Once begun it runs to its end even when the fiber is cancelled, and the call still returns only then (so
 * @arg may live on the fiber's stack); a fiber that was cancelled before gets -ERR_CANCELLED and @fn is not
 * run.
 */
NODISCARD int io_work(struct io *io, void (*fn)(void *arg), void *arg, struct err *e);

/* --- signals
 * ------------------------------------------------------------------------------------------------ */
/** io_signal_wait() - until the process gets SIGTERM, SIGINT or SIGHUP; *ret_signal says which. Yields.
 * -ERR_CANCELLED. */
NODISCARD int io_signal_wait(struct io *io, int *ret_signal, struct err *e);

/* --- environment
 * -------------------------------------------------------------------------------------------- */
/** io_env() - an environment variable, or NULL. Borrowed for the life of @io. The simulator has its own
 * table. */
const char *io_env(struct io *io, const char *name);
/** io_env_text() - the same, and NULL for a variable that is set to nothing. */
const char *io_env_text(struct io *io, const char *name);
/** io_env_all() - the whole environment as "NAME=value", NULL-ended, for a child process. The list is in @a;
 * its texts live as @io does, or in @a. */
const char *const *io_env_all(struct io *io, struct arena *a);
