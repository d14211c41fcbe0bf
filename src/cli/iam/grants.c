/* cli/iam/grants.c: what an agent must be granted. */
#include "cli/iam/grants.h"

#include <stdlib.h>
#include <string.h>

#include "cli/config_file.h"
#include "launch/template.h"

/* Of every project that jobs run in: to make, watch and stop them, to read their lines, and to say what is
 * wrong. */
static const char *const role_permissions[] = {
    "aiplatform.customJobs.cancel", "aiplatform.customJobs.create", "aiplatform.customJobs.get",
    "aiplatform.customJobs.list",   "logging.logEntries.list",      "resourcemanager.projects.get",
    "serviceusage.services.get",    "serviceusage.services.use",    NULL,
};

static void add(struct iam_plan *p, const struct iam_grant *g)
{
    for (size_t i = 0; i < p->len; i++) {
        const struct iam_grant *old = &p->grants[i];

        if (old->on == g->on && str_eq(old->gcp_project, g->gcp_project) && str_eq(old->id, g->id) &&
            str_eq(old->location, g->location) &&
            (old->role == g->role || (old->role && g->role && strcmp(old->role, g->role) == 0)))
            return;
    }
    p->grants = arena_grow(p->a, p->grants, p->len, &p->cap, sizeof(*p->grants));
    p->grants[p->len++] = *g;
}

/* "a@p.iam.gserviceaccount.com" is of project p; others (Compute Engine's default one) are of the jobs'
 * project. */
static struct str project_of_account(const struct iam_plan *p, struct str email)
{
    static const char suffix[] = ".iam.gserviceaccount.com";
    struct str rest = email, user = { NULL, 0 };

    if (str_has_suffix(email, str_of(suffix)) && str_cut(&rest, '@', &user))
        return str_sub(rest, 0, rest.len - (sizeof(suffix) - 1));
    return p->gcp_project;
}

/* LOCATION-docker.pkg.dev/PROJECT/REPOSITORY/...: false for images of other registries. */
static bool repository_of(struct str image, struct iam_grant *ret)
{
    static const char suffix[] = "-docker.pkg.dev";
    struct str rest = image, host = { NULL, 0 }, project = { NULL, 0 }, repository = { NULL, 0 };

    if (!str_cut(&rest, '/', &host) || !str_has_suffix(host, str_of(suffix)) ||
        !str_cut(&rest, '/', &project) || !str_cut(&rest, '/', &repository) || !repository.len)
        return false;
    *ret = (struct iam_grant){ .on = GRANT_REPOSITORY,
                               .gcp_project = project,
                               .location = str_sub(host, 0, host.len - (sizeof(suffix) - 1)),
                               .id = repository };
    return true;
}

static void add_wants(struct iam_plan *p, const struct wants *w)
{
    struct iam_grant g;

    for (size_t i = 0; i < w->place_len; i++)
        add(p, &(struct iam_grant){ .on = GRANT_PROJECT,
                                    .gcp_project = w->places[i].gcp_project,
                                    .why = "jobs run in this project" });
    for (size_t i = 0; i < w->account_len; i++)
        add(p, &(struct iam_grant){ .on = GRANT_ACCOUNT,
                                    .gcp_project = project_of_account(p, w->accounts[i].email),
                                    .id = w->accounts[i].email,
                                    .role = "roles/iam.serviceAccountUser",
                                    .why = "jobs run as this account" });
    for (size_t i = 0; i < w->bucket_len; i++)
        for (int reader = 0; reader < 2; reader++)
            add(p,
                &(struct iam_grant){
                    .on = GRANT_BUCKET,
                    .gcp_project = w->buckets[i].gcp_project,
                    .id = w->buckets[i].name,
                    .role = reader ? "roles/storage.legacyBucketReader" : "roles/storage.objectUser",
                    .why = reader ? "to compare the bucket's location with the region" : "jobs write here" });
    for (size_t i = 0; i < w->secret_len; i++)
        add(p, &(struct iam_grant){ .on = GRANT_SECRET,
                                    .gcp_project = w->secrets[i].gcp_project,
                                    .location = w->secrets[i].ref.location,
                                    .id = w->secrets[i].ref.secret,
                                    .role = "roles/secretmanager.secretAccessor",
                                    .why = "a variable of the jobs comes from this secret" });
    for (size_t i = 0; i < w->image_len; i++)
        if (repository_of(w->images[i].uri, &g)) {
            g.role = "roles/artifactregistry.reader";
            g.why = "to check that the image is there";
            add(p, &g);
        }
}

/* --- the launch config
 * ----------------------------------------------------------------------------------------- */

static void add_registry(struct iam_plan *p, const struct jval *file)
{
    struct str builder = jval_str(jval_path(file, "builder.type"));
    struct str uri = jval_str(jval_path(file, "registry.uri"));
    struct iam_grant g;

    if (!uri.len)
        uri = jval_str(jval_path(file, "builder.destination"));
    if (!builder.len || str_is(builder, "noop") || !repository_of(uri, &g))
        return;
    g.role = "roles/artifactregistry.writer";
    g.why = "the builder pushes images here";
    add(p, &g);
}

static int add_key_secret(struct iam_plan *p, struct err *e)
{
    struct secret_ref ref = { 0 };

    if (!p->config.api_key_secret)
        return 0;
    if (secret_ref_parse(str_of(p->config.api_key_secret), (struct str){ NULL, 0 }, &ref, e))
        return err_wrap(e, "the agent's own key");
    add(p, &(struct iam_grant){ .on = GRANT_SECRET,
                                .gcp_project = ref.gcp_project.len ? ref.gcp_project : p->gcp_project,
                                .location = ref.location,
                                .id = ref.secret,
                                .role = "roles/secretmanager.secretAccessor",
                                .why = "the agent's own W&B key" });
    return 0;
}

static int add_launch_config(struct iam_plan *p, struct err *e)
{
    struct jval *file = NULL;
    int rc = p->config.path ? config_load(p->io, p->a, p->config.path, &file, e) : 0;

    if (rc)
        return rc;
    add_registry(p, file);
    return add_key_secret(p, e);
}

/* --- the whole
 * -------------------------------------------------------------------------------------------------- */

static int add_queue(struct iam_plan *p, struct wants *w, const char *path, struct err *e)
{
    struct config_file f = { 0 };
    struct problems problems = { .a = p->a };
    int rc = config_read(p->io, p->a, path, &f, e);

    if (rc)
        return rc;
    problems.file = f.name;
    rc = wants_add_config(w, f.config, template_propose(p->a, f.config, false), &problems, e);
    if (problems.errors)
        problems_print(stderr, &problems);
    return rc;
}

static void choose_services(struct iam_plan *p)
{
    const char **s = arena_array(p->a, 12, sizeof(*s));
    bool on[5] = { false };
    size_t n = 0;

    for (size_t i = 0; i < p->len; i++)
        on[p->grants[i].on] = true;
    s[n++] = "aiplatform.googleapis.com";
    s[n++] = "cloudresourcemanager.googleapis.com";
    s[n++] = "iam.googleapis.com";
    s[n++] = "iamcredentials.googleapis.com";
    s[n++] = "logging.googleapis.com";
    s[n++] = "serviceusage.googleapis.com";
    s[n++] = "storage.googleapis.com";
    if (on[GRANT_SECRET])
        s[n++] = "secretmanager.googleapis.com";
    if (on[GRANT_REPOSITORY])
        s[n++] = "artifactregistry.googleapis.com";
    p->services = s;
}

static int by_kind(const void *left, const void *right)
{
    const struct iam_grant *a = left, *b = right;
    int order = (int)a->on - (int)b->on;

    order = order ? order : str_cmp(a->gcp_project, b->gcp_project);
    order = order ? order : str_cmp(a->id, b->id);
    return order ? order : strcmp(a->role ? a->role : "", b->role ? b->role : "");
}

static int choose_project(struct iam_plan *p, const struct args *args, struct err *e)
{
    const char *given = args_text(args, "gcp-project");

    given = given ? given : p->config.gcp_project;
    given = given ? given : io_env_text(p->io, "GOOGLE_CLOUD_PROJECT");
    if (!given)
        return err_set(e, ERR_USAGE,
                       "which project? --gcp-project ID, vertex.project in launch-config.yaml, or "
                       "GOOGLE_CLOUD_PROJECT");
    p->gcp_project = str_of(given);
    p->member = args_text(args, "member");
    p->makes_account = !p->member;
    if (!p->member)
        p->member = arena_printf(p->a, "serviceAccount:slipway-agent@%s.iam.gserviceaccount.com", given);
    if (!strchr(p->member, ':'))
        p->member = arena_printf(p->a, "serviceAccount:%s", p->member);
    return 0;
}

int iam_plan_make(struct io *io, struct arena *a, const struct args *args, struct iam_plan *ret,
                  struct err *e)
{
    struct wants w = { .io = io, .a = a, .config = &ret->config };
    const char *const *files = args_list(args, "queue-config");

    *ret = (struct iam_plan){ .io = io, .a = a, .permissions = role_permissions };
    if (launch_config_read(io, a, args_text(args, "config"), &ret->config, e) || choose_project(ret, args, e))
        return -(int)e->code;
    w.gcp_project = ret->gcp_project;
    for (size_t i = 0; files[i]; i++)
        if (add_queue(ret, &w, files[i], e))
            return -(int)e->code;
    if (!files[0])
        wants_add_place(&w, ret->gcp_project, STR(""));
    add_wants(ret, &w);
    if (add_launch_config(ret, e))
        return -(int)e->code;
    qsort(ret->grants, ret->len, sizeof(*ret->grants), by_kind);
    choose_services(ret);
    return 0;
}

const char *iam_resource(struct arena *a, const struct iam_grant *g)
{
    const char *place = g->location.len ? arena_printf(a, "/locations/%.*s", STR_ARG(g->location)) : "";

    switch (g->on) {
    case GRANT_PROJECT:
        return arena_printf(a, "projects/%.*s", STR_ARG(g->gcp_project));
    case GRANT_ACCOUNT:
        return arena_printf(a, "projects/%.*s/serviceAccounts/%.*s", STR_ARG(g->gcp_project), STR_ARG(g->id));
    case GRANT_BUCKET:
        return arena_printf(a, "buckets/%.*s", STR_ARG(g->id));
    case GRANT_SECRET:
        return arena_printf(a, "projects/%.*s%s/secrets/%.*s", STR_ARG(g->gcp_project), place,
                            STR_ARG(g->id));
    case GRANT_REPOSITORY:
        return arena_printf(a, "projects/%.*s%s/repositories/%.*s", STR_ARG(g->gcp_project), place,
                            STR_ARG(g->id));
    }
    return "";
}

const char *iam_role_of(struct arena *a, const struct iam_grant *g)
{
    return g->role ? g->role : arena_printf(a, "projects/%.*s/roles/" IAM_ROLE_ID, STR_ARG(g->gcp_project));
}

void iam_shell_add(struct strbuf *b, struct str word)
{
    bool plain = word.len > 0;

    for (size_t i = 0; i < word.len && plain; i++)
        plain = (word.ptr[i] >= 'a' && word.ptr[i] <= 'z') || (word.ptr[i] >= 'A' && word.ptr[i] <= 'Z') ||
                (word.ptr[i] >= '0' && word.ptr[i] <= '9') || strchr("-_./:=@,+%", word.ptr[i]);
    if (plain) {
        strbuf_add(b, word);
        return;
    }
    strbuf_addc(b, '\'');
    for (size_t i = 0; i < word.len; i++)
        if (word.ptr[i] == '\'')
            strbuf_addz(b, "'\\''");
        else
            strbuf_addc(b, word.ptr[i]);
    strbuf_addc(b, '\'');
}
