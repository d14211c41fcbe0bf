/*
 * google/logging.h: reading jobs' log lines from Cloud Logging (entries:list).
 *
 * A project may be read 60 times a minute by default, by all who read it (reference
 * vertex-and-google-auth.md section 8): one call for many jobs, and callers that keep a budget.
 */
#pragma once

#include "google/google.h"

enum {
    LOG_JOBS_MAX = 500, /* in one query: a filter has at most 20,000 characters */
    LOG_READS_A_MINUTE = 60
};
struct log_line {
    struct str job_id, timestamp, insert_id, severity, task, text; /* task: "workerpool0-0" or "service" */
};
struct log_query {
    struct str gcp_project;
    const struct str *job_ids; /* numbers, the last part of a Vertex job's name */
    size_t job_count;          /* 1 to LOG_JOBS_MAX */
    struct str since;          /* a timestamp; absent: from the first line */
    struct str page_token;     /* of the page before; the rest of the query is to be the same. Absent: none */
};
struct log_page {
    struct log_line *lines; /* oldest first */
    size_t len;             /* at most 1000; a long search gives empty pages, and goes on */
    struct str next_token;  /* absent: that was all for now */
};
/** logging_read() - one page of the jobs' lines with one request, in @a. Yields. */
NODISCARD int logging_read(struct google *g, struct arena *a, const struct log_query *q, struct log_page *ret,
                           struct err *e);
