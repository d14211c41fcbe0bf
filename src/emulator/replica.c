/* emulator/replica.c: the programs of a live job: started, read line by line, stopped. */
#include <signal.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "emulator/builtin.h"
#include "emulator/run.h"

#include <stdlib.h>

enum { TAIL_MAX = 3000, TAIL_KEEP = 1500, DRAIN_MS = 2000, START_ERROR_STATUS = 128 };

/* What a container finds in a fresh image; an image table entry may set another. */
static const char container_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static void tail_add(struct strbuf *tail, struct str line)
{
    line = str_sub(line, line.len > TAIL_KEEP ? line.len - TAIL_KEEP : 0, line.len);
    if (tail->len + line.len + 1 > TAIL_MAX) {
        char *kept = xstrndup(tail->ptr + tail->len - (tail->len < TAIL_KEEP ? tail->len : TAIL_KEEP),
                              tail->len < TAIL_KEEP ? tail->len : TAIL_KEEP);

        strbuf_reset(tail);
        strbuf_addz(tail, kept);
        free(kept);
    }
    strbuf_add(tail, line);
    strbuf_addc(tail, '\n');
}

static void reader_main(void *arg)
{
    struct replica *r = arg;
    AUTO_STRBUF struct strbuf line = STRBUF(256 * 1024);
    enum proc_stream stream;
    struct err e;

    while (!proc_read_line(r->proc, &line, &stream, &e)) {
        if (stream == PROC_STDERR)
            tail_add(&r->tail, strbuf_str(&line));
        log_line(r->run->m, r->run->row.id, r->task, stream == PROC_STDERR ? "ERROR" : "INFO",
                 strbuf_str(&line));
    }
    r->reader_done = true;
    cond_broadcast(r->run->m->io, &r->drained);
}

/* Read and wait side by side: a child of the program may hold its output open long after it has ended. */
static void replica_attend(struct replica *r)
{
    struct io *io = r->run->m->io;
    struct group *reader = group_new(io);
    struct err e = { 0 };
    int status = 0;

    group_spawn(reader, "emulator replica output", reader_main, r);
    if (store_set_process(r->run->m->db, r->run->row.id, r->task, proc_pid(r->proc), &e) &&
        e.code != ERR_CANCELLED)
        LOG_WARNING("emulator.process_not_recorded", "task=%s error=\"%s\"", r->task, e.msg);
    if (!proc_wait(r->proc, &status, &e))
        r->status = status;
    if (!r->reader_done && !io_cancelled(io) && cond_wait(io, &r->drained, DRAIN_MS, &e))
        LOG_DEBUG("emulator.output_cut", "task=%s", r->task);
    group_end(reader);
    proc_free(TAKE(r->proc));
}

static void replica_refused(struct replica *r, const char *why)
{
    r->start_error = why;
    r->status = START_ERROR_STATUS;
    log_line(r->run->m, r->run->row.id, r->task, "ERROR", str_of(why));
}

/* Its fiber ends here: run.c looks at the time while it watches. */
static void replica_sleep(struct replica *r, const char *const *argv)
{
    struct builtin b = { 0 };
    const char *why = builtin_parse(r->run->a, argv, &b);

    if (why) {
        replica_refused(r, why);
        return;
    }
    r->sleeps = true;
    r->sleeps_until = io_now_ms(r->run->m->io) + b.sleep_ms;
    r->status = b.status;
}

static void replica_main(void *arg)
{
    struct replica *r = arg;
    struct run *run = r->run;
    AUTO_PTR(arena) a = arena_new();
    const struct job_facts facts = { .custom_job = run->custom_job,
                                     .job_id = run->row.id,
                                     .gcp_number = run->row.gcp_number,
                                     .location = run->row.location,
                                     .host_tag = arena_cstr(a, run->row.host_tag),
                                     .home = run->m->home,
                                     .path = container_path,
                                     .images = &run->m->images };
    struct proc_options o = { 0 };
    struct container c;
    struct err e = { 0 };
    int code;

    container_of_replica(a, &facts, r->id, &c);
    o.argv = c.argv;
    o.env = c.env;
    o.cwd = c.cwd;
    if (!c.argv) {
        replica_refused(r, arena_strdup(run->a, c.start_error));
    } else if (builtin_is(c.argv)) {
        replica_sleep(r, c.argv);
    } else if ((code = proc_spawn(run->m->io, &o, &r->proc, &e)) == 0) {
        replica_attend(r);
    } else if (code != -ERR_CANCELLED) {
        LOG_INFO("emulator.start_error", "vertex_job=%lld task=%s error=\"%s\"", (long long)run->row.id,
                 r->task, e.msg);
        replica_refused(
            r,
            arena_printf(run->a, "runc create failed: unable to start container process: exec: \"%s\": %s",
                         c.argv[0], code == -ERR_NOT_FOUND ? "executable file not found in $PATH" : e.msg));
    }
    r->ended = !r->sleeps;
    cond_broadcast(run->m->io, &run->wake);
}

void replicas_start(struct run *run)
{
    size_t n = 0;

    for (size_t pool = 0; pool < pool_count(run->custom_job); pool++)
        n += pool_replicas(run->custom_job, pool);
    run->replicas = xcalloc(n, sizeof(*run->replicas));
    run->fibers = group_new(run->m->io);
    for (size_t pool = 0; pool < pool_count(run->custom_job); pool++) {
        for (size_t i = 0; i < pool_replicas(run->custom_job, pool); i++) {
            struct replica *r = &run->replicas[run->replica_count++];

            r->run = run;
            r->id = (struct replica_id){ pool, i };
            r->tail = STRBUF(TAIL_MAX + 1);
            snprintf(r->task, sizeof(r->task), "workerpool%u-%u", (unsigned)pool, (unsigned)i);
            group_spawn(run->fibers, "emulator replica", replica_main, r);
        }
    }
}

int64_t replicas_look(struct run *run, int64_t until_ms)
{
    int64_t now = io_now_ms(run->m->io);

    for (size_t i = 0; i < run->replica_count; i++) {
        struct replica *r = &run->replicas[i];

        if (!r->sleeps || r->ended)
            continue;
        r->ended = now >= r->sleeps_until;
        if (!r->ended && r->sleeps_until < until_ms)
            until_ms = r->sleeps_until;
    }
    return until_ms;
}

static void signal_all(struct run *run, int signal)
{
    for (size_t i = 0; i < run->replica_count; i++) {
        struct replica *r = &run->replicas[i];

        if (r->proc)
            proc_signal_group(r->proc, signal);
        if (r->sleeps && !r->ended) {
            r->status = 128 + signal;
            r->ended = true;
        }
    }
}

static bool all_ended(const struct run *run)
{
    for (size_t i = 0; i < run->replica_count; i++) {
        if (!run->replicas[i].ended)
            return false;
    }
    return true;
}

void replicas_stop(struct run *run)
{
    struct io *io = run->m->io;
    int64_t until = io_now_ms(io) + grace_ms(run->m->speed);
    struct err e = { 0 };

    if (!io_cancelled(io))
        signal_all(run, SIGTERM);
    while (!all_ended(run) && io_now_ms(io) < until) {
        if (cond_wait(io, &run->wake, until - io_now_ms(io), &e) && e.code == ERR_CANCELLED)
            break;
    }
    signal_all(run, SIGKILL);
    group_end(TAKE(run->fibers)); /* those that hang on: proc_free() kills what is left of the group */
    for (size_t i = 0; i < run->replica_count; i++)
        strbuf_done(&run->replicas[i].tail);
    free(TAKE(run->replicas));
    run->replica_count = 0;
}
