/* server/graphql/gql_values.c: values on their way in: variables, arguments, literals. */
#include "server/graphql/gql_exec.h"
#include "server/graphql/gql_rules.h"

static const struct jval *literal_object(const struct gql_run *run, const struct gql_value *v,
                                         const struct gql_type *t)
{
    struct jval *object = jval_new_object(run->a);

    for (size_t i = 0; i < t->members.len; i++) {
        const struct gql_member *m = t->members.in_order[i];
        const struct gql_value *item = v->items;
        const struct jval *value = NULL;

        while (item && !str_eq(item->name, m->name))
            item = item->next;
        value = item ? gql_literal(run, item, m->ref) : NULL;
        if (!value && m->preset)
            value = gql_literal(run, m->preset, m->ref);
        if (value)
            jval_set_str(run->a, object, m->name, value);
    }
    return object;
}

static const struct jval *literal_list(const struct gql_run *run, const struct gql_value *v,
                                       const struct gql_ref *item_ref)
{
    struct jval *list = jval_new_array(run->a);

    if (v->kind != GQL_VALUE_LIST) {
        jval_push(run->a, list, gql_literal(run, v, item_ref));
        return list;
    }
    for (const struct gql_value *item = v->items; item; item = item->next) {
        const struct jval *value = gql_literal(run, item, item_ref);

        jval_push(run->a, list, value ? value : jval_new_null(run->a));
    }
    return list;
}

static const struct jval *untyped_members(const struct gql_run *run, const struct gql_value *v)
{
    struct jval *object = jval_new_object(run->a);

    for (const struct gql_value *item = v->items; item; item = item->next) {
        const struct jval *value = gql_literal(run, item, NULL);

        if (value)
            jval_set_str(run->a, object, item->name, value);
    }
    return object;
}

static const struct jval *plain_number(const struct gql_run *run, const struct gql_value *v, bool is_real)
{
    int64_t n = 0;
    double d = 0;

    if (!is_real && str_to_i64(v->text, &n))
        return jval_new_int(run->a, n);
    if (!str_to_double(v->text, &d) || d - d != 0)
        return jval_new_null(run->a); /* beyond what a double holds, in a scalar without rules */
    return jval_new_real(run->a, d);
}

/* @t: the type it is coerced to, or NULL: as it stands. */
static const struct jval *plain_literal(const struct gql_run *run, const struct gql_value *v,
                                        const struct gql_type *t)
{
    switch (v->kind) {
    case GQL_VALUE_VARIABLE:
        return jval_get_str(run->variables, v->text);
    case GQL_VALUE_INT:
        if (t && t->scalar == GQL_SCALAR_ID)
            return jval_new_str(run->a, v->text);
        return plain_number(run, v, t && t->scalar == GQL_SCALAR_FLOAT);
    case GQL_VALUE_FLOAT:
        return plain_number(run, v, true);
    case GQL_VALUE_STRING:
    case GQL_VALUE_ENUM:
        return jval_new_str(run->a, v->text);
    case GQL_VALUE_BOOLEAN:
        return jval_new_bool(run->a, str_is(v->text, "true"));
    case GQL_VALUE_NULL:
        return jval_new_null(run->a);
    case GQL_VALUE_LIST:
        return literal_list(run, v, NULL);
    case GQL_VALUE_OBJECT:
        return untyped_members(run, v);
    }
    return NULL;
}

const struct jval *gql_literal(const struct gql_run *run, const struct gql_value *v,
                               const struct gql_ref *ref)
{
    if (ref && ref->kind == GQL_REF_NON_NULL)
        ref = ref->of;
    if (v->kind == GQL_VALUE_VARIABLE || v->kind == GQL_VALUE_NULL || !ref)
        return plain_literal(run, v, NULL);
    if (ref->kind == GQL_REF_LIST)
        return literal_list(run, v, ref->of);
    return ref->type->kind == GQL_INPUT ? literal_object(run, v, ref->type)
                                        : plain_literal(run, v, ref->type);
}

/* --- variables
 * ------------------------------------------------------------------------------------------------- */

/* Where a wrong value is, and why. */
struct coercion {
    const struct gql_run *run;
    const char *at; /* "input.a[1]" */
    const char *why;
    const struct jval *value;
    const char *why_at;
};

static const struct jval *coerce(struct coercion *c, const struct jval *v, const struct gql_ref *ref);

static const struct jval *refuse(struct coercion *c, const struct jval *v, const char *why)
{
    if (!c->why) {
        c->why = why;
        c->why_at = c->at;
        c->value = v;
    }
    return NULL;
}

static const char *json_of(struct arena *a, const struct jval *v)
{
    return arena_cstr(a, str_sub(jval_text(a, v, JVAL_COMPACT), 0, 200));
}

static bool is_whole(const struct jval *v)
{
    double d = jval_real(v);

    return jval_is(v, JVAL_INT) ||
           (jval_is(v, JVAL_REAL) && d > -9e15 && d < 9e15 && d == (double)(int64_t)d);
}

static const struct jval *coerce_int(struct coercion *c, const struct jval *v, bool is_64)
{
    struct arena *a = c->run->a;
    const char *name = is_64 ? "Int64" : "Int";
    int64_t n = jval_int(v);

    if (is_64 && jval_is(v, JVAL_STR) && str_to_i64(jval_str(v), &n))
        return jval_new_int(a, n); /* beyond 2^53 clients have to send text */
    if (!is_whole(v))
        return refuse(c, v,
                      arena_printf(a, "%s cannot represent non-integer value: %s", name, json_of(a, v)));
    if (jval_is(v, JVAL_REAL))
        n = (int64_t)jval_real(v);
    if (!is_64 && (n > INT32_MAX || n < INT32_MIN))
        return refuse(
            c, v, arena_printf(a, "Int cannot represent non 32-bit signed integer value: %s", json_of(a, v)));
    return jval_new_int(a, n);
}

static const struct jval *coerce_id(struct coercion *c, const struct jval *v)
{
    if (jval_is(v, JVAL_STR))
        return v;
    if (!is_whole(v))
        return refuse(c, v, arena_printf(c->run->a, "ID cannot represent value: %s", json_of(c->run->a, v)));
    if (jval_is(v, JVAL_INT))
        return jval_new_cstr(c->run->a, json_of(c->run->a, v));
    return jval_new_cstr(c->run->a, arena_printf(c->run->a, "%.0f", jval_real(v)));
}

static const struct jval *coerce_scalar(struct coercion *c, const struct jval *v, const struct gql_type *t)
{
    bool is_number = jval_is_number(v);
    bool is_ok = true;
    const char *what = "a non string";

    switch (t->scalar) {
    case GQL_SCALAR_INT:
    case GQL_SCALAR_INT64:
        return coerce_int(c, v, t->scalar == GQL_SCALAR_INT64);
    case GQL_SCALAR_ID:
        return coerce_id(c, v);
    case GQL_SCALAR_FLOAT:
        is_ok = is_number;
        what = "non numeric";
        break;
    case GQL_SCALAR_BOOLEAN:
        is_ok = jval_is(v, JVAL_BOOL);
        what = "a non boolean";
        break;
    case GQL_SCALAR_STRING:
    case GQL_SCALAR_JSON_STRING:
        is_ok = jval_is(v, JVAL_STR);
        break;
    case GQL_SCALAR_TEXT:
        is_ok = jval_is(v, JVAL_STR) || is_number;
        break;
    case GQL_SCALAR_JSON:
    case GQL_SCALAR_OTHER:
        break;
    }
    if (is_ok)
        return v;
    return refuse(c, v,
                  arena_printf(c->run->a, "%s cannot represent %s value: %s", t->name.ptr, what,
                               json_of(c->run->a, v)));
}

static const struct jval *coerce_enum(struct coercion *c, const struct jval *v, const struct gql_type *t)
{
    struct arena *a = c->run->a;

    if (!jval_is(v, JVAL_STR))
        return refuse(c, v,
                      arena_printf(a, "Enum \"%s\" cannot represent non-string value: %s.", t->name.ptr,
                                   json_of(a, v)));
    if (!gql_member_find(&t->members, jval_str(v)))
        return refuse(c, v,
                      arena_printf(a, "Value %s does not exist in \"%s\" enum.", json_of(a, v), t->name.ptr));
    return v;
}

static const struct jval *coerce_member(struct coercion *c, const struct jval *v, const struct gql_type *t,
                                        const struct gql_member *m)
{
    const struct jval *given = jval_get_str(v, m->name);
    const char *at = c->at;
    const struct jval *result = NULL;

    if (!given && m->preset)
        return gql_literal(c->run, m->preset, m->ref);
    if (!given && m->ref->kind == GQL_REF_NON_NULL)
        return refuse(c, v,
                      arena_printf(c->run->a, "Field \"%s.%s\" of required type \"%s\" was not provided.",
                                   t->name.ptr, m->name.ptr, gql_ref_name(c->run->a, m->ref)));
    if (!given)
        return NULL;
    c->at = arena_printf(c->run->a, "%s.%s", at, m->name.ptr);
    result = coerce(c, given, m->ref);
    c->at = at;
    return result;
}

static const struct jval *coerce_object(struct coercion *c, const struct jval *v, const struct gql_type *t)
{
    struct arena *a = c->run->a;
    struct jval *object = jval_new_object(a);

    if (!jval_is(v, JVAL_OBJECT))
        return refuse(c, v, arena_printf(a, "Expected type \"%s\" to be an object.", t->name.ptr));
    for (size_t i = 0; i < t->members.len; i++) {
        const struct gql_member *m = t->members.in_order[i];
        const struct jval *value = coerce_member(c, v, t, m);

        if (value)
            jval_set_str(a, object, m->name, value);
    }
    for (size_t i = 0; i < jval_len(v); i++) {
        if (!gql_member_find(&t->members, jval_key_at(v, i)))
            return refuse(c, v,
                          arena_printf(a, "Field \"%.*s\" is not defined by type \"%s\".",
                                       STR_ARG(jval_key_at(v, i)), t->name.ptr));
    }
    return object;
}

static const struct jval *coerce_list(struct coercion *c, const struct jval *v, const struct gql_ref *of)
{
    struct jval *list = jval_new_array(c->run->a);
    const char *at = c->at;

    if (!jval_is(v, JVAL_ARRAY)) {
        const struct jval *one = coerce(c, v, of);

        if (one)
            jval_push(c->run->a, list, one);
        return list;
    }
    for (size_t i = 0; i < jval_len(v) && !c->why; i++) {
        const struct jval *item = NULL;

        c->at = arena_printf(c->run->a, "%s[%zu]", at, i);
        item = coerce(c, jval_at(v, i), of);
        if (item)
            jval_push(c->run->a, list, item);
    }
    c->at = at;
    return list;
}

static const struct jval *coerce(struct coercion *c, const struct jval *v, const struct gql_ref *ref)
{
    if (ref->kind == GQL_REF_NON_NULL) {
        if (jval_is(v, JVAL_NULL))
            return refuse(c, v,
                          arena_printf(c->run->a, "Expected non-nullable type \"%s\" not to be null.",
                                       gql_ref_name(c->run->a, ref)));
        ref = ref->of;
    }
    if (jval_is(v, JVAL_NULL))
        return jval_new_null(c->run->a);
    if (ref->kind == GQL_REF_LIST)
        return coerce_list(c, v, ref->of);
    if (ref->type->kind == GQL_INPUT)
        return coerce_object(c, v, ref->type);
    return ref->type->kind == GQL_ENUM ? coerce_enum(c, v, ref->type) : coerce_scalar(c, v, ref->type);
}

static void variable_error(struct gql_run *run, const struct gql_variable *v, const char *text)
{
    struct jval *error = gql_error_new(run->a, text, "BAD_USER_INPUT");

    gql_error_add_place(run->a, error, run->source, v->pos);
    jval_push(run->a, run->errors, error);
}

static void coerce_variable(struct gql_run *run, const struct gql_variable *v, const struct jval *given)
{
    struct coercion c = { .run = run, .at = arena_cstr(run->a, v->name) };
    bool is_required = v->ref->kind == GQL_REF_NON_NULL;
    const struct jval *value = NULL;

    if (!given) {
        if (v->preset)
            jval_set_str(run->a, run->variables, v->name, gql_literal(run, v->preset, v->ref));
        else if (is_required)
            variable_error(run, v,
                           arena_printf(run->a, "Variable \"$%s\" of required type \"%s\" was not provided.",
                                        c.at, gql_ref_name(run->a, v->ref)));
        return;
    }
    if (is_required && jval_is(given, JVAL_NULL)) {
        variable_error(run, v,
                       arena_printf(run->a, "Variable \"$%s\" of non-null type \"%s\" must not be null.",
                                    c.at, gql_ref_name(run->a, v->ref)));
        return;
    }
    value = coerce(&c, given, v->ref);
    if (c.why)
        variable_error(run, v,
                       arena_printf(run->a, "Variable \"$%.*s\" got invalid value %s%s%s%s; %s",
                                    STR_ARG(v->name), json_of(run->a, c.value),
                                    c.why_at == c.at ? "" : " at \"", c.why_at == c.at ? "" : c.why_at,
                                    c.why_at == c.at ? "" : "\"", c.why));
    else
        jval_set_str(run->a, run->variables, v->name, value);
}

bool gql_variables_coerce(struct gql_run *run, const struct jval *given)
{
    run->variables = jval_new_object(run->a);
    for (const struct gql_variable *v = run->op->variables; v; v = v->next)
        coerce_variable(run, v, jval_get_str(given, v->name));
    return jval_len(run->errors) == 0;
}

/* --- arguments
 * ------------------------------------------------------------------------------------------------- */

static const struct jval *coerce_argument(const struct gql_run *run, const struct gql_member *m,
                                          const struct gql_argument *arg, const char **ret_why)
{
    const struct jval *value = arg ? gql_literal(run, arg->value, m->ref) : NULL;
    bool is_required = m->ref->kind == GQL_REF_NON_NULL;

    if (!value && m->preset)
        return gql_literal(run, m->preset, m->ref);
    if (!value && is_required && arg)
        *ret_why = arena_printf(run->a,
                                "Argument \"%s\" of required type \"%s\" was provided the variable \"$%.*s\" "
                                "which was not provided a runtime value.",
                                m->name.ptr, gql_ref_name(run->a, m->ref), STR_ARG(arg->value->text));
    else if (!value && is_required)
        *ret_why = arena_printf(run->a, "Argument \"%s\" of required type \"%s\" was not provided.",
                                m->name.ptr, gql_ref_name(run->a, m->ref));
    else if (value && is_required && jval_is(value, JVAL_NULL))
        *ret_why = arena_printf(run->a, "Argument \"%s\" of non-null type \"%s\" must not be null.",
                                m->name.ptr, gql_ref_name(run->a, m->ref));
    return value;
}

struct jval *gql_arguments_coerce(const struct gql_run *run, const struct gql_members *defs,
                                  const struct gql_argument *args, const char **ret_why)
{
    struct jval *object = jval_new_object(run->a);

    *ret_why = NULL;
    for (size_t i = 0; i < defs->len; i++) {
        const struct gql_member *m = defs->in_order[i];
        const struct gql_argument *arg = args;
        const struct jval *value = NULL;

        while (arg && !str_eq(arg->name, m->name))
            arg = arg->next;
        value = coerce_argument(run, m, arg, ret_why);
        if (*ret_why)
            return NULL;
        if (value)
            jval_set_str(run->a, object, m->name, value);
    }
    return object;
}
