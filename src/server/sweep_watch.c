/* server/sweep_watch.c: sweeps whose agents do not ask. */
#include "server/sweep_watch.h"

#include "base/log.h"
#include "server/sweep_commands.h"
#include "server/sweep_stops.h"

enum { LOOK_MS = 15000, REST_EVERY = 4 };

static int stop_early(struct server *s, int64_t id, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct store_sweep sweep = { 0 };
    const struct jval *config = NULL;
    const struct search *search = NULL;
    struct jval *stopped = NULL;
    int rc = store_sweep_by_id(s->store, a, id, &sweep, e);

    if (rc == 0)
        rc = sweep_config(a, sweep.config, &config, e);
    if (rc == 0)
        rc = search_parse(a, config, &search, e);
    if (rc < 0)
        return rc;
    return sweep_stops(
        s, a, &(struct sweep_look){ .sweep = &sweep, .search = search, .now_unix_ms = server_now_unix_ms(s) },
        &stopped, e);
}

static void look(struct server *s)
{
    AUTO_PTR(arena) a = arena_new();
    int64_t *ids = NULL;
    size_t len = 0;
    struct err e = { 0 };
    int rc = store_sweep_launched(s->store, a, &ids, &len, &e);

    for (size_t i = 0; rc == 0 && i < len; i++) {
        rc = stop_early(s, ids[i], &e);
        if (rc == -ERR_NOT_FOUND || rc == -ERR_INVALID) /* deleted, or of another version: the others go on */
            rc = 0;
    }
    if (rc < 0 && e.code != ERR_CANCELLED)
        LOG_ERROR("sweep.look_failed", "error=\"%s\"", e.msg);
}

static void let_rest(struct server *s)
{
    int64_t now = server_now_unix_ms(s);
    size_t count = 0;
    struct err e = { 0 };

    if (!server_has_listened_for(s, SILENT_SWEEP_AGENT_MS))
        return;
    if (store_sweep_rest(s->store, now - SILENT_SWEEP_AGENT_MS, now, &count, &e) < 0) {
        if (e.code != ERR_CANCELLED)
            LOG_ERROR("sweep.rest_failed", "error=\"%s\"", e.msg);
        return;
    }
    if (count > 0)
        LOG_INFO("sweep.rests", "sweeps=%zu", count);
}

void sweep_watch_run(void *arg)
{
    struct server *s = arg;

    for (int turn = 1; io_sleep(s->io, LOOK_MS, NULL) == 0; turn++) {
        look(s);
        if (turn % REST_EVERY == 0)
            let_rest(s);
    }
}
