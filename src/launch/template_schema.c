/* launch/template_schema.c: schemas of template variables, and values against them. */
#include "launch/template_schema.h"

#include <math.h>

#include "launch/path.h"
#include "launch/pattern.h"
#include "launch/template_token.h"

enum kind { KIND_ANY, KIND_STRING, KIND_INTEGER, KIND_NUMBER, KIND_BOOLEAN, KIND_UNKNOWN };

static const char *const type_names[] = { "string", "integer", "number", "boolean", "float", NULL };
static const char *const keywords[] = { "type",  "enum",        "default",  "minimum",  "maximum", "pattern",
                                        "title", "description", "examples", "$comment", NULL };

static enum kind kind_of(const struct jval *schema)
{
    static const enum kind kinds[] = { KIND_STRING, KIND_INTEGER, KIND_NUMBER, KIND_BOOLEAN, KIND_NUMBER };
    const struct jval *type = jval_get(schema, "type");

    if (!type)
        return KIND_ANY;
    for (size_t i = 0; type_names[i]; i++) {
        if (jval_is(type, JVAL_STR) && str_is(jval_str(type), type_names[i]))
            return kinds[i];
    }
    return KIND_UNKNOWN;
}

static bool is_number(const struct jval *v)
{
    return jval_is(v, JVAL_INT) || (jval_is(v, JVAL_REAL) && isfinite(jval_real(v)));
}

static struct jval *at_same_place(struct jval *made, const struct jval *v)
{
    jval_set_pos(made, jval_pos(v));
    return made;
}

static const struct jval *as_integer(struct arena *a, const struct jval *v)
{
    double d = jval_real(v);

    if (jval_is(v, JVAL_REAL) && d == floor(d) && fabs(d) < 9e15)
        return at_same_place(jval_new_int(a, (int64_t)d), v);
    return jval_is(v, JVAL_INT) ? v : NULL;
}

static const struct jval *as_boolean(struct arena *a, const struct jval *v)
{
    bool yes = str_is(jval_str(v), "true");

    if (yes || str_is(jval_str(v), "false"))
        return at_same_place(jval_new_bool(a, yes), v);
    return jval_is(v, JVAL_BOOL) ? v : NULL;
}

/* @v as a value of @kind, or NULL. */
static const struct jval *as_kind(struct arena *a, enum kind kind, const struct jval *v)
{
    switch (kind) {
    case KIND_ANY:
        return jval_is(v, JVAL_STR) || jval_is(v, JVAL_BOOL) || is_number(v) ? v : NULL;
    case KIND_STRING:
        return jval_is(v, JVAL_STR) ? v : NULL;
    case KIND_NUMBER:
        return is_number(v) ? v : NULL;
    case KIND_INTEGER:
        return as_integer(a, v);
    case KIND_BOOLEAN:
        return as_boolean(a, v);
    case KIND_UNKNOWN:
        break;
    }
    return NULL;
}

/* --- values --------------------------------------------------------------------------------------------- */

static bool in_list(const struct jval *list, const struct jval *value)
{
    for (size_t i = 0; i < jval_len(list); i++) {
        if (jval_equal(jval_at(list, i), value))
            return true;
    }
    return false;
}

/* The bound that @v is beyond, or NULL. */
static const struct jval *bound_passed(const struct jval *schema, const struct jval *v)
{
    const struct jval *min = jval_get(schema, "minimum"), *max = jval_get(schema, "maximum");

    if (is_number(v) && is_number(min) && jval_real(v) < jval_real(min))
        return min;
    return is_number(v) && is_number(max) && jval_real(v) > jval_real(max) ? max : NULL;
}

static bool pattern_fits(struct arena *a, const struct jval *schema, const struct jval *value)
{
    const struct jval *text = jval_get(schema, "pattern");
    struct pattern *pattern = NULL;

    if (!jval_is(text, JVAL_STR) || !jval_is(value, JVAL_STR))
        return true;
    return pattern_compile(a, jval_str(text), &pattern, NULL) == 0 &&
           pattern_matches(pattern, jval_str(value));
}

/* At most 200 bytes of JSON, cut between characters. */
static void add_shown(struct strbuf *b, struct arena *a, const struct jval *v)
{
    struct str s = jval_text(a, v, JVAL_COMPACT);
    size_t to = s.len > 200 ? 200 : s.len;

    while (to < s.len && to > 0 && ((unsigned char)s.ptr[to] & 0xc0) == 0x80)
        to--;
    strbuf_add(b, str_sub(s, 0, to));
    strbuf_addz(b, to < s.len ? "..." : "");
}

static void add_list(struct strbuf *b, struct arena *a, const struct jval *list)
{
    enum { SHOWN = 20 };

    strbuf_addz(b, jval_len(list) == 1 ? "" : "one of ");
    for (size_t i = 0; i < jval_len(list) && i < SHOWN; i++) {
        strbuf_addz(b, i == 0 ? "" : ", ");
        add_shown(b, a, jval_at(list, i));
    }
    if (jval_len(list) > SHOWN)
        strbuf_addf(b, " and %zu more", jval_len(list) - SHOWN);
}

static void add_expected(struct strbuf *b, struct arena *a, const struct jval *schema)
{
    static const char *const phrases[] = {
        "a string, number or boolean", "a string", "an integer", "a number", "true or false", "a known type"
    };
    const struct jval *list = jval_get(schema, "enum"), *min = jval_get(schema, "minimum"),
                      *max = jval_get(schema, "maximum"), *pattern = jval_get(schema, "pattern");

    if (jval_len(list) > 0) {
        add_list(b, a, list);
        return;
    }
    strbuf_addz(b, phrases[kind_of(schema)]);
    if (is_number(min)) {
        strbuf_addz(b, is_number(max) ? " from " : " of at least ");
        add_shown(b, a, min);
    }
    if (is_number(max)) {
        strbuf_addz(b, is_number(min) ? " to " : " of at most ");
        add_shown(b, a, max);
    }
    if (jval_is(pattern, JVAL_STR))
        strbuf_addf(b, " that matches /%.*s/", STR_ARG(jval_str(pattern)));
}

const char *template_expected(struct arena *a, const struct jval *schema)
{
    AUTO_STRBUF struct strbuf b = STRBUF(6000);

    add_expected(&b, a, schema);
    return arena_cstr(a, strbuf_str(&b));
}

/* What the text of @value would be if it were no text: "4" may have been meant as 4. */
static const struct jval *unquoted(struct arena *a, const struct jval *value)
{
    int64_t n = 0;
    double d = 0;

    if (!jval_is(value, JVAL_STR))
        return NULL;
    if (str_to_i64(jval_str(value), &n))
        return jval_new_int(a, n);
    return str_to_double(jval_str(value), &d) && isfinite(d) ? jval_new_real(a, d) : NULL;
}

static const struct jval *nearest_number(const struct jval *list, double d)
{
    const struct jval *found = NULL;

    for (size_t i = 0; i < jval_len(list); i++) {
        const struct jval *v = jval_at(list, i);

        if (is_number(v) && (!found || fabs(jval_real(v) - d) < fabs(jval_real(found) - d)))
            found = v;
    }
    return found;
}

static const struct jval *nearest_text(struct arena *a, const struct jval *list, struct str given)
{
    const char **names = arena_array(a, jval_len(list) + 1, sizeof(*names));
    const char *near;
    size_t n = 0;

    for (size_t i = 0; i < jval_len(list); i++) {
        const struct jval *v = jval_at(list, i);

        if (jval_is(v, JVAL_STR) && str_eq_nocase(jval_str(v), given))
            return v;
        if (jval_is(v, JVAL_STR))
            names[n++] = jval_str(v).ptr;
    }
    near = nearest_name(given, names);
    return near ? jval_new_cstr(a, near) : NULL;
}

static const struct jval *nearest_in_list(struct arena *a, const struct jval *list, const struct jval *value,
                                          const struct jval *plain)
{
    const struct jval *near = jval_is(value, JVAL_STR) ? nearest_text(a, list, jval_str(value)) : NULL;

    return near || !is_number(plain) ? near : nearest_number(list, jval_real(plain));
}

/* A value that would do and is near the one given; NULL: none comes to mind. */
static const struct jval *nearest_valid(struct arena *a, const struct jval *schema, const struct jval *value)
{
    const struct jval *list = jval_get(schema, "enum");
    const struct jval *plain = jval_is(value, JVAL_STR) ? unquoted(a, value) : value;
    enum kind kind = kind_of(schema);

    if (jval_len(list) > 0)
        return nearest_in_list(a, list, value, plain);
    if (kind == KIND_STRING && is_number(value))
        plain = jval_new_str(a, jval_text(a, value, JVAL_COMPACT));
    if (bound_passed(schema, plain))
        return bound_passed(schema, plain);
    plain = plain ? as_kind(a, kind, plain) : NULL;
    return plain && pattern_fits(a, schema, plain) && !jval_equal(plain, value) ? plain : NULL;
}

static void refuse(const struct jval *schema, const struct jval *value, const char *path, struct problems *p)
{
    AUTO_STRBUF struct strbuf text = STRBUF(1000);
    const struct jval *near = nearest_valid(p->a, schema, value);
    const char *expected = template_expected(p->a, schema);
    struct problem *item;

    if (jval_is(value, JVAL_ARRAY) || jval_is(value, JVAL_OBJECT))
        strbuf_addz(&text, type_phrase(jval_type(value)));
    else
        add_shown(&text, p->a, value);
    if (near) {
        strbuf_addz(&text, "; did you mean ");
        add_shown(&text, p->a, near);
        strbuf_addz(&text, "?");
    }
    item = problem_add(p, PROBLEM_ERROR, jval_pos(value), path, "expected %s, got %s", expected,
                       strbuf_cstr(&text));
    problem_hint(item, expected, near ? jval_text(p->a, near, JVAL_COMPACT).ptr : NULL);
}

const struct jval *template_value_check(const struct jval *schema, const struct jval *value, const char *path,
                                        struct problems *p)
{
    const struct jval *list = jval_get(schema, "enum");
    const struct jval *made = as_kind(p->a, kind_of(schema), value);

    if (jval_str(value).len > TEMPLATE_MAX_VALUE) {
        problem_add(p, PROBLEM_ERROR, jval_pos(value), path, "longer than %d bytes", TEMPLATE_MAX_VALUE);
        return NULL;
    }
    if (!made || (jval_is(list, JVAL_ARRAY) && !in_list(list, made)) || bound_passed(schema, made) ||
        !pattern_fits(p->a, schema, made)) {
        refuse(schema, value, path, p);
        return NULL;
    }
    return made;
}

/* --- schemas -------------------------------------------------------------------------------------------- */

struct checker {
    struct problems *p;
    const struct jval *schema;
    const char *path; /* "template_variables.x.schema" */
};

static void PRINTF(3, 4) complain(const struct checker *c, const char *key, const char *fmt, ...)
{
    AUTO_STRBUF struct strbuf b = STRBUF(2000);
    const struct jval *v = jval_get(c->schema, key);
    va_list ap;

    va_start(ap, fmt);
    strbuf_vaddf(&b, fmt, ap);
    va_end(ap);
    problem_add(c->p, PROBLEM_ERROR, jval_pos(v ? v : c->schema),
                arena_printf(c->p->a, "%s.%s", c->path, key), "%s", strbuf_cstr(&b));
}

static void check_keywords(const struct checker *c)
{
    for (size_t i = 0; i < jval_len(c->schema); i++) {
        struct str key = jval_key_at(c->schema, i);
        const char *near = nearest_name(key, keywords);
        bool known = false;

        for (size_t k = 0; keywords[k]; k++)
            known = known || str_is(key, keywords[k]);
        if (!known)
            problem_add(c->p, PROBLEM_ERROR, jval_key_pos_at(c->schema, i), c->path,
                        "unknown keyword \"%.*s\"%s%s%s", STR_ARG(key), near ? "; did you mean \"" : "",
                        near ? near : "", near ? "\"?" : "");
    }
}

static void check_type(const struct checker *c)
{
    const struct jval *type = jval_get(c->schema, "type");
    const char *near = nearest_name(jval_str(type), type_names);

    if (kind_of(c->schema) != KIND_UNKNOWN)
        return;
    complain(c, "type", "expected string, integer, number or boolean%s%s%s", near ? "; did you mean " : "",
             near ? near : "", near ? "?" : "");
}

static void check_enum(const struct checker *c)
{
    const struct jval *list = jval_get(c->schema, "enum");
    enum kind kind = kind_of(c->schema);

    if (!list)
        return;
    if (!jval_is(list, JVAL_ARRAY) || jval_len(list) == 0 || jval_len(list) > TEMPLATE_MAX_ENUM) {
        complain(c, "enum", "expected a list of 1 to %d values", TEMPLATE_MAX_ENUM);
        return;
    }
    for (size_t i = 0; kind != KIND_UNKNOWN && i < jval_len(list); i++) {
        if (!as_kind(c->p->a, kind, jval_at(list, i)))
            complain(c, "enum", "value %zu is %s, not what \"type\" says", i + 1,
                     type_phrase(jval_type(jval_at(list, i))));
    }
}

static void check_bounds(const struct checker *c)
{
    static const char *const names[] = { "minimum", "maximum" };
    const struct jval *min = jval_get(c->schema, "minimum"), *max = jval_get(c->schema, "maximum");
    enum kind kind = kind_of(c->schema);

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct jval *bound = jval_get(c->schema, names[i]);

        if (bound && !is_number(bound))
            complain(c, names[i], "expected a number, got %s", type_phrase(jval_type(bound)));
        else if (bound && (kind == KIND_STRING || kind == KIND_BOOLEAN))
            complain(c, names[i], "only numbers have one; the type is %.*s",
                     STR_ARG(jval_str(jval_get(c->schema, "type"))));
    }
    if (is_number(min) && is_number(max) && jval_real(min) > jval_real(max))
        complain(c, "maximum", "is less than the minimum: no value would do");
}

static void check_pattern(const struct checker *c)
{
    const struct jval *text = jval_get(c->schema, "pattern");
    struct pattern *pattern = NULL;
    struct err e = { 0 };

    if (!text)
        return;
    if (!jval_is(text, JVAL_STR))
        complain(c, "pattern", "expected a string, got %s", type_phrase(jval_type(text)));
    else if (kind_of(c->schema) != KIND_STRING)
        complain(c, "pattern", "only strings have one: write \"type\": \"string\"");
    else if (pattern_compile(c->p->a, jval_str(text), &pattern, &e))
        complain(c, "pattern", "%s", e.msg);
}

void template_variable_check(struct str name, const struct jval *variable, struct jval_pos pos,
                             struct problems *p)
{
    const char *path = arena_printf(p->a, "template_variables.%.*s", STR_ARG(str_sub(name, 0, 128)));
    const struct jval *schema = jval_get(variable, "schema"), *otherwise = jval_get(schema, "default");
    const struct checker c = { p, schema, arena_printf(p->a, "%s.schema", path) };
    size_t errors;

    if (!template_name_is_valid(name))
        problem_add(p, PROBLEM_ERROR, pos, path,
                    "not a variable's name: letters, digits, _ and -, no digit or - first, at most 128");
    if (!jval_is(schema, JVAL_OBJECT)) {
        problem_add(p, PROBLEM_ERROR, pos, path, "needs a member \"schema\" with an object");
        return;
    }
    errors = p->errors;
    check_keywords(&c);
    check_type(&c);
    check_enum(&c);
    check_bounds(&c);
    check_pattern(&c);
    if (otherwise && !jval_is(otherwise, JVAL_NULL) && p->errors == errors)
        (void)template_value_check(schema, otherwise, arena_printf(p->a, "%s.default", c.path), p);
}
