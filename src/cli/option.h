/*
 * cli/option.h: command lines as tables. One row is the flag, its help and its check; parsing, --help and the
 * shell completions are made from the same table.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"

enum option_kind {
    OPTION_FLAG,  /* --wait */
    OPTION_COUNT, /* -vv */
    OPTION_TEXT,  /* --entity NAME */
    OPTION_INT,   /* --max-jobs N, within [min, max] */
    OPTION_LIST   /* --queue NAME, may be repeated */
};
struct option_row {
    const char *name; /* without dashes */
    char letter;      /* 0: none */
    enum option_kind kind;
    const char *arg; /* what --help calls the value: "NAME", "FILE", "DIR"; NULL for FLAG and COUNT */
    const char *help;
    int64_t min, max; /* INT only */
};

struct args;
struct io;

struct verb {
    const char *name;               /* "queue create" */
    const char *operands;           /* "NAME FILE"; "" none */
    int min_operands, max_operands; /* max -1: any number */
    const char *summary;            /* one line, lower case, no full stop */
    const char *details;            /* paragraphs for --help; may be NULL */
    const char *examples;           /* lines; never NULL */
    const struct option_row *rows;  /* ended by a row without a name */
    /** Runs on a fiber. Results on stdout, messages on stderr. */
    int (*run)(struct io *io, const struct args *a, struct err *e);
};

/**
 * args_parse() - @argv are the words after the verb. Options and operands may be mixed; "--" ends options;
 * "--name=value" works. *ret_help is set when -h or --help was given (nothing else is checked then).
 * -ERR_USAGE names the word that is wrong. Strings borrow from @argv.
 */
NODISCARD int args_parse(const struct verb *v, int argc, char **argv, struct args **ret, bool *ret_help,
                         struct err *e);
void args_free(struct args *a); /* NULL is a no-op */
DEFINE_AUTO(args, args_free)

/* Asking for a name that is not in the verb's table is a bug and aborts. */
bool args_has(const struct args *a, const char *name);
const char *args_text(const struct args *a, const char *name); /* NULL when not given */
int64_t args_int(const struct args *a, const char *name, int64_t when_absent);
int64_t args_count(const struct args *a, const char *name);           /* COUNT: how often; FLAG: 0 or 1 */
const char *const *args_list(const struct args *a, const char *name); /* NULL-ended, maybe empty */
const char *args_operand(const struct args *a, size_t index);         /* NULL when there are fewer */
size_t args_operand_count(const struct args *a);
bool args_json(const struct args *a); /* -o json */

/* Rows that many verbs share; put them in a table by name. */
#define OPTION_OUTPUT                                                                                        \
    {                                                                                                        \
        "output", 'o', OPTION_TEXT, "text|json", "how to print results (default text)", 0, 0                 \
    }
#define OPTION_ENTITY                                                                                        \
    {                                                                                                        \
        "entity", 'e', OPTION_TEXT, "NAME", "user or team that owns the queue (WANDB_ENTITY)", 0, 0          \
    }
#define OPTION_URL                                                                                           \
    {                                                                                                        \
        "url", 0, OPTION_TEXT, "URL", "server, instead of WANDB_BASE_URL and the settings file", 0, 0        \
    }
#define OPTION_END                                                                                           \
    {                                                                                                        \
        NULL, 0, OPTION_FLAG, NULL, NULL, 0, 0                                                               \
    }
