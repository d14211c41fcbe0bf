/* cli/agent_reload.c: reading the launch config again, and telling what came of it. */
#include "cli/agent_reload.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/vec.h"
#include "cli/sd_notify.h"

enum { LOOK_MS = 2000 };

struct file_mark { /* an editor that writes another file and renames it changes the inode */
    struct timespec changed;
    ino_t inode;
    off_t size;
};
struct agent_reloader {
    struct io *io;
    struct agent_reload_options o;
    struct vec arenas; /* of every config read: the agent borrows from them to its end */
    struct launch_config now;
    struct file_mark mark;
    struct group *fibers;
};

void agent_config_options(struct io *io, const struct launch_config *c, struct agent_options *o)
{
    o->queues = c->queues;
    o->max_jobs = c->max_jobs;
    o->max_schedulers = c->max_schedulers;
    o->gcp_project = c->gcp_project;
    o->region = c->region ? c->region : role_region(io);
    o->config_json = c->json;
    o->policies = &c->policies;
    o->macro_allow_env = c->allow_env;
    o->stop_grace_ms = c->stopped_run_timeout_s * 1000;
}

static struct file_mark mark_of(const char *path)
{
    struct file_mark m = { 0 };
    struct stat st;

    if (path && stat(path, &st) == 0)
        m = (struct file_mark){ st.st_mtim, st.st_ino, st.st_size };
    return m;
}

static bool same_mark(const struct file_mark *a, const struct file_mark *b)
{
    return a->inode == b->inode && a->size == b->size && a->changed.tv_sec == b->changed.tv_sec &&
           a->changed.tv_nsec == b->changed.tv_nsec;
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static void warn_of(const struct launch_config *old, const struct launch_config *c)
{
    const struct {
        const char *key, *was, *is;
    } fixed[] = { { "entity", old->entity, c->entity },
                  { "google.endpoint", old->google.endpoint, c->google.endpoint },
                  { "google.credentials", old->google.credentials_file, c->google.credentials_file },
                  { "wandb.api_key_secret", old->api_key_secret, c->api_key_secret } };

    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        if (!same_text(fixed[i].was, fixed[i].is))
            LOG_WARNING("config.needs_restart",
                        "key=%s action=\"restart the agent: it goes on with the old value\"", fixed[i].key);
}

/* systemd wants to know the time at which the reload began, on its clock. */
static void say_reloading(struct io *io)
{
    AUTO_STRBUF struct strbuf text = STRBUF(128);
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    strbuf_addf(&text, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
    sd_notify_send(io, strbuf_cstr(&text));
}

static void reload(struct agent_reloader *r)
{
    AUTO_PTR(arena) a = arena_new();
    struct launch_config *c = arena_alloc(a, sizeof(*c));
    struct agent_options o = { 0 };
    struct err e = { 0 };

    say_reloading(r->io);
    if (launch_config_load(r->io, a, r->o.args, c, &e)) {
        LOG_ERROR("config.not_reloaded", "error=\"%s\" action=\"the one before holds\"", e.msg);
    } else {
        warn_of(&r->now, c);
        agent_config_options(r->io, c, &o);
        agent_reload(r->o.agent, &o);
        r->now = *c;
        vec_push(&r->arenas, TAKE(a));
        LOG_INFO("config.reloaded", "file=%s", c->path ? c->path : "none");
    }
    sd_notify_send(r->io, "READY=1");
}

static void watch(void *arg)
{
    struct agent_reloader *r = arg;
    uint64_t seen = r->o.stop->hangups;

    for (;;) {
        struct file_mark mark;

        if (cond_wait(r->io, &r->o.stop->changed, LOOK_MS, NULL) == -ERR_CANCELLED)
            return;
        mark = mark_of(r->now.path);
        if (r->o.stop->hangups == seen && (same_mark(&mark, &r->mark) || !mark.inode))
            continue;
        seen = r->o.stop->hangups;
        r->mark = mark;
        reload(r);
    }
}

struct agent_reloader *agent_reload_open(struct io *io, const struct agent_reload_options *o)
{
    struct agent_reloader *r = xcalloc(1, sizeof(*r));

    *r = (struct agent_reloader){ .io = io, .o = *o, .now = *o->config, .mark = mark_of(o->config->path) };
    r->fibers = group_new(io);
    group_spawn(r->fibers, "config watcher", watch, r);
    return r;
}

void agent_reload_close(struct agent_reloader *r)
{
    if (!r)
        return;
    group_end(r->fibers);
    for (size_t i = 0; i < r->arenas.len; i++)
        arena_free(r->arenas.items[i]);
    vec_done(&r->arenas);
    free(r);
}
