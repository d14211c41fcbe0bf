/* cli/main.c: finds the verb, runs it on the loop, turns its error into one line and an exit status. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/verbs.h"
#include "io/real.h"

struct invocation {
    const struct verb *verb;
    struct args *args;
};

static int run_verb(struct io *io, void *arg, struct err *e)
{
    struct invocation *inv = arg;

    return inv->verb->run(io, inv->args, e);
}

static int print_text(const struct strbuf *b)
{
    fputs(strbuf_cstr(b), stdout);
    return fflush(stdout) ? 1 : 0;
}

static int fail(const struct err *e)
{
    if (e->msg[0])
        fprintf(stderr, "slipway: %s\n", e->msg);
    return err_exit_status(e->code);
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* A link called `wandb` makes the binary answer "wandb launch-agent ..." and nothing else of the W&B CLI. */
static bool called_as_wandb(const char *argv0)
{
    const char *slash = argv0 ? strrchr(argv0, '/') : NULL;
    const char *name = slash ? slash + 1 : argv0;

    return name && strcmp(name, "wandb") == 0;
}

static int run(const struct verb *v, int argc, char **argv)
{
    AUTO_PTR(args) args = NULL;
    AUTO_STRBUF struct strbuf text = STRBUF(64 * 1024);
    struct invocation inv = { .verb = v };
    struct err e = { 0 };
    bool help = false;

    if (args_parse(v, argc, argv, &args, &help, &e))
        return fail(&e);
    if (help) {
        help_verb(&text, v);
        return print_text(&text);
    }
    inv.args = args;
    return io_real_run(run_verb, &inv, &e) ? fail(&e) : 0;
}

/* Help on what the words name: everything, the commands that begin so, or one command. */
static int show_help(int argc, char **argv)
{
    AUTO_STRBUF struct strbuf text = STRBUF(64 * 1024);
    struct err e = { 0 };
    const struct verb *v = NULL;
    int words = 0;

    if (argc == 0) {
        help_overview(&text);
        return print_text(&text);
    }
    if (command_is_group(argc, argv) && !(command_find(argc, argv, &words) && words == argc)) {
        help_group(&text, argc, argv);
        return print_text(&text);
    }
    v = command_find(argc, argv, &words);
    if (!v) {
        (void)command_unknown(argc, argv, &e);
        return fail(&e);
    }
    help_verb(&text, v);
    return print_text(&text);
}

static int dispatch(int argc, char **argv)
{
    struct err e = { 0 };
    int words = 0;
    const struct verb *v = command_find(argc, argv, &words);

    /* a verb without operands may begin others: "emulator", "emulator account create" */
    if (v &&
        !(v->max_operands == 0 && argc > words && argv[words][0] != '-' && command_is_group(words, argv)))
        return run(v, argc - words, argv + words);
    if (is_help(argv[argc - 1]) && command_is_group(argc - 1, argv))
        return show_help(argc - 1, argv);
    (void)command_unknown(argc, argv, &e);
    return fail(&e);
}

int main(int argc, char **argv)
{
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_AUTO);
    if (argc < 2 || is_help(argv[1]))
        return show_help(0, NULL);
    if (strcmp(argv[1], "help") == 0)
        return show_help(argc - 2, argv + 2);
    if (strcmp(argv[1], "--version") == 0)
        return run(&verb_version, 0, NULL);
    if (called_as_wandb(argv[0]) && strcmp(argv[1], "launch-agent") != 0) {
        fprintf(stderr,
                "slipway: this `wandb` is a link to slipway, which answers `wandb launch-agent` only\n");
        return err_exit_status(ERR_USAGE);
    }
    return dispatch(argc - 1, argv + 1);
}
