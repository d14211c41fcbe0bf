/* cli/main.c: finds the verb, runs it on the loop, turns its error into one line and an exit status. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
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

/* The verb that the first words name, the longest first; *ret_words says how many they are. */
static const struct verb *find_verb(int argc, char **argv, int *ret_words)
{
    const struct verb *found = NULL;

    *ret_words = 0;
    for (const struct verb *const *v = verb_table(); *v; v++) {
        struct str rest = str_of((*v)->name);
        struct str word = { 0 };
        int n = 0;
        bool same = true;

        while (same && str_cut(&rest, ' ', &word)) {
            same = n < argc && str_is(word, argv[n]);
            n++;
        }
        if (!same || n <= *ret_words)
            continue;
        *ret_words = n;
        found = *v;
    }
    return found;
}

static int print_text(const struct strbuf *b)
{
    fputs(strbuf_cstr(b), stdout);
    return fflush(stdout) ? 1 : 0;
}

/* "slipway queue": the verbs that begin so; or a word nobody knows. */
static int unknown_command(const char *word)
{
    bool group = false;

    for (const struct verb *const *v = verb_table(); *v; v++) {
        size_t len = strcspn((*v)->name, " ");

        if (strlen(word) == len && memcmp(word, (*v)->name, len) == 0) {
            fprintf(stderr, "%s  %-20s %s\n", group ? "" : "slipway: which one?\n", (*v)->name,
                    (*v)->summary);
            group = true;
        }
    }
    if (!group)
        fprintf(stderr, "slipway: no command \"%s\"; 'slipway --help' lists them\n", word);
    return err_exit_status(ERR_USAGE);
}

static int fail(const struct err *e)
{
    fprintf(stderr, "slipway: %s\n", e->msg);
    return err_exit_status(e->code);
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

int main(int argc, char **argv)
{
    AUTO_STRBUF struct strbuf text = STRBUF(64 * 1024);
    const struct verb *v = NULL;
    int words = 0;

    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_AUTO);
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        help_overview(&text);
        return print_text(&text);
    }
    if (strcmp(argv[1], "--version") == 0)
        return run(&verb_version, 0, NULL);
    if (called_as_wandb(argv[0]) && strcmp(argv[1], "launch-agent") != 0) {
        fprintf(stderr,
                "slipway: this `wandb` is a link to slipway, which answers `wandb launch-agent` only\n");
        return err_exit_status(ERR_USAGE);
    }
    v = find_verb(argc - 1, argv + 1, &words);
    return v ? run(v, argc - 1 - words, argv + 1 + words) : unknown_command(argv[1]);
}
