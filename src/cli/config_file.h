/* cli/config_file.h: configs from files, and what is wrong with them as text. */
#pragma once

#include "base/problems.h"
#include "io/io.h"

/**
 * config_load() - the config in @path, JSON or YAML; "-" is standard input. At most 1 MiB. Blocks.
 * Errors say file, line and column. -ERR_CONFIG for wrong text, -ERR_NOT_FOUND, -ERR_LIMIT, -ERR_OS.
 */
NODISCARD int config_load(struct io *io, struct arena *a, const char *path, struct jval **ret, struct err *e);
/** config_parse() - the same from text that is here already; @name is how errors call it. */
NODISCARD int config_parse(struct arena *a, struct str text, const char *name, struct jval **ret,
                           struct err *e);
/** config_name() - how messages call @path. */
const char *config_name(const char *path);
/** problems_print() - one line each, on standard error. */
void problems_print(const struct problems *p);
