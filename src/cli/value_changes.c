/* cli/value_changes.c: the difference of two JSON values. */
#include "cli/value_changes.h"

enum { PATH_BYTES = 16384 };

struct differ {
    struct arena *a;
    struct jval *list; /* of {path, old, new} */
    struct strbuf path;
};

static void differ_from(struct differ *d, const struct jval *old, const struct jval *new);

static void add_change(struct differ *d, const struct jval *old, const struct jval *new)
{
    struct jval *change = jval_new_object(d->a);

    jval_set_cstr(d->a, change, "path", strbuf_cstr(&d->path));
    if (old)
        jval_set(d->a, change, "old", old);
    if (new)
        jval_set(d->a, change, "new", new);
    jval_push(d->a, d->list, change);
}

static void step_in(struct differ *d, const struct jval *old, const struct jval *new, const char *part)
{
    size_t len = d->path.len;

    strbuf_addz(&d->path, part);
    differ_from(d, old, new);
    strbuf_truncate(&d->path, len);
}

static const char *member_part(struct differ *d, struct str key)
{
    return arena_printf(d->a, "%s%.*s", d->path.len > 0 ? "." : "", STR_ARG(key));
}

static void differ_objects(struct differ *d, const struct jval *old, const struct jval *new)
{
    for (size_t i = 0; i < jval_len(old); i++)
        step_in(d, jval_at(old, i), jval_get_str(new, jval_key_at(old, i)),
                member_part(d, jval_key_at(old, i)));
    for (size_t i = 0; i < jval_len(new); i++) {
        if (!jval_get_str(old, jval_key_at(new, i)))
            step_in(d, NULL, jval_at(new, i), member_part(d, jval_key_at(new, i)));
    }
}

static struct str name_of(const struct jval *v)
{
    return jval_str(jval_get(v, "name"));
}

/* A list of things with names, as env: told apart by them, for their order says little. */
static bool has_names(const struct jval *list)
{
    for (size_t i = 0; i < jval_len(list); i++) {
        if (name_of(jval_at(list, i)).len == 0)
            return false;
    }
    return true;
}

static const struct jval *named(const struct jval *list, struct str name)
{
    for (size_t i = 0; i < jval_len(list); i++) {
        if (str_eq(name_of(jval_at(list, i)), name))
            return jval_at(list, i);
    }
    return NULL;
}

static void differ_named(struct differ *d, const struct jval *old, const struct jval *new)
{
    for (size_t i = 0; i < jval_len(old); i++) {
        struct str name = name_of(jval_at(old, i));

        step_in(d, jval_at(old, i), named(new, name), member_part(d, name));
    }
    for (size_t i = 0; i < jval_len(new); i++) {
        struct str name = name_of(jval_at(new, i));

        if (!named(old, name))
            step_in(d, NULL, jval_at(new, i), member_part(d, name));
    }
}

static void differ_lists(struct differ *d, const struct jval *old, const struct jval *new)
{
    size_t len = jval_len(old) > jval_len(new) ? jval_len(old) : jval_len(new);

    for (size_t i = 0; i < len; i++)
        step_in(d, jval_at(old, i), jval_at(new, i), arena_printf(d->a, "[%zu]", i));
}

/* Either may be NULL: not there. */
static void differ_from(struct differ *d, const struct jval *old, const struct jval *new)
{
    if (old && new &&jval_equal(old, new))
        return;
    if (jval_is(old, JVAL_OBJECT) && jval_is(new, JVAL_OBJECT))
        differ_objects(d, old, new);
    else if (!jval_is(old, JVAL_ARRAY) || !jval_is(new, JVAL_ARRAY))
        add_change(d, old, new);
    else if (has_names(old) && has_names(new))
        differ_named(d, old, new);
    else
        differ_lists(d, old, new);
}

struct jval *value_changes(struct arena *a, const struct jval *old, const struct jval *new)
{
    struct differ d = { .a = a, .list = jval_new_array(a), .path = STRBUF(PATH_BYTES) };

    differ_from(&d, old, new);
    strbuf_done(&d.path);
    return d.list;
}

static const char *shown(struct arena *a, const struct jval *v)
{
    return v ? jval_text(a, v, JVAL_COMPACT).ptr : "(none)";
}

const char *value_change_text(struct arena *a, const struct jval *change)
{
    return arena_printf(a, "%.*s: %s -> %s", STR_ARG(jval_str(jval_get(change, "path"))),
                        shown(a, jval_get(change, "old")), shown(a, jval_get(change, "new")));
}
