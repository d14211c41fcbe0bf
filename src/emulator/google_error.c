/* emulator/google_error.c: Google's error envelope. Pure; google_reply.c writes it out. */
#include "emulator/google_error.h"

static const struct {
    const char *name;
    int http;
} codes[] = {
    [RPC_OK] = { "OK", 200 },
    [RPC_CANCELLED] = { "CANCELLED", 499 },
    [RPC_UNKNOWN] = { "UNKNOWN", 500 },
    [RPC_INVALID_ARGUMENT] = { "INVALID_ARGUMENT", 400 },
    [RPC_DEADLINE_EXCEEDED] = { "DEADLINE_EXCEEDED", 504 },
    [RPC_NOT_FOUND] = { "NOT_FOUND", 404 },
    [RPC_ALREADY_EXISTS] = { "ALREADY_EXISTS", 409 },
    [RPC_PERMISSION_DENIED] = { "PERMISSION_DENIED", 403 },
    [RPC_RESOURCE_EXHAUSTED] = { "RESOURCE_EXHAUSTED", 429 },
    [RPC_FAILED_PRECONDITION] = { "FAILED_PRECONDITION", 400 },
    [RPC_ABORTED] = { "ABORTED", 409 },
    [RPC_OUT_OF_RANGE] = { "OUT_OF_RANGE", 400 },
    [RPC_UNIMPLEMENTED] = { "UNIMPLEMENTED", 501 },
    [RPC_INTERNAL] = { "INTERNAL", 500 },
    [RPC_UNAVAILABLE] = { "UNAVAILABLE", 503 },
    [RPC_UNAUTHENTICATED] = { "UNAUTHENTICATED", 401 },
};

const char *rpc_code_name(enum rpc_code code)
{
    if ((size_t)code >= ARRAY_LEN(codes) || !codes[code].name)
        return "UNKNOWN";
    return codes[code].name;
}

int rpc_code_http(enum rpc_code code)
{
    if ((size_t)code >= ARRAY_LEN(codes) || !codes[code].name)
        return 500;
    return codes[code].http;
}

int refuse(struct refusal *r, enum rpc_code code, const char *fmt, ...)
{
    AUTO_STRBUF struct strbuf text = STRBUF(64 * 1024);
    va_list ap;

    va_start(ap, fmt);
    strbuf_vaddf(&text, fmt, ap);
    va_end(ap);
    r->code = code;
    r->message = arena_strdup(r->a, strbuf_cstr(&text));
    return -ERR_INVALID;
}

void refusal_add_violation(struct refusal *r, const char *field, const char *description)
{
    struct jval *v = jval_new_object(r->a);

    if (!r->violations)
        r->violations = jval_new_array(r->a);
    jval_set_cstr(r->a, v, "field", field);
    jval_set_cstr(r->a, v, "description", description);
    jval_push(r->a, r->violations, v);
}

void refusal_add_info(struct refusal *r, const char *reason, const char *domain, const char *const *pairs)
{
    struct jval *v = jval_new_object(r->a), *metadata = jval_new_object(r->a);

    if (!r->details)
        r->details = jval_new_array(r->a);
    for (size_t i = 0; pairs[i] && pairs[i + 1]; i += 2)
        jval_set_cstr(r->a, metadata, pairs[i], pairs[i + 1]);
    jval_set_cstr(r->a, v, "@type", "type.googleapis.com/google.rpc.ErrorInfo");
    jval_set_cstr(r->a, v, "reason", reason);
    jval_set_cstr(r->a, v, "domain", domain);
    jval_set(r->a, v, "metadata", metadata);
    jval_push(r->a, r->details, v);
}
