/* server/store/retention.h: what is not kept for ever, a small step at a time. */
#pragma once

#include "server/keep.h"
#include "server/store/transfer.h"

/* What a pass goes by, where no policy (policies.h) says anything else. */
struct store_keep {
    int64_t now_unix_ms;
    struct keep keep;        /* nothing KEEP_UNSAID */
    int64_t deleted_unix_ms; /* bytes of artifacts that were deleted before go */
    int64_t pending_unix_ms; /* artifacts that were begun before and not committed count as deleted */
};
/* What goes by one policy. */
struct store_prunable_by {
    struct str entity, project; /* project absent: the entity's policy; both absent: the server's own */
    int64_t keep_ms;
    int64_t runs, things, bytes; /* runs that lose things: lines, files (with bytes), or versions */
};
enum store_kept { KEPT_HISTORY, KEPT_FILES, KEPT_ARTIFACTS, KEPT_COUNT_ };
struct store_prunable {
    struct {
        struct store_prunable_by *items;
        size_t len;
    } by[KEPT_COUNT_];
    int64_t artifacts, blobs; /* deleted ones; their files, before it is known who else has them */
    int64_t deleted_runs;
};
/** store_prunable() - how much would go. Reads all of it: may take a while. */
NODISCARD int store_prunable(struct store *s, struct arena *a, const struct store_keep *k,
                             struct store_prunable *ret, struct err *e);
/** store_prune_lines() - some thousand lines of one run. *ret_runs 1 when it has none left; *ret_lines 0 and
 * *ret_runs 0: there is nothing to do. A run whose queue item has not ended counts as one that has not. */
NODISCARD int store_prune_lines(struct store *s, const struct store_keep *k, int64_t *ret_lines,
                                int64_t *ret_runs, struct err *e);
/** store_prune_version_list() - some versions of artifacts that are to go; empty: none. None of those that
 * have an alias or a link, that a run which has not ended made or uses, or that an item which has not ended
 * may take its job from. */
NODISCARD int store_prune_version_list(struct store *s, struct arena *a, const struct store_keep *k,
                                       int64_t **ret, size_t *ret_len, struct err *e);
/** store_prune_version() - delete it, unless it is in use by now: *ret says so. */
NODISCARD int store_prune_version(struct store *s, int64_t artifact_id, const struct store_keep *k,
                                  const struct store_by *by, bool *ret, struct err *e);
/** store_prune_file_list() - some files that are to go, those of deleted runs too; empty: none. */
NODISCARD int store_prune_file_list(struct store *s, struct arena *a, const struct store_keep *k,
                                    struct store_run_file **ret, size_t *ret_len, struct err *e);
/** store_run_file_forget() - its bytes have gone. @by: who is logged for it; NULL: nobody. -ERR_NOT_FOUND,
 * with
 * @by only: there is no such file. */
NODISCARD int store_run_file_forget(struct store *s, const struct store_run_file *f,
                                    const struct store_by *by, struct err *e);
struct store_deleted {
    int64_t lines, runs; /* that went */
    bool more;           /* there was something to do */
};
/** store_deleted_step() - of one run that was deleted and has no files any more, some thousand lines or the
 * charts of a key go, or the last of it. */
NODISCARD int store_deleted_step(struct store *s, struct store_deleted *ret, struct err *e);
struct store_emptied {
    int64_t artifacts, files; /* that are done with; file rows that went */
};
/** store_prune_artifact() - some hundred files of one deleted artifact lose their names; bytes that have no
 * other are dropped. Both 0: there is nothing to do. */
NODISCARD int store_prune_artifact(struct store *s, const struct store_keep *k, struct store_emptied *ret,
                                   struct err *e);
struct store_dropped_query {
    struct str after; /* "" first */
    int64_t now_unix_ms;
};
/** store_dropped_list() - some digests of dropped bytes whose time has come; empty: none. */
NODISCARD int store_dropped_list(struct store *s, struct arena *a, const struct store_dropped_query *q,
                                 struct str **ret, size_t *ret_len, struct err *e);
/** store_blob_expect() - a client will bring these bytes to their place by itself; what nobody names by
 * @until_unix_ms goes. *ret false: they are being removed just now, and must not come. */
NODISCARD int store_blob_expect(struct store *s, struct str sha256, int64_t until_unix_ms, bool *ret,
                                struct err *e);
/** store_blob_named() - does any artifact name these bytes? */
NODISCARD int store_blob_named(struct store *s, struct str sha256, bool *ret, struct err *e);
/** store_blob_doom() - nobody names these bytes (*ret false: somebody does), and nobody may until
 * store_dropped_forget(): store_artifact_file_arrived() refuses them meanwhile. They may be removed. */
NODISCARD int store_blob_doom(struct store *s, struct str sha256, bool *ret, struct err *e);
/** store_dropped_forget() - they have gone, or were named again. */
NODISCARD int store_dropped_forget(struct store *s, struct str sha256, struct err *e);
