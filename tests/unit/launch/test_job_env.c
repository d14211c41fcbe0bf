/* The W&B variables of a job. */
#include "launch/job_env.h"

#include "util.h"

static struct env_list build(struct arena *a, const char *spec_text, struct job_env_input in)
{
    struct problems p = { .a = a, .file = "" };
    struct launch_spec s = { 0 };
    struct env_list list = { 0 };

    assert_int_equal(launch_spec_parse(json(a, spec_text), &s, &p, NULL), 0);
    in.spec = &s;
    job_env_build(a, &in, &list);
    return list;
}

static const char *as_text(struct arena *a, struct env_list l)
{
    AUTO_STRBUF struct strbuf b = STRBUF(1 << 20);

    for (size_t i = 0; i < l.len; i++)
        strbuf_addf(&b, "%.*s=%.*s%s%.*s\n", STR_ARG(l.items[i].name), STR_ARG(l.items[i].value),
                    l.items[i].secret_ref.ptr ? "secret " : "", STR_ARG(l.items[i].secret_ref));
    return arena_strdup(a, strbuf_cstr(&b));
}

static struct str env_get(struct env_list l, const char *name)
{
    for (size_t i = 0; i < l.len; i++) {
        if (str_is(l.items[i].name, name))
            return l.items[i].value;
    }
    return (struct str){ NULL, 0 };
}

static void all_variables_come_in_the_order_of_the_protocol(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct env_list l =
        build(a,
              "{\"entity\":\"ent\",\"project\":\"P\",\"job\":\"e/jobs/j:latest\",\"author\":\"me\","
              "\"sweep_id\":\"s1\",\"_resume_count\":1,\"overrides\":{\"run_config\":"
              "{\"a\":[1,2],\"b\":\"\xc3\xa9\"},\"artifacts\":{\"in\":\"e/p/d:v1\"}}}",
              (struct job_env_input){ .base_url = STR("http://w"),
                                      .run_id = STR("r1"),
                                      .run_name = STR("name"),
                                      .image_uri = STR("img"),
                                      .queue_name = STR("q"),
                                      .queue_entity = STR("qe"),
                                      .item_id = STR("i1") });

    assert_string_equal(as_text(a, l),
                        "WANDB_BASE_URL=http://w\n"
                        "WANDB_API_KEY=secret slipway:wandb-api-key\n"
                        "WANDB_PROJECT=p\n"
                        "WANDB_ENTITY=ent\n"
                        "WANDB_LAUNCH=True\n"
                        "WANDB_RUN_ID=r1\n"
                        "WANDB_DOCKER=img\n"
                        "WANDB_NAME=name\n"
                        "WANDB_USERNAME=me\n"
                        "WANDB_SWEEP_ID=s1\n"
                        "WANDB_RESUME=allow\n"
                        "WANDB_LAUNCH_QUEUE_NAME=q\n"
                        "WANDB_LAUNCH_QUEUE_ENTITY=qe\n"
                        "WANDB_LAUNCH_TRACE_ID=i1\n"
                        "WANDB_CONFIG={\"a\": [1, 2], \"b\": \"\\u00e9\"}\n"
                        "WANDB_LAUNCH_FILE_OVERRIDES={}\n"
                        "WANDB_ARTIFACTS={\"_wandb_job\": \"e/jobs/j:latest\", \"in\": \"e/p/d:v1\"}\n");
}

static void what_is_not_given_is_left_out(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    struct env_list l =
        build(a, "{\"entity\":\"ent\",\"project\":\"\",\"author\":\"me\",\"_wandb_api_key\":\"k\"}",
              (struct job_env_input){ .base_url = STR("http://w"), .run_id = STR("r1") });

    assert_string_equal(as_text(a, l), "WANDB_BASE_URL=http://w\n"
                                       "WANDB_API_KEY=secret slipway:wandb-api-key\n"
                                       "WANDB_ENTITY=ent\n"
                                       "WANDB_LAUNCH=True\n"
                                       "WANDB_RUN_ID=r1\n"
                                       "WANDB_CONFIG={}\n"
                                       "WANDB_LAUNCH_FILE_OVERRIDES={}\n"
                                       "WANDB_ARTIFACTS={}\n");
}

/* A spec whose run_config is @len characters of Python JSON: {"k": "vvv"}. */
static const char *spec_with_config(struct arena *a, size_t len)
{
    size_t fill = len - strlen("{\"k\": \"\"}");
    char *v = arena_alloc(a, fill + 1);

    memset(v, 'v', fill);
    return arena_printf(
        a, "{\"entity\":\"e\",\"project\":\"p\",\"overrides\":{\"run_config\":{\"k\":\"%s\"}}}", v);
}

static void text_over_the_limit_is_cut_into_numbered_slices(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    const struct job_env_input in = { .base_url = STR("u"), .run_id = STR("r") };
    struct env_list at = build(a, spec_with_config(a, JOB_ENV_MAX_VALUE), in);
    struct env_list over = build(a, spec_with_config(a, JOB_ENV_MAX_VALUE + 1), in);

    assert_int_equal(env_get(at, "WANDB_CONFIG").len, JOB_ENV_MAX_VALUE);
    assert_null(env_get(at, "WANDB_CONFIG_0").ptr);
    assert_null(env_get(over, "WANDB_CONFIG").ptr);
    assert_int_equal(env_get(over, "WANDB_CONFIG_0").len, JOB_ENV_MAX_VALUE);
    assert_true(str_is(env_get(over, "WANDB_CONFIG_1"), "}"));
    assert_null(env_get(over, "WANDB_CONFIG_2").ptr);
}

/* The slices of @name, joined. */
static struct str joined(struct arena *a, struct env_list l, const char *name)
{
    AUTO_STRBUF struct strbuf b = STRBUF(1 << 20);

    for (int i = 0; env_get(l, arena_printf(a, "%s_%d", name, i)).ptr; i++)
        strbuf_add(&b, env_get(l, arena_printf(a, "%s_%d", name, i)));
    return arena_str(a, strbuf_str(&b));
}

static void no_character_is_lost_where_slices_are_cut(void **state)
{
    AUTO_PTR(arena) a = arena_new();
    AUTO_STRBUF struct strbuf text = STRBUF(1 << 20);
    const struct job_env_input in = { .base_url = STR("u"), .run_id = STR("r") };
    struct jval *back = NULL;
    struct env_list l;

    for (int i = 0; i < 20000; i++) /* 4 bytes each, 12 when escaped: 32670 is no multiple of that */
        strbuf_addz(&text, "\xf0\x9f\x9a\x80");
    l = build(a,
              arena_printf(a,
                           "{\"entity\":\"e\",\"project\":\"p\",\"overrides\":{\"files\":{\"c.json\":"
                           "{\"k\":\"%s\"}}}}",
                           strbuf_cstr(&text)),
              in);
    assert_null(env_get(l, "WANDB_LAUNCH_FILE_OVERRIDES").ptr);
    assert_int_equal(env_get(l, "WANDB_LAUNCH_FILE_OVERRIDES_0").len, JOB_ENV_MAX_VALUE);
    assert_int_equal(
        jval_from_json(a, joined(a, l, "WANDB_LAUNCH_FILE_OVERRIDES"), "joined", NULL, &back, NULL), 0);
    assert_true(str_eq(jval_str(jval_get(jval_get(back, "c.json"), "k")), strbuf_str(&text)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_variables_come_in_the_order_of_the_protocol),
        cmocka_unit_test(what_is_not_given_is_left_out),
        cmocka_unit_test(text_over_the_limit_is_cut_into_numbered_slices),
        cmocka_unit_test(no_character_is_lost_where_slices_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
