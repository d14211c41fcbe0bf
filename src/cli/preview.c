/* cli/preview.c: a launch as it might be pushed, for looking at what it would become. */
#include "cli/preview.h"

#include <stdio.h>

#include "cli/roles.h"
#include "cli/template_args.h"
#include "launch/template.h"

static const char *given(const struct preview *p, const char *option, const char *otherwise)
{
    return args_text(p->args, option) ? args_text(p->args, option) : otherwise;
}

static const char *from_env(const struct preview *p, const char *name, const char *otherwise)
{
    const char *value = io_env(p->io, name);

    return value && value[0] ? value : otherwise;
}

static int make_spec(struct preview *p, struct launch_spec *ret, struct err *e)
{
    struct jval *spec = jval_new_object(p->a), *docker = jval_new_object(p->a);

    jval_set_cstr(p->a, spec, "entity", given(p, "entity", from_env(p, "WANDB_ENTITY", "entity")));
    jval_set_cstr(p->a, spec, "project", given(p, "project", "project"));
    if (args_text(p->args, "image"))
        jval_set_cstr(p->a, docker, "docker_image", args_text(p->args, "image"));
    jval_set(p->a, spec, "docker", docker);
    if (launch_spec_parse(spec, ret, &p->problems, e))
        return -(int)e->code;
    ret->resource_args = p->file.config; /* as it stands: a config need not be wrapped */
    return 0;
}

/* The variables' own definitions, or those that a queue with this config would propose: types from where each
 * stands. */
static int load_variables(struct preview *p, const struct jval **ret, struct err *e)
{
    const char *path = args_text(p->args, "template-variables");
    struct config_file f = { 0 };
    struct problems problems = { .a = p->a };
    int rc;

    if (!path) {
        *ret = template_propose(p->a, p->file.config, false);
        return 0;
    }
    if (config_read(p->io, p->a, path, &f, e))
        return -(int)e->code;
    problems.file = f.name;
    rc = template_variables_check(f.config, p->file.config, &problems, e);
    problems_print(stderr, &problems);
    *ret = f.config;
    return rc;
}

static int fill_templates(struct preview *p, struct err *e)
{
    const struct jval *variables = NULL, *chosen = NULL;
    struct jval *values = NULL;

    if (load_variables(p, &variables, e) ||
        template_args(p->a, "--var", args_list(p->args, "var"), variables, &values, e) ||
        template_values(variables, values, &chosen, &p->problems, e))
        return -(int)e->code;
    return template_fill(p->file.config, chosen, &p->file.config, &p->problems, e);
}

static int render(struct preview *p, struct err *e)
{
    struct launch_spec spec = { 0 };
    struct render_input in = {
        .spec = &spec,
        .base_url = str_of(from_env(p, "WANDB_BASE_URL", "https://api.wandb.ai")),
        .run_id = str_of(given(p, "run-id", "run-id")),
        .run_name = str_of(args_text(p->args, "run-name")),
        .queue_name = str_of(given(p, "queue", "queue")),
        .gcp_project = str_of(given(p, "gcp-project", from_env(p, "GOOGLE_CLOUD_PROJECT", "project-id"))),
        .region = str_of(given(p, "region", role_region(p->io))),
        .author = STR("author"),
        .item_id = STR("item-id"),
        .now_unix_ms = p->now_unix_ms,
    };

    if (fill_templates(p, e) || make_spec(p, &spec, e))
        return -(int)e->code;
    in.queue_entity = spec.entity;
    in.image_uri = spec.image_uri;
    return render_custom_job(&in, &p->out, &p->problems, e);
}

int preview_render(struct preview *p, const char *path, struct err *e)
{
    struct problems *found = &p->problems;
    int rc = config_read(p->io, p->a, path, &p->file, e);

    *found = (struct problems){ .a = p->a, .file = p->file.name };
    if (rc)
        return rc;
    rc = render(p, e);
    if (rc == -ERR_USAGE)
        return rc;
    if (rc)
        return err_set(e, ERR_CONFIG, "%s: %zu error%s; there is no request", found->file, found->errors,
                       found->errors == 1 ? "" : "s");
    if (found->warnings > 0 && args_has(p->args, "strict"))
        return err_set(e, ERR_CONFIG, "%s: %zu warning%s, which --strict takes for errors", found->file,
                       found->warnings, found->warnings == 1 ? "" : "s");
    return 0;
}
