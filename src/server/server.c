/* server/server.c: the server's life: made on a data folder, its housekeeping, its end. */
#include "server/server.h"

#include <stdlib.h>

#include "base/embed.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/file.h"
#include "server/api/api.h"
#include "server/server_internal.h"
#include "server/sign_in/sign_in.h"
#include "server/sweep_watch.h"

enum {
    LEASE_MS = 60000,
    SWEEP_MAX_MS = 5000,
    SWEEP_MIN_MS = 50,
    SLOW_SWEEP_MS = 60000,
    SETTLE_MS = 10000,                /* what servers with one clock may be apart, and more */
    SILENT_RUN_MS = 5 * 60 * 1000,    /* clients post every 30 s: protocol reference 3.4 */
    LOST_AGENT_MS = 5 * 60 * 1000,    /* agents send a heartbeat every 10 s, and start nothing without one */
    PRUNE_STEPS = 20,                 /* a pass, of each kind */
    SESSION_KEPT_MS = 60 * 60 * 1000, /* longer than a sign-in takes: none makes a second session */
    DELETED_KEPT_MS = 60 * 60 * 1000, /* addresses of downloads are good for an hour */
    SILENT_AGENT_MS = 60 * 60 * 1000, /* an agent may be away for a while and still come back to its job */
};

EMBEDDED(server_schema);

static int schema_open(struct server *s, struct err *e)
{
    const struct gql_options o = { .sdl = { server_schema, server_schema_len },
                                   .name = "schema.graphql",
                                   .resolvers = api_resolvers,
                                   .resolver_count = api_resolver_count,
                                   .unknown_type_is_empty = true };

    return gql_schema_new(&o, &s->schema, e);
}

static void woken(void *ctx, int64_t queue_id)
{
    if (queue_id)
        wake_queue(ctx, queue_id);
    else
        wake_all_queues(ctx);
}

static int server_open(struct server *s, const struct server_options *o, struct err *e)
{
    AUTO_STRBUF struct strbuf path = STRBUF(4096);
    struct store_options store = { .url = o->db_url, .fast_and_unsafe = o->fast_and_unsafe_db };
    struct keys_options keys = { .io = s->io, .cheap = o->cheap_digests };
    int rc = file_mkdirs(s->io, o->data_dir, e);

    if (rc < 0)
        return rc;
    strbuf_addf(&path, "%s/slipway.db", o->data_dir);
    rc = strbuf_check(&path, e);
    store.path = strbuf_cstr(&path);
    if (rc == 0)
        rc = store_open(s->io, &store, &s->store, e);
    if (rc == 0)
        rc = server_clock_start(s, e);
    if (rc == 0) /* what another server says may be a little off */
        rc = store_times_settle(s->store, server_now_unix_ms(s), s->lease_ms + (s->is_shared ? SETTLE_MS : 0),
                                e);
    if (rc == 0 && !o->alone)
        rc = store_listen(s->store, woken, s, e);
    if (rc == 0)
        rc = store_own_secret(s->store, STORE_SIGNING_KEY, &s->signing_key, e);
    keys.store = s->store;
    if (rc == 0)
        rc = keys_new(&keys, &s->keys, e);
    if (rc == 0)
        rc = blobs_open(s, e);
    return rc < 0 ? rc : schema_open(s, e);
}

int server_new(struct io *io, const struct server_options *o, struct server **ret, struct err *e)
{
    struct server *s = xcalloc(1, sizeof(*s));
    int rc;

    s->io = io;
    s->data_dir = xstrdup(o->data_dir);
    s->public_url = xstrdup(o->public_url);
    s->acts_as = xstrdup(o->acts_as ? o->acts_as : "server");
    s->lease_ms = o->lease_ms > 0 ? o->lease_ms : LEASE_MS;
    s->lends_once = o->lends_once;
    s->is_shared = o->db_url != NULL;
    s->prunes = o->prunes;
    s->prune_every_ms = o->prune_every_ms > 0 ? o->prune_every_ms : SLOW_SWEEP_MS;
    s->keep = (struct retention){ .keep = o->keep, .deleted_ms = DELETED_KEPT_MS };
    s->doors = doors_new(&(struct doors_options){
        .per_key = o->key_rate, .per_address = o->address_rate, .behind_proxy = o->behind_proxy });
    s->waits = map_new();
    s->group = group_new(io);
    s->sign_in = o->oidc.issuer ? sign_in_new(s, &o->oidc) : NULL;
    rc = server_open(s, o, e);
    if (rc < 0) {
        server_free(s);
        return rc;
    }
    *ret = s;
    return 0;
}

/* A server that may come to nothing is told of at its start; what may pass is not in the way. */
static int bucket_try(struct bucket *b, struct err *e)
{
    struct err mine = { 0 }, *why = e ? e : &mine;
    int rc = bucket_check(b, why);

    if (rc == 0 || !err_is_transient(why))
        return rc;
    LOG_WARNING("files.bucket_silent", "bucket=%s error=\"%s\"", bucket_url(b), why->msg);
    return 0;
}

int server_use_files(struct server *s, struct bucket *b, bool links, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct str place = { 0 };
    int rc = store_files_place(s->store, a, NULL, &place, e);

    if (rc == 0 && !b && place.ptr)
        return err_set(e, ERR_CONFIG,
                       "this store's files are in a bucket: start the server with --files %.*s",
                       STR_ARG(place));
    if (rc < 0 || !b)
        return rc;
    rc = bucket_try(b, e);
    rc = rc < 0 ? rc : store_files_place(s->store, a, bucket_url(b), &place, e);
    if (rc < 0)
        return rc;
    s->depot.bucket = b;
    s->depot.links = links;
    return 0;
}

void server_free(struct server *s)
{
    if (!s)
        return;
    group_end(s->group);
    gql_schema_free(s->schema);
    keys_free(s->keys);
    doors_free(s->doors);
    sign_in_free(s->sign_in);
    store_close(s->store);
    secret_free(s->signing_key);
    map_free(s->waits);
    free(s->data_dir);
    free(s->acts_as);
    free(s->spool_dir);
    free(s->public_url);
    free(s);
}

/* --- housekeeping --- */

static void sweep_leases(struct server *s)
{
    size_t count = 0;
    struct err e = { 0 };

    if (store_lease_sweep(s->store, server_now_unix_ms(s), &count, &e) < 0) {
        if (e.code != ERR_CANCELLED)
            LOG_ERROR("server.lease_sweep_failed", "error=\"%s\"", e.msg);
        return;
    }
    if (count == 0)
        return;
    s->counts.leases_expired += count;
    LOG_INFO("server.leases_ran_out", "items=%zu", count);
    wake_all_queues(s);
}

/* While nobody listened nobody could be heard, and the wall clock may have been set. */
static void sweep_silence(struct server *s)
{
    int64_t now = server_now_unix_ms(s);
    size_t runs = 0, items = 0, abandoned = 0;
    struct err e = { 0 };
    int rc = 0;

    if (server_has_listened_for(s, SILENT_RUN_MS))
        rc = store_silent_sweep(s->store, now - SILENT_RUN_MS, now, &runs, &e);
    if (rc == 0 && !s->lends_once && server_has_listened_for(s, SILENT_AGENT_MS))
        rc = store_orphan_sweep(s->store, now - SILENT_AGENT_MS, now, &items, &e);
    if (rc == 0 && !s->lends_once && server_has_listened_for(s, LOST_AGENT_MS))
        rc = store_takeover_sweep(s->store, now - LOST_AGENT_MS, now, &abandoned, &e);
    if (abandoned > 0) {
        s->counts.abandoned += abandoned;
        LOG_WARNING("server.items_abandoned", "items=%zu", abandoned);
        wake_all_queues(s);
    }
    if (rc < 0 && e.code != ERR_CANCELLED)
        LOG_ERROR("server.silence_sweep_failed", "error=\"%s\"", e.msg);
    if (runs + items > 0)
        LOG_WARNING("server.went_silent", "runs=%zu items=%zu", runs, items);
}

static void sweep_sessions(struct server *s)
{
    struct err e = { 0 };

    if (s->sign_in && store_session_sweep(s->store, io_now_unix_ms(s->io) - SESSION_KEPT_MS, &e) < 0 &&
        e.code != ERR_CANCELLED)
        LOG_ERROR("server.session_sweep_failed", "error=\"%s\"", e.msg);
}

static void housekeeping(void *arg)
{
    struct server *s = arg;
    int64_t pause = s->lease_ms / 4;
    int64_t slow_at = io_now_ms(s->io) + SLOW_SWEEP_MS;

    pause = pause > SWEEP_MAX_MS ? SWEEP_MAX_MS : pause;
    pause = pause < SWEEP_MIN_MS ? SWEEP_MIN_MS : pause;
    while (io_sleep(s->io, pause, NULL) == 0) {
        (void)!server_clock_ask(s, NULL); /* a database that is away is said below */
        sweep_leases(s);
        if (io_now_ms(s->io) < slow_at)
            continue;
        slow_at = io_now_ms(s->io) + SLOW_SWEEP_MS;
        sweep_silence(s);
        sweep_sessions(s);
    }
}

static void prune(struct server *s)
{
    const struct retention_job job = { .io = s->io,
                                       .store = s->store,
                                       .depot = &s->depot,
                                       .keep = s->keep,
                                       .steps = PRUNE_STEPS,
                                       .by = { STR("server"), server_now_unix_ms(s) } };
    struct err e = { 0 };

    if (retention_run(&job, &s->counts.pruned, &e) < 0 && e.code != ERR_CANCELLED && e.code != ERR_CONFLICT)
        LOG_ERROR("server.retention_failed", "error=\"%s\"", e.msg);
}

/* A fiber of its own: the other housekeeping does not wait for it. */
static void retention(void *arg)
{
    struct server *s = arg;

    while (io_sleep(s->io, s->prune_every_ms, NULL) == 0)
        prune(s);
}

void server_start(struct server *s)
{
    group_spawn(s->group, "server housekeeping", housekeeping, s);
    if (s->prunes)
        group_spawn(s->group, "server retention", retention, s);
    group_spawn(s->group, "sweep watch", sweep_watch_run, s);
    group_spawn(s->group, "history packer", packer_run, s);
}
