/* cli/roles.c: starting the three roles from a command. */
#include "cli/roles.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/log.h"
#include "cli/launch_config.h"
#include "cli/sd_notify.h"
#include "io/file.h"

enum { EMULATOR_BODY_MAX = 80 * 1024 * 1024 }; /* an object of Cloud Storage in one request */
enum { TLS_FILE_MAX = 1024 * 1024, DRAIN_MS = 5000 };

static void warn_of_key(void *ctx, const char *text)
{
    (void)ctx;
    LOG_WARNING("google.key_exposed", "reason=\"%s\"", text);
}

struct google *role_google_with(struct io *io, const struct google_options *options)
{
    struct google_options o = *options;
    const char *host = o.endpoint ? strstr(o.endpoint, "://") : NULL;

    if (host)
        o.metadata_host = host + 3;
    if (!o.warn)
        o.warn = warn_of_key;
    return google_new(io, &o);
}

struct google *role_google_at(struct io *io, const char *endpoint)
{
    return role_google_with(io, &(struct google_options){ .endpoint = endpoint });
}

int role_google(struct io *io, struct google **ret, struct err *e)
{
    struct google_options o = { 0 };

    if (launch_config_google_env(io, &o, e))
        return -ERR_CONFIG;
    *ret = role_google_with(io, &o);
    return 0;
}

const char *role_region(struct io *io)
{
    const char *region = io_env(io, "GOOGLE_CLOUD_REGION");

    return region && region[0] ? region : "us-central1";
}

int role_check_host(const char *host, bool allowed, const char *flag, struct err *e)
{
    if (allowed || !host || strncmp(host, "127.", 4) == 0 || strcmp(host, "localhost") == 0 ||
        strcmp(host, "::1") == 0)
        return 0;
    return err_set(e, ERR_USAGE,
                   "--host %s is not loopback: others on the network could reach it; add %s if that is meant",
                   host, flag);
}

/* --- the queue server ---------------------------------------------------------------------------------- */

struct tls_files {
    struct str cert;
    struct secret *key;
};

static int read_tls(struct io *io, const struct server_place *p, struct arena *a, struct tls_files *ret,
                    struct err *e)
{
    int rc = 0;

    if (!p->tls_cert && !p->tls_key)
        return 0;
    if (!p->tls_cert || !p->tls_key)
        return err_set(e, ERR_USAGE, "--tls-cert and --tls-key belong together: %s is missing",
                       p->tls_cert ? "--tls-key" : "--tls-cert");
    rc = file_read(io, a, p->tls_cert, TLS_FILE_MAX, &ret->cert, e);
    if (rc == 0)
        rc = file_read_secret(io, p->tls_key, TLS_FILE_MAX, &ret->key, e);
    if (rc == 0 && !file_is_private(io, p->tls_key))
        LOG_WARNING("server.tls_key_not_private", "file=%s advice=\"chmod 600\"", p->tls_key);
    return rc;
}

static int listen_for_server(struct io *io, const struct server_place *p, struct served_server *s,
                             struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct tls_files tls = { 0 };
    int rc = read_tls(io, p, a, &tls, e);

    if (rc == 0)
        rc = http_listen(
            io,
            &(struct http_server_options){ .host = p->host,
                                           .port = p->port,
                                           .handler = server_handle,
                                           .ctx = s->server,
                                           .drain_ms = DRAIN_MS,
                                           .spool_dir = server_spool_dir(s->server),
                                           .max_spooled_bytes = (uint64_t)SERVER_UPLOAD_MAX_GIB << 30,
                                           .admit = server_admits,
                                           .tls_cert_pem = tls.cert,
                                           .tls_key_pem = tls.key },
            &s->http, e);
    secret_free(tls.key);
    return rc == -ERR_CONFIG ? err_wrap(e, "%s with %s", p->tls_cert, p->tls_key) : rc;
}

/* A port that is taken is the usual reason for not being able to listen. */
static int explain_listen(struct err *e)
{
    if (e->os_errno == EADDRINUSE)
        return err_set(e, ERR_OS,
                       "%s; another program has the port: choose another one, 0 takes any that is free",
                       e->msg);
    return -(int)e->code;
}

int role_db_url(struct io *io, const struct args *a, const char **ret, struct err *e)
{
    const char *url = args_text(a, "db") ? args_text(a, "db") : io_env_text(io, "SLIPWAY_DB");

    if (url && !str_has_prefix(str_of(url), STR("postgres://")) &&
        !str_has_prefix(str_of(url), STR("postgresql://")))
        return err_set(e, ERR_USAGE,
                       "--db, or SLIPWAY_DB: not an address of PostgreSQL: write it as "
                       "postgres://USER@HOST/DATABASE, and its password into PGPASSWORD or ~/.pgpass");
    *ret = url;
    return 0;
}

/* Servers that share a database share the folder too, each with a port of its own. */
static int lock_folder(struct io *io, const struct server_place *p, struct file_lock **ret, struct err *e)
{
    return p->db_url ? file_mkdirs(io, p->data_dir, e) : file_lock_folder(io, p->data_dir, "server", ret, e);
}

int role_bucket(struct io *io, const char *url, struct google **ret_google, struct bucket **ret,
                struct err *e)
{
    int rc = role_google(io, ret_google, e);

    return rc ? rc : bucket_new(io, *ret_google, url, ret, e);
}

static int use_files(struct io *io, const struct server_place *p, struct served_server *s, struct err *e)
{
    int rc = p->files ? role_bucket(io, p->files, &s->google, &s->bucket, e) : 0;

    return rc ? rc : server_use_files(s->server, s->bucket, !p->no_links, e);
}

int role_serve_server(struct io *io, const struct server_place *p, struct served_server *ret, struct err *e)
{
    struct served_server s = { .scheme = p->tls_cert ? "https" : "http" };
    struct server_options o = { .data_dir = p->data_dir,
                                .db_url = p->db_url,
                                .key_rate = p->key_rate,
                                .address_rate = p->address_rate,
                                .behind_proxy = p->behind_proxy,
                                .prunes = p->prunes,
                                .keep = p->keep,
                                .prune_every_ms = p->prune_every_ms,
                                .public_url = p->public_url,
                                .oidc = p->oidc };
    int rc = lock_folder(io, p, &s.lock, e);

    if (rc == 0)
        rc = server_new(io, &o, &s.server, e);
    if (rc == 0)
        rc = use_files(io, p, &s, e);
    if (rc == 0)
        rc = listen_for_server(io, p, &s, e);
    if (rc) {
        role_close_server(&s);
        return explain_listen(e);
    }
    server_start(s.server);
    LOG_INFO("server.listening", "url=%s://%s:%u data=%s", s.scheme, p->host ? p->host : "127.0.0.1",
             http_server_port(s.http), p->data_dir);
    *ret = s;
    return 0;
}

void role_close_server(struct served_server *s)
{
    http_server_close(s->http);
    server_free(s->server);
    bucket_free(s->bucket);
    google_free(s->google);
    file_unlock(s->lock);
    *s = (struct served_server){ 0 };
}

/* For `slipway emulator token` and the like: where it is, and a token that may do all. */
static int write_address(struct io *io, const struct emulator_place *p, const struct served_emulator *m,
                         struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *v = jval_new_object(a);
    const char *host = p->host && strcmp(p->host, "0.0.0.0") != 0 ? p->host : "127.0.0.1";

    jval_set_cstr(a, v, "url", arena_printf(a, "http://%s:%u", host, http_server_port(m->http)));
    jval_set_cstr(a, v, "token", emulator_admin_token(m->emulator, a));
    return file_write(io, arena_printf(a, "%s/%s", p->options.data_dir, ROLE_EMULATOR_ADDRESS),
                      jval_text(a, v, JVAL_PRETTY), 0600, e);
}

int role_serve_emulator(struct io *io, const struct emulator_place *p, struct served_emulator *ret,
                        struct err *e)
{
    struct served_emulator m = { 0 };
    int rc = file_lock_folder(io, p->options.data_dir, "emulator", &m.lock, e);

    if (rc == 0)
        rc = emulator_new(io, &p->options, &m.emulator, e);
    if (rc) {
        role_close_emulator(&m);
        return rc;
    }
    rc = http_listen(io,
                     &(struct http_server_options){ .host = p->host,
                                                    .port = p->port,
                                                    .handler = emulator_handle,
                                                    .max_body_bytes = EMULATOR_BODY_MAX,
                                                    .ctx = m.emulator,
                                                    .drain_ms = DRAIN_MS },
                     &m.http, e);
    if (rc) {
        role_close_emulator(&m);
        return explain_listen(e);
    }
    rc = write_address(io, p, &m, e);
    if (rc) {
        role_close_emulator(&m);
        return rc;
    }
    emulator_start(m.emulator);
    LOG_INFO("emulator.listening", "url=http://%s:%u data=%s", p->host ? p->host : "127.0.0.1",
             http_server_port(m.http), p->options.data_dir);
    *ret = m;
    return 0;
}

void role_close_emulator(struct served_emulator *m)
{
    http_server_close(m->http);
    emulator_free(m->emulator);
    file_unlock(m->lock);
    *m = (struct served_emulator){ 0 };
}

static void watch_signals(void *arg)
{
    struct stop *s = arg;
    struct err e;
    int number = 0;

    while (io_signal_wait(s->io, &number, &e) == 0) {
        if (number == SIGHUP) {
            s->hangups++;
            cond_broadcast(s->io, &s->changed);
            continue;
        }
        if (s->asked) {
            (void)signal(number, SIG_DFL);
            (void)raise(number);
        }
        s->asked = true;
        sd_notify_send(s->io, "STOPPING=1");
        cond_broadcast(s->io, &s->changed);
    }
}

void role_catch_stop(struct io *io, struct stop *s)
{
    bool turned;

    *s = (struct stop){ .io = io, .watcher = group_new(io) };
    group_spawn(s->watcher, "stop-signals", watch_signals, s);
    turned = io_sleep(io, 0, NULL) == 0; /* its turn: now it waits */
    (void)turned;                        /* cancelled already: whoever waits is told */
}

void role_ready(struct stop *s)
{
    if (s->ready)
        return;
    s->ready = true;
    sd_notify_send(s->io, "READY=1");
    group_spawn(s->watcher, "watchdog", sd_notify_watchdog, s->io);
}

void role_release_stop(struct stop *s)
{
    group_cancel(s->watcher);
    group_wait(s->watcher);
    group_free(s->watcher);
}

int role_wait_for_stop(struct stop *s, struct err *e)
{
    while (!s->asked) {
        int rc = cond_wait(s->io, &s->changed, -1, e);

        if (rc)
            return rc;
    }
    return 0;
}

struct drainer {
    struct stop *stop;
    struct agent *agent;
};

static void drain_when_asked(void *arg)
{
    struct drainer *d = arg;
    struct err e;

    if (role_wait_for_stop(d->stop, &e) == 0)
        agent_drain(d->agent);
}

int role_run_agent(struct stop *s, struct agent *agent, struct err *e)
{
    struct drainer d = { s, agent };
    struct group *g = group_new(s->io);
    int rc = 0;

    role_ready(s);
    group_spawn(g, "agent-drainer", drain_when_asked, &d);
    rc = agent_run(agent, e);
    group_end(g);
    return rc;
}

const char *role_default_dir(struct io *io, struct arena *a, const char *name)
{
    const char *data = io_env(io, "XDG_DATA_HOME");
    const char *home = io_env(io, "HOME");

    if (data && data[0])
        return arena_printf(a, "%s/slipway/%s", data, name);
    return arena_printf(a, "%s/.local/share/slipway/%s", home && home[0] ? home : ".", name);
}
