/* server/graphql/gql_schema.c: from SDL text to a schema. */
#include "server/graphql/gql_schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/graphql/gql_cache.h"

void gql_load_fail(struct gql_loader *l, uint32_t pos, const char *fmt, ...)
{
    char text[600];
    uint32_t line = 0, column = 0;
    va_list ap;

    if (l->failed)
        return;
    l->failed = true;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    gql_place(l->source, pos, &line, &column);
    (void)err_set(l->e, ERR_CONFIG, "%s:%u:%u: %s", l->name, line, column, text);
}

static struct gql_document *parse_sdl(struct gql_loader *l)
{
    static const struct gql_parse_limits limits = { 16u << 20, 1000000, 64 };
    struct gql_syntax_error wrong = { 0 };
    struct gql_document *doc = gql_parse(l->s->a, l->source, &limits, &wrong);

    if (!doc) {
        gql_load_fail(l, wrong.pos, "%s", wrong.msg);
        return NULL;
    }
    for (const struct gql_definition *d = doc->first; d; d = d->next) {
        if (d->kind <= GQL_FRAGMENT)
            gql_load_fail(l, d->pos, "a schema holds type definitions only, no operations");
    }
    return l->failed ? NULL : doc;
}

static struct gql_definition *find_base(struct gql_document *doc, const struct gql_definition *extension)
{
    for (struct gql_definition *d = doc->first; d; d = d->next) {
        if (!d->is_extension && d->kind == extension->kind &&
            (d->kind == GQL_SCHEMA || str_eq(d->name, extension->name)))
            return d;
    }
    return NULL;
}

static void append_directives(struct gql_directive **list, struct gql_directive *more)
{
    while (*list)
        list = &(*list)->next;
    *list = more;
}

static void append_names(struct gql_name **list, struct gql_name *more)
{
    while (*list)
        list = &(*list)->next;
    *list = more;
}

static void append_items(struct gql_sdl_item **list, struct gql_sdl_item *more)
{
    while (*list)
        list = &(*list)->next;
    *list = more;
}

static void merge_extensions(struct gql_loader *l, struct gql_document *doc)
{
    for (struct gql_definition *d = doc->first; d; d = d->next) {
        struct gql_definition *base = d->is_extension ? find_base(doc, d) : NULL;

        if (base) {
            append_directives(&base->directives, d->directives);
            append_names(&base->names, d->names);
            append_items(&base->items, d->items);
        } else if (d->is_extension) {
            gql_load_fail(l, d->name_pos, "cannot extend \"%.*s\": no such definition", STR_ARG(d->name));
        }
    }
}

static void check_name(struct gql_loader *l, struct str name, uint32_t pos)
{
    bool is_builtin = l->source.ptr == l->s->builtin_source.ptr;

    if (!is_builtin && str_has_prefix(name, STR("__")))
        gql_load_fail(l, pos, "name \"%.*s\" must not begin with \"__\", which is reserved", STR_ARG(name));
}

static struct str directive_text(const struct gql_directive *list, const char *name, const char *arg,
                                 struct str otherwise)
{
    for (const struct gql_directive *d = list; d; d = d->next) {
        if (!str_is(d->name, name))
            continue;
        for (const struct gql_argument *a = d->args; a; a = a->next) {
            if (str_is(a->name, arg) && a->value->kind == GQL_VALUE_STRING)
                return a->value->text;
        }
        return otherwise;
    }
    return (struct str){ NULL, 0 };
}

static int by_member_name(const void *a, const void *b)
{
    const struct gql_member *const *left = a, *const *right = b;

    int order = str_cmp((*left)->name, (*right)->name);

    return order ? order : ((*left)->pos > (*right)->pos) - ((*left)->pos < (*right)->pos);
}

static void fill_members(struct gql_loader *l, struct gql_members *ret, const struct gql_sdl_item *items)
{
    struct arena *a = l->s->a;
    size_t count = 0;

    for (const struct gql_sdl_item *i = items; i; i = i->next)
        count++;
    ret->in_order = arena_array(a, count + 1, sizeof(void *));
    ret->sorted = arena_array(a, count + 1, sizeof(void *));
    for (const struct gql_sdl_item *i = items; i; i = i->next) {
        struct gql_member *m = arena_alloc(a, sizeof(*m));

        check_name(l, i->name, i->pos);
        *m = (struct gql_member){
            .name = arena_str(a, i->name),
            .description = i->description,
            .deprecation = directive_text(i->directives, "deprecated", "reason", STR("No longer supported")),
            .pos = i->pos,
            .ref = i->ref,
            .preset = i->preset,
        };
        fill_members(l, &m->args, i->args);
        ret->in_order[ret->len] = ret->sorted[ret->len] = m;
        ret->len++;
    }
    qsort(ret->sorted, ret->len, sizeof(void *), by_member_name);
    for (size_t i = 1; i < ret->len; i++) {
        if (str_eq(ret->sorted[i - 1]->name, ret->sorted[i]->name))
            gql_load_fail(l, ret->sorted[i]->pos, "\"%s\" is defined twice", ret->sorted[i]->name.ptr);
    }
}

static enum gql_scalar scalar_of(struct str name)
{
    static const struct {
        const char *name;
        enum gql_scalar scalar;
    } known[] = {
        { "Int", GQL_SCALAR_INT },       { "Float", GQL_SCALAR_FLOAT },
        { "String", GQL_SCALAR_STRING }, { "Boolean", GQL_SCALAR_BOOLEAN },
        { "ID", GQL_SCALAR_ID },         { "Int64", GQL_SCALAR_INT64 },
        { "JSON", GQL_SCALAR_JSON },     { "JSONString", GQL_SCALAR_JSON_STRING },
        { "DateTime", GQL_SCALAR_TEXT }, { "Duration", GQL_SCALAR_TEXT },
    };

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (str_is(name, known[i].name))
            return known[i].scalar;
    }
    return GQL_SCALAR_OTHER;
}

static void add_type(struct gql_loader *l, const struct gql_definition *d)
{
    struct gql_schema *s = l->s;
    struct gql_type *t = arena_alloc(s->a, sizeof(*t));

    check_name(l, d->name, d->name_pos);
    t->kind = d->kind;
    t->name = arena_str(s->a, d->name);
    t->description = d->description;
    t->definition = d;
    t->is_builtin = l->source.ptr == s->builtin_source.ptr;
    t->scalar = d->kind == GQL_SCALAR ? scalar_of(d->name) : GQL_SCALAR_OTHER;
    t->specified_by = directive_text(d->directives, "specifiedBy", "url", (struct str){ NULL, 0 });
    fill_members(l, &t->members, d->items);
    s->types[s->type_count++] = t;
}

static void add_directive(struct gql_loader *l, const struct gql_definition *d)
{
    struct gql_schema *s = l->s;
    struct gql_directive_def *def = arena_alloc(s->a, sizeof(*def));

    check_name(l, d->name, d->name_pos);
    if (gql_directive_find(s, d->name))
        gql_load_fail(l, d->name_pos, "directive \"@%.*s\" is defined twice", STR_ARG(d->name));
    def->name = arena_str(s->a, d->name);
    def->description = d->description;
    def->locations = d->names;
    def->is_repeatable = d->is_repeatable;
    fill_members(l, &def->args, d->items);
    s->directives[s->directive_count++] = def;
}

static void add_definitions(struct gql_loader *l, const struct gql_document *doc)
{
    for (const struct gql_definition *d = doc->first; d && !l->failed; d = d->next) {
        if (d->is_extension || d->kind == GQL_SCHEMA)
            continue;
        if (d->kind == GQL_DIRECTIVE)
            add_directive(l, d);
        else
            add_type(l, d);
    }
}

static int by_type_name(const void *a, const void *b)
{
    const struct gql_type *const *left = a, *const *right = b;

    return str_cmp((*left)->name, (*right)->name);
}

static void sort_types(struct gql_loader *l)
{
    struct gql_schema *s = l->s;

    s->types_sorted = arena_array(s->a, s->type_count + 1, sizeof(void *));
    memcpy(s->types_sorted, s->types, s->type_count * sizeof(void *));
    qsort(s->types_sorted, s->type_count, sizeof(void *), by_type_name);
    for (size_t i = 1; i < s->type_count; i++) {
        const struct gql_type *t = s->types_sorted[i - 1], *other = s->types_sorted[i];

        uint32_t pos = t->definition->name_pos, other_pos = other->definition->name_pos;

        if (str_eq(t->name, other->name))
            gql_load_fail(l, t->is_builtin || (!other->is_builtin && other_pos > pos) ? other_pos : pos,
                          "type \"%s\" is defined twice", t->name.ptr);
    }
}

static void resolve_ref(struct gql_loader *l, struct gql_ref *ref)
{
    while (ref->kind != GQL_REF_NAMED) {
        if (ref->kind == GQL_REF_NON_NULL && ref->of->kind == GQL_REF_NON_NULL)
            gql_load_fail(l, ref->pos, "a type cannot be non-null twice");
        ref = ref->of;
    }
    ref->type = gql_type_find(l->s, ref->name);
    if (!ref->type)
        gql_load_fail(l, ref->pos, "unknown type \"%.*s\"", STR_ARG(ref->name));
}

static void resolve_members(struct gql_loader *l, struct gql_members *members)
{
    for (size_t i = 0; i < members->len && !l->failed; i++) {
        if (members->in_order[i]->ref)
            resolve_ref(l, members->in_order[i]->ref);
        resolve_members(l, &members->in_order[i]->args);
    }
}

static void use_source_of(struct gql_loader *l, const struct gql_type *t)
{
    l->source = t->is_builtin ? l->s->builtin_source : l->s->source;
}

static void link_type(struct gql_loader *l, struct gql_type *t)
{
    size_t count = 0;

    for (const struct gql_name *n = t->definition->names; n; n = n->next)
        count++;
    t->links = arena_array(l->s->a, count + 1, sizeof(void *));
    t->possible = arena_array(l->s->a, l->s->type_count + 1, sizeof(void *));
    for (const struct gql_name *n = t->definition->names; n && !l->failed; n = n->next) {
        const struct gql_type *other = gql_type_find(l->s, n->name);
        enum gql_definition_kind wanted = t->kind == GQL_UNION ? GQL_OBJECT : GQL_INTERFACE;

        if (!other)
            gql_load_fail(l, n->pos, "unknown type \"%.*s\"", STR_ARG(n->name));
        else if (other->kind != wanted || other == t)
            gql_load_fail(l, n->pos, "\"%.*s\" is not %s", STR_ARG(n->name),
                          t->kind == GQL_UNION ? "an object type" : "another interface");
        for (size_t i = 0; i < t->link_count; i++) {
            if (t->links[i] == other)
                gql_load_fail(l, n->pos, "\"%.*s\" is named twice", STR_ARG(n->name));
        }
        t->links[t->link_count++] = other;
    }
}

static void resolve_types(struct gql_loader *l)
{
    struct gql_schema *s = l->s;

    for (size_t i = 0; i < s->type_count && !l->failed; i++) {
        use_source_of(l, s->types[i]);
        resolve_members(l, &s->types[i]->members);
        link_type(l, s->types[i]);
    }
    for (size_t i = 0; i < s->directive_count && !l->failed; i++)
        resolve_members(l, &s->directives[i]->args);
    for (size_t i = 0; i < s->type_count && !l->failed; i++) {
        struct gql_type *t = s->types[i];

        for (size_t j = 0; j < s->type_count && gql_is_abstract(t); j++) {
            if (s->types[j]->kind == GQL_OBJECT && gql_is_possible(t, s->types[j]))
                t->possible[t->possible_count++] = s->types[j];
        }
    }
    l->source = s->source;
}

static const struct gql_type **root_slot(struct gql_schema *s, struct str operation)
{
    if (str_is(operation, "query"))
        return &s->query;
    return str_is(operation, "mutation") ? &s->mutation : &s->subscription;
}

static const struct gql_definition *schema_definition(struct gql_loader *l, const struct gql_document *doc)
{
    const struct gql_definition *found = NULL;

    for (const struct gql_definition *d = doc->first; d; d = d->next) {
        if (d->kind != GQL_SCHEMA || d->is_extension)
            continue;
        if (found)
            gql_load_fail(l, d->pos, "there is more than one schema definition");
        found = d;
    }
    return found;
}

static void set_named_roots(struct gql_loader *l, const struct gql_definition *schema)
{
    l->s->description = schema->description;
    for (const struct gql_sdl_item *i = schema->items; i && !l->failed; i = i->next) {
        const struct gql_type **slot = root_slot(l->s, i->name);

        resolve_ref(l, i->ref);
        if (*slot)
            gql_load_fail(l, i->pos, "the %.*s root is given twice", STR_ARG(i->name));
        *slot = i->ref->type;
    }
}

static bool is_root(const struct gql_type *t)
{
    return !t || t->kind == GQL_OBJECT;
}

static void set_roots(struct gql_loader *l, const struct gql_document *doc)
{
    const struct gql_definition *schema = schema_definition(l, doc);
    struct gql_schema *s = l->s;

    if (schema) {
        set_named_roots(l, schema);
    } else {
        s->query = gql_type_find(s, STR("Query"));
        s->mutation = gql_type_find(s, STR("Mutation"));
        s->subscription = gql_type_find(s, STR("Subscription"));
    }
    if (!s->query)
        gql_load_fail(l, 0, "there is no query root type");
    if (!is_root(s->query) || !is_root(s->mutation) || !is_root(s->subscription))
        gql_load_fail(l, 0, "a root type is not an object type");
}

static void set_resolver(struct gql_loader *l, const struct gql_resolver *r)
{
    struct str rest = str_of(r->field), type = { NULL, 0 };
    const struct gql_type *t = str_cut(&rest, '.', &type) ? gql_type_find(l->s, type) : NULL;
    struct gql_member *m = t && t->kind == GQL_OBJECT ? gql_member_find(&t->members, rest) : NULL;

    if (!m) {
        gql_load_fail(l, 0, "the resolver \"%s\" names no field of an object type", r->field);
        return;
    }
    if (m->resolve)
        gql_load_fail(l, 0, "the field \"%s\" has two resolvers", r->field);
    m->resolve = r->fn;
}

static void set_resolvers(struct gql_loader *l, const struct gql_resolver *list, size_t count)
{
    for (size_t i = 0; i < count && !l->failed; i++)
        set_resolver(l, &list[i]);
}

static void set_meta_fields(struct gql_schema *s)
{
    const struct gql_type *t = gql_type_find(s, STR("__MetaFields"));

    s->typename_field = gql_member_find(&t->members, STR("__typename"));
    s->schema_field = gql_member_find(&t->members, STR("__schema"));
    s->type_field = gql_member_find(&t->members, STR("__type"));
}

static size_t count_definitions(const struct gql_document *doc)
{
    size_t count = 0;

    for (const struct gql_definition *d = doc->first; d; d = d->next)
        count++;
    return count;
}

static void load(struct gql_loader *l, const struct gql_options *o)
{
    struct gql_schema *s = l->s;
    struct gql_document *doc = parse_sdl(l), *builtin = NULL;
    const struct gql_resolver *own = NULL;
    size_t own_count = 0, count = 0;

    if (!doc)
        return;
    merge_extensions(l, doc);
    l->source = s->builtin_source;
    builtin = l->failed ? NULL : parse_sdl(l);
    if (!builtin)
        return;
    count = count_definitions(doc) + count_definitions(builtin);
    s->types = arena_array(s->a, count, sizeof(void *));
    s->directives = arena_array(s->a, count, sizeof(void *));
    add_definitions(l, builtin);
    l->source = s->source;
    add_definitions(l, doc);
    sort_types(l);
    resolve_types(l);
    if (l->failed)
        return;
    set_meta_fields(s);
    set_roots(l, doc);
    if (!l->failed)
        gql_check_types(l);
    own = gql_introspection_resolvers(&own_count);
    set_resolvers(l, own, own_count);
    set_resolvers(l, o->resolvers, o->resolver_count);
}

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value ? value : otherwise;
}

int gql_schema_new(const struct gql_options *o, struct gql_schema **ret, struct err *e)
{
    AUTO_PTR(gql_schema) s = xcalloc(1, sizeof(*s));
    struct gql_loader l = { .s = s, .name = o->name ? o->name : "schema", .e = e };

    s->a = arena_new();
    s->source = l.source = arena_str(s->a, o->sdl);
    s->builtin_source = str_of(gql_builtin_sdl);
    s->unknown_type_is_empty = o->unknown_type_is_empty;
    s->limits.max_bytes = or_default(o->max_bytes, 256u << 10);
    s->limits.max_tokens = or_default(o->max_tokens, 20000);
    s->limits.max_depth = or_default(o->max_depth, 32);
    s->max_values = or_default(o->max_values, 1000000);
    s->cache = gql_cache_new(or_default(o->max_cached, 256));
    load(&l, o);
    if (l.failed)
        return -ERR_CONFIG;
    *ret = TAKE(s);
    return 0;
}

void gql_schema_free(struct gql_schema *s)
{
    if (!s)
        return;
    gql_cache_free(s->cache);
    arena_free(s->a);
    free(s);
}
