/* server/graphql/gql_parse_sdl.c: type system documents: definitions and extensions. */
#include "base/defs.h"
#include "server/graphql/gql_lex.h"

static struct str parse_description(struct gql_parser *p)
{
    struct str text = { NULL, 0 };

    if (p->cur.kind == GQL_TOKEN_STRING || p->cur.kind == GQL_TOKEN_BLOCK_STRING) {
        text = p->cur.text;
        gql_advance(p);
    }
    return text;
}

/* "name: Type = value @directives": an argument or an input field. */
static struct gql_sdl_item *parse_input_item(struct gql_parser *p)
{
    struct gql_sdl_item *item = arena_alloc(p->a, sizeof(*item));

    item->description = parse_description(p);
    item->pos = p->cur.pos;
    item->name = gql_take_name(p);
    gql_expect(p, ':');
    item->ref = gql_parse_ref(p);
    if (gql_skip(p, '='))
        item->preset = gql_parse_value(p, true);
    item->directives = gql_parse_directives(p, true);
    return item;
}

static struct gql_sdl_item *parse_items(struct gql_parser *p, char open, char close,
                                        struct gql_sdl_item *(*parse_item)(struct gql_parser *))
{
    struct gql_sdl_item *first = NULL, **tail = &first;

    if (!gql_skip(p, open))
        return NULL;
    do {
        *tail = parse_item(p);
        tail = &(*tail)->next;
    } while (!gql_at(p, close) && !p->failed);
    gql_expect(p, close);
    return first;
}

static struct gql_sdl_item *parse_field_item(struct gql_parser *p)
{
    struct gql_sdl_item *item = arena_alloc(p->a, sizeof(*item));

    item->description = parse_description(p);
    item->pos = p->cur.pos;
    item->name = gql_take_name(p);
    item->args = parse_items(p, '(', ')', parse_input_item);
    gql_expect(p, ':');
    item->ref = gql_parse_ref(p);
    item->directives = gql_parse_directives(p, true);
    return item;
}

static struct gql_sdl_item *parse_enum_item(struct gql_parser *p)
{
    struct gql_sdl_item *item = arena_alloc(p->a, sizeof(*item));

    item->description = parse_description(p);
    item->pos = p->cur.pos;
    if (gql_at_word(p, "true") || gql_at_word(p, "false") || gql_at_word(p, "null"))
        gql_fail_at(p, p->cur.pos,
                    "Syntax Error: Name \"%.*s\" is reserved and cannot be used for an enum value.",
                    STR_ARG(p->cur.text));
    item->name = gql_take_name(p);
    item->directives = gql_parse_directives(p, true);
    return item;
}

static struct gql_sdl_item *parse_root_item(struct gql_parser *p)
{
    struct gql_sdl_item *item = arena_alloc(p->a, sizeof(*item));

    item->pos = p->cur.pos;
    if (!gql_at_word(p, "query") && !gql_at_word(p, "mutation") && !gql_at_word(p, "subscription"))
        gql_unexpected(p);
    item->name = gql_take_name(p);
    gql_expect(p, ':');
    item->ref = arena_alloc(p->a, sizeof(*item->ref));
    item->ref->pos = p->cur.pos;
    item->ref->name = gql_take_name(p);
    return item;
}

static struct gql_name *parse_names(struct gql_parser *p, char separator)
{
    struct gql_name *first = NULL, **tail = &first;

    (void)gql_skip(p, separator); /* one may lead */
    do {
        struct gql_name *n = arena_alloc(p->a, sizeof(*n));

        n->pos = p->cur.pos;
        n->name = gql_take_name(p);
        *tail = n;
        tail = &n->next;
    } while (gql_skip(p, separator));
    return first;
}

static void parse_composite(struct gql_parser *p, struct gql_definition *d)
{
    if (gql_skip_word(p, "implements"))
        d->names = parse_names(p, '&');
    d->directives = gql_parse_directives(p, true);
    d->items = parse_items(p, '{', '}', parse_field_item);
}

static void parse_union(struct gql_parser *p, struct gql_definition *d)
{
    d->directives = gql_parse_directives(p, true);
    if (gql_skip(p, '='))
        d->names = parse_names(p, '|');
}

static void check_location(struct gql_parser *p, const struct gql_name *n)
{
    static const char *const known[] = {
        "QUERY",
        "MUTATION",
        "SUBSCRIPTION",
        "FIELD",
        "SCHEMA",
        "FRAGMENT_DEFINITION",
        "SCALAR",
        "OBJECT",
        "FRAGMENT_SPREAD",
        "INTERFACE",
        "UNION",
        "INLINE_FRAGMENT",
        "ENUM",
        "ENUM_VALUE",
        "VARIABLE_DEFINITION",
        "INPUT_OBJECT",
        "INPUT_FIELD_DEFINITION",
        "FIELD_DEFINITION",
        "ARGUMENT_DEFINITION",
    };

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (str_is(n->name, known[i]))
            return;
    }
    gql_fail_at(p, n->pos, "Syntax Error: Unexpected directive location \"%.*s\".", STR_ARG(n->name));
}

static void parse_directive_definition(struct gql_parser *p, struct gql_definition *d)
{
    d->items = parse_items(p, '(', ')', parse_input_item);
    d->is_repeatable = gql_skip_word(p, "repeatable");
    gql_expect_word(p, "on");
    d->names = parse_names(p, '|');
    for (struct gql_name *n = d->names; n; n = n->next)
        check_location(p, n);
}

static void parse_body(struct gql_parser *p, struct gql_definition *d)
{
    switch (d->kind) {
    case GQL_SCHEMA:
        d->directives = gql_parse_directives(p, true);
        if (!d->is_extension && !gql_at(p, '{'))
            gql_expect(p, '{');
        d->items = parse_items(p, '{', '}', parse_root_item);
        break;
    case GQL_OBJECT:
    case GQL_INTERFACE:
        parse_composite(p, d);
        break;
    case GQL_UNION:
        parse_union(p, d);
        break;
    case GQL_ENUM:
        d->directives = gql_parse_directives(p, true);
        d->items = parse_items(p, '{', '}', parse_enum_item);
        break;
    case GQL_INPUT:
        d->directives = gql_parse_directives(p, true);
        d->items = parse_items(p, '{', '}', parse_input_item);
        break;
    case GQL_DIRECTIVE:
        parse_directive_definition(p, d);
        break;
    case GQL_SCALAR:
    case GQL_QUERY:
    case GQL_MUTATION:
    case GQL_SUBSCRIPTION:
    case GQL_FRAGMENT:
        d->directives = gql_parse_directives(p, true);
        break;
    }
}

static bool find_keyword(const struct gql_parser *p, enum gql_definition_kind *ret)
{
    static const struct {
        const char *word;
        enum gql_definition_kind kind;
    } words[] = {
        { "schema", GQL_SCHEMA },       { "scalar", GQL_SCALAR },       { "type", GQL_OBJECT },
        { "interface", GQL_INTERFACE }, { "union", GQL_UNION },         { "enum", GQL_ENUM },
        { "input", GQL_INPUT },         { "directive", GQL_DIRECTIVE },
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (gql_at_word(p, words[i].word)) {
            *ret = words[i].kind;
            return true;
        }
    }
    return false;
}

struct gql_definition *gql_parse_type_system(struct gql_parser *p)
{
    struct gql_definition *d = arena_alloc(p->a, sizeof(*d));

    d->pos = p->cur.pos;
    d->description = parse_description(p);
    if (!d->description.ptr)
        d->is_extension = gql_skip_word(p, "extend");
    if (!find_keyword(p, &d->kind) || (d->is_extension && d->kind == GQL_DIRECTIVE)) {
        gql_unexpected(p);
        return NULL;
    }
    gql_advance(p);
    if (d->kind == GQL_DIRECTIVE)
        gql_expect(p, '@');
    d->name_pos = p->cur.pos;
    if (d->kind != GQL_SCHEMA)
        d->name = gql_take_name(p);
    parse_body(p, d);
    if (d->is_extension && !d->directives && !d->names && !d->items)
        gql_unexpected(p); /* an extension has to add something */
    return d;
}
