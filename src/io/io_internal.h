/* io/io_internal.h: what the two implementations share. Included by src/io only. */
#pragma once

#include "io/db.h"
#include "io/file.h"
#include "io/http.h"
#include "io/io.h"
#include "io/proc.h"

struct scheduler; /* io/fiber.h: ready queue, parking, groups; common to both worlds */

/*
 * One row per thing that differs between the worlds. Fibers, groups and conds are common (io/fiber.c): an
 * implementation gives the scheduler a clock, timers and a way to be woken. Files are real in both,
 * a killed node refuses first; SQLite's are on the world's own disk when it has one.
 */
struct io_ops {
    int64_t (*now_unix_ms)(struct io *io);
    int64_t (*now_ms)(struct io *io);
    void (*random)(struct io *io, void *ret, size_t len);
    int (*http_send)(struct io *io, struct arena *a, const struct http_request *req, struct http_reply *ret,
                     struct err *e);
    int (*http_listen)(struct io *io, const struct http_server_options *o, struct http_server **ret,
                       struct err *e);
    uint16_t (*http_server_port)(const struct http_server *s);
    void (*http_server_close)(struct http_server *s);
    int (*work)(struct io *io, void (*fn)(void *arg), void *arg, struct err *e);
    int (*proc_spawn)(struct io *io, const struct proc_options *o, struct proc **ret, struct err *e);
    int64_t (*proc_pid)(const struct proc *p);
    int (*proc_read_line)(struct proc *p, struct strbuf *line, enum proc_stream *ret_stream, struct err *e);
    int (*proc_wait)(struct proc *p, int *ret_status, struct err *e);
    void (*proc_signal_group)(struct proc *p, int signal);
    void (*proc_free)(struct proc *p);
    int (*signal_wait)(struct io *io, int *ret_signal, struct err *e);
    const char *(*env)(struct io *io, const char *name);
    const char *const *(*env_all)(struct io *io, struct arena *a);
};

struct io {
    const struct io_ops *ops;
    struct scheduler *sched;
    const char *vfs; /* SQLite's file system; NULL: this machine's */
    bool dead;       /* the node was killed: every call is refused with -ERR_CANCELLED */
    bool held;       /* its fibers do not run: scheduler_hold_io() */
};
/* http_server and proc objects of either world begin with this, so that the common entry points find their
 * table. */
struct io_object {
    struct io *io;
};

/** http_percent_decode() - "%41" to "A"; what is no escape stays. NUL-terminated, in @a. */
struct str http_percent_decode(struct arena *a, struct str s, bool plus_is_space);
