/* cli/doctor/credential.c: the way to Google, and who we are there. */
#include "base/timefmt.h"
#include "cli/doctor/doctor.h"
#include "cli/roles.h"

enum { PROBE_TIMEOUT_MS = 8000, MAX_URL = 2048, DURATION_SIZE = 32 };

/* --- the way --- */

/* Any answer shows that name, way and certificate are right. *ret_date: its Date header. */
static bool reach(struct doctor *d, const char *base, struct str *ret_date)
{
    const struct refused r = { "google", arena_printf(d->a, "way to %s", base), NULL, FINDING_PROBLEM };
    const struct http_request req = { .url = arena_printf(d->a, "%s/", base),
                                      .timeout_ms = PROBE_TIMEOUT_MS };
    struct http_reply reply = { 0 };
    struct err e = { 0 };

    if (http_send(d->io, d->a, &req, &reply, &e)) {
        doctor_refused(d, &r, &(struct explanation){ 0 }, &e);
        return false;
    }
    doctor_ok(d, "google", r.title, "answers");
    *ret_date = http_header_get(reply.headers, reply.header_count, "Date");
    return true;
}

static const char *base_of(struct doctor *d, const char *service, const char *host)
{
    AUTO_STRBUF struct strbuf url = STRBUF(MAX_URL);
    struct err e = { 0 };

    if (google_base(d->google, service, str_of(host), &url, &e) == 0)
        return arena_strdup(d->a, strbuf_cstr(&url));
    finding_add(&d->found, &(struct finding){ .level = FINDING_PROBLEM,
                                              .id = "google.endpoint",
                                              .title = arena_printf(d->a, "way to %s", service),
                                              .cause = arena_strdup(d->a, e.msg),
                                              .fix = "correct google.endpoints in the launch config, or the "
                                                     "SLIPWAY_GOOGLE_ENDPOINT_... variable" });
    return NULL;
}

void check_network(struct doctor *d)
{
    const char *region = d->config.region ? d->config.region : role_region(d->io);
    const char *tokens, *jobs;
    struct str date = { NULL, 0 }, unused;
    int64_t asked_ms = io_now_unix_ms(d->io);

    if (!d->google)
        return;
    tokens = base_of(d, "oauth2", NULL);
    jobs = base_of(d, "aiplatform", arena_printf(d->a, "%s-aiplatform.googleapis.com", region));
    if (tokens && reach(d, tokens, &date))
        doctor_clock(d, &(struct clock_peer){ "Google", date, asked_ms, FINDING_PROBLEM });
    else
        doctor_skip(d, "clock", "clock against Google", "it does not answer");
    if (jobs && (!tokens || !str_is(str_of(jobs), tokens)))
        (void)reach(d, jobs, &unused);
}

/* --- the credential --- */

static const char *kind_of_failure(struct doctor *d, const struct err *e)
{
    const char *refused = google_refused(d->google);

    if (refused)
        return arena_printf(d->a, "credential.%s", refused);
    return e->code == ERR_CONFIG                    ? "credential.invalid"
           : e->code == ERR_AUTH && !e->http_status ? "credential.missing"
                                                    : "credential.refused";
}

static void no_credential(struct doctor *d, const struct err *e)
{
    const struct refused r = { "credential", "credential for Google", NULL, FINDING_PROBLEM };
    struct str cause, fix = STR("log in, `gcloud auth application-default login`, or set "
                                "GOOGLE_APPLICATION_CREDENTIALS to a credential file");

    if (e->code == ERR_CANCELLED || e->code == ERR_NET || e->code == ERR_TIMEOUT) {
        doctor_refused(d, &r, &(struct explanation){ 0 }, e);
        return;
    }
    (void)refusal_cut(str_of(arena_strdup(d->a, e->msg)), &cause, &fix);
    finding_add(&d->found, &(struct finding){ .level = FINDING_PROBLEM,
                                              .id = kind_of_failure(d, e),
                                              .title = r.title,
                                              .cause = arena_cstr(d->a, cause),
                                              .fix = arena_cstr(d->a, fix) });
}

static void look_at_scopes(struct doctor *d)
{
    if (!d->identity.scopes.len || str_find(d->identity.scopes, STR("auth/cloud-platform")) >= 0)
        return;
    finding_add(&d->found,
                &(struct finding){
                    .level = FINDING_PROBLEM,
                    .id = "credential.scopes",
                    .title = "scopes of the token",
                    .cause = "the scope cloud-platform is missing: the machine was made with narrower ones",
                    .fix = "stop the machine and run `gcloud compute instances set-service-account INSTANCE "
                           "--scopes=cloud-platform`",
                    .detail = arena_cstr(d->a, d->identity.scopes) });
}

static void look_at_file(struct doctor *d)
{
    if (!d->exposed)
        return;
    finding_add(&d->found, &(struct finding){ .level = FINDING_WARNING,
                                              .id = "credential.exposed",
                                              .title = "credential file",
                                              .cause = d->exposed,
                                              .fix = arena_printf(d->a, "run `chmod 600 %.*s`",
                                                                  STR_ARG(d->identity.source)) });
}

void check_credential(struct doctor *d)
{
    struct google_identity *id = &d->identity;
    struct err e = { 0 };
    char left[DURATION_SIZE];

    if (!d->google) {
        doctor_skip(d, "credential", "credential for Google", "the configuration cannot be read");
        d->no_calls = "the configuration cannot be read";
        return;
    }
    d->gcp_project = str_of(d->config.gcp_project);
    if (google_identity(d->google, d->a, id, &e)) {
        no_credential(d, &e);
        d->no_calls = "no token";
        return;
    }
    if (!d->gcp_project.len)
        d->gcp_project = id->project;
    doctor_ok(
        d, "credential", "credential for Google",
        arena_printf(d->a, "%.*s (%.*s, %.*s), good for %s",
                     STR_ARG(id->principal.len ? id->principal : STR("somebody the file does not name")),
                     STR_ARG(id->type), STR_ARG(id->source), duration_human(id->expires_in_s * 1000, left)));
    look_at_scopes(d);
    look_at_file(d);
}
