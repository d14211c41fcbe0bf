/* server/graphql/gql_rules_value.c: literals against the types of the places they stand in. */
#include "server/graphql/gql_rules.h"

static const char *value_text(struct gql_rules *r, const struct gql_value *v)
{
    AUTO_STRBUF struct strbuf b = STRBUF(4096);

    gql_value_print(&b, v);
    return arena_strdup(r->a, strbuf_cstr(&b));
}

static void note_usage(struct gql_rules *r, const struct gql_value *v, const struct gql_ref *ref,
                       bool has_preset)
{
    struct gql_usage *u = arena_alloc(r->tree, sizeof(*u));

    if (!r->definition)
        return;
    *u = (struct gql_usage){ .pos = v->pos,
                             .name = v->text,
                             .expected = ref,
                             .has_preset = has_preset,
                             .next = r->definition->usages };
    r->definition->usages = u;
}

static void check_unique_members(struct gql_rules *r, const struct gql_value *v)
{
    for (const struct gql_value *item = v->items; item; item = item->next) {
        for (const struct gql_value *other = v->items; other != item; other = other->next) {
            if (!str_eq(other->name, item->name))
                continue;
            gql_rules_error(r, other->name_pos, item->name_pos,
                            "There can be only one input field named \"%.*s\".", STR_ARG(item->name));
            break;
        }
    }
}

/* A literal nobody knows the type of: variables in it still count as used. */
static void walk_untyped(struct gql_rules *r, const struct gql_value *v)
{
    if (v->kind == GQL_VALUE_VARIABLE)
        note_usage(r, v, NULL, false);
    if (v->kind == GQL_VALUE_OBJECT)
        check_unique_members(r, v);
    for (const struct gql_value *item = v->items; item; item = item->next)
        walk_untyped(r, item);
}

static void check_enum(struct gql_rules *r, const struct gql_value *v, const struct gql_type *t)
{
    if (v->kind != GQL_VALUE_ENUM)
        gql_rules_error(r, v->pos, UINT32_MAX, "Enum \"%s\" cannot represent non-enum value: %s.",
                        t->name.ptr, value_text(r, v));
    else if (!gql_member_find(&t->members, v->text))
        gql_rules_error(r, v->pos, UINT32_MAX, "Value \"%.*s\" does not exist in \"%s\" enum.",
                        STR_ARG(v->text), t->name.ptr);
}

static void check_int(struct gql_rules *r, const struct gql_value *v, bool is_64)
{
    int64_t n = 0;

    if (!str_to_i64(v->text, &n) || (!is_64 && (n > INT32_MAX || n < INT32_MIN)))
        gql_rules_error(r, v->pos, UINT32_MAX, "%s cannot represent non %s signed integer value: %.*s",
                        is_64 ? "Int64" : "Int", is_64 ? "64-bit" : "32-bit", STR_ARG(v->text));
}

static void check_float(struct gql_rules *r, const struct gql_value *v)
{
    double d = 0;

    if (!str_to_double(v->text, &d) || d - d != 0)
        gql_rules_error(r, v->pos, UINT32_MAX, "Float cannot represent value: %s", value_text(r, v));
}

#define KIND(k) (1u << GQL_VALUE_##k)
/* The literals a scalar takes, and what it calls the others; NULL: it takes anything. */
static const struct {
    unsigned kinds;
    const char *others;
} scalars[] = {
    [GQL_SCALAR_OTHER] = { 0, NULL },
    [GQL_SCALAR_INT] = { KIND(INT), "non-integer" },
    [GQL_SCALAR_FLOAT] = { KIND(INT) | KIND(FLOAT), "non numeric" },
    [GQL_SCALAR_STRING] = { KIND(STRING), "a non string" },
    [GQL_SCALAR_BOOLEAN] = { KIND(BOOLEAN), "a non boolean" },
    [GQL_SCALAR_ID] = { KIND(STRING) | KIND(INT), "a non-string and non-integer" },
    [GQL_SCALAR_INT64] = { KIND(INT), "non-integer" },
    [GQL_SCALAR_JSON] = { 0, NULL },
    [GQL_SCALAR_JSON_STRING] = { KIND(STRING), "a non string" },
    [GQL_SCALAR_TEXT] = { KIND(STRING) | KIND(INT) | KIND(FLOAT), "a non string" },
};

static void check_scalar(struct gql_rules *r, const struct gql_value *v, const struct gql_type *t)
{
    if (!scalars[t->scalar].others)
        walk_untyped(r, v);
    else if (!(scalars[t->scalar].kinds & (1u << v->kind)))
        gql_rules_error(r, v->pos, UINT32_MAX, "%s cannot represent %s value: %s", t->name.ptr,
                        scalars[t->scalar].others, value_text(r, v));
    else if (t->scalar == GQL_SCALAR_FLOAT)
        check_float(r, v);
    else if (t->scalar == GQL_SCALAR_INT || t->scalar == GQL_SCALAR_INT64)
        check_int(r, v, t->scalar == GQL_SCALAR_INT64);
}

static const struct gql_value *find_member(const struct gql_value *v, struct str name)
{
    for (const struct gql_value *item = v->items; item; item = item->next) {
        if (str_eq(item->name, name))
            return item;
    }
    return NULL;
}

static void check_object(struct gql_rules *r, const struct gql_value *v, const struct gql_type *t)
{
    if (v->kind != GQL_VALUE_OBJECT) {
        gql_rules_error(r, v->pos, UINT32_MAX, "Expected value of type \"%s\", found %s.", t->name.ptr,
                        value_text(r, v));
        walk_untyped(r, v);
        return;
    }
    check_unique_members(r, v);
    for (size_t i = 0; i < t->members.len; i++) {
        const struct gql_member *m = t->members.in_order[i];

        if (gql_is_required(m) && !find_member(v, m->name))
            gql_rules_error(r, v->pos, UINT32_MAX,
                            "Field \"%s.%s\" of required type \"%s\" was not provided.", t->name.ptr,
                            m->name.ptr, gql_ref_name(r->a, m->ref));
    }
    for (const struct gql_value *item = v->items; item; item = item->next) {
        const struct gql_member *m = gql_member_find(&t->members, item->name);

        if (!m)
            gql_rules_error(r, item->name_pos, UINT32_MAX, "Field \"%.*s\" is not defined by type \"%s\".",
                            STR_ARG(item->name), t->name.ptr);
        gql_rules_value(r, item, m ? m->ref : NULL, m && m->preset);
    }
}

static void check_named(struct gql_rules *r, const struct gql_value *v, const struct gql_type *t)
{
    if (t->kind == GQL_INPUT) {
        check_object(r, v, t);
        return;
    }
    if (t->kind == GQL_ENUM)
        check_enum(r, v, t);
    else
        check_scalar(r, v, t);
    if (v->items && t->scalar != GQL_SCALAR_JSON && (t->kind == GQL_ENUM || t->scalar != GQL_SCALAR_OTHER))
        walk_untyped(r, v);
}

void gql_rules_value(struct gql_rules *r, const struct gql_value *v, const struct gql_ref *ref,
                     bool has_preset)
{
    const struct gql_ref *inner = ref && ref->kind == GQL_REF_NON_NULL ? ref->of : ref;

    if (!inner || (inner->kind == GQL_REF_NAMED && (!inner->type || !gql_is_input(inner->type)))) {
        walk_untyped(r, v);
    } else if (v->kind == GQL_VALUE_VARIABLE) {
        note_usage(r, v, ref, has_preset);
    } else if (v->kind == GQL_VALUE_NULL) {
        if (ref->kind == GQL_REF_NON_NULL)
            gql_rules_error(r, v->pos, UINT32_MAX, "Expected value of type \"%s\", found null.",
                            gql_ref_name(r->a, ref));
    } else if (inner->kind == GQL_REF_NAMED) {
        check_named(r, v, inner->type);
    } else if (v->kind == GQL_VALUE_LIST) {
        for (const struct gql_value *item = v->items; item; item = item->next)
            gql_rules_value(r, item, inner->of, false);
    } else {
        gql_rules_value(r, v, inner->of, false); /* one item stands for a list of one */
    }
}

static bool same_members(const struct gql_value *a, const struct gql_value *b)
{
    size_t count_a = 0, count_b = 0;

    for (const struct gql_value *item = b->items; item; item = item->next)
        count_b++;
    for (const struct gql_value *item = a->items; item; item = item->next) {
        const struct gql_value *other = find_member(b, item->name);

        if (!other || !gql_value_same(item, other))
            return false;
        count_a++;
    }
    return count_a == count_b;
}

bool gql_value_same(const struct gql_value *a, const struct gql_value *b)
{
    const struct gql_value *x = a->items, *y = b->items;

    if (a->kind != b->kind)
        return false;
    if (a->kind == GQL_VALUE_OBJECT)
        return same_members(a, b);
    if (a->kind != GQL_VALUE_LIST)
        return str_eq(a->text, b->text);
    for (; x && y; x = x->next, y = y->next) {
        if (!gql_value_same(x, y))
            return false;
    }
    return !x && !y;
}
