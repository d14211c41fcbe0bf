/* Names of container images, and what a refusal's message is made of. */
#include "../test.h"

#include "google/refusal.h"
#include "google/registry.h"

static void expect_name(const char *uri, const char *host, const char *path, const char *reference)
{
    struct image_name n = { 0 };

    assert_true(image_name_parse(str_of(uri), &n));
    assert_true(str_is(n.host, host));
    assert_true(str_is(n.path, path));
    assert_true(str_is(n.reference, reference));
}

static void an_image_has_a_host_a_path_and_a_tag_or_digest(void **state)
{
    expect_name("us-docker.pkg.dev/p/r/i:v1", "us-docker.pkg.dev", "p/r/i", "v1");
    expect_name("us-docker.pkg.dev/p/r/i", "us-docker.pkg.dev", "p/r/i", "latest");
    expect_name("us-docker.pkg.dev/p/r/a/b/i:2", "us-docker.pkg.dev", "p/r/a/b/i", "2");
    expect_name("gcr.io/p/i@sha256:0a", "gcr.io", "p/i", "sha256:0a");
    expect_name("gcr.io/p/i:v1@sha256:0a", "gcr.io", "p/i", "sha256:0a");
    expect_name("localhost:5000/i:v1", "localhost:5000", "i", "v1");
}

static void what_would_be_another_url_is_no_image(void **state)
{
    static const char *const wrong[] = { "",       "python",    "/i",      "h/",         "h/i:",
                                         "h/i@",   "h/../../x", "h/i?x=y", "h/i#x",      "h//i",
                                         "h/i v1", "h/i%2f",    "h/i\n",   "h/${image}", "h/i:v1\\..x" };
    struct image_name n = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(image_name_parse(str_of(wrong[i]), &n));
    assert_null(n.host.ptr);
}

static bool is_google(const char *uri)
{
    struct image_name n = { 0 };

    return image_name_parse(str_of(uri), &n) && image_is_google(&n);
}

static void artifact_registry_serves_its_own_hosts_and_those_of_container_registry(void **state)
{
    assert_true(is_google("europe-west4-docker.pkg.dev/p/r/i"));
    assert_true(is_google("gcr.io/p/i"));
    assert_true(is_google("eu.gcr.io/p/i"));
    assert_false(is_google("docker.io/library/python:3"));
    assert_false(is_google("docker.pkg.dev.example.com/p/r/i"));
    assert_false(is_google("notgcr.io/p/i"));
}

static void a_refusal_can_be_taken_apart_again(void **state)
{
    const struct refusal in = { .http_status = 403,
                                .permission = STR("aiplatform.customJobs.create"),
                                .principal = STR("a@p.iam.gserviceaccount.com"),
                                .project = STR("p") };
    struct str cause = { NULL, 0 }, fix = { NULL, 0 };
    struct err e = { 0 };

    err_set(&e, ERR_DENIED, "PERMISSION_DENIED: no");
    assert_string_equal(refusal_append(&in, &e), "permission_denied");
    assert_true(refusal_cut(str_of(e.msg), &cause, &fix));
    assert_true(str_is(cause, "PERMISSION_DENIED: no: a@p.iam.gserviceaccount.com lacks "
                              "aiplatform.customJobs.create"));
    assert_true(str_is(fix,
                       "run `gcloud projects add-iam-policy-binding p "
                       "--member=serviceAccount:a@p.iam.gserviceaccount.com --role=roles/aiplatform.user`"));
    assert_false(refusal_cut(STR("no answer"), &cause, &fix));
    assert_true(str_is(cause, "no answer"));
    assert_null(refusal_append(&(struct refusal){ .http_status = 500 }, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_has_a_host_a_path_and_a_tag_or_digest),
        cmocka_unit_test(what_would_be_another_url_is_no_image),
        cmocka_unit_test(artifact_registry_serves_its_own_hosts_and_those_of_container_registry),
        cmocka_unit_test(a_refusal_can_be_taken_apart_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
