/*
 * server/store/transfer.h: a whole store in another place: a snapshot, a copy of another kind, an export; and
 * which files belong to it. For commands, not for a server that works.
 */
#pragma once

#include "server/store/audit.h"

struct store;

/* How far it is; called on a worker thread. @what is a table's name or "pages". */
struct store_progress {
    void (*told)(void *ctx, struct str what, int64_t done, int64_t of); /* may be NULL */
    void *ctx;
};
/** store_open_to_read() - a SQLite file that another process may be writing to; it is not changed.
 * -ERR_NOT_FOUND; -ERR_STORE: no store, or of another format. PostgreSQL is opened as by store_open(). */
struct store_options;
NODISCARD int store_open_to_read(struct io *io, const struct store_options *o, struct store **ret,
                                 struct err *e);
/** store_snapshot() - of one moment, while others write, in the new file @to. SQLite only. */
NODISCARD int store_snapshot(struct store *from, const char *to, struct store_progress *p, struct err *e);

struct store_copy {
    struct store *to;   /* just opened, and empty */
    const char *what;   /* for the log of changes in @to: "store.copy" */
    const char *object; /* where it came from; no address with a password */
    struct store_by by;
    struct store_progress progress;
    int64_t ret_tables, ret_rows;
};
/** store_copy() - all rows of all tables, of one moment, in one transaction; counted on both sides before it
 * is committed. Any kind to any kind. -ERR_CONFLICT: @to is not empty; -ERR_STORE: another format. Yields. */
NODISCARD int store_copy(struct store *from, struct store_copy *o, struct err *e);

struct store_export {
    int (*line)(void *ctx, struct str line, struct err *e); /* without its newline; not on the loop thread
                                                               with PostgreSQL; must not yield */
    void *ctx;
    int64_t now_unix_ms;
    int64_t ret_rows;
};
/** store_export() - all rows, of one moment, as JSON lines; docs/backup.md has their shape. */
NODISCARD int store_export(struct store *s, struct store_export *o, struct err *e);

/** store_note() - a line in the log of changes about the store itself. */
NODISCARD int store_note(struct store *s, const char *what, const char *object, const struct store_by *by,
                         struct err *e);

/* --- files that belong to it --- */
enum { STORE_FILES_PAGE = 1000 };
/** store_blob_list() - the next SHA-256 digests of artifacts' bytes behind @after ("" first), in order; fewer
 * than STORE_FILES_PAGE at the end. */
NODISCARD int store_blob_list(struct store *s, struct arena *a, struct str after, struct str **ret,
                              size_t *ret_len, struct err *e);
struct store_run_file {
    int64_t run_id; /* 0: before the first */
    struct str name;
};
/** store_run_file_list() - likewise, files of runs. */
NODISCARD int store_run_file_list(struct store *s, struct arena *a, const struct store_run_file *after,
                                  struct store_run_file **ret, size_t *ret_len, struct err *e);
