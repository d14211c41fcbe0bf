/* server/backup_files.h: the files that a store names, from one data folder to another. */
#pragma once

#include "server/backup.h"

struct backup_files {
    struct io *io;
    const char *from, *to; /* data folders */
    struct store *store;   /* names the files */
    const struct store_progress *progress;
};
/** backup_files_copy() - all of them, each synced; adds to @ret's files, bytes and missing. Bytes of
 * artifacts are checked against their SHA-256: -ERR_INVALID. What is there already is replaced. Yields. */
NODISCARD int backup_files_copy(const struct backup_files *f, struct backup_counts *ret, struct err *e);
struct backup_file {
    const char *from, *to;
    struct str sha256; /* absent: not known; else -ERR_INVALID when it is another */
};
/** backup_file_copy() - one file, synced before it has its name. @ret_bytes; @ret_hex, when not NULL, is its
 * SHA-256. Yields. -ERR_NOT_FOUND, -ERR_OS. */
NODISCARD int backup_file_copy(struct io *io, const struct backup_file *f, int64_t *ret_bytes,
                               char ret_hex[65], struct err *e);
