/* io/file.h: small whole files. Calls block briefly; for large data use io_work(). */
#pragma once

#include "io/io.h"

/** file_read() - a whole file into the arena. -ERR_NOT_FOUND, -ERR_LIMIT over @max_bytes, -ERR_OS. Messages
 * name the path. */
NODISCARD int file_read(struct io *io, struct arena *a, const char *path, size_t max_bytes, struct str *ret,
                        struct err *e);
/** file_read_secret() - the same into a secret; a trailing newline is dropped. */
NODISCARD int file_read_secret(struct io *io, const char *path, size_t max_bytes, struct secret **ret,
                               struct err *e);
/** file_write() - replace a file atomically (temporary, fsync, rename) with permissions @mode (0600 for
 * anything private). */
NODISCARD int file_write(struct io *io, const char *path, struct str data, unsigned mode, struct err *e);
/** file_mkdirs() - make a folder and its parents, 0700. Present already is success. */
NODISCARD int file_mkdirs(struct io *io, const char *path, struct err *e);
/** file_remove() - a file that is not there is success. */
NODISCARD int file_remove(struct io *io, const char *path, struct err *e);
bool file_exists(struct io *io, const char *path);
/** file_is_private() - can nobody but its owner read or change it? False when it is not there. */
bool file_is_private(struct io *io, const char *path);
/** file_lock() - take an exclusive lock on @path (made 0600), held until file_unlock() or the end of the
 * process, however that comes. The file names the holder's process. -ERR_CONFLICT when held. */
struct file_lock;
NODISCARD int file_lock(struct io *io, const char *path, struct file_lock **ret, struct err *e);
void file_unlock(struct file_lock *l); /* NULL is a no-op */
/** file_lock_folder() - one @role ("server") at a time works on a folder: locks FOLDER/ROLE.lock; the folder
 * is made when missing. -ERR_CONFLICT: the message names the folder and the process that has it, and what to
 * do. */
NODISCARD int file_lock_folder(struct io *io, const char *folder, const char *role, struct file_lock **ret,
                               struct err *e);
