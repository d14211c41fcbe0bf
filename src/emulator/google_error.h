/*
 * emulator/google_error.h: refusals in the shape of every Google REST service:
 * {"error":{"code":HTTP,"message":"...","status":"INVALID_ARGUMENT","details":[...]}}.
 *
 * Handlers fill a struct refusal and return its negative code; one place turns it into a reply. The texts are
 * those of the reference, vertex-and-google-auth.md sections 1.9 and 1.10.
 */
#pragma once

#include "base/jval.h"
#include "io/http.h"

/* google.rpc.Code, as CustomJob.error carries it. */
enum rpc_code {
    RPC_OK = 0,
    RPC_CANCELLED = 1,
    RPC_UNKNOWN = 2,
    RPC_INVALID_ARGUMENT = 3,
    RPC_DEADLINE_EXCEEDED = 4,
    RPC_NOT_FOUND = 5,
    RPC_ALREADY_EXISTS = 6,
    RPC_PERMISSION_DENIED = 7,
    RPC_RESOURCE_EXHAUSTED = 8,
    RPC_FAILED_PRECONDITION = 9,
    RPC_ABORTED = 10,
    RPC_OUT_OF_RANGE = 11,
    RPC_UNIMPLEMENTED = 12,
    RPC_INTERNAL = 13,
    RPC_UNAVAILABLE = 14,
    RPC_UNAUTHENTICATED = 16
};
const char *rpc_code_name(
    enum rpc_code code);               /* "INVALID_ARGUMENT"; "UNKNOWN" for numbers it does not know */
int rpc_code_http(enum rpc_code code); /* the HTTP status that goes with it */

struct refusal {
    struct arena *a; /* set by the caller; all else lives in it */
    enum rpc_code code;
    const char *message;
    struct jval *violations; /* array of {field, description} for a BadRequest detail, or NULL */
    struct jval *details;    /* array of further details, or NULL */
};

/** refuse() - set code and message. Always returns -ERR_INVALID: "the reply is in the refusal". */
int refuse(struct refusal *r, enum rpc_code code, const char *fmt, ...) PRINTF(3, 4);
/** refusal_add_violation() - one line of the BadRequest detail; both texts are copied. */
void refusal_add_violation(struct refusal *r, const char *field, const char *description);
/** refusal_add_info() - an ErrorInfo detail: reason "SERVICE_DISABLED", domain "googleapis.com" or a service,
 * @pairs of metadata: name, value, name, value, NULL. All copied. */
void refusal_add_info(struct refusal *r, const char *reason, const char *domain, const char *const *pairs);
/** refusal_reply() - the reply of @x from @r. */
void refusal_reply(struct http_exchange *x, const struct refusal *r);
/** json_reply() - 200 and @v as compact JSON. */
void json_reply(struct http_exchange *x, const struct jval *v);
