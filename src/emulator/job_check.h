/* emulator/job_check.h: the checks that Vertex makes on a well-formed CustomJob before it takes it. Pure. */
#pragma once

#include "emulator/google_error.h"

/**
 * job_check() - @custom_job is canonical (proto_read()); @location is the region of the request.
 * Returns 0, or -ERR_INVALID with @r as Vertex says it: "List of found errors:\t1.Field: F; Message: M\t" and
 * a BadRequest detail with one violation each. Labels and repeated environment names have texts of their own.
 */
NODISCARD int job_check(struct refusal *r, const struct jval *custom_job, struct str location);
