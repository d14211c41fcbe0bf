/* emulator/google_reply.c: refusals and answers as HTTP replies. */
#include "emulator/google_error.h"

static struct jval *refusal_details(const struct refusal *r)
{
    struct jval *list = jval_new_array(r->a);

    if (r->violations) {
        struct jval *v = jval_new_object(r->a);

        jval_set_cstr(r->a, v, "@type", "type.googleapis.com/google.rpc.BadRequest");
        jval_set(r->a, v, "fieldViolations", r->violations);
        jval_push(r->a, list, v);
    }
    for (size_t i = 0; i < jval_len(r->details); i++)
        jval_push(r->a, list, jval_at(r->details, i));
    return list;
}

static void reply_with(struct http_exchange *x, int status, const struct jval *v)
{
    http_reply_text(x, status, "application/json; charset=UTF-8", jval_text(x->a, v, JVAL_COMPACT));
}

void refusal_reply(struct http_exchange *x, const struct refusal *r)
{
    struct jval *error = jval_new_object(r->a), *root = jval_new_object(r->a);
    struct jval *details = refusal_details(r);

    jval_set_int(r->a, error, "code", rpc_code_http(r->code));
    jval_set_cstr(r->a, error, "message", r->message ? r->message : "");
    jval_set_cstr(r->a, error, "status", rpc_code_name(r->code));
    if (jval_len(details) > 0)
        jval_set(r->a, error, "details", details);
    jval_set(r->a, root, "error", error);
    reply_with(x, rpc_code_http(r->code), root);
}

void json_reply(struct http_exchange *x, const struct jval *v)
{
    reply_with(x, 200, v);
}
