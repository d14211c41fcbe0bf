/* cli/queue_validate.c: `slipway queue validate`: all that is wrong with queue configs. Talks to nobody. */
#include <stdio.h>

#include "cli/config_file.h"
#include "cli/session.h"
#include "cli/verbs.h"
#include "launch/render.h"

struct validation {
    struct io *io;
    bool json;
    struct jval *list; /* of all problems */
    size_t errors, warnings, files;
};

/* -code only when a file cannot be read at all; what is in it is a problem, not an error of ours. */
static int check_file(struct validation *v, struct arena *a, const char *path, struct err *e)
{
    struct config_file f = { 0 };
    int rc = config_read(v->io, a, path, &f, e);
    struct problems p = { .a = a, .file = f.name };
    struct err unused = { 0 };

    if (rc && rc != -ERR_CONFIG && rc != -ERR_LIMIT)
        return rc;
    if (rc)
        problem_of_err(&p, e);
    else
        (void)!queue_config_check(f.config, &p, &unused);
    v->errors += p.errors;
    v->warnings += p.warnings;
    v->files += p.errors > 0;
    for (size_t i = 0; v->json && i < p.len; i++)
        jval_push(a, v->list, problem_value(a, &p, &p.items[i]));
    if (!v->json)
        problems_print(stdout, &p);
    if (!v->json && p.errors == 0)
        printf("%s: ok\n", f.name);
    return 0;
}

static int validate_run(struct io *io, const struct args *args, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct validation v = { .io = io, .json = args_json(args), .list = jval_new_array(a) };

    for (size_t i = 0; i < args_operand_count(args); i++) {
        if (check_file(&v, a, args_operand(args, i), e))
            return -(int)e->code;
    }
    if (v.json)
        print_json(v.list);
    if (v.errors > 0)
        return err_set(e, ERR_FOUND, "%zu error%s in %zu file%s", v.errors, v.errors == 1 ? "" : "s", v.files,
                       v.files == 1 ? "" : "s");
    if (v.warnings > 0 && args_has(args, "strict"))
        return err_set(e, ERR_FOUND, "%zu warning%s, which --strict takes for errors", v.warnings,
                       v.warnings == 1 ? "" : "s");
    return 0;
}

static const struct option_row validate_rows[] = {
    { "strict", 0, OPTION_FLAG, NULL, "take warnings for errors", 0, 0 },
    OPTION_OUTPUT,
    OPTION_END,
};

const struct verb verb_queue_validate = {
    .name = "queue validate",
    .operands = "FILE...",
    .min_operands = 1,
    .max_operands = -1,
    .summary = "say all that is wrong with queue configs",
    .details =
        "FILEs are queue configs, YAML or JSON; \"-\" reads standard input. Nothing is sent. Each problem "
        "is one\nline: file, line, column, path, what is wrong. Exit status 1 when there is an error. -o "
        "json prints a\nlist of {file, line, column, path, severity, message, expected, suggestion} for "
        "editors.",
    .examples = "  slipway queue validate examples/queues/*.yaml\n"
                "  slipway queue validate queue.yaml --strict -o json",
    .rows = validate_rows,
    .run = validate_run,
};
