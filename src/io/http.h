/* io/http.h: HTTP messages, the client and the server. Caps on everything; TLS always verified. */
#pragma once

#include "io/io.h"

struct http_header {
    struct str name, value;
};

/* How a request proves who it is; the header is built inside io, so the secret meets no other buffer. */
enum http_auth_kind {
    HTTP_AUTH_NONE,
    HTTP_AUTH_BEARER, /* Authorization: Bearer SECRET */
    HTTP_AUTH_BASIC   /* Authorization: Basic base64(user:SECRET) */
};
struct http_auth {
    enum http_auth_kind kind;
    const char *user;            /* for BASIC */
    const struct secret *secret; /* borrowed for the call */
};

/* --- client
 * ------------------------------------------------------------------------------------------------- */
struct http_request {
    const char *method; /* "GET" when NULL */
    const char
        *url; /* http or https; plain http is refused unless the host is loopback or @allow_plain is set */
    struct http_auth auth;
    const struct http_header *headers;
    size_t header_count;
    struct str body;
    const char *content_type; /* sent when there is a body; "application/json" when NULL; "" sends none */
    int64_t timeout_ms;       /* for the whole exchange; 0: 30000 */
    size_t max_reply_bytes;   /* 0: 16 MiB */
    bool allow_plain;
    const char *unix_path; /* connect there, whatever the URL's host is (give http://localhost/...); NULL:
                              not. Not in the simulator */
    const char *client_cert, *client_key; /* PEM files shown to a server that asks; NULL: none. The simulator
                                             has no TLS and looks at neither */
};
struct http_reply {
    int status;
    const struct http_header *headers;
    size_t header_count;
    struct str body; /* NUL-terminated behind the view */
};
/**
 * http_send() - one request, one reply. Yields.
 * @req is borrowed for the call; the reply's memory comes from @a. 4xx and 5xx are replies, not failures.
 * Redirects are not followed. A server's certificate is checked against the system's authorities, or those in
 * the PEM file that SSL_CERT_FILE names. -ERR_NET (no connection, bad TLS, cut reply), -ERR_TIMEOUT,
 * -ERR_LIMIT (reply over the cap), -ERR_CANCELLED, -ERR_INVALID (bad URL, plain http to a far host). Messages
 * name the host and what failed, never a header or body.
 */
NODISCARD int http_send(struct io *io, struct arena *a, const struct http_request *req,
                        struct http_reply *ret, struct err *e);
/** http_header_get() - value of the first header called @name (any case), or absent. */
struct str http_header_get(const struct http_header *headers, size_t count, const char *name);
/** http_retry_after_ms() - the Retry-After header in ms (seconds, fractions or an HTTP date against
 * @now_unix_ms), 0: none. At most one hour. */
uint32_t http_retry_after_ms(const struct http_reply *r, int64_t now_unix_ms);
/** http_date_parse() - "Sun, 06 Nov 1994 08:49:37 GMT", as in a Date header. False for anything else. */
bool http_date_parse(struct str s, int64_t *ret_unix_ms);

/* --- server
 * ------------------------------------------------------------------------------------------------- */
/* A piece of a file on its way out as the body of a reply. */
struct http_file {
    int fd;
    uint64_t at, left;
};
struct http_exchange {
    struct io *io;
    struct arena *a; /* freed after the reply is sent */
    /* request */
    struct str method, path,
        query; /* path is percent-decoded and starts with '/'; query is raw, without '?' */
    const struct http_header *headers;
    size_t header_count;
    struct str body;
    /* NULL: the body is in @body. Else it was too long for memory and is in this file, and @body is empty.
     * The handler may move the file away; what it leaves is removed after the reply. */
    const char *body_path;
    uint64_t body_bytes; /* the length, wherever it is */
    struct str peer;     /* "127.0.0.1:51234", "[::1]:51234" */
    bool tls;            /* it came over TLS */
    /* reply: status 0 when the handler returns becomes 500 */
    int status;
    struct strbuf reply;    /* cap 64 MiB */
    struct http_file *file; /* instead of it; see http_reply_file() */
    struct http_header reply_headers[16];
    size_t reply_header_count;
    /* of the implementation; see http_wait_begin() */
    struct fiber *fiber;
    bool waiting, no_waiting;
};
/**
 * http_handler_fn - runs on a fiber of its own, may yield; the reply is sent when it returns. Date,
 * Content-Length and Connection are the server's; a header with a line break in it makes the reply a 500.
 * Requests of one connection are handled one after the other, in their order.
 */
typedef void (*http_handler_fn)(void *ctx, struct http_exchange *x);

struct http_server_options {
    const char *host; /* an IP address or "localhost"; "127.0.0.1" when NULL. A name is -ERR_CONFIG */
    uint16_t port;    /* 0: any free one */
    /* instead of both: a Unix socket at this path, mode 0600, for the same user and root only. What lay there
     * before is replaced. At most 107 bytes, else -ERR_CONFIG. Not in the simulator. NULL: none */
    const char *unix_path;
    http_handler_fn handler;
    void *ctx;
    size_t max_body_bytes; /* 0: 16 MiB; over it: 413 */
    /* A body over max_body_bytes whose length is announced, and is at most @max_spooled_bytes, goes to a file
     * in this folder when @admit agrees (before any of it is taken; it must not yield). The time limit is
     * then for every piece, not for the whole. NULL: none. Not in the simulator. */
    const char *spool_dir;
    uint64_t max_spooled_bytes;
    bool (*admit)(void *ctx, struct str method, struct str path); /* the path percent-decoded */
    size_t max_header_bytes;   /* 0: 32 KiB, request line included; over it, or over 100 fields: 431 */
    uint32_t max_connections;  /* 0: 4096; over it: 503 and closed */
    int64_t header_timeout_ms; /* 0: 10000; from a request's first byte to the end of its header, else 408 */
    int64_t body_timeout_ms;   /* 0: 120000; for the whole body, else 408 */
    int64_t idle_timeout_ms;   /* 0: 60000; between requests, and without progress of a reply: closed */
    int64_t drain_ms;          /* how long http_server_close() lets handlers finish; 0: not at all */
    /* TLS 1.2 or 1.3 with a certificate (followed by its chain) and its key, both PEM; borrowed for the call.
     * Both or neither. */
    struct str tls_cert_pem;
    const struct secret *tls_key_pem;
};
struct http_server;
/** http_listen() - serve from now on. -ERR_OS with "HOST:PORT" and the reason (address in use, not
 * permitted); -ERR_CONFIG for a certificate or key that is none, or that do not belong together. */
NODISCARD int http_listen(struct io *io, const struct http_server_options *o, struct http_server **ret,
                          struct err *e);
uint16_t http_server_port(const struct http_server *s);
/**
 * http_server_close() - take no more connections; let running handlers finish for drain_ms (in the simulator:
 * not at all), but not those inside http_wait_begin(); then cancel those left, wait for them and send what
 * they answer. Yields. NULL is a no-op.
 */
void http_server_close(struct http_server *s);

/* Helpers for handlers. */
struct str http_query_get(struct http_exchange *x,
                          const char *name); /* percent-decoded, '+' is a space; absent when missing */
/** http_form_get() - the same of a field of an application/x-www-form-urlencoded body. */
struct str http_form_get(struct http_exchange *x, const char *name);
void http_reply_header(struct http_exchange *x, const char *name,
                       struct str value); /* both copied; more than 16 are dropped */
/**
 * http_wait_begin() - from here to http_wait_end() the handler has nothing to finish: its fiber is cancelled
 * when the client closes the connection, or the server is closed. For long polls. (The simulator's clients
 * are not seen to go.)
 */
void http_wait_begin(struct http_exchange *x);
void http_wait_end(struct http_exchange *x);
void http_reply_text(struct http_exchange *x, int status, const char *content_type, struct str body);
/** http_reply_file() - the file as the reply, of any length, or the part that a Range header of one range
 * asks for (206; 416 when it is outside). -ERR_NOT_FOUND, -ERR_OS: no reply is made. */
NODISCARD int http_reply_file(struct http_exchange *x, const char *path, const char *content_type,
                              struct err *e);
/* For the implementations: the next piece into @b (0: the end, or the file has become shorter), and the end.
 */
size_t http_file_read(struct http_file *f, char *b, size_t size);
void http_file_close(struct http_file *f); /* NULL is a no-op */
