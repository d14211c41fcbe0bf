/*
 * io/sim/sim.c: the simulated world: clock, chance, nodes and their boots, steps, and the trace. Owns all
 * nodes and the scheduler. The network is in sim_net.c, processes are in sim_proc.c.
 */
#include "io/sim/sim_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Where virtual wall clocks start: 2026-01-01T00:00:00Z. */
static const int64_t EPOCH_UNIX_MS = 1767225600000;
enum { WORK_MAX_MS = 8, WORK_MAX_CHANGES = 40 /* of the disk: a small commit has about ten */ };

/* --- chance: SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014) --- */
uint64_t sim_draw(struct sim *s, enum sim_stream stream)
{
    s->random[stream] += 0x9e3779b97f4a7c15u;
    uint64_t z = s->random[stream];
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double sim_draw_unit(struct sim *s, enum sim_stream stream)
{
    return (double)(sim_draw(s, stream) >> 11) / 9007199254740992.0; /* 2^53 */
}

int64_t sim_draw_range(struct sim *s, enum sim_stream stream, int64_t min, int64_t max)
{
    assert(min <= max);
    return min + (int64_t)(sim_draw(s, stream) % ((uint64_t)(max - min) + 1));
}

uint64_t sim_random(struct sim *s)
{
    return sim_draw(s, SIM_HARNESS);
}

int64_t sim_random_range(struct sim *s, int64_t min, int64_t max)
{
    return sim_draw_range(s, SIM_HARNESS, min, max);
}

double sim_random_unit(struct sim *s)
{
    return sim_draw_unit(s, SIM_HARNESS);
}

/* --- trace ---------------------------------------------------------------------------------------------- */
static void trace_vadd(struct sim *s, const char *fmt, va_list ap) PRINTF(2, 0);

static void trace_vadd(struct sim *s, const char *fmt, va_list ap)
{
    AUTO_STRBUF struct strbuf b = STRBUF(4096);
    char **slot = &s->trace[s->trace_count++ % SIM_TRACE_LINES];

    strbuf_addf(&b, "%9lld ", (long long)s->now_ms);
    strbuf_vaddf(&b, fmt, ap);
    for (const char *p = strbuf_cstr(&b); *p; p++)
        s->trace_hash = (s->trace_hash ^ (unsigned char)*p) * 0x100000001b3u; /* FNV-1a */
    s->trace_hash = (s->trace_hash ^ '\n') * 0x100000001b3u;
    free(*slot);
    *slot = xstrdup(strbuf_cstr(&b));
    if (s->watch)
        s->watch(s->watch_ctx, *slot);
}

void sim_watch(struct sim *s, sim_line_fn fn, void *ctx)
{
    s->watch = fn;
    s->watch_ctx = ctx;
}

void sim_describe(struct sim *s, sim_describe_fn fn, void *ctx)
{
    s->describe = fn;
    s->describe_ctx = ctx;
}

void sim_trace_add(struct sim *s, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    trace_vadd(s, fmt, ap);
    va_end(ap);
}

void sim_note(struct sim *s, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    trace_vadd(s, fmt, ap);
    va_end(ap);
}

void sim_trace(const struct sim *s, struct strbuf *out)
{
    uint64_t from = s->trace_count > SIM_TRACE_LINES ? s->trace_count - SIM_TRACE_LINES : 0;

    for (uint64_t i = from; i < s->trace_count; i++) {
        strbuf_addz(out, s->trace[i % SIM_TRACE_LINES]);
        strbuf_addc(out, '\n');
    }
}

uint64_t sim_trace_hash(const struct sim *s)
{
    return s->trace_hash;
}

void sim_fibers(const struct sim *s, struct strbuf *out)
{
    scheduler_dump(s->sched, out);
}

/* --- what a node's world does --------------------------------------------------------------------------- */
struct boot *boot_of(struct io *io)
{
    return (struct boot *)(void *)((char *)io - offsetof(struct boot, io));
}

static struct sim *sim_of(struct io *io)
{
    return boot_of(io)->node->sim;
}

static int64_t sim_op_now_unix_ms(struct io *io)
{
    const struct sim_node *n = boot_of(io)->node;
    int64_t now_ms = n->sim->now_ms;

    return EPOCH_UNIX_MS + now_ms + n->clock_off_ms +
           (now_ms - n->clock_set_ms) * n->clock_drift_ppm / 1000000;
}

static int64_t sim_op_now_ms(struct io *io)
{
    return sim_of(io)->now_ms;
}

static void sim_op_random(struct io *io, void *ret, size_t len)
{
    for (size_t at = 0; at < len;) {
        uint64_t r = sim_draw(sim_of(io), SIM_NODES);
        size_t n = len - at < sizeof(r) ? len - at : sizeof(r);
        memcpy((char *)ret + at, &r, n);
        at += n;
    }
}

/* A wait that only time ends, for work that a cancelled fiber has to see through. */
struct pause {
    struct sim *sim;
    struct fiber *waiter;
    int64_t ms;
    bool over;
};

static void pause_run(void *arg)
{
    struct pause *p = arg;

    int rc = io_sleep(&p->sim->net, p->ms, NULL);
    (void)rc; /* cancelled only while the whole world ends */
    p->over = true;
    fiber_unpark(p->waiter);
}

static void sim_pause(struct sim *s, int64_t ms)
{
    struct pause p = { .sim = s, .waiter = fiber_current(s->sched), .ms = ms };

    group_spawn(s->net_group, "worker", pause_run, &p);
    while (!p.over)
        (void)fiber_park(s->sched, -1, true);
}

/* Its thread got to some change of the disk, or to its end; a third of it had not begun. */
static void work_at_kill(struct sim_node *n, void (*fn)(void *arg), void *arg)
{
    int64_t got_to = sim_draw_range(n->sim, SIM_NODES, -WORK_MAX_CHANGES, WORK_MAX_CHANGES);

    sim_trace_add(n->sim, "%s: work under way at the kill %s", n->name, got_to > 0 ? "got on" : "was lost");
    if (got_to <= 0)
        return;
    sim_disk_stop(n->disk, got_to);
    fn(arg);
    sim_disk_stop(n->disk, 0);
}

static int sim_op_work(struct io *io, void (*fn)(void *arg), void *arg, struct err *e)
{
    struct sim *s = sim_of(io);
    const char *name = boot_of(io)->node->name;

    if (io->dead || io_cancelled(io))
        return err_set(e, ERR_CANCELLED, "cancelled");
    sim_pause(s, sim_draw_range(s, SIM_NODES, 0, WORK_MAX_MS));
    if (!io->dead) {
        fn(arg);
        if (!io->dead) /* it may be killed at any change of the disk */
            return 0;
    } else {
        work_at_kill(boot_of(io)->node, fn, arg);
    }
    return err_set(e, ERR_CANCELLED, "%s was killed", name);
}

static int sim_op_signal_wait(struct io *io, int *ret_signal, struct err *e)
{
    struct boot *b = boot_of(io);
    int rc = 0;

    b->signal_waiters++;
    while (!rc && !b->signal)
        rc = cond_wait(io, &b->signalled, -1, e);
    b->signal_waiters--;
    if (rc)
        return rc;
    *ret_signal = b->signal;
    b->signal = 0;
    return 0;
}

static const char *sim_op_env(struct io *io, const char *name)
{
    return map_get(boot_of(io)->node->env, str_of(name));
}

struct env_list {
    struct arena *a;
    const char **at;
    size_t len;
};

static bool visit_env(struct str key, void *value, void *ctx)
{
    struct env_list *list = ctx;

    list->at[list->len++] = arena_printf(list->a, "%.*s=%s", STR_ARG(key), (const char *)value);
    return true;
}

static const char *const *sim_op_env_all(struct io *io, struct arena *a)
{
    struct map *env = boot_of(io)->node->env;
    struct env_list list = { .a = a, .at = arena_array(a, map_count(env) + 1, sizeof(char *)) };

    map_each(env, visit_env, &list);
    return list.at;
}

static const struct io_ops sim_ops = {
    .now_unix_ms = sim_op_now_unix_ms,
    .now_ms = sim_op_now_ms,
    .random = sim_op_random,
    .http_send = sim_http_send,
    .http_listen = sim_http_listen,
    .http_server_port = sim_http_server_port,
    .http_server_close = sim_http_server_close,
    .work = sim_op_work,
    .proc_spawn = sim_proc_spawn,
    .proc_pid = sim_proc_pid,
    .proc_read_line = sim_proc_read_line,
    .proc_wait = sim_proc_wait,
    .proc_signal_group = sim_proc_signal_group,
    .proc_free = sim_proc_free,
    .signal_wait = sim_op_signal_wait,
    .env = sim_op_env,
    .env_all = sim_op_env_all,
};

/* --- the network's own world: its fibers only sleep ----------------------------------------------------- */
static struct sim *net_sim(struct io *io)
{
    return (struct sim *)(void *)((char *)io - offsetof(struct sim, net));
}

static int64_t net_now_ms(struct io *io)
{
    return net_sim(io)->now_ms;
}

static const struct io_ops net_ops = { .now_unix_ms = net_now_ms, .now_ms = net_now_ms };

/* --- the world ------------------------------------------------------------------------------------------ */
static int64_t hook_now_ms(void *ctx)
{
    return ((struct sim *)ctx)->now_ms;
}

static void hook_wake(void *ctx)
{
    (void)ctx; /* sim_step() looks anyway */
}

static size_t hook_pick(void *ctx, size_t n)
{
    return n == 1 ? 0 : (size_t)sim_draw_range(ctx, SIM_SCHEDULING, 0, (int64_t)n - 1);
}

struct sim *sim_new(uint64_t seed)
{
    struct sim *s = xcalloc(1, sizeof(*s));

    for (unsigned i = 0; i < SIM_STREAMS; i++) {
        s->random[i] = seed * SIM_STREAMS + i;
        s->random[i] = sim_draw(s, i); /* neighbouring seeds start far apart */
    }
    s->trace_hash = 0xcbf29ce484222325u;
    s->next_pid = 100;
    s->sched = scheduler_new(
        &(struct scheduler_hooks){ .now_ms = hook_now_ms, .wake = hook_wake, .pick = hook_pick, .ctx = s });
    s->net = (struct io){ .ops = &net_ops, .sched = s->sched };
    s->net_group = group_new(&s->net);
    s->programs = map_new();
    s->missing = map_new();
    return s;
}

void sim_set_faults(struct sim *s, const struct sim_faults *f)
{
    s->faults = *f;
    sim_trace_add(s,
                  "faults: delay %lld..%lld ms, drop %.3f/%.3f, dup %.3f, cut %.3f, wrong answers %.3f, "
                  "kill %.4f, disk %.4f/%.4f/%.4f",
                  (long long)f->delay_min_ms, (long long)f->delay_max_ms, f->drop_request, f->drop_reply,
                  f->duplicate, f->cut_reply,
                  f->answer_429 + f->answer_500 + f->answer_503 + f->answer_html + f->answer_gateway +
                      f->answer_refused + f->answer_missing,
                  f->kill_node, f->disk_full, f->short_write, f->fsync_fails);
}

static bool sim_advance(struct sim *s)
{
    if (scheduler_run(s->sched, 1))
        return true;
    int64_t due = scheduler_next_due_ms(s->sched);
    if (due < 0)
        return false;
    if (due > s->now_ms)
        s->now_ms = due;
    return true;
}

bool sim_step(struct sim *s)
{
    for (size_t i = 0; s->faults.kill_node > 0 && i < s->nodes.len; i++) {
        struct sim_node *n = s->nodes.items[i];
        if (n->killable && n->up && sim_draw_unit(s, SIM_NODES) < s->faults.kill_node)
            sim_node_kill(n);
    }
    return sim_advance(s);
}

int64_t sim_now_ms(const struct sim *s)
{
    return s->now_ms;
}

/* --- nodes ---------------------------------------------------------------------------------------------- */
struct sim_node *sim_node_new(struct sim *s, const char *name)
{
    struct sim_node *n = xcalloc(1, sizeof(*n));

    n->sim = s;
    n->name = xstrdup(name);
    n->env = map_new();
    n->disk = sim_disk_new(n);
    vec_push(&s->nodes, n);
    return n;
}

struct io *sim_node_io(struct sim_node *n)
{
    return n->boot ? &n->boot->io : NULL;
}

static void boot_main(void *arg)
{
    struct boot *b = arg;
    struct sim_node *n = b->node;

    if (b->before) {
        group_wait(b->before->mains);
        group_wait(b->before->processes);
    }
    if (b->io.dead)
        return;
    sim_disk_boot(n->disk);
    sim_trace_add(n->sim, "%s: up", n->name);
    b->fn(&b->io, b->arg);
    if (b->io.dead || n->boot != b)
        return;
    sim_trace_add(n->sim, "%s: ended", n->name);
    n->up = false;
}

void sim_node_start(struct sim_node *n, sim_main_fn fn, void *arg)
{
    assert(!n->up);
    struct boot *b = xcalloc(1, sizeof(*b));

    b->io = (struct io){ .ops = &sim_ops, .sched = n->sim->sched, .vfs = n->disk->vfs_name };
    b->node = n;
    b->before = n->boot;
    b->mains = group_new(&b->io);
    b->processes = group_new(&b->io);
    b->fn = fn;
    b->arg = arg;
    b->last_port = 40000;
    n->boot = b;
    n->up = true;
    group_spawn(b->mains, n->name, boot_main, b);
}

static void servers_forget(struct sim *s, const struct boot *gone)
{
    for (size_t i = s->servers.len; i-- > 0;) {
        const struct http_server *server = s->servers.items[i];
        if (server->boot == gone)
            vec_remove(&s->servers, i);
    }
}

static void node_kill(struct sim_node *n, bool power)
{
    sim_trace_add(n->sim, "%s: %s", n->name, power ? "power cut" : "killed");
    n->disk->power_lost |= power;
    sim_disk_stop(n->disk, 0);
    sim_node_freeze(n, false);
    n->up = false;
    n->boot->io.dead = true;
    servers_forget(n->sim, n->boot);
    scheduler_cancel_io(n->sim->sched, &n->boot->io);
}

void sim_node_kill(struct sim_node *n)
{
    if (n->up)
        node_kill(n, sim_draw_unit(n->sim, SIM_DISKS) < n->sim->faults.power_cut);
}

void sim_node_cut_power(struct sim_node *n)
{
    if (n->up)
        node_kill(n, true);
}

void sim_node_stop_disk(struct sim_node *n, int64_t changes)
{
    sim_disk_stop(n->disk, changes);
}

void sim_node_lose_disk(struct sim_node *n)
{
    assert(!n->up);
    n->disk->lost = true;
}

bool sim_node_disk_holds(const struct sim_node *n, const char *text)
{
    return sim_disk_holds(n->disk, str_of(text));
}

void sim_node_set_disk_faults(struct sim_node *n, bool on)
{
    n->disk->faulty = on;
}

void sim_node_freeze(struct sim_node *n, bool frozen)
{
    if (!n->up || n->boot->io.held == frozen)
        return;
    sim_trace_add(n->sim, "%s: %s", n->name, frozen ? "frozen" : "thawed");
    scheduler_hold_io(n->sim->sched, &n->boot->io, frozen);
}

bool sim_node_is_frozen(const struct sim_node *n)
{
    return n->up && n->boot->io.held;
}

bool sim_node_is_up(const struct sim_node *n)
{
    return n->up;
}

void sim_node_set_killable(struct sim_node *n, bool killable)
{
    n->killable = killable;
}

void sim_node_set_trusted(struct sim_node *n, bool trusted)
{
    n->trusted = trusted;
}

void sim_node_signal(struct sim_node *n, int signal)
{
    if (!n->up)
        return;
    sim_trace_add(n->sim, "%s: signal %d", n->name, signal);
    if (!n->boot->signal_waiters) {
        sim_node_kill(n);
        return;
    }
    n->boot->signal = signal;
    cond_broadcast(&n->boot->io, &n->boot->signalled);
}

void sim_node_cut(struct sim_node *from, struct sim_node *to, bool cut)
{
    if (sim_is_cut(from, to) == cut)
        return;
    sim_trace_add(from->sim, "%s %s reach %s", from->name, cut ? "cannot" : "can again", to->name);
    if (cut)
        vec_push(&from->cut_from, to);
    else
        vec_remove_item(&from->cut_from, to);
}

bool sim_is_cut(const struct sim_node *from, const struct sim_node *to)
{
    for (size_t i = 0; i < from->cut_from.len; i++)
        if (from->cut_from.items[i] == to)
            return true;
    return false;
}

void sim_node_set_clock(struct sim_node *n, int64_t off_ms, int64_t drift_ppm)
{
    sim_trace_add(n->sim, "%s: its wall clock is off by %lld ms, and drifts by %lld ppm", n->name,
                  (long long)off_ms, (long long)drift_ppm);
    n->clock_off_ms = off_ms;
    n->clock_set_ms = n->sim->now_ms;
    n->clock_drift_ppm = drift_ppm;
}

void sim_node_set_env(struct sim_node *n, const char *name, const char *value)
{
    free(map_put(n->env, str_of(name), xstrdup(value)));
}

static bool visit_free(struct str key, void *value, void *ctx)
{
    (void)key;
    (void)ctx;
    free(value);
    return true;
}

static void node_free(struct sim_node *n)
{
    for (struct boot *b = n->boot, *before; b; b = before) {
        before = b->before;
        group_free(b->mains);
        group_free(b->processes);
        free(b);
    }
    sim_disk_free(n->disk);
    map_each(n->env, visit_free, NULL);
    map_free(n->env);
    vec_done(&n->cut_from);
    free(n->name);
    free(n);
}

void sim_free(struct sim *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->nodes.len; i++)
        sim_node_kill(s->nodes.items[i]);
    group_cancel(s->net_group);
    while (scheduler_fiber_count(s->sched) > 0) {
        bool more = sim_advance(s);
        assert(more); /* else a fiber waits for nobody: see sim_fibers() */
    }
    for (size_t i = 0; i < s->nodes.len; i++)
        node_free(s->nodes.items[i]);
    vec_done(&s->nodes);
    vec_done(&s->servers);
    group_free(s->net_group);
    map_each(s->programs, visit_free, NULL);
    map_free(s->programs);
    map_free(s->missing);
    scheduler_free(s->sched);
    for (size_t i = 0; i < SIM_TRACE_LINES; i++)
        free(s->trace[i]);
    free(s);
}
