/* io/real/real_internal.h: the one real world of a process. Included by io/real only. */
#pragma once

#include <curl/curl.h>
#include <uv.h>

#include "io/fiber.h"
#include "io/io_internal.h"
#include "io/real.h"

struct real_http_client;
struct real_process_table;

struct real_io {
    struct io io; /* first: a struct io is a struct real_io */
    uv_loop_t loop;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle; /* active while fibers are ready, so that the loop does not sleep */
    uv_timer_t timer;
    bool finished;
    struct real_http_client *http;
    struct proc *procs; /* live children */
    uv_signal_t child_signal;
    bool child_signal_on;
    struct cond signals;
    uv_signal_t signal_handles[3];
    unsigned signal_waiters;
    int last_signal;
    uint64_t signal_count;
};

struct real_io *real_of(struct io *io);

int real_http_send(struct io *io, struct arena *a, const struct http_request *req, struct http_reply *ret,
                   struct err *e);
void real_http_client_done(struct real_io *r);

int real_http_listen(struct io *io, const struct http_server_options *o, struct http_server **ret,
                     struct err *e);
uint16_t real_http_server_port(const struct http_server *s);
void real_http_server_close(struct http_server *s);

int real_proc_spawn(struct io *io, const struct proc_options *o, struct proc **ret, struct err *e);
int64_t real_proc_pid(const struct proc *p);
int real_proc_read_line(struct proc *p, struct strbuf *line, enum proc_stream *ret_stream, struct err *e);
int real_proc_wait(struct proc *p, int *ret_status, struct err *e);
void real_proc_signal_group(struct proc *p, int signal);
void real_proc_free(struct proc *p);
/** real_procs_end() - reap the killed children whose end the loop did not live to see. Blocks for as long as
 * their deaths take. */
void real_procs_end(struct real_io *r);
