/* cli/config_file.h: a queue config from a file, and what is wrong with it as text. */
#pragma once

#include "base/problems.h"
#include "io/io.h"

/**
 * config_load() - the queue config in @path, JSON or YAML; "-" is standard input. At most 1 MiB. Blocks.
 * Errors say file, line and column.
 */
NODISCARD int config_load(struct io *io, struct arena *a, const char *path, struct jval **ret, struct err *e);
/** config_name() - how messages call @path. */
const char *config_name(const char *path);
/** problems_print() - one line each, on standard error. */
void problems_print(const struct problems *p);
