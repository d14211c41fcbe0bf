/* google/logging.h: reading a job's log lines from Cloud Logging (entries:list). */
#pragma once

#include "google/google.h"

struct log_line {
    struct str timestamp, insert_id, severity, task, text; /* task: "workerpool0-0" or "service" */
};
struct log_query {
    struct str gcp_project, job_id;
    struct str since;                            /* a timestamp; absent: from the first line */
    struct str after_timestamp, after_insert_id; /* of the last line seen; when present, @since is not used */
};
/** logging_read() - lines of one job, oldest first, at most 1000. Yields. */
NODISCARD int logging_read(struct google *g, struct arena *a, const struct log_query *q,
                           struct log_line **ret, size_t *ret_len, struct err *e);
