/* launch/node.c: walking a config in its given and its converted form at once. */
#include "launch/node.h"

struct node node_member(struct converter *c, struct node n, const char *name)
{
    char camel[64];

    for (size_t i = 0; i < jval_len(n.raw) && jval_is(n.raw, JVAL_OBJECT); i++) {
        const struct path here = { .up = n.at, .key = jval_key_at(n.raw, i), .index = i };

        if (name_is(here.key, name) && !jval_is(jval_at(n.raw, i), JVAL_NULL))
            return (struct node){ .raw = jval_at(n.raw, i),
                                  .made = jval_get(n.made, name_camel(name, camel)),
                                  .at = path_keep(c->a, &here) };
    }
    return (struct node){ .at = n.at };
}

struct node node_element(struct converter *c, struct node n, size_t index)
{
    const struct path here = { .up = n.at, .index = index };

    return (struct node){ .raw = jval_at(n.raw, index),
                          .made = jval_at(n.made, index),
                          .at = path_keep(c->a, &here) };
}

bool node_is_known(const struct converter *c, struct node n)
{
    return n.made && !convert_is_open(c, n.raw);
}

struct str node_str(struct node n)
{
    return jval_str(n.made);
}

static struct problem *add(struct converter *c, enum problem_level level, struct node n, const char *fmt,
                           va_list ap) PRINTF(4, 0);

static struct problem *add(struct converter *c, enum problem_level level, struct node n, const char *fmt,
                           va_list ap)
{
    AUTO_STRBUF struct strbuf b = STRBUF(4000);

    strbuf_vaddf(&b, fmt, ap);
    return problem_add(c->p, level, jval_pos(n.raw), path_text(c->a, n.at), "%s", strbuf_cstr(&b));
}

struct problem *node_error(struct converter *c, struct node n, const char *fmt, ...)
{
    struct problem *item;
    va_list ap;

    va_start(ap, fmt);
    item = add(c, PROBLEM_ERROR, n, fmt, ap);
    va_end(ap);
    return item;
}

struct problem *node_warn(struct converter *c, struct node n, const char *fmt, ...)
{
    struct problem *item;
    va_list ap;

    va_start(ap, fmt);
    item = add(c, PROBLEM_WARNING, n, fmt, ap);
    va_end(ap);
    return item;
}
