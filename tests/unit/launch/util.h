/* What the tests of launch/ share: a tree from JSON text, all problems as one text. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/problems.h"

static inline const struct jval *json(struct arena *a, const char *text)
{
    struct jval *v = NULL;
    struct err e = { 0 };

    if (jval_from_json(a, str_of(text), "test", NULL, &v, &e))
        fail_msg("%s in %s", e.msg, text);
    return v;
}

static inline const struct jval *yaml(struct arena *a, const char *text)
{
    struct jval *v = NULL;
    struct err e = { 0 };

    if (jval_from_yaml(a, str_of(text), "test", NULL, &v, &e))
        fail_msg("%s in %s", e.msg, text);
    return v;
}

/* One problem a line. */
static inline const char *problems_text(struct problems *p)
{
    AUTO_STRBUF struct strbuf b = STRBUF(1 << 16);

    for (size_t i = 0; i < p->len; i++) {
        problem_format(&b, p, &p->items[i]);
        strbuf_addc(&b, '\n');
    }
    return arena_strdup(p->a, strbuf_cstr(&b));
}
