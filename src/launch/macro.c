/* launch/macro.c: ${name} in string values. */
#include "launch/macro.h"

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

size_t macro_braces_end(struct str s, size_t at)
{
    size_t end = at + 1;

    if (at >= s.len || s.ptr[at] != '{')
        return 0;
    while (end < s.len && is_name_byte(s.ptr[end]))
        end++;
    return end > at + 1 && end < s.len && s.ptr[end] == '}' ? end + 1 : 0;
}

static size_t skip_dollars(struct str s, size_t at)
{
    while (at < s.len && s.ptr[at] == '$')
        at++;
    return at;
}

bool macro_is_in(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        size_t brace = skip_dollars(s, i);

        if ((brace - i) % 2 == 1 && macro_braces_end(s, brace) > 0)
            return true;
        i = brace;
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

/* --- the environment ------------------------------------------------------------------------------------ */

bool macro_allow_is_valid(struct str entry)
{
    bool prefix = entry.len > 0 && entry.ptr[entry.len - 1] == '*';
    size_t len = prefix ? entry.len - 1 : entry.len;

    for (size_t i = 0; i < len; i++) {
        if (!is_name_byte(entry.ptr[i]) || (i == 0 && entry.ptr[i] >= '0' && entry.ptr[i] <= '9'))
            return false;
    }
    return len > 0;
}

static bool is_allowed(const struct macro_env *env, struct str name)
{
    for (const char *const *entry = env->allow; entry && *entry; entry++) {
        struct str s = str_of(*entry);
        bool prefix = s.len > 0 && s.ptr[s.len - 1] == '*';

        if (str_eq(s, name))
            return true;
        if (prefix && str_has_prefix(name, str_sub(s, 0, s.len - 1)) && !str_is(name, "WANDB_API_KEY"))
            return true;
    }
    return false;
}

/* --- one macro ------------------------------------------------------------------------------------------ */

struct place {
    struct jval_pos pos;
    const struct path *at;
};

static void unknown(struct expander *x, struct str name, const struct place *here)
{
    const struct macro_env *env = x->set->env;
    enum problem_level level = x->set->strict ? PROBLEM_ERROR : PROBLEM_WARNING;
    const char *path = path_text(x->p->a, here->at);
    const char **names = arena_array(x->p->a, x->set->len + 1, sizeof(*names));
    const char *near;

    if (env && is_allowed(env, name)) {
        problem_add(x->p, level, here->pos, path,
                    "${%.*s} stays as written: macros.allow_env allows it, but the agent's environment does "
                    "not have it",
                    STR_ARG(name));
        return;
    }
    if (env && env->get(env->ctx, arena_cstr(x->p->a, name))) {
        problem_add(x->p, level, here->pos, path,
                    "${%.*s} stays as written: to fill it from the agent's environment, list it under "
                    "macros.allow_env in the agent's launch-config.yaml; for the job's shell, write $${%.*s}",
                    STR_ARG(name), STR_ARG(name));
        return;
    }
    for (size_t i = 0; i < x->set->len; i++)
        names[i] = x->set->items[i].name;
    near = nearest_name(name, names);
    problem_hint(problem_add(x->p, level, here->pos, path, "unknown macro ${%.*s} stays as written%s%s%s%s",
                             STR_ARG(name), near ? "; did you mean ${" : "", near ? near : "",
                             near ? "}?" : "",
                             env || near ? "" : ", unless the agent's macros.allow_env lists it"),
                 NULL, near ? arena_printf(x->p->a, "${%s}", near) : NULL);
}

static void expand_one(struct expander *x, struct strbuf *out, struct str name, const struct place *here)
{
    const struct macro *m = macro_find(x->set, name);
    const struct macro_env *env = x->set->env;
    const char *value =
        !m && env && is_allowed(env, name) ? env->get(env->ctx, arena_cstr(x->p->a, name)) : NULL;

    if (m && !m->value.ptr) {
        problem_add(x->p, PROBLEM_ERROR, here->pos, path_text(x->p->a, here->at),
                    "${%s} has no value for this launch", m->name);
    } else if (m) {
        strbuf_add(out, m->value);
    } else if (value) {
        strbuf_addz(out, value);
    } else {
        strbuf_addf(out, "${%.*s}", STR_ARG(name));
        unknown(x, name, here);
    }
}

static void expand_text(struct expander *x, struct strbuf *out, struct str s, const struct place *here)
{
    size_t i = 0;

    while (i < s.len) {
        size_t brace = skip_dollars(s, i), end = brace > i ? macro_braces_end(s, brace) : 0;

        if (end == 0) {
            end = brace > i ? brace : brace + 1;
            strbuf_add(out, str_sub(s, i, end));
        } else {
            strbuf_add(out, str_sub(s, i, i + (brace - i) / 2));
            if ((brace - i) % 2 == 1)
                expand_one(x, out, str_sub(s, brace + 1, end - 1), here);
            else
                strbuf_add(out, str_sub(s, brace, end));
        }
        i = end;
    }
}

static const struct jval *expand_str(struct expander *x, const struct jval *v, const struct path *at)
{
    AUTO_STRBUF struct strbuf out = STRBUF(MACRO_MAX_STRING);
    const struct place here = { jval_pos(v), at };
    struct jval *made;

    if (str_find(jval_str(v), STR("${")) < 0)
        return v;
    expand_text(x, &out, jval_str(v), &here);
    x->written += out.len;
    if (out.full || x->written > MACRO_MAX_TOTAL) {
        problem_add(x->p, PROBLEM_ERROR, here.pos, path_text(x->p->a, at),
                    "too long after its macros are filled in");
        return v;
    }
    made = jval_new_str(x->p->a, strbuf_str(&out));
    jval_set_pos(made, here.pos);
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
    const struct jval *made = expand(&x, v, set->at);

    if (p->errors > errors)
        return problems_err(p, ERR_INVALID, e);
    *ret = made;
    return 0;
}
