/* tests/sim/world.c: the nodes of the simulation, each with the real module in it, and the program they run.
 */
#include "world.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "base/mem.h"
#include "emulator/emulator.h"
#include "google/google.h"
#include "server/server.h"
#include "wandb/wandb.h"
#include "wandb_side.h"

enum {
    SECRET_KEEP_MS = 1000, /* short, so that secrets are read under faults */
    LINGER_MAX_MS = 900,   /* from SIGTERM to a program's end; SIGKILL comes after a second */
    FOR_EVER_MS = 24 * 60 * 60 * 1000,
    LIST_LAG_MAX_MS = 15000, /* a list may not show a new job yet; the agent looks for 60 s */
    SILENCE_AT_MAX_MS = 120 * 1000
};

void world_break(struct world *w, const char *fmt, ...)
{
    va_list ap;

    if (w->broken[0])
        return;
    va_start(ap, fmt);
    vsnprintf(w->broken, sizeof(w->broken), fmt, ap);
    va_end(ap);
    sim_note(w->sim, "BROKEN: %s", w->broken);
}

/* --- the program of every item: job LABEL ------------------------------------------------------------- */
static struct world_item *item_by_label(struct world *w, const char *label)
{
    for (size_t i = 0; i < w->item_count; i++)
        if (label && strcmp(w->items[i].label, label) == 0)
            return &w->items[i];
    return NULL;
}

/* The name of a GraphQL operation, which is at the end of its request, and the item that it is about. */
static const char *describe(void *ctx, struct arena *a, struct str target, struct str body)
{
    const struct world *w = ctx;
    const struct str mark = STR("\"operationName\":\"");
    ptrdiff_t at = str_find(body, mark);
    struct str name = { "", 0 }, rest;
    const char *item = "";

    if (at >= 0) {
        rest = str_sub(body, (size_t)at + mark.len, body.len);
        (void)str_cut(&rest, '"', &name);
    }
    for (size_t i = 0; i < w->item_count && !*item; i++)
        if (w->items[i].id[0] &&
            (str_find(body, str_of(w->items[i].id)) >= 0 || str_find(target, str_of(w->items[i].id)) >= 0))
            item = w->items[i].label;
    return arena_printf(a, "%.*s%s%s", STR_ARG(name), name.len && *item ? " " : "", item);
}

static int64_t living(const struct world *w, bool schedulers)
{
    int64_t n = 0;

    for (size_t i = 0; i < w->item_count; i++)
        n += w->items[i].scheduler == schedulers ? w->items[i].living : 0;
    return n;
}

static bool has_secret(const char *const *env)
{
    while (*env && strcmp(*env, WORLD_SECRET_VARIABLE "=" WORLD_SECRET) != 0)
        env++;
    return *env != NULL;
}

static int run_program(struct sim_process *p, struct world_item *item, const char *const *env,
                       int *ret_signal)
{
    const struct world *w = sim_process_ctx(p);

    if (w->wandb)
        return script_run(p, item, env, ret_signal);
    return sim_process_sleep(p, item->runs_for_ms, ret_signal) ? 128 + *ret_signal : item->exit_status;
}

static int program_job(struct sim_process *p, const char *const *argv, const char *const *env)
{
    struct world *w = sim_process_ctx(p);
    struct world_item *item = item_by_label(w, argv[1]);
    int signal = 0;

    if (!has_secret(env))
        world_break(w, "a job of %s started without its secret", argv[1] ? argv[1] : "nobody");
    if (!item) {
        world_break(w, "a job started for no item: argv[1] is %s", argv[1] ? argv[1] : "missing");
        return 1;
    }
    sim_note(w->sim, "job of %s begins", item->label);
    if (++item->started > 1 && !w->scarce)
        world_break(w, "item %s was run %d times", item->label, item->started);
    if (++item->living > 1)
        world_break(w, "item %s has two live jobs", item->label);
    if (living(w, item->scheduler) > world_live_max(w, item->scheduler))
        world_break(w, "%lld %s live, %lld may", (long long)living(w, item->scheduler),
                    item->scheduler ? "schedulers" : "jobs", (long long)world_live_max(w, item->scheduler));
    int status = run_program(p, item, env, &signal);
    if (signal == SIGTERM) /* saves its work */
        (void)!sim_process_sleep(p, sim_random_range(w->sim, 0, LINGER_MAX_MS), &signal);
    item->living--;
    item->last_end_ms = sim_now_ms(w->sim);
    sim_note(w->sim, "job of %s ends", item->label);
    return status;
}

/* --- nodes ---------------------------------------------------------------------------------------------- */
static struct http_server *serve(struct io *io, struct world *w, const struct http_server_options *o)
{
    struct http_server *http = NULL;
    struct err e = { 0 };

    if (http_listen(io, o, &http, &e))
        world_break(w, "port %u: %s", (unsigned)o->port, e.msg);
    return http;
}

static void wait_for_signal(struct io *io)
{
    int signal = 0;

    (void)!io_signal_wait(io, &signal, NULL);
}

static void serve_queue(struct io *io, struct world *w, struct server *s)
{
    struct wandb_server wandb = { w, s };
    struct http_server_options own = { .port = 8080, .handler = server_handle, .ctx = s }, other = own;
    struct http_server *https[2] = { NULL };

    other.port = 8081;
    if (w->wandb) {
        own.handler = wandb_server_handle;
        own.ctx = &wandb;
        https[1] = serve(io, w, &other);
    }
    https[0] = serve(io, w, &own);
    wait_for_signal(io);
    http_server_close(https[0]);
    http_server_close(https[1]);
}

static int make_user(struct server *s, struct world *w, struct err *e)
{
    struct secret *key = NULL;
    const struct admin_user_options user = { .username = "ada", .admin = true, .api_key = w->key };
    int rc = server_user_create(s, &user, &key, e);

    secret_free(key);
    return rc;
}

static void server_main(struct io *io, void *arg)
{
    struct world_machine *self = arg;
    struct world *w = self->world;
    struct server *s = NULL;
    struct secret *first = NULL;
    struct err e = { 0 };
    const struct server_options o = {
        .data_dir = self->dir, .public_url = WORLD_SERVER_URL, .cheap_digests = true, .lends_once = w->wandb
    };

    int rc = server_new(io, &o, &s, &e);

    if (!rc)
        rc = server_first_admin(s, &first, &e);
    if (!rc && first)
        rc = make_user(s, w, &e);
    if (rc && !w->calm && e.code == ERR_STORE) {
        sim_note(w->sim, "the server does not start: %s", e.msg);
    } else if (rc && rc != -ERR_CANCELLED) { /* killed while it starts */
        world_break(w, "the server does not start: %s", e.msg);
    } else if (!rc) {
        server_start(s);
        serve_queue(io, w, s);
    }
    secret_free(first);
    server_free(s);
}

/* --- scarcity ------------------------------------------------------------------------------------------- */
static const char *const regions[] = { "us-central1", "us-east4" };
static const char *const strategies[] = { "SPOT", "STANDARD", "FLEX_START" };

static void draw_ladder(struct world *w)
{
    size_t count = (size_t)sim_random_range(w->sim, 1, WORLD_MAX_RUNGS);

    launch_policies_default(&w->policies);
    w->scarce = sim_random_unit(w->sim) < 0.5;
    if (!w->scarce)
        return;
    for (size_t i = 0; i < count; i++)
        w->rungs[i] = (struct launch_rung){
            .region = str_of(regions[sim_random_range(w->sim, 0, 1)]),
            .strategy = str_of(strategies[sim_random_range(w->sim, 0, 1)]),
        };
    w->policies.all.rungs = w->rungs;
    w->policies.all.rung_count = count;
    w->policies.all.stockout_rounds = sim_random_range(w->sim, 1, 3);
    w->policies.all.max_resumes = sim_random_range(w->sim, 0, 5);
    w->policies.all.waiting_holds_slot = sim_random_unit(w->sim) < 0.2;
    if (sim_random_unit(w->sim) < 0.3) /* provisioning takes about 10 s */
        w->policies.all.start_timeout_ms = sim_random_range(w->sim, 5000, 20000);
    if (sim_random_unit(w->sim) < 0.1)
        w->policies.all.deadline_ms = sim_random_range(w->sim, 20000, 300000);
}

bool world_may_fail(const struct world *w, const struct world_item *item)
{
    static const char *const words[] = {
        "Resources are insufficient", "is not supported", "did not start", "did not end",
        "without giving a reason",    "spec was lost"
    };

    if (strcmp(item->state, "FAILED") == 0 &&
        strstr(item->error, SIM_WRONG_ANSWER)) /* it looked like Google's */
        return true;
    for (size_t i = 0; w->scarce && i < ARRAY_LEN(words); i++)
        if (strstr(item->error, words[i]))
            return strcmp(item->state, "FAILED") == 0;
    /* a job that was cancelled to be tried elsewhere, or for being over time, and its agent lost before it
     * said why: whoever takes the item over finds a job that somebody cancelled */
    return w->scarce && strcmp(item->state, "STOPPED") == 0 &&
           (w->policies.all.start_timeout_ms < 60000 || item->over_time);
}

static const char *draw_rule(struct sim *s, struct arena *a)
{
    const char *match = arena_printf(a, "\"region\":\"%s\"", regions[sim_random_range(s, 0, 1)]);
    int64_t n = sim_random_range(s, 0, 3);

    if (sim_random_unit(s) < 0.3)
        match = arena_printf(a, "\"strategy\":\"%s\"", strategies[sim_random_range(s, 0, 1)]);
    switch (sim_random_range(s, 0, 5)) {
    case 0:
        return arena_printf(a, "{%s,\"quota\":%lld}", match, (long long)n);
    case 1:
        return arena_printf(a, "{%s,\"rate_per_minute\":%lld}", match, (long long)n);
    case 2:
        return arena_printf(a, "{%s,\"stockout\":true,\"times\":%lld}", match, (long long)n);
    case 3:
        return arena_printf(a, "{\"preempt_after_seconds\":%lld,\"times\":%lld}", (long long)(4 * n),
                            (long long)n);
    case 4:
        return arena_printf(a, "{%s,\"error_lag_seconds\":%lld}", match, (long long)(20 * n));
    default:
        return arena_printf(a, "{\"region\":\"us-east4\",\"refuse\":\"Machine type n1 is not supported.\"}");
    }
}

struct scarcity {
    struct world *w;
    struct emulator *m;
    struct io *io;
};

static void set_rules(struct scarcity *s, const char *text)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *rules = NULL;
    struct err e = { 0 };

    sim_note(s->w->sim, "capacity: %s", text);
    if (jval_from_json(a, str_of(text), "rules", NULL, &rules, &e) || emulator_set_capacity(s->m, rules, &e))
        world_break(s->w, "the rules %s are refused: %s", text, e.msg);
}

/* Other rules every now and then, until there is enough of everything. */
static void change_rules(void *arg)
{
    struct scarcity *s = arg;
    struct sim *sim = s->w->sim;

    while (!s->w->calm) {
        AUTO_PTR(arena) a = arena_new();
        const char *text = draw_rule(sim, a);

        for (int64_t more = sim_random_range(sim, 0, 2); more > 0; more--)
            text = arena_printf(a, "%s,%s", text, draw_rule(sim, a));
        set_rules(s, arena_printf(a, "[%s]", text));
        if (io_sleep(s->io, sim_random_range(sim, 5000, 60000), NULL))
            return;
    }
    set_rules(s, "[]");
}

static void emulator_main(struct io *io, void *arg)
{
    struct world *w = arg;
    struct emulator *m = NULL;
    struct err e = { 0 };
    const struct emulator_options o = {
        .data_dir = w->emulator_dir,
        .speed = 20,
        .list_lag_ms = sim_random_range(w->sim, 0, LIST_LAG_MAX_MS),
        .gcp_project = "sim-project",
    };

    if (emulator_new(io, &o, &m, &e)) {
        world_break(w, "the emulator does not start: %s", e.msg);
    } else {
        struct scarcity scarcity = { w, m, io };
        struct group *g = group_new(io);
        struct http_server *http;

        w->words = g;
        emulator_start(m);
        if (w->scarce)
            group_spawn(g, "capacity", change_rules, &scarcity);
        http =
            serve(io, w, &(struct http_server_options){ .port = 8081, .handler = emulator_handle, .ctx = m });
        wait_for_signal(io);
        http_server_close(http);
        group_end(g);
    }
    emulator_free(m);
}

static void agent_main(struct io *io, void *arg)
{
    struct world_machine *self = arg;
    struct world *w = self->world;
    static const char *const queues[] = { "q", NULL };
    const struct wandb_options wo = { .base_url = WORLD_SERVER_URL,
                                      .api_key = w->key,
                                      .user_agent_version = "0.1.0" };
    const struct google_options go = { .endpoint = "http://emulator:8081", .metadata_host = "emulator:8081" };
    AUTO_PTR(wandb) wandb = wandb_new(io, &wo);
    AUTO_PTR(google) google = google_new(io, &go);
    AUTO_PTR(secret_manager) secrets = secret_manager_new(io, google, SECRET_KEEP_MS);
    struct agent *a = NULL;
    struct err e = { 0 };
    const struct agent_options o = { .state_dir = self->dir,
                                     .home = w->wandb ? self->dir : NULL,
                                     .entity = "ada",
                                     .queues = queues,
                                     .max_jobs = w->max_jobs,
                                     .max_schedulers = w->max_schedulers,
                                     .gcp_project = "sim-project",
                                     .region = "us-central1",
                                     .policies = &w->policies,
                                     .config_json = "{}",
                                     .version = "slipway@0.1.0",
                                     .wandb = wandb,
                                     .google = google,
                                     .secrets = secrets };

    int rc = agent_new(io, &o, &a, &e);
    if (!rc) /* some meet them at their first start already */
        sim_node_set_disk_faults(self->node, true);
    self->agent = a;
    rc = rc ? rc : agent_run(a, &e);
    if (self->agent == a)
        self->agent = NULL;
    if (!io_cancelled(io))
        sim_note(w->sim, "agent returned %d: %s", rc, e.msg);
    agent_free(a);
}

void world_start_machine(struct world_machine *m)
{
    m->starts++;
    m->agent = NULL;
    m->start_at_ms = -1;
    sim_node_start(m->node, m->main, m);
}

int64_t world_live_max(const struct world *w, bool schedulers)
{
    int64_t lives = (int64_t)w->agent_count + w->disks_lost;

    return schedulers ? w->max_schedulers * (lives + w->silences) : w->max_jobs * lives;
}

void world_start_services(struct world *w)
{
    world_start_machine(&w->server);
    sim_node_start(w->emulator, emulator_main, w);
    sim_node_start(w->client, client_main, w);
}

/* --- the world ------------------------------------------------------------------------------------------ */
/* Some outlive the silence of their agent, and some are new when it is back. */
static void draw_item_of_silence(struct world *w, struct world_item *item)
{
    if (sim_random_unit(w->sim) < 0.5)
        item->runs_for_ms = sim_random_range(w->sim, 200000, 1500000);
    if (sim_random_unit(w->sim) < 0.3)
        item->push_at_ms = sim_random_range(w->sim, 300000, 1000000);
}

static void draw_items(struct world *w)
{
    w->item_count = (size_t)sim_random_range(w->sim, 1, WORLD_MAX_ITEMS);
    for (size_t i = 0; i < w->item_count; i++) {
        struct world_item *item = &w->items[i];
        snprintf(item->label, sizeof(item->label), "item%u", (unsigned)i);
        item->exit_status =
            sim_random_unit(w->sim) < 0.6 ? 0 : (int)sim_random_range(w->sim, 1, 5); /* 6 and 11 restart */
        item->runs_for_ms = sim_random_range(w->sim, 100, 40000);
        if (w->agents[0].long_absence > 0 && sim_random_unit(w->sim) < 0.4) /* outlives its agent's item */
            item->runs_for_ms = sim_random_range(w->sim, 200000, 700000);
        item->push_at_ms = sim_random_range(w->sim, 0, 60000);
        if (w->agents[0].silence_at_ms)
            draw_item_of_silence(w, item);
        if (sim_random_unit(w->sim) < 0.25)
            item->stop_at_ms = item->push_at_ms + sim_random_range(w->sim, 1, 90000);
        if (item->stop_at_ms && sim_random_unit(w->sim) < 0.5)
            item->runs_for_ms = FOR_EVER_MS; /* only the stop ends it */
        item->scheduler = sim_random_unit(w->sim) < 0.2;
        if (w->wandb) {
            if (sim_random_unit(w->sim) < 0.4 &&
                item->runs_for_ms < FOR_EVER_MS) /* outlives a life of its agent */
                item->runs_for_ms = sim_random_range(w->sim, 40000, 400000);
            item->has_run = sim_random_unit(w->sim) < 0.7;
            item->heeds_stop = sim_random_unit(w->sim) < 0.5;
        }
        sim_note(w->sim, "%s%s: exit %d after %lld ms, pushed at %lld ms, stopped at %lld ms",
                 item->scheduler ? "scheduler " : "", item->label, item->exit_status,
                 (long long)item->runs_for_ms, (long long)item->push_at_ms, (long long)item->stop_at_ms);
    }
}

static void make_machine(struct world *w, struct world_machine *m, const char *name, sim_main_fn fn)
{
    *m = (struct world_machine){
        .world = w, .node = sim_node_new(w->sim, name), .main = fn, .start_at_ms = -1
    };
    snprintf(m->dir, sizeof(m->dir), "%s", name);
}

static void make_agents(struct world *w)
{
    static const char *const names[WORLD_MAX_AGENTS] = { "agent0", "agent1" };

    w->agent_count = sim_random_unit(w->sim) < 0.5 ? 1 : 2;
    for (size_t i = 0; i < w->agent_count; i++) {
        make_machine(w, &w->agents[i], names[i], agent_main);
        sim_node_set_killable(w->agents[i].node, true);
        sim_node_set_disk_faults(w->agents[i].node, sim_random_unit(w->sim) < 0.3);
        w->agents[i].disk_loss = sim_random_unit(w->sim) < 0.3 ? 0.2 * sim_random_unit(w->sim) : 0;
        w->agents[i].long_absence = sim_random_unit(w->sim) < 0.4 ? 0.5 * sim_random_unit(w->sim) : 0;
    }
    if (w->wandb || w->agent_count < 2 || sim_random_unit(w->sim) >= 0.3)
        return; /* nobody takes its items over, and a W&B server does not even miss it */
    w->agents[0].silence_at_ms = sim_random_range(w->sim, 1, SILENCE_AT_MAX_MS);
    w->agents[0].silence_later = sim_random_unit(w->sim) < 0.5;
}

struct world *world_new(uint64_t seed, bool wandb)
{
    struct world *w = xcalloc(1, sizeof(*w));

    w->sim = sim_new(seed);
    w->wandb = wandb;
    w->key = secret_new(str_of(WORLD_KEY));
    w->max_jobs = sim_random_range(w->sim, 1, 3);
    w->max_schedulers = sim_random_range(w->sim, 1, 2);
    snprintf(w->emulator_dir, sizeof(w->emulator_dir), "emulator");
    make_machine(w, &w->server, "server", server_main);
    w->emulator = sim_node_new(w->sim, "emulator");
    sim_node_set_trusted(w->emulator, wandb); /* what its jobs say is heard, or not, but not by chance */
    make_agents(w);
    w->client = sim_node_new(w->sim, "client");
    sim_node_set_trusted(w->client, true);
    sim_program_add(w->sim, "job", program_job, w);
    sim_describe(w->sim, describe, w);
    draw_items(w);
    draw_ladder(w);
    return w;
}

void world_free(struct world *w)
{
    sim_free(w->sim);
    secret_free(w->key);
    free(w);
}
