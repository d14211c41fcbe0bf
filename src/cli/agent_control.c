/* cli/agent_control.c: an agent's socket for its operator, and `slipway agent pause|resume|drain|status`. */
#include "cli/agent_control.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "cli/roles.h"
#include "cli/verbs.h"
#include "io/file.h"
#include "io/http.h"

enum { MAX_CONNECTIONS = 16, TIMEOUT_MS = 5000 };

/* --- the agent's side ----------------------------------------------------------------------------------- */

struct agent_control {
    struct agent *agent;
    struct http_server *server;
    char *path;
};

static void reply_status(const struct agent_control *c, struct http_exchange *x)
{
    struct jval *v = jval_copy(x->a, agent_status(c->agent, x->a));

    jval_set_int(x->a, v, "pid", getpid());
    http_reply_text(x, 200, "application/json", jval_text(x->a, v, JVAL_COMPACT));
}

static void serve(void *ctx, struct http_exchange *x)
{
    const struct agent_control *c = ctx;
    bool post = str_is(x->method, "POST");

    if (post && str_is(x->path, "/pause"))
        agent_pause(c->agent, true);
    else if (post && str_is(x->path, "/resume"))
        agent_pause(c->agent, false);
    else if (post && str_is(x->path, "/drain"))
        agent_drain(c->agent);
    else if (!str_is(x->path, "/status")) {
        http_reply_text(x, 404, "text/plain", STR("GET /status, POST /pause, /resume, /drain\n"));
        return;
    }
    reply_status(c, x);
}

struct agent_control *agent_control_open(struct io *io, struct agent *agent, const char *state_dir)
{
    struct agent_control *c = xcalloc(1, sizeof(*c));
    struct http_server_options o = { .handler = serve, .ctx = c, .max_connections = MAX_CONNECTIONS };
    AUTO_STRBUF struct strbuf path = STRBUF(4096);
    struct err e = { 0 };

    strbuf_addf(&path, "%s/" AGENT_SOCKET, state_dir);
    c->agent = agent;
    c->path = xstrdup(strbuf_cstr(&path));
    o.unix_path = c->path;
    if (http_listen(io, &o, &c->server, &e) == 0)
        return c;
    if (e.code != ERR_CANCELLED)
        LOG_WARNING("agent.no_socket",
                    "error=\"%s\" action=\"slipway agent status|pause|resume|drain do not work\"", e.msg);
    free(c->path);
    free(c);
    return NULL;
}

void agent_control_close(struct agent_control *c)
{
    if (!c)
        return;
    (void)unlink(c->path);
    http_server_close(c->server);
    free(c->path);
    free(c);
}

/* --- the operator's side -------------------------------------------------------------------------------- */

static int ask(struct io *io, struct arena *a, const struct args *args, const char *what, struct jval **ret,
               struct err *e)
{
    const char *dir =
        args_text(args, "state-dir") ? args_text(args, "state-dir") : role_default_dir(io, a, "agent");
    const struct http_request req = { .method = *what == 's' ? "GET" : "POST",
                                      .url = arena_printf(a, "http://localhost/%s", what),
                                      .unix_path = arena_printf(a, "%s/" AGENT_SOCKET, dir),
                                      .body = *what == 's' ? (struct str){ NULL, 0 } : STR("{}"),
                                      .timeout_ms = TIMEOUT_MS };
    struct http_reply reply = { 0 };
    int rc;

    if (!file_exists(io, req.unix_path))
        return err_set(e, ERR_NOT_FOUND,
                       "no agent runs with the state folder %s; --state-dir names another one", dir);
    rc = http_send(io, a, &req, &reply, e);
    if (rc == -ERR_NET)
        return err_set(e, ERR_NET, "no agent runs with the state folder %s: nobody answers on its socket",
                       dir);
    if (rc == 0 && reply.status != 200)
        return err_set(e, ERR_PROTO, "%s: status %d", req.unix_path, reply.status);
    return rc ? rc : jval_from_json(a, reply.body, "the agent's answer", NULL, ret, e);
}

static void print_counts(const struct jval *v)
{
    const struct jval *phases = jval_get(v, "launches");
    int64_t max = jval_int(jval_path(v, "slots.max"));

    if (max < 0)
        printf("Jobs       %lld, no limit\n", (long long)jval_int(jval_path(v, "slots.used")));
    else
        printf("Jobs       %lld of %lld\n", (long long)jval_int(jval_path(v, "slots.used")), (long long)max);
    printf("Launches   ");
    for (size_t i = 0; i < jval_len(phases); i++)
        printf("%s%lld %.*s", i ? ", " : "", (long long)jval_int(jval_at(phases, i)),
               STR_ARG(jval_key_at(phases, i)));
    printf("%s\n", jval_len(phases) ? "" : "none");
}

static void print_status(const struct jval *v)
{
    const struct jval *queues = jval_get(v, "queues"), *waiting = jval_get(v, "waiting");
    const char *state = jval_bool(jval_get(v, "draining")) ? "draining"
                        : jval_bool(jval_get(v, "paused")) ? "paused: takes nothing"
                        : jval_bool(jval_get(v, "ready"))  ? "takes items"
                                                           : "its server does not answer";

    printf("Agent      %s (process %lld)\nServer     %.*s\nQueues     %.*s/", state,
           (long long)jval_int(jval_get(v, "pid")), STR_ARG(jval_str(jval_get(v, "server"))),
           STR_ARG(jval_str(jval_get(v, "entity"))));
    for (size_t i = 0; i < jval_len(queues); i++)
        printf("%s%.*s", i ? ", " : "", STR_ARG(jval_str(jval_at(queues, i))));
    printf("\n");
    if (jval_get(v, "lastHeartbeatAt"))
        printf("Heartbeat  %.*s\n", STR_ARG(jval_str(jval_get(v, "lastHeartbeatAt"))));
    print_counts(v);
    for (size_t i = 0; i < jval_len(waiting); i++) {
        const struct jval *w = jval_at(waiting, i);

        printf("Waiting    %.*s since %.*s, %.*s: %.*s\n", STR_ARG(jval_str(jval_get(w, "item"))),
               STR_ARG(jval_str(jval_get(w, "since"))), STR_ARG(jval_str(jval_get(w, "cause"))),
               STR_ARG(jval_str(jval_get(w, "reason"))));
    }
}

static int run(struct io *io, const struct args *args, const char *what, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *v = NULL;
    int rc = ask(io, a, args, what, &v, e);

    if (rc)
        return rc;
    if (args_json(args))
        printf("%.*s\n", STR_ARG(jval_text(a, v, JVAL_PRETTY)));
    else
        print_status(v);
    return 0;
}

#define RUNNER(name)                                                                                         \
    static int name##_run(struct io *io, const struct args *args, struct err *e)                             \
    {                                                                                                        \
        return run(io, args, #name, e);                                                                      \
    }
RUNNER(status)
RUNNER(pause)
RUNNER(resume)
RUNNER(drain)

static const struct option_row rows[] = {
    { "state-dir", 0, OPTION_TEXT, "DIR", "the agent's folder (default ~/.local/share/slipway/agent)", 0, 0 },
    OPTION_OUTPUT,
    OPTION_END,
};

const struct verb verb_agent_status = {
    .name = "agent status",
    .operands = "",
    .summary = "what the agent on this machine does, and what its launches wait for",
    .examples = "  slipway agent status\n  slipway agent status -o json",
    .rows = rows,
    .run = status_run,
};
const struct verb verb_agent_pause = {
    .name = "agent pause",
    .operands = "",
    .summary = "let the agent take nothing more; jobs go on",
    .details = "A poll that is under way may still bring one item a queue. The pause ends with\n"
               "`slipway agent resume`, or with the agent's process.",
    .examples = "  slipway agent pause",
    .rows = rows,
    .run = pause_run,
};
const struct verb verb_agent_resume = {
    .name = "agent resume",
    .operands = "",
    .summary = "let a paused agent take items again",
    .examples = "  slipway agent resume",
    .rows = rows,
    .run = resume_run,
};
const struct verb verb_agent_drain = {
    .name = "agent drain",
    .operands = "",
    .summary = "end the agent as SIGTERM does: it takes nothing more, saves, and exits within 10 seconds",
    .details = "Its jobs run on; the next start takes them up (--on-exit stop: they are cancelled).",
    .examples = "  slipway agent drain --state-dir /var/lib/slipway",
    .rows = rows,
    .run = drain_run,
};
