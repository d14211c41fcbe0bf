/* server/graphql/gql_rules_merge.c: fields with one key in one place have to be the same (section 5.3.2). */
#include <stdlib.h>

#include "server/graphql/gql_rules.h"

/* Comparing pairs of pairs grows with the power of the depth when a document is built for it. */
enum { STEPS_MAX = 200000 };

struct collector {
    struct gql_rules *r;
    struct gql_selection **items;
    size_t cap;
    uint32_t count, stamp;
};

static void collect_into(struct collector *c, const struct gql_selection_set *set);

static void collect_field(struct collector *c, struct gql_selection *f)
{
    c->items = arena_grow(c->r->tree, c->items, c->count, &c->cap, sizeof(*c->items));
    f->order = c->count;
    c->items[c->count++] = f;
}

static void collect_into(struct collector *c, const struct gql_selection_set *set)
{
    for (struct gql_selection *s = set->first; s; s = s->next) {
        struct gql_definition *target = NULL;

        if (s->kind == GQL_FIELD) {
            collect_field(c, s);
            continue;
        }
        if (s->kind == GQL_INLINE) {
            collect_into(c, s->set);
            continue;
        }
        target = gql_fragment_find(c->r, s->name);
        if (!target || target->collected_by == c->stamp)
            continue;
        target->collected_by = c->stamp;
        collect_into(c, target->set);
    }
}

static int by_key(const void *a, const void *b)
{
    const struct gql_selection *left = *(struct gql_selection *const *)a;
    const struct gql_selection *right = *(struct gql_selection *const *)b;
    int order = str_cmp(left->key, right->key);

    return order ? order : (left->order > right->order) - (left->order < right->order);
}

static void collect(struct gql_rules *r, struct gql_selection_set *set)
{
    struct collector c = { .r = r, .stamp = ++r->collections };

    if (set->collected)
        return;
    collect_into(&c, set);
    set->collected = c.items ? c.items : arena_array(r->tree, 1, sizeof(*c.items));
    set->collected_count = c.count;
    if (c.count)
        qsort(c.items, c.count, sizeof(*c.items), by_key);
    r->steps += c.count;
}

static bool same_arguments(const struct gql_argument *a, const struct gql_argument *b)
{
    size_t count_a = 0, count_b = 0;

    for (const struct gql_argument *x = b; x; x = x->next)
        count_b++;
    for (; a; a = a->next, count_a++) {
        const struct gql_argument *x = b;

        while (x && !str_eq(x->name, a->name))
            x = x->next;
        if (!x || !gql_value_same(a->value, x->value))
            return false;
    }
    return count_a == count_b;
}

static bool types_conflict(const struct gql_ref *a, const struct gql_ref *b)
{
    if (a->kind != b->kind)
        return true;
    if (a->kind != GQL_REF_NAMED)
        return types_conflict(a->of, b->of);
    return (gql_is_leaf(a->type) || gql_is_leaf(b->type)) && a->type != b->type;
}

static const char *why_pair(struct gql_rules *r, const struct gql_selection *a, const struct gql_selection *b,
                            bool is_exclusive);

static const char *why_below(struct gql_rules *r, struct gql_selection_set *a, struct gql_selection_set *b,
                             bool is_exclusive)
{
    uint32_t i = 0, j = 0;

    collect(r, a);
    collect(r, b);
    while (i < a->collected_count && j < b->collected_count) {
        struct str key = a->collected[i]->key;
        int order = str_cmp(key, b->collected[j]->key);

        if (order != 0) {
            i += order < 0;
            j += order > 0;
            continue;
        }
        for (uint32_t k = j; k < b->collected_count && str_eq(b->collected[k]->key, key); k++) {
            const char *why = why_pair(r, a->collected[i], b->collected[k], is_exclusive);

            if (why)
                return arena_printf(r->a, "subfields \"%.*s\" conflict because %s", STR_ARG(key), why);
        }
        i++;
    }
    return NULL;
}

static bool is_of_object(const struct gql_selection *s)
{
    return s->parent && s->parent->kind == GQL_OBJECT;
}

/* Fields of two object types: no object answers both. */
static bool never_both(const struct gql_selection *a, const struct gql_selection *b)
{
    return a->parent != b->parent && is_of_object(a) && is_of_object(b);
}

/* NULL: the two get along. */
static const char *why_pair(struct gql_rules *r, const struct gql_selection *a, const struct gql_selection *b,
                            bool is_exclusive)
{
    if (a == b || ++r->steps > STEPS_MAX)
        return NULL;
    is_exclusive = is_exclusive || never_both(a, b);
    if (!is_exclusive && !str_eq(a->name, b->name))
        return arena_printf(r->a, "\"%.*s\" and \"%.*s\" are different fields", STR_ARG(a->name),
                            STR_ARG(b->name));
    if (!is_exclusive && !same_arguments(a->args, b->args))
        return "they have differing arguments";
    if (a->def && b->def && types_conflict(a->def->ref, b->def->ref))
        return arena_printf(r->a, "they return conflicting types \"%s\" and \"%s\"",
                            gql_ref_name(r->a, a->def->ref), gql_ref_name(r->a, b->def->ref));
    return a->set && b->set ? why_below(r, a->set, b->set, is_exclusive) : NULL;
}

static void check_set(struct gql_rules *r, struct gql_selection_set *set)
{
    collect(r, set);
    for (uint32_t i = 0; i < set->collected_count; i++) {
        const struct gql_selection *a = set->collected[i];

        for (uint32_t j = i + 1; j < set->collected_count; j++) {
            const struct gql_selection *b = set->collected[j];
            const char *why = NULL;

            if (!str_eq(a->key, b->key) || r->steps > STEPS_MAX)
                break;
            why = why_pair(r, a, b, false);
            if (why)
                gql_rules_error(r, a->pos, b->pos,
                                "Fields \"%.*s\" conflict because %s. Use different aliases on the fields to "
                                "fetch both if this was intentional.",
                                STR_ARG(a->key), why);
        }
    }
}

static void walk(struct gql_rules *r, struct gql_selection_set *set)
{
    check_set(r, set);
    for (struct gql_selection *s = set->first; s && r->steps <= STEPS_MAX; s = s->next) {
        if (s->set)
            walk(r, s->set);
    }
}

void gql_rules_merge(struct gql_rules *r, struct gql_document *doc)
{
    for (struct gql_definition *d = doc->first; d; d = d->next) {
        if (d->kind <= GQL_FRAGMENT)
            walk(r, d->set);
    }
    if (r->steps > STEPS_MAX) {
        r->is_limit = true;
        gql_rules_error(r, 0, UINT32_MAX, "The document selects too many fields with one name to compare.");
    }
}
