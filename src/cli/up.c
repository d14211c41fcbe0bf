/* cli/up.c: `slipway up`: server, emulator and agent in one process, on one loop. */
#include <stdio.h>

#include "base/log.h"
#include "cli/admin.h"
#include "cli/roles.h"
#include "cli/verbs.h"
#include "io/file.h"

struct up {
    struct io *io;
    struct arena *a;
    struct stop *stop;
    const char *data;
    struct served_server server;
    struct served_emulator emulator;
    const char *server_url, *emulator_url;
};

/* The admin's key is kept in the data folder, readable by its owner only: `up` is for one person on one
 * machine. */
static int local_key(struct up *u, struct secret **ret, struct err *e)
{
    const struct admin_user_options admin = { .username = "admin", .admin = true };
    const char *path = arena_printf(u->a, "%s/admin.key", u->data);
    AUTO_PTR(secret) key = NULL;
    int rc = 0;

    if (file_exists(u->io, path))
        return file_read_secret(u->io, path, 4096, ret, e);
    rc = server_user_create(u->server.server, &admin, &key, e);
    if (rc == -ERR_CONFLICT)
        return err_set(
            e, ERR_CONFLICT,
            "%s is missing, the API key of the user admin: make another admin with 'slipway admin user "
            "create NAME --admin --data %s/server' and put the key into that file",
            path, u->data);
    if (rc == 0)
        rc = file_write(u->io, path, secret_unwrap(key), 0600, e);
    if (rc == 0)
        *ret = TAKE(key);
    return rc;
}

static int start(struct up *u, const struct args *a, struct err *e)
{
    struct server_place server = { .data_dir = arena_printf(u->a, "%s/server", u->data),
                                   .port = (uint16_t)args_int(a, "port", 0),
                                   .prunes = true };
    struct emulator_place p = { .port = (uint16_t)args_int(a, "emulator-port", 0) };
    double speed = 1;

    if (args_text(a, "speed") && (!str_to_double(str_of(args_text(a, "speed")), &speed) || !(speed > 0)))
        return err_set(e, ERR_USAGE, "--speed: \"%s\" is not a number above 0", args_text(a, "speed"));
    if (admin_keep(a, false, &server.keep, e))
        return -e->code;
    p.options.speed = speed;
    p.options.data_dir = arena_printf(u->a, "%s/emulator", u->data);
    p.options.images_file = args_text(a, "images");
    if (role_serve_server(u->io, &server, &u->server, e))
        return -e->code;
    if (role_serve_emulator(u->io, &p, &u->emulator, e))
        return -e->code;
    u->server_url = arena_printf(u->a, "http://127.0.0.1:%u", http_server_port(u->server.http));
    u->emulator_url = arena_printf(u->a, "http://127.0.0.1:%u", http_server_port(u->emulator.http));
    return 0;
}

static int write_env(struct up *u, const struct secret *key, struct err *e)
{
    struct strbuf text = STRBUF(8192);
    const char *path = arena_printf(u->a, "%s/env", u->data);
    int rc = 0;

    strbuf_addf(&text,
                "export WANDB_BASE_URL=%s\nexport WANDB_API_KEY=%.*s\nexport WANDB_ENTITY=admin\n"
                "export SLIPWAY_GOOGLE_ENDPOINT=%s\n",
                u->server_url, STR_ARG(secret_unwrap(key)), u->emulator_url);
    rc = file_write(u->io, path, strbuf_str(&text), 0600, e);
    strbuf_wipe(&text);
    return rc;
}

static int run_agent(struct up *u, const struct args *a, const struct secret *key, struct err *e)
{
    struct wandb *w = wandb_new(u->io, &(struct wandb_options){ .base_url = u->server_url,
                                                                .api_key = key,
                                                                .user_agent_version = SLIPWAY_VERSION });
    struct google *g = role_google_at(u->io, u->emulator_url);
    struct secret_manager *secrets = secret_manager_new(u->io, g, SECRET_KEEP_DEFAULT_MS);
    struct agent_options o = { .state_dir = arena_printf(u->a, "%s/agent", u->data),
                               .entity = "admin",
                               .queues = args_list(a, "queue"),
                               .max_jobs = args_int(a, "max-jobs", 4),
                               .max_schedulers = 1,
                               .gcp_project = "slipway-local",
                               .region = "us-central1",
                               .config_json = arena_printf(u->a, "{\"max_jobs\": %lld}",
                                                           (long long)args_int(a, "max-jobs", 4)),
                               .version = "slipway@" SLIPWAY_VERSION,
                               .wandb = w,
                               .google = g,
                               .secrets = secrets };
    static const char *const usual[] = { "default", NULL };
    struct agent *agent = NULL;
    int rc = 0;

    o.queues = o.queues[0] ? o.queues : usual;
    rc = agent_new(u->io, &o, &agent, e);
    if (rc == 0)
        rc = role_run_agent(u->stop, agent, e);
    agent_free(agent);
    secret_manager_free(secrets);
    google_free(g);
    wandb_free(w);
    return rc;
}

static int up_with(struct up *u, const struct args *a, struct err *e)
{
    AUTO_PTR(secret) key = NULL;

    if (file_mkdirs(u->io, u->data, e) || start(u, a, e) || local_key(u, &key, e) || write_env(u, key, e))
        return -e->code;
    printf("Queue server  %s\nEmulator      %s\nUse them from another terminal:\n  . %s/env\n", u->server_url,
           u->emulator_url, u->data);
    fflush(stdout);
    return run_agent(u, a, key, e);
}

static int up_run(struct io *io, const struct args *a, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct stop stop;
    struct up u = { .io = io, .a = arena, .stop = &stop };
    int rc = 0;

    u.data = args_text(a, "data") ? args_text(a, "data") : role_default_dir(io, arena, "up");
    role_catch_stop(io, &stop);
    rc = up_with(&u, a, e);
    role_release_stop(&stop);
    role_close_emulator(&u.emulator);
    role_close_server(&u.server);
    return rc;
}

static const struct option_row up_rows[] = {
    { "data", 'd', OPTION_TEXT, "DIR", "where everything is kept (default ~/.local/share/slipway/up)", 0, 0 },
    { "queue", 'q', OPTION_LIST, "NAME", "queue the agent takes items from (default: default)", 0, 0 },
    { "max-jobs", 'j', OPTION_INT, "N", "jobs at once, -1 for no limit (default 4)", -1, 1000000 },
    { "images", 0, OPTION_TEXT, "FILE", "image table of the emulator", 0, 0 },
    { "speed", 0, OPTION_TEXT, "X", "divide the emulator's simulated waits by X", 0, 0 },
    { "port", 0, OPTION_INT, "N", "port of the queue server (default: any)", 0, 65535 },
    { "emulator-port", 0, OPTION_INT, "N", "port of the emulator (default: any)", 0, 65535 },
    OPTION_KEEP,
    OPTION_END,
};

const struct verb verb_up = {
    .name = "up",
    .operands = "",
    .summary = "run the whole system on this machine: server, emulator, agent",
    .details = "Everything listens on loopback. DIR/env has the variables that other commands need.",
    .examples = "  slipway up --data /tmp/slipway --queue gpu --speed 100 --images examples/images.yaml",
    .rows = up_rows,
    .run = up_run,
};
