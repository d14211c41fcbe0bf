/* base/dec.c: turning a jval object into a typed struct. */
#include "base/dec.h"

#include <stdarg.h>

#include "base/problems.h"

void dec_init(struct dec *d, struct arena *a, const struct jval *v, const char *path, enum err_code code,
              struct err *e)
{
    *d = (struct dec){ .v = v, .path = path, .a = a, .e = e, .code = code };
    if (jval_is(v, JVAL_OBJECT))
        return;
    d->failed = true;
    err_set(e, code, "%s: expected an object, not %s", path, v ? jval_type_name(jval_type(v)) : "nothing");
}

/* Where the member's name stands, else its object. */
static struct jval_pos place_of(const struct dec *d, const char *key)
{
    for (size_t i = 0; i < jval_len(d->v); i++)
        if (str_is(jval_key_at(d->v, i), key))
            return jval_key_pos_at(d->v, i);
    return jval_pos(d->v);
}

void dec_fail(struct dec *d, const char *key, const char *fmt, ...)
{
    AUTO_STRBUF struct strbuf text = STRBUF(2000);
    va_list ap;

    if (d->failed)
        return;
    d->failed = true;
    va_start(ap, fmt);
    strbuf_vaddf(&text, fmt, ap);
    va_end(ap);
    err_set(d->e, d->code, "%s%s%s: %s", d->path, d->path[0] ? "." : "", key, strbuf_cstr(&text));
    if (d->file) {
        struct jval_pos at = place_of(d, key);

        err_wrap(d->e, "%s:%u:%u", d->file, at.line, at.column);
    }
}

/* The member, when it is there; complains when it is required and is not. */
static const struct jval *take(struct dec *d, const char *key, enum dec_need need)
{
    const struct jval *v = d->failed ? NULL : jval_get(d->v, key);

    if (d->failed)
        return NULL;
    if (jval_is(v, JVAL_NULL)) {
        if (need == DEC_REQUIRED)
            dec_fail(d, key, "missing");
        return NULL;
    }
    return v;
}

static const struct jval *take_typed(struct dec *d, const char *key, enum jval_type t, enum dec_need need)
{
    const struct jval *v = take(d, key, need);

    if (v && !jval_is(v, t)) {
        dec_fail(d, key, "expected %s, not %s", jval_type_name(t), jval_type_name(jval_type(v)));
        return NULL;
    }
    return v;
}

void dec_str(struct dec *d, const char *key, struct str *ret, enum dec_need need)
{
    const struct jval *v = take_typed(d, key, JVAL_STR, need);

    if (v)
        *ret = jval_str(v);
}

void dec_i64(struct dec *d, const char *key, int64_t *ret, enum dec_need need)
{
    const struct jval *v = take_typed(d, key, JVAL_INT, need);

    if (v)
        *ret = jval_int(v);
}

void dec_bool(struct dec *d, const char *key, bool *ret, enum dec_need need)
{
    const struct jval *v = take_typed(d, key, JVAL_BOOL, need);

    if (v)
        *ret = jval_bool(v);
}

void dec_val(struct dec *d, const char *key, const struct jval **ret, enum dec_need need)
{
    const struct jval *v = take(d, key, need);

    if (v)
        *ret = v;
}

void dec_list(struct dec *d, const char *key, const struct jval **ret, enum dec_need need)
{
    const struct jval *v = take_typed(d, key, JVAL_ARRAY, need);

    if (v)
        *ret = v;
}

bool dec_object(struct dec *d, const char *key, struct dec *ret, enum dec_need need)
{
    const struct jval *v = take_typed(d, key, JVAL_OBJECT, need);

    *ret =
        (struct dec){ .a = d->a, .e = d->e, .code = d->code, .failed = d->failed, .v = v, .file = d->file };
    ret->path = arena_printf(d->a, "%s%s%s", d->path, d->path[0] ? "." : "", key);
    return v != NULL;
}

void dec_item(struct dec *d, const char *key, const struct jval *list, size_t index, struct dec *ret)
{
    const char *path = arena_printf(d->a, "%s%s%s[%zu]", d->path, d->path[0] ? "." : "", key, index);

    dec_init(ret, d->a, jval_at(list, index), path, d->code, d->e);
    ret->file = d->file;
}

bool dec_failed(const struct dec *d)
{
    return d->failed;
}

void dec_no_unknown(struct dec *d, const char *const *known)
{
    for (size_t i = 0; i < jval_len(d->v) && !d->failed; i++) {
        struct str key = jval_key_at(d->v, i);
        const char *near = NULL;
        bool found = false;

        for (const char *const *k = known; *k && !found; k++)
            found = str_is(key, *k);
        if (found)
            continue;
        near = nearest_name(key, known);
        if (near)
            dec_fail(d, arena_cstr(d->a, key), "unknown key; did you mean \"%s\"?", near);
        else
            dec_fail(d, arena_cstr(d->a, key), "unknown key");
    }
}
