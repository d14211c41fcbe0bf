/* launch/macro.c: ${name} in string values. */
#include "launch/macro.h"

#include "launch/path.h"

enum {
    MACRO_MAX_STRING = 1 << 20, /* one value after expansion */
    MACRO_MAX_TOTAL = 16 << 20  /* all that expansion has written: a config cannot blow itself up */
};

struct expander {
    const struct macro_set *set;
    struct problems *p;
    size_t written;
};

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

/* Length of "${name}" at @at, 0 when there is none; the name goes to *ret. */
static size_t macro_at(struct str s, size_t at, struct str *ret)
{
    size_t end = at + 2;

    if (end >= s.len || s.ptr[at] != '$' || s.ptr[at + 1] != '{')
        return 0;
    while (end < s.len && is_name_byte(s.ptr[end]))
        end++;
    if (end == at + 2 || end >= s.len || s.ptr[end] != '}')
        return 0;
    *ret = str_sub(s, at + 2, end);
    return end + 1 - at;
}

bool macro_is_in(struct str s)
{
    struct str name;

    for (size_t i = 0; i + 1 < s.len; i++) {
        if (s.ptr[i] == '$' && macro_at(s, i, &name) > 0 && (i == 0 || s.ptr[i - 1] != '$'))
            return true;
    }
    return false;
}

static const struct macro *macro_find(const struct macro_set *set, struct str name)
{
    for (size_t i = 0; i < set->len; i++) {
        if (str_is(name, set->items[i].name))
            return &set->items[i];
    }
    return NULL;
}

static void warn_unknown(struct expander *x, struct str name, struct jval_pos pos, const struct path *at)
{
    const char **names = arena_array(x->p->a, x->set->len + 1, sizeof(*names));
    const char *near;

    for (size_t i = 0; i < x->set->len; i++)
        names[i] = x->set->items[i].name;
    near = nearest_name(name, names);
    problem_add(x->p, PROBLEM_WARNING, pos, path_text(x->p->a, at),
                "unknown macro ${%.*s} stays as written%s%s%s", STR_ARG(name),
                near ? "; did you mean ${" : "", near ? near : "", near ? "}?" : "");
}

static void expand_one(struct expander *x, struct strbuf *out, struct str name, struct jval_pos pos,
                       const struct path *at)
{
    const struct macro *m = macro_find(x->set, name);

    if (!m) {
        strbuf_addf(out, "${%.*s}", STR_ARG(name));
        warn_unknown(x, name, pos, at);
    } else if (!m->value.ptr) {
        problem_add(x->p, PROBLEM_ERROR, pos, path_text(x->p->a, at), "${%s} has no value for this launch",
                    m->name);
    } else {
        strbuf_add(out, m->value);
    }
}

static const struct jval *expand_str(struct expander *x, const struct jval *v, const struct path *at)
{
    AUTO_STRBUF struct strbuf out = STRBUF(MACRO_MAX_STRING);
    struct str s = jval_str(v), name;
    struct jval_pos pos = jval_pos(v);
    struct jval *made;
    size_t i = 0, len;

    if (str_find(s, STR("${")) < 0)
        return v;
    while (i < s.len) {
        len = s.ptr[i] == '$' && i + 1 < s.len && s.ptr[i + 1] == '$' ? macro_at(s, i + 1, &name) : 0;
        if (len > 0) {
            strbuf_addf(&out, "${%.*s}", STR_ARG(name));
            i += len + 1;
            continue;
        }
        len = macro_at(s, i, &name);
        if (len > 0) {
            expand_one(x, &out, name, pos, at);
            i += len;
            continue;
        }
        strbuf_addc(&out, s.ptr[i++]);
    }
    x->written += out.len;
    if (out.full || x->written > MACRO_MAX_TOTAL) {
        problem_add(x->p, PROBLEM_ERROR, pos, path_text(x->p->a, at),
                    "too long after its macros are filled in");
        return v;
    }
    made = jval_new_str(x->p->a, strbuf_str(&out));
    jval_set_pos(made, pos);
    return made;
}

static const struct jval *expand(struct expander *x, const struct jval *v, const struct path *at);

/* What has no macro in it is shared with the input, not copied. */
static const struct jval *expand_list(struct expander *x, const struct jval *v, const struct path *at)
{
    struct jval *list = jval_new_array(x->p->a);
    bool changed = false;

    for (size_t i = 0; i < jval_len(v); i++) {
        const struct path here = { .up = at, .index = i };
        const struct jval *was = jval_at(v, i), *is = expand(x, was, &here);

        changed = changed || is != was;
        jval_push(x->p->a, list, is);
    }
    jval_set_pos(list, jval_pos(v));
    return changed ? list : v;
}

/* Changed members go into a copy: that keeps where the member names stand. */
static const struct jval *expand_object(struct expander *x, const struct jval *v, const struct path *at)
{
    struct jval *object = NULL;

    for (size_t i = 0; i < jval_len(v); i++) {
        const struct path here = { .up = at, .key = jval_key_at(v, i) };
        const struct jval *was = jval_at(v, i), *is = expand(x, was, &here);

        if (is == was)
            continue;
        if (!object)
            object = jval_copy(x->p->a, v);
        jval_set_str(x->p->a, object, here.key, is);
    }
    return object ? object : v;
}

static const struct jval *expand(struct expander *x, const struct jval *v, const struct path *at)
{
    switch (jval_type(v)) {
    case JVAL_STR:
        return expand_str(x, v, at);
    case JVAL_ARRAY:
        return expand_list(x, v, at);
    case JVAL_OBJECT:
        return expand_object(x, v, at);
    case JVAL_NULL:
    case JVAL_BOOL:
    case JVAL_INT:
    case JVAL_REAL:
        break;
    }
    return v;
}

int macro_expand(const struct jval *v, const struct macro_set *set, const struct jval **ret,
                 struct problems *p, struct err *e)
{
    struct expander x = { .set = set, .p = p };
    size_t errors = p->errors;
    const struct jval *made = expand(&x, v, NULL);

    if (p->errors > errors)
        return problems_err(p, ERR_INVALID, e);
    *ret = made;
    return 0;
}
