/* cli/queue_render.c: `slipway queue render`: the request that Vertex would receive. Talks to nobody. */
#include <stdio.h>

#include "cli/config_file.h"
#include "cli/roles.h"
#include "cli/verbs.h"
#include "launch/render.h"

struct rendering {
    struct io *io;
    const struct args *args;
    struct arena *a;
    struct problems problems;
};

static const char *given(const struct rendering *r, const char *option, const char *otherwise)
{
    return args_text(r->args, option) ? args_text(r->args, option) : otherwise;
}

static const char *from_env(const struct rendering *r, const char *name, const char *otherwise)
{
    const char *value = io_env(r->io, name);

    return value && value[0] ? value : otherwise;
}

/* A launch as it might be pushed: what is not given gets a name that says what belongs there. */
static int launch_of(struct rendering *r, const struct jval *config, struct launch_spec *ret, struct err *e)
{
    struct jval *spec = jval_new_object(r->a), *docker = jval_new_object(r->a);

    jval_set_cstr(r->a, spec, "entity", given(r, "entity", from_env(r, "WANDB_ENTITY", "entity")));
    jval_set_cstr(r->a, spec, "project", given(r, "project", "project"));
    if (args_text(r->args, "image"))
        jval_set_cstr(r->a, docker, "docker_image", args_text(r->args, "image"));
    jval_set(r->a, spec, "docker", docker);
    if (launch_spec_parse(spec, ret, &r->problems, e))
        return -(int)e->code;
    ret->resource_args = config; /* as it stands: a config need not be wrapped */
    return 0;
}

static int render(struct rendering *r, const struct jval *config, struct rendered *ret, struct err *e)
{
    struct launch_spec spec = { 0 };
    struct render_input in = {
        .spec = &spec,
        .base_url = str_of(from_env(r, "WANDB_BASE_URL", "https://api.wandb.ai")),
        .run_id = str_of(given(r, "run-id", "run-id")),
        .run_name = str_of(args_text(r->args, "run-name")),
        .queue_name = str_of(given(r, "queue", "queue")),
        .gcp_project = str_of(given(r, "gcp-project", from_env(r, "GOOGLE_CLOUD_PROJECT", "project-id"))),
        .region = str_of(given(r, "region", role_region(r->io))),
        .author = STR("author"),
        .item_id = STR("item-id"),
        .now_unix_ms = io_now_unix_ms(r->io),
    };

    if (launch_of(r, config, &spec, e))
        return -(int)e->code;
    in.queue_entity = spec.entity;
    in.image_uri = spec.image_uri;
    return render_custom_job(&in, ret, &r->problems, e);
}

static void print_request(const struct rendering *r, const struct jval *request)
{
    AUTO_STRBUF struct strbuf b = STRBUF(64 * 1024 * 1024);

    jval_write(&b, request, args_json(r->args) ? JVAL_COMPACT : JVAL_PRETTY);
    puts(strbuf_cstr(&b));
}

static int render_run(struct io *io, const struct args *args, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    const char *path = args_operand(args, 0);
    struct rendering r = {
        .io = io, .args = args, .a = a, .problems = { .a = a, .file = config_name(path) }
    };
    struct rendered out = { 0 };
    struct jval *config = NULL;
    int rc;

    if (config_load(io, a, path, &config, e))
        return -(int)e->code;
    rc = render(&r, config, &out, e);
    problems_print(&r.problems);
    if (rc)
        return err_set(e, ERR_CONFIG, "%s: %zu error%s; there is no request", config_name(path),
                       r.problems.errors, r.problems.errors == 1 ? "" : "s");
    print_request(&r, out.request);
    return 0;
}

static const struct option_row render_rows[] = {
    { "image", 'd', OPTION_TEXT, "IMAGE", "the image that the launch brings", 0, 0 },
    { "project", 'p', OPTION_TEXT, "NAME", "W&B project of the run", 0, 0 },
    { "run-id", 0, OPTION_TEXT, "ID", "the run's id", 0, 0 },
    { "run-name", 0, OPTION_TEXT, "NAME", "the run's name (default: its id)", 0, 0 },
    { "queue", 'q', OPTION_TEXT, "NAME", "the queue's name", 0, 0 },
    { "region", 0, OPTION_TEXT, "REGION", "where the config names none (GOOGLE_CLOUD_REGION)", 0, 0 },
    { "gcp-project", 0, OPTION_TEXT, "ID", "where the config names none (GOOGLE_CLOUD_PROJECT)", 0, 0 },
    OPTION_ENTITY,
    OPTION_OUTPUT,
    OPTION_END,
};

const struct verb verb_queue_render = {
    .name = "queue render",
    .operands = "FILE",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "print the request that Vertex would receive",
    .details =
        "FILE is a queue config, YAML or JSON; \"-\" reads standard input. Nothing is sent. Secrets are "
        "shown as\ntheir references. What is wrong goes to standard error; -o json prints one line.",
    .examples = "  slipway queue render examples/queues/minimal.yaml --image train:1\n"
                "  slipway queue render - --image train:1 --run-id ab12cd34 -o json < queue.yaml",
    .rows = render_rows,
    .run = render_run,
};
