/* cli/server.c: `slipway server` and `slipway admin`. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/roles.h"
#include "cli/verbs.h"

enum { DEFAULT_PORT = 8080 };

/* Shown this once; only a hash is kept. */
static void print_key(const struct secret *key, const char *username, const char *url)
{
    struct str text = secret_unwrap(key);

    printf("User %s. API key, shown this once:\n\n  %.*s\n\nLog in with it:\n  slipway login --url %s\n  "
           "wandb login --host %s\n",
           username, STR_ARG(text), url, url);
    fflush(stdout);
}

static int announce(const struct served_server *s, const char *url, struct err *e)
{
    AUTO_PTR(secret) first = NULL;

    if (server_first_admin(s->server, &first, e))
        return -e->code;
    printf("Queue server: %s\n", url);
    if (first)
        print_key(first, "admin", url);
    return fflush(stdout) ? err_set_os(e, errno, "cannot print the address") : 0;
}

static int server_run(struct io *io, const struct args *a, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct served_server s = { 0 };
    struct server_place p = { .data_dir = args_text(a, "data"),
                              .host = args_text(a, "host") ? args_text(a, "host") : "127.0.0.1",
                              .port = (uint16_t)args_int(a, "port", DEFAULT_PORT),
                              .tls_cert = args_text(a, "tls-cert"),
                              .tls_key = args_text(a, "tls-key") };
    struct stop stop;
    int rc = role_check_host(p.host, args_has(a, "public"), "--public", e);

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

static const struct option_row server_rows[] = {
    { "data", 'd', OPTION_TEXT, "DIR", "where the database lives (default ~/.local/share/slipway/server)", 0,
      0 },
    { "host", 0, OPTION_TEXT, "ADDRESS", "address to listen on (default 127.0.0.1)", 0, 0 },
    { "port", 0, OPTION_INT, "N", "port to listen on, 0 for any (default 8080)", 0, 65535 },
    { "public", 0, OPTION_FLAG, NULL, "allow an address that is not loopback; use TLS then", 0, 0 },
    { "tls-cert", 0, OPTION_TEXT, "FILE", "serve https with this PEM certificate, its chain behind it", 0,
      0 },
    { "tls-key", 0, OPTION_TEXT, "FILE", "its private key, PEM without a passphrase", 0, 0 },
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
        "Clients believe a certificate of a private authority when SSL_CERT_FILE names that authority's PEM "
        "file\n(slipway) or REQUESTS_CA_BUNDLE does (wandb).",
    .examples = "  slipway server --data /var/lib/slipway --port 8080\n"
                "  slipway server --host 0.0.0.0 --public --tls-cert server.pem --tls-key server.key",
    .rows = server_rows,
    .run = server_run,
};

/* --- admin: on the same data folder
 * ---------------------------------------------------------------------------- */

static int open_store(struct io *io, const struct args *a, struct arena *arena, struct server **ret,
                      struct err *e)
{
    struct server_options o = { .data_dir = args_text(a, "data") };

    if (!o.data_dir)
        o.data_dir = role_default_dir(io, arena, "server");
    return server_new(io, &o, ret, e) ? err_wrap(e, "opening the store in %s", o.data_dir) : 0;
}

static int user_create(struct io *io, const struct args *a, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    AUTO_PTR(secret) chosen = args_text(a, "api-key") ? secret_new(str_of(args_text(a, "api-key"))) : NULL;
    AUTO_PTR(secret) key = NULL;
    struct server *s = NULL;
    struct admin_user_options o = { .username = args_operand(a, 0),
                                    .email = args_text(a, "email"),
                                    .admin = args_has(a, "admin"),
                                    .api_key = chosen };
    int rc = open_store(io, a, arena, &s, e);

    if (rc == 0)
        rc = server_user_create(s, &o, &key, e);
    if (rc == 0 && args_json(a))
        printf("{\"username\": \"%s\", \"api_key\": \"%.*s\"}\n", o.username, STR_ARG(secret_unwrap(key)));
    else if (rc == 0)
        print_key(key, o.username, "URL");
    server_free(s);
    return rc;
}

static const struct option_row user_rows[] = {
    { "data", 'd', OPTION_TEXT, "DIR", "the server's data folder", 0, 0 },
    { "email", 0, OPTION_TEXT, "ADDRESS", "for notifications and display", 0, 0 },
    { "admin", 0, OPTION_FLAG, NULL, "may do everything", 0, 0 },
    { "api-key", 0, OPTION_TEXT, "KEY",
      "choose the key (40 characters or more of A-Z a-z 0-9 _ -); for tests", 0, 0 },
    OPTION_OUTPUT,
    OPTION_END,
};

const struct verb verb_admin_user_create = {
    .name = "admin user create",
    .operands = "NAME",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "make a user and print the API key, once",
    .examples = "  slipway admin user create ada --data /var/lib/slipway\n  slipway admin user create root "
                "--admin -o json",
    .rows = user_rows,
    .run = user_create,
};

static int team_create(struct io *io, const struct args *a, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct server *s = NULL;
    int rc = open_store(io, a, arena, &s, e);

    if (rc == 0)
        rc = server_team_create(s, args_operand(a, 0), args_list(a, "member"), e);
    if (rc == 0 && args_json(a))
        printf("{\"team\": \"%s\"}\n", args_operand(a, 0));
    else if (rc == 0)
        printf("Team %s is made.\n", args_operand(a, 0));
    server_free(s);
    return rc;
}

static const struct option_row team_rows[] = {
    { "data", 'd', OPTION_TEXT, "DIR", "the server's data folder", 0, 0 },
    { "member", 'm', OPTION_LIST, "USER", "a member", 0, 0 },
    OPTION_OUTPUT,
    OPTION_END,
};

const struct verb verb_admin_team_create = {
    .name = "admin team create",
    .operands = "NAME",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "make a team that can own queues",
    .examples = "  slipway admin team create vision --member ada --member bob",
    .rows = team_rows,
    .run = team_create,
};
