/* emulator/form.c: form bodies and OAuth errors. */
#include "emulator/form.h"

#include "base/jval.h"

struct str form_get(struct http_exchange *x, const char *name)
{
    struct str query = x->query, value;

    x->query = x->body; /* the same encoding; the helper reads the query */
    value = http_query_get(x, name);
    x->query = query;
    return value;
}

void oauth_error(struct http_exchange *x, const char *error, const char *description)
{
    struct jval *v = jval_new_object(x->a);

    jval_set_cstr(x->a, v, "error", error);
    jval_set_cstr(x->a, v, "error_description", description);
    http_reply_text(x, 400, "application/json; charset=utf-8", jval_text(x->a, v, JVAL_COMPACT));
}
