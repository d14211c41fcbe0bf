/* google/logging.h: reading a job's log lines from Cloud Logging (entries:list). */
#pragma once

#include "google/google.h"

struct log_line {
    struct str timestamp, insert_id, severity, task, text; /* task: "workerpool0-0" or "service" */
};
/** logging_read() - lines of one job after (@after_timestamp, @after_insert_id) (absent: from @since), oldest
 * first, at most 1000. Yields. */
NODISCARD int logging_read(struct google *g, struct arena *a, struct str gcp_project, struct str job_id,
                           struct str since, struct str after_timestamp, struct str after_insert_id,
                           struct log_line **ret, size_t *ret_len, struct err *e);
