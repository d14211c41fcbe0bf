/* cli/agent.c: `slipway agent`, also `slipway launch-agent` and `wandb launch-agent` through a link. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/agent_control.h"
#include "cli/agent_health.h"
#include "cli/agent_key.h"
#include "cli/agent_reload.h"
#include "cli/roles.h"
#include "cli/session.h"
#include "cli/verbs.h"
#include "launch/phase.h"

static int open_log_file(const struct args *a, int *ret_fd, struct err *e)
{
    const char *path = args_text(a, "log-file");

    if (!path)
        return 0;
    *ret_fd = str_is(str_of(path), "-") ? dup(STDOUT_FILENO)
                                        : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (*ret_fd < 0)
        return err_set_os(e, errno, "--log-file: cannot open %s", path);
    log_set_file(*ret_fd);
    return 0;
}

/* What a run of the agent is made of, each borrowed by those behind it. */
struct parts {
    struct session session;
    struct launch_config config;
    struct google *google;
    struct secret_manager *secrets;
    struct agent_key key;
    enum log_format log_format;
    bool stop_jobs; /* on exit */
};

/* Whose queues: where nothing says so, the owner of the key, whom the server knows. It may not be up yet.
 * *ret stays NULL when a stop was asked for meanwhile. */
static int find_entity(struct session *s, struct stop *stop, const char **ret, struct err *e)
{
    for (uint32_t attempt = 0; !stop->asked; attempt++) {
        int rc = session_entity(s, ret, e);

        if (!rc || !err_is_transient(e))
            return rc;
        if (attempt == 0)
            LOG_WARNING("agent.not_registered", "error=\"%s\" action=\"trying again until it answers\"",
                        e->msg);
        role_ready(stop); /* it may come after us */
        rc = cond_wait(s->io, &stop->changed, retry_delay_ms(attempt, e, io_random_unit(s->io)), e);
        if (rc == -ERR_CANCELLED)
            return rc;
    }
    return 0;
}

/* Who this agent is, also on an empty disk: its machine and the place of its state. Machines that all have
 * one name, as those of Cloud Run do, tell nobody apart. */
static const char *home_of(struct session *s, const char *state_dir)
{
    const char *given = io_env(s->io, "SLIPWAY_AGENT_HOME");
    char host[256] = "", here[4096] = "";

    if (given && given[0])
        return given;
    if (gethostname(host, sizeof(host) - 1) || !host[0] || strcmp(host, "localhost") == 0)
        return NULL;
    if (state_dir[0] != '/' && !getcwd(here, sizeof(here)))
        return NULL;
    return arena_printf(s->a, "%s:%s%s%s", host, here, here[0] ? "/" : "", state_dir);
}

static int work_until(struct stop *stop, struct parts *p, const struct args *a, struct err *e)
{
    struct session *s = &p->session;
    const struct launch_config *c = &p->config;
    struct agent_options o = { .version = "slipway@" SLIPWAY_VERSION,
                               .stop_jobs_on_drain = p->stop_jobs,
                               .wandb = s->wandb,
                               .google = p->google,
                               .secrets = p->secrets };
    struct agent *agent = NULL;
    struct agent_health *health = NULL;
    struct agent_control *control = NULL;
    struct agent_reloader *reloader = NULL;
    int rc = find_entity(s, stop, &o.entity, e);

    if (rc || !o.entity)
        return rc;
    agent_config_options(s->io, c, &o);
    o.state_dir =
        args_text(a, "state-dir") ? args_text(a, "state-dir") : role_default_dir(s->io, s->a, "agent");
    o.home = home_of(s, o.state_dir);
    rc = agent_new(s->io, &o, &agent, e);
    if (rc == 0)
        rc = agent_health_open(s->io, a, agent, &health, e);
    if (rc == 0)
        control = agent_control_open(s->io, agent, o.state_dir);
    if (rc == 0)
        reloader = agent_reload_open(s->io, &(struct agent_reload_options){ stop, agent, a, c });
    if (rc == 0)
        rc = role_run_agent(stop, agent, e);
    agent_control_close(control);
    agent_health_close(health);
    agent_reload_close(reloader);
    agent_free(agent);
    return rc;
}

static int work(struct parts *p, const struct args *a, struct err *e)
{
    struct stop stop;
    int rc;

    role_catch_stop(p->session.io, &stop);
    rc = work_until(&stop, p, a, e);
    role_release_stop(&stop);
    return rc;
}

static int start_and_work(struct parts *p, const struct args *a, struct err *e)
{
    struct session *s = &p->session;
    int rc;

    log_configure(p->config.verbosity > 0 ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, p->log_format);
    s->entity = p->config.entity ? p->config.entity : s->entity;
    p->google = role_google_with(s->io, &p->config.google);
    p->secrets = secret_manager_new(s->io, p->google, p->config.secret_keep_s * 1000);
    p->key = (struct agent_key){ .io = s->io, .google = p->google, .secrets = p->secrets };
    rc = agent_key_read(&p->key, s->a, &p->config, &s->settings, e);
    if (rc == 0)
        rc = session_connect(s, p->key.name.len ? agent_key_renew : NULL, &p->key, e);
    return rc ? rc : work(p, a, e);
}

/* The first of the two words is the one when nothing is given. *ret: whether it is the second. */
static int choose(const struct args *a, const char *flag, const char *const words[2], bool *ret,
                  struct err *e)
{
    const char *text = args_text(a, flag);

    if (text && !str_is(str_of(text), words[0]) && !str_is(str_of(text), words[1]))
        return err_set(e, ERR_USAGE, "--%s: \"%s\" is neither %s nor %s", flag, text, words[0], words[1]);
    *ret = text && str_is(str_of(text), words[1]);
    return 0;
}

static int read_flags(struct parts *p, const struct args *a, struct err *e)
{
    static const char *const exits[2] = { "leave", "stop" }, *const formats[2] = { "text", "json" };
    bool json = false;
    int rc = choose(a, "on-exit", exits, &p->stop_jobs, e);

    if (rc == 0)
        rc = choose(a, "log-format", formats, &json, e);
    if (rc)
        return rc;
    if (args_text(a, "log-format"))
        p->log_format = json ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
    log_configure(LOG_LEVEL_INFO, p->log_format);
    return 0;
}

static int agent_verb_run(struct io *io, const struct args *a, struct err *e)
{
    struct parts p = { 0 };
    int fd = -1;
    int rc = read_flags(&p, a, e);

    if (rc == 0)
        rc = session_begin(&p.session, io, a, e);
    if (rc == 0)
        rc = launch_config_load(io, p.session.a, a, &p.config, e);
    if (rc == 0)
        rc = open_log_file(a, &fd, e);
    if (rc == 0)
        rc = start_and_work(&p, a, e);
    secret_manager_free(p.secrets);
    google_free(p.google);
    session_close(&p.session);
    log_set_file(-1);
    fd_auto_close(&fd);
    return rc;
}

static const struct option_row agent_rows[] = {
    { "queue", 'q', OPTION_LIST, "NAME", "queue to take items from; replaces the file's list", 0, 0 },
    { "max-jobs", 'j', OPTION_INT, "N", "jobs at once, -1 for no limit (default 1)", -1, 1000000 },
    { "config", 'c', OPTION_TEXT, "FILE", "launch config (default ~/.config/wandb/launch-config.yaml)", 0,
      0 },
    { "state-dir", 0, OPTION_TEXT, "DIR", "the journal's folder (default ~/.local/share/slipway/agent)", 0,
      0 },
    { "log-file", 'l', OPTION_TEXT, "FILE", "also write log lines to FILE, - for standard output", 0, 0 },
    { "http-port", 0, OPTION_INT, "N", "serve /healthz, /readyz and /metrics (PORT; 0 for any)", 0, 65535 },
    { "http-host", 0, OPTION_TEXT, "ADDRESS", "where (default 127.0.0.1; with PORT all addresses)", 0, 0 },
    { "log-format", 0, OPTION_TEXT, "text|json", "form of log lines (default: text on a terminal, else json)",
      0, 0 },
    { "on-exit", 0, OPTION_TEXT, "leave|stop", "what a stop of the agent does to its jobs (default leave)", 0,
      0 },
    { "verbose", 'v', OPTION_COUNT, NULL, "more log lines", 0, 0 },
    OPTION_ENTITY,
    { "url", 'u', OPTION_TEXT, "URL", "server, instead of WANDB_BASE_URL and the settings file", 0, 0 },
    OPTION_END,
};

#define AGENT_DETAILS                                                                                        \
    "Takes items from launch queues and runs them as Vertex AI custom jobs. What it has taken is in a\n"     \
    "journal: it can be killed at any time and takes up where it was. SIGTERM or SIGINT ends "               \
    "it within\n10 seconds and leaves jobs running (--on-exit stop: cancels them); a second one ends it at " \
    "once. "                                                                                                 \
    "It tells\nsystemd how it is (Type=notify, WatchdogSec).\n\nIts W&B key is the first of: "               \
    "WANDB_API_KEY, the secret of Secret Manager that "                                                      \
    "WANDB_API_KEY_SECRET\nor wandb.api_key_secret in the config names, .netrc."

const struct verb verb_agent = {
    .name = "agent",
    .operands = "",
    .summary = "take items from queues and run them on Vertex AI",
    .details = AGENT_DETAILS,
    .examples = "  slipway agent --queue gpu --max-jobs 8\n  slipway agent --config launch-config.yaml "
                "--log-file agent.log",
    .rows = agent_rows,
    .run = agent_verb_run,
};

const struct verb verb_launch_agent = {
    .name = "launch-agent",
    .operands = "",
    .summary = "the same as agent, under W&B's name for it",
    .details = AGENT_DETAILS,
    .examples = "  slipway launch-agent -q gpu -e my-team -j 8",
    .rows = agent_rows,
    .run = agent_verb_run,
};
