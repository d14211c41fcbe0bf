/* io/real/loop.c: the machine as a world: libuv's loop drives the fibers' scheduler. One thread, one per
 * process. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/mem.h"
#include "base/secret.h"
#include "io/real/real_internal.h"

enum { SWITCHES_PER_TURN = 1000 }; /* then sockets get a look */

/* Time goes on while the machine is suspended: leases run out then, and so has every time-out to. */
#ifdef CLOCK_BOOTTIME
#define STEADY_CLOCK CLOCK_BOOTTIME
#else
#define STEADY_CLOCK CLOCK_MONOTONIC
#endif

struct real_io *real_of(struct io *io)
{
    return (struct real_io *)io;
}

static int64_t clock_ms(clockid_t which)
{
    struct timespec now;

    clock_gettime(which, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t real_now_unix_ms(struct io *io)
{
    (void)io;
    return clock_ms(CLOCK_REALTIME);
}

static int64_t real_now_ms(struct io *io)
{
    (void)io;
    return clock_ms(STEADY_CLOCK);
}

/* Ids are drawn byte by byte, from several threads. What was given out is not kept. */
struct chance {
    unsigned char bytes[256];
    size_t left; /* of the bytes, from the start */
};

static _Thread_local struct chance chance;

static void chance_fill(struct chance *c)
{
    while (c->left < sizeof(c->bytes)) {
        ssize_t n = getrandom(c->bytes + c->left, sizeof(c->bytes) - c->left, 0);

        if (n < 0 && errno != EINTR)
            abort(); /* without chance there are no ids and no keys */
        c->left += n > 0 ? (size_t)n : 0;
    }
}

static void real_random(struct io *io, void *ret, size_t len)
{
    (void)io;
    for (size_t done = 0, n; done < len; done += n) {
        if (chance.left == 0)
            chance_fill(&chance);
        n = len - done < chance.left ? len - done : chance.left;
        chance.left -= n;
        memcpy((char *)ret + done, chance.bytes + chance.left, n);
        mem_wipe(chance.bytes + chance.left, n);
    }
}

static const char *real_env(struct io *io, const char *name)
{
    (void)io;
    return getenv(name);
}

static const char *const *real_env_all(struct io *io, struct arena *a)
{
    size_t n = 0;
    const char **copy;

    (void)io;
    while (environ[n])
        n++;
    copy = arena_array(a, n + 1, sizeof(*copy));
    for (size_t i = 0; i < n; i++)
        copy[i] = environ[i];
    return copy;
}

/* --- turning the scheduler
 * ----------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *t)
{
    (void)t; /* its purpose was to end the loop's sleep */
}

static void on_idle(uv_idle_t *i)
{
    (void)i;
}

static void turn(struct real_io *r)
{
    int64_t due = 0;

    scheduler_run(r->io.sched, SWITCHES_PER_TURN);
    due = scheduler_next_due_ms(r->io.sched);
    uv_idle_stop(&r->idle);
    uv_timer_stop(&r->timer);
    if (r->finished && scheduler_fiber_count(r->io.sched) == 0) {
        uv_stop(&r->loop);
        uv_idle_start(&r->idle, on_idle);
    } else if (due >= 0) {
        int64_t wait = due - clock_ms(STEADY_CLOCK);

        uv_update_time(&r->loop);
        if (wait <= 0)
            uv_idle_start(&r->idle, on_idle);
        else
            uv_timer_start(&r->timer, on_timer, (uint64_t)wait, 0);
    }
}

static void on_prepare(uv_prepare_t *p)
{
    turn(p->data);
}

static void on_check(uv_check_t *c)
{
    turn(c->data);
}

static int64_t hook_now_ms(void *ctx)
{
    (void)ctx;
    return clock_ms(STEADY_CLOCK);
}

/* --- work
 * ---------------------------------------------------------------------------------------------------- */

struct work {
    uv_work_t request;
    void (*fn)(void *arg);
    void *arg;
    struct fiber *waiter;
    bool done;
};

static void work_run(uv_work_t *w)
{
    struct work *work = w->data;

    work->fn(work->arg);
}

static void work_after(uv_work_t *w, int status)
{
    struct work *work = w->data;

    (void)status;
    work->done = true;
    fiber_unpark(work->waiter);
}

static int real_work(struct io *io, void (*fn)(void *arg), void *arg, struct err *e)
{
    struct real_io *r = real_of(io);
    struct work work = { .fn = fn, .arg = arg, .waiter = fiber_current(io->sched) };
    int rc = 0;

    work.request.data = &work;
    rc = uv_queue_work(&r->loop, &work.request, work_run, work_after);
    if (rc)
        return err_set_os(e, -rc, "cannot start work on a thread");
    while (!work.done)
        (void)fiber_park(io->sched, -1, true); /* the request lives on this stack */
    return 0;
}

/* --- signals
 * ------------------------------------------------------------------------------------------------- */

static void on_signal(uv_signal_t *s, int number)
{
    struct real_io *r = s->data;

    r->last_signal = number;
    r->signal_count++;
    cond_broadcast(&r->io, &r->signals);
}

static int real_signal_wait(struct io *io, int *ret_signal, struct err *e)
{
    static const int numbers[3] = { SIGTERM, SIGINT, SIGHUP };
    struct real_io *r = real_of(io);
    uint64_t before = r->signal_count;
    int rc = 0;

    for (size_t i = 0; r->signal_waiters == 0 && i < ARRAY_LEN(numbers); i++)
        uv_signal_start(&r->signal_handles[i], on_signal, numbers[i]);
    r->signal_waiters++;
    while (rc == 0 && r->signal_count == before)
        rc = cond_wait(io, &r->signals, -1, e);
    r->signal_waiters--;
    for (size_t i = 0; r->signal_waiters == 0 && i < ARRAY_LEN(numbers); i++)
        uv_signal_stop(&r->signal_handles[i]);
    if (rc == 0)
        *ret_signal = r->last_signal;
    return rc;
}

/* --- the world
 * ----------------------------------------------------------------------------------------------- */

static const struct io_ops real_ops = {
    .now_unix_ms = real_now_unix_ms,
    .now_ms = real_now_ms,
    .random = real_random,
    .http_send = real_http_send,
    .http_listen = real_http_listen,
    .http_server_port = real_http_server_port,
    .http_server_close = real_http_server_close,
    .work = real_work,
    .proc_spawn = real_proc_spawn,
    .proc_pid = real_proc_pid,
    .proc_read_line = real_proc_read_line,
    .proc_wait = real_proc_wait,
    .proc_signal_group = real_proc_signal_group,
    .proc_free = real_proc_free,
    .signal_wait = real_signal_wait,
    .env = real_env,
    .env_all = real_env_all,
};

struct first {
    struct real_io *r;
    io_main_fn fn;
    void *arg;
    struct err *e;
    int rc;
};

static void first_fiber(void *arg)
{
    struct first *f = arg;

    f->rc = f->fn(&f->r->io, f->arg, f->e);
    f->r->finished = true;
}

static void close_handle(uv_handle_t *h, void *arg)
{
    (void)arg;
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}

static int real_init(struct real_io *r, struct err *e)
{
    int rc = uv_loop_init(&r->loop);

    if (rc)
        return err_set_os(e, -rc, "cannot make the event loop");
    uv_prepare_init(&r->loop, &r->prepare);
    uv_check_init(&r->loop, &r->check);
    uv_idle_init(&r->loop, &r->idle);
    uv_timer_init(&r->loop, &r->timer);
    uv_signal_init(&r->loop, &r->child_signal);
    r->prepare.data = r->check.data = r->child_signal.data = r;
    for (size_t i = 0; i < ARRAY_LEN(r->signal_handles); i++) {
        uv_signal_init(&r->loop, &r->signal_handles[i]);
        r->signal_handles[i].data = r;
    }
    uv_prepare_start(&r->prepare, on_prepare);
    uv_check_start(&r->check, on_check);
    uv_idle_start(&r->idle, on_idle); /* the first turn comes at once */
    return 0;
}

int io_real_run(io_main_fn fn, void *arg, struct err *e)
{
    struct real_io *r = xcalloc(1, sizeof(*r));
    struct scheduler_hooks hooks = { .now_ms = hook_now_ms, .ctx = r };
    struct first first = { .r = r, .fn = fn, .arg = arg, .e = e };
    struct group *g = NULL;

    if (real_init(r, e)) {
        free(r);
        return -ERR_OS;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file over its limit is a full disk to its writer */
    r->io.ops = &real_ops;
    r->io.sched = scheduler_new(&hooks);
    g = group_new(&r->io);
    group_spawn(g, "main", first_fiber, &first);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    group_free(g);
    real_http_client_done(r);
    uv_walk(&r->loop, close_handle, NULL);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    real_procs_end(r);
    (void)uv_loop_close(&r->loop);
    scheduler_free(r->io.sched);
    free(r);
    return first.rc;
}
