/* server/places.h: where in a data folder the bytes lie that the store names. Pure but for digests. */
#pragma once

#include "base/err.h"
#include "base/str.h"

/** place_of_blob() - bytes of artifacts: DATA/objects/ab/cdef... for the SHA-256 abcdef...; @folder: only the
 * folder they lie in. -ERR_INVALID: no SHA-256; -ERR_LIMIT. */
NODISCARD int place_of_blob(struct strbuf *b, const char *data_dir, struct str sha256, bool folder,
                            struct err *e);
/** place_of_run_file() - DATA/run-files/RUN/DIGEST, a name of our own: no name that a client gives meets the
 * disk. @name absent: only the folder. */
NODISCARD int place_of_run_file(struct strbuf *b, const char *data_dir, int64_t run_id, struct str name,
                                struct err *e);

/* In a data folder: held while a backup is made, so that no file goes that it still has to copy. */
#define PLACE_BACKUP_LOCK "backup.lock"
