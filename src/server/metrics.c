/*
 * server/metrics.c: what the server does, for those who watch over it. Names of queues and teams are in it,
 * so it is told to this machine and to admins only.
 */
#include "server/server_internal.h"

enum { METRICS_MAX_BYTES = 16 * 1024 * 1024 };

static const char *const kind_names[REQUEST_KINDS] = { [REQUEST_GRAPHQL] = "graphql",
                                                       [REQUEST_WAIT] = "wait",
                                                       [REQUEST_FILES] = "files",
                                                       [REQUEST_OTHER] = "other" };

/* Behind a proxy everybody comes from this machine. */
static bool is_local(const struct http_exchange *x)
{
    bool forwarded = http_header_get(x->headers, x->header_count, "X-Forwarded-For").ptr != NULL;

    return !forwarded && (str_has_prefix(x->peer, STR("127.")) || str_has_prefix(x->peer, STR("[::1]")));
}

static void add_queue(struct strbuf *out, const char *name, const struct store_depth *d)
{
    strbuf_addf(out, "%s{entity=\"", name);
    prom_text(out, d->entity);
    strbuf_addz(out, "\",queue=\"");
    prom_text(out, d->queue);
    strbuf_addz(out, "\"");
}

static void write_depths(struct strbuf *out, const struct store_depth *depths, size_t len,
                         int64_t now_unix_ms)
{
    prom_head(out, "slipway_server_items", "gauge", "Items that have not ended, by queue and state.");
    for (size_t i = 0; i < len; i++) {
        add_queue(out, "slipway_server_items", &depths[i]);
        strbuf_addf(out, ",state=\"%.*s\"} %lld\n", STR_ARG(depths[i].state), (long long)depths[i].items);
    }
    prom_head(out, "slipway_server_oldest_waiting_seconds", "gauge", "Age of the oldest item that waits.");
    for (size_t i = 0; i < len; i++) {
        if (!str_is(depths[i].state, "PENDING"))
            continue;
        add_queue(out, "slipway_server_oldest_waiting_seconds", &depths[i]);
        strbuf_addf(out, "} %.3f\n", (double)(now_unix_ms - depths[i].oldest_unix_ms) / 1000);
    }
}

static void write_counts(struct strbuf *out, const struct server_counts *c)
{
    static const struct prom_calls_names names = { "slipway_server_request", "kind", "Requests answered" };
    struct prom_kind kinds[REQUEST_KINDS];

    prom_one(out, "slipway_server_pushes_total", "counter", "Items put into queues.", (double)c->pushes);
    prom_head(out, "slipway_server_pops_total", "counter", "Answers to agents that asked for an item.");
    strbuf_addf(out, "slipway_server_pops_total{found=\"yes\"} %llu\n", (unsigned long long)c->pops);
    strbuf_addf(out, "slipway_server_pops_total{found=\"no\"} %llu\n", (unsigned long long)c->empty_pops);
    prom_one(out, "slipway_server_leases_expired_total", "counter",
             "Items that went back to their queue because no agent acknowledged them in time.",
             (double)c->leases_expired);
    prom_one(out, "slipway_server_items_abandoned_total", "counter",
             "Items whose agent fell silent, and that another may take over.", (double)c->abandoned);
    prom_one(out, "slipway_server_pruned_lines_total", "counter",
             "Logged lines of old runs that were removed.", (double)c->pruned.lines);
    prom_one(out, "slipway_server_pruned_run_files_total", "counter",
             "Files of old and deleted runs that were removed.", (double)c->pruned.files);
    prom_one(out, "slipway_server_pruned_versions_total", "counter",
             "Versions of artifacts that were removed.", (double)c->pruned.versions);
    prom_one(out, "slipway_server_pruned_artifact_bytes_total", "counter",
             "Bytes of deleted artifacts that were removed.", (double)c->pruned.blob_bytes);
    for (size_t i = 0; i < REQUEST_KINDS; i++)
        kinds[i] = (struct prom_kind){ kind_names[i], &c->requests[i] };
    prom_calls_write(out, &names, kinds, REQUEST_KINDS);
}

void metrics_handle(struct server *s, struct http_exchange *x)
{
    AUTO_STRBUF struct strbuf out = STRBUF(METRICS_MAX_BYTES);
    struct store_user user = { 0 };
    struct store_depth *depths = NULL;
    size_t len = 0;
    struct err e = { 0 };

    if (!is_local(x)) {
        if (!auth_check(s, x, &user))
            return;
        if (!user.admin) {
            reply_error(x, 403, "metrics are for this machine and for admins of the server");
            return;
        }
    }
    if (store_item_depths(s->store, x->a, &depths, &len, &e) < 0) {
        reply_failure(x, &e, "the queues could not be counted");
        return;
    }
    prom_head(&out, "slipway_server_info", "gauge", "The server's version.");
    strbuf_addz(&out, "slipway_server_info{version=\"" SLIPWAY_VERSION "\"} 1\n");
    write_depths(&out, depths, len, server_now_unix_ms(s));
    write_counts(&out, &s->counts);
    http_reply_text(x, 200, "text/plain; version=0.0.4; charset=utf-8", strbuf_str(&out));
}
