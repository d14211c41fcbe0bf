/* server/server.c: the server's life: made on a data folder, its housekeeping, its end; and administration.
 */
#include "server/server.h"

#include <stdlib.h>

#include "base/embed.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/file.h"
#include "server/api/api.h"
#include "server/run_spec.h"
#include "server/server_internal.h"

enum {
    LEASE_MS = 60000,
    SWEEP_MAX_MS = 5000,
    SWEEP_MIN_MS = 50,
    SLOW_SWEEP_MS = 60000,
    SILENT_RUN_MS = 5 * 60 * 1000,    /* clients post every 30 s: protocol reference 3.4 */
    LOST_AGENT_MS = 5 * 60 * 1000,    /* agents send a heartbeat every 10 s, and start nothing without one */
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

int server_first_admin(struct server *s, struct secret **ret_key, struct err *e)
{
    const struct admin_user_options admin = { .username = "admin", .admin = true };
    bool has_users = false;
    int rc = store_has_users(s->store, &has_users, e);

    if (rc < 0)
        return rc;
    if (!has_users)
        return server_user_create(s, &admin, ret_key, e);
    *ret_key = NULL;
    return 0;
}

static int server_open(struct server *s, const struct server_options *o, struct err *e)
{
    AUTO_STRBUF struct strbuf path = STRBUF(4096);
    struct store_options store = { .fast_and_unsafe = o->fast_and_unsafe_db };
    int rc = file_mkdirs(s->io, o->data_dir, e);

    if (rc < 0)
        return rc;
    strbuf_addf(&path, "%s/slipway.db", o->data_dir);
    rc = strbuf_check(&path, e);
    store.path = strbuf_cstr(&path);
    if (rc == 0)
        rc = store_open(s->io, &store, &s->store, e);
    if (rc == 0)
        rc = store_signing_key(s->store, &s->signing_key, e);
    return rc < 0 ? rc : schema_open(s, e);
}

int server_new(struct io *io, const struct server_options *o, struct server **ret, struct err *e)
{
    struct server *s = xcalloc(1, sizeof(*s));
    int rc;

    s->io = io;
    s->data_dir = xstrdup(o->data_dir);
    s->public_url = xstrdup(o->public_url);
    s->lease_ms = o->lease_ms > 0 ? o->lease_ms : LEASE_MS;
    s->waits = map_new();
    s->group = group_new(io);
    rc = server_open(s, o, e);
    if (rc < 0) {
        server_free(s);
        return rc;
    }
    *ret = s;
    return 0;
}

void server_free(struct server *s)
{
    if (!s)
        return;
    group_end(s->group);
    gql_schema_free(s->schema);
    store_close(s->store);
    secret_free(s->signing_key);
    map_free(s->waits);
    free(s->data_dir);
    free(s->public_url);
    free(s);
}

/* --- housekeeping --- */

static void sweep_leases(struct server *s)
{
    size_t count = 0;
    struct err e = { 0 };

    if (store_lease_sweep(s->store, io_now_unix_ms(s->io), &count, &e) < 0) {
        if (e.code != ERR_CANCELLED)
            LOG_ERROR("server.lease_sweep_failed", "error=\"%s\"", e.msg);
        return;
    }
    if (count == 0)
        return;
    LOG_INFO("server.leases_ran_out", "items=%zu", count);
    wake_all_queues(s);
}

static void sweep_silence(struct server *s)
{
    int64_t now = io_now_unix_ms(s->io);
    size_t runs = 0, items = 0, abandoned = 0;
    struct err e = { 0 };
    int rc = store_silent_sweep(s->store, now - SILENT_RUN_MS, now, &runs, &e);

    if (rc == 0)
        rc = store_orphan_sweep(s->store, now - SILENT_AGENT_MS, now, &items, &e);
    if (rc == 0)
        rc = store_takeover_sweep(s->store, now - LOST_AGENT_MS, now, &abandoned, &e);
    if (abandoned > 0) {
        LOG_WARNING("server.items_abandoned", "items=%zu", abandoned);
        wake_all_queues(s);
    }
    if (rc < 0 && e.code != ERR_CANCELLED)
        LOG_ERROR("server.silence_sweep_failed", "error=\"%s\"", e.msg);
    if (runs + items > 0)
        LOG_WARNING("server.went_silent", "runs=%zu items=%zu", runs, items);
}

static void housekeeping(void *arg)
{
    struct server *s = arg;
    int64_t pause = s->lease_ms / 4;
    int64_t slow_at = io_now_ms(s->io) + SLOW_SWEEP_MS;

    pause = pause > SWEEP_MAX_MS ? SWEEP_MAX_MS : pause;
    pause = pause < SWEEP_MIN_MS ? SWEEP_MIN_MS : pause;
    while (io_sleep(s->io, pause, NULL) == 0) {
        sweep_leases(s);
        if (io_now_ms(s->io) < slow_at)
            continue;
        slow_at = io_now_ms(s->io) + SLOW_SWEEP_MS;
        sweep_silence(s);
    }
}

void server_start(struct server *s)
{
    group_spawn(s->group, "server housekeeping", housekeeping, s);
}

/* --- administration --- */

int server_user_create(struct server *s, const struct admin_user_options *o, struct secret **ret_key,
                       struct err *e)
{
    AUTO_PTR(secret) key = o->api_key ? secret_dup(o->api_key) : auth_key_new(s->io);
    uint8_t hash[32];
    char prefix[7] = "";
    struct store_new_user user = { .username = o->username,
                                   .email = o->email,
                                   .admin = o->admin,
                                   .key_hash = hash,
                                   .key_prefix = prefix,
                                   .now_unix_ms = io_now_unix_ms(s->io) };
    int rc = entity_name_check(str_of(o->username), e);

    if (rc == 0)
        rc = auth_key_check(key, e);
    if (rc < 0)
        return rc;
    auth_key_hash(key, hash);
    for (size_t i = 0; i + 1 < sizeof(prefix); i++)
        prefix[i] = secret_unwrap(key).ptr[i];
    rc = store_user_add(s->store, &user, e);
    if (rc < 0)
        return err_wrap(e, "user '%s'", o->username);
    *ret_key = TAKE(key);
    return 0;
}

int server_team_create(struct server *s, const struct admin_team_options *o, struct err *e)
{
    const struct store_new_team team = { .name = o->name,
                                         .admins = o->admins,
                                         .members = o->members,
                                         .viewers = o->viewers,
                                         .now_unix_ms = io_now_unix_ms(s->io) };
    int rc = entity_name_check(str_of(o->name), e);

    if (rc == 0)
        rc = store_team_add(s->store, &team, e);
    return rc < 0 ? err_wrap(e, "team '%s'", o->name) : 0;
}

int server_role_set(struct server *s, const struct admin_role_options *o, struct err *e)
{
    struct store_role_change change = { .user = str_of(o->user), .team = str_of(o->team) };

    if (o->queue)
        change.queue = str_of(o->queue);
    change.clear = o->queue && str_is(str_of(o->role), "default");
    if (!change.clear && !store_role_parse(str_of(o->role), &change.role))
        return err_set(e, ERR_INVALID, "there is no role '%s': it is admin, member, viewer or none%s",
                       o->role, o->queue ? ", or default for the one in the team" : "");
    return store_role_set(s->store, &change, e);
}
