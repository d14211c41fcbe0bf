/* server/store/retention.h: what is not kept for ever, a small step at a time. */
#pragma once

#include "server/store/transfer.h"

/* Points in time; what is older goes. 0: nothing goes. */
struct store_keep {
    int64_t history_unix_ms; /* logged lines of runs that ended before */
    int64_t files_unix_ms;   /* files of runs that ended before */
    int64_t deleted_unix_ms; /* bytes of artifacts that were deleted before */
    int64_t pending_unix_ms; /* artifacts that were begun before and not committed count as deleted */
};
struct store_prunable {
    int64_t runs, lines; /* of history */
    int64_t files, file_bytes;
    int64_t artifacts, blobs; /* deleted ones; their files, before it is known who else has them */
};
/** store_prunable() - how much would go. Reads all of it: may take a while. */
NODISCARD int store_prunable(struct store *s, const struct store_keep *k, struct store_prunable *ret,
                             struct err *e);
/** store_prune_lines() - some thousand lines of one run. *ret_runs 1 when it has none left; *ret_lines 0 and
 * *ret_runs 0: there is nothing to do. */
NODISCARD int store_prune_lines(struct store *s, int64_t before_unix_ms, int64_t *ret_lines,
                                int64_t *ret_runs, struct err *e);
/** store_prune_file_list() - some files that are to go; empty: none. */
NODISCARD int store_prune_file_list(struct store *s, struct arena *a, int64_t before_unix_ms,
                                    struct store_run_file **ret, size_t *ret_len, struct err *e);
/** store_run_file_forget() - its bytes have gone. */
NODISCARD int store_run_file_forget(struct store *s, const struct store_run_file *f, struct err *e);
struct store_emptied {
    int64_t artifacts, files; /* that are done with; file rows that went */
};
/** store_prune_artifact() - some hundred files of one deleted artifact lose their names; bytes that have no
 * other are dropped. Both 0: there is nothing to do. */
NODISCARD int store_prune_artifact(struct store *s, const struct store_keep *k, int64_t now_unix_ms,
                                   struct store_emptied *ret, struct err *e);
/** store_dropped_list() - some digests of dropped bytes behind @after ("" first); empty: none. */
NODISCARD int store_dropped_list(struct store *s, struct arena *a, struct str after, struct str **ret,
                                 size_t *ret_len, struct err *e);
/** store_blob_named() - does any artifact name these bytes? */
NODISCARD int store_blob_named(struct store *s, struct str sha256, bool *ret, struct err *e);
/** store_dropped_forget() - they have gone, or were named again. */
NODISCARD int store_dropped_forget(struct store *s, struct str sha256, struct err *e);
