/*
 * io/db_settle.c: what is read from a database at its opening is made to be on the disk.
 *
 * A process whose sync failed may have ended since. The kernel then keeps what was not written, takes it for
 * written, and shows it to the next process: SQLite finds a whole transaction in the log and goes on behind
 * it. No later sync writes that part, and after a power cut the log ends before it, with all that was
 * acknowledged since. So the log is written again, byte by byte what it is, and synced. The file needs no
 * such care: what a failed sync left out of it is in the log, and goes there again.
 */
#include "io/db_internal.h"

#include <stdlib.h>

#include "base/mem.h"

/* SQLite takes the length of a write modulo 128 KiB, and of what is left nothing is "disk full". */
enum { CHUNK_BYTES = 64 * 1024 };

static int write_again(sqlite3_file *log)
{
    unsigned char *chunk = xmalloc(CHUNK_BYTES);
    sqlite3_int64 size = 0;
    int code = log->pMethods->xFileSize(log, &size);

    for (sqlite3_int64 at = 0; code == SQLITE_OK && at < size; at += CHUNK_BYTES) {
        int len = size - at < CHUNK_BYTES ? (int)(size - at) : CHUNK_BYTES;
        code = log->pMethods->xRead(log, chunk, len, at);
        code = code ? code : log->pMethods->xWrite(log, chunk, len, at);
    }
    free(chunk);
    if (code == SQLITE_OK && size > 0)
        code = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
    return code;
}

int conn_settle_log(struct db_conn *c, struct err *e)
{
    sqlite3_file *log = NULL;
    int rc = conn_exec(c, "BEGIN IMMEDIATE", e); /* nobody else writes to the log meanwhile */

    if (rc)
        return rc;
    int code = sqlite3_file_control(c->handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (code == SQLITE_OK && log && log->pMethods)
        code = write_again(log);
    if (code != SQLITE_OK)
        rc = err_set(e, ERR_STORE, "%s: its log cannot be written again: %s", c->path, sqlite3_errstr(code));
    (void)conn_exec(c, "ROLLBACK", NULL); /* nothing was changed */
    return rc;
}
