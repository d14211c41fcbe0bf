/* server/graphql/gql_parse.c: executable documents: operations, fragments, values. */
#include "server/graphql/gql_parse.h"

#include "server/graphql/gql_lex.h"

static struct gql_selection_set *parse_set(struct gql_parser *p);

static struct gql_value *parse_items(struct gql_parser *p, char end, bool is_const)
{
    struct gql_value *first = NULL, **tail = &first;

    if (!gql_enter(p))
        return NULL;
    gql_advance(p);
    while (!gql_at(p, end) && !p->failed) {
        struct str name = { NULL, 0 };
        uint32_t name_pos = p->cur.pos;
        struct gql_value *item = NULL;

        if (end == '}') {
            name = gql_take_name(p);
            gql_expect(p, ':');
        }
        item = gql_parse_value(p, is_const);
        if (!item)
            return NULL;
        item->name = name;
        item->name_pos = name_pos;
        *tail = item;
        tail = &item->next;
    }
    gql_expect(p, end);
    p->depth--;
    return first;
}

static enum gql_value_kind word_kind(struct str word)
{
    if (str_is(word, "true") || str_is(word, "false"))
        return GQL_VALUE_BOOLEAN;
    return str_is(word, "null") ? GQL_VALUE_NULL : GQL_VALUE_ENUM;
}

static struct gql_value *parse_variable_value(struct gql_parser *p, struct gql_value *v, bool is_const)
{
    gql_advance(p);
    v->kind = GQL_VALUE_VARIABLE;
    v->text = gql_take_name(p);
    if (is_const)
        gql_fail_at(p, v->pos, "Syntax Error: Unexpected variable \"$%.*s\" in constant value.",
                    STR_ARG(v->text));
    return p->failed ? NULL : v;
}

static struct gql_value *parse_punctuated_value(struct gql_parser *p, struct gql_value *v, bool is_const)
{
    bool is_list = gql_at(p, '[');

    if (gql_at(p, '$'))
        return parse_variable_value(p, v, is_const);
    if (!is_list && !gql_at(p, '{')) {
        gql_unexpected(p);
        return NULL;
    }
    v->kind = is_list ? GQL_VALUE_LIST : GQL_VALUE_OBJECT;
    v->items = parse_items(p, is_list ? ']' : '}', is_const);
    return p->failed ? NULL : v;
}

struct gql_value *gql_parse_value(struct gql_parser *p, bool is_const)
{
    struct gql_value *v = NULL;

    if (p->failed)
        return NULL;
    v = arena_alloc(p->a, sizeof(*v));
    v->pos = p->cur.pos;
    v->text = p->cur.text;
    switch (p->cur.kind) {
    case GQL_TOKEN_INT:
        v->kind = GQL_VALUE_INT;
        break;
    case GQL_TOKEN_FLOAT:
        v->kind = GQL_VALUE_FLOAT;
        break;
    case GQL_TOKEN_STRING:
    case GQL_TOKEN_BLOCK_STRING:
        v->kind = GQL_VALUE_STRING;
        break;
    case GQL_TOKEN_NAME:
        v->kind = word_kind(v->text);
        break;
    case GQL_TOKEN_PUNCTUATOR:
    case GQL_TOKEN_END:
        return parse_punctuated_value(p, v, is_const);
    }
    gql_advance(p);
    return v;
}

static struct gql_ref *parse_named_ref(struct gql_parser *p)
{
    struct gql_ref *ref = arena_alloc(p->a, sizeof(*ref));

    ref->pos = p->cur.pos;
    ref->name = gql_take_name(p);
    return ref;
}

struct gql_ref *gql_parse_ref(struct gql_parser *p)
{
    struct gql_ref *ref = NULL, *outer = NULL;
    uint32_t pos = p->cur.pos;

    if (!gql_enter(p))
        return NULL;
    if (gql_skip(p, '[')) {
        ref = arena_alloc(p->a, sizeof(*ref));
        ref->kind = GQL_REF_LIST;
        ref->pos = pos;
        ref->of = gql_parse_ref(p);
        gql_expect(p, ']');
    } else {
        ref = parse_named_ref(p);
    }
    p->depth--;
    if (!gql_skip(p, '!'))
        return ref;
    outer = arena_alloc(p->a, sizeof(*outer));
    outer->kind = GQL_REF_NON_NULL;
    outer->pos = pos;
    outer->of = ref;
    return outer;
}

static struct gql_argument *parse_arguments(struct gql_parser *p, bool is_const)
{
    struct gql_argument *first = NULL, **tail = &first;

    if (!gql_skip(p, '('))
        return NULL;
    do {
        struct gql_argument *arg = arena_alloc(p->a, sizeof(*arg));

        arg->pos = p->cur.pos;
        arg->name = gql_take_name(p);
        gql_expect(p, ':');
        arg->value = gql_parse_value(p, is_const);
        *tail = arg;
        tail = &arg->next;
    } while (!gql_at(p, ')') && !p->failed);
    gql_expect(p, ')');
    return first;
}

struct gql_directive *gql_parse_directives(struct gql_parser *p, bool is_const)
{
    struct gql_directive *first = NULL, **tail = &first;

    while (gql_at(p, '@')) {
        struct gql_directive *d = arena_alloc(p->a, sizeof(*d));

        d->pos = p->cur.pos;
        gql_advance(p);
        d->name = gql_take_name(p);
        d->args = parse_arguments(p, is_const);
        *tail = d;
        tail = &d->next;
    }
    return first;
}

static void parse_field(struct gql_parser *p, struct gql_selection *s)
{
    s->kind = GQL_FIELD;
    s->key = gql_take_name(p);
    s->name = gql_skip(p, ':') ? gql_take_name(p) : s->key;
    s->args = parse_arguments(p, false);
    s->directives = gql_parse_directives(p, false);
    if (gql_at(p, '{'))
        s->set = parse_set(p);
}

static void parse_fragment_use(struct gql_parser *p, struct gql_selection *s)
{
    gql_advance(p);
    if (p->cur.kind == GQL_TOKEN_NAME && !gql_at_word(p, "on")) {
        s->kind = GQL_SPREAD;
        s->name = gql_take_name(p);
        s->directives = gql_parse_directives(p, false);
        return;
    }
    s->kind = GQL_INLINE;
    if (gql_skip_word(p, "on"))
        s->condition = parse_named_ref(p);
    s->directives = gql_parse_directives(p, false);
    s->set = parse_set(p);
}

static struct gql_selection_set *parse_set(struct gql_parser *p)
{
    struct gql_selection_set *set = arena_alloc(p->a, sizeof(*set));
    struct gql_selection **tail = &set->first;

    set->pos = p->cur.pos;
    gql_expect(p, '{');
    if (!gql_enter(p))
        return set;
    do {
        struct gql_selection *s = arena_alloc(p->a, sizeof(*s));

        s->pos = p->cur.pos;
        if (gql_at(p, '.'))
            parse_fragment_use(p, s);
        else
            parse_field(p, s);
        *tail = s;
        tail = &s->next;
    } while (!gql_at(p, '}') && !p->failed);
    gql_expect(p, '}');
    p->depth--;
    return set;
}

static struct gql_variable *parse_variables(struct gql_parser *p)
{
    struct gql_variable *first = NULL, **tail = &first;

    if (!gql_skip(p, '('))
        return NULL;
    do {
        struct gql_variable *v = arena_alloc(p->a, sizeof(*v));

        v->pos = p->cur.pos;
        gql_expect(p, '$');
        v->name = gql_take_name(p);
        gql_expect(p, ':');
        v->ref = gql_parse_ref(p);
        if (gql_skip(p, '='))
            v->preset = gql_parse_value(p, true);
        v->directives = gql_parse_directives(p, true);
        *tail = v;
        tail = &v->next;
    } while (!gql_at(p, ')') && !p->failed);
    gql_expect(p, ')');
    return first;
}

static struct gql_definition *parse_operation(struct gql_parser *p, enum gql_definition_kind kind)
{
    struct gql_definition *d = arena_alloc(p->a, sizeof(*d));

    d->kind = kind;
    d->pos = d->name_pos = p->cur.pos;
    if (!gql_at(p, '{')) {
        gql_advance(p);
        d->name_pos = p->cur.pos;
        if (p->cur.kind == GQL_TOKEN_NAME)
            d->name = gql_take_name(p);
        d->variables = parse_variables(p);
        d->directives = gql_parse_directives(p, false);
    }
    d->set = parse_set(p);
    return d;
}

static struct gql_definition *parse_fragment(struct gql_parser *p)
{
    struct gql_definition *d = arena_alloc(p->a, sizeof(*d));

    d->kind = GQL_FRAGMENT;
    d->pos = p->cur.pos;
    gql_advance(p);
    if (gql_at_word(p, "on"))
        gql_unexpected(p);
    d->name_pos = p->cur.pos;
    d->name = gql_take_name(p);
    gql_expect_word(p, "on");
    d->condition = parse_named_ref(p);
    d->directives = gql_parse_directives(p, false);
    d->set = parse_set(p);
    return d;
}

static struct gql_definition *parse_definition(struct gql_parser *p)
{
    if (gql_at(p, '{') || gql_at_word(p, "query"))
        return parse_operation(p, GQL_QUERY);
    if (gql_at_word(p, "mutation"))
        return parse_operation(p, GQL_MUTATION);
    if (gql_at_word(p, "subscription"))
        return parse_operation(p, GQL_SUBSCRIPTION);
    if (gql_at_word(p, "fragment"))
        return parse_fragment(p);
    return gql_parse_type_system(p);
}

struct gql_document *gql_parse(struct arena *a, struct str source, const struct gql_parse_limits *limits,
                               struct gql_syntax_error *e)
{
    struct gql_parser p = { .a = a, .src = source, .limits = *limits, .e = e };
    struct gql_document *doc = arena_alloc(a, sizeof(*doc));
    struct gql_definition **tail = &doc->first;

    *e = (struct gql_syntax_error){ 0 };
    doc->source = source;
    if (source.len > limits->max_bytes) {
        e->is_limit = true;
        gql_fail_at(&p, 0, "Syntax Error: The document is longer than %u bytes.", limits->max_bytes);
    } else if (!str_is_utf8(source)) {
        gql_fail_at(&p, 0, "Syntax Error: The document is not valid UTF-8.");
    }
    gql_advance(&p);
    do {
        struct gql_definition *d = parse_definition(&p);

        *tail = d;
        tail = d ? &d->next : tail;
    } while (p.cur.kind != GQL_TOKEN_END);
    return p.failed ? NULL : doc;
}
