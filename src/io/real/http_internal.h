/* io/real/http_internal.h: what the files of the HTTP server share: the server, its connections, a reply's
 * head. */
#pragma once

#include "io/real/http_parse.h"
#include "io/real/real_internal.h"
#include "io/real/tls_stream.h"

/* --- http_reply.c
 * -------------------------------------------------------------------------------------------- */

enum { HTTP_DATE_BYTES = 30 };

struct http_reply_facts {
    const char *date;
    size_t body_len;
    bool keep_alive;
};
/** http_reply_is_sound() - may it be sent as it is: a status, and no line break in a header. */
bool http_reply_is_sound(const struct http_exchange *x);
bool http_reply_has_body(int status); /* 204 and 304 have none, and no length */
void http_reply_head(struct strbuf *out, const struct http_exchange *x, const struct http_reply_facts *facts);
void http_date_format(int64_t unix_s, char ret[HTTP_DATE_BYTES]); /* "Sun, 06 Nov 1994 08:49:37 GMT" */

/* --- http_server.c
 * ------------------------------------------------------------------------------------------- */

enum { HTTP_READ_BYTES = 64 * 1024, HTTP_WRITE_BYTES = 64 * 1024 };
/* Of what comes while a handler runs; reading stops above it, when one more read may have come on top. */
enum { HTTP_MAX_PENDING = 64 * 1024 };

struct http_server {
    struct io_object object;
    struct http_server_options options;
    struct http_limits limits;
    struct http_spool spool;
    char *spool_dir;
    struct tls_context *tls; /* NULL: plain */
    uv_tcp_t listener;
    uint16_t port;
    bool listening, draining, closing;
    struct group *handlers;
    struct http_conn *conns;
    size_t conn_count, lingering; /* the second are among the first */
    struct fiber *closer;         /* waits in http_server_close() for changes */
    char *read_buffer;            /* of all connections: what is read is taken before the next read */
    char *write_buffer;           /* TLS: on the way from a stream to its socket */
    int64_t date_s;
    char date[HTTP_DATE_BYTES];
};

const char *http_server_date(struct http_server *s); /* of now, for the Date header */
/** http_server_changed() - a connection got on with its work, or has gone. */
void http_server_changed(struct http_server *s);

/* --- http_conn.c, http_turn.c and http_wire.c
 * ------------------------------------------------------------------------------------------- */

enum http_conn_state {
    HTTP_CONN_READING,   /* waits for a request, or has part of it */
    HTTP_CONN_HANDLING,  /* its handler runs; what else comes is kept for later */
    HTTP_CONN_REPLYING,  /* a reply is on its way out */
    HTTP_CONN_LINGERING, /* all is said; what still comes is thrown away, so that the client sees the reply */
    HTTP_CONN_CLOSED
};

struct http_conn;

/* One request, while it is handled and answered. */
struct http_work {
    struct http_exchange x;
    struct http_request_memory memory; /* what x borrows from */
    char *piece;                       /* of a file that is sent; NULL: none yet */
};

struct sending; /* bytes that the socket did not take at once */

struct http_conn {
    struct http_server *server;
    struct http_conn *prev, *next;
    uv_tcp_t tcp;
    uv_timer_t timer;
    int64_t due_ms, timer_ms; /* when its time is over, and when the timer looks; 0: never */
    int refs;                 /* two handles and a handler */
    enum http_conn_state state;
    enum http_parse_stage stage; /* that the time-out was set for */
    struct http_parse parse;
    struct strbuf pending; /* came while a request was handled, from pending_from on */
    size_t pending_from, discarded;
    int64_t linger_until_ms;
    struct http_work *work;
    struct strbuf head; /* of the reply */
    struct str left[2]; /* of the reply's head and body, not yet sent */
    struct sending *sending;
    struct tls_stream *tls;
    bool paused, keep_alive, gone, lingers;
    char peer[56];
};

/** http_conn_accept() - the connection that waits at the listener. */
void http_conn_accept(struct http_server *s);
void http_conn_close(struct http_conn *c); /* at once; a no-op when closed */
/** http_conn_stop() - close if it waits for a request; else its present answer is its last, and a handler
 * that only waits is cancelled. */
void http_conn_stop(struct http_conn *c);
/** http_conn_is_busy() - is a request coming, handled or answered? */
bool http_conn_is_busy(const struct http_conn *c);

/* http_conn.c, for the others */
void http_conn_set_due(struct http_conn *c, int64_t ms); /* when this time is over: 408, or closed */
void http_conn_linger(struct http_conn *c);              /* all is said; to the end from here */
void http_conn_discard(struct http_conn *c, size_t len); /* bytes that come while lingering */
void http_conn_eof(struct http_conn *c);                 /* the client sends no more, or has gone */
void http_conn_unref(struct http_conn *c);
void http_work_free(struct http_work *w); /* NULL is a no-op */

/* http_turn.c */
void http_conn_take(struct http_conn *c, struct str bytes); /* plain bytes from the client */
/** http_conn_refill() - the next piece of a file that is the reply into c->left; false: there is none. */
bool http_conn_refill(struct http_conn *c);
/** http_conn_sent() - all of c->left, and what TLS had to say, is with the system. */
void http_conn_sent(struct http_conn *c);
/** http_conn_refuse() - an answer of the server's own, after which the connection is of no use. @why is a
 * line, and a literal. */
void http_conn_refuse(struct http_conn *c, int status, const char *why);

/* http_wire.c */
void http_wire_start(struct http_conn *c); /* read */
void http_wire_pause(struct http_conn *c); /* ... no more, until started again */
/** http_wire_push() - send what is left, as far as the socket takes it; goes on by itself. Ends in
 * http_conn_sent() or in a closed connection. */
void http_wire_push(struct http_conn *c);
void http_wire_end(struct http_conn *c); /* behind what is left: nothing more comes from here */
