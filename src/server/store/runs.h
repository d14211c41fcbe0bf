/* server/store/runs.h: runs, what they log, and the files they uploaded. */
#pragma once

#include "io/io.h"
#include "server/states.h"
#include "server/store/audit.h"
#include "server/store/page.h"

struct store;

struct store_run {
    int64_t id;
    int64_t project_id;
    struct str name; /* the run's id in W&B's words: 8 characters */
    struct str project_name, entity_name;
    int64_t entity_id;
    enum run_state state;
    struct str display_name, description, notes, group_name, job_type, host, program, repo, commit, sweep;
    struct str config, summary; /* JSON text; absent: none yet */
    struct str tags;            /* JSON list text; absent: none */
    struct str username;        /* who made it */
    struct str item_uid;        /* of the queue item behind it; absent: none */
    bool stop_asked, has_exit_code;
    int64_t exit_code;
    int64_t history_lines, events_lines, log_lines;
    int64_t history_packed, events_packed; /* lines before are in columns: history.h */
    int64_t created_unix_ms, heartbeat_unix_ms;
};
/* UpsertBucket. Absent texts leave an existing run's value alone. */
struct store_run_upsert {
    int64_t project_id;
    struct str name, display_name, description, notes, group_name, job_type, host, program, repo, commit,
        sweep;
    struct str config, summary, tags;
    struct str state;    /* "pending" makes a run ahead of its start; absent: it is starting */
    struct str item_uid; /* from its config: ties it to an item that named this run */
    int64_t user_id;
    int64_t now_unix_ms;
};
NODISCARD int store_run_upsert(struct store *s, struct arena *a, const struct store_run_upsert *u,
                               struct store_run *ret, bool *ret_made, struct err *e);
NODISCARD int store_run_by_name(struct store *s, struct arena *a, int64_t project_id, struct str name,
                                struct store_run *ret, struct err *e);
NODISCARD int store_run_by_id(struct store *s, struct arena *a, int64_t id, struct store_run *ret,
                              struct err *e);
struct store_run_query {
    int64_t project_id;
    struct store_page page; /* positions are ids */
};
/** store_run_list() - newest first, or as the page says. */
NODISCARD int store_run_list(struct store *s, struct arena *a, const struct store_run_query *q,
                             struct store_run **ret, size_t *ret_len, struct err *e);
NODISCARD int store_run_count(struct store *s, int64_t project_id, int64_t *ret, struct err *e);
/** store_run_set_state() - updateRunState. Its item follows. */
NODISCARD int store_run_set_state(struct store *s, int64_t run_id, enum run_state state, int64_t now_unix_ms,
                                  struct err *e);
/** store_run_ask_stop() - remember that @who wants it to end; also on its item. */
NODISCARD int store_run_ask_stop(struct store *s, int64_t run_id, const struct store_by *by, struct err *e);
/** store_run_delete() - nobody finds it any more, and another may have its name. Its lines and the bytes of
 * its files go with the next passes (retention.h); artifacts that it logged stay. -ERR_NOT_FOUND. */
NODISCARD int store_run_delete(struct store *s, int64_t run_id, const struct store_by *by, struct err *e);

enum run_stream { RUN_HISTORY, RUN_EVENTS, RUN_OUTPUT, RUN_STREAM_COUNT_ };
struct store_post_lines {
    enum run_stream stream;
    int64_t offset; /* line number of the first; a line that is there already is replaced */
    const struct str *lines;
    size_t len;
};
struct store_post { /* one file_stream request */
    int64_t run_id;
    const struct store_post_lines *parts;
    size_t part_count;
    struct str summary;         /* JSON text; absent: unchanged */
    const struct str *uploaded; /* names of files whose upload is done */
    size_t uploaded_count;
    bool preempting, complete;
    int64_t exit_code; /* with complete */
    int64_t now_unix_ms;
};
/** store_run_post() - all of it or nothing; also the run's heartbeat. *ret_stop: somebody wants it to end.
 * -ERR_LIMIT: it goes on behind the end of a run that was rewound, so it is from a client that began before
 * (branches.h), and will never be taken; -ERR_CONFLICT: the run's first lines are still being copied. */
NODISCARD int store_run_post(struct store *s, const struct store_post *p, bool *ret_stop, struct err *e);
struct store_line_query {
    int64_t run_id;
    enum run_stream stream;
    int64_t from, count; /* number of the first line (0: from the start), and how many at most */
};
NODISCARD int store_run_lines(struct store *s, struct arena *a, const struct store_line_query *q,
                              struct str **ret, size_t *ret_len, struct err *e);
/** store_silent_sweep() - runs without a heartbeat since @before_unix_ms crash, preempting ones are
 * preempted; their items go SILENT. */
NODISCARD int store_silent_sweep(struct store *s, int64_t before_unix_ms, int64_t now_unix_ms,
                                 size_t *ret_count, struct err *e);

struct store_file {
    struct str name;
    int64_t size_bytes;
    int64_t updated_unix_ms;
};
/** store_file_put() - the file is on the disk: remember it. */
NODISCARD int store_file_put(struct store *s, int64_t run_id, const struct store_file *f, struct err *e);
NODISCARD int store_file_list(struct store *s, struct arena *a, int64_t run_id, struct store_file **ret,
                              size_t *ret_len, struct err *e);
