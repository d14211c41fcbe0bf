/* cli/emulator.c: `slipway emulator`. */
#include <stdio.h>

#include "cli/config_file.h"
#include "cli/roles.h"
#include "cli/verbs.h"

enum { DEFAULT_PORT = 8081 };

static int read_speed(const struct args *a, double *ret, struct err *e)
{
    *ret = 1;
    if (!args_text(a, "speed"))
        return 0;
    if (!str_to_double(str_of(args_text(a, "speed")), ret) || !(*ret > 0) || *ret > 1e9)
        return err_set(e, ERR_USAGE, "--speed: \"%s\" is not a number above 0", args_text(a, "speed"));
    return 0;
}

static int read_capacity(struct io *io, struct arena *arena, const struct args *a, struct emulator_options *o,
                         struct err *e)
{
    const char *file = args_text(a, "capacity");
    struct jval *rules = NULL;
    int rc = file ? config_load(io, arena, file, &rules, e) : 0;

    o->capacity = rules;
    return rc;
}

static int emulator_run(struct io *io, const struct args *a, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct served_emulator m = { 0 };
    struct emulator_place p = { .host = args_text(a, "host") ? args_text(a, "host") : "127.0.0.1",
                                .port = (uint16_t)args_int(a, "port", DEFAULT_PORT) };
    struct stop stop;
    int rc =
        role_check_host(p.host, args_has(a, "i-know-this-runs-commands"), "--i-know-this-runs-commands", e);

    p.options.data_dir =
        args_text(a, "data") ? args_text(a, "data") : role_default_dir(io, arena, "emulator");
    p.options.images_file = args_text(a, "images");
    p.options.gcp_project = args_text(a, "gcp-project");
    p.options.list_lag_ms = args_int(a, "list-lag", 0) * 1000;
    p.options.require_auth = args_has(a, "require-auth");
    if (rc == 0)
        rc = read_capacity(io, arena, a, &p.options, e);
    if (rc == 0)
        rc = read_speed(a, &p.options.speed, e);
    if (rc == 0)
        rc = role_serve_emulator(io, &p, &m, e);
    if (rc)
        return rc;
    role_catch_stop(io, &stop);
    printf("Emulator: http://%s:%u\nUse it: export SLIPWAY_GOOGLE_ENDPOINT=http://%s:%u\n", p.host,
           http_server_port(m.http), p.host, http_server_port(m.http));
    fflush(stdout);
    rc = role_wait_for_stop(&stop, e);
    role_release_stop(&stop);
    role_close_emulator(&m);
    return rc;
}

static const struct option_row emulator_rows[] = {
    { "data", 'd', OPTION_TEXT, "DIR", "where jobs are kept (default ~/.local/share/slipway/emulator)", 0,
      0 },
    { "images", 0, OPTION_TEXT, "FILE", "image table: which command an image's entry point is", 0, 0 },
    { "speed", 0, OPTION_TEXT, "X", "divide all simulated waits by X (default 1: as slow as Vertex)", 0, 0 },
    { "capacity", 0, OPTION_TEXT, "FILE",
      "rules for quota, stock-outs and preemption (slipway help emulator capacity set)", 0, 0 },
    { "list-lag", 0, OPTION_INT, "SECONDS", "jobs are in lists this long after they were made (default 0)", 0,
      3600 },
    { "gcp-project", 0, OPTION_TEXT, "ID", "project that the metadata server names (default slipway-local)",
      0, 0 },
    { "require-auth", 0, OPTION_FLAG, NULL, "refuse requests without a token of this emulator", 0, 0 },
    { "host", 0, OPTION_TEXT, "ADDRESS", "address to listen on (default 127.0.0.1)", 0, 0 },
    { "port", 0, OPTION_INT, "N", "port to listen on, 0 for any (default 8081)", 0, 65535 },
    { "i-know-this-runs-commands", 0, OPTION_FLAG, NULL, "allow an address that is not loopback", 0, 0 },
    OPTION_END,
};

const struct verb verb_emulator = {
    .name = "emulator",
    .operands = "",
    .summary = "run Vertex AI and the Google services around it on this machine",
    .details = "It runs the commands of the jobs it is sent, as the user that started it. That is why it "
               "listens on loopback only.",
    .examples = "  slipway emulator --images examples/images.yaml --speed 100",
    .rows = emulator_rows,
    .run = emulator_run,
};
