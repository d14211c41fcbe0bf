/* cli/server.c: `slipway server`. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/admin.h"
#include "cli/roles.h"
#include "cli/sign_in.h"
#include "cli/verbs.h"

enum { DEFAULT_PORT = 8080, KEY_RATE = 2000, ADDRESS_RATE = 5000, RATE_MAX = 1000000 };

static int announce(const struct served_server *s, const char *url, struct err *e)
{
    AUTO_PTR(secret) first = NULL;

    if (server_first_admin(s->server, &first, e))
        return -e->code;
    printf("Queue server: %s\n", url);
    if (first)
        admin_print_key(first, "admin", url);
    return fflush(stdout) ? err_set_os(e, errno, "cannot print the address") : 0;
}

static int serve(struct io *io, const struct args *a, const struct sign_in_settings *sign_in, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct served_server s = { 0 };
    struct server_place p = { .data_dir = args_text(a, "data"),
                              .host = args_text(a, "host") ? args_text(a, "host") : "127.0.0.1",
                              .port = (uint16_t)args_int(a, "port", DEFAULT_PORT),
                              .key_rate = (double)args_int(a, "key-rate", KEY_RATE),
                              .address_rate = (double)args_int(a, "address-rate", ADDRESS_RATE),
                              .behind_proxy = args_has(a, "behind-proxy"),
                              .files = args_text(a, "files"),
                              .no_links = args_has(a, "no-links"),
                              .tls_cert = args_text(a, "tls-cert"),
                              .tls_key = args_text(a, "tls-key"),
                              .public_url = sign_in->public_url,
                              .oidc = sign_in->oidc,
                              .prunes = true };
    struct stop stop;
    int rc = role_check_host(p.host, args_has(a, "public"), "--public", e);

    rc = rc ? rc : role_db_url(io, a, &p.db_url, e);
    rc = rc ? rc : admin_keep(a, false, &p.keep, e);
    rc = rc ? rc : admin_time(a, "prune-every", &p.prune_every_ms, e);
    if (p.db_url) /* each connection has a thread while it works, and libuv starts with four */
        (void)setenv("UV_THREADPOOL_SIZE", "12", 0);
    p.data_dir = p.data_dir ? p.data_dir : role_default_dir(io, arena, "server");
    if (rc == 0)
        rc = role_serve_server(io, &p, &s, e);
    if (rc)
        return rc;
    role_catch_stop(io, &stop);
    rc = announce(&s, arena_printf(arena, "%s://%s:%u", s.scheme, p.host, http_server_port(s.http)), e);
    if (rc == 0)
        role_ready(&stop);
    if (rc == 0)
        rc = role_wait_for_stop(&stop, e);
    role_release_stop(&stop);
    role_close_server(&s);
    return rc;
}

static int server_run(struct io *io, const struct args *a, struct err *e)
{
    struct sign_in_settings sign_in = { 0 };
    int rc = sign_in_settings(io, a, args_text(a, "host"), &sign_in, e);

    rc = rc ? rc : serve(io, a, &sign_in, e);
    sign_in_settings_done(&sign_in);
    return rc;
}

static const struct option_row server_rows[] = {
    { "data", 'd', OPTION_TEXT, "DIR", "where the database lives (default ~/.local/share/slipway/server)", 0,
      0 },
    { "db", 0, OPTION_TEXT, "URL", "postgres://USER@HOST/NAME: keep all but files there, in place of SQLite",
      0, 0 },
    { "files", 0, OPTION_TEXT, "URL",
      "gs://BUCKET/FOLDER: keep files of runs and artifacts there; for a new store", 0, 0 },
    { "no-links", 0, OPTION_FLAG, NULL,
      "files of the bucket go through the server: clients need not reach Cloud Storage", 0, 0 },
    { "host", 0, OPTION_TEXT, "ADDRESS", "address to listen on (default 127.0.0.1)", 0, 0 },
    { "port", 0, OPTION_INT, "N", "port to listen on, 0 for any (default 8080)", 0, 65535 },
    { "public", 0, OPTION_FLAG, NULL, "allow an address that is not loopback; use TLS then", 0, 0 },
    { "key-rate", 0, OPTION_INT, "N", "requests a second of one API key, 0 for no limit (default 2000)", 0,
      RATE_MAX },
    { "address-rate", 0, OPTION_INT, "N", "requests a second from one address, 0 for no limit (default 5000)",
      0, RATE_MAX },
    { "behind-proxy", 0, OPTION_FLAG, NULL,
      "the address is the last one of X-Forwarded-For, which a proxy adds", 0, 0 },
    { "tls-cert", 0, OPTION_TEXT, "FILE", "serve https with this PEM certificate, its chain behind it", 0,
      0 },
    { "tls-key", 0, OPTION_TEXT, "FILE", "its private key, PEM without a passphrase", 0, 0 },
    OPTION_KEEP,
    { "prune-every", 0, OPTION_TEXT, "TIME", "how often a little of what is not kept goes (default 1m)", 0,
      0 },
    OPTIONS_SIGN_IN,
    OPTION_END,
};

const struct verb verb_server = {
    .name = "server",
    .operands = "",
    .summary = "run the queue server",
    .details =
        "A first start on a folder without users makes the user admin, who may do everything, and prints "
        "the API\nkey once. 'slipway admin user create' on an empty folder makes just the user it is asked "
        "for; the server\nthen makes none.\n\n"
        "With --files the server's Google credentials need roles/storage.objectUser on the bucket. With a "
        "key "
        "file, or\nroles/iam.serviceAccountTokenCreator of their account on itself, clients exchange files "
        "of "
        "artifacts with the\nbucket by signed addresses; else, and with --no-links, through the server.\n\n"
        "Clients believe a certificate of a private authority when SSL_CERT_FILE names that authority's PEM "
        "file\n(slipway) or REQUESTS_CA_BUNDLE does (wandb).\n\n"
        "With --oidc-issuer people sign in with a browser and make their API keys at PUBLIC-URL/authorize, "
        "the "
        "address\nthat 'wandb login' prints. Register PUBLIC-URL/oidc/callback at the provider.",
    .examples =
        "  slipway server --data /var/lib/slipway --port 8080\n"
        "  slipway server --data /var/lib/slipway --files gs://my-bucket/slipway\n"
        "  slipway server --host 0.0.0.0 --public --tls-cert server.pem --tls-key server.key\n"
        "  slipway server --public-url https://queues.example.com --behind-proxy --oidc-issuer "
        "https://login.example.com \\\n"
        "    --oidc-client-id slipway --oidc-secret-file /etc/slipway/oidc-secret --oidc-create-users",
    .rows = server_rows,
    .run = server_run,
};
