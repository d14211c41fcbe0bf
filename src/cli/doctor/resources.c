/* cli/doctor/resources.c: what jobs want beside machines: run-as accounts, buckets, secrets, images. */
#include <string.h>

#include "base/ascii.h"
#include "cli/doctor/doctor.h"
#include "google/registry.h"

static void problem(struct doctor *d, const struct finding *x)
{
    struct finding with_level = *x;

    if (with_level.level == FINDING_OK)
        with_level.level = FINDING_PROBLEM;
    finding_add(&d->found, &with_level);
}

/* --- run-as accounts --- */

static struct str project_of_account(struct str email)
{
    struct str rest = email, part;

    (void)str_cut(&rest, '@', &part);
    return str_cut(&rest, '.', &part) ? part : STR("PROJECT");
}

static void look_at_account(struct doctor *d, struct str email)
{
    static const char *const wanted[] = { "iam.serviceAccounts.actAs", NULL };
    const char *title = arena_printf(d->a, "run-as account %.*s", STR_ARG(email));
    const char *const *missing = NULL;
    struct explanation why;
    struct err e = { 0 };
    const struct permission_test t = {
        "iam", arena_printf(d->a, "/v1/projects/-/serviceAccounts/%.*s", STR_ARG(email)), wanted
    };
    struct str before, rest = email;

    if (doctor_test(d, &t, &missing, &why, &e) == 0 && !missing[0]) {
        doctor_ok(d, "account", title, "jobs may run as it");
    } else if (e.code == ERR_NONE) {
        problem(
            d, &(struct finding){
                   .id = "account.act_as_denied",
                   .title = title,
                   .cause = arena_printf(d->a, "%.*s may not run jobs as it", STR_ARG(d->identity.principal)),
                   .permission = wanted[0],
                   .fix = arena_printf(d->a,
                                       "run `gcloud iam service-accounts add-iam-policy-binding %.*s "
                                       "--member=%.*s --role=roles/iam.serviceAccountUser`",
                                       STR_ARG(email), STR_ARG(doctor_member(d))) });
    } else if (e.code == ERR_NOT_FOUND) {
        (void)str_cut(&rest, '@', &before);
        problem(d, &(struct finding){
                       .id = "account.missing",
                       .title = title,
                       .cause = "there is no such service account",
                       .fix = arena_printf(d->a,
                                           "correct service_account in the queue config, or run "
                                           "`gcloud iam service-accounts create %.*s --project=%.*s`",
                                           STR_ARG(before), STR_ARG(project_of_account(email))),
                       .detail = arena_strdup(d->a, e.msg) });
    } else {
        doctor_refused(d, &(struct refused){ "account", title, wanted[0], FINDING_PROBLEM }, &why, &e);
    }
}

void check_accounts(struct doctor *d)
{
    if (d->wants.account_len && !doctor_may_call(d, "account", "run-as accounts"))
        return;
    for (size_t i = 0; i < d->wants.account_len; i++)
        look_at_account(d, d->wants.accounts[i].email);
}

/* --- buckets --- */

static void bucket_missing(struct doctor *d, const struct want_bucket *b, const char *title,
                           const struct err *e)
{
    problem(d, &(struct finding){
                   .id = "bucket.missing",
                   .title = title,
                   .cause = "there is no such bucket",
                   .fix = arena_printf(d->a,
                                       "correct staging_bucket or base_output_dir in the queue config, "
                                       "or run `gcloud storage buckets create gs://%.*s "
                                       "--project=%.*s --location=%.*s`",
                                       STR_ARG(b->name), STR_ARG(b->gcp_project), STR_ARG(b->region)),
                   .detail = arena_strdup(d->a, e->msg) });
}

/* "US" holds us-central1, "EU" europe-west4, "ASIA" asia-east1. */
static bool location_holds(const struct jval *bucket, struct str region)
{
    struct str location = jval_str(jval_get(bucket, "location"));
    const struct jval *parts = jval_path(bucket, "customPlacementConfig.dataLocations");

    for (size_t i = 0; i < jval_len(parts); i++)
        if (str_eq_nocase(jval_str(jval_at(parts, i)), region))
            return true;
    if (str_eq_nocase(location, region) || !location.len)
        return true;
    if (str_eq_nocase(location, STR("EU")))
        return str_has_prefix(region, STR("europe-"));
    return (str_eq_nocase(location, STR("US")) || str_eq_nocase(location, STR("ASIA"))) &&
           str_eq_nocase(str_sub(region, 0, location.len), location) && region.len > location.len &&
           region.ptr[location.len] == '-';
}

static void look_at_location(struct doctor *d, const struct want_bucket *b, const char *title)
{
    const struct jval *reply = NULL;
    struct explanation why;
    struct err e = { 0 };
    struct str location;

    if (doctor_get(d, "storage",
                   arena_printf(d->a,
                                "/storage/v1/b/%.*s?projection=noAcl&fields=name,location,locationType,"
                                "customPlacementConfig",
                                STR_ARG(b->name)),
                   &reply, &why, &e)) {
        if (e.code == ERR_DENIED) /* writing does not need it */
            doctor_skip(d, "bucket.location", title, "where it is may not be seen (storage.buckets.get)");
        else
            doctor_refused(d, &(struct refused){ "bucket", title, NULL, FINDING_WARNING }, &why, &e);
        return;
    }
    location = jval_str(jval_get(reply, "location"));
    if (!location_holds(reply, b->region))
        problem(d,
                &(struct finding){
                    .level = FINDING_WARNING,
                    .id = "bucket.location",
                    .title = title,
                    .cause = arena_printf(d->a,
                                          "it is in %.*s, the jobs are in %.*s: slower, and the traffic is "
                                          "charged",
                                          STR_ARG(location), STR_ARG(b->region)),
                    .fix = arena_printf(d->a,
                                        "use a bucket there: `gcloud storage buckets create gs://NAME "
                                        "--project=%.*s --location=%.*s`",
                                        STR_ARG(b->gcp_project), STR_ARG(b->region)) });
}

static void look_at_bucket(struct doctor *d, const struct want_bucket *b)
{
    const char *title = arena_printf(d->a, "bucket gs://%.*s", STR_ARG(b->name));
    const struct jval *reply = NULL;
    struct explanation why;
    struct err e = { 0 };

    if (doctor_get(d, "storage",
                   arena_printf(d->a,
                                "/storage/v1/b/%.*s/iam/testPermissions?permissions=storage.objects.create&"
                                "permissions=storage.objects.get",
                                STR_ARG(b->name)),
                   &reply, &why, &e)) {
        if (e.code == ERR_NOT_FOUND)
            bucket_missing(d, b, title, &e);
        else
            doctor_refused(d, &(struct refused){ "bucket", title, "storage.objects.create", FINDING_PROBLEM },
                           &why, &e);
        return;
    }
    if (jval_has_text(jval_get(reply, "permissions"), STR("storage.objects.create")))
        doctor_ok(d, "bucket", title, "can be written");
    else
        problem(d,
                &(struct finding){
                    .id = "bucket.write_denied",
                    .title = title,
                    .cause = arena_printf(d->a, "%.*s may not write to it", STR_ARG(d->identity.principal)),
                    .permission = "storage.objects.create",
                    .fix = arena_printf(d->a,
                                        "run `gcloud storage buckets add-iam-policy-binding gs://%.*s "
                                        "--member=%.*s --role=roles/storage.objectUser`",
                                        STR_ARG(b->name), STR_ARG(doctor_member(d))) });
    look_at_location(d, b, title);
}

void check_buckets(struct doctor *d)
{
    if (d->wants.bucket_len && !doctor_may_call(d, "bucket", "buckets"))
        return;
    for (size_t i = 0; i < d->wants.bucket_len; i++)
        look_at_bucket(d, &d->wants.buckets[i]);
}

/* --- images --- */

/* LOCATION-docker.pkg.dev/PROJECT/REPOSITORY/IMAGE: the command that lets us read. */
static const char *reader_command(struct doctor *d, const struct image_name *n)
{
    struct str rest = n->path, project = { NULL, 0 }, repository = { NULL, 0 };
    struct str location = str_sub(n->host, 0, n->host.len - strlen("-docker.pkg.dev"));

    (void)str_cut(&rest, '/', &project);
    (void)str_cut(&rest, '/', &repository);
    if (!str_has_suffix(n->host, STR("-docker.pkg.dev")))
        return arena_printf(d->a,
                            "run `gcloud projects add-iam-policy-binding %.*s --member=%.*s "
                            "--role=roles/artifactregistry.reader`",
                            STR_ARG(project), STR_ARG(doctor_member(d)));
    return arena_printf(d->a,
                        "run `gcloud artifacts repositories add-iam-policy-binding %.*s --location=%.*s "
                        "--project=%.*s --member=%.*s --role=roles/artifactregistry.reader`",
                        STR_ARG(repository), STR_ARG(location), STR_ARG(project), STR_ARG(doctor_member(d)));
}

static void image_refused(struct doctor *d, const struct image_name *n, const char *title,
                          const struct err *e)
{
    const char *words = arena_strdup(d->a, e->msg);

    if (e->code == ERR_NOT_FOUND && strstr(words, "NAME_UNKNOWN"))
        problem(d, &(struct finding){
                       .id = "image.repository_missing",
                       .title = title,
                       .cause = "the repository that it names is not there",
                       .fix = "correct image_uri in the queue config, or make the repository: `gcloud "
                              "artifacts repositories create REPOSITORY --repository-format=docker`",
                       .detail = words });
    else if (e->code == ERR_NOT_FOUND)
        problem(d, &(struct finding){
                       .id = "image.missing",
                       .title = title,
                       .cause = "the repository has no such image or tag",
                       .fix = arena_printf(d->a,
                                           "correct image_uri in the queue config, or push it: "
                                           "`docker push %.*s/%.*s:%.*s`",
                                           STR_ARG(n->host), STR_ARG(n->path), STR_ARG(n->reference)),
                       .detail = words });
    else if (e->code == ERR_DENIED || e->code == ERR_AUTH)
        problem(d, &(struct finding){
                       .id = "image.denied",
                       .title = title,
                       .cause = arena_printf(d->a, "%.*s may not pull it", STR_ARG(d->identity.principal)),
                       .permission = "artifactregistry.repositories.downloadArtifacts",
                       .fix = reader_command(d, n),
                       .detail = words });
    else
        doctor_refused(d, &(struct refused){ "image", title, NULL, FINDING_PROBLEM },
                       &(struct explanation){ 0 }, e);
}

static void look_at_image(struct doctor *d, struct str uri)
{
    const char *title = arena_printf(d->a, "image %.*s", STR_ARG(uri));
    struct image_name n;
    struct str digest = { NULL, 0 };
    struct err e = { 0 };

    if (!image_name_parse(uri, &n) || !image_is_google(&n))
        doctor_skip(d, "image", title, "it is in no registry of Google's");
    else if (registry_find(d->google, d->io, d->a, &n, &digest, &e) == -ERR_PROTO)
        doctor_skip(d, "image", title, arena_strdup(d->a, e.msg)); /* an emulator without one */
    else if (e.code)
        image_refused(d, &n, title, &e);
    else
        doctor_ok(d, "image", title,
                  digest.len ? arena_printf(d->a, "is there: %.*s", STR_ARG(digest)) : "is there");
}

void check_images(struct doctor *d)
{
    if (d->wants.image_len && !doctor_may_call(d, "image", "images"))
        return;
    for (size_t i = 0; i < d->wants.image_len; i++)
        look_at_image(d, d->wants.images[i].uri);
}
