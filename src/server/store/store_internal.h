/* server/store/store_internal.h: what the sources of this folder share. Nobody else includes this. */
#pragma once

#include "io/db.h"
#include "server/store/store.h"

struct store {
    struct io *io;
    struct db *db;
    store_woken_fn woken;
    void *woken_ctx;
};

enum { UID_LEN = 12, UID_SIZE = UID_LEN + 1 };

/* --- reading --- */
/** row_fn - the current row of @st as the item at @ret, which is of the type the function is for; its texts
 * go into @a. */
typedef int (*row_fn)(struct arena *a, struct db_stmt *st, void *ret, struct err *e);

/* The rows of one statement as an array in the arena. */
struct rows {
    struct arena *a;
    row_fn read;
    void *items;
    size_t len, cap, size; /* size: of one item */
};
#define ROWS(arena, T, row) ((struct rows){ .a = (arena), .read = (row), .size = sizeof(T) })
/** rows_read() - what is left of @st; it must not be used again, whatever comes of it. */
NODISCARD int rows_read(struct rows *r, struct db_stmt *st, struct err *e);
/** rows_more() - the same, behind those that are there. */
NODISCARD int rows_more(struct rows *r, struct db_stmt *st, struct err *e);
void *rows_take(const struct rows *r, size_t *ret_len); /* the items */

/** read_one() - the only row of a statement, which must not be used again. -ERR_NOT_FOUND with @what when
 * there is none. */
NODISCARD int read_one(struct arena *a, struct db_stmt *st, const char *what, row_fn read, void *ret,
                       struct err *e);
/* dropped_blobs has bytes that may have no name, and when it is to be looked (the past: at once). Its
 * at_unix_ms of bytes that are being removed: nobody may name them until the row has gone. */
#define DOOMED_AT "0"
/** read_any() - has a statement a row? It must not be used again. */
NODISCARD int read_any(struct db_stmt *st, bool *ret, struct err *e);
int i64_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e); /* one column, an int64_t */
int str_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e); /* one column, a struct str */
int run_file_row(struct arena *a, struct db_stmt *st, void *ret,
                 struct err *e); /* run_id, name: a struct store_run_file (transfer.h) */

/** col() - column @i copied into the arena; absent for NULL. */
struct str col(struct arena *a, struct db_stmt *st, int i);
/** step_one() - the only row of a statement. -ERR_NOT_FOUND with @what when there is none; then, and on other
 * failures, the statement is finished. After success the caller reads its columns and calls db_finish(). */
NODISCARD int step_one(struct db_stmt *st, const char *what, struct err *e);

#define ITEM_SELECT                                                                                          \
    "SELECT seq, uid, queue_id, state, priority, spec, pushed_by, target_entity, target_project, run_name,"  \
    " agent_uid, fence, lease_until_unix_ms, error, error_stage, error_files, stop_asked, created_unix_ms,"  \
    " updated_unix_ms FROM items "
int item_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e); /* a struct store_item */

/* --- for transactions that touch more than one subject --- */
/** tx_wake_queue() - tell the other servers that an item of the queue waits, or of any (0). */
void tx_wake_queue(struct db_conn *c, int64_t queue_id);
/** tx_project_ensure() - the id of a project, made when missing; @ret_made may be NULL. */
NODISCARD int tx_project_ensure(struct db_conn *c, const struct store_new_project *n, int64_t *ret_id,
                                bool *ret_made, struct err *e);
#define USER_COLUMNS                                                                                         \
    "u.id, u.entity_id, u.username, u.email, u.admin, u.created_unix_ms,"                                    \
    " (SELECT name FROM entities WHERE id = u.team_id), u.disabled_unix_ms"
struct store_user user_at(struct arena *a, struct db_stmt *st, int i); /* USER_COLUMNS, from column @i on */
NODISCARD int tx_user_add(struct db_conn *c, const struct store_new_user *u, int64_t *ret_id, struct err *e);
/** tx_session_add() - -ERR_CONFLICT: the sign-in has made one. */
NODISCARD int tx_session_add(struct db_conn *c, int64_t user_id, const struct store_new_session *n,
                             int64_t now_unix_ms, struct err *e);
NODISCARD int tx_sessions_end(struct db_conn *c, int64_t user_id, int64_t now_unix_ms, struct err *e);
NODISCARD int tx_key_add(struct db_conn *c, int64_t user_id, const struct store_new_key *k, int64_t *ret_id,
                         struct err *e);
/* What a change writes into the log. Of the texts before and after, which may be long, the digest stays. */
struct audit_note {
    const char *what, *object, *detail; /* detail may be NULL */
    struct str before, after;           /* absent: was, or is, not there */
};
NODISCARD int tx_audit(struct db_conn *c, const struct store_by *by, const struct audit_note *n,
                       struct err *e);
struct queue_look {
    struct str name; /* ENTITY/QUEUE */
    struct str text; /* all that people can set */
};
NODISCARD int tx_queue_look(struct db_conn *c, struct arena *a, int64_t id, struct queue_look *ret,
                            struct err *e);
struct queue_change {
    const char *what, *detail; /* detail may be NULL */
    const struct store_by *by;
    struct str before; /* its look; absent: it was not there */
    bool is_gone;
};
/** tx_queue_note() - log a change, after it was made. */
NODISCARD int tx_queue_note(struct db_conn *c, struct arena *a, int64_t id, const struct queue_change *change,
                            struct err *e);
/** tx_queue_version_add() - what the queue is now is its next version. @rolled_back_to: 0 none. */
NODISCARD int tx_queue_version_add(struct db_conn *c, int64_t queue_id, const struct store_by *by,
                                   int64_t rolled_back_to, struct err *e);
/** tx_run_note() - log what somebody does to a run that is there, which becomes the note's object. */
NODISCARD int tx_run_note(struct db_conn *c, int64_t run_id, const struct audit_note *note,
                          const struct store_by *by, struct err *e);
/** tx_team_id() - by name: -ERR_NOT_FOUND. */
NODISCARD int tx_team_id(struct db_conn *c, struct str name, int64_t *ret, struct err *e);
/** tx_user_id() - by name: -ERR_NOT_FOUND. */
NODISCARD int tx_user_id(struct db_conn *c, struct str username, int64_t *ret, struct err *e);
/** tx_role_set() - in an entity; not ROLE_NONE. */
NODISCARD int tx_role_set(struct db_conn *c, int64_t user_id, int64_t entity_id, enum store_role role,
                          struct err *e);
/** tx_item_tell() - the heart of store_item_tell(); @strict: an event that the state does not allow is
 * -ERR_CONFLICT, else it is ignored. Does not touch the run. */
NODISCARD int tx_item_tell(struct db_conn *c, const struct store_item_word *w, bool strict, struct err *e);
/** tx_item_take_over() - lend an abandoned item of the queue again. */
NODISCARD int tx_item_take_over(struct db_conn *c, const struct store_pop *o, struct arena *a,
                                bool *ret_found, struct store_item *ret, struct err *e);
/** tx_item_stop_flag() - remember that its end is asked for. */
NODISCARD int tx_item_stop_flag(struct db_conn *c, const struct store_item_word *w, struct err *e);
/** tx_run_pending() - a run for an acked item, in state pending, unless it is there already. */
struct run_ahead {
    struct str entity, project, name, item_uid, username;
    bool stop_asked;
    int64_t now_unix_ms;
};
NODISCARD int tx_run_pending(struct db_conn *c, const struct run_ahead *r, struct err *e);
#define RUN_SELECT                                                                                           \
    "SELECT r.id, r.project_id, r.name, p.name, n.name, n.id, r.state, r.display_name, r.description,"       \
    " r.notes, r.group_name, r.job_type, r.host, r.program, r.repo, r.commit_id, r.sweep, r.config,"         \
    " r.summary, r.tags, u.username, r.item_uid, r.stop_asked, r.exit_code, r.history_lines,"                \
    " r.events_lines, r.log_lines, r.created_unix_ms, r.heartbeat_unix_ms, r.history_packed,"                \
    " r.events_packed FROM runs r"                                                                           \
    " JOIN projects p ON p.id = r.project_id JOIN entities n ON n.id = p.entity_id"                          \
    " LEFT JOIN users u ON u.id = r.user_id "
int run_row(struct arena *a, struct db_stmt *st, void *ret, struct err *e); /* a struct store_run */
/* Of runs r: deleted, and not yet all gone (run_delete.c). In no project, so RUN_SELECT does not find it. */
#define RUN_IS_DELETED "r.project_id = 0"
NODISCARD int tx_run_by_name(struct db_conn *c, struct arena *a, int64_t project_id, struct str name,
                             struct store_run *ret, struct err *e);
/** tx_run_begin_again() - a client begins to log to a run that may have ended: it is running, and nobody asks
 * for its end. */
NODISCARD int tx_run_begin_again(struct db_conn *c, int64_t run_id, int64_t now_unix_ms, struct err *e);
/* How many lines a stream has, of runs r; takes the stream twice. */
#define LINES_OF_STREAM                                                                                      \
    "CASE ? WHEN 0 THEN r.history_lines ELSE CASE ? WHEN 1 THEN r.events_lines ELSE r.log_lines END END"
struct lines_drop {
    int64_t run_id;
    enum run_stream stream;
    int64_t from, max; /* numbers from this one on; so many at most */
    int64_t gone;      /* out; fewer than max: none is left */
};
/** tx_lines_drop() - remove lines of a run, the first ones, so that one transaction is short. */
NODISCARD int tx_lines_drop(struct db_conn *c, struct lines_drop *d, struct err *e);
/** tx_run_lines_drop() - the same of all its streams: @max lines at most. */
NODISCARD int tx_run_lines_drop(struct db_conn *c, int64_t run_id, int64_t max, int64_t *ret, struct err *e);
/** tx_run_of_item() - bring the runs of an item, those that have not ended, to @state. */
NODISCARD int tx_run_of_item(struct db_conn *c, struct str item_uid, enum run_state state, struct err *e);
/** tx_history_cut() - a line from @line on comes anew: its stretch and those behind it are to be packed
 * again. */
NODISCARD int tx_history_cut(struct db_conn *c, int64_t run_id, enum run_stream stream, int64_t line,
                             struct err *e);
/** tx_history_drop() - the columns of a run that is deleted. */
NODISCARD int tx_history_drop(struct db_conn *c, int64_t run_id, struct err *e);
/** tx_run_ask_stop() - the heart of store_run_ask_stop(). */
NODISCARD int tx_run_ask_stop(struct db_conn *c, int64_t run_id, const struct store_by *by, struct err *e);
NODISCARD int tx_run_stop_of_item(struct db_conn *c, struct str item_uid, struct err *e);
/** tx_artifact_delete() - it leaves its collections, whatever its aliases; its bytes go later. */
NODISCARD int tx_artifact_delete(struct db_conn *c, int64_t id, const struct store_by *by, struct err *e);
