/*
 * io/bulk.h: large files, a piece at a time, on worker threads: every call yields and may take minutes.
 * -ERR_NOT_FOUND, -ERR_OS (messages name the path), -ERR_CANCELLED (then nothing was begun).
 */
#pragma once

#include "io/io.h"

struct bulk_sums {
    uint8_t md5[16], sha256[32];
    uint64_t bytes;
};
/** bulk_sum() - digests of a file. */
NODISCARD int bulk_sum(struct io *io, const char *path, struct bulk_sums *ret, struct err *e);
/** bulk_write() - a new file (0600), with its digests; its bytes may not be on the disk yet, see bulk_keep().
 */
NODISCARD int bulk_write(struct io *io, const char *path, struct str data, struct bulk_sums *ret,
                         struct err *e);
/** bulk_join() - the same of the files of a NULL-ended list, one behind the other. */
NODISCARD int bulk_join(struct io *io, const char *const *parts, const char *path, struct bulk_sums *ret,
                        struct err *e);
struct bulk_range {
    uint64_t from;
    size_t max;
};
/** bulk_piece() - a part of a file in the arena; it is shorter than @range->max at the file's end. */
NODISCARD int bulk_piece(struct io *io, struct arena *a, const char *path, const struct bulk_range *range,
                         struct str *ret, struct err *e);
/** bulk_append() - behind what is in a file (made 0600 when it is not there); not synced. */
NODISCARD int bulk_append(struct io *io, const char *path, struct str data, struct err *e);
/** bulk_keep() - give a file another name in a folder of the same file system, durably. What has the name is
 * replaced. */
NODISCARD int bulk_keep(struct io *io, const char *from, const char *to, struct err *e);
/** bulk_clear() - remove the files in a folder that were not written to for @older_than_s seconds (by the
 * system's clock); the folder may be missing. Blocks, and does not yield: for the start. */
NODISCARD int bulk_clear(struct io *io, const char *folder, int64_t older_than_s, struct err *e);
