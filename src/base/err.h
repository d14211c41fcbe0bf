/* base/err.h: errors that gather context on the way up. No allocation, no thread-local state. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/defs.h"

/* Codes are few, and chosen by what the caller does next. Name, exit status and "transient" are in one table.
 */
enum err_code {
    ERR_NONE,
    ERR_USAGE,     /* wrong command line */
    ERR_CONFIG,    /* a configuration file or environment variable is wrong */
    ERR_AUTH,      /* no or bad credential (401) */
    ERR_DENIED,    /* credential known, permission missing (403) */
    ERR_NOT_FOUND, /* the named thing does not exist (404) */
    ERR_CONFLICT,  /* somebody else holds or changed it (409) */
    ERR_INVALID,   /* the input is not acceptable (400) */
    ERR_PROTO,     /* a peer's answer does not have the agreed shape */
    ERR_NET,       /* no answer arrived */
    ERR_TIMEOUT,   /* no answer in time */
    ERR_THROTTLED, /* asked to slow down (429) */
    ERR_REMOTE,    /* the peer failed (5xx) */
    ERR_STORE,     /* a database is unreadable, full or too new */
    ERR_OS,        /* a system call failed */
    ERR_CANCELLED, /* this fiber was asked to end, or its world has gone */
    ERR_LIMIT,     /* an input is over a documented cap */
    ERR_FOUND,     /* a check ran to its end and found something: exit 1; no message when all is printed */
    ERR_COUNT_
};

struct err {
    enum err_code code;
    int http_status;         /* 0: no response arrived */
    int os_errno;            /* 0: not an OS failure */
    uint32_t retry_after_ms; /* the server's hint; 0: none */
    char msg[1000];          /* "outer: inner: cause", cut at the end, one line, valid UTF-8 */
};

/**
 * err_set() - fill @e with a code and a message; resets the other fields. Returns -code.
 * @e may be NULL (the caller only wants the code). Newlines and control bytes in the message become spaces.
 */
int err_set(struct err *e, enum err_code code, const char *fmt, ...) PRINTF(3, 4);
/** err_set_os() - as err_set() with ERR_OS (or ERR_NOT_FOUND for ENOENT), @os_errno kept and its text
 * appended. */
int err_set_os(struct err *e, int os_errno, const char *fmt, ...) PRINTF(3, 4);
/** err_set_http() - code from an HTTP status: 400, 401, 403, 404, 409, 413, 429, 5xx; others ERR_PROTO. */
int err_set_http(struct err *e, int http_status, const char *fmt, ...) PRINTF(3, 4);
/** err_set_http_foreign() - the same for an error that does not have the form of the peer's own: something on
 * the way (a proxy, a gateway, a login page) may have sent it, so that something is denied, missing or in
 * conflict is not said by who would know. It is ERR_REMOTE, unless its status means the same from anybody:
 * 400, 401, 408, 413, 429. */
int err_set_http_foreign(struct err *e, int http_status, const char *fmt, ...) PRINTF(3, 4);
/** err_wrap() - put "context: " before the message. Returns -e->code (or -ERR_PROTO when e is NULL). */
int err_wrap(struct err *e, const char *fmt, ...) PRINTF(2, 3);
/** err_is_transient() - may the same request succeed later? The only place that decides "retry?". */
bool err_is_transient(const struct err *e);
/** err_name() - stable lower-case word for a code: "not_found". Never NULL. */
const char *err_name(enum err_code code);
/** err_exit_status() - the process exit status for a code; documented in docs/exit-codes.md. */
int err_exit_status(enum err_code code);
