/* server: who may do what: every act by every role, in its own team and in another, over HTTP. */
#include <string.h>
#include <time.h>

#include "access_acts.h"
#include "api.h"
#include "base/crypto.h"
#include "server/access.h"

/* --- the people --- */

struct office {
    struct api t;
    const char *own, *other; /* teams: the callers have their roles in the first */
    int made;                /* so that names differ */
};
static const struct caller_row {
    const char *name; /* NULL: the admin of the server, who is in no team */
    enum store_role own, other;
} callers[] = {
    { "stranger", ROLE_NONE, ROLE_NONE }, { "viewer", ROLE_VIEWER, ROLE_NONE },
    { "member", ROLE_MEMBER, ROLE_NONE }, { "chief", ROLE_ADMIN, ROLE_NONE },
    { "robot", ROLE_MEMBER, ROLE_NONE }, /* a service account */
    { NULL, ROLE_ADMIN, ROLE_ADMIN },
};

static void office_open(struct office *o, struct world *w)
{
    static const char *const viewers[] = { "viewer", NULL }, *const members[] = { "member", "ann", NULL },
                             *const admins[] = { "chief", NULL }, *const others[] = { "bob", NULL };
    const struct admin_team_options own = { "alpha", admins, members, viewers },
                                    other = { "omega", others, NULL, NULL };
    const struct admin_user_options robot = { .username = "robot", .team = "alpha", .role = "member" };
    size_t last = ARRAY_LEN(callers) - 2;
    struct err e = { 0 };

    *o = (struct office){ .own = own.name, .other = other.name };
    api_open(&o->t, w);
    for (size_t i = 0; i < last; i++)
        o->t.keys[i] = user(&o->t, callers[i].name);
    must(server_team_create(o->t.server, &own, &e), &e);
    must(server_team_create(o->t.server, &other, &e), &e);
    must(server_user_create(o->t.server, &robot, &o->t.keys[last], &e), &e);
}

static const struct secret *key_of(const struct office *o, const struct caller_row *who)
{
    return who->name ? o->t.keys[who - callers] : o->t.admin;
}

/* --- the objects of one request --- */

static const char *const names[] = {
    "<entity>",         "<queue>",       "<queueid>",   "<agent>",     "<run>",          "<runid>",
    "<item>",           "<own item>",    "<own runid>", "<artifact>",  "<own artifact>", "<collection>",
    "<client>",         "<manifest>",    "<whole>",     "<upload>",    "<md5>",          "<sweep>",
    "<sweepid>",        "<sweep agent>", "<committed>", "<portfolio>", "<file>",         "<own file>",
    "<own collection>", "<logged run>"
};
enum {
    FIRST_OF_ARTIFACTS = 9,
    FIRST_OF_SWEEPS = 17,
    FIRST_OF_LINKS = 20,
    FIRST_OF_FILES = 22,
    OWN_COLLECTION = 24,
    LOGGED_RUN = 25
};
struct objects {
    const char *values[ARRAY_LEN(names)];
};

static const char *replaced(struct arena *a, const char *text, const char *const *from, const char *const *to)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        AUTO_STRBUF struct strbuf out = STRBUF(1 << 20);
        size_t len = strlen(from[i]);

        for (const char *p = text; *p; p++) {
            if (len > 0 && strncmp(p, from[i], len) == 0) {
                strbuf_addz(&out, to[i]);
                p += len - 1;
            } else {
                strbuf_addc(&out, *p);
            }
        }
        text = arena_strdup(a, strbuf_cstr(&out));
    }
    return text;
}

static const char *made(struct office *o, const struct secret *key, const struct objects *now,
                        const char *document, const char *path)
{
    struct str value = jval_str(data(&o->t, key, replaced(o->t.w->a, document, names, now->values), path));

    assert_non_null(value.ptr);
    return arena_printf(o->t.w->a, "%.*s", STR_ARG(value));
}

#define MAKE_TEMPLATED                                                                                       \
    "mutation{upsertRunQueue(input:{entityName:\"<entity>\",projectName:\"model-registry\","                 \
    "queueName:\"<queue>\",resourceType:\"vertex\",resourceConfig:\"{\\\"resource_args\\\":{\\\"vertex\\\":" \
    "{\\\"a\\\":\\\"{{v}}\\\"}}}\",templateVariables:\"{\\\"v\\\":{\\\"schema\\\":{\\\"type\\\":"            \
    "\\\"string\\\",\\\"default\\\":\\\"d\\\"}}}\"}){clientMutationId success}}"
#define MAKE_ITEM "mutation{pushToRunQueue(input:{queueID:\"<queueid>\",runSpec:\"{}\"}){runQueueItemId}}"
#define MAKE_RUN                                                                                             \
    "mutation{upsertBucket(input:{entityName:\"<entity>\",modelName:\"p\",name:\"<run>\"}){bucket{id}}}"
#define MAKE_AGENT                                                                                           \
    "mutation{createLaunchAgent(input:{entityName:\"<entity>\",projectName:\"model-registry\","              \
    "runQueues:[\"<queueid>\"],hostname:\"host\"}){launchAgentId}}"

#define MAKE_SWEEP                                                                                           \
    "mutation{upsertSweep(input:{entityName:\"<entity>\",projectName:\"p\",config:\"{method: random, "       \
    "parameters: {x: {value: 1}}}\"}){sweep{name}}}"
#define MAKE_ARTIFACT                                                                                        \
    "mutation{createArtifact(input:{entityName:\"<entity>\",projectName:\"p\",artifactTypeName:\"t\","       \
    "artifactCollectionName:\"c <run>\",digest:\"<run>\",clientID:\"<client>\",enableDigestDeduplication:"   \
    "true}){artifact{id artifactSequence{id}}}}"
#define MAKE_OWN_COLLECTION                                                                                  \
    "mutation{createArtifact(input:{entityName:\"<entity>\",projectName:\"p\",artifactTypeName:\"t\","       \
    "artifactCollectionName:\"own c <run>\",digest:\"<run>\"}){artifact{artifactSequence{id}}}}"
#define MAKE_MANIFEST                                                                                        \
    "mutation{createArtifactManifest(input:{artifactID:\"<artifact>\",name:\"m\",digest:\"\",entityName:"    \
    "\"<entity>\",projectName:\"p\",runName:\"<run>\"}){artifactManifest{id}}}"
#define MAKE_WHOLE                                                                                           \
    "mutation{createArtifact(input:{entityName:\"<entity>\",projectName:\"p\",artifactTypeName:\"t\","       \
    "artifactCollectionName:\"whole <run>\",digest:\"" NO_FILES_DIGEST "\"}){artifact{id}}}"
/* An artifact without files: its manifest, and the digests of both. */
#define NO_FILES        "{\"version\":1,\"contents\":{}}"
#define NO_FILES_MD5    "YLy30dSDrLUb3zYku7cHcQ=="
#define NO_FILES_DIGEST "64e7c61456b10382e2f3b571ac24b659"

/* An artifact that only wants its commit. */
static const char *whole_make(struct office *o, struct objects *now)
{
    const char *url;

    now->values[9] = made(o, o->t.admin, now, MAKE_WHOLE, "createArtifact.artifact.id");
    url = made(o, o->t.admin, now,
               "mutation{createArtifactManifest(input:{artifactID:\"<artifact>\",name:\"m\",digest:"
               "\"" NO_FILES_MD5 "\",entityName:\"<entity>\",projectName:\"p\",runName:\"<run>\"}){"
               "artifactManifest{file{uploadUrl}}}}",
               "createArtifactManifest.artifactManifest.file.uploadUrl");
    assert_int_equal(request(&o->t, "PUT", url, NULL, NO_FILES).status, 200);
    return now->values[9];
}

/* They take a while: only for those that ask for one. */
static bool names_any(const char *document, size_t from, size_t to)
{
    for (size_t i = from; document && i < to; i++)
        if (strstr(document, names[i]))
            return true;
    return false;
}

static void sweep_make(struct office *o, struct objects *now)
{
    now->values[17] = made(o, o->t.admin, now, MAKE_SWEEP, "upsertSweep.sweep.name");
    now->values[18] = made(o, o->t.admin, now,
                           "{project(entityName:\"<entity>\",name:\"p\"){sweep(sweepName:\"<sweep>\"){id}}}",
                           "project.sweep.id");
    now->values[19] = made(o, o->t.admin, now,
                           "mutation{createAgent(input:{host:\"h\",entityName:\"<entity>\",projectName:\"p\","
                           "sweep:\"<sweep>\"}){agent{id}}}",
                           "createAgent.agent.id");
}

/* A file of <whole> that is here, with bytes of its own: <md5> in hex. */
static const char *file_make(struct office *o, struct objects *now)
{
    AUTO_STRBUF struct strbuf coded = STRBUF(64);
    struct arena *a = o->t.w->a;
    const char *bytes = arena_printf(a, "%s %d", now->values[0], o->made), *url;
    uint8_t digest[16];
    char hex[33];

    md5(str_of(bytes), digest);
    hex_encode(digest, sizeof(digest), hex);
    strbuf_add_base64(&coded, (struct str){ (const char *)digest, sizeof(digest) });
    url = made(o, o->t.admin, now,
               arena_printf(a,
                            "mutation{createArtifactFiles(input:{artifactFiles:[{artifactID:\"<whole>\",name:"
                            "\"g\",md5:\"%s\"}]}){files{edges{node{uploadUrl}}}}}",
                            strbuf_cstr(&coded)),
               "createArtifactFiles.files.edges.0.node.uploadUrl");
    assert_int_equal(request(&o->t, "PUT", url, NULL, bytes).status, 200);
    return arena_strdup(a, hex);
}

/* A version of a portfolio. */
static void links_make(struct office *o, struct objects *now)
{
    now->values[14] = now->values[20] = whole_make(o, now);
    (void)data(&o->t, o->t.admin,
               replaced(o->t.w->a,
                        "mutation{commitArtifact(input:{artifactID:\"<committed>\"}){artifact{id}}}", names,
                        now->values),
               "commitArtifact.artifact.id");
    now->values[21] = made(o, o->t.admin, now,
                           "mutation{linkArtifact(input:{artifactID:\"<committed>\",entityName:\"<entity>\","
                           "projectName:\"p\",artifactPortfolioName:\"linked <run>\"}){artifactMembership{"
                           "artifactCollection{id}}}}",
                           "linkArtifact.artifactMembership.artifactCollection.id");
}

static void artifacts_make(struct office *o, struct objects *now, const struct secret *mine)
{
    struct arena *a = o->t.w->a;

    now->values[14] = whole_make(o, now);
    now->values[16] = file_make(o, now);
    now->values[15] =
        made(o, o->t.admin, now,
             "mutation{createArtifactFiles(input:{artifactFiles:[{artifactID:\"<whole>\",name:\"f\",md5:"
             "\"1B2M2Y8AsgTpgAmY7PhCfg==\",uploadPartsInput:[{partNumber:1,hexMD5:"
             "\"d41d8cd98f00b204e9800998ecf8427e\"}]}]}){files{edges{node{uploadMultipartUrls{uploadID}}}}}}",
             "createArtifactFiles.files.edges.0.node.uploadMultipartUrls.uploadID");
    now->values[12] = arena_printf(a, "client-own-%d", o->made);
    now->values[10] = made(o, mine, now, MAKE_ARTIFACT, "createArtifact.artifact.id");
    now->values[12] = arena_printf(a, "client-%d", o->made);
    now->values[9] = made(o, o->t.admin, now, MAKE_ARTIFACT, "createArtifact.artifact.id");
    now->values[11] = made(o, o->t.admin, now, MAKE_ARTIFACT, "createArtifact.artifact.artifactSequence.id");
    now->values[13] = made(o, o->t.admin, now, MAKE_MANIFEST, "createArtifactManifest.artifactManifest.id");
}

/* Of the run that @now has. */
static const char *run_file_make(struct office *o, struct objects *now)
{
    const char *url = made(o, o->t.admin, now,
                           "mutation{createRunFiles(input:{entityName:\"<entity>\",projectName:\"p\",runName:"
                           "\"<run>\",files:[\"f\"]}){files{uploadUrl}}}",
                           "createRunFiles.files.0.uploadUrl");

    assert_int_equal(request(&o->t, "PUT", url, NULL, "x").status, 200);
    return made(o, o->t.admin, now,
                "{project(entityName:\"<entity>\",name:\"p\"){run(name:\"<run>\"){files{edges{node{id}}}}}}",
                "project.run.files.edges.0.node.id");
}

static void files_make(struct office *o, struct objects *now)
{
    const char *name = now->values[4];

    now->values[FIRST_OF_FILES] = run_file_make(o, now);
    now->values[4] = arena_printf(o->t.w->a, "own%05d", o->made);
    now->values[FIRST_OF_FILES + 1] = run_file_make(o, now);
    now->values[4] = name;
}

/* A run that has a step. */
static void logged_make(struct office *o, struct objects *now)
{
    struct arena *a = o->t.w->a;
    const char *name = now->values[4], *logged = arena_printf(a, "log%05d", o->made);
    const char *url = arena_printf(a, "%s/files/%s/p/%s/file_stream", o->t.base, now->values[0], logged);

    now->values[4] = logged;
    (void)made(o, o->t.admin, now, MAKE_RUN, "upsertBucket.bucket.id");
    assert_int_equal(request(&o->t, "POST", url, o->t.admin,
                             "{\"files\":{\"wandb-history.jsonl\":{\"offset\":0,\"content\":["
                             "\"{\\\"_step\\\":0}\"]}}}")
                         .status,
                     200);
    now->values[LOGGED_RUN] = logged;
    now->values[4] = name;
}

/* Made by the admin of the server, but for the own ones, which are @mine's. */
static struct objects objects_make(struct office *o, const char *entity, const struct secret *mine,
                                   const char *document)
{
    struct arena *a = o->t.w->a;
    struct objects now = { .values = { entity } };

    for (size_t i = 1; i < ARRAY_LEN(names); i++)
        now.values[i] = "";
    o->made++;
    now.values[1] = arena_printf(a, "q%04d", o->made);
    (void)data(&o->t, o->t.admin, replaced(a, MAKE_TEMPLATED, names, now.values), "");
    now.values[2] =
        made(o, o->t.admin, &now,
             "{project(entityName:\"<entity>\",name:\"model-registry\"){runQueue(name:\"<queue>\")"
             "{id}}}",
             "project.runQueue.id");
    now.values[3] = made(o, o->t.admin, &now, MAKE_AGENT, "createLaunchAgent.launchAgentId");
    now.values[7] = made(o, mine, &now, MAKE_ITEM, "pushToRunQueue.runQueueItemId");
    now.values[6] = made(o, o->t.admin, &now, MAKE_ITEM, "pushToRunQueue.runQueueItemId");
    now.values[4] = arena_printf(a, "own%05d", o->made);
    now.values[8] = made(o, mine, &now, MAKE_RUN, "upsertBucket.bucket.id");
    now.values[4] = arena_printf(a, "run%05d", o->made);
    now.values[5] = made(o, o->t.admin, &now, MAKE_RUN, "upsertBucket.bucket.id");
    if (names_any(document, FIRST_OF_ARTIFACTS, FIRST_OF_SWEEPS))
        artifacts_make(o, &now, mine);
    if (names_any(document, FIRST_OF_SWEEPS, FIRST_OF_LINKS))
        sweep_make(o, &now);
    if (names_any(document, FIRST_OF_LINKS, FIRST_OF_FILES))
        links_make(o, &now);
    if (names_any(document, FIRST_OF_FILES, OWN_COLLECTION))
        files_make(o, &now);
    if (names_any(document, LOGGED_RUN, ARRAY_LEN(names)))
        logged_make(o, &now);
    if (names_any(document, OWN_COLLECTION, LOGGED_RUN))
        now.values[OWN_COLLECTION] =
            made(o, mine, &now, MAKE_OWN_COLLECTION, "createArtifact.artifact.artifactSequence.id");
    return now;
}

/* None of them is there. */
static struct objects objects_absent(void)
{
    /* Run:v1:run99999:p:gamma */
    static const char run[] = "UnVuOnYxOnJ1bjk5OTk5OnA6Z2FtbWE=";
    /* ArtifactManifest:99999999 */
    static const char manifest[] = "QXJ0aWZhY3RNYW5pZmVzdDo5OTk5OTk5OQ==";

    /* Sweep:v1:swp99999:p:gamma */
    static const char sweep[] = "U3dlZXA6djE6c3dwOTk5OTk6cDpnYW1tYQ==";
    /* RunFile:99999999:f, RunFile:99999998:f */
    static const char file[] = "UnVuRmlsZTo5OTk5OTk5OTpm", own_file[] = "UnVuRmlsZTo5OTk5OTk5ODpm";

    return (struct objects){ .values = { "gamma",
                                         "q9999",
                                         "zzzzzzzzzzzz",
                                         "yyyyyyyyyyyy",
                                         "run99999",
                                         run,
                                         "xxxxxxxxxxxx",
                                         "wwwwwwwwwwww",
                                         run,
                                         "vvvvvvvvvvvv",
                                         "uuuuuuuuuuuu",
                                         "tttttttttttt",
                                         "client-no",
                                         manifest,
                                         "ssssssssssss",
                                         "99999999",
                                         "0123456789abcdef0123456789abcdef",
                                         "swp99999",
                                         sweep,
                                         "rrrrrrrrrrrr",
                                         "qqqqqqqqqqqq",
                                         "pppppppppppp",
                                         file,
                                         own_file,
                                         "oooooooooooo",
                                         "log99999" } };
}

/* --- one cell of the table --- */

struct cell {
    struct office *o;
    const struct caller_row *who;
    const char *what, *method, *path, *document; /* document NULL: a route */
};

static struct http_reply cell_send(const struct cell *c, const struct objects *now)
{
    struct arena *a = c->o->t.w->a;
    struct jval *body = jval_new_object(a);
    const char *url = arena_printf(a, "%s%s", c->o->t.base,
                                   c->document ? "/graphql" : replaced(a, c->path, names, now->values));

    if (!c->document)
        return request(&c->o->t, c->method, url, key_of(c->o, c->who), "{}");
    jval_set_cstr(a, body, "query", replaced(a, c->document, names, now->values));
    return request(&c->o->t, "POST", url, key_of(c->o, c->who), jval_text(a, body, JVAL_COMPACT).ptr);
}

static bool is_refused_query(const struct cell *c, const struct http_reply *r)
{
    struct jval *answer = NULL;

    return c->document && c->document[0] == '{' && r->status == 200 &&
           jval_from_json(c->o->t.w->a, r->body, "answer", NULL, &answer, NULL) == 0 &&
           jval_is(jval_path(jval_get(answer, "data"), c->path), JVAL_NULL);
}

/* The run has no such file: whoever is told that may read the run. */
static bool is_missing_file(const struct http_reply *r)
{
    return r->status == 404 && str_find(r->body, STR("has no file 'f'")) >= 0;
}

static const char *cell_text(const struct cell *c, bool is_own_team, const struct http_reply *r)
{
    return arena_printf(c->o->t.w->a, "%s by %s in %s team: %d %s", c->what,
                        c->who->name ? c->who->name : "the server's admin", is_own_team ? "its" : "another",
                        r->status, r->body.ptr);
}

/* An answer about @now must be the one about what is not there. */
static void cell_check_hidden(const struct cell *c, const struct objects *now, const struct http_reply *r,
                              const char *text)
{
    struct arena *a = c->o->t.w->a;
    const struct objects absent = objects_absent();
    const struct http_reply missing = cell_send(c, &absent);

    if (r->status != 404 && !is_refused_query(c, r))
        fail_msg("must not be found: %s", text);
    if (r->status != missing.status || strcmp(replaced(a, r->body.ptr, now->values, names),
                                              replaced(a, missing.body.ptr, absent.values, names)) != 0)
        fail_msg("must read as what is not there: %s\nwhich is: %d %s", text, missing.status,
                 missing.body.ptr);
}

static void cell_check(const struct cell *c, bool is_own_team, enum store_role least)
{
    enum store_role role = is_own_team ? c->who->own : c->who->other;
    const struct secret *mine = role >= ROLE_MEMBER ? key_of(c->o, c->who) : c->o->t.admin;
    const struct objects now =
        objects_make(c->o, is_own_team ? c->o->own : c->o->other, mine, c->document ? c->document : c->path);
    const struct http_reply r = cell_send(c, &now);
    const char *text = cell_text(c, is_own_team, &r);

    if (role == ROLE_NONE)
        cell_check_hidden(c, &now, &r, text);
    else if (role < least && r.status != 403)
        fail_msg("must be denied: %s", text);
    else if (role >= least && ((r.status != 200 && !is_missing_file(&r)) || is_refused_query(c, &r)))
        fail_msg("must be allowed: %s", text);
}

static void table_test(struct world *w)
{
    struct office o;

    office_open(&o, w);
    for (size_t i = 0; i < ARRAY_LEN(callers); i++) {
        for (int own = 0; own < 2; own++) {
            for (size_t k = 0; k < ARRAY_LEN(acts); k++)
                cell_check(&(struct cell){ .o = &o,
                                           .who = &callers[i],
                                           .what = acts[k].name,
                                           .path = acts[k].path,
                                           .document = acts[k].document },
                           own, acts[k].least);
            for (size_t k = 0; k < ARRAY_LEN(routes); k++)
                cell_check(&(struct cell){ .o = &o,
                                           .who = &callers[i],
                                           .what = routes[k].path,
                                           .method = routes[k].method,
                                           .path = routes[k].path },
                           own, routes[k].least);
        }
    }
    api_close(&o.t);
}

static void every_role_may_do_what_the_table_says_and_a_foreign_object_reads_as_a_missing_one(void **state)
{
    world_run(table_test);
}

/* --- the time an answer takes --- */

enum { TRIES = 40, ROUNDS = 100 }; /* more rounds where a busy machine shows a difference that there is not */

/* Of this thread, on which all runs: the machine may be busy. */
static int64_t cpu_ns(void)
{
    struct timespec t;

    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t), 0);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void least_of(const struct cell *c, const struct objects *now, int64_t *least)
{
    int64_t begun = cpu_ns(), took;

    (void)cell_send(c, now);
    took = cpu_ns() - begun;
    if (*least == 0 || took < *least)
        *least = took;
}

static bool is_alike(int64_t foreign, int64_t missing)
{
    return foreign <= missing * 3 / 2 && missing <= foreign * 3 / 2;
}

/* What a stranger is told of another team's objects costs what it costs to find nothing: at most half as much
 * again, for the row or two that are read. */
static void time_test(struct world *w)
{
    struct office o;
    struct objects theirs, absent = objects_absent();

    office_open(&o, w);
    theirs = objects_make(&o, o.other, o.t.admin, NULL);
    for (size_t k = 0; k < ARRAY_LEN(acts); k++) {
        const struct cell c = { .o = &o,
                                .who = &callers[0],
                                .what = acts[k].name,
                                .path = acts[k].path,
                                .document = acts[k].document };
        int64_t foreign = 0, missing = 0;

        for (int i = 0; i < TRIES || (i < TRIES * ROUNDS && !is_alike(foreign, missing)); i++) {
            least_of(&c, &theirs, &foreign);
            least_of(&c, &absent, &missing);
        }
        if (!is_alike(foreign, missing))
            fail_msg("%s: %lld us for another team's, %lld us for what is not there", acts[k].name,
                     (long long)foreign / 1000, (long long)missing / 1000);
    }
    api_close(&o.t);
}

static void a_foreign_object_takes_the_time_of_a_missing_one(void **state)
{
    world_run(time_test);
}

/* --- no operation without a row --- */

static bool is_tested(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(acts); i++)
        if (str_is(name, acts[i].name))
            return true;
    return false;
}

/* The same for everybody: nothing of anybody in it but the caller's own. */
static bool is_for_all(struct str query)
{
    return str_is(query, "viewer") || str_is(query, "serverInfo") || str_is(query, "organization") ||
           str_is(query, "users"); /* see below */
}

static void complete_test(struct world *w)
{
    struct office o;
    const struct jval *mutations, *queries;
    enum store_role least;

    office_open(&o, w);
    mutations = data(&o.t, o.t.admin, "{__type(name:\"Mutation\"){fields{name}}}", "__type.fields");
    queries = data(&o.t, o.t.admin, "{__type(name:\"Query\"){fields{name}}}", "__type.fields");
    assert_true(jval_len(mutations) > 20);
    for (size_t i = 0; i < jval_len(mutations); i++) {
        struct str name = jval_str(jval_get(jval_at(mutations, i), "name"));

        if (!access_least(arena_cstr(w->a, name), &least))
            fail_msg("mutation %.*s has no row in src/server/access.c: nobody may call it", STR_ARG(name));
        if (!is_tested(name))
            fail_msg("mutation %.*s has no row in this test", STR_ARG(name));
    }
    for (size_t i = 0; i < jval_len(queries); i++) {
        struct str name = jval_str(jval_get(jval_at(queries, i), "name"));

        if (!is_tested(name) && !is_for_all(name))
            fail_msg("query %.*s has no row in this test", STR_ARG(name));
    }
    for (size_t i = 0; i < ARRAY_LEN(acts); i++)
        if (acts[i].path[0] == '\0' && (!access_least(acts[i].name, &least) || least != acts[i].least))
            fail_msg("%s: the server's table says another role", acts[i].name);
    api_close(&o.t);
}

static void no_mutation_and_no_query_is_without_a_row(void **state)
{
    world_run(complete_test);
}

/* --- people --- */

static size_t users_seen(struct office *o, const struct secret *key, const char *part)
{
    const char *document = arena_printf(
        o->t.w->a, "{users(query:\"%s\"){edges{node{username teams{edges{node{name}}}}}}}", part);

    return jval_len(data(&o->t, key, document, "users.edges"));
}

static void users_test(struct world *w)
{
    struct office o;

    office_open(&o, w);
    assert_int_equal(users_seen(&o, o.t.keys[0], ""), 1);     /* the stranger: itself */
    assert_int_equal(users_seen(&o, o.t.keys[1], "BOB"), 0);  /* a viewer, and who is in the other team */
    assert_int_equal(users_seen(&o, o.t.keys[1], "CHIE"), 1); /* who is in its own */
    assert_int_equal(users_seen(&o, o.t.admin, "bob"), 1);
    is_text(data(&o.t, o.t.keys[1],
                 "{users(query:\"ann\"){edges{node{teams{edges{node{name members{username}}}}}}}}",
                 "users.edges.0.node.teams.edges.0.node.name"),
            o.own);
    api_close(&o.t);
}

static void users_are_found_by_those_in_a_team_with_them(void **state)
{
    world_run(users_test);
}

/* --- roles on one queue --- */

#define LOOK                                                                                                 \
    "{project(entityName:\"alpha\",name:\"model-registry\"){runQueue(name:\"<queue>\"){id} "                 \
    "runQueues{name}}}"
#define PUSH_BY_NAME                                                                                         \
    "mutation{pushToRunQueueByName(input:{entityName:\"alpha\",projectName:\"model-registry\",queueName:"    \
    "\"<queue>\",runSpec:\"{\\\"entity\\\":\\\"alpha\\\"}\"}){runQueueItemId}}"
#define CHANGE_QUEUE                                                                                         \
    "mutation{upsertRunQueue(input:{entityName:\"alpha\",projectName:\"model-registry\",queueName:"          \
    "\"<queue>\",resourceType:\"vertex\",resourceConfig:\"{\\\"resource_args\\\":{}}\"}){success}}"
#define DELETE_QUEUE "mutation{deleteRunQueues(input:{queueIDs:[\"<queueid>\"]}){success}}"

static enum store_role role_shown(struct office *o, const struct secret *key, const struct objects *now)
{
    struct arena *a = o->t.w->a;
    const struct jval *project = data(&o->t, key, replaced(a, LOOK, names, now->values), "project");
    bool seen = !jval_is(jval_get(project, "runQueue"), JVAL_NULL), listed = false;
    int push = 0, delete = 0, change = 0;

    for (size_t i = 0; i < jval_len(jval_get(project, "runQueues")); i++)
        listed |=
            str_is(jval_str(jval_get(jval_at(jval_get(project, "runQueues"), i), "name")), now->values[1]);
    assert_int_equal(seen, listed);
    (void)ask(&o->t, key, &push, replaced(a, PUSH_BY_NAME, names, now->values));
    (void)ask(&o->t, key, &change, replaced(a, CHANGE_QUEUE, names, now->values));
    (void)ask(&o->t, key, &delete, replaced(a, DELETE_QUEUE, names, now->values));
    if (!seen) {
        assert_int_equal(push, 404);
        assert_int_equal(delete, 404);
        assert_int_equal(change, 403); /* as for one that is not there: the role in the team is too low */
        return ROLE_NONE;
    }
    assert_true(push == 200 || push == 403);
    assert_true(delete == 200 || delete == 403);
    assert_int_equal(change, delete);
    return delete == 200 ? ROLE_ADMIN : push == 200 ? ROLE_MEMBER : ROLE_VIEWER;
}

static void queue_test(struct world *w)
{
    static const struct {
        const char *user, *given; /* given NULL: no role on the queue */
        bool for_maker;           /* access USER, made by ann */
        enum store_role shown;
    } rows[] = {
        { "viewer", NULL, false, ROLE_VIEWER },      { "viewer", "none", false, ROLE_NONE },
        { "viewer", "member", false, ROLE_MEMBER },  { "viewer", "admin", false, ROLE_ADMIN },
        { "member", NULL, false, ROLE_MEMBER },      { "member", "none", false, ROLE_NONE },
        { "member", "viewer", false, ROLE_VIEWER },  { "member", "admin", false, ROLE_ADMIN },
        { "member", "default", false, ROLE_MEMBER }, { "chief", "viewer", false, ROLE_ADMIN },
        { "member", NULL, true, ROLE_NONE },         { "member", "viewer", true, ROLE_VIEWER },
        { "ann", NULL, true, ROLE_ADMIN },           { "chief", NULL, true, ROLE_ADMIN },
    };
    struct office o;
    struct err e = { 0 };

    office_open(&o, w);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct objects now = { .values = { "alpha", "", "", "", "", "", "", "", "", "", "",
                                           "",      "", "", "", "", "", "", "", "", "", "" } };
        struct admin_role_options role = { .team = "alpha", .user = rows[i].user, .role = rows[i].given };
        const struct secret *key = strcmp(rows[i].user, "ann") == 0 ? o.t.ann : NULL;

        for (size_t k = 0; !key && k < ARRAY_LEN(callers); k++)
            if (callers[k].name && strcmp(callers[k].name, rows[i].user) == 0)
                key = o.t.keys[k];
        role.queue = now.values[1] = arena_printf(w->a, "q%zu", i);
        now.values[2] =
            made(&o, rows[i].for_maker ? o.t.ann : o.t.admin, &now,
                 rows[i].for_maker ? "mutation{createRunQueue(input:{entityName:\"alpha\",projectName:"
                                     "\"model-registry\",queueName:\"<queue>\",access:USER}){queueID}}"
                                   : "mutation{createRunQueue(input:{entityName:\"alpha\",projectName:"
                                     "\"model-registry\",queueName:\"<queue>\",access:PROJECT}){queueID}}",
                 "createRunQueue.queueID");
        if (rows[i].given)
            must(server_role_set(o.t.server, &role, &e), &e);
        if (role_shown(&o, key, &now) != rows[i].shown)
            fail_msg("row %zu: %s has another role on the queue", i, rows[i].user);
    }
    api_close(&o.t);
}

static void a_role_on_a_queue_stands_for_the_one_in_the_team(void **state)
{
    world_run(queue_test);
}

static void roles_test(struct world *w)
{
    const char *look = "{entity(name:\"alpha\"){name}}";
    struct admin_role_options bob = { .team = "alpha", .user = "bob", .role = "viewer" };
    struct office o;
    struct err e = { 0 };

    office_open(&o, w);
    assert_true(jval_is(data(&o.t, o.t.bob, look, "entity"), JVAL_NULL));
    bob.queue = "q";
    assert_int_equal(server_role_set(o.t.server, &bob, &e), -ERR_NOT_FOUND); /* no member */
    bob.queue = NULL;
    must(server_role_set(o.t.server, &bob, &e), &e);
    is_text(data(&o.t, o.t.bob, look, "entity.name"), "alpha");
    bob.role = "none";
    must(server_role_set(o.t.server, &bob, &e), &e);
    assert_true(jval_is(data(&o.t, o.t.bob, look, "entity"), JVAL_NULL));
    bob.role = "owner";
    assert_int_equal(server_role_set(o.t.server, &bob, &e), -ERR_INVALID);
    bob = (struct admin_role_options){ .team = "bob", .user = "ann", .role = "admin" };
    assert_int_equal(server_role_set(o.t.server, &bob, &e), -ERR_NOT_FOUND); /* a user's own is no team */
    api_close(&o.t);
}

static void a_role_is_given_and_taken_at_once(void **state)
{
    world_run(roles_test);
}

static void templates_test(struct world *w)
{
    static const struct {
        const char *spec, *values;
        int status; /* for a member */
    } rows[] = {
        { "{}", "{}", 200 },
        { "{}", "{\\\"v\\\":\\\"mine\\\"}", 200 },
        { "{\\\"resource_args\\\":{}}", "{}", 200 }, /* as clients send it when nothing is set */
        { "{\\\"resource\\\":\\\"vertex\\\",\\\"overrides\\\":{\\\"args\\\":[\\\"-x\\\"]}}", "{}", 200 },
        { "{\\\"resource_args\\\":{\\\"vertex\\\":{\\\"a\\\":1}}}", "{}", 403 },
        { "{\\\"resource\\\":\\\"local-process\\\"}", "{}", 403 },
        { "{}", "{\\\"w\\\":1}", 400 },
    };
    struct office o;
    struct objects now;

    office_open(&o, w);
    now = objects_make(&o, o.own, o.t.admin, NULL);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *push = arena_printf(w->a,
                                        "mutation{pushToRunQueue(input:{queueID:\"%s\",runSpec:\"%s\","
                                        "templateVariableValues:\"%s\"}){runQueueItemId}}",
                                        now.values[2], rows[i].spec, rows[i].values);
        int member = 0, chief = 0;

        (void)ask(&o.t, o.t.keys[2], &member, push);
        (void)ask(&o.t, o.t.keys[3], &chief, push);
        if (member != rows[i].status || chief != (rows[i].status == 403 ? 200 : rows[i].status))
            fail_msg("row %zu: %d for a member, %d for an admin", i, member, chief);
    }
    api_close(&o.t);
}

static void a_member_sets_template_variables_and_an_admin_everything(void **state)
{
    world_run(templates_test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_role_may_do_what_the_table_says_and_a_foreign_object_reads_as_a_missing_one),
        cmocka_unit_test(a_foreign_object_takes_the_time_of_a_missing_one),
        cmocka_unit_test(no_mutation_and_no_query_is_without_a_row),
        cmocka_unit_test(users_are_found_by_those_in_a_team_with_them),
        cmocka_unit_test(a_role_on_a_queue_stands_for_the_one_in_the_team),
        cmocka_unit_test(a_role_is_given_and_taken_at_once),
        cmocka_unit_test(a_member_sets_template_variables_and_an_admin_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
