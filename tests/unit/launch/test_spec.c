/* Reading launch specs. */
#include "launch/spec.h"

#include "util.h"

static void a_pushed_spec_is_read_whole(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct problems p = { .a = a, .file = "" };
    struct launch_spec s = { 0 };
    const char *text =
        "{\"entity\":\"ent\",\"project\":\"MyProj\",\"docker\":{\"docker_image\":\"reg/"
        "img:1\",\"user_id\":1000},"
        "\"image_uri\":\"other\",\"name\":\"n\",\"run_id\":\"r1\",\"author\":\"me\",\"sweep_id\":null,"
        "\"resource\":\"vertex\",\"resource_args\":{\"vertex\":{}},\"_resume_count\":2,\"_wandb_api_key\":"
        "\"k\","
        "\"overrides\":{\"args\":[\"--lr\",\"0.1\"],\"entry_point\":[],\"run_config\":{\"lr\":3},"
        "\"files\":{\"c.json\":{}},\"artifacts\":{\"x\":\"y\"}},\"git\":{}}";

    assert_int_equal(launch_spec_parse(json(a, text), &s, &p, NULL), 0);
    assert_int_equal(p.len, 0);
    assert_true(str_is(s.entity, "ent"));
    assert_true(str_is(s.wb_project, "myproj"));
    assert_true(str_is(s.image_uri, "reg/img:1"));
    assert_true(str_is(s.run_name, "n"));
    assert_true(str_is(s.run_id, "r1"));
    assert_true(str_is(s.author, "me"));
    assert_null(s.sweep_id.ptr);
    assert_null(s.wb_job.ptr);
    assert_int_equal(s.resume_count, 2);
    assert_true(s.has_own_api_key);
    assert_int_equal(jval_len(s.args), 2);
    assert_non_null(s.entry_point);
    assert_int_equal(jval_int(jval_get(s.run_config, "lr")), 3);
    assert_non_null(s.file_overrides);
    assert_non_null(s.artifacts);
    assert_non_null(jval_get(s.resource_args, "vertex"));
}

static void the_pushed_example_of_the_reference_is_accepted(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct problems p = { .a = a, .file = "" };
    struct launch_spec s = { 0 };
    const char *text =
        "{\"overrides\":{\"run_config\":{\"lr\":3}},\"job\":\"ent/jobs/myjob:latest\",\"entity\":\"ent\","
        "\"project\":\"proj2\",\"docker\":{},\"resource\":\"local-process\",\"git\":{}}";

    assert_int_equal(launch_spec_parse(json(a, text), &s, &p, NULL), 0);
    assert_true(str_is(s.wb_job, "ent/jobs/myjob:latest"));
    assert_null(s.image_uri.ptr);
    assert_null(s.args);
}

static void all_mistakes_come_at_once_with_their_places(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct problems p = { .a = a, .file = "" };
    struct launch_spec s = { 0 };
    const char *all;

    assert_int_equal(
        launch_spec_parse(json(a, "{\"project\":3,\"docker\":[],\"overrides\":{\"args\":[1,\"a\"],"
                                  "\"run_config\":\"x\"}}"),
                          &s, &p, NULL),
        -ERR_INVALID);
    all = problems_text(&p);
    assert_non_null(strstr(all, "entity: missing"));
    assert_non_null(strstr(all, "project: expected a string, got an integer"));
    assert_non_null(strstr(all, "docker: expected an object, got a list"));
    assert_non_null(strstr(all, "overrides.args[0]: expected a string, got an integer; write it in quotes"));
    assert_non_null(strstr(all, "overrides.run_config: expected an object, got a string"));
}

static void an_unknown_key_warns_and_stays_in_raw(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct problems p = { .a = a, .file = "" };
    struct launch_spec s = { 0 };

    assert_int_equal(
        launch_spec_parse(json(a, "{\"entity\":\"e\",\"project\":\"\",\"overides\":{}}"), &s, &p, NULL), 0);
    assert_int_equal(p.warnings, 1);
    assert_non_null(
        strstr(problems_text(&p), "unknown key \"overides\" is not used; did you mean \"overrides\"?"));
    assert_non_null(jval_get(s.raw, "overides"));
    assert_int_equal(s.wb_project.len, 0);
}

static void something_else_than_an_object_is_refused(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct problems p = { .a = a, .file = "" };
    struct launch_spec s = { 0 };
    struct err e = { 0 };

    assert_int_equal(launch_spec_parse(json(a, "[]"), &s, &p, &e), -ERR_INVALID);
    assert_non_null(strstr(e.msg, "a launch spec is an object, this is a list"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pushed_spec_is_read_whole),
        cmocka_unit_test(the_pushed_example_of_the_reference_is_accepted),
        cmocka_unit_test(all_mistakes_come_at_once_with_their_places),
        cmocka_unit_test(an_unknown_key_warns_and_stays_in_raw),
        cmocka_unit_test(something_else_than_an_object_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
