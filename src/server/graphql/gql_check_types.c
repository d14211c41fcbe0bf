/* server/graphql/gql_check_types.c: what the specification (section 3) asks of each kind of type. */
#include "server/graphql/gql_rules.h"

/* A default is checked by the rules for literals; their first complaint becomes the loader's. */
static void check_default(struct gql_loader *l, const struct gql_member *m)
{
    struct gql_rules r = { .s = l->s, .a = l->s->a, .tree = l->s->a, .source = l->source };
    struct str why = { NULL, 0 };

    r.errors = jval_new_array(r.a);
    gql_rules_value(&r, m->preset, m->ref, false);
    why = jval_str(jval_get(jval_at(r.errors, 0), "message"));
    if (why.ptr)
        gql_load_fail(l, m->preset->pos, "the default of \"%s\": %.*s", m->name.ptr, STR_ARG(why));
}

static void check_inputs(struct gql_loader *l, const struct gql_members *members)
{
    for (size_t i = 0; i < members->len && !l->failed; i++) {
        const struct gql_member *m = members->in_order[i];
        const struct gql_type *t = gql_named_type(m->ref);

        if (!gql_is_input(t))
            gql_load_fail(l, m->pos, "\"%s\" cannot take a \"%s\": it is not an input type", m->name.ptr,
                          t->name.ptr);
        else if (m->deprecation.ptr && gql_is_required(m))
            gql_load_fail(l, m->pos, "\"%s\" is required and cannot be deprecated", m->name.ptr);
        else if (m->preset)
            check_default(l, m);
    }
}

static void check_fields(struct gql_loader *l, const struct gql_type *t)
{
    for (size_t i = 0; i < t->members.len && !l->failed; i++) {
        const struct gql_member *m = t->members.in_order[i];
        const struct gql_type *type = gql_named_type(m->ref);

        if (type->kind == GQL_INPUT)
            gql_load_fail(l, m->pos, "\"%s.%s\" cannot be a \"%s\": it is an input type", t->name.ptr,
                          m->name.ptr, type->name.ptr);
        check_inputs(l, &m->args);
    }
}

static void check_arguments_met(struct gql_loader *l, const struct gql_type *t, const struct gql_member *m,
                                const struct gql_member *wanted)
{
    for (size_t i = 0; i < wanted->args.len; i++) {
        const struct gql_member *asked = wanted->args.in_order[i];
        const struct gql_member *given = gql_member_find(&m->args, asked->name);

        if (!given || !gql_same_ref(given->ref, asked->ref))
            gql_load_fail(l, m->pos, "\"%s.%s\" must take the argument \"%s\" as the interface has it",
                          t->name.ptr, m->name.ptr, asked->name.ptr);
    }
    for (size_t i = 0; i < m->args.len; i++) {
        const struct gql_member *given = m->args.in_order[i];

        if (!gql_member_find(&wanted->args, given->name) && gql_is_required(given))
            gql_load_fail(l, given->pos, "\"%s.%s\" cannot require \"%s\", which the interface does not have",
                          t->name.ptr, m->name.ptr, given->name.ptr);
    }
}

static bool has_link(const struct gql_type *t, const struct gql_type *to)
{
    for (size_t i = 0; i < t->link_count; i++) {
        if (t->links[i] == to)
            return true;
    }
    return false;
}

static void check_interface_met(struct gql_loader *l, const struct gql_type *t,
                                const struct gql_type *interface)
{
    uint32_t pos = t->definition->name_pos;

    for (size_t i = 0; i < interface->members.len && !l->failed; i++) {
        const struct gql_member *wanted = interface->members.in_order[i];
        const struct gql_member *m = gql_member_find(&t->members, wanted->name);

        if (!m) {
            gql_load_fail(l, pos, "\"%s\" lacks the field \"%s\" of its interface \"%s\"", t->name.ptr,
                          wanted->name.ptr, interface->name.ptr);
            return;
        }
        if (!gql_is_subtype(m->ref, wanted->ref))
            gql_load_fail(l, m->pos, "\"%s.%s\" must be a \"%s\", as in its interface \"%s\"", t->name.ptr,
                          m->name.ptr, gql_ref_name(l->s->a, wanted->ref), interface->name.ptr);
        check_arguments_met(l, t, m, wanted);
    }
    for (size_t i = 0; i < interface->link_count; i++) {
        if (interface->links[i] == t)
            gql_load_fail(l, pos, "\"%s\" and \"%s\" implement each other", t->name.ptr, interface->name.ptr);
        else if (!has_link(t, interface->links[i]))
            gql_load_fail(l, pos, "\"%s\" must also implement \"%s\", as \"%s\" does", t->name.ptr,
                          interface->links[i]->name.ptr, interface->name.ptr);
    }
}

/* Does @from need, through members that may be neither null nor a list, another @target? */
static bool needs_itself(const struct gql_type *from, const struct gql_type *target, uint32_t depth)
{
    for (size_t i = 0; i < from->members.len; i++) {
        const struct gql_ref *ref = from->members.in_order[i]->ref;
        const struct gql_type *t = NULL;

        if (ref->kind != GQL_REF_NON_NULL || ref->of->kind != GQL_REF_NAMED)
            continue;
        t = ref->of->type;
        if (t == target || (t->kind == GQL_INPUT && depth > 0 && needs_itself(t, target, depth - 1)))
            return true;
    }
    return false;
}

static void check_type(struct gql_loader *l, const struct gql_type *t)
{
    uint32_t pos = t->definition->name_pos;
    bool needs_members =
        t->kind == GQL_OBJECT || t->kind == GQL_INTERFACE || t->kind == GQL_ENUM || t->kind == GQL_INPUT;

    if (needs_members && t->members.len == 0)
        gql_load_fail(l, pos, "\"%s\" has no %s", t->name.ptr, t->kind == GQL_ENUM ? "values" : "fields");
    if (t->kind == GQL_UNION && t->link_count == 0)
        gql_load_fail(l, pos, "\"%s\" has no member types", t->name.ptr);
    if (t->kind == GQL_OBJECT || t->kind == GQL_INTERFACE) {
        check_fields(l, t);
        for (size_t i = 0; i < t->link_count && !l->failed; i++)
            check_interface_met(l, t, t->links[i]);
    }
    if (t->kind == GQL_INPUT) {
        check_inputs(l, &t->members);
        if (needs_itself(t, t, 16))
            gql_load_fail(l, pos, "\"%s\" needs itself without end", t->name.ptr);
    }
}

static void check_directives(struct gql_loader *l, struct gql_directive *list, const char *location)
{
    struct gql_rules r = { .s = l->s, .a = l->s->a, .tree = l->s->a, .source = l->source };
    struct str why = { NULL, 0 };

    if (!list || l->failed)
        return;
    r.errors = jval_new_array(r.a);
    gql_rules_directives(&r, list, location);
    why = jval_str(jval_get(jval_at(r.errors, 0), "message"));
    if (why.ptr)
        gql_load_fail(l, list->pos, "%.*s", STR_ARG(why));
}

static void check_items(struct gql_loader *l, const struct gql_definition *d)
{
    const char *location = d->kind == GQL_ENUM    ? "ENUM_VALUE"
                           : d->kind == GQL_INPUT ? "INPUT_FIELD_DEFINITION"
                                                  : "FIELD_DEFINITION";

    for (const struct gql_sdl_item *i = d->items; i; i = i->next) {
        check_directives(l, i->directives, location);
        for (const struct gql_sdl_item *arg = i->args; arg; arg = arg->next)
            check_directives(l, arg->directives, "ARGUMENT_DEFINITION");
    }
}

static const char *location_of(enum gql_definition_kind kind)
{
    static const char *const names[] = {
        [GQL_SCALAR] = "SCALAR", [GQL_OBJECT] = "OBJECT", [GQL_INTERFACE] = "INTERFACE",
        [GQL_UNION] = "UNION",   [GQL_ENUM] = "ENUM",     [GQL_INPUT] = "INPUT_OBJECT",
    };

    return names[kind];
}

void gql_check_types(struct gql_loader *l)
{
    for (size_t i = 0; i < l->s->type_count && !l->failed; i++) {
        const struct gql_type *t = l->s->types[i];

        if (t->is_builtin)
            continue;
        check_type(l, t);
        check_directives(l, t->definition->directives, location_of(t->kind));
        check_items(l, t->definition);
    }
    for (size_t i = 0; i < l->s->directive_count && !l->failed; i++)
        check_inputs(l, &l->s->directives[i]->args);
}
