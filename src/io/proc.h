/* io/proc.h: child processes in a process group of their own. Never a shell. */
#pragma once

#include "io/io.h"

struct proc;
enum proc_stream { PROC_STDOUT, PROC_STDERR };

struct proc_options {
    const char *const *argv; /* NULL-ended; argv[0] is searched in the child's PATH unless it has a '/' */
    const char *const *env;  /* NULL-ended "NAME=value"; the child gets exactly this */
    const char *cwd;         /* NULL: the parent's */
    size_t max_line_bytes;   /* 0: 64 KiB; longer lines are given in pieces */
};
/**
 * proc_spawn() - start a child: its own process group, stdin from /dev/null, stdout and stderr captured,
 * killed when this process dies. -ERR_NOT_FOUND (no such program or folder), -ERR_OS.
 */
NODISCARD int proc_spawn(struct io *io, const struct proc_options *o, struct proc **ret, struct err *e);
int64_t proc_pid(const struct proc *p); /* also the group's id */
/**
 * proc_read_line() - the next line of either stream, without its newline, replaced bytes where it is not
 * UTF-8. Yields. Both streams ended: -ERR_NOT_FOUND. -ERR_CANCELLED. @line is reset first.
 */
NODISCARD int proc_read_line(struct proc *p, struct strbuf *line, enum proc_stream *ret_stream,
                             struct err *e);
/** proc_wait() - until the child has ended. *ret_status: 0..255 as exited, 128 + N when killed by signal N.
 * Yields. -ERR_CANCELLED. */
NODISCARD int proc_wait(struct proc *p, int *ret_status, struct err *e);
void proc_signal_group(struct proc *p, int signal); /* to the whole group; no-op when it has gone */
/** proc_free() - SIGKILL to what is left of the group, reap, free. Does not yield. NULL is a no-op. */
void proc_free(struct proc *p);
