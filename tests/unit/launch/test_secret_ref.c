/* References to secrets: every form that may be written, and what each wrong one is told. */
#include "launch/secret_ref.h"

#include "util.h"

static int parse(const char *name, const char *key, struct secret_ref *ret, struct err *e)
{
    return secret_ref_parse(str_of(name), str_of(key), ret, e);
}

static void every_form_of_the_name_is_read(void **state)
{
    static const struct {
        const char *name, *key, *full, *field;
    } rows[] = {
        { "hf", NULL, "hf/versions/latest", NULL },
        { "hf:7", NULL, "hf/versions/7", NULL },
        { "hf:stable", NULL, "hf/versions/stable", NULL },
        { "hf/versions/7", NULL, "hf/versions/7", NULL },
        { "hf", "latest", "hf/versions/latest", NULL },
        { "hf", "12", "hf/versions/12", NULL },
        { "hf:12", "12", "hf/versions/12", NULL },
        { "hf", "token", "hf/versions/latest", "token" },
        { "hf:3", "token", "hf/versions/3", "token" },
        { "hf", "Latest", "hf/versions/latest", "Latest" },
        { "hf", "a.b c", "hf/versions/latest", "a.b c" },
        { "projects/p/secrets/hf", NULL, "projects/p/secrets/hf/versions/latest", NULL },
        { "projects/123/secrets/hf", "4", "projects/123/secrets/hf/versions/4", NULL },
        { "projects/example.com:p/secrets/hf/versions/4", "k", "projects/example.com:p/secrets/hf/versions/4",
          "k" },
        { "projects/p/locations/us-east1/secrets/hf", NULL,
          "projects/p/locations/us-east1/secrets/hf/versions/latest", NULL },
        { "projects/p/locations/us-east1/secrets/hf/versions/9", "user",
          "projects/p/locations/us-east1/secrets/hf/versions/9", "user" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO_PTR(arena) a = arena_new();
        struct secret_ref r = { 0 }, again = { 0 };
        struct err e = { 0 };

        if (parse(rows[i].name, rows[i].key, &r, &e))
            fail_msg("%s: %s", rows[i].name, e.msg);
        assert_string_equal(secret_ref_name(a, &r).ptr, rows[i].full);
        if (rows[i].field)
            assert_true(str_is(r.field, rows[i].field));
        else
            assert_null(r.field.ptr);
        assert_int_equal(secret_ref_parse(secret_ref_name(a, &r), r.field, &again, &e), 0);
        assert_string_equal(secret_ref_name(a, &again).ptr, rows[i].full);
    }
}

static void the_parts_of_a_regional_name_are_kept_apart(void **state)
{
    struct secret_ref r = { 0 };

    assert_int_equal(parse("projects/p/locations/europe-west4/secrets/s", NULL, &r, NULL), 0);
    assert_true(str_is(r.gcp_project, "p"));
    assert_true(str_is(r.location, "europe-west4"));
    assert_true(str_is(r.secret, "s"));
    assert_true(str_is(r.version, "latest"));
    assert_int_equal(parse("s", NULL, &r, NULL), 0);
    assert_null(r.gcp_project.ptr);
    assert_null(r.location.ptr);
}

static void a_wrong_reference_is_told_what_is_wrong(void **state)
{
    static const struct {
        const char *name, *key, *want;
    } rows[] = {
        { "", NULL, "\"\" names no secret: expected NAME, NAME:VERSION" },
        { "/", NULL, "names no secret" },
        { "a b", NULL, "\"a b\" names no secret" },
        { "a.b", NULL, "names no secret" },
        { "hf/", NULL, "names no secret" },
        { "hf/5", NULL, "names no secret" },
        { "hf/versions", NULL, "names no secret" },
        { "hf/versions/", NULL, "names no secret" },
        { "hf/versions/5/x", NULL, "names no secret" },
        { "hf/versions/5/", NULL, "names no secret" },
        { "projects/p", NULL, "names no secret" },
        { "projects/p/secrets/", NULL, "names no secret" },
        { "projects/p/secrets/hf:5", NULL, "names no secret" },
        { "projects/p/locations/l", NULL, "names no secret" },
        { "//secretmanager.googleapis.com/projects/p/secrets/s", NULL, "names no secret" },
        { "projects//secrets/s", NULL, "no project is called \"\"" },
        { "projects/a?b/secrets/s", NULL, "no project is called \"a?b\"" },
        { "projects/p/locations/a_b/secrets/s", NULL, "no location is called \"a_b\"" },
        { "hf:", NULL, "\"\" is not a version" },
        { "hf:7b", NULL, "\"7b\" is not a version: a number, an alias or \"latest\"" },
        { "hf:-1", NULL, "\"-1\" is not a version" },
        { "hf/versions/a b", NULL, "\"a b\" is not a version" },
        { "hf:3", "4", "version \"3\" in the name and \"4\" as the key: give one" },
        { "hf:3", "latest", "version \"3\" in the name and \"latest\" as the key" },
        { "hf", "", "the key has 0 bytes" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct secret_ref r = { .secret = STR("untouched") };
        struct err e = { 0 };

        assert_int_equal(parse(rows[i].name, rows[i].key, &r, &e), -ERR_INVALID);
        if (!strstr(e.msg, rows[i].want))
            fail_msg("%s: %s", rows[i].name, e.msg);
        assert_true(str_is(r.secret, "untouched"));
    }
}

static void names_over_the_limits_are_refused(void **state)
{
    char name[600], key[300];
    struct secret_ref r = { 0 };

    memset(name, 'n', sizeof(name));
    memset(key, '1', sizeof(key));
    assert_int_equal(secret_ref_parse((struct str){ name, 255 }, STR("k"), &r, NULL), 0);
    assert_int_equal(secret_ref_parse((struct str){ name, 256 }, STR("k"), &r, NULL), -ERR_INVALID);
    assert_int_equal(secret_ref_parse(STR("n"), (struct str){ name, 255 }, &r, NULL), 0);
    assert_int_equal(secret_ref_parse(STR("n"), (struct str){ name, 256 }, &r, NULL), -ERR_INVALID);
    assert_int_equal(secret_ref_parse(STR("n"), (struct str){ key, 64 }, &r, NULL), -ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_the_name_is_read),
        cmocka_unit_test(the_parts_of_a_regional_name_are_kept_apart),
        cmocka_unit_test(a_wrong_reference_is_told_what_is_wrong),
        cmocka_unit_test(names_over_the_limits_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
