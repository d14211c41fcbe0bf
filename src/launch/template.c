/* launch/template.c: values of template variables, chosen and filled in. */
#include "launch/template.h"

#include "launch/template_internal.h"
#include "launch/template_schema.h"

enum { MAX_TOKENS = 10000, MAX_STRING = 1 << 20, MAX_TOTAL = 4 << 20 };

/* --- choosing ------------------------------------------------------------------------------------------- */

static const char *nearest_member(struct arena *a, const struct jval *object, struct str given)
{
    const char **names = arena_array(a, jval_len(object) + 1, sizeof(*names));

    for (size_t i = 0; i < jval_len(object); i++)
        names[i] = jval_key_at(object, i).ptr;
    return nearest_name(given, names);
}

static bool must_be_object(const struct jval *v, const char *what, struct problems *p)
{
    if (jval_is(v, JVAL_NULL) || jval_is(v, JVAL_OBJECT))
        return true;
    problem_add(p, PROBLEM_ERROR, jval_pos(v), what, "must be an object, not %s", type_phrase(jval_type(v)));
    return false;
}

static void refuse_unknown(const struct jval *variables, const struct jval *values, struct problems *p)
{
    for (size_t i = 0; i < jval_len(values); i++) {
        struct str name = jval_key_at(values, i);
        const char *near;

        if (jval_get_str(variables, name))
            continue;
        near = nearest_member(p->a, variables, name);
        problem_add(p, PROBLEM_ERROR, jval_key_pos_at(values, i), "",
                    "this queue has no template variable \"%.*s\"%s%s%s", STR_ARG(str_sub(name, 0, 128)),
                    near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
}

static const struct jval *choose(const struct jval *schema, const struct jval *given, const char *path,
                                 struct problems *p)
{
    const struct jval *value = jval_is(given, JVAL_NULL) ? jval_get(schema, "default") : given;

    if (!jval_is(value, JVAL_NULL))
        return template_value_check(schema, value, path, p);
    problem_add(p, PROBLEM_ERROR, (struct jval_pos){ 0 }, path, "needs a value: %s",
                template_expected(p->a, schema));
    return NULL;
}

int template_values(const struct jval *variables, const struct jval *values, const struct jval **ret,
                    struct problems *p, struct err *e)
{
    struct jval *chosen = jval_new_object(p->a);
    size_t errors = p->errors;

    if (must_be_object(values, "templateVariableValues", p)) {
        refuse_unknown(variables, values, p);
        for (size_t i = 0; i < jval_len(variables); i++) {
            struct str name = jval_key_at(variables, i);
            const char *path = arena_printf(p->a, "{{%.*s}}", STR_ARG(str_sub(name, 0, 128)));
            const struct jval *value =
                choose(jval_get(jval_at(variables, i), "schema"), jval_get_str(values, name), path, p);

            if (value)
                jval_set_str(p->a, chosen, name, value);
        }
    }
    if (p->errors > errors)
        return problems_err(p, ERR_INVALID, e);
    *ret = chosen;
    return 0;
}

const struct jval *template_value_of_text(struct arena *a, const struct jval *variables, struct str name,
                                          struct str text)
{
    const struct jval *schema = jval_get(jval_get_str(variables, name), "schema");
    struct problems ignored = { .a = a, .file = "" };
    const struct jval *as_text = jval_new_str(a, text);
    int64_t n = 0;
    double d = 0;

    if (str_is(jval_str(jval_get(schema, "type")), "string") ||
        (!jval_get(schema, "type") && template_value_check(schema, as_text, "", &ignored)))
        return as_text;
    if (str_to_i64(text, &n))
        return jval_new_int(a, n);
    if (str_to_double(text, &d))
        return jval_new_real(a, d);
    return str_is(text, "true") || str_is(text, "false") ? jval_new_bool(a, str_is(text, "true")) : as_text;
}

/* --- filling -------------------------------------------------------------------------------------------- */

struct filler {
    const struct jval *chosen;
    struct problems *p;
    size_t tokens, written;
};

static const struct jval *value_of(struct filler *f, struct str name, const struct jval *at_value,
                                   const struct place_context *at)
{
    const struct jval *value = jval_get_str(f->chosen, name);
    const char *near;

    if (++f->tokens == MAX_TOKENS + 1)
        problem_add(f->p, PROBLEM_ERROR, jval_pos(at_value), "", "more than %d template tokens", MAX_TOKENS);
    if (f->tokens > MAX_TOKENS)
        return NULL;
    if (value)
        return value;
    near = nearest_member(f->p->a, f->chosen, name);
    problem_add(f->p, PROBLEM_ERROR, jval_pos(at_value), path_text(f->p->a, &at->path),
                "{{%.*s}} has no value: the queue does not declare the variable%s%s%s", STR_ARG(name),
                near ? "; did you mean {{" : "", near ? near : "", near ? "}}?" : "");
    return NULL;
}

static struct str text_of(struct arena *a, const struct jval *value)
{
    return jval_is(value, JVAL_STR) ? jval_str(value) : jval_text(a, value, JVAL_COMPACT);
}

/* A string's parts in order: stretches of the config, and values. */
static bool collect(struct filler *f, const struct jval *v, const struct place_context *at,
                    struct template_text *parts)
{
    struct str s = jval_str(v);
    struct template_token t;
    size_t from = 0;

    for (; template_token_next(s, from, &t); from = t.to) {
        const struct jval *value = value_of(f, t.name, v, at);

        if (!value)
            return false;
        template_text_add(parts, f->p->a, str_sub(s, from, t.from), false);
        template_text_add(parts, f->p->a, text_of(f->p->a, value), true);
    }
    template_text_add(parts, f->p->a, str_sub(s, from, s.len), false);
    return true;
}

static const struct jval *fill_longer(struct filler *f, const struct jval *v, const struct place_context *at)
{
    AUTO_STRBUF struct strbuf out = STRBUF(MAX_STRING);
    struct template_text parts = { .len = 0 };
    struct jval *made;

    if (!collect(f, v, at, &parts))
        return v;
    template_text_write(&parts, &out);
    f->written += out.len;
    if (out.full || f->written > MAX_TOTAL) {
        problem_add(f->p, PROBLEM_ERROR, jval_pos(v), path_text(f->p->a, &at->path),
                    "too long with its template values filled in");
        return v;
    }
    made = jval_new_str(f->p->a, strbuf_str(&out));
    jval_set_pos(made, jval_pos(v));
    return made;
}

static const struct jval *fill_str(struct filler *f, const struct jval *v, const struct place_context *at)
{
    struct str s = jval_str(v);
    struct template_token t;
    const struct jval *value;
    struct jval *made;

    if (!template_token_next(s, 0, &t) || f->tokens > MAX_TOKENS)
        return v;
    value = t.from == 0 && t.to == s.len ? jval_get_str(f->chosen, t.name) : NULL;
    if (!value || jval_is(value, JVAL_STR) || place_wants(at) == PLACE_WANTS_TEXT)
        return fill_longer(f, v, at);
    f->tokens++;
    made = jval_copy(f->p->a, value);
    jval_set_pos(made, jval_pos(v));
    return made;
}

static const struct jval *fill(struct filler *f, const struct jval *v, const struct place_context *at)
{
    bool object = jval_is(v, JVAL_OBJECT), changed = false;
    struct jval *out;

    if (jval_is(v, JVAL_STR))
        return fill_str(f, v, at);
    if (!object && !jval_is(v, JVAL_ARRAY))
        return v;
    out = object ? jval_new_object(f->p->a) : jval_new_array(f->p->a);
    for (size_t i = 0; i < jval_len(v); i++) {
        const struct place_context here = place_inside(at, v, i);
        const struct jval *made = fill(f, jval_at(v, i), &here);

        changed = changed || made != jval_at(v, i);
        if (object)
            jval_append_member(f->p->a, out, jval_key_at(v, i), jval_key_pos_at(v, i), made);
        else
            jval_push(f->p->a, out, made);
    }
    jval_set_pos(out, jval_pos(v));
    return changed ? out : v;
}

int template_fill(const struct jval *config, const struct jval *chosen, const struct jval **ret,
                  struct problems *p, struct err *e)
{
    struct filler f = { .chosen = chosen, .p = p };
    const struct place_context top = { .kind = CONTEXT_TOP };
    size_t errors = p->errors;
    const struct jval *made = jval_len(chosen) > 0 ? fill(&f, config, &top) : config;

    if (p->errors > errors)
        return problems_err(p, ERR_INVALID, e);
    *ret = made;
    return 0;
}

/* --- a queue's definitions ------------------------------------------------------------------------------ */

struct user {
    const struct jval *variables;
    struct jval *used;
    struct problems *p;
};

static void check_uses(struct user *u, const struct jval *v, const struct place_context *at)
{
    struct template_token t;
    const char *near;

    for (size_t from = 0; jval_is(v, JVAL_STR) && template_token_next(jval_str(v), from, &t); from = t.to) {
        jval_set_str(u->p->a, u->used, t.name, v);
        if (jval_get_str(u->variables, t.name))
            continue;
        near = nearest_member(u->p->a, u->variables, t.name);
        problem_add(u->p, PROBLEM_ERROR, jval_pos(v), path_text(u->p->a, &at->path),
                    "{{%.*s}} is not among the template variables%s%s%s", STR_ARG(t.name),
                    near ? "; did you mean {{" : "", near ? near : "", near ? "}}?" : "");
    }
    for (size_t i = 0; i < jval_len(v); i++) {
        const struct place_context here = place_inside(at, v, i);

        check_uses(u, jval_at(v, i), &here);
    }
}

int template_variables_check(const struct jval *variables, const struct jval *config, struct problems *p,
                             struct err *e)
{
    struct user u = { .variables = variables, .used = jval_new_object(p->a), .p = p };
    const struct place_context top = { .kind = CONTEXT_TOP };
    size_t errors = p->errors;

    if (!must_be_object(variables, "template_variables", p))
        return problems_err(p, ERR_INVALID, e);
    if (jval_len(variables) > TEMPLATE_MAX_VARIABLES) {
        problem_add(p, PROBLEM_ERROR, jval_pos(variables), "template_variables", "more than %d",
                    TEMPLATE_MAX_VARIABLES);
        return problems_err(p, ERR_INVALID, e);
    }
    for (size_t i = 0; i < jval_len(variables); i++)
        template_variable_check(jval_key_at(variables, i), jval_at(variables, i),
                                jval_key_pos_at(variables, i), p);
    if (config && jval_len(variables) > 0)
        check_uses(&u, config, &top);
    for (size_t i = 0; config && i < jval_len(variables); i++) {
        if (!jval_get_str(u.used, jval_key_at(variables, i)))
            problem_add(p, PROBLEM_WARNING, jval_key_pos_at(variables, i), "template_variables",
                        "the config does not use {{%.*s}}",
                        STR_ARG(str_sub(jval_key_at(variables, i), 0, 128)));
    }
    return p->errors > errors ? problems_err(p, ERR_INVALID, e) : 0;
}
