/* cli/version.c: `slipway version` and `slipway completion`. */
#include <stdio.h>
#include <string.h>

#include "cli/help.h"
#include "cli/verbs.h"

static int version_run(struct io *io, const struct args *a, struct err *e)
{
    if (args_json(a))
        printf("{\"version\":\"%s\"}\n", SLIPWAY_VERSION);
    else
        printf("slipway %s\n", SLIPWAY_VERSION);
    return 0;
}

static const struct option_row version_rows[] = { OPTION_OUTPUT, OPTION_END };

const struct verb verb_version = {
    .name = "version",
    .operands = "",
    .summary = "print the version",
    .examples = "  slipway version -o json",
    .rows = version_rows,
    .run = version_run,
};

static int completion_run(struct io *io, const struct args *a, struct err *e)
{
    AUTO_STRBUF struct strbuf text = STRBUF(64 * 1024);
    const char *shell = args_operand(a, 0);

    if (strcmp(shell, "bash") == 0)
        completion_bash(&text);
    else if (strcmp(shell, "zsh") == 0)
        completion_zsh(&text);
    else
        return err_set(e, ERR_USAGE, "completion for \"%s\" is not known; bash and zsh are", shell);
    fputs(strbuf_cstr(&text), stdout);
    return 0;
}

static const struct option_row completion_rows[] = { OPTION_END };

const struct verb verb_completion = {
    .name = "completion",
    .operands = "bash|zsh",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "print the completion script of a shell",
    .examples = "  source <(slipway completion bash)\n  source <(slipway completion zsh)",
    .rows = completion_rows,
    .run = completion_run,
};
