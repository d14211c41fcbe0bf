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

static int parse(struct arena *a, const char *text, struct launch_spec *ret, struct problems *p)
{
    *p = (struct problems){ .a = a, .file = "" };
    return launch_spec_parse(json(a, text), ret, p, NULL);
}

/* As wandb 0.31.0 builds them: construct_launch_spec, the sweep scheduler, the agent's requeue. */
static void what_the_real_clients_send_draws_no_word(void **state)
{
    static const char *const specs[] = {
        /* wandb launch --docker-image img -q q */
        "{\"entity\":\"ent\",\"project\":\"\",\"docker\":{\"docker_image\":\"img:1\"},\"resource\":null,"
        "\"git\":{},"
        "\"overrides\":{}}",
        /* wandb launch --job ... with overrides from a file */
        "{\"overrides\":{\"args\":[\"--lr\",\"0.1\"],\"entry_point\":[\"python\",\"t.py\"],\"run_config\":{}}"
        ",\"job\":"
        "\"ent/p/"
        "j:latest\",\"entity\":\"ent\",\"project\":\"p\",\"docker\":{},\"resource\":\"vertex\",\"git\":"
        "{\"version\":\"main\"},\"uri\":null,\"registry\":{\"url\":\"us-docker.pkg.dev/p/r\"}}",
        /* --resource-args */
        "{\"job\":null,\"entity\":\"e\",\"project\":\"p\",\"name\":\"n\",\"docker\":{\"docker_image\":\"i\"},"
        "\"resource\":\"vertex\",\"git\":{},\"overrides\":{},\"run_id\":null,\"author\":null,\"sweep_id\":"
        "null,"
        "\"resource_args\":{\"vertex\":{\"spec\":{},\"run\":{}}}}",
        /* a sweep's run */
        "{\"overrides\":{\"run_config\":{\"lr\":0.1},\"args\":[\"--lr=0.1\"]},\"priority\":2,\"queue\":\"q\","
        "\"job\":"
        "\"e/p/"
        "j:v0\",\"entity\":\"e\",\"author\":\"ann\",\"project\":\"p\",\"docker\":{},\"sweep_id\":\"s1\","
        "\"resource\":\"vertex\",\"git\":{},\"run_id\":\"r1\",\"template_variables\":{\"gpus\":2}}",
        /* a sweep's scheduler */
        "{\"overrides\":{\"run_config\":{},\"args\":[\"--queue\",\"'q'\"],\"entry_point\":[\"wandb\","
        "\"scheduler\","
        "\"s1\"]},\"uri\":\"placeholder-uri-scheduler\",\"entity\":\"e\",\"project\":\"p\",\"name\":"
        "\"Scheduler.s1\","
        "\"docker\":{},\"resource\":\"local-process\",\"git\":{},\"run_id\":\"s1\"}",
        /* queued again after a preemption; from a server with many tenants */
        "{\"entity\":\"e\",\"project\":\"p\",\"docker\":{\"docker_image\":\"i\",\"user_id\":0},\"resource\":"
        "\"vertex\",\"run_id\":\"r1\",\"_resume_count\":5,\"_wandb_api_key\":\"k\",\"additional_services\":[]"
        ","
        "\"overrides\":{\"artifacts\":{\"data:v0\":{\"_type\":\"artifactVersion\",\"id\":\"x\"}},\"files\":"
        "{\"c.yaml\":{\"lr\":1}},\"dockerfile\":\"Dockerfile.gpu\",\"working_dir\":\"src\"}}",
    };

    for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
        AUTO_PTR(arena) a = arena_new();
        struct problems p;
        struct launch_spec s = { 0 };

        if (parse(a, specs[i], &s, &p) || p.len > 0)
            fail_msg("%s\n%s", specs[i], problems_text(&p));
    }
}

static void what_is_there_for_building_is_read(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct problems p;
    struct launch_spec s = { 0 };

    assert_int_equal(parse(a,
                           "{\"entity\":\"e\",\"project\":\"p\",\"docker\":{\"user_id\":0},\"uri\":\"u\","
                           "\"python_version\":\"3.11\",\"git\":{\"repo\":\"r\",\"version\":\"v\"},"
                           "\"overrides\":{\"dockerfile\":\"D\",\"working_dir\":\"w\"}}",
                           &s, &p),
                     0);
    assert_int_equal(s.docker_user_id, 0);
    assert_true(str_is(s.uri, "u"));
    assert_true(str_is(s.python_version, "3.11"));
    assert_true(str_is(s.git_repo, "r"));
    assert_true(str_is(s.git_version, "v"));
    assert_true(str_is(s.dockerfile, "D"));
    assert_true(str_is(s.working_dir, "w"));
    assert_int_equal(parse(a, "{\"entity\":\"e\",\"project\":\"p\"}", &s, &p), 0);
    assert_int_equal(s.docker_user_id, 1000);
    assert_null(s.uri.ptr);
}

static void the_docker_image_wins_over_image_uri_wherever_it_stands(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct problems p;
    struct launch_spec s = { 0 };

    assert_int_equal(parse(a,
                           "{\"docker\":{\"docker_image\":\"a\"},\"image_uri\":\"b\",\"entity\":\"e\","
                           "\"project\":\"p\"}",
                           &s, &p),
                     0);
    assert_true(str_is(s.image_uri, "a"));
    assert_int_equal(parse(a,
                           "{\"docker\":{\"docker_image\":\"\"},\"image_uri\":\"b\",\"entity\":\"e\","
                           "\"project\":\"p\"}",
                           &s, &p),
                     0);
    assert_true(str_is(s.image_uri, "b"));
}

static const struct {
    const char *member, *want;
} wrong_members[] = {
    { "\"entity\":3", "entity: expected a string, got an integer" },
    { "\"entity\":\"\"", "entity: empty: whose run is it to be?" },
    { "\"entity\":null", "entity: missing: whose run is it to be?" },
    { "\"project\":null", "project: missing: the project of the run" },
    { "\"project\":[]", "project: expected a string, got a list" },
    { "\"job\":{}", "job: expected a string, got an object" },
    { "\"docker\":\"img\"", "docker: expected an object, got a string" },
    { "\"docker\":{\"docker_image\":1}", "docker.docker_image: expected a string, got an integer" },
    { "\"docker\":{\"user_id\":\"root\"}", "docker.user_id: expected an integer, got a string" },
    { "\"docker\":{\"user_id\":-1}", "docker.user_id: -1 is not in 0..4294967295" },
    { "\"image_uri\":true", "image_uri: expected a string, got a boolean" },
    { "\"uri\":1", "uri: expected a string" },
    { "\"name\":1", "name: expected a string" },
    { "\"name\":\"a\\nb\"", "name: holds a control character" },
    { "\"name\":\"a\\u007f\"", "name: holds a control character" },
    { "\"overrides\":{\"args\":[\"a\\u0000\"]}",
      "overrides.args[0]: holds a NUL byte, which no argument can" },
    { "\"overrides\":{\"files\":[]}", "overrides.files: expected an object, got a list" },
    { "\"_resume_count\":1000001", "_resume_count: 1000001 is not in 0..1000000" },
    { "\"run_id\":12345678", "run_id: expected a string, got an integer" },
    { "\"run_id\":\"a/b\"", "run_id: \"a/b\": a run id has none of :;,#?/'" },
    { "\"run_id\":\" a\"", "run_id: \" a\": a run id does not begin or end with white space" },
    { "\"resource\":1", "resource: expected a string" },
    { "\"resource_args\":[]", "resource_args: expected an object, got a list" },
    { "\"template_variables\":\"x\"", "template_variables: expected an object" },
    { "\"overrides\":[]", "overrides: expected an object, got a list" },
    { "\"overrides\":{\"args\":\"--lr 1\"}", "overrides.args: expected a list of strings, got a string" },
    { "\"overrides\":{\"args\":{\"lr\":1}}", "overrides.args: expected a list of strings, got an object" },
    { "\"overrides\":{\"args\":[\"--lr\",0.1]}",
      "overrides.args[1]: expected a string, got a number; write it in quotes" },
    { "\"overrides\":{\"entry_point\":[null]}", "overrides.entry_point[0]: expected a string, got null" },
    { "\"overrides\":{\"run_config\":[]}", "overrides.run_config: expected an object" },
    { "\"overrides\":{\"files\":{\"c.json\":\"x\"}}",
      "overrides.files.c.json: expected an object, got a string" },
    { "\"overrides\":{\"artifacts\":{\"in\":3}}", "overrides.artifacts.in: expected an artifact's name, "
                                                  "as entity/project/name:alias, got an integer" },
    { "\"overrides\":{\"dockerfile\":[]}", "overrides.dockerfile: expected a string" },
    { "\"overrides\":{\"working_dir\":1}", "overrides.working_dir: expected a string" },
    { "\"git\":\"x\"", "git: expected an object" },
    { "\"git\":{\"version\":1}", "git.version: expected a string" },
    { "\"author\":{}", "author: expected a string" },
    { "\"sweep_id\":1", "sweep_id: expected a string" },
    { "\"queue_entity\":1", "queue_entity: expected a string" },
    { "\"_wandb_api_key\":12345", "_wandb_api_key: expected a string, got an integer" },
    { "\"_resume_count\":\"1\"", "_resume_count: expected an integer, got a string" },
    { "\"_resume_count\":-1", "_resume_count: -1 is not in 0..1000000" },
    { "\"python_version\":3.11", "python_version: expected a string, got a number" },
    { "\"builder\":\"docker\"", "builder: expected an object" },
    { "\"registry\":\"x\"", "registry: expected an object" },
    { "\"environment\":1", "environment: expected an object" },
    { "\"additional_services\":{}", "additional_services: expected a list" },
};

static void every_key_has_its_type(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(wrong_members); i++) {
        AUTO_PTR(arena) a = arena_new();
        struct problems p;
        struct launch_spec s = { 0 };
        const char *rest = strncmp(wrong_members[i].member, "\"entity", 7) == 0 ? "\"project\":\"p\""
                           : strncmp(wrong_members[i].member, "\"project", 8) == 0
                               ? "\"entity\":\"e\""
                               : "\"entity\":\"e\",\"project\":\"p\"";

        assert_int_equal(parse(a, arena_printf(a, "{%s,%s}", rest, wrong_members[i].member), &s, &p),
                         -ERR_INVALID);
        if (p.errors != 1 || !strstr(problems_text(&p), wrong_members[i].want))
            fail_msg("%s: %s", wrong_members[i].member, problems_text(&p));
    }
}

static void unknown_keys_inside_warn_too(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct problems p;
    struct launch_spec s = { 0 };
    const char *all;

    assert_int_equal(parse(a,
                           "{\"entity\":\"e\",\"project\":\"p\",\"docker\":{\"docker_imag\":\"i\"},\"git\":"
                           "{\"branch\":\"b\"},\"overrides\":{\"runconfig\":{}}}",
                           &s, &p),
                     0);
    all = problems_text(&p);
    assert_int_equal(p.warnings, 3);
    assert_non_null(
        strstr(all, "docker: unknown key \"docker_imag\" is not used; did you mean \"docker_image\"?"));
    assert_non_null(strstr(all, "git: unknown key \"branch\" is not used"));
    assert_non_null(
        strstr(all, "overrides: unknown key \"runconfig\" is not used; did you mean \"run_config\"?"));
}

static void no_message_shows_the_key(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct problems p;
    struct launch_spec s = { 0 };

    assert_int_equal(parse(a, "{\"_wandb_api_key\":[\"hush-hush\"]}", &s, &p), -ERR_INVALID);
    assert_null(strstr(problems_text(&p), "hush"));
}

static void texts_and_lists_over_their_caps_are_refused(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    AUTO_STRBUF struct strbuf words = STRBUF(1 << 20);
    struct problems p;
    struct launch_spec s = { 0 };
    char name[SPEC_MAX_NAME + 2] = "";

    memset(name, 'n', SPEC_MAX_NAME);
    assert_int_equal(parse(a, arena_printf(a, "{\"entity\":\"%s\",\"project\":\"\"}", name), &s, &p), 0);
    name[SPEC_MAX_NAME] = 'n';
    assert_int_equal(parse(a, arena_printf(a, "{\"entity\":\"%s\",\"project\":\"\"}", name), &s, &p),
                     -ERR_INVALID);
    assert_non_null(strstr(problems_text(&p), "entity: 1025 bytes; at most 1024"));
    name[SPEC_MAX_RUN_ID + 1] = '\0';
    assert_int_equal(
        parse(a, arena_printf(a, "{\"entity\":\"e\",\"project\":\"\",\"run_id\":\"%s\"}", name), &s, &p),
        -ERR_INVALID);
    assert_non_null(strstr(problems_text(&p), "run_id: 129 bytes; at most 128"));
    for (int i = 0; i <= SPEC_MAX_WORDS; i++)
        strbuf_addz(&words, i ? ",\"x\"" : "\"x\"");
    assert_int_equal(
        parse(a,
              arena_printf(a, "{\"entity\":\"e\",\"project\":\"\",\"overrides\":{\"args\":[%s]}}",
                           strbuf_cstr(&words)),
              &s, &p),
        -ERR_INVALID);
    assert_non_null(strstr(problems_text(&p), "overrides.args: 10001 strings; at most 10000"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pushed_spec_is_read_whole),
        cmocka_unit_test(the_pushed_example_of_the_reference_is_accepted),
        cmocka_unit_test(all_mistakes_come_at_once_with_their_places),
        cmocka_unit_test(an_unknown_key_warns_and_stays_in_raw),
        cmocka_unit_test(what_the_real_clients_send_draws_no_word),
        cmocka_unit_test(what_is_there_for_building_is_read),
        cmocka_unit_test(the_docker_image_wins_over_image_uri_wherever_it_stands),
        cmocka_unit_test(every_key_has_its_type),
        cmocka_unit_test(unknown_keys_inside_warn_too),
        cmocka_unit_test(no_message_shows_the_key),
        cmocka_unit_test(texts_and_lists_over_their_caps_are_refused),
        cmocka_unit_test(something_else_than_an_object_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
