/* cli/queue.c: `slipway queue create|list|show|delete`. */
#include <stdio.h>
#include <string.h>

#include "cli/config_file.h"
#include "cli/documents.h"
#include "cli/queue_find.h"
#include "cli/session.h"
#include "cli/verbs.h"
#include "launch/render.h"
#include "launch/template.h"

static struct jval *queue_variables(struct session *s, const char *entity, const char *queue)
{
    struct jval *v = jval_new_object(s->a);

    jval_set_cstr(s->a, v, "entity", entity);
    jval_set_cstr(s->a, v, "project", QUEUE_PROJECT);
    if (queue)
        jval_set_cstr(s->a, v, "queue", queue);
    return v;
}

/* --- create
 * --------------------------------------------------------------------------------------------------- */

static int load_config(struct session *s, const char *path, const struct jval **ret, struct err *e)
{
    struct config_file f = { 0 };
    struct problems problems = { .a = s->a };
    int rc = 0;

    if (config_read(s->io, s->a, path, &f, e))
        return -e->code;
    problems.file = f.name;
    rc = queue_config_check(f.config, &problems, e);
    problems_print(stderr, &problems);
    if (rc)
        return err_set(e, ERR_CONFIG, "%s: %zu error%s; the queue was not changed", path, problems.errors,
                       problems.errors == 1 ? "" : "s");
    *ret = f.config;
    return 0;
}

/* The variables' own file may be what `queue parse -o json` prints: positions of it go into errors. */
static int load_variables(struct session *s, const char *path, const struct jval *config,
                          const struct jval **ret, struct err *e)
{
    struct config_file f = { 0 };
    struct problems problems = { .a = s->a };
    int rc;

    if (!path)
        return 0;
    if (config_read(s->io, s->a, path, &f, e))
        return -(int)e->code;
    problems.file = f.name;
    rc = template_variables_check(f.config, config, &problems, e);
    problems_print(stderr, &problems);
    if (rc)
        return err_set(e, ERR_CONFIG, "%s: %zu error%s; the queue was not changed", path, problems.errors,
                       problems.errors == 1 ? "" : "s");
    *ret = f.config;
    return 0;
}

static int report_server_check(const struct jval *data, const char *queue, struct err *e)
{
    const struct jval *errors = jval_path(data, "upsertRunQueue.configSchemaValidationErrors");

    for (size_t i = 0; i < jval_len(errors); i++)
        fprintf(stderr, "%.*s\n", STR_ARG(jval_str(jval_at(errors, i))));
    if (jval_len(errors))
        return err_set(e, ERR_CONFIG, "the server refused the config of queue %s", queue);
    if (!jval_bool(jval_path(data, "upsertRunQueue.success")))
        return err_set(e, ERR_REMOTE, "the server did not take queue %s and gave no reason", queue);
    return 0;
}

static int ensure_project(struct session *s, const char *entity, struct err *e)
{
    struct jval *input = jval_new_object(s->a);
    struct jval *variables = jval_new_object(s->a);
    const struct jval *data = NULL;

    jval_set_cstr(s->a, input, "entityName", entity);
    jval_set_cstr(s->a, input, "name", QUEUE_PROJECT);
    jval_set(s->a, variables, "input", input);
    return session_call(s, document_project_create, variables, &data, e);
}

static int upsert(struct session *s, const struct args *a, const struct jval *config,
                  const struct jval *template_variables, struct err *e)
{
    const char *resource = args_text(a, "resource") ? args_text(a, "resource") : "gcp-vertex";
    const char *queue = args_operand(a, 0);
    const char *entity = NULL;
    struct jval *wrapped = jval_new_object(s->a);
    struct jval *by_resource = jval_new_object(s->a);
    struct jval *input = jval_new_object(s->a);
    struct jval *variables = jval_new_object(s->a);
    const struct jval *data = NULL;

    if (session_entity(s, &entity, e) || ensure_project(s, entity, e))
        return -e->code;
    jval_set(s->a, by_resource, resource, config);
    jval_set(s->a, wrapped, "resource_args", by_resource);
    jval_set_cstr(s->a, input, "entityName", entity);
    jval_set_cstr(s->a, input, "projectName", QUEUE_PROJECT);
    jval_set_cstr(s->a, input, "queueName", queue);
    jval_set_cstr(s->a, input, "resourceType", resource);
    jval_set(s->a, input, "resourceConfig", jval_new_str(s->a, jval_text(s->a, wrapped, JVAL_COMPACT)));
    if (template_variables)
        jval_set(s->a, input, "templateVariables",
                 jval_new_str(s->a, jval_text(s->a, template_variables, JVAL_COMPACT)));
    jval_set_cstr(s->a, input, "prioritizationMode", args_has(a, "priority") ? "V0" : "DISABLED");
    jval_set(s->a, variables, "input", input);
    if (session_call(s, document_queue_upsert, variables, &data, e) || report_server_check(data, queue, e))
        return -e->code;
    if (args_json(a))
        print_json(input);
    else
        printf("Queue %s of %s is ready.\nNext: slipway launch --queue %s --image IMAGE\n", queue, entity,
               queue);
    return 0;
}

static int create_run(struct io *io, const struct args *a, struct err *e)
{
    struct session s = { 0 };
    const struct jval *config = NULL, *variables = NULL;
    int rc = session_open(&s, io, a, e);

    if (rc == 0)
        rc = load_config(&s, args_text(a, "config"), &config, e);
    if (rc == 0)
        rc = load_variables(&s, args_text(a, "template-variables"), config, &variables, e);
    if (rc == 0)
        rc = upsert(&s, a, config, variables, e);
    session_close(&s);
    return rc;
}

static int create_checked(struct io *io, const struct args *a, struct err *e)
{
    const char *resource = args_text(a, "resource");

    if (resource && strcmp(resource, "vertex") != 0 && strcmp(resource, "gcp-vertex") != 0)
        return err_set(e, ERR_USAGE, "--resource: \"%s\" is neither gcp-vertex nor vertex", resource);
    if (!args_text(a, "config"))
        return err_set(e, ERR_USAGE,
                       "--config FILE is missing: the queue config, as in examples/queues/minimal.yaml");
    return create_run(io, a, e);
}

static const struct option_row create_rows[] = {
    { "config", 'c', OPTION_TEXT, "FILE", "queue config, YAML or JSON: spec and run", 0, 0 },
    { "template-variables", 0, OPTION_TEXT, "FILE", "what each {{x}} of the config may be, YAML or JSON", 0,
      0 },
    { "resource", 'r', OPTION_TEXT, "TYPE", "gcp-vertex (default) or vertex", 0, 0 },
    { "priority", 0, OPTION_FLAG, NULL, "take items in order of their priority", 0, 0 },
    OPTION_ENTITY,
    OPTION_URL,
    OPTION_OUTPUT,
    OPTION_END,
};

const struct verb verb_queue_create = {
    .name = "queue create",
    .operands = "NAME",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "make a queue, or change its config",
    .details = "All errors of the config are shown, each with its line; nothing is sent while there is one.",
    .examples = "  slipway queue create gpu --config examples/queues/minimal.yaml\n"
                "  slipway queue parse queue.yaml -o json > variables.json\n"
                "  slipway queue create gpu --config queue.yaml --template-variables variables.json",
    .rows = create_rows,
    .run = create_checked,
};

/* --- list
 * ----------------------------------------------------------------------------------------------------- */

static int list(struct session *s, const struct args *a, struct err *e)
{
    const char *entity = NULL;
    const struct jval *data = NULL;
    const struct jval *queues = NULL;

    if (session_entity(s, &entity, e) ||
        session_call(s, document_queue_list, queue_variables(s, entity, NULL), &data, e))
        return -e->code;
    queues = jval_path(data, "project.runQueues");
    if (args_json(a)) {
        print_json(queues ? queues : jval_new_array(s->a));
        return 0;
    }
    if (jval_len(queues) == 0)
        printf("%s has no queues. Make one: slipway queue create NAME --config FILE\n", entity);
    for (size_t i = 0; i < jval_len(queues); i++)
        printf("%-32.*s %.*s\n", STR_ARG(jval_str(jval_get(jval_at(queues, i), "name"))),
               STR_ARG(jval_str(jval_get(jval_at(queues, i), "access"))));
    return 0;
}

static int list_run(struct io *io, const struct args *a, struct err *e)
{
    return session_run(io, a, list, e);
}

static const struct option_row plain_rows[] = { OPTION_ENTITY, OPTION_URL, OPTION_OUTPUT, OPTION_END };

const struct verb verb_queue_list = {
    .name = "queue list",
    .operands = "",
    .summary = "list the queues of an entity",
    .examples = "  slipway queue list\n  slipway queue list --entity my-team -o json",
    .rows = plain_rows,
    .run = list_run,
};

/* --- show and delete
 * ------------------------------------------------------------------------------------------ */

static int show(struct session *s, const struct args *a, struct err *e)
{
    const char *entity = NULL;
    const struct jval *queue = NULL;
    const struct jval *config = NULL;
    struct jval *out = NULL;

    if (session_entity(s, &entity, e) || queue_find(s, entity, args_operand(a, 0), &queue, e) ||
        queue_config(s, entity, queue, &config, e))
        return -e->code;
    out = jval_copy(s->a, queue);
    if (config)
        jval_set(s->a, out, "resourceConfig", config);
    print_json(out);
    return 0;
}

static int show_run(struct io *io, const struct args *a, struct err *e)
{
    return session_run(io, a, show, e);
}

const struct verb verb_queue_show = {
    .name = "queue show",
    .operands = "NAME",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "print a queue with its config, as JSON",
    .examples = "  slipway queue show gpu",
    .rows = plain_rows,
    .run = show_run,
};

static int delete_queue(struct session *s, const struct args *a, struct err *e)
{
    const char *entity = NULL;
    const struct jval *queue = NULL;
    const struct jval *data = NULL;
    struct jval *variables = jval_new_object(s->a);

    if (session_entity(s, &entity, e) || queue_find(s, entity, args_operand(a, 0), &queue, e))
        return -e->code;
    jval_set(s->a, variables, "id", jval_get(queue, "id"));
    if (session_call(s, document_queue_delete, variables, &data, e))
        return -e->code;
    if (args_json(a))
        print_json(data);
    else
        printf("Queue %s of %s is deleted.\n", args_operand(a, 0), entity);
    return 0;
}

static int delete_run(struct io *io, const struct args *a, struct err *e)
{
    return session_run(io, a, delete_queue, e);
}

const struct verb verb_queue_delete = {
    .name = "queue delete",
    .operands = "NAME",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "delete a queue and its waiting items",
    .examples = "  slipway queue delete old",
    .rows = plain_rows,
    .run = delete_run,
};
