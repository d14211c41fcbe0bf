/* Launch spec, queue config and request from arbitrary bytes: JSON when they begin with '{', else YAML. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "launch/render.h"
#include "launch/secret_ref.h"

/* More than this of the input is in the job's configuration, so that it is cut into several variables. */
enum { SHARDED_BYTES = 3 * JOB_ENV_MAX_VALUE };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct secret *no_secret(void *ctx, struct str name, struct str field)
{
    return NULL;
}

static void render(struct arena *a, const struct launch_spec *spec)
{
    struct problems p = { .a = a, .file = "input" };
    AUTO_STRBUF struct strbuf text = STRBUF(1 << 20);
    const struct render_input in = { .spec = spec,
                                     .run_id = STR("r"),
                                     .item_id = STR("i"),
                                     .image_uri = STR("img"),
                                     .gcp_project = STR("p"),
                                     .region = STR("us-central1"),
                                     .agent_label = STR("a"),
                                     .attempt_label = STR("t") };
    struct rendered out = { 0 };
    struct err e = { 0 };

    if (!render_custom_job(&in, &out, &p, &e))
        (void)!request_fill_secrets(out.request, no_secret, NULL, &text, &e);
    for (size_t i = 0; i < p.len; i++)
        problem_format(&text, &p, &p.items[i]);
}

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* @text under @name, or its slices under NAME_0, NAME_1, ..., which make it up again and are ASCII. */
static void check_shards(const struct env_list *list, struct str name, struct str text)
{
    size_t at = 0;

    for (size_t i = 0; i < list->len; i++) {
        const struct env_entry *e = &list->items[i];

        if (!str_has_prefix(e->name, name))
            continue;
        must(e->value.len > 0 && e->value.len <= JOB_ENV_MAX_VALUE);
        must(str_eq(e->value, str_sub(text, at, at + e->value.len)));
        for (size_t k = 0; k < e->value.len; k++)
            must((unsigned char)e->value.ptr[k] < 0x80);
        at += e->value.len;
    }
    must(at == text.len);
}

static void shard(struct arena *a, const struct jval *v)
{
    struct jval *config = jval_new_object(a), *many = jval_new_array(a), *files = jval_new_object(a);
    size_t bytes = jval_text(a, v, JVAL_PYTHON).len + 2;
    const struct launch_spec spec = { .entity = STR("e"), .run_config = config, .file_overrides = files };
    const struct job_env_input in = { .spec = &spec, .run_id = STR("r") };
    struct env_list list = { 0 };

    for (size_t i = 0; i < SHARDED_BYTES / bytes && i < 1000; i++)
        jval_push(a, many, v);
    jval_set(a, config, "x", many);
    jval_set(a, files, "f.json", v);
    job_env_build(a, &in, &list);
    check_shards(&list, STR("WANDB_CONFIG"), jval_text(a, config, JVAL_PYTHON));
    check_shards(&list, STR("WANDB_LAUNCH_FILE_OVERRIDES"), jval_text(a, files, JVAL_PYTHON));
}

/* A reference that is read is written so that it is read again as the same one. */
static void refer(struct arena *a, const struct jval *v, struct str key)
{
    struct secret_ref r = { 0 }, again = { 0 };

    if (jval_is(v, JVAL_STR) && !secret_ref_parse(jval_str(v), key, &r, NULL)) {
        must(secret_ref_parse(secret_ref_name(a, &r), r.field, &again, NULL) == 0);
        must(str_eq(secret_ref_name(a, &r), secret_ref_name(a, &again)) && str_eq(r.field, again.field));
    }
    for (size_t i = 0; i < jval_len(v); i++)
        refer(a, jval_at(v, i), jval_key_at(v, i));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_PTR(arena) a = arena_new();
    const struct str text = { (const char *)data, size };
    const struct jval_limits limits = { .max_bytes = 1 << 16, .max_nodes = 20000 };
    struct problems p = { .a = a, .file = "input" };
    struct launch_spec spec = { 0 };
    struct jval *v = NULL, *whole = jval_new_object(a);
    struct err e = { 0 };
    int r = size > 0 && data[0] == '{' ? jval_from_json(a, text, "input", &limits, &v, &e)
                                       : jval_from_yaml(a, text, "input", &limits, &v, &e);

    if (r)
        return 0;
    (void)!queue_config_check(v, &p, &e);
    if (!launch_spec_parse(v, &spec, &p, &e))
        render(a, &spec);
    jval_set(a, whole, "vertex", v); /* and as a bare config */
    spec = (struct launch_spec){ .entity = STR("e"), .wb_project = STR("p"), .resource_args = whole };
    render(a, &spec);
    shard(a, v);
    refer(a, v, (struct str){ NULL, 0 });
    return 0;
}
