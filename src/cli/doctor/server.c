/* cli/doctor/server.c: the W&B server and the queues on it. */
#include "cli/agent_key.h"
#include "cli/config_file.h"
#include "cli/doctor/doctor.h"
#include "cli/queue_find.h"
#include "launch/template.h"

enum { PROBE_TIMEOUT_MS = 8000 };

static void server_problem(struct doctor *d, const char *id, const char *cause, const char *fix)
{
    finding_add(&d->found,
                &(struct finding){ .level = FINDING_PROBLEM,
                                   .id = id,
                                   .title = arena_printf(d->a, "W&B server%s%s", d->server_url ? " " : "",
                                                         d->server_url ? d->server_url : ""),
                                   .cause = cause,
                                   .fix = fix });
}

/* --- the server --- */

static bool load_settings(struct doctor *d, struct wandb_settings *ret)
{
    struct err e = { 0 };

    if (wandb_settings_load(d->io, d->a, args_text(d->args, "url"), ret, &e)) {
        server_problem(d, "server.settings", arena_strdup(d->a, e.msg),
                       "correct what it names: WANDB_BASE_URL, --url, or the settings file");
        return false;
    }
    d->server_url = ret->base_url;
    return true;
}

/* Our own server says which slipway it is. */
static void compare_versions(struct doctor *d, const struct http_reply *reply)
{
    struct str theirs = http_header_get(reply->headers, reply->header_count, "Server");
    const char *title = "version of the server";

    if (!str_has_prefix(theirs, STR("slipway/"))) {
        doctor_ok(d, "server.version", title,
                  "not a slipway server; agents of W&B's protocol are served alike");
        return;
    }
    theirs = str_sub(theirs, 8, theirs.len);
    if (str_is(theirs, SLIPWAY_VERSION)) {
        doctor_ok(d, "server.version", title, "slipway " SLIPWAY_VERSION ", the same as here");
        return;
    }
    finding_add(&d->found,
                &(struct finding){ .level = FINDING_WARNING,
                                   .id = "server.version",
                                   .title = title,
                                   .cause = arena_printf(d->a, "slipway %.*s there, " SLIPWAY_VERSION " here",
                                                         STR_ARG(theirs)),
                                   .fix = "install the same version on both sides" });
}

/* Any answer shows that name, way and certificate are right. */
static bool reach_server(struct doctor *d)
{
    const struct refused r = { "server", arena_printf(d->a, "W&B server %s", d->server_url), NULL,
                               FINDING_PROBLEM };
    const struct http_request req = { .url = arena_printf(d->a, "%s/", d->server_url),
                                      .timeout_ms = PROBE_TIMEOUT_MS };
    struct http_reply reply = { 0 };
    struct err e = { 0 };
    int64_t asked_ms = io_now_unix_ms(d->io);

    if (http_send(d->io, d->a, &req, &reply, &e)) {
        if (e.code == ERR_INVALID)
            server_problem(d, "server.settings", arena_strdup(d->a, e.msg),
                           "correct the address: WANDB_BASE_URL, --url, or the settings file");
        else
            doctor_refused(d, &r, &(struct explanation){ 0 }, &e);
        return false;
    }
    doctor_clock(d, &(struct clock_peer){ "the W&B server",
                                          http_header_get(reply.headers, reply.header_count, "Date"),
                                          asked_ms, FINDING_WARNING });
    compare_versions(d, &reply);
    return true;
}

static bool try_key(struct doctor *d, struct wandb_settings *settings, struct wandb_viewer *viewer)
{
    struct err e = { 0 };
    const char *words;

    d->session = (struct session){ .io = d->io, .a = d->a };
    d->session.wandb = wandb_new(d->io, &(struct wandb_options){ .base_url = settings->base_url,
                                                                 .api_key = settings->api_key,
                                                                 .user_agent_version = SLIPWAY_VERSION });
    if (wandb_viewer(d->session.wandb, d->a, viewer, &e) == 0)
        return true;
    words = arena_strdup(d->a, e.msg);
    if (e.code == ERR_AUTH || e.code == ERR_DENIED)
        server_problem(
            d, "server.key_refused",
            arena_printf(d->a, "the key of %s is not accepted: %s", settings->api_key_from, words),
            arena_printf(d->a, "get a key from the server and run `slipway login --url %s`", d->server_url));
    else if (e.code == ERR_PROTO || e.code == ERR_NOT_FOUND)
        server_problem(d, "server.not_wandb", arena_printf(d->a, "what answers is no W&B API: %s", words),
                       "correct the address: WANDB_BASE_URL, --url, or the settings file");
    else
        doctor_refused(d,
                       &(struct refused){ "server", arena_printf(d->a, "W&B server %s", d->server_url), NULL,
                                          FINDING_PROBLEM },
                       &(struct explanation){ 0 }, &e);
    return false;
}

static void pick_entity(struct doctor *d, const struct wandb_settings *settings,
                        const struct wandb_viewer *viewer)
{
    const char *own = viewer->entity.len ? arena_cstr(d->a, viewer->entity) : NULL;

    d->entity = args_text(d->args, "entity") ? args_text(d->args, "entity") : d->config.entity;
    d->entity = d->entity ? d->entity : settings->entity ? settings->entity : own;
}

static void entity_missing(struct doctor *d, const char *title, const struct err *e)
{
    finding_add(
        &d->found,
        &(struct finding){
            .level = FINDING_PROBLEM,
            .id = "server.entity_missing",
            .title = title,
            .cause = "the server has no such entity with queues, or this key may not see it",
            .fix = "correct --entity or WANDB_ENTITY, have the key's user added to the team, or make the "
                   "first queue with `slipway queue create`",
            .detail = arena_strdup(d->a, e->msg) });
    d->entity = NULL;
}

static void look_at_entity(struct doctor *d)
{
    struct wandb_queue_list queues = { 0 };
    struct err e = { 0 };
    const char *title = arena_printf(d->a, "entity %s", d->entity ? d->entity : "");

    if (!d->entity)
        server_problem(d, "server.no_entity", "the key has no entity of its own, and none was given",
                       "give --entity NAME, or set WANDB_ENTITY");
    else if (wandb_queues(d->session.wandb, d->a, str_of(d->entity), &queues, &e) == 0)
        doctor_ok(d, "server.entity", title,
                  arena_printf(d->a, "has %zu queue%s", queues.len, queues.len == 1 ? "" : "s"));
    else if (e.code == ERR_NOT_FOUND || e.code == ERR_DENIED)
        entity_missing(d, title, &e);
    else
        doctor_refused(d, &(struct refused){ "server", title, NULL, FINDING_PROBLEM },
                       &(struct explanation){ 0 }, &e);
}

/* A key in Secret Manager is read as the agent reads it; why it may not be is for the check of secrets.
 * False: what there is to say of the key is said. */
static bool read_secret_key(struct doctor *d, struct wandb_settings *settings)
{
    struct secret_manager *secrets;
    struct agent_key key = { .io = d->io, .google = d->google };
    struct err e = { 0 };
    struct str cause, fix = STR("see what is said of the secret");
    int rc;

    if (!d->config.api_key_secret || io_env_text(d->io, "WANDB_API_KEY"))
        return true;
    if (!doctor_may_call(d, "server", arena_printf(d->a, "W&B key (%s)", d->config.api_key_secret_from)))
        return false;
    key.secrets = secrets = secret_manager_new(d->io, d->google, 0);
    rc = agent_key_read(&key, d->a, &d->config, settings, &e);
    secret_manager_free(secrets);
    wants_add_secret(doctor_wants(d), key.name);
    if (rc == 0)
        return true;
    (void)refusal_cut(str_of(arena_strdup(d->a, e.msg)), &cause, &fix);
    server_problem(d, "server.key_unreadable", arena_cstr(d->a, cause), arena_cstr(d->a, fix));
    return false;
}

void check_server(struct doctor *d)
{
    struct wandb_settings settings = { 0 };
    struct wandb_viewer viewer = { 0 };
    bool has_key;

    if (!load_settings(d, &settings))
        return;
    has_key = read_secret_key(d, &settings);
    if (has_key && !settings.api_key)
        server_problem(
            d, "server.no_key", "there is no API key for it",
            arena_printf(d->a, "set WANDB_API_KEY, or run `slipway login --url %s`", d->server_url));
    if (reach_server(d) && has_key && settings.api_key && try_key(d, &settings, &viewer)) {
        d->server_is_good = true;
        doctor_ok(d, "server", arena_printf(d->a, "W&B server %s", d->server_url),
                  arena_printf(d->a, "takes the key of %.*s (%s)", STR_ARG(viewer.username),
                               settings.api_key_from));
        pick_entity(d, &settings, &viewer);
        look_at_entity(d);
    }
    secret_free(settings.api_key);
}

/* --- queues --- */

static void queue_problem(struct doctor *d, const char *id, const char *title, const char *cause,
                          const char *fix)
{
    finding_add(
        &d->found,
        &(struct finding){ .level = FINDING_PROBLEM, .id = id, .title = title, .cause = cause, .fix = fix });
}

static const char *first_problem(struct doctor *d, const struct problems *p, enum problem_level level)
{
    AUTO_STRBUF struct strbuf b = STRBUF(4096);

    for (size_t i = 0; i < p->len && !b.len; i++)
        if (p->items[i].level == level) {
            struct problem plain = p->items[i];

            plain.level = PROBLEM_ERROR;
            problem_format(&b, p, &plain);
        }
    return arena_strdup(d->a, strbuf_cstr(&b));
}

/* @validate: the command that shows all that is wrong. */
static void judge_config(struct doctor *d, const char *title, const char *validate, const struct problems *p)
{
    if (p->errors)
        queue_problem(
            d, "queue.config_invalid", title,
            arena_printf(d->a, "no job can be made of its config: %s%s", first_problem(d, p, PROBLEM_ERROR),
                         p->errors > 1 ? " (and more)" : ""),
            arena_printf(d->a, "correct the config; `%s` shows all that is wrong with it", validate));
    else if (p->warnings)
        finding_add(&d->found,
                    &(struct finding){ .level = FINDING_WARNING,
                                       .id = "queue.config_warning",
                                       .title = title,
                                       .cause = first_problem(d, p, PROBLEM_WARNING),
                                       .fix = arena_printf(d->a, "`%s` shows all of them", validate) });
    else
        doctor_ok(d, "queue", title, "its config makes a job");
}

static void look_at_config(struct doctor *d, const char *name, const char *title, const struct jval *record)
{
    struct problems p = { .a = d->a, .file = "" };
    struct jval *variables = NULL, *parsed = NULL;
    const struct jval *config = jval_get(record, "config");
    struct err e = { 0 };

    if (jval_is(config, JVAL_STR)) { /* as W&B sends it: text */
        if (jval_from_json(d->a, jval_str(config), "config", NULL, &parsed, &e)) {
            queue_problem(d, "queue.config_invalid", title, arena_strdup(d->a, e.msg),
                          "give the queue a new config with `slipway queue create`");
            return;
        }
        config = parsed;
    }
    if (queue_template_variables(d->a, record, &variables, &e) ||
        wants_add_config(doctor_wants(d), config, variables, &p, &e)) {
        if (!p.errors)
            problem_of_err(&p, &e);
    }
    judge_config(d, title, arena_printf(d->a, "slipway queue create %s --config queue.yaml", name), &p);
}

static void look_at_queue(struct doctor *d, const char *name)
{
    const struct jval *queue = NULL, *record = NULL;
    const char *title = arena_printf(d->a, "queue %s", name);
    struct str resource;
    struct err e = { 0 };

    if (queue_find(&d->session, d->entity, name, &queue, &e) ||
        queue_config(&d->session, d->entity, queue, &record, &e)) {
        if (e.code == ERR_NOT_FOUND)
            queue_problem(d, "queue.missing", title, arena_strdup(d->a, e.msg),
                          arena_printf(d->a,
                                       "correct the name, or make it: `slipway queue create %s --config "
                                       "queue.yaml`",
                                       name));
        else
            doctor_refused(d, &(struct refused){ "queue", title, NULL, FINDING_PROBLEM },
                           &(struct explanation){ 0 }, &e);
        return;
    }
    resource = jval_str(jval_get(record, "resource"));
    if (jval_is(record, JVAL_NULL))
        queue_problem(d, "queue.no_config", title,
                      "it has no config, so that nobody knows which machines to ask for",
                      arena_printf(d->a, "give it one: `slipway queue create %s --config queue.yaml`", name));
    else if (resource.len && !str_is(resource, "vertex") && !str_is(resource, "gcp-vertex"))
        queue_problem(
            d, "queue.wrong_resource", title,
            arena_printf(d->a, "its items run on \"%.*s\", this agent on Vertex AI", STR_ARG(resource)),
            "name a queue whose resource is vertex, or run an agent for that resource");
    else
        look_at_config(d, name, title, record);
}

static void look_at_file(struct doctor *d, const char *path)
{
    const char *title = arena_printf(d->a, "queue config %s", path);
    struct problems p = { .a = d->a, .file = path };
    struct config_file f = { 0 };
    struct err e = { 0 };

    if (config_read(d->io, d->a, path, &f, &e)) {
        queue_problem(d, "queue.config_unreadable", title, arena_strdup(d->a, e.msg),
                      "correct the file, or its name");
        return;
    }
    if (wants_add_config(doctor_wants(d), f.config, template_propose(d->a, f.config, false), &p, &e) &&
        !p.errors)
        problem_of_err(&p, &e);
    judge_config(d, title, arena_printf(d->a, "slipway queue validate %s", path), &p);
}

void check_queues(struct doctor *d)
{
    const char *const *names = args_list(d->args, "queue");
    const char *const *files = args_list(d->args, "queue-config");

    if (!names[0] && d->config.queues)
        names = d->config.queues;
    for (; *names; names++) {
        if (d->server_is_good && d->entity)
            look_at_queue(d, *names);
        else
            doctor_skip(d, "queue", arena_printf(d->a, "queue %s", *names),
                        d->server_is_good ? "no entity" : "the server cannot be asked");
    }
    for (; *files; files++)
        look_at_file(d, *files);
    if (!args_list(d->args, "queue")[0] && !args_list(d->args, "queue-config")[0] &&
        !(d->config.queues && d->config.queues[0]))
        doctor_skip(d, "queue", "queues", "none is named: give --queue NAME or --queue-config FILE");
}
