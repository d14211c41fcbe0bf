/*
 * emulator/store.h: what the emulator remembers: jobs, delete operations, captured log lines, running
 * processes.
 *
 * One SQLite file (0600: job bodies hold their environment, which may hold secrets). Writes yield until they
 * are durable; reads are immediate and see committed state.
 */
#pragma once

#include "emulator/job_rules.h"
#include "io/db.h"

NODISCARD int job_store_open(struct io *io, const char *path, bool fast_and_unsafe, struct db **ret,
                             struct err *e);

/** store_secret() - a value made at the first start and kept: 64 hex digits in @a. Yields. */
NODISCARD int store_secret(struct db *d, struct io *io, struct arena *a, struct str *ret, struct err *e);

/* projects/GCP_NUMBER/locations/LOCATION/COLLECTION/ID: which job or operation is meant. */
struct resource_name {
    int64_t gcp_number;
    struct str location;
    int64_t id; /* 0 names none */
};

/* --- jobs ------------------------------------------------------------------------------------------------
 */
struct job_row {
    int64_t seq;            /* order of creation; set by store_add_job() */
    int64_t id;             /* 19 digits */
    int64_t gcp_number;     /* the project's number */
    struct str gcp_project; /* as the creator called it */
    struct str location, display_name;
    struct str labels; /* JSON object, "{}" for none */
    struct str body;   /* canonical CustomJob without output fields, JSON */
    enum job_state state;
    int64_t create_ms, start_ms, end_ms, update_ms; /* Unix; 0 not yet */
    int64_t error_code;                             /* enum rpc_code; 0 none */
    struct str error_message;
    int64_t restarts;    /* whole-job restarts so far */
    struct str host_tag; /* 10 hex digits */
};
/** store_add_job() - -ERR_CONFLICT when the id is taken. Yields. */
NODISCARD int store_add_job(struct db *d, struct job_row *row, struct err *e);
/** store_update_job() - state, times, error and restarts of @row->id. Yields. */
NODISCARD int store_update_job(struct db *d, const struct job_row *row, struct err *e);
/** store_get_job() - into @a. -ERR_NOT_FOUND when this project and location have no such job. */
NODISCARD int store_get_job(struct db *d, struct arena *a, const struct resource_name *name,
                            struct job_row *ret, struct err *e);
/** job_visit_fn - @row borrows from the statement; false stops. */
typedef bool (*job_visit_fn)(const struct job_row *row, void *ctx);
struct job_scan {
    int64_t gcp_number;
    struct str location;
    int64_t before_seq; /* only those below; INT64_MAX: all */
};
/** store_each_job() - newest first. */
NODISCARD int store_each_job(struct db *d, const struct job_scan *scan, job_visit_fn fn, void *ctx,
                             struct err *e);
/** store_each_live_job() - of all projects, oldest first. */
NODISCARD int store_each_live_job(struct db *d, job_visit_fn fn, void *ctx, struct err *e);

/* --- operations --------------------------------------------------------------------------------------------
 */
struct operation_row {
    struct resource_name name;
    int64_t create_ms, done_ms; /* done from then on */
};
/** store_delete_job() - the job, its lines and processes go, the operation comes, in one step. -ERR_NOT_FOUND
 * when the job is not there or not terminal any more. Yields. */
NODISCARD int store_delete_job(struct db *d, int64_t job_id, const struct operation_row *op, struct err *e);
/** store_get_operation() - -ERR_NOT_FOUND when there is none; the row's name borrows from @name. */
NODISCARD int store_get_operation(struct db *d, const struct resource_name *name, struct operation_row *ret,
                                  struct err *e);

/* --- log lines ---------------------------------------------------------------------------------------------
 */
struct line_row {
    int64_t seq; /* order of capture; the insertId */
    int64_t job_id, time_ms;
    struct str task; /* "workerpool0-0", "service" */
    struct str severity, text;
    /* of the job; reading only */
    int64_t gcp_number;
    struct str gcp_project;
};
/** store_add_lines() - those of jobs that are still there. Yields. */
NODISCARD int store_add_lines(struct db *d, const struct line_row *rows, size_t count, struct err *e);
struct line_scan {
    int64_t job_id; /* 0: all */
    bool newest_first;
    int64_t time_ms, seq; /* only lines behind this point, in the order of the scan */
};
typedef bool (*line_visit_fn)(const struct line_row *row, void *ctx);
NODISCARD int store_each_line(struct db *d, const struct line_scan *scan, line_visit_fn fn, void *ctx,
                              struct err *e);

/* --- processes that may be left over
 * ------------------------------------------------------------------------ */
/** store_set_process() - the process group of a replica; @pid 0 forgets all of the job's. Yields. */
NODISCARD int store_set_process(struct db *d, int64_t job_id, const char *task, int64_t pid, struct err *e);
typedef void (*process_visit_fn)(int64_t job_id, int64_t pid, void *ctx);
NODISCARD int store_each_process(struct db *d, process_visit_fn fn, void *ctx, struct err *e);
