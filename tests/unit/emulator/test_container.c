/* What a replica is started with: command line, folder and environment. */
#include "../test.h"

#include "base/jval.h"
#include "emulator/container.h"

static const char images_yaml[] = "images:\n"
                                  "  - image: 'repo/train:*'\n"
                                  "    command: [python3, train.py]\n"
                                  "    args: [--epochs, '3']\n"
                                  "    folder: train\n"
                                  "    env: { DATA: small, LANG: C }\n"
                                  "  - image: '*/executor:*'\n"
                                  "    command: [python3]\n";

static struct container container_for(struct arena *a, const char *pools, struct replica_id id)
{
    struct image_table *images = arena_alloc(a, sizeof(*images));
    struct jval *job = NULL;
    struct container c;
    struct err e = { 0 };
    const char *text = arena_printf(
        a,
        "{\"jobSpec\":{\"baseOutputDirectory\":{\"outputUriPrefix\":\"gs://b/d\"},\"workerPoolSpecs\":%s}}",
        pools);

    must(image_table_parse(a, STR(images_yaml), "images.yaml", "/etc/slipway", images, &e), &e);
    must(jval_from_json(a, str_of(text), "job", NULL, &job, &e), &e);
    container_of_replica(a,
                         &(struct job_facts){ .custom_job = job,
                                              .job_id = 42,
                                              .gcp_number = 7,
                                              .location = STR("us-central1"),
                                              .host_tag = "ab12cd34ef",
                                              .home = "/home/x",
                                              .path = "/bin",
                                              .images = images },
                         id, &c);
    return c;
}

static const char *argv_text(struct arena *a, const struct container *c)
{
    const char *all = "";

    for (size_t i = 0; c->argv && c->argv[i]; i++)
        all = arena_printf(a, "%s[%s]", all, c->argv[i]);
    return all;
}

static const char *env_of(const struct container *c, const char *name)
{
    for (size_t i = 0; c->env[i]; i++) {
        size_t len = strlen(name);

        if (strncmp(c->env[i], name, len) == 0 && c->env[i][len] == '=')
            return c->env[i] + len + 1;
    }
    return "(absent)";
}

static void command_and_args_replace_those_of_the_image(void **state)
{
    static const struct {
        const char *spec, *argv;
    } rows[] = {
        { "\"imageUri\":\"repo/train:1\"", "[python3][train.py][--epochs][3]" },
        { "\"imageUri\":\"repo/train:1\",\"args\":[\"-v\"]", "[python3][train.py][-v]" },
        { "\"imageUri\":\"repo/train:1\",\"command\":[\"x\"]", "[x]" },
        { "\"imageUri\":\"repo/train:1\",\"command\":[\"x\"],\"args\":[\"y\"]", "[x][y]" },
        { "\"imageUri\":\"other\",\"command\":[\"x\"]", "[x]" },
        { "\"imageUri\":\"other\"", "" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO_PTR(arena) a = arena_new();
        const char *pools =
            arena_printf(a, "[{\"replicaCount\":\"1\",\"containerSpec\":{%s}}]", rows[i].spec);
        struct container c = container_for(a, pools, (struct replica_id){ 0, 0 });

        assert_string_equal(argv_text(a, &c), rows[i].argv);
        assert_int_equal(c.start_error != NULL, rows[i].argv[0] == '\0');
    }
}

static void a_python_package_runs_as_a_module_of_its_executor(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct container c =
        container_for(a,
                      "[{\"replicaCount\":\"1\",\"pythonPackageSpec\":{\"executorImageUri\":"
                      "\"x/executor:1\",\"pythonModule\":\"trainer.task\",\"args\":[\"-v\"]}}]",
                      (struct replica_id){ 0, 0 });

    (void)state;
    assert_string_equal(argv_text(a, &c), "[python3][-m][trainer.task][-v]");
}

static void the_environment_is_vertexs_with_the_users_on_top(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct container c =
        container_for(a,
                      "[{\"replicaCount\":\"1\",\"containerSpec\":{\"imageUri\":\"repo/train:1\","
                      "\"env\":[{\"name\":\"HOME\",\"value\":\"/mine\"},{\"name\":\"OUT\","
                      "\"value\":\"$(AIP_MODEL_DIR)x\"}]}}]",
                      (struct replica_id){ 0, 0 });

    (void)state;
    assert_string_equal(env_of(&c, "PATH"), "/bin");
    assert_string_equal(env_of(&c, "HOME"), "/mine");
    assert_string_equal(env_of(&c, "LANG"), "C");
    assert_string_equal(env_of(&c, "DATA"), "small");
    assert_string_equal(env_of(&c, "AIP_CHECKPOINT_DIR"), "gs://b/d/checkpoints/");
    assert_string_equal(env_of(&c, "OUT"), "gs://b/d/model/x");
    assert_string_equal(env_of(&c, "CLOUD_ML_JOB_ID"), "42");
    assert_string_equal(env_of(&c, "CLOUD_ML_PROJECT_ID"), "7");
    assert_string_equal(env_of(&c, "CLOUD_ML_REGION"), "us-central1");
    assert_string_equal(env_of(&c, "TF_CONFIG"), "(absent)"); /* one replica: not distributed */
    assert_string_equal(c.cwd, "/etc/slipway/train");
}

static void every_replica_knows_its_place_in_the_cluster(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct container c = container_for(
        a, "[{\"replicaCount\":\"1\",\"containerSpec\":{}},{},{\"replicaCount\":\"2\",\"containerSpec\":{}}]",
        (struct replica_id){ 2, 1 });
    struct jval *v = NULL;
    struct err e;

    (void)state;
    assert_int_equal(jval_from_json(a, str_of(env_of(&c, "CLUSTER_SPEC")), "spec", NULL, &v, &e), 0);
    assert_int_equal(jval_len(jval_get(v, "cluster")), 2); /* the skipped pool is absent */
    assert_string_equal(jval_str(jval_path(v, "cluster.workerpool2.1")).ptr,
                        "cmle-training-workerpool2-ab12cd34ef-1:2222");
    assert_string_equal(jval_str(jval_path(v, "task.type")).ptr, "workerpool2");
    assert_int_equal(jval_int(jval_path(v, "task.index")), 1);
    assert_int_equal(jval_from_json(a, str_of(env_of(&c, "TF_CONFIG")), "spec", NULL, &v, &e), 0);
    assert_string_equal(jval_str(jval_path(v, "task.type")).ptr, "ps");
    assert_int_equal(jval_len(jval_path(v, "cluster.chief")), 1);
}

static void a_wrong_image_table_names_the_place(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct image_table t = { NULL, 0 };
    struct err e = { 0 };

    (void)state;
    assert_int_equal(
        image_table_parse(a, STR("images:\n  - image: x\n    comand: [a]\n"), "i.yaml", ".", &t, &e),
        -ERR_CONFIG);
    assert_non_null(strstr(e.msg, "i.yaml:3:5"));
    assert_non_null(strstr(e.msg, "did you mean \"command\"?"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_and_args_replace_those_of_the_image),
        cmocka_unit_test(a_python_package_runs_as_a_module_of_its_executor),
        cmocka_unit_test(the_environment_is_vertexs_with_the_users_on_top),
        cmocka_unit_test(every_replica_knows_its_place_in_the_cluster),
        cmocka_unit_test(a_wrong_image_table_names_the_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
