/* What a launch puts into the tasks of the pools: command, arguments, environment. */
#include "launch/render.h"

#include "util.h"

struct world {
    struct arena *a;
    struct problems p;
    struct launch_spec spec;
    struct rendered out;
    struct err e;
    int r;
};

/* @pools and @overrides are JSON; the launch's image is "reg/img:1". */
static void render(struct world *w, const char *pools, const char *overrides)
{
    const struct jval *spec =
        json(w->a,
             arena_printf(w->a,
                          "{\"entity\":\"ent\",\"project\":\"p\",\"docker\":{\"docker_image\":\"reg/img:1\"},"
                          "\"overrides\":%s,\"resource_args\":{\"vertex\":{\"spec\":{\"project\":\"proj\","
                          "\"persistent_resource_id\":\"pr\","
                          "\"worker_pool_specs\":%s}}}}",
                          overrides, pools));
    struct render_input in = { .spec = &w->spec,
                               .base_url = STR("http://w"),
                               .run_id = STR("r1"),
                               .run_name = STR("a run"),
                               .queue_name = STR("q"),
                               .item_id = STR("i1"),
                               .image_uri = STR("reg/img:1"),
                               .region = STR("us-central1") };

    w->p = (struct problems){ .a = w->a, .file = "" };
    if (launch_spec_parse(spec, &w->spec, &w->p, &w->e))
        fail_msg("%s", w->e.msg);
    w->r = render_custom_job(&in, &w->out, &w->p, &w->e);
}

static const char *task(struct world *w, int pool, const char *member)
{
    const char *kind[] = { "containerSpec", "pythonPackageSpec" };
    const struct jval *v = NULL;

    if (w->r)
        fail_msg("%s", problems_text(&w->p));
    for (int i = 0; i < 2 && !v; i++)
        v = jval_path(w->out.request,
                      arena_printf(w->a, "jobSpec.workerPoolSpecs.%d.%s.%s", pool, kind[i], member));
    return v ? jval_text(w->a, v, JVAL_COMPACT).ptr : "nothing";
}

/* The variable @name of a pool as JSON; "nothing" when it is not there; fails when it is there twice. */
static const char *env_of(struct world *w, int pool, const char *name)
{
    const struct jval *env =
        jval_path(w->out.request, arena_printf(w->a, "jobSpec.workerPoolSpecs.%d.containerSpec.env", pool));
    const char *found = NULL;

    if (w->r)
        fail_msg("%s", problems_text(&w->p));
    for (size_t i = 0; i < jval_len(env); i++) {
        if (!str_is(jval_str(jval_get(jval_at(env, i), "name")), name))
            continue;
        if (found)
            fail_msg("%s is there twice", name);
        found = jval_text(w->a, jval_at(env, i), JVAL_COMPACT).ptr;
    }
    return found ? found : "nothing";
}

static void assert_problem(struct world *w, const char *text)
{
    const char *all = problems_text(&w->p);

    if (!strstr(all, text))
        fail_msg("no problem says: %s\nall of them:\n%s", text, all);
}

/* --- command and arguments ------------------------------------------------------------------------------ */

static void without_overrides_every_pool_keeps_its_own_command_and_arguments(void **state)
{
    static const char *const empty[] = { "{}", "{\"entry_point\":[],\"args\":[]}",
                                         "{\"entry_point\":null,\"args\":null}" };

    for (size_t i = 0; i < ARRAY_LEN(empty); i++) {
        AUTO_PTR(arena) a = arena_new();
        struct world w = { .a = a };

        render(&w,
               "[{\"container_spec\":{\"command\":[\"own\"],\"args\":[\"a\"]}},{\"container_spec\":"
               "{\"image_uri\":\"ps\",\"command\":[\"serve\"]}}]",
               empty[i]);
        assert_string_equal(task(&w, 0, "command"), "[\"own\"]");
        assert_string_equal(task(&w, 0, "args"), "[\"a\"]");
        assert_string_equal(task(&w, 1, "command"), "[\"serve\"]");
        assert_string_equal(task(&w, 1, "args"), "nothing");
        assert_int_equal(w.p.len, 0);
    }
}

static void arguments_alone_leave_the_command_as_it_is(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct world w = { .a = a };

    render(&w, "[{\"container_spec\":{\"command\":[\"own\"],\"args\":[\"a\"]}},{\"container_spec\":{}}]",
           "{\"args\":[\"--lr\",\"0.1\"]}");
    assert_string_equal(task(&w, 0, "command"), "[\"own\"]");
    assert_string_equal(task(&w, 0, "args"), "[\"a\",\"--lr\",\"0.1\"]");
    assert_string_equal(task(&w, 1, "command"), "nothing");
    assert_string_equal(task(&w, 1, "args"), "[\"--lr\",\"0.1\"]");
}

static void an_entry_point_alone_leaves_the_arguments_as_they_are(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct world w = { .a = a };

    render(&w, "[{\"container_spec\":{\"command\":[\"own\"],\"args\":[\"a\"]}}]",
           "{\"entry_point\":[\"python\",\"t.py\"]}");
    assert_string_equal(task(&w, 0, "command"), "[\"python\",\"t.py\"]");
    assert_string_equal(task(&w, 0, "args"), "[\"a\"]");
}

static void overrides_are_for_every_pool_with_the_launchs_image_and_for_no_other(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct world w = { .a = a };

    render(&w,
           "[{\"container_spec\":{\"image_uri\":\"${image_uri}\"}},{\"container_spec\":{\"imageUri\":"
           "\"reg/img:1\"}},{\"container_spec\":{\"image_uri\":\"reductionserver\",\"args\":[\"--port\"]}},"
           "{\"python_package_spec\":{\"executor_image_uri\":\"x\",\"package_uris\":[\"gs://b/p\"],"
           "\"python_module\":\"m\",\"args\":[\"-v\"]}}]",
           "{\"entry_point\":[\"t\"],\"args\":[\"--x\"]}");
    for (int i = 0; i < 2; i++) {
        assert_string_equal(task(&w, i, "command"), "[\"t\"]");
        assert_string_equal(task(&w, i, "args"), "[\"--x\"]");
    }
    assert_string_equal(task(&w, 2, "command"), "nothing");
    assert_string_equal(task(&w, 2, "args"), "[\"--port\"]");
    assert_string_equal(task(&w, 3, "args"), "[\"-v\"]");
    assert_int_equal(w.p.len, 0);
}

static void the_launchs_image_trains_even_when_the_first_pool_runs_another(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct world w = { .a = a };

    render(&w, "[{\"container_spec\":{\"image_uri\":\"coordinator\"}},{\"container_spec\":{}}]",
           "{\"args\":[\"--x\"]}");
    assert_string_equal(task(&w, 0, "args"), "nothing");
    assert_string_equal(task(&w, 1, "args"), "[\"--x\"]");
}

static void with_fixed_images_the_first_pools_image_trains(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct world w = { .a = a };

    render(&w,
           "[{\"container_spec\":{\"image_uri\":\"fixed\"}},{\"container_spec\":{\"image_uri\":\"fixed\"}},"
           "{\"container_spec\":{\"image_uri\":\"tensorboard\"}}]",
           "{\"entry_point\":[\"t\"],\"args\":[\"--x\"]}");
    assert_string_equal(task(&w, 0, "command"), "[\"t\"]");
    assert_string_equal(task(&w, 1, "args"), "[\"--x\"]");
    assert_string_equal(task(&w, 2, "command"), "nothing");
    assert_string_equal(task(&w, 2, "args"), "nothing");
    assert_problem(&w, "the launch's image reg/img:1 is not used");
}

static const char *package(struct arena *a, const char *module)
{
    return arena_printf(a,
                        "{\"python_package_spec\":{\"executor_image_uri\":\"x\",\"package_uris\":"
                        "[\"gs://b/p\"],\"python_module\":\"%s\",\"args\":[\"-v\"]}}",
                        module);
}

static void a_python_package_takes_arguments_and_says_that_it_takes_no_entry_point(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct world w = { .a = a };
    const char *same = package(a, "m"), *other = package(a, "evaluator");

    render(&w, arena_printf(a, "[%s,%s,%s]", same, same, other),
           "{\"entry_point\":[\"t\"],\"args\":[\"--x\"]}");
    assert_string_equal(task(&w, 0, "args"), "[\"-v\",\"--x\"]");
    assert_string_equal(task(&w, 1, "args"), "[\"-v\",\"--x\"]");
    assert_string_equal(task(&w, 2, "args"), "[\"-v\"]");
    assert_string_equal(task(&w, 0, "command"), "nothing");
    assert_int_equal(w.p.warnings, 2);
    assert_problem(&w, "the launch's entry point is not used: a Python package has its own");
}

static void an_entry_point_that_makes_two_roles_one_draws_a_warning(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct world w = { .a = a };

    render(&w,
           "[{\"container_spec\":{\"command\":[\"chief\"]}},{\"container_spec\":{\"command\":[\"chief\"]}},"
           "{\"container_spec\":{\"command\":[\"ps\"]}}]",
           "{\"entry_point\":[\"t\"]}");
    assert_string_equal(task(&w, 2, "command"), "[\"t\"]");
    assert_int_equal(w.p.warnings, 1);
    assert_problem(&w, "worker_pool_specs[2].container_spec: the launch's entry point replaces a command");
}

/* --- environment ---------------------------------------------------------------------------------------- */

static void every_pool_gets_the_jobs_variables_once(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct world w = { .a = a };

    render(&w,
           "[{\"container_spec\":{}},{},{\"container_spec\":{\"image_uri\":\"ps\",\"env\":[{\"name\":\"A\","
           "\"value\":\"1\"}]}}]",
           "{}");
    assert_string_equal(env_of(&w, 0, "WANDB_RUN_ID"), "{\"name\":\"WANDB_RUN_ID\",\"value\":\"r1\"}");
    assert_string_equal(env_of(&w, 2, "WANDB_RUN_ID"), "{\"name\":\"WANDB_RUN_ID\",\"value\":\"r1\"}");
    assert_string_equal(env_of(&w, 2, "A"), "{\"name\":\"A\",\"value\":\"1\"}");
    assert_string_equal(env_of(&w, 0, "A"), "nothing");
}

static void what_names_the_run_is_the_agents_and_the_rest_the_configs(void **state)
{
    static const struct {
        const char *name;
        bool agents;
    } rows[] = {
        { "WANDB_API_KEY", true },
        { "WANDB_PROJECT", true },
        { "WANDB_ENTITY", true },
        { "WANDB_RUN_ID", true },
        { "WANDB_RESUME", true },
        { "WANDB_CONFIG", true },
        { "WANDB_CONFIG_0", true },
        { "WANDB_CONFIG_12", true },
        { "WANDB_ARTIFACTS", true },
        { "WANDB_SWEEP_ID", true },
        { "WANDB_LAUNCH", true },
        { "WANDB_LAUNCH_TRACE_ID", true },
        { "WANDB_LAUNCH_FILE_OVERRIDES_0", true },
        { "WANDB_CONFIG_DIR", false },
        { "WANDB_BASE_URL", false },
        { "WANDB_NAME", false },
        { "WANDB_DOCKER", false },
        { "WANDB_USERNAME", false },
        { "WANDB_RUN_GROUP", false },
        { "WANDB_LAUNCHER", false },
        { "wandb_run_id", false },
        { "PATH", false },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO_PTR(arena) a = arena_new();
        struct world w = { .a = a };
        const char *mine = arena_printf(a, "{\"name\":\"%s\",\"value\":\"mine\"}", rows[i].name);

        render(&w, arena_printf(a, "[{\"container_spec\":{\"env\":[%s]}}]", mine), "{}");
        if ((strcmp(env_of(&w, 0, rows[i].name), mine) == 0) == rows[i].agents)
            fail_msg("%s", rows[i].name);
        assert_int_equal(w.p.warnings, rows[i].agents);
    }
}

static void references_come_as_list_and_object_in_both_spellings(void **state)
{
    static const char *const forms[] = {
        "[{\"name\":\"T\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"hf\",\"key\":\"3\"}}}]",
        "[{\"name\":\"T\",\"value_from\":{\"secret_key_ref\":{\"name\":\"hf\",\"key\":3}}}]",
        "{\"T\":{\"valueFrom\":{\"secretKeyRef\":{\"name\":\"hf:3\"}}}}",
        "{\"T\":{\"value_from\":{\"secret_key_ref\":{\"name\":\"projects/proj/secrets/hf/versions/3\"}}}}",
    };

    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        AUTO_PTR(arena) a = arena_new();
        struct world w = { .a = a };

        render(&w, arena_printf(a, "[{\"container_spec\":{\"env\":%s}}]", forms[i]), "{}");
        assert_string_equal(env_of(&w, 0, "T"), "{\"name\":\"T\",\"valueFrom\":{\"secretKeyRef\":{\"name\":"
                                                "\"projects/proj/secrets/hf/versions/3\"}}}");
    }
}

static void a_wrong_environment_is_told_in_place(void **state)
{
    static const struct {
        const char *env, *want;
    } rows[] = {
        { "3", "container_spec.env: expected a list of variables, got an integer" },
        { "[3]", "env[0]: expected an object with name and value" },
        { "[{\"value\":\"x\"}]", "env[0]: a variable needs a \"name\"" },
        { "[{\"name\":\"A\"}]", "env[0]: a variable has either \"value\" or \"value_from\"" },
        { "[{\"name\":\"A\",\"value\":\"x\",\"value_from\":{}}]", "a variable has either" },
        { "[{\"name\":\"A\",\"value\":8080}]", "write it in quotes, \"8080\"" },
        { "[{\"name\":\"A\",\"value\":true}]", "write it in quotes, \"true\"" },
        { "{\"A\":0.5}", "env.A: the value must be a string: write it in quotes, \"0.5\"" },
        { "{\"A\":null}", "env.A: the value must be a string" },
        { "{\"A\":{\"value\":\"x\"}}", "env.A: expected a string, or an object with value_from alone" },
        { "{\"A-B\":\"x\"}", "\"A-B\" is not a name for a variable" },
        { "[{\"name\":\"\",\"value\":\"x\"}]", "\"\" is not a name for a variable" },
        { "{\"A\":\"x\\u0000y\"}", "env.A: the value holds a NUL byte, which no variable can" },
        { "[{\"name\":\"A\",\"vale\":\"x\"}]", "unknown key \"vale\" in a variable" },
        { "[{\"name\":\"A\",\"value\":\"x\"},{\"name\":\"A\",\"value\":\"y\"}]",
          "env[1]: variable A is given twice with different values; first in line 1" },
        { "{\"A\":{\"value_from\":{\"secret_key_ref\":{\"name\":\"a/b\"}}}}",
          "env.A.value_from.secret_key_ref: \"a/b\" names no secret" },
        { "{\"A\":{\"value_from\":{\"secret_key_ref\":{\"namee\":\"a\"}}}}", "did you mean \"name\"?" },
        { "{\"A\":{\"value_from\":{\"config_map_ref\":{}}}}", "unknown key \"config_map_ref\"" },
        { "{\"A\":{\"value_from\":\"hf\"}}", "env.A.value_from: expected an object, got the string" },
        { "[{\"name\":\"A\",\"value_from\":{\"secret_key_ref\":{\"name\":\"s:1\",\"key\":\"2\"}}}]",
          "version \"1\" in the name and \"2\" as the key" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO_PTR(arena) a = arena_new();
        struct world w = { .a = a };

        render(&w, arena_printf(a, "[{\"container_spec\":{\"env\":%s}}]", rows[i].env), "{}");
        assert_int_equal(w.r, -ERR_INVALID);
        assert_problem(&w, rows[i].want);
    }
}

/* An env object with @count variables of one byte. */
static const char *many_variables(struct arena *a, int count)
{
    AUTO_STRBUF struct strbuf b = STRBUF(1 << 20);

    for (int i = 0; i < count; i++)
        strbuf_addf(&b, "%s\"V%d\":\"1\"", i ? "," : "", i);
    return arena_printf(a, "[{\"container_spec\":{\"env\":{%s}}}]", strbuf_cstr(&b));
}

static void a_container_takes_100_variables_the_launchs_included(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct world w = { .a = a };
    size_t ours;

    render(&w, "[{\"container_spec\":{}}]", "{}");
    ours = jval_len(jval_path(w.out.request, "jobSpec.workerPoolSpecs.0.containerSpec.env"));
    render(&w, many_variables(a, 100 - (int)ours), "{}");
    assert_int_equal(w.r, 0);
    render(&w, many_variables(a, 101 - (int)ours), "{}");
    assert_int_equal(w.r, -ERR_INVALID);
    assert_problem(
        &w, arena_printf(a, "101 variables (%zu of the config, %zu of the launch); Vertex takes at most 100",
                         101 - ours, ours));
    render(&w, many_variables(a, 100), "{}");
    assert_problem(&w, "(100 of the config,");
    render(&w, many_variables(a, 101), "{}");
    assert_int_equal(w.p.errors, 1);
    assert_problem(&w, "101 variables; Vertex takes at most 100");
    render(&w, many_variables(a, 5000), "{}");
    assert_problem(&w, "5000 variables; Vertex takes at most 100");
}

static void what_is_given_twice_alike_is_sent_once_and_what_is_empty_not_at_all(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct world w = { .a = a };

    render(&w,
           "[{\"container_spec\":{\"env\":[{\"name\":\"A\",\"value\":\"x\"},{\"name\":\"A\",\"value\":\"x\"},"
           "{\"name\":\"E\",\"value\":\"\"}]}}]",
           "{}");
    assert_string_equal(env_of(&w, 0, "A"), "{\"name\":\"A\",\"value\":\"x\"}");
    assert_string_equal(env_of(&w, 0, "E"), "nothing");
    assert_int_equal(w.p.warnings, 1);
    assert_problem(&w, "E is empty and left out: Vertex refuses empty values");
}

static void references_that_are_not_known_yet_are_checked_at_the_launch(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct problems p = { .a = a, .file = "" };
    static const struct {
        const char *name, *key;
        int rc;
    } rows[] = {
        { "${entity_name}/{{x}}", "k", 0 },
        { "hf", "{{version}}", 0 },
        { "a/b", "k", -ERR_INVALID },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *config =
            arena_printf(a,
                         "{\"spec\":{\"worker_pool_specs\":[{\"container_spec\":{\"env\":{\"A\":"
                         "{\"value_from\":{\"secret_key_ref\":{\"name\":\"%s\",\"key\":\"%s\"}}}}}}]}}",
                         rows[i].name, rows[i].key);

        assert_int_equal(queue_config_check(json(a, config), &p, NULL), rows[i].rc);
    }
}

static const char *filled(struct arena *a, size_t len)
{
    char *text = arena_alloc(a, len + 1);

    memset(text, 'v', len);
    return text;
}

static void what_no_process_can_start_with_is_refused(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct world w = { .a = a };

    render(&w, arena_printf(a, "[{\"container_spec\":{\"env\":{\"AB\":\"%s\"}}}]", filled(a, 131068)), "{}");
    assert_int_equal(w.r, 0);
    render(&w, arena_printf(a, "[{\"container_spec\":{\"env\":{\"AB\":\"%s\"}}}]", filled(a, 131069)), "{}");
    assert_int_equal(w.r, -ERR_INVALID);
    assert_problem(&w, "variable AB has 131073 bytes; a container takes at most 131072 a variable");
    render(&w, "[{\"container_spec\":{}}]", arena_printf(a, "{\"args\":[\"%s\"]}", filled(a, 131072)));
    assert_problem(&w, "an argument of 131073 bytes");
    render(&w, "[{\"container_spec\":{}}]",
           arena_printf(a, "{\"run_config\":{\"x\":\"%s\"}}", filled(a, 2100000)));
    assert_problem(&w, "a container starts with at most 2097152");
}

static void a_big_job_draws_a_warning(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct world w = { .a = a };

    render(&w, "[{\"container_spec\":{}},{\"container_spec\":{}}]",
           arena_printf(a, "{\"run_config\":{\"x\":\"%s\"}}", filled(a, 600000)));
    assert_int_equal(w.r, 0);
    assert_problem(&w, "bytes in all pools together; Vertex may refuse a job of more than about 1000000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_overrides_every_pool_keeps_its_own_command_and_arguments),
        cmocka_unit_test(arguments_alone_leave_the_command_as_it_is),
        cmocka_unit_test(an_entry_point_alone_leaves_the_arguments_as_they_are),
        cmocka_unit_test(overrides_are_for_every_pool_with_the_launchs_image_and_for_no_other),
        cmocka_unit_test(the_launchs_image_trains_even_when_the_first_pool_runs_another),
        cmocka_unit_test(with_fixed_images_the_first_pools_image_trains),
        cmocka_unit_test(a_python_package_takes_arguments_and_says_that_it_takes_no_entry_point),
        cmocka_unit_test(an_entry_point_that_makes_two_roles_one_draws_a_warning),
        cmocka_unit_test(every_pool_gets_the_jobs_variables_once),
        cmocka_unit_test(what_names_the_run_is_the_agents_and_the_rest_the_configs),
        cmocka_unit_test(references_come_as_list_and_object_in_both_spellings),
        cmocka_unit_test(a_wrong_environment_is_told_in_place),
        cmocka_unit_test(a_container_takes_100_variables_the_launchs_included),
        cmocka_unit_test(what_is_given_twice_alike_is_sent_once_and_what_is_empty_not_at_all),
        cmocka_unit_test(references_that_are_not_known_yet_are_checked_at_the_launch),
        cmocka_unit_test(what_no_process_can_start_with_is_refused),
        cmocka_unit_test(a_big_job_draws_a_warning),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
