/* io/sim/sim_internal.h: what the files of the simulator share. */
#pragma once

#include "base/map.h"
#include "base/vec.h"
#include "io/fiber.h"
#include "io/io_internal.h"
#include "io/sim.h"
#include "io/sim/sim_disk.h"

/* Streams of chance are apart, so that one more fault does not change who runs next. */
enum sim_stream { SIM_SCHEDULING, SIM_NETWORK, SIM_NODES, SIM_HARNESS, SIM_DISKS, SIM_STREAMS };

enum { SIM_TRACE_LINES = 20000 };

struct sim {
    int64_t now_ms;
    uint64_t random[SIM_STREAMS];
    struct scheduler *sched;
    struct sim_faults faults;
    struct io net; /* the world of messages under way: they outlive their senders */
    struct group *net_group;
    struct vec nodes;
    struct vec servers;   /* listening now */
    struct map *programs; /* name -> struct program */
    struct map *missing;  /* path and query of a GET -> how often it was answered 404 by who has no say */
    uint64_t next_request;
    int64_t next_pid;
    char *trace[SIM_TRACE_LINES]; /* ring */
    uint64_t trace_count, trace_hash;
    sim_line_fn watch;
    void *watch_ctx;
    sim_describe_fn describe;
    void *describe_ctx;
};

/* One life of a node, from start to kill or return. Old ones are kept until sim_free(): small, and their
 * fibers may still unwind. */
struct boot {
    struct io io;
    struct sim_node *node;
    struct boot *before;
    struct group *mains;     /* the first fiber */
    struct group *processes; /* programs started by proc_spawn() */
    sim_main_fn fn;
    void *arg;
    unsigned signal_waiters;
    int signal; /* not yet fetched; 0 none */
    struct cond signalled;
    uint16_t last_port;
};

struct sim_node {
    struct sim *sim;
    char *name;
    struct boot *boot; /* the latest; NULL before the first */
    struct sim_disk *disk;
    bool up, killable, trusted;
    struct map *env;
    struct vec cut_from;  /* nodes that nothing it sends reaches */
    int64_t clock_off_ms; /* its wall clock, as it was at clock_set_ms, and how fast it goes since */
    int64_t clock_set_ms, clock_drift_ppm;
};

struct http_server { /* of the simulator */
    struct io_object object;
    struct boot *boot;
    uint16_t port;
    http_handler_fn handler;
    void *ctx;
    size_t max_body_bytes;
    struct group *group; /* handlers */
};

struct boot *boot_of(struct io *io); /* the boot whose world @io is */
void sim_trace_add(struct sim *s, const char *fmt, ...) PRINTF(2, 3);
uint64_t sim_draw(struct sim *s, enum sim_stream stream);
double sim_draw_unit(struct sim *s, enum sim_stream stream);
int64_t sim_draw_range(struct sim *s, enum sim_stream stream, int64_t min, int64_t max);

bool sim_is_cut(const struct sim_node *from, const struct sim_node *to);

/* sim_fate.c: what befalls one message. */
enum fate_kind { FATE_ARRIVES, FATE_DROP_REQUEST, FATE_DROP_REPLY, FATE_CUT_REPLY, FATE_WRONG_ANSWER };
/* Who answers for the server: something that knows nothing of it, or has its manners. */
enum wrong_form { FORM_EMPTY, FORM_HTML, FORM_GOOGLE, FORM_GRAPHQL, WRONG_FORMS };
struct wrong_answer {
    int status;
    enum wrong_form form;
    const char *content_type;
    int retry_after_s; /* 0: not said */
};
struct fate {
    enum fate_kind kind;
    struct wrong_answer answer; /* for FATE_WRONG_ANSWER */
};
/** fate_draw() - @target: path and query of a GET; absent: it is none. */
void fate_draw(struct sim *s, struct str target, struct fate *ret);
/** fate_text() - " [403, a page]" for the trace; "" for a message that arrives. */
const char *fate_text(struct arena *a, const struct fate *f);
const char *wrong_answer_body(struct arena *a, const struct wrong_answer *w);

/* sim_net.c */
int sim_http_send(struct io *io, struct arena *a, const struct http_request *req, struct http_reply *ret,
                  struct err *e);
int sim_http_listen(struct io *io, const struct http_server_options *o, struct http_server **ret,
                    struct err *e);
uint16_t sim_http_server_port(const struct http_server *s);
void sim_http_server_close(struct http_server *s);
/* sim_proc.c */
int sim_proc_spawn(struct io *io, const struct proc_options *o, struct proc **ret, struct err *e);
int64_t sim_proc_pid(const struct proc *p);
int sim_proc_read_line(struct proc *p, struct strbuf *line, enum proc_stream *ret_stream, struct err *e);
int sim_proc_wait(struct proc *p, int *ret_status, struct err *e);
void sim_proc_signal_group(struct proc *p, int signal);
void sim_proc_free(struct proc *p);
