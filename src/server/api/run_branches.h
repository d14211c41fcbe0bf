/* server/api/run_branches.h: runs that begin where another was at a step. */
#pragma once

#include "server/api/api.h"

/** run_fork() - when @config of a run that is to be upserted says that it begins where another was: it is
 * there afterwards, with that one's history. A run that has this branch point already is left as it is, and
 * so is one that names itself. Yields. Errors: those of store_run_fork(); -ERR_INVALID: the step. */
NODISCARD int run_fork(struct gql_call *c, const struct store_run_upsert *u, const struct jval *config,
                       struct err *e);
