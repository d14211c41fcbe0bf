/* Values of secrets, read from a small server that counts what it was asked. */
#include "../test.h"

#include <stdio.h>
#include <stdlib.h>

#include "google/hosts.h"
#include "google/secret_manager.h"
#include "io/real.h"

#define NAME "projects/p/secrets/s/versions/latest"
#define HELLO                                                                                                \
    "{\"name\":\"projects/9/secrets/s/versions/"                                                             \
    "4\",\"payload\":{\"data\":\"aGVsbG8=\",\"dataCrc32c\":\"2591144780\"}}"
#define BROKEN                                                                                               \
    "{\"name\":\"projects/9/secrets/s/versions/"                                                             \
    "4\",\"payload\":{\"data\":\"aGVsbG8=\",\"dataCrc32c\":\"1\"}}"

struct world {
    struct io *io;
    struct http_server *server;
    struct secret_manager *m;
    int status, broken_answers;
    const char *body;
    char path[256];
    int accesses;
};

static void serve(void *ctx, struct http_exchange *x)
{
    struct world *w = ctx;

    if (!str_has_prefix(x->path, STR("/v1/"))) {
        http_reply_text(x, 200, "application/json", STR("{\"access_token\":\"t\",\"expires_in\":3599}"));
        return;
    }
    w->accesses++;
    snprintf(w->path, sizeof(w->path), "%.*s", STR_ARG(x->path));
    (void)!io_sleep(x->io, 5, NULL);
    if (w->broken_answers > 0) {
        w->broken_answers--;
        http_reply_text(x, 200, "application/json", STR(BROKEN));
        return;
    }
    http_reply_text(x, w->status, "application/json", str_of(w->body));
}

struct story {
    void (*fn)(struct world *w);
    int64_t keep_ms;
};

static int run_story(struct io *io, void *arg, struct err *e)
{
    const struct story *s = arg;
    struct world w = { .io = io, .status = 200, .body = HELLO };
    const struct http_server_options so = { .handler = serve, .ctx = &w };
    AUTO_PTR(arena) a = arena_new();
    struct google_options o = { 0 };
    struct google *g;

    assert_int_equal(http_listen(io, &so, &w.server, e), 0);
    o.metadata_host = arena_printf(a, "127.0.0.1:%u", http_server_port(w.server));
    o.endpoint = arena_printf(a, "http://%s", o.metadata_host);
    g = google_new(io, &o);
    w.m = secret_manager_new(io, g, s->keep_ms);
    s->fn(&w);
    secret_manager_free(w.m);
    google_free(g);
    http_server_close(w.server);
    return 0;
}

static void tell(void (*fn)(struct world *w), int64_t keep_ms)
{
    struct story s = { fn, keep_ms };
    struct err e = { 0 };

    unsetenv("GOOGLE_CLOUD_PROJECT");
    unsetenv("GOOGLE_CLOUD_QUOTA_PROJECT");
    unsetenv("GOOGLE_APPLICATION_CREDENTIALS");
    must(io_real_run(run_story, &s, &e), &e);
}

#define STORY(name, keep_ms)                                                                                 \
    static void name##_story(struct world *w);                                                               \
    static void name(void **state)                                                                           \
    {                                                                                                        \
        (void)state;                                                                                         \
        tell(name##_story, keep_ms);                                                                         \
    }                                                                                                        \
    static void name##_story(struct world *w)

static void assert_value(struct world *w, const char *name, const char *field, const char *expected)
{
    AUTO_PTR(secret) value = NULL;
    struct err e = { 0 };

    must(secret_manager_access(w->m, str_of(name), str_of(field), &value, &e), &e);
    assert_string_equal(secret_unwrap(value).ptr, expected);
}

static void assert_refused(struct world *w, const char *field, int rc, const char *words)
{
    struct secret *value = NULL;
    struct err e = { 0 };

    assert_int_equal(secret_manager_access(w->m, STR(NAME), str_of(field), &value, &e), rc);
    assert_null(value);
    if (!strstr(e.msg, words))
        fail_msg("\"%s\" is not in \"%s\"", words, e.msg);
    assert_non_null(strstr(e.msg, NAME));
}

STORY(a_value_is_read_once_and_kept, 60000)
{
    assert_value(w, NAME, NULL, "hello");
    assert_value(w, NAME, NULL, "hello");
    assert_int_equal(w->accesses, 1);
    assert_string_equal(w->path, "/v1/" NAME ":access");
}

STORY(versions_are_kept_apart, 60000)
{
    assert_value(w, NAME, NULL, "hello");
    assert_value(w, "projects/p/secrets/s/versions/4", NULL, "hello");
    assert_int_equal(w->accesses, 2);
}

STORY(a_value_that_is_not_kept_is_read_again, 0)
{
    assert_value(w, NAME, NULL, "hello");
    assert_value(w, NAME, NULL, "hello");
    assert_int_equal(w->accesses, 2);
}

STORY(a_value_is_kept_for_its_time_only, 30)
{
    assert_value(w, NAME, NULL, "hello");
    assert_int_equal(io_sleep(w->io, 60, NULL), 0);
    assert_value(w, NAME, NULL, "hello");
    assert_int_equal(w->accesses, 2);
}

STORY(a_dropped_value_is_read_again, 60000)
{
    assert_value(w, NAME, NULL, "hello");
    secret_manager_drop(w->m, STR(NAME));
    secret_manager_drop(w->m, STR(NAME));
    assert_value(w, NAME, NULL, "hello");
    assert_int_equal(w->accesses, 2);
}

static void read_it(void *arg)
{
    assert_value(arg, NAME, NULL, "hello");
}

STORY(readers_at_the_same_time_share_one_request, 0)
{
    struct group *g = group_new(w->io);

    for (int i = 0; i < 5; i++)
        group_spawn(g, "reader", read_it, w);
    group_wait(g);
    group_free(g);
    assert_int_equal(w->accesses, 1);
}

static void read_and_give_up(void *arg)
{
    struct world *w = arg;
    struct secret *value = NULL;

    assert_int_equal(secret_manager_access(w->m, STR(NAME), STR(""), &value, NULL), -ERR_CANCELLED);
}

STORY(a_reader_that_is_cancelled_takes_nobody_with_it, 0)
{
    struct group *cancelled = group_new(w->io), *other = group_new(w->io);

    group_spawn(cancelled, "reader", read_and_give_up, w);
    group_spawn(other, "reader", read_it, w);
    assert_int_equal(io_sleep(w->io, 0, NULL), 0);
    group_end(cancelled);
    group_wait(other);
    group_free(other);
    assert_int_equal(w->accesses, 1);
}

STORY(a_damaged_answer_is_asked_for_again_once, 60000)
{
    w->broken_answers = 1;
    assert_value(w, NAME, NULL, "hello");
    assert_int_equal(w->accesses, 2);
    secret_manager_drop(w->m, STR(NAME));
    w->broken_answers = 2;
    assert_refused(w, NULL, -ERR_PROTO, "checksum");
    assert_int_equal(w->accesses, 4);
    assert_value(w, NAME, NULL, "hello");
}

STORY(a_field_of_a_json_value_is_read, 60000)
{
    w->body = "{\"name\":\"n\",\"payload\":{\"data\":\"eyJ1c2VyIjoiYW5uIiwibiI6MX0=\",\"dataCrc32c\":"
              "\"4036999348\"}}"; /* {"user":"ann","n":1} */
    assert_value(w, NAME, "user", "ann");
    assert_refused(w, "pass", -ERR_INVALID, "no field \"pass\"");
    assert_refused(w, "n", -ERR_INVALID, "something else than a text under \"n\"");
    assert_int_equal(w->accesses, 1);
}

STORY(a_field_of_a_value_that_is_no_json_is_refused_without_showing_it, 60000)
{
    AUTO_PTR(secret) value = NULL;
    struct err e = { 0 };

    assert_int_equal(secret_manager_access(w->m, STR(NAME), STR("user"), &value, &e), -ERR_INVALID);
    assert_non_null(strstr(e.msg, "not a JSON object"));
    assert_null(strstr(e.msg, "hello"));
}

STORY(a_refusal_names_secret_permission_and_the_command, 60000)
{
    w->status = 403;
    w->body = "{\"error\":{\"code\":403,\"status\":\"PERMISSION_DENIED\",\"message\":\"Permission "
              "'secretmanager.versions.access' denied for resource '" NAME "' (or it may not exist).\"}}";
    assert_refused(w, NULL, -ERR_DENIED,
                   "gcloud secrets add-iam-policy-binding s --project=p --member=MEMBER "
                   "--role=roles/secretmanager.secretAccessor");
    assert_refused(w, NULL, -ERR_DENIED, "secretmanager.versions.access");
    assert_int_equal(w->accesses, 2);
}

STORY(a_missing_secret_and_a_disabled_version_say_what_to_do, 60000)
{
    w->status = 404;
    w->body = "{\"error\":{\"code\":404,\"status\":\"NOT_FOUND\",\"message\":\"Secret [projects/9/secrets/s] "
              "not found or has no versions.\"}}";
    assert_refused(w, NULL, -ERR_NOT_FOUND, "gcloud secrets versions add s --project=9 --data-file=FILE");
    w->status = 400;
    w->body = "{\"error\":{\"code\":400,\"status\":\"FAILED_PRECONDITION\",\"message\":\"Secret Version "
              "[projects/9/locations/us-east1/secrets/s/versions/4] is in DISABLED state.\"}}";
    assert_refused(w, NULL, -ERR_INVALID,
                   "gcloud secrets versions enable 4 --secret=s --project=9 --location=us-east1");
}

STORY(a_throttled_read_may_be_tried_again, 60000)
{
    w->status = 429;
    w->body = "{\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\",\"message\":\"Quota exceeded\"}}";
    assert_refused(w, NULL, -ERR_THROTTLED, "RESOURCE_EXHAUSTED");
    w->status = 200;
    w->body = HELLO;
    assert_value(w, NAME, NULL, "hello");
}

STORY(what_is_no_version_is_not_asked_for, 60000)
{
    static const char *const names[] = { "",
                                         "s",
                                         "projects/p/secrets/s",
                                         "projects/p/secrets/s/versions/",
                                         "projects//secrets/s/versions/1",
                                         "projects/p/secrets/s/versions/1/x",
                                         "projects/p/locations/secrets/s/versions/1" };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct secret *value = NULL;

        assert_int_equal(secret_manager_access(w->m, str_of(names[i]), STR(""), &value, NULL), -ERR_INVALID);
    }
    assert_int_equal(w->accesses, 0);
}

STORY(a_regional_secret_has_a_host_of_its_own, 0)
{
    static const struct {
        const char *service, *region, *universe, *url;
    } rows[] = {
        { "secretmanager", "", "googleapis.com", "https://secretmanager.googleapis.com" },
        { "secretmanager", "us-east1", "googleapis.com",
          "https://secretmanager.us-east1.rep.googleapis.com" },
        { "secretmanager", "us-east1", "example.goog", "https://secretmanager.us-east1.rep.example.goog" },
        { "aiplatform", "us-east1", "googleapis.com", "https://us-east1-aiplatform.googleapis.com" },
    };
    AUTO_PTR(arena) a = arena_new();
    struct google_hosts h;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO_STRBUF struct strbuf url = STRBUF(200);

        hosts_init(&h, w->io, a, &(struct google_options){ 0 });
        h.universe = str_of(rows[i].universe);
        assert_int_equal(hosts_base(&h, rows[i].service, str_of(rows[i].region), &url, NULL), 0);
        assert_string_equal(strbuf_cstr(&url), rows[i].url);
    }
}

STORY(a_regional_secret_keeps_its_path, 60000)
{
    assert_value(w, "projects/p/locations/us-east1/secrets/s/versions/4", NULL, "hello");
    assert_string_equal(w->path, "/v1/projects/p/locations/us-east1/secrets/s/versions/4:access");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_read_once_and_kept),
        cmocka_unit_test(versions_are_kept_apart),
        cmocka_unit_test(a_value_that_is_not_kept_is_read_again),
        cmocka_unit_test(a_value_is_kept_for_its_time_only),
        cmocka_unit_test(a_dropped_value_is_read_again),
        cmocka_unit_test(readers_at_the_same_time_share_one_request),
        cmocka_unit_test(a_reader_that_is_cancelled_takes_nobody_with_it),
        cmocka_unit_test(a_damaged_answer_is_asked_for_again_once),
        cmocka_unit_test(a_field_of_a_json_value_is_read),
        cmocka_unit_test(a_field_of_a_value_that_is_no_json_is_refused_without_showing_it),
        cmocka_unit_test(a_refusal_names_secret_permission_and_the_command),
        cmocka_unit_test(a_missing_secret_and_a_disabled_version_say_what_to_do),
        cmocka_unit_test(a_throttled_read_may_be_tried_again),
        cmocka_unit_test(what_is_no_version_is_not_asked_for),
        cmocka_unit_test(a_regional_secret_has_a_host_of_its_own),
        cmocka_unit_test(a_regional_secret_keeps_its_path),
    };

    return cmocka_run_group_tests_name("secret_manager", tests, NULL, NULL);
}
