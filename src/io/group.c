/* io/group.c: groups of fibers, conditions, sleeping: what fibers do with each other. */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "io/fiber_internal.h"

struct group *group_new(struct io *io)
{
    struct group *g = xcalloc(1, sizeof(*g));
    struct fiber *owner = fiber_current(io->sched);

    g->io = io;
    g->owner = owner;
    if (!owner)
        return g;
    g->cancelled = owner->cancelled;
    g->owned_next = owner->owned;
    if (owner->owned)
        owner->owned->owned_prev = g;
    owner->owned = g;
    return g;
}

/* The maker has gone: nobody's cancellation reaches the group any more but group_cancel(). */
void group_owner_ended(struct fiber *f)
{
    while (f->owned) {
        struct group *g = f->owned;

        f->owned = g->owned_next;
        g->owner = NULL;
        g->owned_prev = g->owned_next = NULL;
    }
}

void group_spawn(struct group *g, const char *name, fiber_fn fn, void *arg)
{
    g->count++;
    fiber_start(g->io->sched, g, name, fn, arg);
}

void group_cancel(struct group *g)
{
    struct scheduler *s = g->io->sched;

    g->cancelled = true;
    for (struct fiber *f = s->all; f; f = f->next)
        if (f->group == g)
            fiber_cancel(f);
}

void group_fiber_ended(struct group *g)
{
    g->count--;
    if (g->count == 0)
        cond_broadcast(g->io, &g->empty);
}

static void cond_unlink(struct fiber *f)
{
    struct cond *c = f->cond;

    if (!c)
        return;
    if (f->cond_prev)
        f->cond_prev->cond_next = f->cond_next;
    else
        c->first = f->cond_next;
    if (f->cond_next)
        f->cond_next->cond_prev = f->cond_prev;
    else
        c->last = f->cond_prev;
    f->cond = NULL;
    f->cond_next = f->cond_prev = NULL;
}

static int cond_park(struct io *io, struct cond *c, int64_t timeout_ms, bool uncancellable)
{
    struct fiber *f = fiber_current(io->sched);
    int rc = 0;

    assert(f && !f->cond);
    f->cond = c;
    f->cond_prev = c->last;
    if (c->last)
        c->last->cond_next = f;
    else
        c->first = f;
    c->last = f;
    rc = fiber_park(io->sched, timeout_ms, uncancellable);
    cond_unlink(f);
    return rc;
}

void group_wait(struct group *g)
{
    while (g->count > 0)
        (void)cond_park(g->io, &g->empty, -1, true);
}

size_t group_count(const struct group *g)
{
    return g->count;
}

void group_free(struct group *g)
{
    if (!g)
        return;
    assert(g->count == 0);
    if (g->owner) {
        if (g->owned_prev)
            g->owned_prev->owned_next = g->owned_next;
        else
            g->owner->owned = g->owned_next;
        if (g->owned_next)
            g->owned_next->owned_prev = g->owned_prev;
    }
    free(g);
}

void group_end(struct group *g)
{
    group_cancel(g);
    group_wait(g);
    group_free(g);
}

int cond_wait(struct io *io, struct cond *c, int64_t timeout_ms, struct err *e)
{
    int rc = cond_park(io, c, timeout_ms, false);

    if (rc == -ERR_TIMEOUT)
        return err_set(e, ERR_TIMEOUT, "nothing happened in %lld ms", (long long)timeout_ms);
    return rc ? err_set(e, ERR_CANCELLED, "asked to stop") : 0;
}

void cond_signal(struct io *io, struct cond *c)
{
    struct fiber *f = c->first;

    (void)io;
    if (!f)
        return;
    cond_unlink(f);
    fiber_unpark(f);
}

void cond_broadcast(struct io *io, struct cond *c)
{
    while (c->first)
        cond_signal(io, c);
}

int io_sleep(struct io *io, int64_t ms, struct err *e)
{
    int rc = fiber_park(io->sched, ms < 0 ? 0 : ms, false);

    return rc == -ERR_CANCELLED ? err_set(e, ERR_CANCELLED, "asked to stop") : 0;
}

bool io_cancelled(struct io *io)
{
    const struct fiber *f = fiber_current(io->sched);

    return io->dead || (f && f->cancelled);
}
