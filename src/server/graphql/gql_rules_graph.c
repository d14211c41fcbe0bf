/* server/graphql/gql_rules_graph.c: what operations reach through fragments: cycles, sizes, variables. */
#include "server/graphql/gql_rules.h"

/* Expanded fields a document may have: bounds the work of merging and executing it. */
enum { EXPANDED_MAX = 50000 };

static uint32_t capped(uint64_t n)
{
    return n > EXPANDED_MAX ? EXPANDED_MAX + 1 : (uint32_t)n;
}

/* Once everything it spreads is known: its depth and size. No recursion: the stack is small, chains may be
 * long. */
static bool try_expand(struct gql_definition *d)
{
    uint64_t fields = d->fields, depth = d->depth;

    for (const struct gql_spread *s = d->spreads; s; s = s->next) {
        if (!s->target->is_expanded)
            return false;
        fields = capped(fields + s->target->expanded_fields);
        if (s->depth + (uint64_t)s->target->expanded_depth > depth)
            depth = s->depth + (uint64_t)s->target->expanded_depth;
    }
    d->expanded_fields = capped(fields);
    d->expanded_depth = capped(depth);
    d->is_expanded = true;
    return true;
}

static struct gql_definition *unexpanded_target(struct gql_definition *d)
{
    for (const struct gql_spread *s = d->spreads; s; s = s->next) {
        if (!s->target->is_expanded)
            return s->target;
    }
    return NULL;
}

static void report_cycle(struct gql_rules *r, struct gql_definition *start)
{
    AUTO_STRBUF struct strbuf via = STRBUF(600);
    struct gql_definition *d = start;

    /* Every fragment left leads to another one left, so after enough steps we are on a cycle. */
    for (size_t i = 0; i < r->fragment_count; i++)
        d = unexpanded_target(d);
    start = d;
    for (d = unexpanded_target(d); d != start; d = unexpanded_target(d))
        strbuf_addf(&via, "%s\"%.*s\"", via.len ? ", " : " via ", STR_ARG(d->name));
    gql_rules_error(r, start->pos, UINT32_MAX, "Cannot spread fragment \"%.*s\" within itself%s.",
                    STR_ARG(start->name), strbuf_cstr(&via));
}

static bool expand_fragments(struct gql_rules *r)
{
    bool is_progress = true;
    struct gql_definition *left = NULL;

    while (is_progress) {
        is_progress = false;
        left = NULL;
        for (size_t i = 0; i < r->fragment_count; i++) {
            struct gql_definition *d = r->fragments[i];

            if (d->is_expanded)
                continue;
            if (try_expand(d))
                is_progress = true;
            else
                left = d;
        }
    }
    if (left)
        report_cycle(r, left);
    return !left;
}

bool gql_rules_graph(struct gql_rules *r, struct gql_document *doc)
{
    if (!expand_fragments(r))
        return false;
    for (struct gql_definition *d = doc->first; d; d = d->next) {
        if (d->kind >= GQL_FRAGMENT)
            continue;
        (void)try_expand(d);
        if (d->expanded_depth > r->s->limits.max_depth || d->expanded_fields > EXPANDED_MAX) {
            r->is_limit = true;
            gql_rules_error(r, d->pos, UINT32_MAX,
                            "The operation is too large with its fragments (at most %u levels, %d fields).",
                            r->s->limits.max_depth, EXPANDED_MAX);
            return false;
        }
    }
    return true;
}

static const struct gql_variable *find_variable(const struct gql_definition *op, struct str name)
{
    const struct gql_variable *found = NULL;

    for (const struct gql_variable *v = op->variables; v; v = v->next) {
        if (str_eq(v->name, name))
            found = v; /* of two, which is an error by itself, graphql-core takes the last */
    }
    return found;
}

static bool is_allowed(const struct gql_variable *v, const struct gql_usage *u)
{
    const struct gql_ref *expected = u->expected;
    bool has_preset = v->preset && v->preset->kind != GQL_VALUE_NULL;

    if (expected->kind == GQL_REF_NON_NULL && v->ref->kind != GQL_REF_NON_NULL) {
        if (!has_preset && !u->has_preset)
            return false;
        expected = expected->of;
    }
    return gql_is_subtype(v->ref, expected);
}

static void check_usages(struct gql_rules *r, const struct gql_definition *op,
                         const struct gql_definition *in)
{
    for (const struct gql_usage *u = in->usages; u; u = u->next) {
        const struct gql_variable *v = find_variable(op, u->name);

        if (!v && op->name.ptr)
            gql_rules_error(r, u->pos, op->pos, "Variable \"$%.*s\" is not defined by operation \"%.*s\".",
                            STR_ARG(u->name), STR_ARG(op->name));
        else if (!v)
            gql_rules_error(r, u->pos, op->pos, "Variable \"$%.*s\" is not defined.", STR_ARG(u->name));
        else if (u->expected && gql_named_type(v->ref) && !is_allowed(v, u))
            gql_rules_error(r, v->pos, u->pos,
                            "Variable \"$%.*s\" of type \"%s\" used in position expecting type \"%s\".",
                            STR_ARG(u->name), gql_ref_name(r->a, v->ref), gql_ref_name(r->a, u->expected));
    }
}

/* Breadth first over what @op reaches; each definition once. */
static void check_operation(struct gql_rules *r, struct gql_definition *op, uint32_t number)
{
    struct gql_definition **pending = arena_array(r->a, r->fragment_count + 1, sizeof(*pending));
    size_t count = 0;

    pending[count++] = op;
    for (size_t i = 0; i < count; i++) {
        check_usages(r, op, pending[i]);
        for (const struct gql_spread *s = pending[i]->spreads; s; s = s->next) {
            if (s->target->reached_by == number)
                continue;
            s->target->reached_by = number;
            pending[count++] = s->target;
        }
    }
}

void gql_rules_variables(struct gql_rules *r, struct gql_document *doc)
{
    uint32_t number = 0;

    for (struct gql_definition *d = doc->first; d; d = d->next) {
        if (d->kind < GQL_FRAGMENT)
            check_operation(r, d, ++number);
    }
    for (const struct gql_definition *d = doc->first; d; d = d->next) {
        if (d->kind == GQL_FRAGMENT && d->reached_by == 0)
            gql_rules_error(r, d->pos, UINT32_MAX, "Fragment \"%.*s\" is never used.", STR_ARG(d->name));
    }
}
