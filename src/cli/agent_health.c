/* cli/agent_health.c: an agent's own small HTTP server. It says nothing secret, and takes no orders. */
#include "cli/agent_health.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"

enum { MAX_CONNECTIONS = 64, METRICS_MAX = 4 * 1024 * 1024 };

struct agent_health {
    struct agent *agent;
    struct http_server *server;
};

static void serve(void *ctx, struct http_exchange *x)
{
    const struct agent_health *h = ctx;
    AUTO_STRBUF struct strbuf text = STRBUF(METRICS_MAX);

    if (!str_is(x->method, "GET") && !str_is(x->method, "HEAD"))
        http_reply_text(x, 405, "text/plain", STR("GET only\n"));
    else if (str_is(x->path, "/healthz"))
        http_reply_text(x, 200, "text/plain", STR("ok\n"));
    else if (str_is(x->path, "/readyz") && agent_is_ready(h->agent))
        http_reply_text(x, 200, "text/plain", STR("ok\n"));
    else if (str_is(x->path, "/readyz"))
        http_reply_text(x, 503, "text/plain", STR("the queue server has not answered for a minute\n"));
    else if (str_is(x->path, "/metrics")) {
        agent_metrics(h->agent, &text);
        http_reply_text(x, 200, "text/plain; version=0.0.4; charset=utf-8", strbuf_str(&text));
    } else
        http_reply_text(x, 404, "text/plain", STR("there are /healthz, /readyz and /metrics\n"));
}

/* --http-port, else PORT, which Cloud Run sets: -1 for neither. */
static int choose_port(struct io *io, const struct args *args, int64_t *ret, bool *ret_all, struct err *e)
{
    const char *port = io_env_text(io, "PORT");

    *ret = args_int(args, "http-port", -1);
    *ret_all = *ret < 0 && port;
    if (*ret < 0 && port && (!str_to_i64(str_of(port), ret) || *ret < 0 || *ret > 65535))
        return err_set(e, ERR_CONFIG, "PORT in the environment: \"%s\" is not a port", port);
    return 0;
}

int agent_health_open(struct io *io, const struct args *args, struct agent *agent, struct agent_health **ret,
                      struct err *e)
{
    const char *host = args_text(args, "http-host");
    struct http_server_options o = { .handler = serve, .max_connections = MAX_CONNECTIONS };
    struct agent_health *h;
    bool all = false;
    int64_t port = -1;
    int rc = choose_port(io, args, &port, &all, e);

    if (rc || port < 0)
        return rc;
    h = xcalloc(1, sizeof(*h));
    h->agent = agent;
    o.ctx = h;
    o.host = host ? host : all ? "0.0.0.0" : "127.0.0.1";
    o.port = (uint16_t)port;
    rc = http_listen(io, &o, &h->server, e);
    if (rc) {
        free(h);
        return rc;
    }
    LOG_INFO("agent.http", "url=http://%s:%u", o.host, http_server_port(h->server));
    *ret = h;
    return 0;
}

void agent_health_close(struct agent_health *h)
{
    if (!h)
        return;
    http_server_close(h->server);
    free(h);
}
