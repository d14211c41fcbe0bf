/* cli/config_file.h: configs from files, and what is wrong with them as text. */
#pragma once

#include <stdio.h>

#include "base/problems.h"
#include "io/io.h"

struct config_file {
    const char *name; /* how messages call it: the path, "<stdin>" for "-" */
    struct str text;
    const struct jval *config; /* NULL: the text is not JSON or YAML */
};
/**
 * config_read() - the queue config in @path, JSON or YAML, in which {{name}} may stand bare; "-" is standard
 * input. At most 1 MiB. Blocks. Errors say file, line and column: -ERR_CONFIG for wrong text, which is kept
 * in *ret with its name; -ERR_NOT_FOUND, -ERR_LIMIT, -ERR_OS.
 */
NODISCARD int config_read(struct io *io, struct arena *a, const char *path, struct config_file *ret,
                          struct err *e);
/** config_load() - another config, where only the tree is wanted and braces are plain JSON or YAML. */
NODISCARD int config_load(struct io *io, struct arena *a, const char *path, struct jval **ret, struct err *e);
/** config_parse() - the same from text that is here already; @name is how errors call it. */
NODISCARD int config_parse(struct arena *a, struct str text, const char *name, struct jval **ret,
                           struct err *e);
/** problems_print() - one line each. */
void problems_print(FILE *to, const struct problems *p);
/** problem_value() - as an editor reads it: file, line, column, path, severity, message, expected,
 * suggestion.
 */
struct jval *problem_value(struct arena *a, const struct problems *p, const struct problem *item);
/** problem_of_err() - what config_read() said, as a problem of the file. */
void problem_of_err(struct problems *p, const struct err *e);
