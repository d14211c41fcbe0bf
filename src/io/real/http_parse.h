/*
 * io/real/http_parse.h: the bytes of one client to requests: llhttp in strict mode, with a cap on everything.
 * No sockets and no clock. Refused with one line of text: a request line or header over its cap, folded or
 * doubled framing headers, codings other than chunked, a missing Host, versions other than 1.0 and 1.1.
 */
#pragma once

#include <llhttp.h>

#include "io/http.h"
#include "io/real/http_spool.h"

enum { HTTP_MAX_TARGET_BYTES = 16 * 1024, HTTP_MAX_HEADERS = 100 };

struct http_limits {
    size_t max_header_bytes, max_body_bytes;
    const struct http_spool *spool; /* for longer bodies; NULL: none */
};

enum http_parse_stage {
    HTTP_PARSE_NOTHING, /* no byte of the next request has come */
    HTTP_PARSE_HEAD,
    HTTP_PARSE_BODY
};
enum http_parse_result { HTTP_PARSE_MORE, HTTP_PARSE_REQUEST, HTTP_PARSE_REFUSED };

/* What a request borrows from. */
struct http_request_memory {
    struct strbuf head, body;
    struct http_spooled spooled;
};
void http_request_memory_free(struct http_request_memory *m);

struct http_parse {
    llhttp_t parser;
    const struct http_limits *limits;
    enum http_parse_stage stage;
    struct strbuf head; /* target, then names and values in turn, each ended by a NUL */
    struct strbuf body;
    struct http_spooled spooled; /* instead of body */
    size_t header_count, framing_bytes;
    bool in_lines, line_begins, after_cr; /* where in a head or trailer it is */
    bool whole, keep_alive;
    bool wants_continue;     /* the client waits for "100 Continue" before it sends the body */
    int refused_status;      /* 0: not refused */
    const char *refused_why; /* a line */
};

/** http_parse_init() - @limits is borrowed for the life of @p. */
void http_parse_init(struct http_parse *p, const struct http_limits *limits);
void http_parse_done(struct http_parse *p);
/**
 * http_parse_feed() - read from @data up to the end of a request at most; *ret_used says how far it came.
 * REFUSED: refused_status and refused_why hold; the connection is of no use then. After REQUEST call
 * http_parse_take() before feeding on.
 */
enum http_parse_result http_parse_feed(struct http_parse *p, struct str data, size_t *ret_used);
/**
 * http_parse_take() - the request into @x, whose arena is there already; @p is ready for the next one.
 * *ret owns what @x borrows from then on. REFUSED (targets that are no path, a missing Host
 * and the like) hands over nothing.
 */
enum http_parse_result http_parse_take(struct http_parse *p, struct http_exchange *x,
                                       struct http_request_memory *ret);

/* Between http_parse.c and http_head.c. */
int http_parse_refuse(struct http_parse *p, int status, const char *why); /* gives -1 */
int http_parse_check_head(struct http_parse *p);                          /* -1: refused */
void http_parse_next(struct http_parse *p); /* nothing of the next one has come */
