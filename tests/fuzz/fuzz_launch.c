/* Launch spec, queue config and request from arbitrary bytes: JSON when they begin with '{', else YAML. */
#include <stddef.h>
#include <stdint.h>

#include "launch/render.h"

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
    return 0;
}
