/* cli/template_args.h: values of template variables from the command line: NAME=VALUE. */
#pragma once

#include "base/jval.h"

/**
 * template_args() - {NAME: value} of @list (NULL-ended), each value of the type that @variables gives its
 * name.
 * @option is what an error calls them, "--var". -ERR_USAGE.
 */
NODISCARD int template_args(struct arena *a, const char *option, const char *const *list,
                            const struct jval *variables, struct jval **ret, struct err *e);
