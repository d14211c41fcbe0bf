/* server/graphql/gql_validate.c: the rules for whole documents and definitions. */
#include <stdio.h>
#include <stdlib.h>

#include "server/graphql/gql_rules.h"

enum { ERRORS_MAX = 50 };

struct jval *gql_error_new(struct arena *a, const char *message, const char *code)
{
    struct jval *error = jval_new_object(a), *extensions = jval_new_object(a);

    jval_set_cstr(a, error, "message", message);
    jval_set_cstr(a, extensions, "code", code);
    jval_set(a, error, "extensions", extensions);
    return error;
}

void gql_error_add_place(struct arena *a, struct jval *error, struct str source, uint32_t pos)
{
    const struct jval *list = jval_get(error, "locations");
    struct jval *places = jval_new_array(a), *place = jval_new_object(a);
    uint32_t line = 0, column = 0;

    gql_place(source, pos, &line, &column);
    jval_set_int(a, place, "line", line);
    jval_set_int(a, place, "column", column);
    for (size_t i = 0; i < jval_len(list); i++)
        jval_push(a, places, jval_at(list, i));
    jval_push(a, places, place);
    jval_set(a, error, "locations", places);
}

void gql_rules_error(struct gql_rules *r, uint32_t pos, uint32_t pos2, const char *fmt, ...)
{
    char text[1000];
    struct jval *error = NULL;
    va_list ap;

    if (jval_len(r->errors) >= ERRORS_MAX)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    error = gql_error_new(r->a, text, "GRAPHQL_VALIDATION_FAILED");
    gql_error_add_place(r->a, error, r->source, pos);
    if (pos2 != UINT32_MAX)
        gql_error_add_place(r->a, error, r->source, pos2);
    jval_push(r->a, r->errors, error);
}

static int by_name(const void *a, const void *b)
{
    const struct gql_definition *left = *(struct gql_definition *const *)a;
    const struct gql_definition *right = *(struct gql_definition *const *)b;
    int order = str_cmp(left->name, right->name);

    return order ? order : (left->pos > right->pos) - (left->pos < right->pos);
}

static void index_fragments(struct gql_rules *r, struct gql_document *doc)
{
    size_t count = 0;

    for (struct gql_definition *d = doc->first; d; d = d->next)
        count += d->kind == GQL_FRAGMENT;
    r->fragments = arena_array(r->tree, count + 1, sizeof(*r->fragments));
    for (struct gql_definition *d = doc->first; d; d = d->next) {
        if (d->kind == GQL_FRAGMENT)
            r->fragments[r->fragment_count++] = d;
    }
    qsort(r->fragments, count, sizeof(*r->fragments), by_name);
    for (size_t i = 1; i < count; i++) {
        const struct gql_definition *first = r->fragments[i - 1], *second = r->fragments[i];

        if (str_eq(first->name, second->name))
            gql_rules_error(r, first->name_pos, second->name_pos,
                            "There can be only one fragment named \"%.*s\".", STR_ARG(first->name));
    }
}

static int name_to_fragment(const void *name, const void *fragment)
{
    return str_cmp(*(const struct str *)name, (*(struct gql_definition *const *)fragment)->name);
}

struct gql_definition *gql_fragment_find(const struct gql_rules *r, struct str name)
{
    struct gql_definition *const *found = r->fragment_count ? bsearch(&name, r->fragments, r->fragment_count,
                                                                      sizeof(*r->fragments), name_to_fragment)
                                                            : NULL;

    return found ? *found : NULL;
}

static void check_operation_names(struct gql_rules *r, struct gql_document *doc)
{
    size_t count = 0;

    for (const struct gql_definition *d = doc->first; d; d = d->next)
        count += d->kind < GQL_FRAGMENT;
    for (const struct gql_definition *d = doc->first; d; d = d->next) {
        if (d->kind >= GQL_FRAGMENT)
            continue;
        if (!d->name.ptr && count > 1)
            gql_rules_error(r, d->pos, UINT32_MAX,
                            "This anonymous operation must be the only defined operation.");
        for (const struct gql_definition *other = doc->first; d->name.ptr && other != d;
             other = other->next) {
            if (other->kind >= GQL_FRAGMENT || !str_eq(other->name, d->name))
                continue;
            gql_rules_error(r, other->name_pos, d->name_pos,
                            "There can be only one operation named \"%.*s\".", STR_ARG(d->name));
            break;
        }
    }
}

static void check_executable(struct gql_rules *r, const struct gql_document *doc)
{
    for (const struct gql_definition *d = doc->first; d; d = d->next) {
        if (d->kind == GQL_SCHEMA)
            gql_rules_error(r, d->pos, UINT32_MAX, "The schema definition is not executable.");
        else if (d->kind > GQL_FRAGMENT)
            gql_rules_error(r, d->pos, UINT32_MAX, "The \"%.*s\" definition is not executable.",
                            STR_ARG(d->name));
    }
}

static void check_variable(struct gql_rules *r, struct gql_definition *op, struct gql_variable *v)
{
    struct gql_ref *named = v->ref;

    for (const struct gql_variable *other = op->variables; other != v; other = other->next) {
        if (!str_eq(other->name, v->name))
            continue;
        gql_rules_error(r, other->pos, v->pos, "There can be only one variable named \"$%.*s\".",
                        STR_ARG(v->name));
        break;
    }
    while (named->kind != GQL_REF_NAMED)
        named = named->of;
    named->type = gql_type_find(r->s, named->name);
    if (!named->type)
        gql_rules_error(r, named->pos, UINT32_MAX, "Unknown type \"%.*s\".", STR_ARG(named->name));
    else if (!gql_is_input(named->type))
        gql_rules_error(r, v->ref->pos, UINT32_MAX, "Variable \"$%.*s\" cannot be non-input type \"%s\".",
                        STR_ARG(v->name), gql_ref_name(r->a, v->ref));
    if (v->preset)
        gql_rules_value(r, v->preset, v->ref, false);
    gql_rules_directives(r, v->directives, "VARIABLE_DEFINITION");
}

static void check_fragment(struct gql_rules *r, struct gql_definition *d)
{
    const struct gql_type *t = gql_type_find(r->s, d->condition->name);

    d->condition->type = t;
    if (!t)
        gql_rules_error(r, d->condition->pos, UINT32_MAX, "Unknown type \"%.*s\".",
                        STR_ARG(d->condition->name));
    else if (!gql_is_composite(t))
        gql_rules_error(r, d->condition->pos, UINT32_MAX,
                        "Fragment \"%.*s\" cannot condition on non composite type \"%s\".", STR_ARG(d->name),
                        t->name.ptr);
    gql_rules_directives(r, d->directives, "FRAGMENT_DEFINITION");
    gql_rules_set(r, d->set, t && gql_is_composite(t) ? t : NULL);
}

static void check_definition(struct gql_rules *r, struct gql_definition *d)
{
    static const char *const places[] = { "QUERY", "MUTATION", "SUBSCRIPTION" };
    const struct gql_type *roots[] = { r->s->query, r->s->mutation, r->s->subscription };

    r->definition = d;
    if (d->kind == GQL_FRAGMENT) {
        check_fragment(r, d);
    } else if (d->kind < GQL_FRAGMENT) {
        for (struct gql_variable *v = d->variables; v; v = v->next)
            check_variable(r, d, v);
        gql_rules_directives(r, d->directives, places[d->kind]);
        gql_rules_set(r, d->set, roots[d->kind]);
    }
    r->definition = NULL;
}

static void check_subscription(struct gql_rules *r, const struct gql_definition *d)
{
    const struct gql_selection_set *set = d->set;

    for (uint32_t i = 0; i < set->collected_count; i++) {
        const struct gql_selection *f = set->collected[i];

        if (str_has_prefix(f->name, STR("__")))
            gql_rules_error(r, f->pos, UINT32_MAX,
                            "A subscription must not select an introspection top level field.");
        if (i > 0 && !str_eq(f->key, set->collected[0]->key))
            gql_rules_error(r, f->pos, UINT32_MAX, "A subscription must select only one top level field.");
    }
}

void gql_validate(struct gql_rules *r, struct gql_document *doc)
{
    check_executable(r, doc);
    check_operation_names(r, doc);
    index_fragments(r, doc);
    for (struct gql_definition *d = doc->first; d; d = d->next)
        check_definition(r, d);
    gql_rules_variables(r, doc);
    if (!gql_rules_graph(r, doc))
        return; /* expanding its fragments might not end */
    gql_rules_merge(r, doc);
    for (struct gql_definition *d = doc->first; d; d = d->next) {
        if (d->kind == GQL_SUBSCRIPTION && r->s->subscription)
            check_subscription(r, d);
    }
}
