/* cli/doctor/secrets.c: the secrets that queue configs name: may they be read, and is there something to
 * read? */
#include "cli/doctor/doctor.h"
#include "google/secret_manager.h"

/* "secretmanager", or the host of the secret's location. */
static const char *path_of(struct doctor *d, const struct want_secret *s, const char *behind)
{
    if (s->ref.location.len)
        return arena_printf(d->a, "/v1/projects/%.*s/locations/%.*s/secrets/%.*s%s", STR_ARG(s->gcp_project),
                            STR_ARG(s->ref.location), STR_ARG(s->ref.secret), behind);
    return arena_printf(d->a, "/v1/projects/%.*s/secrets/%.*s%s", STR_ARG(s->gcp_project),
                        STR_ARG(s->ref.secret), behind);
}

struct look {
    const struct want_secret *secret;
    const char *title;
};

static void secret_problem(struct doctor *d, const struct look *l, const char *id, const char *cause,
                           const char *fix)
{
    finding_add(&d->found,
                &(struct finding){
                    .level = FINDING_PROBLEM, .id = id, .title = l->title, .cause = cause, .fix = fix });
}

static void secret_missing(struct doctor *d, const struct look *l)
{
    const struct want_secret *s = l->secret;

    secret_problem(
        d, l, "secret.missing", "there is no such secret",
        arena_printf(d->a,
                     "correct secretKeyRef in the queue config, or run `gcloud secrets create %.*s "
                     "--project=%.*s --data-file=FILE`",
                     STR_ARG(s->ref.secret), STR_ARG(s->gcp_project)));
}

static const char *version_command(struct doctor *d, const struct want_secret *s, const char *verb)
{
    return arena_printf(d->a, "`gcloud secrets versions %s %.*s --secret=%.*s --project=%.*s`", verb,
                        STR_ARG(s->ref.version), STR_ARG(s->ref.secret), STR_ARG(s->gcp_project));
}

static const char *add_command(struct doctor *d, const struct want_secret *s)
{
    return arena_printf(d->a, "`gcloud secrets versions add %.*s --project=%.*s --data-file=FILE`",
                        STR_ARG(s->ref.secret), STR_ARG(s->gcp_project));
}

static void judge_state(struct doctor *d, const struct look *l, struct str state)
{
    const struct want_secret *s = l->secret;

    if (str_is(state, "DISABLED"))
        secret_problem(
            d, l, "secret.version_disabled", "that version is disabled",
            arena_printf(d->a, "run %s, or name another version", version_command(d, s, "enable")));
    else if (str_is(state, "DESTROYED"))
        secret_problem(
            d, l, "secret.version_destroyed", "that version was destroyed, for ever",
            arena_printf(d->a, "make a new one, %s, and name it in the queue config", add_command(d, s)));
    else
        doctor_ok(d, "secret", l->title, "can be read");
}

static void version_missing(struct doctor *d, const struct look *l)
{
    secret_problem(d, l, "secret.version_missing", "it has no such version",
                   arena_printf(d->a, "add one, %s, or correct secretKeyRef in the queue config",
                                add_command(d, l->secret)));
}

/* Reading needs no permission to look at versions, so that being refused here says nothing. */
static void look_at_version(struct doctor *d, const struct look *l)
{
    const struct want_secret *s = l->secret;
    const struct google_request req = {
        .service = "secretmanager",
        .region = s->ref.location,
        .method = "GET",
        .path = path_of(d, s, arena_printf(d->a, "/versions/%.*s", STR_ARG(s->ref.version)))
    };
    const struct jval *reply = NULL;
    struct err e = { 0 };

    if (google_call(d->google, d->a, &req, &reply, &e) == 0)
        judge_state(d, l, jval_str(jval_get(reply, "state")));
    else if (e.code == ERR_NOT_FOUND)
        version_missing(d, l);
    else if (e.code == ERR_DENIED)
        doctor_ok(d, "secret", l->title, "may be read; whether the version is enabled may not be seen");
    else
        doctor_refused(d, &(struct refused){ "secret", l->title, NULL, FINDING_WARNING },
                       &(struct explanation){ 0 }, &e);
}

static void secret_denied(struct doctor *d, const struct look *l)
{
    const struct want_secret *s = l->secret;

    finding_add(&d->found,
                &(struct finding){
                    .level = FINDING_PROBLEM,
                    .id = "secret.denied",
                    .title = l->title,
                    .cause = arena_printf(d->a, "there is no such secret, or %.*s may not read it",
                                          STR_ARG(d->identity.principal)),
                    .permission = "secretmanager.versions.access",
                    .fix = arena_printf(d->a,
                                        "run `gcloud secrets add-iam-policy-binding %.*s --project=%.*s "
                                        "--member=%.*s --role=roles/secretmanager.secretAccessor`",
                                        STR_ARG(s->ref.secret), STR_ARG(s->gcp_project),
                                        STR_ARG(doctor_member(d))) });
}

/* A binding whose condition is about versions says no when it is asked about the secret. Then only reading
 * it, as a launch does, can tell; the value is overwritten at once. */
static void read_secret(struct doctor *d, const struct look *l)
{
    AUTO_PTR(secret_manager) m = secret_manager_new(d->io, d->google, 0);
    AUTO_PTR(secret) value = NULL;
    struct err e = { 0 };

    if (secret_manager_access(m, l->secret->name, (struct str){ NULL, 0 }, &value, &e) == 0)
        doctor_ok(d, "secret", l->title, "can be read");
    else if (e.code == ERR_DENIED)
        secret_denied(d, l);
    else if (e.code == ERR_INVALID && str_find(str_of(e.msg), STR("DESTROYED")) >= 0)
        judge_state(d, l, STR("DESTROYED"));
    else if (e.code == ERR_INVALID)
        judge_state(d, l, STR("DISABLED"));
    else if (e.code == ERR_NOT_FOUND)
        version_missing(d, l);
    else
        doctor_refused(d, &(struct refused){ .area = "secret", .title = l->title, .level = FINDING_PROBLEM },
                       &(struct explanation){ 0 }, &e);
}

static void look_at_secret(struct doctor *d, const struct want_secret *s)
{
    static const char *const wanted[] = { "secretmanager.versions.access", NULL };
    const struct look l = { s, arena_printf(d->a, "secret %.*s", STR_ARG(s->name)) };
    const char *const *missing = NULL;
    struct explanation why;
    struct err e = { 0 };
    const struct permission_test t = { "secretmanager", path_of(d, s, ""), wanted, s->ref.location };

    if (doctor_test(d, &t, &missing, &why, &e) == 0) {
        if (missing[0])
            read_secret(d, &l);
        else
            look_at_version(d, &l);
    } else if (e.code == ERR_NOT_FOUND) {
        secret_missing(d, &l);
    } else {
        doctor_refused(d,
                       &(struct refused){ .area = "secret",
                                          .title = l.title,
                                          .needed = wanted[0],
                                          .level = FINDING_PROBLEM,
                                          .gcp_project = s->gcp_project },
                       &why, &e);
    }
}

void check_secrets(struct doctor *d)
{
    if (d->wants.secret_len && !doctor_may_call(d, "secret", "secrets"))
        return;
    for (size_t i = 0; i < d->wants.secret_len; i++)
        look_at_secret(d, &d->wants.secrets[i]);
}
