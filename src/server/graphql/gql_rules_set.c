/* server/graphql/gql_rules_set.c: selection sets: fields, arguments, directives, fragments. */
#include "server/graphql/gql_rules.h"

static const struct gql_argument *find_argument(const struct gql_argument *args, struct str name)
{
    for (; args; args = args->next) {
        if (str_eq(args->name, name))
            return args;
    }
    return NULL;
}

void gql_rules_arguments(struct gql_rules *r, const struct gql_args_of *of)
{
    for (const struct gql_argument *a = of->args; a; a = a->next) {
        const struct gql_member *m = of->defs ? gql_member_find(of->defs, a->name) : NULL;
        const struct gql_argument *first = find_argument(of->args, a->name);

        if (first != a)
            gql_rules_error(r, first->pos, a->pos, "There can be only one argument named \"%.*s\".",
                            STR_ARG(a->name));
        if (of->defs && !m)
            gql_rules_error(r, a->pos, UINT32_MAX, "Unknown argument \"%.*s\" on %s.", STR_ARG(a->name),
                            of->owner);
        gql_rules_value(r, a->value, m ? m->ref : NULL, m && m->preset);
    }
    for (size_t i = 0; of->defs && i < of->defs->len; i++) {
        const struct gql_member *m = of->defs->in_order[i];

        if (gql_is_required(m) && !find_argument(of->args, m->name))
            gql_rules_error(r, of->pos, UINT32_MAX,
                            "%s argument \"%s\" of type \"%s\" is required, but it was not provided.",
                            of->needs, m->name.ptr, gql_ref_name(r->a, m->ref));
    }
}

static void check_place(struct gql_rules *r, const struct gql_directive *d, const char *location)
{
    for (const struct gql_name *n = d->def->locations; n; n = n->next) {
        if (str_is(n->name, location))
            return;
    }
    gql_rules_error(r, d->pos, UINT32_MAX, "Directive \"@%.*s\" may not be used on %s.", STR_ARG(d->name),
                    location);
}

static void check_repeated(struct gql_rules *r, const struct gql_directive *list,
                           const struct gql_directive *d)
{
    for (const struct gql_directive *other = list; other != d; other = other->next) {
        if (!str_eq(other->name, d->name))
            continue;
        gql_rules_error(r, other->pos, d->pos,
                        "The directive \"@%.*s\" can only be used once at this location.", STR_ARG(d->name));
        return;
    }
}

void gql_rules_directives(struct gql_rules *r, struct gql_directive *list, const char *location)
{
    for (struct gql_directive *d = list; d; d = d->next) {
        struct gql_args_of of = { .args = d->args, .pos = d->pos };

        d->def = gql_directive_find(r->s, d->name);
        if (!d->def) {
            gql_rules_error(r, d->pos, UINT32_MAX, "Unknown directive \"@%.*s\".", STR_ARG(d->name));
        } else {
            check_place(r, d, location);
            if (!d->def->is_repeatable)
                check_repeated(r, list, d);
            of.defs = &d->def->args;
            of.owner = arena_printf(r->a, "directive \"@%s\"", d->def->name.ptr);
            of.needs = arena_printf(r->a, "Directive \"@%s\"", d->def->name.ptr);
        }
        gql_rules_arguments(r, &of);
    }
}

static void check_leaf(struct gql_rules *r, const struct gql_selection *f)
{
    const struct gql_type *t = gql_named_type(f->def->ref);
    bool is_leaf = gql_is_leaf(t);

    if (is_leaf && f->set)
        gql_rules_error(r, f->set->pos, UINT32_MAX,
                        "Field \"%.*s\" must not have a selection since type \"%s\" has no subfields.",
                        STR_ARG(f->name), gql_ref_name(r->a, f->def->ref));
    if (!is_leaf && !f->set)
        gql_rules_error(r, f->pos, UINT32_MAX,
                        "Field \"%.*s\" of type \"%s\" must have a selection of subfields. Did you mean "
                        "\"%.*s { ... }\"?",
                        STR_ARG(f->name), gql_ref_name(r->a, f->def->ref), STR_ARG(f->name));
}

static void walk_field(struct gql_rules *r, struct gql_selection *f, const struct gql_type *parent)
{
    struct gql_args_of of = { .args = f->args, .pos = f->pos };
    const struct gql_type *child = NULL;

    r->definition->fields++;
    f->parent = parent;
    f->def = parent ? gql_field_find(r->s, parent, f->name) : NULL;
    if (f->def) {
        of.defs = &f->def->args;
        if (f->args || f->def->args.len) {
            of.owner = arena_printf(r->a, "field \"%s.%s\"", parent->name.ptr, f->def->name.ptr);
            of.needs = arena_printf(r->a, "Field \"%s\"", f->def->name.ptr);
        }
        child = gql_named_type(f->def->ref);
        check_leaf(r, f);
    } else if (parent) {
        gql_rules_error(r, f->pos, UINT32_MAX, "Cannot query field \"%.*s\" on type \"%s\".",
                        STR_ARG(f->name), parent->name.ptr);
    }
    gql_rules_arguments(r, &of);
    gql_rules_directives(r, f->directives, "FIELD");
    if (f->set)
        gql_rules_set(r, f->set, child && gql_is_composite(child) ? child : NULL);
}

static bool overlap(const struct gql_type *a, const struct gql_type *b)
{
    if (a == b)
        return true;
    if (!gql_is_abstract(a))
        return gql_is_possible(b, a);
    for (size_t i = 0; i < a->possible_count; i++) {
        if (gql_is_possible(b, a->possible[i]))
            return true;
    }
    return false;
}

static void walk_inline(struct gql_rules *r, struct gql_selection *s, const struct gql_type *parent)
{
    const struct gql_type *t = parent;

    if (s->condition) {
        t = s->condition->type = gql_type_find(r->s, s->condition->name);
        if (!t)
            gql_rules_error(r, s->condition->pos, UINT32_MAX, "Unknown type \"%.*s\".",
                            STR_ARG(s->condition->name));
        else if (!gql_is_composite(t))
            gql_rules_error(r, s->condition->pos, UINT32_MAX,
                            "Fragment cannot condition on non composite type \"%s\".", t->name.ptr);
        else if (parent && !overlap(t, parent))
            gql_rules_error(r, s->pos, UINT32_MAX,
                            "Fragment cannot be spread here as objects of type \"%s\" can never be of type "
                            "\"%s\".",
                            parent->name.ptr, t->name.ptr);
    }
    gql_rules_directives(r, s->directives, "INLINE_FRAGMENT");
    gql_rules_set(r, s->set, t && gql_is_composite(t) ? t : NULL);
}

static void walk_spread(struct gql_rules *r, struct gql_selection *s, const struct gql_type *parent)
{
    struct gql_definition *f = gql_fragment_find(r, s->name);
    const struct gql_type *t = f ? gql_type_find(r->s, f->condition->name) : NULL;
    struct gql_spread *note = NULL;

    gql_rules_directives(r, s->directives, "FRAGMENT_SPREAD");
    if (!f) {
        gql_rules_error(r, s->pos, UINT32_MAX, "Unknown fragment \"%.*s\".", STR_ARG(s->name));
        return;
    }
    s->target = f;
    note = arena_alloc(r->tree, sizeof(*note));
    *note =
        (struct gql_spread){ .pos = s->pos, .depth = r->depth, .target = f, .next = r->definition->spreads };
    r->definition->spreads = note;
    if (t && gql_is_composite(t) && parent && !overlap(t, parent))
        gql_rules_error(r, s->pos, UINT32_MAX,
                        "Fragment \"%.*s\" cannot be spread here as objects of type \"%s\" can never be of "
                        "type \"%s\".",
                        STR_ARG(s->name), parent->name.ptr, t->name.ptr);
}

void gql_rules_set(struct gql_rules *r, struct gql_selection_set *set, const struct gql_type *parent)
{
    set->parent = parent;
    if (++r->depth > r->definition->depth)
        r->definition->depth = r->depth;
    for (struct gql_selection *s = set->first; s; s = s->next) {
        switch (s->kind) {
        case GQL_FIELD:
            walk_field(r, s, parent);
            break;
        case GQL_SPREAD:
            walk_spread(r, s, parent);
            break;
        case GQL_INLINE:
            walk_inline(r, s, parent);
            break;
        }
    }
    r->depth--;
}
