/* launch/path.c: a chain of path parts as text. */
#include "launch/path.h"

static void path_add(struct strbuf *b, const struct path *p)
{
    if (!p)
        return;
    path_add(b, p->up);
    if (!p->key.ptr) {
        strbuf_addf(b, "[%zu]", p->index);
        return;
    }
    if (b->len > 0 && p->key.len > 0)
        strbuf_addc(b, '.');
    strbuf_add(b, p->key);
}

const struct path *path_keep(struct arena *a, const struct path *p)
{
    struct path *kept;

    if (!p)
        return NULL;
    kept = arena_alloc(a, sizeof(*kept));
    *kept = *p;
    kept->up = path_keep(a, p->up);
    return kept;
}

const char *path_text(struct arena *a, const struct path *p)
{
    AUTO_STRBUF struct strbuf b = STRBUF(4096);

    path_add(&b, p); /* deeper than 4096 bytes: the outer part, which finds the place */
    return arena_strdup(a, strbuf_cstr(&b));
}

const char *type_phrase(enum jval_type t)
{
    static const char *const phrases[] = {
        [JVAL_NULL] = "null",       [JVAL_BOOL] = "a boolean", [JVAL_INT] = "an integer",
        [JVAL_REAL] = "a number",   [JVAL_STR] = "a string",   [JVAL_ARRAY] = "a list",
        [JVAL_OBJECT] = "an object"
    };

    return phrases[t];
}
