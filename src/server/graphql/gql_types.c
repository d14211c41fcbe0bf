/* server/graphql/gql_types.c: looking things up in a schema, and what types have to do with each other. */
#include <stdlib.h>
#include <string.h>

#include "server/graphql/gql_schema.h"

static int name_to_type(const void *name, const void *type)
{
    return str_cmp(*(const struct str *)name, (*(struct gql_type *const *)type)->name);
}

const struct gql_type *gql_type_find(const struct gql_schema *s, struct str name)
{
    struct gql_type *const *found =
        bsearch(&name, s->types_sorted, s->type_count, sizeof(*s->types_sorted), name_to_type);

    return found ? *found : NULL;
}

static int name_to_member(const void *name, const void *member)
{
    return str_cmp(*(const struct str *)name, (*(struct gql_member *const *)member)->name);
}

struct gql_member *gql_member_find(const struct gql_members *m, struct str name)
{
    struct gql_member *const *found =
        m->len ? bsearch(&name, m->sorted, m->len, sizeof(*m->sorted), name_to_member) : NULL;

    return found ? *found : NULL;
}

const struct gql_directive_def *gql_directive_find(const struct gql_schema *s, struct str name)
{
    for (size_t i = 0; i < s->directive_count; i++) {
        if (str_eq(s->directives[i]->name, name))
            return s->directives[i];
    }
    return NULL;
}

const struct gql_member *gql_field_find(const struct gql_schema *s, const struct gql_type *t, struct str name)
{
    if (name.len > 2 && name.ptr[0] == '_' && name.ptr[1] == '_') {
        if (str_eq(name, s->typename_field->name))
            return s->typename_field;
        if (t == s->query && str_eq(name, s->schema_field->name))
            return s->schema_field;
        if (t == s->query && str_eq(name, s->type_field->name))
            return s->type_field;
    }
    return t->kind == GQL_UNION ? NULL : gql_member_find(&t->members, name);
}

bool gql_is_composite(const struct gql_type *t)
{
    return t->kind == GQL_OBJECT || t->kind == GQL_INTERFACE || t->kind == GQL_UNION;
}

bool gql_is_abstract(const struct gql_type *t)
{
    return t->kind == GQL_INTERFACE || t->kind == GQL_UNION;
}

bool gql_is_leaf(const struct gql_type *t)
{
    return t->kind == GQL_SCALAR || t->kind == GQL_ENUM;
}

bool gql_is_input(const struct gql_type *t)
{
    return gql_is_leaf(t) || t->kind == GQL_INPUT;
}

static bool has_link(const struct gql_type *t, const struct gql_type *to)
{
    for (size_t i = 0; i < t->link_count; i++) {
        if (t->links[i] == to)
            return true;
    }
    return false;
}

bool gql_is_possible(const struct gql_type *t, const struct gql_type *object)
{
    if (t == object)
        return true;
    return t->kind == GQL_UNION ? has_link(t, object) : t->kind == GQL_INTERFACE && has_link(object, t);
}

bool gql_is_subtype(const struct gql_ref *sub, const struct gql_ref *super)
{
    if (super->kind == GQL_REF_NON_NULL)
        return sub->kind == GQL_REF_NON_NULL && gql_is_subtype(sub->of, super->of);
    if (sub->kind == GQL_REF_NON_NULL)
        return gql_is_subtype(sub->of, super);
    if (super->kind == GQL_REF_LIST || sub->kind == GQL_REF_LIST)
        return super->kind == sub->kind && gql_is_subtype(sub->of, super->of);
    return gql_is_possible(super->type, sub->type);
}

bool gql_same_ref(const struct gql_ref *a, const struct gql_ref *b)
{
    if (a->kind != b->kind)
        return false;
    return a->kind == GQL_REF_NAMED ? a->type == b->type : gql_same_ref(a->of, b->of);
}

const struct gql_type *gql_named_type(const struct gql_ref *ref)
{
    while (ref->kind != GQL_REF_NAMED)
        ref = ref->of;
    return ref->type;
}

const char *gql_ref_name(struct arena *a, const struct gql_ref *ref)
{
    AUTO_STRBUF struct strbuf b = STRBUF(4096);

    gql_ref_print(&b, ref);
    return arena_strdup(a, strbuf_cstr(&b));
}

bool gql_is_required(const struct gql_member *m)
{
    return m->ref->kind == GQL_REF_NON_NULL && !m->preset;
}
