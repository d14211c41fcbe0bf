/*
 * server/graphql/gql_introspect.c: resolvers of the introspection types.
 *
 * A type is handed down as {kind, name, ...} or, for lists and non-nulls, {kind, ofType}; the costly members
 * are made when they are asked for, found again by name. "__owner" is a hidden member that says where the
 * arguments of a field or directive are.
 */
#include "server/graphql/gql_exec.h"

static struct jval *text_or_null(struct arena *a, struct str s)
{
    return s.ptr ? jval_new_str(a, s) : jval_new_null(a);
}

static const char *kind_name(enum gql_definition_kind kind)
{
    switch (kind) {
    case GQL_SCALAR:
        return "SCALAR";
    case GQL_INTERFACE:
        return "INTERFACE";
    case GQL_UNION:
        return "UNION";
    case GQL_ENUM:
        return "ENUM";
    case GQL_INPUT:
        return "INPUT_OBJECT";
    case GQL_OBJECT:
    case GQL_QUERY:
    case GQL_MUTATION:
    case GQL_SUBSCRIPTION:
    case GQL_FRAGMENT:
    case GQL_SCHEMA:
    case GQL_DIRECTIVE:
        break;
    }
    return "OBJECT";
}

static struct jval *type_value(struct arena *a, const struct gql_type *t)
{
    struct jval *v = jval_new_object(a);

    jval_set_cstr(a, v, "kind", kind_name(t->kind));
    jval_set_cstr(a, v, "name", t->name.ptr);
    jval_set(a, v, "description", text_or_null(a, t->description));
    jval_set(a, v, "specifiedByURL", text_or_null(a, t->specified_by));
    return v;
}

static struct jval *ref_value(struct arena *a, const struct gql_ref *ref)
{
    struct jval *v = NULL;

    if (ref->kind == GQL_REF_NAMED)
        return type_value(a, ref->type);
    v = jval_new_object(a);
    jval_set_cstr(a, v, "kind", ref->kind == GQL_REF_LIST ? "LIST" : "NON_NULL");
    jval_set(a, v, "ofType", ref_value(a, ref->of));
    return v;
}

static struct jval *member_value(struct arena *a, const struct gql_member *m)
{
    struct jval *v = jval_new_object(a);

    jval_set_cstr(a, v, "name", m->name.ptr);
    jval_set(a, v, "description", text_or_null(a, m->description));
    jval_set_bool(a, v, "isDeprecated", m->deprecation.ptr != NULL);
    jval_set(a, v, "deprecationReason", text_or_null(a, m->deprecation));
    if (m->ref)
        jval_set(a, v, "type", ref_value(a, m->ref));
    if (m->preset) {
        AUTO_STRBUF struct strbuf text = STRBUF(1u << 20);

        gql_value_print(&text, m->preset);
        jval_set(a, v, "defaultValue", jval_new_str(a, strbuf_str(&text)));
    }
    return v;
}

static struct jval *members_value(struct gql_call *c, const struct gql_members *members, struct str owner)
{
    struct jval *list = jval_new_array(c->a);
    bool with_deprecated = gql_arg_bool(c, "includeDeprecated", false);

    for (size_t i = 0; i < members->len; i++) {
        const struct gql_member *m = members->in_order[i];
        struct jval *v = NULL;

        if (m->deprecation.ptr && !with_deprecated)
            continue;
        v = member_value(c->a, m);
        jval_set(c->a, v, "__owner", text_or_null(c->a, owner));
        jval_push(c->a, list, v);
    }
    return list;
}

static const struct gql_schema *schema_of(const struct gql_call *c)
{
    return c->in->run->s;
}

/* The named type a __Type value is of; NULL for lists, non-nulls and unknown names. */
static const struct gql_type *type_of(const struct gql_call *c)
{
    struct str name = jval_str(jval_get(c->parent, "name"));

    return name.ptr ? gql_type_find(schema_of(c), name) : NULL;
}

static int no_members(const struct gql_call *c, const struct jval **ret)
{
    if (jval_get(c->parent, "__unknown"))
        *ret = jval_new_array(c->a);
    return 0;
}

/* The type's members when it is of one of @kinds, else null. */
static int members_of(struct gql_call *c, unsigned kinds, const struct jval **ret)
{
    const struct gql_type *t = type_of(c);

    if (!t)
        return no_members(c, ret);
    if (kinds & (1u << t->kind))
        *ret = members_value(c, &t->members, t->name);
    return 0;
}

static int type_fields(struct gql_call *c, const struct jval **ret, struct err *e)
{
    return members_of(c, 1u << GQL_OBJECT | 1u << GQL_INTERFACE, ret);
}

static int type_input_fields(struct gql_call *c, const struct jval **ret, struct err *e)
{
    return members_of(c, 1u << GQL_INPUT, ret);
}

static int type_enum_values(struct gql_call *c, const struct jval **ret, struct err *e)
{
    return members_of(c, 1u << GQL_ENUM, ret);
}

static const struct jval *types_value(struct arena *a, const struct gql_type *const *types, size_t count)
{
    struct jval *list = jval_new_array(a);

    for (size_t i = 0; i < count; i++)
        jval_push(a, list, type_value(a, types[i]));
    return list;
}

static int type_interfaces(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct gql_type *t = type_of(c);

    (void)e;
    if (t && (t->kind == GQL_OBJECT || t->kind == GQL_INTERFACE))
        *ret = types_value(c->a, t->links, t->link_count);
    return 0;
}

static int type_possible_types(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct gql_type *t = type_of(c);

    (void)e;
    if (t && gql_is_abstract(t))
        *ret = types_value(c->a, t->possible, t->possible_count);
    return 0;
}

static int field_args(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct gql_type *t = gql_type_find(schema_of(c), jval_str(jval_get(c->parent, "__owner")));
    const struct gql_member *m =
        t ? gql_member_find(&t->members, jval_str(jval_get(c->parent, "name"))) : NULL;

    (void)e;
    if (m)
        *ret = members_value(c, &m->args, (struct str){ NULL, 0 });
    return 0;
}

static int directive_args(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct gql_directive_def *d =
        gql_directive_find(schema_of(c), jval_str(jval_get(c->parent, "name")));

    (void)e;
    if (d)
        *ret = members_value(c, &d->args, (struct str){ NULL, 0 });
    return 0;
}

static bool is_hidden(const struct gql_type *t)
{
    return str_is(t->name, "__MetaFields");
}

static int schema_types(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct gql_schema *s = schema_of(c);
    struct jval *list = jval_new_array(c->a);

    (void)e;
    for (size_t i = 0; i < s->type_count; i++) {
        if (!is_hidden(s->types[i]))
            jval_push(c->a, list, type_value(c->a, s->types[i]));
    }
    *ret = list;
    return 0;
}

static struct jval *directive_value(struct arena *a, const struct gql_directive_def *d)
{
    struct jval *v = jval_new_object(a), *locations = jval_new_array(a);

    jval_set_cstr(a, v, "name", d->name.ptr);
    jval_set(a, v, "description", text_or_null(a, d->description));
    jval_set_bool(a, v, "isRepeatable", d->is_repeatable);
    for (const struct gql_name *n = d->locations; n; n = n->next)
        jval_push(a, locations, jval_new_str(a, n->name));
    jval_set(a, v, "locations", locations);
    return v;
}

static int schema_directives(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct gql_schema *s = schema_of(c);
    struct jval *list = jval_new_array(c->a);

    (void)e;
    for (size_t i = 0; i < s->directive_count; i++)
        jval_push(c->a, list, directive_value(c->a, s->directives[i]));
    *ret = list;
    return 0;
}

static int query_schema(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct gql_schema *s = schema_of(c);
    struct jval *v = jval_new_object(c->a);

    (void)e;
    jval_set(c->a, v, "description", text_or_null(c->a, s->description));
    jval_set(c->a, v, "queryType", type_value(c->a, s->query));
    if (s->mutation)
        jval_set(c->a, v, "mutationType", type_value(c->a, s->mutation));
    if (s->subscription)
        jval_set(c->a, v, "subscriptionType", type_value(c->a, s->subscription));
    *ret = v;
    return 0;
}

static int query_type(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct str name = gql_arg_str(c, "name");
    const struct gql_type *t = gql_type_find(schema_of(c), name);
    struct jval *v = NULL;

    (void)e;
    if (t && !is_hidden(t)) {
        *ret = type_value(c->a, t);
        return 0;
    }
    if (!schema_of(c)->unknown_type_is_empty)
        return 0;
    v = jval_new_object(c->a);
    jval_set_cstr(c->a, v, "kind", "OBJECT");
    jval_set(c->a, v, "name", jval_new_str(c->a, name));
    jval_set_bool(c->a, v, "__unknown", true);
    *ret = v;
    return 0;
}

const struct gql_resolver *gql_introspection_resolvers(size_t *ret_count)
{
    static const struct gql_resolver list[] = {
        { "__MetaFields.__schema", query_schema },
        { "__MetaFields.__type", query_type },
        { "__Schema.types", schema_types },
        { "__Schema.directives", schema_directives },
        { "__Type.fields", type_fields },
        { "__Type.inputFields", type_input_fields },
        { "__Type.enumValues", type_enum_values },
        { "__Type.interfaces", type_interfaces },
        { "__Type.possibleTypes", type_possible_types },
        { "__Field.args", field_args },
        { "__Directive.args", directive_args },
    };

    *ret_count = ARRAY_LEN(list);
    return list;
}
