/* tests/unit/server/test_gql_schema.c: schemas that are refused, and what the message says. */
#include "../test.h"

#include "server/graphql/gql.h"

static void a_wrong_schema_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *sdl, *message;
    } rows[] = {
        { "type Query { a: }", "s.graphql:1:17: Syntax Error: Expected a name, found \"}\"." },
        { "type Query { a: Nope }", "s.graphql:1:17: unknown type \"Nope\"" },
        { "type Q { a: Int }", "s.graphql:1:1: there is no query root type" },
        { "type Query { a: Int a: Int }", "s.graphql:1:21: \"a\" is defined twice" },
        { "type Query { a: Int }\ntype Query { b: Int }", "s.graphql:2:6: type \"Query\" is defined twice" },
        { "type Query { a(b: Query): Int }",
          "s.graphql:1:16: \"b\" cannot take a \"Query\": it is not an input type" },
        { "input I { a: Int } type Query { i: I }",
          "s.graphql:1:33: \"Query.i\" cannot be a \"I\": it is an input type" },
        { "type Query { a(b: Int = \"x\"): Int }",
          "s.graphql:1:25: the default of \"b\": Int cannot represent non-integer value: \"x\"" },
        { "interface N { id: ID! } type Query implements N { a: Int }",
          "s.graphql:1:30: \"Query\" lacks the field \"id\" of its interface \"N\"" },
        { "interface N { id: ID! } type Query implements N { id: ID }",
          "s.graphql:1:51: \"Query.id\" must be a \"ID!\", as in its interface \"N\"" },
        { "type Query { __a: Int }",
          "s.graphql:1:14: name \"__a\" must not begin with \"__\", which is reserved" },
        { "union U = Query | Int type Query { a: U }", "s.graphql:1:19: \"Int\" is not an object type" },
        { "enum E type Query { a: E }", "s.graphql:1:6: \"E\" has no values" },
        { "input I { i: I! } type Query { a(i: I): Int }", "s.graphql:1:7: \"I\" needs itself without end" },
        { "type Query { a: Int @nope }", "s.graphql:1:21: Unknown directive \"@nope\"." },
        { "extend type X { a: Int } type Query { a: Int }",
          "s.graphql:1:13: cannot extend \"X\": no such definition" },
        { "{ a }", "s.graphql:1:1: a schema holds type definitions only, no operations" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct gql_options o = { .sdl = str_of(rows[i].sdl), .name = "s.graphql" };
        struct gql_schema *s = NULL;
        struct err e = { 0 };

        assert_int_equal(gql_schema_new(&o, &s, &e), -ERR_CONFIG);
        assert_string_equal(e.msg, rows[i].message);
        assert_null(s);
    }
}

static int nothing(struct gql_call *c, const struct jval **ret, struct err *e)
{
    (void)c;
    (void)ret;
    (void)e;
    return 0;
}

static void a_resolver_for_no_field_is_refused(void **state)
{
    static const struct gql_resolver resolvers[] = { { "Query.b", nothing } };
    const struct gql_options o = {
        .sdl = STR("type Query { a: Int }"), .name = "s.graphql", .resolvers = resolvers, .resolver_count = 1
    };
    struct gql_schema *s = NULL;
    struct err e = { 0 };

    (void)state;
    assert_int_equal(gql_schema_new(&o, &s, &e), -ERR_CONFIG);
    assert_string_equal(e.msg, "s.graphql:1:1: the resolver \"Query.b\" names no field of an object type");
}

static void extensions_add_to_their_type(void **state)
{
    const struct gql_options o = {
        .sdl = STR("type Query { a: Int } extend type Query { b: E } enum E { X } extend enum E { Y }")
    };
    AUTO_PTR(gql_schema) s = NULL;
    AUTO_PTR(arena) a = arena_new();
    struct err e = { 0 };

    (void)state;
    assert_int_equal(gql_schema_new(&o, &s, &e), 0);
    assert_int_equal(jval_len(gql_check(s, STR("{ a b }"), a)), 0);
    assert_int_equal(jval_len(gql_check(s, STR("{ c }"), a)), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_schema_is_refused_with_its_place),
        cmocka_unit_test(a_resolver_for_no_field_is_refused),
        cmocka_unit_test(extensions_add_to_their_type),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
