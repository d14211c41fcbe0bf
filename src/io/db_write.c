/*
 * io/db_write.c: group commit. The queue of waiting changes belongs to the loop thread; a batch taken from it
 * belongs to the worker until io_work() is back.
 */
#include "io/db_internal.h"

#include <stdlib.h>

#include "base/mem.h"

enum write_state { WRITE_QUEUED, WRITE_UNDER_WAY, WRITE_DONE };

struct db_write {
    db_fn fn;
    void *arg;
    struct err *e; /* the caller's; may be NULL */
    int rc;
    enum write_state state;
    struct fiber *waiter;
    struct db_write *next;
};

struct batch {
    struct db_conn *conn;
    struct db_write *first;
    uint64_t commits;
};

/* The transaction has gone: whoever believed to be in it, from @from up to @to, learns why. */
static void writes_fail(struct db_write *from, const struct db_write *to, const struct err *why)
{
    for (struct db_write *w = from; w != to; w = w->next)
        if (!w->rc)
            w->rc = err_set(w->e, why->code, "%s", why->msg);
}

/* One change in a savepoint of its own: undone alone when it fails. */
static int write_run(struct db_conn *c, struct db_write *w)
{
    int rc = conn_run(c, "SAVEPOINT change", w->e);

    if (rc)
        return rc;
    rc = w->fn(c, w->arg, w->e);
    conn_finish_all(c);
    if (sqlite3_get_autocommit(c->handle))
        return rc ? rc : conn_fail(c, w->e);
    int undone = rc ? conn_run(c, "ROLLBACK TO change", NULL) : 0;
    int released = undone ? undone : conn_run(c, "RELEASE change", rc ? NULL : w->e);
    return rc ? rc : released;
}

/*
 * One transaction over the writes from @first on. A full disk or an I/O error makes SQLite roll the whole
 * transaction back: those before then fail too, and the rest starts anew. Returns where to go on, or NULL.
 */
static struct db_write *batch_commit(struct batch *b, struct db_write *first)
{
    struct db_conn *c = b->conn;
    struct err e = { 0 };
    struct db_write *w = first;

    if (conn_run(c, "BEGIN IMMEDIATE", &e)) {
        writes_fail(first, NULL, &e);
        return NULL;
    }
    for (; w; w = w->next) {
        w->rc = write_run(c, w);
        if (sqlite3_get_autocommit(c->handle)) {
            err_set(&e, ERR_STORE, "%s: the shared transaction was rolled back by another change", c->path);
            writes_fail(first, w, &e);
            return w->next;
        }
    }
    if (conn_run(c, "COMMIT", &e)) {
        writes_fail(first, NULL, &e);
        (void)conn_run(c, "ROLLBACK", NULL); /* may have happened by itself */
        return NULL;
    }
    b->commits++;
    return NULL;
}

static void batch_work(void *arg)
{
    struct batch *b = arg;

    for (struct db_write *at = b->first; at;)
        at = batch_commit(b, at);
}

static void writes_end(struct db_write *first)
{
    for (struct db_write *w = first, *next; w; w = next) {
        next = w->next; /* once woken, its fiber frees it */
        w->state = WRITE_DONE;
        fiber_unpark(w->waiter);
    }
}

/* Fiber: ships what waits, until nothing waits. */
static void db_ship(void *arg)
{
    struct db *d = arg;

    while (d->first) {
        struct batch b = { .conn = &d->writer, .first = d->first };
        struct err e = { 0 };

        d->first = d->last = NULL;
        for (struct db_write *w = b.first; w; w = w->next)
            w->state = WRITE_UNDER_WAY;
        if (io_work(d->io, batch_work, &b, &e))
            writes_fail(b.first, NULL, &e);
        d->commits += b.commits;
        writes_end(b.first);
    }
    d->shipping = false;
}

static void queue_add(struct db *d, struct db_write *w)
{
    if (d->last)
        d->last->next = w;
    else
        d->first = w;
    d->last = w;
    if (!d->shipping) {
        d->shipping = true;
        group_spawn(d->group, "db writer", db_ship, d);
    }
}

static void queue_remove(struct db *d, const struct db_write *gone)
{
    struct db_write *prev = NULL;

    for (struct db_write *w = d->first; w != gone; w = w->next)
        prev = w;
    if (prev)
        prev->next = gone->next;
    else
        d->first = gone->next;
    if (d->last == gone)
        d->last = prev;
}

static int write_cancelled(const struct db *d, struct err *e)
{
    return err_set(e, ERR_CANCELLED, "%s: cancelled before the change", d->path);
}

int db_write(struct db *d, db_fn fn, void *arg, struct err *e)
{
    struct scheduler *sched = d->io->sched;

    if (d->pg)
        return pg_pool_work(d->pg, &(struct pg_work){ fn, arg, PG_WRITE }, e);
    if (d->io->dead || io_cancelled(d->io))
        return write_cancelled(d, e);
    struct db_write *w = xcalloc(1, sizeof(*w));
    *w = (struct db_write){ .fn = fn, .arg = arg, .e = e, .waiter = fiber_current(sched) };
    queue_add(d, w);
    while (w->state == WRITE_QUEUED) {
        int rc = fiber_park(sched, -1, false);
        if (rc && w->state == WRITE_QUEUED) {
            queue_remove(d, w);
            free(w);
            return write_cancelled(d, e);
        }
    }
    /* Under way: the worker uses the caller's frame, and the caller is owed the truth. */
    while (w->state != WRITE_DONE)
        (void)fiber_park(sched, -1, true);
    int rc = w->rc;
    free(w);
    return rc;
}

int db_write_locking(struct db *d, db_fn fn, void *arg, struct err *e)
{
    return d->pg ? pg_pool_work(d->pg, &(struct pg_work){ fn, arg, PG_LOCKING }, e) : db_write(d, fn, arg, e);
}
