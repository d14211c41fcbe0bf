/* tests/fuzz/fuzz_graphql.c: documents from anybody: parsed, validated and executed against a small schema.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "server/graphql/gql.h"

static const char sdl[] =
    "scalar JSON interface Node { id: ID! } enum Kind { A B } union Hit = Thing | Other\n"
    "input Filter { text: String = \"x\" kinds: [Kind!] = [A] deep: Filter limit: Int! = 1 }\n"
    "type Thing implements Node { id: ID! name(upper: Boolean = false): String kind: Kind next: Thing! "
    "things: [Thing] }\n"
    "type Other implements Node { id: ID! name: Int json: JSON }\n"
    "type Query { thing: Thing hit: Hit hits: [Hit!] node: Node echo(f: Filter, fs: [Filter], j: JSON, n: "
    "Int! = 3): JSON }\n"
    "type Mutation { echo(f: Filter): JSON }\n";

static int echo(struct gql_call *c, const struct jval **ret, struct err *e)
{
    (void)e;
    *ret = c->args;
    return 0;
}

static int thing(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct jval *v = jval_new_object(c->a), *list = jval_new_array(c->a);

    (void)e;
    jval_set_cstr(c->a, v, "__typename", "Thing");
    jval_set_int(c->a, v, "id", 1);
    jval_set_cstr(c->a, v, "kind", "C");
    jval_push(c->a, list, v);
    *ret = v;
    if (str_is(str_of(c->field), "hits"))
        *ret = list;
    return 0;
}

static const struct gql_resolver resolvers[] = {
    { "Query.thing", thing }, { "Query.hit", thing }, { "Query.hits", thing },
    { "Query.node", thing },  { "Query.echo", echo }, { "Mutation.echo", echo },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct gql_options o = { .sdl = { sdl, sizeof(sdl) - 1 },
                                   .resolvers = resolvers,
                                   .resolver_count = ARRAY_LEN(resolvers) };
    static struct gql_schema *s; /* made once: the cache is under test as well */
    AUTO_PTR(arena) a = arena_new();
    struct gql_result result = { 0 };
    struct jval *request = jval_new_object(a);
    struct err e = { 0 };

    if (!s && gql_schema_new(&o, &s, &e))
        abort();
    jval_set(a, request, "query", jval_new_str(a, (struct str){ (const char *)data, size }));
    gql_execute(s, request, NULL, a, &result);
    if (!jval_get(result.response, "data") && !result.has_errors)
        abort();
    (void)jval_text(a, result.response, JVAL_COMPACT);
    return 0;
}
