/* emulator/emulator_internal.h: what the emulator's parts share. Loop thread only. */
#pragma once

#include "base/map.h"
#include "emulator/capacity.h"
#include "emulator/emulator.h"
#include "emulator/google_error.h"
#include "emulator/image_table.h"
#include "emulator/store.h"

struct run; /* a live job: run.c */
struct log_queue;

struct emulator {
    struct io *io;
    struct arena *a; /* as long as the emulator */
    struct db *db;
    double speed;
    int64_t list_lag_ms;
    const char *gcp_project;
    const char *account; /* e-mail address of the metadata server's service account */
    bool require_auth;
    struct image_table images;
    struct capacity *capacity;
    const char *data_dir;
    const char *home;      /* HOME of the containers */
    struct str token_key;  /* what our tokens are signed with */
    struct group *runs;    /* a fiber per live job */
    struct map *live;      /* job id as text to struct run */
    struct cond changed;   /* a live job changed its state or ended */
    struct log_queue *log; /* log_queue.c */
};

/* --- names (names.c) --------------------------------------------------------------------------------------
 */
/** gcp_number_of() - a project's number: the text itself when it is one, else 12 digits that are always the
 * same. */
int64_t gcp_number_of(struct str gcp_project);
/** new_resource_id() - 19 digits. */
int64_t new_resource_id(struct io *io);

/* --- captured lines (log_queue.c)
 * --------------------------------------------------------------------------- */
struct log_queue *log_queue_new(struct emulator *m);
/** log_queue_free() - writes what is waiting, then ends. Yields. */
void log_queue_free(struct log_queue *q);
/** log_line() - take one line (copied). Yields while more than 4 MiB wait. */
void log_line(struct emulator *m, int64_t job_id, const char *task, const char *severity, struct str text);
/** log_flush() - until all that was taken is on disk. Yields. */
void log_flush(struct emulator *m);

/* --- live jobs (run.c)
 * --------------------------------------------------------------------------------------- */
/** run_start() - see @row through to its end on a fiber of its own; the strings are copied. */
void run_start(struct emulator *m, const struct job_row *row);
/** run_cancel() - ask for the end of a live job and wait until that is on disk. Yields. Ended already is
 * success. */
NODISCARD int run_cancel(struct emulator *m, int64_t job_id, struct err *e);
/** leftovers_kill() - end process groups that survived the emulator they belonged to. */
void leftovers_kill(struct emulator *m);

/* --- services: each answers its paths
 * --------------------------------------------------------------------------- */
/* One request on a Vertex path: /v1/projects/P/locations/L/COLLECTION/ID:VERB. Absent parts are absent. */
struct vertex_path {
    struct str gcp_project, collection, id, verb;
    struct resource_name name; /* its id is 0 when @id is absent or not a number */
};
void serve_custom_jobs(struct emulator *m, struct http_exchange *x, const struct vertex_path *p);
void serve_operations(struct emulator *m, struct http_exchange *x, const struct vertex_path *p);
void serve_locations(struct http_exchange *x, const struct vertex_path *p);
void serve_log_entries(struct emulator *m, struct http_exchange *x);
void serve_token(struct emulator *m, struct http_exchange *x);
void serve_metadata(struct emulator *m, struct http_exchange *x);
/** reply_internal() - an ERR_* of ours as INTERNAL (or UNAVAILABLE when we are being stopped). */
void reply_internal(struct http_exchange *x, const struct err *e);
/** read_body() - the request's JSON object; an empty body is {}. -ERR_INVALID with @r. */
NODISCARD int read_body(struct http_exchange *x, struct refusal *r, struct jval **ret);
/** reply_not_found() - Google's answer to a path or method it does not know. */
void reply_not_found(struct http_exchange *x);
