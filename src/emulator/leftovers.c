/*
 * emulator/leftovers.c: process groups that outlived the emulator they belonged to (after kill -9: a child
 * dies with its parent, its own children do not).
 *
 * A pid may have been used again since. A group is killed only when one of its processes carries the job's
 * 19-digit id in its environment, which nothing else does; that also makes the simulator's made-up pids
 * harmless.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "emulator/emulator_internal.h"
#include "io/file.h"

struct leftover {
    int64_t job_id, pid;
    struct leftover *next;
};
struct collector {
    struct arena *a;
    struct leftover *list;
};

static void collect(int64_t job_id, int64_t pid, void *ctx)
{
    struct collector *c = ctx;
    struct leftover *l = arena_alloc(c->a, sizeof(*l));

    *l = (struct leftover){ .job_id = job_id, .pid = pid, .next = c->list };
    c->list = l;
}

static bool carries_job(struct io *io, struct arena *a, int64_t pid, int64_t job_id)
{
    const char *mark = arena_printf(a, "CLOUD_ML_JOB_ID=%lld", (long long)job_id);
    struct str env;
    struct err e;

    if (file_read(io, a, arena_printf(a, "/proc/%lld/environ", (long long)pid), 4 * 1024 * 1024, &env, &e))
        return false;
    return str_find(env, str_of(mark)) >= 0;
}

static void check_process(struct emulator *m, struct collector *c, pid_t pid)
{
    AUTO_PTR(arena) a = arena_new();
    pid_t group = getpgid(pid);

    for (struct leftover *l = c->list; l; l = l->next) {
        if (group == (pid_t)l->pid && group > 1 && carries_job(m->io, a, pid, l->job_id)) {
            LOG_INFO("emulator.leftover_killed", "vertex_job=%lld pid=%lld", (long long)l->job_id,
                     (long long)l->pid);
            (void)kill(-group, SIGKILL); /* gone already is as good */
            l->pid = 0;                  /* once is enough for the whole group */
        }
    }
}

void leftovers_kill(struct emulator *m)
{
    AUTO_PTR(arena) a = arena_new();
    struct collector c = { .a = a };
    struct err e = { 0 };
    struct dirent *entry;
    DIR *proc;

    if (store_each_process(m->db, collect, &c, &e) || !c.list)
        return;
    proc = opendir("/proc");
    while (proc && (entry = readdir(proc))) {
        int64_t pid;

        if (str_to_i64(str_of(entry->d_name), &pid) && pid > 1)
            check_process(m, &c, (pid_t)pid);
    }
    if (proc)
        (void)closedir(proc);
}
