/* google/vertex.h: Vertex AI custom jobs over REST. */
#pragma once

#include "google/google.h"

/* What we read of a CustomJob; strings from the caller's arena. */
struct vertex_job {
    struct str name;          /* projects/N/locations/R/customJobs/ID */
    struct str state;         /* "JOB_STATE_..." as sent */
    struct str error_message; /* absent unless FAILED or CANCELLED */
    int64_t error_code;       /* google.rpc code; 0 none */
    struct str create_time, start_time;
    const struct jval *labels;
};
struct vertex_jobs { /* in the caller's arena */
    struct vertex_job *at;
    size_t len;
};
/* For a filter: the states of jobs that have not ended. */
#define VERTEX_LIVE_STATES                                                                                   \
    "(state=\"JOB_STATE_QUEUED\" OR state=\"JOB_STATE_PENDING\" OR state=\"JOB_STATE_RUNNING\" OR "          \
    "state=\"JOB_STATE_CANCELLING\" OR state=\"JOB_STATE_UPDATING\" OR state=\"JOB_STATE_PAUSED\")"
struct vertex_place {
    struct str gcp_project, region;
    bool v1beta1;           /* for a create whose request has fields that v1 does not know; else v1 */
    int64_t send_before_ms; /* likewise: as google_request's */
};
/** vertex_create() - @request is the JSON text to send (it may hold secrets; wiped by the caller). Never
 * retried here. Yields. */
NODISCARD int vertex_create(struct google *g, struct arena *a, const struct vertex_place *where,
                            struct str request, struct vertex_job *ret, struct err *e);
NODISCARD int vertex_get(struct google *g, struct arena *a, struct str name, struct vertex_job *ret,
                         struct err *e);
struct vertex_env {
    const char *name;
    struct str value; /* absent: the job has no such variable, or it is no plain one */
};
/** vertex_get_env() - the values of some variables of a job's first worker pool, in @a. @vars ends with a
 * NULL name. They are copied out of memory that is overwritten, so ask for none that is a secret. Yields. */
NODISCARD int vertex_get_env(struct google *g, struct arena *a, struct str name, struct vertex_env *vars,
                             struct err *e);
struct vertex_list {
    const struct vertex_place *where;
    struct str filter; /* AIP-160 text */
};
enum { VERTEX_PAGE_JOBS = 100 }; /* at most; as Vertex allows */
/** vertex_visit_fn - @job lives until it returns; it may yield. What is not 0 ends the list, and is what
 * vertex_each() returns: a negative code with @e, or a number of the caller's. */
typedef int (*vertex_visit_fn)(void *ctx, const struct vertex_job *job, struct err *e);
/** vertex_each() - the jobs of a filter, readMask'd to what struct vertex_job holds. One page of
 * them is in memory at a time. Yields. */
NODISCARD int vertex_each(struct google *g, const struct vertex_list *list, vertex_visit_fn visit, void *ctx,
                          struct err *e);
/** vertex_list() - the same, all at once, in @a. Yields. */
NODISCARD int vertex_list(struct google *g, struct arena *a, const struct vertex_place *where,
                          struct str filter, struct vertex_jobs *ret, struct err *e);
/** vertex_cancel() - ask for the end of a job; one that has ended already is success. Yields. */
NODISCARD int vertex_cancel(struct google *g, struct str name, struct err *e);
