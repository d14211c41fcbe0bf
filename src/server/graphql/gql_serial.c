/* server/graphql/gql_serial.c: leaves on their way out (wandb-launch.md 1.12 for the W&B scalars). */
#include "server/graphql/gql_exec.h"

static const char *text_of(struct arena *a, const struct jval *v)
{
    return arena_cstr(a, str_sub(jval_text(a, v, JVAL_COMPACT), 0, 200));
}

static const struct jval *out_int(struct arena *a, const struct gql_type *t, const struct jval *v,
                                  const char **ret_why)
{
    double d = jval_real(v);
    int64_t n = jval_int(v);
    bool is_32 = t->scalar == GQL_SCALAR_INT;

    if (jval_is(v, JVAL_BOOL)) {
        n = jval_bool(v);
    } else if (jval_is(v, JVAL_REAL) && d > -9e15 && d < 9e15 && d == (double)(int64_t)d) {
        n = (int64_t)d;
    } else if (!jval_is(v, JVAL_INT)) {
        *ret_why = arena_printf(a, "%s cannot represent non-integer value: %s", t->name.ptr, text_of(a, v));
        return NULL;
    }
    if (is_32 && (n > INT32_MAX || n < INT32_MIN)) {
        *ret_why = arena_printf(a, "Int cannot represent non 32-bit signed integer value: %s", text_of(a, v));
        return NULL;
    }
    return jval_is(v, JVAL_INT) ? v : jval_new_int(a, n);
}

/* String and ID: numbers and booleans become text. */
static const struct jval *out_text(struct arena *a, const struct gql_type *t, const struct jval *v,
                                   const char **ret_why)
{
    bool is_id = t->scalar == GQL_SCALAR_ID;

    switch (jval_type(v)) {
    case JVAL_STR:
        return v;
    case JVAL_INT:
        return jval_new_str(a, jval_text(a, v, JVAL_COMPACT));
    case JVAL_BOOL:
    case JVAL_REAL:
        if (!is_id)
            return jval_new_str(a, jval_text(a, v, JVAL_COMPACT));
        break;
    case JVAL_NULL:
    case JVAL_ARRAY:
    case JVAL_OBJECT:
        break;
    }
    *ret_why = arena_printf(a, "%s cannot represent value: %s", t->name.ptr, text_of(a, v));
    return NULL;
}

static const struct jval *out_enum(struct arena *a, const struct gql_type *t, const struct jval *v,
                                   const char **ret_why)
{
    if (jval_is(v, JVAL_STR) && gql_member_find(&t->members, jval_str(v)))
        return v;
    *ret_why = arena_printf(a, "Enum \"%s\" cannot represent value: %s", t->name.ptr, text_of(a, v));
    return NULL;
}

static const struct jval *out_checked(struct arena *a, const struct gql_type *t, const struct jval *v,
                                      const char **ret_why)
{
    bool is_composite = jval_is(v, JVAL_ARRAY) || jval_is(v, JVAL_OBJECT);
    bool is_ok = t->scalar == GQL_SCALAR_FLOAT     ? jval_is_number(v)
                 : t->scalar == GQL_SCALAR_BOOLEAN ? jval_is(v, JVAL_BOOL)
                                                   : !is_composite;

    if (is_ok)
        return v;
    *ret_why = arena_printf(a, "%s cannot represent value: %s", t->name.ptr, text_of(a, v));
    return NULL;
}

const struct jval *gql_serialize(struct arena *a, const struct gql_type *t, const struct jval *v,
                                 const char **ret_why)
{
    *ret_why = NULL;
    if (t->kind == GQL_ENUM)
        return out_enum(a, t, v, ret_why);
    switch (t->scalar) {
    case GQL_SCALAR_INT:
    case GQL_SCALAR_INT64:
        return out_int(a, t, v, ret_why);
    case GQL_SCALAR_STRING:
    case GQL_SCALAR_ID:
        return out_text(a, t, v, ret_why);
    case GQL_SCALAR_JSON:
        return v;
    case GQL_SCALAR_JSON_STRING:
        return jval_is(v, JVAL_STR) ? v : jval_new_str(a, jval_text(a, v, JVAL_COMPACT));
    case GQL_SCALAR_FLOAT:
    case GQL_SCALAR_BOOLEAN:
    case GQL_SCALAR_TEXT:
    case GQL_SCALAR_OTHER:
        return out_checked(a, t, v, ret_why);
    }
    return NULL;
}
