/*
 * io/fiber.c: stackful fibers and their scheduler. Owns the stacks' switching; one scheduler a loop thread.
 *
 * Every switch is announced to AddressSanitizer (it keeps a shadow of each stack) and ThreadSanitizer.
 */
#include "io/fiber.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/fiber_internal.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define WITH_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define WITH_TSAN 1
#endif
#ifndef WITH_ASAN
#define WITH_ASAN 0
#endif
#ifndef WITH_TSAN
#define WITH_TSAN 0
#endif

#if WITH_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#if WITH_TSAN
#include <sanitizer/tsan_interface.h>
#endif

/* --- switching
 * ----------------------------------------------------------------------------------------------- */

static void announce_leave(void **fake_stack, const void *to, size_t size, void *tsan)
{
#if WITH_ASAN
    __sanitizer_start_switch_fiber(fake_stack, to, size);
#endif
#if WITH_TSAN
    __tsan_switch_to_fiber(tsan, 0);
#endif
    (void)fake_stack;
    (void)to;
    (void)size;
    (void)tsan;
}

static void announce_arrive(void *fake_stack, const void **from, size_t *size)
{
#if WITH_ASAN
    __sanitizer_finish_switch_fiber(fake_stack, from, size);
#endif
    (void)fake_stack;
    (void)from;
    (void)size;
}

static void switch_to_loop(struct fiber *f)
{
    struct scheduler *s = f->sched;

    announce_leave(f->ended ? NULL : &f->fake_stack, s->loop_stack, s->loop_stack_size, s->loop_tsan);
    swapcontext(&f->context, &s->loop);
    announce_arrive(f->fake_stack, &s->loop_stack, &s->loop_stack_size);
}

static void fiber_main(unsigned high, unsigned low)
{
    struct fiber *f = (struct fiber *)(((uintptr_t)high << 32) | (uintptr_t)low);

    announce_arrive(NULL, &f->sched->loop_stack, &f->sched->loop_stack_size);
    f->fn(f->arg);
    f->ended = true;
    switch_to_loop(f);
    abort(); /* an ended fiber is never resumed */
}

static void fiber_free(struct fiber *f)
{
    struct scheduler *s = f->sched;

    if (f->prev)
        f->prev->next = f->next;
    else
        s->all = f->next;
    if (f->next)
        f->next->prev = f->prev;
    s->fiber_count--;
#if WITH_TSAN
    __tsan_destroy_fiber(f->tsan);
#endif
    stack_give(s, f->stack);
    free(f);
}

static void resume(struct scheduler *s, struct fiber *f)
{
    s->current = f;
    announce_leave(&s->loop_fake_stack, f->stack->base, f->stack->size, f->tsan);
    swapcontext(&s->loop, &f->context);
    announce_arrive(s->loop_fake_stack, NULL, NULL);
    s->current = NULL;
    if (f->ended) {
        struct group *g = f->group;

        group_owner_ended(f);
        fiber_free(f);
        group_fiber_ended(g);
    }
}

/* --- the ready queue
 * ----------------------------------------------------------------------------------------- */

static void make_ready(struct fiber *f)
{
    struct scheduler *s = f->sched;
    bool was_idle = s->ready_head == s->ready_len;

    f->held = f->group->io->held;
    if (f->held)
        return;
    if (s->ready_head == s->ready_len)
        s->ready_head = s->ready_len = 0;
    if (s->ready_len == s->ready_cap) {
        if (s->ready_head > 0) {
            memmove(s->ready, s->ready + s->ready_head, (s->ready_len - s->ready_head) * sizeof(*s->ready));
            s->ready_len -= s->ready_head;
            s->ready_head = 0;
        } else {
            s->ready_cap = s->ready_cap ? s->ready_cap * 2 : 64;
            s->ready = xrealloc(s->ready, s->ready_cap * sizeof(*s->ready));
        }
    }
    s->ready[s->ready_len++] = f;
    if (was_idle && !s->running && s->hooks.wake)
        s->hooks.wake(s->hooks.ctx);
}

static struct fiber *take_ready(struct scheduler *s)
{
    size_t n = s->ready_len - s->ready_head;
    size_t i = s->hooks.pick ? s->hooks.pick(s->hooks.ctx, n) : 0;
    struct fiber *f = NULL;

    assert(i < n);
    i += s->ready_head;
    f = s->ready[i];
    memmove(s->ready + s->ready_head + 1, s->ready + s->ready_head, (i - s->ready_head) * sizeof(*s->ready));
    s->ready_head++;
    return f;
}

/* --- timers: a binary heap
 * ----------------------------------------------------------------------------------- */

static bool earlier(const struct fiber *a, const struct fiber *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->due_order < b->due_order;
}

static void heap_put(struct scheduler *s, size_t i, struct fiber *f)
{
    s->heap[i] = f;
    f->heap_index = i;
}

static void heap_settle(struct scheduler *s, size_t i, struct fiber *f)
{
    while (i > 0 && earlier(f, s->heap[(i - 1) / 2])) {
        heap_put(s, i, s->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * i + 1;

        if (child + 1 < s->heap_len && earlier(s->heap[child + 1], s->heap[child]))
            child++;
        if (child >= s->heap_len || !earlier(s->heap[child], f))
            break;
        heap_put(s, i, s->heap[child]);
        i = child;
    }
    heap_put(s, i, f);
}

static void timer_arm(struct fiber *f, int64_t due_ms)
{
    struct scheduler *s = f->sched;

    if (s->heap_len == s->heap_cap) {
        s->heap_cap = s->heap_cap ? s->heap_cap * 2 : 64;
        s->heap = xrealloc(s->heap, s->heap_cap * sizeof(*s->heap));
    }
    f->due_ms = due_ms;
    f->due_order = s->order++;
    heap_settle(s, s->heap_len++, f);
}

static void timer_disarm(struct fiber *f)
{
    struct scheduler *s = f->sched;
    size_t i = f->heap_index;
    struct fiber *last = NULL;

    if (i == SIZE_MAX)
        return;
    f->heap_index = SIZE_MAX;
    last = s->heap[--s->heap_len];
    if (last != f)
        heap_settle(s, i, last);
}

static void wake(struct fiber *f, int code)
{
    timer_disarm(f);
    f->parked = false;
    f->wake_code = code;
    make_ready(f);
}

static void fire_timers(struct scheduler *s)
{
    int64_t now = s->heap_len ? s->hooks.now_ms(s->hooks.ctx) : 0;

    while (s->heap_len && s->heap[0]->due_ms <= now)
        wake(s->heap[0], -ERR_TIMEOUT);
}

/* --- public
 * -------------------------------------------------------------------------------------------------- */

struct scheduler *scheduler_new(const struct scheduler_hooks *hooks)
{
    struct scheduler *s = xcalloc(1, sizeof(*s));

    s->hooks = *hooks;
#if WITH_TSAN
    s->loop_tsan = __tsan_get_current_fiber();
#endif
    return s;
}

void scheduler_free(struct scheduler *s)
{
    if (!s)
        return;
    assert(s->fiber_count == 0);
    stack_pool_done(s);
    free(s->ready);
    free(s->heap);
    free(s);
}

size_t scheduler_run(struct scheduler *s, size_t max_switches)
{
    size_t done = 0;

    assert(!s->running && !s->current);
    s->running = true;
    fire_timers(s);
    while (s->ready_head < s->ready_len && (max_switches == 0 || done < max_switches)) {
        resume(s, take_ready(s));
        done++;
        if (s->ready_head == s->ready_len && max_switches == 0)
            fire_timers(s);
    }
    s->running = false;
    return done;
}

int64_t scheduler_next_due_ms(const struct scheduler *s)
{
    if (s->ready_head < s->ready_len)
        return s->hooks.now_ms(s->hooks.ctx);
    return s->heap_len ? s->heap[0]->due_ms : -1;
}

size_t scheduler_fiber_count(const struct scheduler *s)
{
    return s->fiber_count;
}

void fiber_start(struct scheduler *s, struct group *g, const char *name, fiber_fn fn, void *arg)
{
    struct fiber *f = xcalloc(1, sizeof(*f));

    f->sched = s;
    f->group = g;
    f->name = name;
    f->fn = fn;
    f->arg = arg;
    f->heap_index = SIZE_MAX;
    f->cancelled = g->cancelled || g->io->dead;
    f->stack = stack_take(s);
#if WITH_TSAN
    f->tsan = __tsan_create_fiber(0);
#endif
    getcontext(&f->context);
    f->context.uc_stack.ss_sp = f->stack->base;
    f->context.uc_stack.ss_size = f->stack->size;
    f->context.uc_link = NULL;
    makecontext(&f->context, (void (*)(void))fiber_main, 2, (unsigned)((uintptr_t)f >> 32),
                (unsigned)(uintptr_t)f);
    f->next = s->all;
    if (s->all)
        s->all->prev = f;
    s->all = f;
    s->fiber_count++;
    make_ready(f);
}

struct fiber *fiber_current(struct scheduler *s)
{
    return s->current;
}

int fiber_park(struct scheduler *s, int64_t timeout_ms, bool uncancellable)
{
    struct fiber *f = s->current;

    assert(f);
    if (f->cancelled && !uncancellable)
        return -ERR_CANCELLED;
    f->parked = true;
    f->uncancellable = uncancellable;
    f->wake_code = 0;
    if (timeout_ms >= 0)
        timer_arm(f, s->hooks.now_ms(s->hooks.ctx) + timeout_ms);
    switch_to_loop(f);
    return f->wake_code;
}

void fiber_unpark(struct fiber *f)
{
    if (f->parked)
        wake(f, 0);
}

void fiber_cancel(struct fiber *f)
{
    if (f->cancelled)
        return;
    f->cancelled = true;
    for (struct group *g = f->owned; g; g = g->owned_next)
        group_cancel(g);
    if (f->parked && !f->uncancellable)
        wake(f, -ERR_CANCELLED);
}

struct io *fiber_io(const struct fiber *f)
{
    return f->group->io;
}

bool fiber_is_cancelled(const struct fiber *f)
{
    return f->cancelled;
}

const char *fiber_name(const struct fiber *f)
{
    return f->name;
}

void scheduler_cancel_io(struct scheduler *s, struct io *io)
{
    for (struct fiber *f = s->all; f; f = f->next)
        if (f->group->io == io)
            fiber_cancel(f);
}

static void hold_ready(struct scheduler *s, const struct io *io)
{
    size_t kept = s->ready_head;

    for (size_t i = s->ready_head; i < s->ready_len; i++) {
        struct fiber *f = s->ready[i];

        f->held = f->group->io == io;
        if (!f->held)
            s->ready[kept++] = f;
    }
    s->ready_len = kept;
}

void scheduler_hold_io(struct scheduler *s, struct io *io, bool hold)
{
    if (io->held == hold)
        return;
    io->held = hold;
    if (hold) {
        hold_ready(s, io);
        return;
    }
    for (struct fiber *f = s->all; f; f = f->next)
        if (f->held && f->group->io == io)
            make_ready(f);
}

void scheduler_dump(const struct scheduler *s, struct strbuf *out)
{
    for (const struct fiber *f = s->all; f; f = f->next)
        strbuf_addf(out, "%s: %s%s%s\n", f->name,
                    f == s->current ? "running"
                    : f->parked     ? "parked"
                                    : "ready",
                    f->cancelled ? ", cancelled" : "", f->cond ? ", waits for a condition" : "");
}
