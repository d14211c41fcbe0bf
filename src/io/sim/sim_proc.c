/*
 * io/sim/sim_proc.c: child processes as functions on fibers. A process is shared by the one who started it
 * and its own fiber; the last frees it.
 */
#include "io/sim/sim_internal.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { MAX_LINE = 64 * 1024 };

struct program {
    sim_program_fn fn;
    void *ctx;
};

struct sim_process { /* what io/proc.h calls struct proc */
    struct io_object object;
    struct sim *sim;
    unsigned refs;
    int64_t pid;
    const char *name;
    sim_program_fn fn;
    void *ctx;
    struct arena *a; /* argv and env */
    const char *const *argv, *const *env;
    struct vec lines; /* printed, not yet read; owned */
    int signal;       /* the last one not yet seen by the program; SIGKILL stays */
    bool ended;
    int status;
    struct cond changed; /* for readers and waiters */
    struct cond woken;   /* for the program */
};

static struct sim_process *process_of(const struct proc *p)
{
    return (struct sim_process *)(uintptr_t)p;
}

static void process_unref(struct sim_process *p)
{
    if (--p->refs)
        return;
    while (p->lines.len)
        free(vec_pop(&p->lines));
    vec_done(&p->lines);
    arena_free(p->a);
    free(p);
}

void sim_program_add(struct sim *s, const char *name, sim_program_fn fn, void *ctx)
{
    struct program *program = xcalloc(1, sizeof(*program));

    program->fn = fn;
    program->ctx = ctx;
    free(map_put(s->programs, str_of(name), program));
}

static const char *const *copy_list(struct arena *a, const char *const *list)
{
    size_t n = 0;

    while (list && list[n])
        n++;
    const char **copy = arena_array(a, n + 1, sizeof(*copy));
    for (size_t i = 0; i < n; i++)
        copy[i] = arena_strdup(a, list[i]);
    return copy;
}

static void process_end(struct sim_process *p, int status)
{
    if (p->ended)
        return;
    p->ended = true;
    p->status = status;
    if (!p->object.io->dead)
        sim_trace_add(p->sim, "process %lld %s ends with %d", (long long)p->pid, p->name, status);
    cond_broadcast(p->object.io, &p->changed);
}

static void process_run(void *arg)
{
    struct sim_process *p = arg;

    if (p->signal != SIGKILL)
        process_end(p, p->fn(p, p->argv, p->env));
    process_unref(p);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

int sim_proc_spawn(struct io *io, const struct proc_options *o, struct proc **ret, struct err *e)
{
    struct boot *b = boot_of(io);
    struct sim *s = b->node->sim;

    if (io->dead || io_cancelled(io))
        return err_set(e, ERR_CANCELLED, "cancelled");
    const char *name = base_name(o->argv[0]);
    const struct program *program = map_get(s->programs, str_of(name));
    if (!program)
        return err_set(e, ERR_NOT_FOUND, "%s: no such program", o->argv[0]);
    struct sim_process *p = xcalloc(1, sizeof(*p));
    p->object.io = io;
    p->sim = s;
    p->refs = 2;
    p->pid = ++s->next_pid;
    p->fn = program->fn;
    p->ctx = program->ctx;
    p->a = arena_new();
    p->name = arena_strdup(p->a, name);
    p->argv = copy_list(p->a, o->argv);
    p->env = copy_list(p->a, o->env);
    sim_trace_add(s, "%s: process %lld is %s", b->node->name, (long long)p->pid, name);
    group_spawn(b->processes, "process", process_run, p);
    *ret = (struct proc *)(void *)p;
    return 0;
}

/* Until there is something to tell, or the node dies: then its parent hears nothing more. */
static int process_changed_wait(struct sim_process *p, bool line_counts, struct err *e)
{
    int rc = 0;

    while (!rc && !p->ended && !(line_counts && p->lines.len > 0))
        rc = cond_wait(p->object.io, &p->changed, -1, e);
    if (!rc && p->object.io->dead)
        rc = err_set(e, ERR_CANCELLED, "%s: cancelled", p->name);
    return rc;
}

int64_t sim_proc_pid(const struct proc *proc)
{
    return process_of(proc)->pid;
}

int sim_proc_read_line(struct proc *proc, struct strbuf *line, enum proc_stream *ret_stream, struct err *e)
{
    struct sim_process *p = process_of(proc);

    strbuf_reset(line);
    int rc = process_changed_wait(p, true, e);
    if (rc)
        return rc;
    if (p->lines.len == 0)
        return err_set(e, ERR_NOT_FOUND, "%s: no more output", p->name);
    char *text = p->lines.items[0];
    vec_remove(&p->lines, 0);
    strbuf_addz(line, text);
    free(text);
    *ret_stream = PROC_STDOUT;
    return 0;
}

int sim_proc_wait(struct proc *proc, int *ret_status, struct err *e)
{
    struct sim_process *p = process_of(proc);
    int rc = process_changed_wait(p, false, e);

    if (rc)
        return rc;
    *ret_status = p->status;
    return 0;
}

static void process_signal(struct sim_process *p, int signal)
{
    if (p->ended || p->signal == SIGKILL)
        return;
    p->signal = signal;
    if (signal == SIGKILL)
        process_end(p, 128 + SIGKILL);
    cond_broadcast(p->object.io, &p->woken);
}

void sim_proc_signal_group(struct proc *proc, int signal)
{
    struct sim_process *p = process_of(proc);

    if (!p->ended && !p->object.io->dead)
        sim_trace_add(p->sim, "process %lld %s gets signal %d", (long long)p->pid, p->name, signal);
    process_signal(p, signal);
}

void sim_proc_free(struct proc *proc)
{
    struct sim_process *p = process_of(proc);

    process_signal(p, SIGKILL);
    process_unref(p);
}

void *sim_process_ctx(const struct sim_process *p)
{
    return p->ctx;
}

void sim_process_print(struct sim_process *p, const char *line)
{
    if (p->ended || p->object.io->dead)
        return;
    vec_push(&p->lines, xstrndup(line, strnlen(line, MAX_LINE)));
    cond_broadcast(p->object.io, &p->changed);
}

int sim_process_sleep(struct sim_process *p, int64_t ms, int *ret_signal)
{
    int64_t end_ms = p->sim->now_ms + ms;
    int rc = 0;

    while (!rc && !p->signal)
        rc = cond_wait(p->object.io, &p->woken, end_ms > p->sim->now_ms ? end_ms - p->sim->now_ms : 0, NULL);
    if (rc == -ERR_CANCELLED)
        p->signal = SIGKILL; /* its node died */
    if (!p->signal)
        return 0;
    *ret_signal = p->signal;
    if (p->signal != SIGKILL)
        p->signal = 0;
    return -ERR_CANCELLED;
}
