/*
 * server/retention.h: what a server does not keep for ever. Bytes of deleted artifacts and what deleted runs
 * logged always go; history and files of ended runs, and versions of artifacts that nothing holds, when a
 * policy of their project or of its entity (store/policies.h) or whoever runs the server says after which
 * time. Small steps, one process at a time, and never while a backup is made. Whatever a pass did before it
 * was cut short, the next one goes on.
 */
#pragma once

#include "server/depot.h"
#include "server/store/store.h"

struct retention {
    struct keep keep;   /* where no policy says anything else */
    int64_t deleted_ms; /* bytes of artifacts, since these were deleted */
};
struct retention_done {
    int64_t runs, lines;       /* of history; deleted runs too */
    int64_t files;             /* of runs */
    int64_t versions;          /* of artifacts, deleted because nothing held them */
    int64_t artifacts;         /* deleted ones that were emptied */
    int64_t blobs, blob_bytes; /* that went; bytes only of those on the disk */
};
struct retention_job {
    struct io *io;
    struct store *store;
    const struct depot *depot; /* of its files */
    struct retention keep;
    int64_t steps; /* at most; 0: until all is done */
    struct store_by by;
};
/** retention_run() - one pass; what it did is added to @ret, and logged when it is anything. Yields.
 * -ERR_CONFLICT: a backup is being made, or another process does this. */
NODISCARD int retention_run(const struct retention_job *j, struct retention_done *ret, struct err *e);
/** retention_drop_file() - the bytes of a run's file, then its name. @by: who is logged for it; NULL: nobody.
 * -ERR_NOT_FOUND, with @by only: there is no such file. */
NODISCARD int retention_drop_file(const struct retention_job *j, const struct store_run_file *f,
                                  const struct store_by *by, struct err *e);
/** retention_count() - what a pass without a limit of steps would do. Yields. */
NODISCARD int retention_count(const struct retention_job *j, struct arena *a, struct store_prunable *ret,
                              struct err *e);
