/* emulator/oauth_error.c: OAuth errors. */
#include "emulator/oauth_error.h"

#include "base/jval.h"

void oauth_error(struct http_exchange *x, const char *error, const char *description)
{
    struct jval *v = jval_new_object(x->a);

    jval_set_cstr(x->a, v, "error", error);
    jval_set_cstr(x->a, v, "error_description", description);
    http_reply_text(x, 400, "application/json; charset=utf-8", jval_text(x->a, v, JVAL_COMPACT));
}
