/* cli/auth.c: `slipway auth ...`: who the agent would be to Google, and whether Google agrees. */
#include <stdio.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "cli/launch_config.h"
#include "cli/roles.h"
#include "cli/session.h"
#include "cli/verbs.h"

enum { DURATION_SIZE = 32 };

struct auth {
    struct io *io;
    struct arena *a;
    struct launch_config config;
    struct google *google;
};

/* The credentials that `slipway agent` would use: the same file, the same environment. */
static int auth_open(struct auth *t, struct io *io, const struct args *a, struct err *e)
{
    *t = (struct auth){ .io = io, .a = arena_new() };
    if (launch_config_read(io, t->a, args_text(a, "config"), &t->config, e))
        return -e->code;
    t->google = role_google_with(io, &t->config.google);
    return 0;
}

static void auth_close(struct auth *t)
{
    google_free(t->google);
    arena_free(t->a);
}

static struct str project_of(const struct auth *t, const struct google_identity *id)
{
    return t->config.gcp_project ? str_of(t->config.gcp_project) : id->project;
}

static const char *project_found_by(const struct auth *t, const struct google_identity *id)
{
    return t->config.gcp_project ? t->config.path : arena_cstr(t->a, id->project_found_by);
}

/* --- whoami --- */

static void set_known(struct arena *a, struct jval *v, const char *key, struct str value)
{
    jval_set(a, v, key, value.len ? jval_new_str(a, value) : jval_new_null(a));
}

static void whoami_json(struct auth *t, const struct google_identity *id)
{
    struct jval *v = jval_new_object(t->a);
    char expiry[RFC3339_SIZE];

    rfc3339_format(io_now_unix_ms(t->io) + id->expires_in_s * 1000, expiry);
    set_known(t->a, v, "principal", id->principal);
    set_known(t->a, v, "base_principal", id->base_principal);
    set_known(t->a, v, "type", id->type);
    set_known(t->a, v, "source", id->source);
    set_known(t->a, v, "found_by", id->found_by);
    set_known(t->a, v, "scopes", id->scopes);
    jval_set_int(t->a, v, "expires_in_seconds", id->expires_in_s);
    jval_set_cstr(t->a, v, "expires_at", expiry);
    set_known(t->a, v, "project", project_of(t, id));
    jval_set_cstr(t->a, v, "project_found_by", project_found_by(t, id));
    set_known(t->a, v, "quota_project", id->quota_project);
    set_known(t->a, v, "universe", id->universe);
    print_json(v);
}

static void row(const char *label, struct str value, const char *when_absent)
{
    printf("%-15s %.*s\n", label, STR_ARG(value.len ? value : str_of(when_absent)));
}

static void whoami_text(struct auth *t, const struct google_identity *id)
{
    char left[DURATION_SIZE];
    struct str project = project_of(t, id);

    row("principal", id->principal, "not named by the credential");
    if (id->base_principal.len)
        row("through", id->base_principal, "");
    row("type", id->type, "");
    row("source", id->source, "");
    row("found by", id->found_by, "");
    row("scopes", id->scopes, "none");
    row("token ends in", str_of(duration_human(id->expires_in_s * 1000, left)), "");
    if (project.len)
        printf("%-15s %.*s (%s)\n", "project", STR_ARG(project), project_found_by(t, id));
    else
        row("project", project, "none: set GOOGLE_CLOUD_PROJECT, or spec.project in the queue config");
    row("quota project", id->quota_project, "none");
    row("universe", id->universe, "");
}

static int whoami_run(struct io *io, const struct args *a, struct err *e)
{
    struct auth t;
    struct google_identity id;
    int rc = auth_open(&t, io, a, e);

    if (rc == 0)
        rc = google_identity(t.google, t.a, &id, e);
    if (rc == 0 && args_json(a))
        whoami_json(&t, &id);
    else if (rc == 0)
        whoami_text(&t, &id);
    auth_close(&t);
    return rc;
}

/* --- print-access-token --- */

static int print_token_run(struct io *io, const struct args *a, struct err *e)
{
    struct auth t;
    const struct secret *token = NULL;
    int rc = auth_open(&t, io, a, e);

    if (rc == 0)
        rc = google_token(t.google, &token, e);
    if (rc == 0) {
        struct str text = secret_unwrap(token);

        if (isatty(STDOUT_FILENO))
            fputs(
                "slipway: this token lets whoever reads it act as you for up to an hour; do not leave it on "
                "a screen or in a shell's history\n",
                stderr);
        (void)fwrite(text.ptr, 1, text.len, stdout);
        (void)putchar('\n');
    }
    auth_close(&t);
    return rc;
}

/* --- test --- */

struct probe {
    const char *what; /* "Resource Manager projects.get" */
    struct google_request request;
};
struct tried {
    bool worked;
    struct err why;
};

/* Vertex needs no more than the agent's own role; Resource Manager says less when it refuses. */
static void make_probes(struct auth *t, struct str project, struct probe ret[static 2])
{
    const char *region = t->config.region ? t->config.region : role_region(t->io);

    ret[0] = (struct probe){ "Resource Manager projects.get",
                             { .service = "cloudresourcemanager",
                               .method = "GET",
                               .path = arena_printf(t->a, "/v1/projects/%.*s", STR_ARG(project)) } };
    ret[1] =
        (struct probe){ arena_printf(t->a, "Vertex AI customJobs.list in %s", region),
                        { .service = "aiplatform",
                          .region = str_of(region),
                          .method = "GET",
                          .path = arena_printf(t->a, "/v1/projects/%.*s/locations/%s/customJobs?pageSize=1",
                                               STR_ARG(project), region) } };
}

static void test_json(struct auth *t, const struct google_identity *id, const struct probe *probes,
                      const struct tried *tried)
{
    struct jval *v = jval_new_object(t->a);
    struct jval *calls = jval_new_array(t->a);

    set_known(t->a, v, "principal", id->principal);
    set_known(t->a, v, "project", project_of(t, id));
    for (size_t i = 0; i < 2 && (i == 0 || !tried[i - 1].worked); i++) {
        struct jval *call = jval_new_object(t->a);

        jval_set_cstr(t->a, call, "call", probes[i].what);
        jval_set_bool(t->a, call, "worked", tried[i].worked);
        if (!tried[i].worked)
            jval_set_cstr(t->a, call, "refusal", tried[i].why.msg);
        jval_push(t->a, calls, call);
    }
    jval_set(t->a, v, "calls", calls);
    print_json(v);
}

static void test_text(struct auth *t, const struct google_identity *id, const struct probe *probes,
                      const struct tried *tried)
{
    size_t last = tried[0].worked ? 0 : 1;
    struct str who = id->principal.len ? id->principal : id->source;

    printf("token: good, of %.*s (%.*s)\n", STR_ARG(who), STR_ARG(id->type));
    if (!tried[0].worked)
        printf("%s: refused: %s\n", probes[0].what, tried[0].why.msg);
    printf("%s: worked, for project %.*s\n", probes[last].what, STR_ARG(project_of(t, id)));
}

static int test_calls(struct auth *t, const struct args *a, struct err *e)
{
    struct google_identity id;
    struct probe probes[2];
    struct tried tried[2] = { 0 };
    const struct jval *reply = NULL;

    if (google_identity(t->google, t->a, &id, e))
        return err_wrap(e, "no token");
    if (!project_of(t, &id).len)
        return err_set(e, ERR_CONFIG,
                       "the token of %.*s is good, but no project is known to use it on: set "
                       "GOOGLE_CLOUD_PROJECT",
                       STR_ARG(id.principal.len ? id.principal : id.source));
    make_probes(t, project_of(t, &id), probes);
    for (size_t i = 0; i < 2 && (i == 0 || !tried[i - 1].worked); i++)
        tried[i].worked = google_call(t->google, t->a, &probes[i].request, &reply, &tried[i].why) == 0;
    if (!tried[0].worked && !tried[1].worked) {
        *e = tried[1].why;
        return err_wrap(e, "the token is good; %s", probes[1].what);
    }
    if (args_json(a))
        test_json(t, &id, probes, tried);
    else
        test_text(t, &id, probes, tried);
    return 0;
}

static int test_run(struct io *io, const struct args *a, struct err *e)
{
    struct auth t;
    int rc = auth_open(&t, io, a, e);

    if (rc == 0)
        rc = test_calls(&t, a, e);
    auth_close(&t);
    return rc;
}

/* --- the verbs --- */

#define OPTION_LAUNCH_CONFIG                                                                                 \
    {                                                                                                        \
        "config", 'c', OPTION_TEXT, "FILE", "launch config (default ~/.config/wandb/launch-config.yaml)", 0, \
            0                                                                                                \
    }
static const struct option_row auth_rows[] = { OPTION_LAUNCH_CONFIG, OPTION_OUTPUT, OPTION_END };
static const struct option_row token_rows[] = { OPTION_LAUNCH_CONFIG, OPTION_END };

#define AUTH_SEARCH                                                                                          \
    "Credentials are looked for as Google's libraries do, and as the agent does: google.credentials of "     \
    "the\n"                                                                                                  \
    "launch config or SLIPWAY_GOOGLE_CREDENTIALS, GOOGLE_APPLICATION_CREDENTIALS, gcloud's login, the\n"     \
    "metadata server."

const struct verb verb_auth_whoami = {
    .name = "auth whoami",
    .operands = "",
    .summary = "who the agent would be to Google, and how that was found",
    .details = AUTH_SEARCH " A token is asked for; nothing else is called.",
    .examples = "  slipway auth whoami\n  slipway auth whoami -o json --config launch-config.yaml",
    .rows = auth_rows,
    .run = whoami_run,
};

const struct verb verb_auth_print_access_token = {
    .name = "auth print-access-token",
    .operands = "",
    .summary = "print a token for Google, to be used by another program at once",
    .details = AUTH_SEARCH " Standard output has the token and nothing else.",
    .examples = "  curl -H \"Authorization: Bearer $(slipway auth print-access-token)\" \\\n"
                "    https://cloudresourcemanager.googleapis.com/v1/projects",
    .rows = token_rows,
    .run = print_token_run,
};

const struct verb verb_auth_test = {
    .name = "auth test",
    .operands = "",
    .summary = "get a token and make one harmless call with it",
    .details = AUTH_SEARCH
    " The call is Resource Manager's projects.get, and when that is refused a list of\n"
    "one custom job. A refusal is explained, with the command that mends it. `slipway doctor`\n"
    "checks everything else.",
    .examples = "  slipway auth test",
    .rows = auth_rows,
    .run = test_run,
};
