/* io/fiber_internal.h: layout shared by the scheduler and by groups and conds. Included by fiber.c, stack.c
 * and group.c only. */
#pragma once

#include <ucontext.h>

#include "io/fiber.h"
#include "io/io_internal.h"

enum { FIBER_STACK_BYTES = 256 * 1024 }; /* address space; only touched pages cost memory */

struct stack {
    void *base; /* lowest usable byte; the guard page is below */
    size_t size;
    struct stack *next; /* in the pool */
};

struct fiber {
    ucontext_t context;
    struct stack *stack;
    struct scheduler *sched;
    struct group *group;
    const char *name;
    fiber_fn fn;
    void *arg;
    bool cancelled, parked, uncancellable, ended;
    bool held;          /* ready, but of a held world, so not in the ready queue */
    int wake_code;      /* what fiber_park() returns */
    int64_t due_ms;     /* of the timer, when heap_index says there is one */
    uint64_t due_order; /* among equal times: first armed, first fired */
    size_t heap_index;  /* SIZE_MAX: no timer */
    struct cond *cond;  /* being waited on */
    struct fiber *cond_next, *cond_prev;
    struct fiber *prev, *next; /* all fibers of the scheduler */
    struct group *owned;       /* groups this fiber made: cancelled with it */
    void *fake_stack;          /* AddressSanitizer's shadow of this stack while switched out */
    void *tsan;
};

struct group {
    struct io *io;
    struct fiber *owner;
    struct group *owned_prev, *owned_next;
    size_t count;
    bool cancelled;
    struct cond empty;
};

struct scheduler {
    struct scheduler_hooks hooks;
    ucontext_t loop;
    struct fiber *current, *all;
    size_t fiber_count;
    struct fiber **ready; /* [ready_head, ready_len) */
    size_t ready_head, ready_len, ready_cap;
    struct fiber **heap; /* timers, earliest at 0 */
    size_t heap_len, heap_cap;
    uint64_t order;
    bool running;
    struct stack *pool;
    size_t pool_count;
    const void *loop_stack; /* the loop's own stack, for AddressSanitizer */
    size_t loop_stack_size;
    void *loop_fake_stack, *loop_tsan;
};

struct stack *stack_take(struct scheduler *s);
void stack_give(struct scheduler *s, struct stack *k);
void stack_pool_done(struct scheduler *s);

void fiber_start(struct scheduler *s, struct group *g, const char *name, fiber_fn fn, void *arg);
void group_fiber_ended(struct group *g);
void group_owner_ended(struct fiber *f);
