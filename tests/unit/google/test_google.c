/* The Google client against a small server that writes down what it was asked. */
#include "../test.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <unistd.h>

#include "base/crypto.h"
#include "google/logging.h"
#include "google/vertex.h"
#include "io/file.h"
#include "io/real.h"

#define TOKEN_PATH "/computeMetadata/v1/instance/service-accounts/default/token"

struct answer {
    const char *path; /* prefix of method and path */
    int status;
    const char *body;
    int times; /* 0: always */
};
struct world {
    struct io *io;
    struct arena *a;
    struct http_server *server;
    struct google *g;
    struct answer answers[8];
    char asked[8192]; /* "GET /path?query auth=Bearer t1 body" a line */
    int tokens, expires_in, slow_ms;
};

static void serve(void *ctx, struct http_exchange *x)
{
    struct world *w = ctx;
    struct str auth = http_header_get(x->headers, x->header_count, "Authorization");
    size_t used = strlen(w->asked);
    const char *line;

    line = arena_printf(x->a, "%.*s %.*s%s%.*s", STR_ARG(x->method), STR_ARG(x->path),
                        x->query.len ? "?" : "", STR_ARG(x->query));
    snprintf(w->asked + used, sizeof(w->asked) - used, "%s %.*s %.*s\n", line, STR_ARG(auth),
             STR_ARG(x->body));
    if (w->slow_ms)
        (void)!io_sleep(x->io, w->slow_ms, NULL);
    for (size_t i = 0; i < ARRAY_LEN(w->answers) && w->answers[i].path; i++) {
        struct answer *n = &w->answers[i];

        if (n->times < 0 || !str_has_prefix(str_of(line), str_of(n->path)))
            continue;
        if (n->times > 0 && --n->times == 0)
            n->times = -1;
        http_reply_text(x, n->status, "application/json", str_of(n->body));
        return;
    }
    if (str_is(x->path, TOKEN_PATH)) {
        assert_true(str_is(http_header_get(x->headers, x->header_count, "Metadata-Flavor"), "Google"));
        http_reply_text(x, 200, "application/json",
                        str_of(arena_printf(x->a, "{\"access_token\":\"t%d\",\"expires_in\":%d}", ++w->tokens,
                                            w->expires_in ? w->expires_in : 3599)));
        return;
    }
    http_reply_text(x, 404, "text/html", STR("<!DOCTYPE html>no such page"));
}

typedef void (*story_fn)(struct world *w);
struct story {
    story_fn fn;
};

static int run_story(struct io *io, void *arg, struct err *e)
{
    struct world w = { .io = io, .a = arena_new() };
    const struct http_server_options so = { .handler = serve, .ctx = &w };
    struct google_options o = { 0 };

    assert_int_equal(http_listen(io, &so, &w.server, e), 0);
    o.metadata_host = arena_printf(w.a, "127.0.0.1:%u", http_server_port(w.server));
    o.endpoint = arena_printf(w.a, "http://%s", o.metadata_host);
    w.g = google_new(io, &o);
    ((struct story *)arg)->fn(&w);
    google_free(w.g);
    http_server_close(w.server);
    arena_free(w.a);
    return 0;
}

static void tell(story_fn fn)
{
    struct story s = { fn };
    struct err e = { 0 };

    unsetenv("GOOGLE_CLOUD_PROJECT");
    unsetenv("GCLOUD_PROJECT");
    unsetenv("GOOGLE_CLOUD_QUOTA_PROJECT");
    must(io_real_run(run_story, &s, &e), &e);
}

#define AT(region) (&(const struct vertex_place){ STR("p"), STR(region) })

#define STORY(name)                                                                                          \
    static void name##_story(struct world *w);                                                               \
    static void name(void **state)                                                                           \
    {                                                                                                        \
        tell(name##_story);                                                                                  \
    }                                                                                                        \
    static void name##_story(struct world *w)

#define JOB "{\"name\":\"projects/9/locations/us-east1/customJobs/7\",\"state\":\"JOB_STATE_PENDING\"}"
#define ASKED_TOKEN                                                                                          \
    "GET " TOKEN_PATH "?scopes=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform"                     \
    "  \n"

STORY(a_create_sends_the_request_with_a_token_of_the_metadata_server)
{
    struct vertex_job job = { 0 };
    struct err e = { 0 };

    w->answers[0] = (struct answer){ "POST /v1/", 200, JOB };
    assert_int_equal(vertex_create(w->g, w->a, AT("us-east1"), STR("{\"x\":1}"), &job, &e), 0);
    assert_string_equal(w->asked, ASKED_TOKEN
                        "POST /v1/projects/p/locations/us-east1/customJobs Bearer t1 {\"x\":1}\n");
    assert_true(str_is(job.name, "projects/9/locations/us-east1/customJobs/7"));
    assert_true(str_is(job.state, "JOB_STATE_PENDING"));
    assert_null(job.error_message.ptr);
}

STORY(a_create_with_fields_of_the_beta_api_goes_there)
{
    const struct vertex_place where = { .gcp_project = STR("p"), .region = STR("us-east1"), .v1beta1 = true };
    struct vertex_job job = { 0 };
    struct err e = { 0 };

    w->answers[0] = (struct answer){ "POST /v1beta1/", 200, JOB };
    assert_int_equal(vertex_create(w->g, w->a, &where, STR("{}"), &job, &e), 0);
    assert_true(str_is(job.name, "projects/9/locations/us-east1/customJobs/7"));
}

STORY(a_create_that_would_leave_too_late_is_not_sent)
{
    struct vertex_place where = { .gcp_project = STR("p"), .region = STR("us-east1") };
    struct vertex_job job = { 0 };
    struct err e = { 0 };

    where.send_before_ms = io_now_ms(w->io) - 1;
    assert_int_equal(vertex_create(w->g, w->a, &where, STR("{}"), &job, &e), -ERR_TIMEOUT);
    assert_non_null(strstr(e.msg, "was to be sent"));
    assert_string_equal(w->asked, ASKED_TOKEN);
    w->answers[0] = (struct answer){ "POST /v1/", 200, JOB };
    where.send_before_ms = io_now_ms(w->io) + 60000;
    assert_int_equal(vertex_create(w->g, w->a, &where, STR("{}"), &job, &e), 0);
}

STORY(a_token_is_used_again_and_renewed_once_after_a_401)
{
    struct vertex_job job = { 0 };
    struct err e = { 0 };

    w->answers[0] = (struct answer){ "GET /v1/", 200, JOB };
    for (int i = 0; i < 3; i++)
        assert_int_equal(vertex_get(w->g, w->a, STR("projects/9/locations/r/customJobs/7"), &job, &e), 0);
    assert_int_equal(w->tokens, 1);
    w->answers[0] = (struct answer){ "GET /v1/", 401, "{}", .times = 1 };
    w->answers[1] = (struct answer){ "GET /v1/", 200, JOB };
    assert_int_equal(vertex_get(w->g, w->a, STR("projects/9/locations/r/customJobs/7"), &job, &e), 0);
    assert_int_equal(w->tokens, 2);
    w->answers[0] =
        (struct answer){ "GET /v1/", 401, "{\"error\":{\"status\":\"UNAUTHENTICATED\",\"message\":\"no\"}}" };
    assert_int_equal(vertex_get(w->g, w->a, STR("projects/9/locations/r/customJobs/7"), &job, &e), -ERR_AUTH);
    assert_true(str_has_prefix(str_of(e.msg), STR("UNAUTHENTICATED: no: the token was refused twice")));
    assert_int_equal(w->tokens, 3);
}

STORY(googles_error_becomes_code_message_and_wait)
{
    struct vertex_job job = { 0 };
    struct err e = { 0 };

    w->answers[0] =
        (struct answer){ "POST /v1/", 429,
                         "{\"error\":{\"code\":429,\"message\":\"slow\",\"status\":\"RESOURCE_EXHAUSTED\","
                         "\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":"
                         "\"RATE_LIMIT_EXCEEDED\"},{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\","
                         "\"retryDelay\":\"13.5s\"}]}}" };
    assert_int_equal(vertex_create(w->g, w->a, AT("r"), STR("{}"), &job, &e), -ERR_THROTTLED);
    assert_string_equal(e.msg, "RESOURCE_EXHAUSTED (RATE_LIMIT_EXCEEDED): slow");
    assert_int_equal(e.retry_after_ms, 13500);
    assert_int_equal(e.http_status, 429);
    assert_null(job.name.ptr);
}

STORY(a_page_of_html_is_an_error_and_not_a_crash)
{
    struct vertex_job job = { 0 };
    struct err e = { 0 };

    assert_int_equal(vertex_create(w->g, w->a, AT("r"), STR("{}"), &job, &e), -ERR_REMOTE);
    assert_string_equal(e.msg,
                        "HTTP 404: <!DOCTYPE html>no such page"); /* of a proxy, say: not Google's word */
    assert_int_equal(e.http_status, 404);
    w->answers[0] = (struct answer){ "POST /v1/", 400, "{\"error\":{\"code\":400,\"mess" };
    assert_int_equal(vertex_create(w->g, w->a, AT("r"), STR("{}"), &job, &e),
                     -ERR_REMOTE); /* half an answer */
    w->answers[0].body = "Bad request";
    assert_int_equal(vertex_create(w->g, w->a, AT("r"), STR("{}"), &job, &e), -ERR_INVALID);
    w->answers[0] = (struct answer){ "POST /v1/", 200, "<html>" };
    assert_int_equal(vertex_create(w->g, w->a, AT("r"), STR("{}"), &job, &e), -ERR_PROTO);
    w->answers[0].body = "{\"state\":\"JOB_STATE_PENDING\"}";
    assert_int_equal(vertex_create(w->g, w->a, AT("r"), STR("{}"), &job, &e), -ERR_PROTO);
}

STORY(a_list_follows_every_page_and_asks_for_little)
{
    struct vertex_jobs jobs = { 0 };
    struct err e = { 0 };

    w->answers[0] = (struct answer){ "GET /v1/", 200, "{\"customJobs\":[" JOB "],\"nextPageToken\":\"a b\"}",
                                     .times = 1 };
    w->answers[1] = (struct answer){ "GET /v1/", 200, "{\"nextPageToken\":\"c\"}", .times = 1 };
    w->answers[2] = (struct answer){
        "GET /v1/", 200,
        "{\"customJobs\":[{\"name\":\"n\",\"state\":\"JOB_STATE_FAILED\",\"error\":{\"code\":3,"
        "\"message\":\"bad\"},\"labels\":{\"a\":\"b\"}},{\"name\":\"m\"}]}"
    };
    assert_int_equal(vertex_list(w->g, w->a, AT("r"), STR("labels.a=\"b\""), &jobs, &e), 0);
    assert_int_equal(jobs.len, 3);
    assert_int_equal(jobs.at[1].error_code, 3);
    assert_true(str_is(jobs.at[1].error_message, "bad"));
    assert_true(str_is(jval_str(jval_get(jobs.at[1].labels, "a")), "b"));
    assert_true(str_is(jobs.at[2].state, "JOB_STATE_UNSPECIFIED"));
#define LIST                                                                                                 \
    "GET /v1/projects/p/locations/r/customJobs?pageSize=100&readMask=name,state,error,labels,createTime,"    \
    "startTime&filter=labels.a%3D%22b%22"
    assert_string_equal(w->asked, ASKED_TOKEN LIST " Bearer t1 \n" LIST "&pageToken=a%20b Bearer t1 \n" LIST
                                                   "&pageToken=c Bearer t1 \n");
}

STORY(cancelling_a_job_that_has_ended_is_done)
{
    struct err e = { 0 };

    w->answers[0] = (struct answer){ "POST /v1/projects/9/locations/r/customJobs/7:cancel", 400,
                                     "{\"error\":{\"status\":\"FAILED_PRECONDITION\",\"message\":\"ended\"}}",
                                     .times = 1 };
    w->answers[1] =
        (struct answer){ "POST", 404, "{\"error\":{\"status\":\"NOT_FOUND\",\"message\":\"gone\"}}" };
    assert_int_equal(vertex_cancel(w->g, STR("projects/9/locations/r/customJobs/7"), &e), 0);
    assert_int_equal(vertex_cancel(w->g, STR("projects/9/locations/r/customJobs/7"), &e), -ERR_NOT_FOUND);
    assert_int_equal(vertex_cancel(w->g, STR("projects/9/../customJobs/7"), &e), -ERR_INVALID);
}

struct caller {
    struct world *w;
    int *done;
};

static void ask_for_token(void *arg)
{
    struct caller *c = arg;
    const struct secret *token;
    struct err e = { 0 };

    assert_int_equal(google_token(c->w->g, &token, &e), 0);
    assert_true(str_is(secret_unwrap(token), "t1"));
    (*c->done)++;
}

STORY(many_callers_share_one_token_request)
{
    struct group *group = group_new(w->io);
    int done = 0;
    struct caller c = { w, &done };

    w->slow_ms = 20;
    for (int i = 0; i < 10; i++)
        group_spawn(group, "caller", ask_for_token, &c);
    group_wait(group);
    group_free(group);
    assert_int_equal(done, 10);
    assert_int_equal(w->tokens, 1);
}

STORY(a_token_near_its_end_is_renewed_but_not_on_every_call)
{
    const struct secret *token;
    struct err e = { 0 };

    w->expires_in = 60;
    for (int i = 0; i < 5; i++)
        assert_int_equal(google_token(w->g, &token, &e), 0);
    assert_int_equal(w->tokens, 1);
}

STORY(the_project_comes_from_the_metadata_server)
{
    struct str project;
    struct err e = { 0 };

    w->answers[0] = (struct answer){ "GET /computeMetadata/v1/project/project-id", 200, "proj-x\n" };
    assert_int_equal(google_project(w->g, &project, &e), 0);
    assert_true(str_is(project, "proj-x"));
}

STORY(log_lines_of_many_jobs_are_read_with_one_request)
{
    const struct str jobs[] = { STR("7"), STR("8") };
    const struct log_query q = { STR("p"), jobs, 2, STR("T1"), STR("tok") };
    struct log_page page = { 0 };
    struct err e = { 0 };

    w->answers[0] = (struct answer){
        "POST /v2/entries:list", 200,
        "{\"entries\":[{\"timestamp\":\"T2\",\"insertId\":\"i\",\"severity\":\"INFO\",\"resource\":{"
        "\"labels\":"
        "{\"job_id\":\"8\",\"task_name\":\"workerpool0-0\"}},\"jsonPayload\":{\"message\":\"hi\"}},"
        "{\"textPayload\":\"ho\"}],\"nextPageToken\":\"more\"}"
    };
    assert_int_equal(logging_read(w->g, w->a, &q, &page, &e), 0);
    assert_int_equal(page.len, 2);
    assert_true(str_is(page.lines[0].text, "hi") && str_is(page.lines[0].job_id, "8"));
    assert_true(str_is(page.lines[0].task, "workerpool0-0"));
    assert_true(str_is(page.lines[1].text, "ho"));
    assert_true(str_is(page.next_token, "more"));
    assert_string_equal(w->asked, ASKED_TOKEN
                        "POST /v2/entries:list Bearer t1 "
                        "{\"resourceNames\":[\"projects/p\"],\"filter\":\"resource.type=\\\"ml_job\\\" AND "
                        "resource.labels.job_id=(\\\"7\\\" OR \\\"8\\\") AND timestamp>=\\\"T1\\\"\","
                        "\"orderBy\":\"timestamp asc\",\"pageSize\":1000,\"pageToken\":\"tok\"}\n");
}

/* --- credential files ------------------------------------------------------------------------------------
 */

static struct google *google_with_file(struct world *w, const char *path)
{
    const struct google_options o = { .credentials_file = path,
                                      .endpoint = arena_printf(w->a, "http://127.0.0.1:%u",
                                                               http_server_port(w->server)) };

    return google_new(w->io, &o);
}

/* A token from a file with this text. */
static int token_with_file(struct world *w, const char *text, struct err *e)
{
    char folder[FOLDER_SIZE];
    const struct secret *token;
    const char *path;
    struct google *g;
    int r;

    folder_make(folder);
    path = arena_printf(w->a, "%s/key.json", folder);
    assert_int_equal(file_write(w->io, path, str_of(text), 0600, e), 0);
    g = google_with_file(w, path);
    r = google_token(g, &token, e);
    google_free(g);
    folder_remove(folder);
    return r;
}

static const char *new_key_pem(struct arena *a, EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    long len;
    struct str s;

    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    len = BIO_get_mem_data(bio, &data);
    s = arena_str(a, (struct str){ data, (size_t)len });
    BIO_free(bio);
    return s.ptr;
}

/* The JWT in the form that was posted last: checked against @key, its claims given back. */
static const struct jval *claims_of(struct world *w, EVP_PKEY *key)
{
    struct str jwt = str_of(strstr(w->asked, "&assertion=") + 11), part[3], signature, claims, signed_text;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    struct jval *v = NULL;
    struct err e = { 0 };

    jwt = str_trim(jwt);
    for (int i = 0; i < 3; i++)
        assert_true(str_cut(&jwt, '.', &part[i]));
    signed_text = (struct str){ part[0].ptr, (size_t)(part[2].ptr - part[0].ptr) - 1 };
    assert_int_equal(base64_decode(w->a, part[2], &signature, &e), 0);
    assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestVerify(ctx, (const unsigned char *)signature.ptr, signature.len,
                                      (const unsigned char *)signed_text.ptr, signed_text.len),
                     1);
    EVP_MD_CTX_free(ctx);
    assert_int_equal(base64_decode(w->a, part[1], &claims, &e), 0);
    assert_int_equal(jval_from_json(w->a, claims, "claims", NULL, &v, &e), 0);
    return v;
}

STORY(a_service_account_key_signs_for_its_token)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    struct jval *file = jval_new_object(w->a);
    const struct jval *claims;
    struct err e = { 0 };

    jval_set_cstr(w->a, file, "type", "service_account");
    jval_set_cstr(w->a, file, "client_email", "a@p.iam");
    jval_set_cstr(w->a, file, "private_key_id", "kid1");
    jval_set_cstr(w->a, file, "private_key", new_key_pem(w->a, key));
    jval_set_cstr(w->a, file, "token_uri",
                  arena_printf(w->a, "http://127.0.0.1:%u/token", http_server_port(w->server)));
    w->answers[0] =
        (struct answer){ "POST /token", 200, "{\"access_token\":\"sa\",\"expires_in\":\"3599\"}" };
    must(token_with_file(w, jval_text(w->a, file, JVAL_COMPACT).ptr, &e), &e);
    claims = claims_of(w, key);
    assert_true(str_is(jval_str(jval_get(claims, "iss")), "a@p.iam"));
    assert_true(str_is(jval_str(jval_get(claims, "aud")), "https://oauth2.googleapis.com/token"));
    assert_true(
        str_is(jval_str(jval_get(claims, "scope")), "https://www.googleapis.com/auth/cloud-platform"));
    assert_int_equal(jval_int(jval_get(claims, "exp")) - jval_int(jval_get(claims, "iat")), 3600);
    EVP_PKEY_free(key);
}

STORY(a_login_trades_its_refresh_token)
{
    struct err e = { 0 };
    const char *file = "{\"type\":\"authorized_user\",\"client_id\":\"c "
                       "i\",\"client_secret\":\"s&\",\"refresh_token\":\"r/1\"}";

    w->answers[0] =
        (struct answer){ "POST /token", 200, "{\"access_token\":\"u\",\"expires_in\":3599}", .times = 1 };
    w->answers[1] =
        (struct answer){ "POST /token", 400,
                         "{\"error\":\"invalid_grant\",\"error_description\":\"Token has been revoked.\"}" };
    assert_int_equal(token_with_file(w, file, &e), 0);
    assert_string_equal(
        w->asked,
        "POST /token  grant_type=refresh_token&client_id=c%20i&client_secret=s%26&refresh_token=r%2F1\n");
    assert_int_equal(token_with_file(w, file, &e), -ERR_AUTH);
    assert_non_null(strstr(e.msg, "gcloud auth application-default login"));
    assert_non_null(strstr(e.msg, "invalid_grant: Token has been revoked."));
}

STORY(files_that_cannot_be_used_say_why)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "{\"type\":\"gdch_service_account\"}", "does not have a valid type. Type is gdch_service_account" },
        { "{\"type\":\"external_account\"}",
          "missing fields audience subject_token_type token_url credential_source" },
        { "not json", "is not a valid json file." },
        { "{\"type\":\"service_account\",\"token_uri\":\"https://oauth2.googleapis.com/token\"}",
          "missing fields client_email private_key" },
        { "{\"type\":\"service_account\",\"client_email\":\"a\",\"private_key\":\"k\",\"token_uri\":\"https:/"
          "/evil.com/t\"}",
          "token_uri https://evil.com/t is not one of Google's" },
        { "{\"type\":\"service_account\",\"client_email\":\"a\",\"private_key\":\"k\",\"token_uri\":"
          "\"https://x@evil.com/.googleapis.com\"}",
          "is not a URL that can be used" },
        { "{\"type\":\"service_account\",\"client_email\":\"a\",\"private_key\":\"k\",\"token_uri\":"
          "\"https://evil.com#.googleapis.com/\"}",
          "is not a URL that can be used" },
        { "{\"type\":\"authorized_user\"}", "missing fields client_id client_secret refresh_token" },
    };
    struct err e = { 0 };
    struct google *g;
    const struct secret *token;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(token_with_file(w, rows[i].text, &e), -ERR_CONFIG);
        if (!strstr(e.msg, rows[i].want))
            fail_msg("\"%s\" does not say \"%s\"", e.msg, rows[i].want);
    }
    g = google_with_file(w, "/nonexistent/key.json");
    assert_int_equal(google_token(g, &token, &e), -ERR_CONFIG);
    assert_string_equal(e.msg, "File /nonexistent/key.json was not found.");
    google_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_create_sends_the_request_with_a_token_of_the_metadata_server),
        cmocka_unit_test(a_create_with_fields_of_the_beta_api_goes_there),
        cmocka_unit_test(a_create_that_would_leave_too_late_is_not_sent),
        cmocka_unit_test(a_token_is_used_again_and_renewed_once_after_a_401),
        cmocka_unit_test(googles_error_becomes_code_message_and_wait),
        cmocka_unit_test(a_page_of_html_is_an_error_and_not_a_crash),
        cmocka_unit_test(a_list_follows_every_page_and_asks_for_little),
        cmocka_unit_test(cancelling_a_job_that_has_ended_is_done),
        cmocka_unit_test(many_callers_share_one_token_request),
        cmocka_unit_test(a_token_near_its_end_is_renewed_but_not_on_every_call),
        cmocka_unit_test(the_project_comes_from_the_metadata_server),
        cmocka_unit_test(log_lines_of_many_jobs_are_read_with_one_request),
        cmocka_unit_test(a_service_account_key_signs_for_its_token),
        cmocka_unit_test(a_login_trades_its_refresh_token),
        cmocka_unit_test(files_that_cannot_be_used_say_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
