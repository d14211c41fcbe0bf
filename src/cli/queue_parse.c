/* cli/queue_parse.c: `slipway queue parse`: the template variables of a config. Talks to nobody. */
#include <stdio.h>

#include "cli/config_file.h"
#include "cli/session.h"
#include "cli/verbs.h"
#include "launch/template.h"

/* Where one variable stands: "queue.yaml:7:22, 9:4". A token in a comment is none of the tree's variables. */
static void print_places(const char *file, struct str name, const struct template_use *uses, size_t len)
{
    bool first = true;

    for (size_t i = 0; i < len; i++) {
        if (!str_eq(uses[i].name, name))
            continue;
        printf("%s%s%u:%u", first ? file : ", ", first ? ":" : "", uses[i].pos.line, uses[i].pos.column);
        first = false;
    }
}

static void print_variables(struct arena *a, const struct config_file *f, const struct jval *variables)
{
    const struct template_use *uses = NULL;
    size_t len = template_uses(a, f->text, &uses);

    if (jval_len(variables) == 0)
        printf("%s: no template variables\n", f->name);
    for (size_t i = 0; i < jval_len(variables); i++) {
        struct str name = jval_key_at(variables, i);
        const struct jval *schema = jval_get(jval_at(variables, i), "schema");

        print_places(f->name, name, uses, len);
        printf(": {{%.*s}} %.*s\n", STR_ARG(name), STR_ARG(jval_text(a, schema, JVAL_PYTHON)));
    }
}

static int parse_run(struct io *io, const struct args *args, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct config_file f = { 0 };
    const struct jval *variables;

    if (config_read(io, a, args_operand(args, 0), &f, e))
        return -(int)e->code;
    variables = template_propose(a, f.config, !args_has(args, "no-suggestions"));
    if (args_json(args))
        print_json(variables);
    else
        print_variables(a, &f, variables);
    return 0;
}

static const struct option_row parse_rows[] = {
    { "no-suggestions", 0, OPTION_FLAG, NULL, "types only, no lists of known machines and accelerators", 0,
      0 },
    OPTION_OUTPUT,
    OPTION_END,
};

const struct verb verb_queue_parse = {
    .name = "queue parse",
    .operands = "FILE",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "list the template variables of a queue config",
    .details =
        "FILE is a queue config, YAML or JSON; \"-\" reads standard input. Each {{x}} in it is a variable "
        "that a launch\nfills in. What each may be is proposed from where it stands: edit it, add "
        "\"default\", \"minimum\",\n\"maximum\", \"enum\" or \"pattern\". -o json prints it as 'slipway "
        "queue "
        "create --template-variables' takes it.",
    .examples = "  slipway queue parse queue.yaml\n"
                "  slipway queue parse queue.yaml -o json > variables.json",
    .rows = parse_rows,
    .run = parse_run,
};
