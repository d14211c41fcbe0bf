/* cli/launch.c: `slipway launch`: push an item, and see it through when asked to. */
#include <stdio.h>
#include <string.h>

#include "cli/config_file.h"
#include "cli/documents.h"
#include "cli/item.h"
#include "cli/logs.h"
#include "cli/queue_find.h"
#include "cli/template_args.h"
#include "cli/verbs.h"
#include "io/file.h"

enum { MAX_SPEC_BYTES = 1024 * 1024 };

/* The launch spec to start from: JSON text, or a JSON or YAML file. */
static int load_base(struct session *s, const char *given, struct jval **ret, struct err *e)
{
    struct str text = str_of(given);
    struct jval *spec = NULL;

    if (!given) {
        *ret = jval_new_object(s->a);
        return 0;
    }
    if (given[0] != '{' && file_read(s->io, s->a, given, MAX_SPEC_BYTES, &text, e))
        return err_wrap(e, "--config");
    if (config_parse(s->a, text, given[0] == '{' ? "--config" : given, &spec, e))
        return -e->code;
    if (!jval_is(spec, JVAL_OBJECT))
        return err_set(e, ERR_CONFIG, "--config: expected a launch spec, {\"overrides\": ...}, not a %s",
                       jval_type_name(jval_type(spec)));
    *ret = jval_copy(s->a, spec);
    return 0;
}

static struct jval *member_object(struct session *s, struct jval *parent, const char *key)
{
    const struct jval *there = jval_get(parent, key);
    struct jval *object = jval_is(there, JVAL_OBJECT) ? jval_copy(s->a, there) : jval_new_object(s->a);

    jval_set(s->a, parent, key, object);
    return object;
}

/* Words split at white space; quotes are for the shell that called us. */
static struct jval *split_words(struct session *s, const char *text)
{
    struct jval *list = jval_new_array(s->a);
    struct str rest = str_of(text);
    struct str word = { 0 };

    while (str_cut(&rest, ' ', &word))
        if (word.len)
            jval_push(s->a, list, jval_new_str(s->a, word));
    return list;
}

static void add_overrides(struct session *s, const struct args *a, struct jval *spec)
{
    struct jval *overrides = member_object(s, spec, "overrides");
    struct jval *args = jval_new_array(s->a);

    if (args_text(a, "entry-point"))
        jval_set(s->a, overrides, "entry_point", split_words(s, args_text(a, "entry-point")));
    for (size_t i = 0; i < args_operand_count(a); i++)
        jval_push(s->a, args, jval_new_cstr(s->a, args_operand(a, i)));
    if (jval_len(args))
        jval_set(s->a, overrides, "args", args);
}

static int build_spec(struct session *s, const struct args *a, const char *entity, struct jval **ret,
                      struct err *e)
{
    struct jval *spec = NULL;
    const char *project = args_text(a, "project");

    if (load_base(s, args_text(a, "config"), &spec, e))
        return -e->code;
    if (!jval_get(spec, "entity"))
        jval_set_cstr(s->a, spec, "entity", entity);
    if (project || !jval_get(spec, "project"))
        jval_set_cstr(s->a, spec, "project", project ? project : "uncategorized");
    if (args_text(a, "name"))
        jval_set_cstr(s->a, spec, "name", args_text(a, "name"));
    if (args_text(a, "image"))
        jval_set_cstr(s->a, member_object(s, spec, "docker"), "docker_image", args_text(a, "image"));
    if (!jval_path(spec, "docker.docker_image") && !jval_get(spec, "job") && !jval_get(spec, "image_uri") &&
        !jval_get(spec, "uri"))
        return err_set(e, ERR_USAGE,
                       "what is to run? give --image IMAGE (or docker.docker_image in --config)");
    add_overrides(s, a, spec);
    *ret = spec;
    return 0;
}

/* What --set-var says, with the types of the queue's own variables. */
static int add_template_values(struct session *s, const struct args *a, const char *entity,
                               struct jval *input, struct err *e)
{
    const char *const *given = args_list(a, "set-var");
    const struct jval *queue = NULL, *config = NULL;
    struct jval *variables = NULL, *values = NULL;

    if (!given[0])
        return 0;
    if (queue_find(s, entity, args_text(a, "queue"), &queue, e) ||
        queue_config(s, entity, queue, &config, e) || queue_template_variables(s->a, config, &variables, e) ||
        template_args(s->a, "--set-var", given, variables, &values, e))
        return -(int)e->code;
    jval_set(s->a, input, "templateVariableValues",
             jval_new_str(s->a, jval_text(s->a, values, JVAL_COMPACT)));
    return 0;
}

static int push(struct session *s, const struct args *a, const char **ret_item, struct err *e)
{
    static const char *const priorities[] = { "critical", "high", "medium", "low" };
    struct jval *input = jval_new_object(s->a);
    struct jval *variables = jval_new_object(s->a);
    struct jval *spec = NULL;
    const char *entity = NULL;
    const struct jval *data = NULL;

    if (session_entity(s, &entity, e) || build_spec(s, a, entity, &spec, e) ||
        add_template_values(s, a, entity, input, e))
        return -e->code;
    jval_set_cstr(s->a, input, "entityName", entity);
    jval_set_cstr(s->a, input, "projectName", QUEUE_PROJECT);
    jval_set_cstr(s->a, input, "queueName", args_text(a, "queue"));
    jval_set(s->a, input, "runSpec", jval_new_str(s->a, jval_text(s->a, spec, JVAL_COMPACT)));
    for (size_t i = 0; args_text(a, "priority") && i < ARRAY_LEN(priorities); i++)
        if (strcmp(args_text(a, "priority"), priorities[i]) == 0)
            jval_set_int(s->a, input, "priority", (int64_t)i);
    if (args_text(a, "priority") && !jval_get(input, "priority"))
        return err_set(e, ERR_USAGE, "--priority: \"%s\" is not critical, high, medium or low",
                       args_text(a, "priority"));
    jval_set(s->a, variables, "input", input);
    if (session_call(s, document_push, variables, &data, e))
        return e->code == ERR_NOT_FOUND
                   ? err_set(e, ERR_NOT_FOUND, "%s; 'slipway queue list' shows what there is", e->msg)
                   : -(int)e->code;
    *ret_item = arena_cstr(s->a, jval_str(jval_path(data, "pushToRunQueueByName.runQueueItemId")));
    if (!*ret_item)
        return err_set(e, ERR_NOT_FOUND,
                       "queue \"%s\" of %s took no item; 'slipway queue list' shows what there is",
                       args_text(a, "queue"), entity);
    return 0;
}

/* A log that cannot be read is no reason to lose sight of the item. */
static void follow_log(struct session *s, const struct args *a, const char *item, size_t *shown)
{
    const struct logs_options o = { .states_shown = shown, .to_stderr = args_json(a) };
    struct err e = { 0 };
    int rc = logs_follow(s, &item, 1, &o, &e);

    if (rc && rc != -ERR_CANCELLED)
        fprintf(stderr, "slipway: the log cannot be followed: %s; waiting for the end without it\n", e.msg);
}

static int see_through(struct session *s, const struct args *a, const char *item, struct err *e)
{
    const struct jval *last = NULL;
    size_t shown = 0;
    int rc;

    if (args_has(a, "follow"))
        follow_log(s, a, item, &shown);
    rc = item_wait(s, item, &shown, &last, e);
    if (rc)
        return rc;
    if (args_json(a))
        print_json(last);
    else
        item_print(last);
    return item_end_err(last, e);
}

static int launch(struct session *s, const struct args *a, struct err *e)
{
    const char *item = NULL;

    if (push(s, a, &item, e))
        return -e->code;
    if (args_has(a, "wait") || args_has(a, "follow"))
        return see_through(s, a, item, e);
    if (args_json(a))
        printf("{\"item\": \"%s\"}\n", item);
    else
        printf("Item %s is in queue %s.\nNext: slipway items show %s\n", item, args_text(a, "queue"), item);
    return 0;
}

static int launch_run(struct io *io, const struct args *a, struct err *e)
{
    if (!args_text(a, "queue"))
        return err_set(e, ERR_USAGE, "--queue NAME is missing; 'slipway queue list' shows what there is");
    return session_run(io, a, launch, e);
}

static const struct option_row launch_rows[] = {
    { "queue", 'q', OPTION_TEXT, "NAME", "the queue to push to", 0, 0 },
    { "image", 'd', OPTION_TEXT, "IMAGE", "container image to run (also docker.docker_image in --config)", 0,
      0 },
    { "project", 'p', OPTION_TEXT, "NAME", "W&B project of the run (default uncategorized)", 0, 0 },
    { "name", 0, OPTION_TEXT, "NAME", "name of the run", 0, 0 },
    { "entry-point", 'E', OPTION_TEXT, "COMMAND", "replaces the command, split at spaces", 0, 0 },
    { "config", 'c', OPTION_TEXT, "FILE|JSON", "launch spec to start from: overrides, resource_args", 0, 0 },
    { "set-var", 'v', OPTION_LIST, "NAME=VALUE", "value of a template variable of the queue", 0, 0 },
    { "priority", 'P', OPTION_TEXT, "LEVEL", "critical, high, medium or low, where the queue has priorities",
      0, 0 },
    { "wait", 'w', OPTION_FLAG, NULL, "wait for the end; exit 0 only when it finished", 0, 0 },
    { "follow", 'f', OPTION_FLAG, NULL, "wait, and print the job's log as it comes (on stderr with -o json)",
      0, 0 },
    OPTION_ENTITY,
    OPTION_URL,
    OPTION_OUTPUT,
    OPTION_END,
};

const struct verb verb_launch = {
    .name = "launch",
    .operands = "[-- ARG...]",
    .max_operands = -1,
    .summary = "push a job to a queue",
    .details = "ARGs after -- are the job's own arguments.",
    .examples = "  slipway launch -q gpu --image train:1 --follow -- --epochs 3\n"
                "  slipway launch -q gpu -d train:1 -c '{\"overrides\": {\"run_config\": {\"lr\": 0.1}}}' "
                "--wait -o json\n"
                "  slipway launch -q sizes -d train:1 --set-var gpu_count=2 --set-var dataset=coco",
    .rows = launch_rows,
    .run = launch_run,
};
