/* cli/doctor/project.c: projects: there, APIs enabled, what we may do in them, and who pays for the calls. */
#include <string.h>

#include "cli/doctor/doctor.h"
#include "cli/roles.h"

static void project_problem(struct doctor *d, const char *id, const char *title, const char *cause,
                            const char *fix)
{
    finding_add(
        &d->found,
        &(struct finding){ .level = FINDING_PROBLEM, .id = id, .title = title, .cause = cause, .fix = fix });
}

/* --- projects --- */

/* The first place of each project. */
static bool is_first_of_project(const struct doctor *d, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (str_eq(d->wants.places[k].gcp_project, d->wants.places[i].gcp_project))
            return false;
    return true;
}

/* Refused alike when it is not there and when it may not be seen. */
static void project_refused(struct doctor *d, const char *title, struct str project, const struct err *e)
{
    if (e->code == ERR_NOT_FOUND || e->code == ERR_INVALID)
        project_problem(
            d, "project.missing", title, "there is no project of this id",
            "correct the id: vertex.project in the launch config, spec.project in the queue config, "
            "GOOGLE_CLOUD_PROJECT; `gcloud projects list` shows yours");
    else
        finding_add(
            &d->found,
            &(struct finding){ .level = FINDING_WARNING,
                               .id = "project.denied",
                               .title = title,
                               .cause = "there is no project of this id, or we may not look at it",
                               .permission = "resourcemanager.projects.get",
                               .fix = arena_printf(
                                   d->a,
                                   "check the id with `gcloud projects describe %.*s`, then run `gcloud "
                                   "projects add-iam-policy-binding %.*s --member=%.*s --role=roles/browser`",
                                   STR_ARG(project), STR_ARG(project), STR_ARG(doctor_member(d))),
                               .detail = arena_strdup(d->a, e->msg) });
}

static void look_at_project(struct doctor *d, struct str project)
{
    const char *title = arena_printf(d->a, "project %.*s", STR_ARG(project));
    const struct jval *reply = NULL;
    struct explanation why;
    struct err e = { 0 };
    struct str state;

    if (doctor_get(d, "cloudresourcemanager", arena_printf(d->a, "/v1/projects/%.*s", STR_ARG(project)),
                   &reply, &why, &e)) {
        if ((e.code == ERR_DENIED && (!why.id || strcmp(why.id, "permission_denied") == 0)) ||
            e.code == ERR_NOT_FOUND || e.code == ERR_INVALID)
            project_refused(d, title, project, &e);
        else
            doctor_refused(d,
                           &(struct refused){ "project", title, NULL,
                                              e.code == ERR_DENIED ? FINDING_WARNING : FINDING_PROBLEM,
                                              project },
                           &why, &e);
        return;
    }
    state = jval_str(jval_get(reply, "lifecycleState"));
    if (state.len && !str_is(state, "ACTIVE"))
        project_problem(
            d, "project.inactive", title, arena_printf(d->a, "it is in the state %.*s", STR_ARG(state)),
            arena_printf(d->a, "take it back with `gcloud projects undelete %.*s`, or use another",
                         STR_ARG(project)));
    else
        doctor_ok(d, "project", title, "is there");
}

void check_project(struct doctor *d)
{
    const char *region = d->config.region ? d->config.region : role_region(d->io);

    if (!doctor_may_call(d, "project", "project"))
        return;
    if (!d->wants.place_len)
        wants_add_place(doctor_wants(d), d->gcp_project, str_of(region));
    if (!d->wants.place_len)
        project_problem(
            d, "project.unknown", "project", "nothing names a Google Cloud project",
            "set GOOGLE_CLOUD_PROJECT, vertex.project in the launch config, or spec.project in the "
            "queue config");
    for (size_t i = 0; i < d->wants.place_len; i++)
        if (is_first_of_project(d, i))
            look_at_project(d, d->wants.places[i].gcp_project);
}

/* --- APIs --- */

static void look_at_api(struct doctor *d, struct str project, const char *api)
{
    const char *title = arena_printf(d->a, "API %s in %.*s", api, STR_ARG(project));
    const struct jval *reply = NULL;
    struct explanation why;
    struct err e = { 0 };

    if (doctor_get(d, "serviceusage",
                   arena_printf(d->a, "/v1/projects/%.*s/services/%s", STR_ARG(project), api), &reply, &why,
                   &e)) {
        if (why.id && strcmp(why.id, "service_disabled") == 0) /* Service Usage's own: then nobody can tell */
            doctor_skip(d, "api", title, "the API serviceusage.googleapis.com is not enabled there");
        else
            doctor_refused(
                d, &(struct refused){ "api", title, "serviceusage.services.get", FINDING_WARNING, project },
                &why, &e);
        return;
    }
    if (str_is(jval_str(jval_get(reply, "state")), "ENABLED"))
        doctor_ok(d, "api", title, "is enabled");
    else
        finding_add(&d->found, &(struct finding){
                                   .level = FINDING_PROBLEM,
                                   .id = "api.disabled",
                                   .title = title,
                                   .cause = "it is not enabled",
                                   .permission = "serviceusage.services.enable",
                                   .fix = arena_printf(
                                       d->a,
                                       "run `gcloud services enable %s --project=%.*s`, and wait a minute "
                                       "or two",
                                       api, STR_ARG(project)) });
}

static bool wants_secret_of(const struct doctor *d, struct str project)
{
    for (size_t i = 0; i < d->wants.secret_len; i++)
        if (str_eq(d->wants.secrets[i].gcp_project, project))
            return true;
    return false;
}

void check_apis(struct doctor *d)
{
    if (!doctor_may_call(d, "api", "APIs"))
        return;
    for (size_t i = 0; i < d->wants.place_len; i++)
        if (is_first_of_project(d, i))
            look_at_api(d, d->wants.places[i].gcp_project, "aiplatform.googleapis.com");
    for (size_t i = 0; i < d->wants.place_len; i++)
        if (is_first_of_project(d, i) && wants_secret_of(d, d->wants.places[i].gcp_project))
            look_at_api(d, d->wants.places[i].gcp_project, "secretmanager.googleapis.com");
}

/* --- permissions on the project --- */

static const char *joined(struct doctor *d, const char *const *list)
{
    AUTO_STRBUF struct strbuf b = STRBUF(4096);

    for (; *list; list++)
        strbuf_addf(&b, "%s%s", b.len ? ", " : "", *list);
    return arena_strdup(d->a, strbuf_cstr(&b));
}

/* What the agent does in a project, and what it needs for that. */
struct duty {
    const char *const *wanted; /* NULL-ended */
    enum finding_level level;  /* when something is missing */
    const char *id, *title, *known, *cause, *role;
};

static void look_at_duty(struct doctor *d, struct str project, const struct duty *duty)
{
    const char *title = arena_printf(d->a, "%s %.*s", duty->title, STR_ARG(project));
    const char *const *missing = NULL;
    struct explanation why;
    struct err e = { 0 };
    const struct permission_test t = { "cloudresourcemanager",
                                       arena_printf(d->a, "/v1/projects/%.*s", STR_ARG(project)),
                                       duty->wanted };

    if (doctor_test(d, &t, &missing, &why, &e)) {
        doctor_refused(d, &(struct refused){ "permission", title, NULL, FINDING_WARNING }, &why, &e);
        return;
    }
    if (!missing[0]) {
        doctor_ok(d, "permission", title, duty->known);
        return;
    }
    finding_add(&d->found,
                &(struct finding){
                    .level = duty->level,
                    .id = duty->id,
                    .title = title,
                    .cause = arena_printf(d->a, "%.*s %s", STR_ARG(d->identity.principal), duty->cause),
                    .permission = joined(d, missing),
                    .fix = arena_printf(d->a,
                                        "run `gcloud projects add-iam-policy-binding %.*s --member=%.*s "
                                        "--role=%s`",
                                        STR_ARG(project), STR_ARG(doctor_member(d)), duty->role) });
}

static void look_at_permissions(struct doctor *d, struct str project)
{
    static const char *const jobs[] = { "aiplatform.customJobs.create", "aiplatform.customJobs.get",
                                        "aiplatform.customJobs.list", "aiplatform.customJobs.cancel", NULL };
    static const char *const lines[] = { "logging.logEntries.list", NULL };
    static const struct duty duties[] = {
        { jobs, FINDING_PROBLEM, "permission.missing", "custom jobs in", "may be made, watched and cancelled",
          "may not do all that the agent does", "roles/aiplatform.user" },
        { lines, FINDING_WARNING, "permission.logs_missing", "log lines of", "may be read",
          "may not read them: `slipway logs` shows nothing", "roles/logging.viewer" },
    };

    for (size_t i = 0; i < ARRAY_LEN(duties); i++)
        look_at_duty(d, project, &duties[i]);
}

void check_permissions(struct doctor *d)
{
    if (!doctor_may_call(d, "permission", "permissions on the project"))
        return;
    for (size_t i = 0; i < d->wants.place_len; i++)
        if (is_first_of_project(d, i))
            look_at_permissions(d, d->wants.places[i].gcp_project);
}

/* --- the quota project --- */

static void look_at_quota_project(struct doctor *d, struct str project)
{
    static const char *const wanted[] = { "serviceusage.services.use", NULL };
    const char *title = arena_printf(d->a, "quota project %.*s", STR_ARG(project));
    const char *const *missing = NULL;
    struct explanation why;
    struct err e = { 0 };
    const struct permission_test t = { "cloudresourcemanager",
                                       arena_printf(d->a, "/v1/projects/%.*s", STR_ARG(project)), wanted };

    if (doctor_test(d, &t, &missing, &why, &e) && !(why.id && strcmp(why.id, "quota_project_denied") == 0)) {
        doctor_refused(d, &(struct refused){ "quota_project", title, wanted[0], FINDING_WARNING }, &why, &e);
        return;
    }
    if (e.code == ERR_NONE && !missing[0]) {
        doctor_ok(d, "quota_project", title, "may be charged for the calls");
        return;
    }
    d->no_calls = "Google refuses the quota project";
    finding_add(
        &d->found,
        &(struct finding){
            .level = FINDING_PROBLEM,
            .id = "quota_project.denied",
            .title = title,
            .cause = arena_printf(d->a, "%.*s may not charge calls to it, so that Google refuses them",
                                  STR_ARG(d->identity.principal)),
            .permission = wanted[0],
            .fix = arena_printf(d->a,
                                "run `gcloud projects add-iam-policy-binding %.*s --member=%.*s "
                                "--role=roles/serviceusage.serviceUsageConsumer`, or name another quota "
                                "project (GOOGLE_CLOUD_QUOTA_PROJECT)",
                                STR_ARG(project), STR_ARG(doctor_member(d))) });
}

void check_quota_project(struct doctor *d)
{
    if (!doctor_may_call(d, "quota_project", "quota project"))
        return;
    if (d->identity.quota_project.len)
        look_at_quota_project(d, d->identity.quota_project);
    else if (str_is(d->identity.type, "authorized_user"))
        finding_add(
            &d->found,
            &(struct finding){
                .level = FINDING_WARNING,
                .id = "quota_project.missing",
                .title = "quota project",
                .cause = "a person's login names no quota project, and some APIs refuse it then",
                .permission = "serviceusage.services.use",
                .fix = arena_printf(d->a, "run `gcloud auth application-default set-quota-project %.*s`",
                                    STR_ARG(d->gcp_project.len ? d->gcp_project : STR("PROJECT"))) });
    else
        doctor_ok(d, "quota_project", "quota project",
                  "none is named: a service account's calls are charged to "
                  "the project they are about");
}
