/* tests/unit/server/test_gql_engine.c: the GraphQL engine: requests in, responses out. */
#include "../test.h"

#include <stdio.h>

#include "server/graphql/gql.h"

static const char sdl[] =
    "scalar JSONString scalar JSON scalar Int64\n"
    "interface Node { id: ID! }\n"
    "type Queue implements Node { id: ID! name: String items(first: Int = 2): [Item!] }\n"
    "type Item implements Node { id: ID! state: String! spec: JSONString }\n"
    "enum Access { PROJECT USER }\n"
    "input PopInput { queueName: String! access: Access = PROJECT tags: [String!] }\n"
    "type PopPayload { runQueueItemId: ID runSpec: JSON }\n"
    "type Query { queue(name: String): Queue node: Node lost: Queue hard: Queue! }\n"
    "type Mutation { pop(input: PopInput!): PopPayload step(by: Int!): Int! }\n";

struct world {
    int64_t count;
    bool selected;
    char seen[200];
};

static int queue(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct world *w = c->ctx;
    struct jval *v = jval_new_object(c->a);

    (void)e;
    w->selected = gql_selects(c, "items.state");
    jval_set_cstr(c->a, v, "__typename", "Queue");
    jval_set_int(c->a, v, "id", 7);
    jval_set_cstr(c->a, v, "name", "gpu");
    *ret = v;
    return 0;
}

static int items(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct jval *list = jval_new_array(c->a);

    (void)e;
    assert_string_equal(jval_str(jval_get(c->parent, "name")).ptr, "gpu");
    for (int64_t i = 0; i < gql_arg_int(c, "first", -1); i++) {
        struct jval *item = jval_new_object(c->a);

        jval_set_int(c->a, item, "id", i);
        jval_set_cstr(c->a, item, "state", "PENDING");
        jval_set(c->a, item, "spec", jval_new_object(c->a));
        jval_push(c->a, list, item);
    }
    *ret = list;
    return 0;
}

static int pop(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct world *w = c->ctx;
    struct jval *v = jval_new_object(c->a);

    (void)e;
    (void)snprintf(w->seen, sizeof(w->seen), "%s", jval_text(c->a, c->args, JVAL_COMPACT).ptr);
    jval_set_cstr(c->a, v, "runQueueItemId", "i1");
    jval_set(c->a, v, "runSpec", c->args);
    *ret = v;
    return 0;
}

static int step(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct world *w = c->ctx;

    (void)e;
    w->count = w->count * 10 + gql_arg_int(c, "by", 0);
    *ret = jval_new_int(c->a, w->count);
    return 0;
}

static int lost(struct gql_call *c, const struct jval **ret, struct err *e)
{
    (void)ret;
    c->extensions = jval_new_object(c->a);
    jval_set_cstr(c->a, c->extensions, "hint", "look again");
    return err_set(e, ERR_NOT_FOUND, "no such queue");
}

static const struct gql_resolver resolvers[] = {
    { "Query.queue", queue }, { "Query.node", queue }, { "Query.lost", lost },    { "Query.hard", lost },
    { "Queue.items", items }, { "Mutation.pop", pop }, { "Mutation.step", step },
};

static struct gql_schema *new_schema(void)
{
    const struct gql_options o = { .sdl = { sdl, sizeof(sdl) - 1 },
                                   .name = "test.graphql",
                                   .resolvers = resolvers,
                                   .resolver_count = ARRAY_LEN(resolvers),
                                   .unknown_type_is_empty = true,
                                   .max_cached = 2 };
    struct gql_schema *s = NULL;
    struct err e = { 0 };

    must(gql_schema_new(&o, &s, &e), &e);
    return s;
}

/* A request as JSON text. */
static struct gql_result execute(struct gql_schema *s, struct arena *a, struct world *w, const char *request)
{
    struct gql_result result = { 0 };
    struct jval *body = NULL;
    struct err e = { 0 };

    must(jval_from_json(a, str_of(request), "request", NULL, &body, &e), &e);
    gql_execute(s, body, w, a, &result);
    return result;
}

/* The response as JSON text must be as expected. */
static void expect(const char *request, int status, const char *response)
{
    AUTO_PTR(gql_schema) s = new_schema();
    AUTO_PTR(arena) a = arena_new();
    struct world w = { 0 };
    struct gql_result result = execute(s, a, &w, request);

    assert_string_equal(jval_text(a, result.response, JVAL_COMPACT).ptr, response);
    assert_int_equal(result.http_status, status);
}

static void a_query_gives_every_selected_field(void **state)
{
    (void)state;
    expect("{\"query\":\"query Q { q: queue { __typename id name items { id state spec } } }\","
           "\"operationName\":\"\",\"variables\":null}",
           200,
           "{\"data\":{\"q\":{\"__typename\":\"Queue\",\"id\":\"7\",\"name\":\"gpu\",\"items\":["
           "{\"id\":\"0\",\"state\":\"PENDING\",\"spec\":\"{}\"},{\"id\":\"1\",\"state\":\"PENDING\","
           "\"spec\":\"{}\"}]}}}");
}

static void fragments_merge_and_conditions_count(void **state)
{
    (void)state;
    expect(
        "{\"query\":\"query($yes: Boolean!, $no: Boolean = false) { node { ...N ... on Queue { name "
        "@skip(if: "
        "$yes) items(first: 1) { id } } ... on Queue @include(if: $no) { x: name } ... on Item { state } } }"
        " fragment N on Node { id ... on Queue { items(first: 1) { state } } "
        "}\",\"variables\":{\"yes\":true}}",
        200, "{\"data\":{\"node\":{\"id\":\"7\",\"items\":[{\"state\":\"PENDING\",\"id\":\"0\"}]}}}");
}

static void inputs_are_coerced_and_defaulted(void **state)
{
    AUTO_PTR(gql_schema) s = new_schema();
    AUTO_PTR(arena) a = arena_new();
    struct world w = { 0 };
    struct gql_result result =
        execute(s, a, &w,
                "{\"query\":\"mutation($i: PopInput!, $unused: Int) { pop(input: $i) { runSpec } }\","
                "\"variables\":{\"i\":{\"queueName\":\"q\",\"tags\":\"one\"},\"undeclared\":1}}");

    (void)state;
    assert_false(result.has_errors);
    assert_string_equal(w.seen,
                        "{\"input\":{\"queueName\":\"q\",\"access\":\"PROJECT\",\"tags\":[\"one\"]}}");
}

static void mutations_run_in_order(void **state)
{
    (void)state;
    expect("{\"query\":\"mutation { a: step(by: 1) b: step(by: 2) a: step(by: 1) c: step(by: 3) }\"}", 200,
           "{\"data\":{\"a\":1,\"b\":12,\"c\":123}}");
}

static void a_resolver_error_has_path_place_code_and_hint(void **state)
{
    (void)state;
    expect(
        "{\"query\":\"{ queue { id }\\n  l: lost { id } }\"}", 200,
        "{\"data\":{\"queue\":{\"id\":\"7\"},\"l\":null},\"errors\":[{\"message\":\"no such queue\","
        "\"locations\":[{\"line\":2,\"column\":3}],\"path\":[\"l\"],\"extensions\":{\"code\":\"not_found\","
        "\"hint\":\"look again\"}}]}");
    expect(
        "{\"query\":\"{ hard { id } }\"}", 200,
        "{\"data\":null,\"errors\":[{\"message\":\"no such queue\",\"locations\":[{\"line\":1,\"column\":3}],"
        "\"path\":[\"hard\"],\"extensions\":{\"code\":\"not_found\",\"hint\":\"look again\"}}]}");
}

static void an_unknown_field_is_refused_in_the_words_clients_match(void **state)
{
    (void)state;
    expect("{\"query\":\"{ queue { runSpec } }\"}", 400,
           "{\"errors\":[{\"message\":\"Cannot query field \\\"runSpec\\\" on type \\\"Queue\\\".\","
           "\"extensions\":{\"code\":\"GRAPHQL_VALIDATION_FAILED\"},\"locations\":[{\"line\":1,\"column\":11}"
           "]}]}");
}

static void an_unknown_type_is_empty_when_asked_for(void **state)
{
    (void)state;
    expect(
        "{\"query\":\"{ a: __type(name: \\\"Nope\\\") { name fields { name } inputFields { name } } "
        "b: __type(name: \\\"PopInput\\\") { inputFields { name defaultValue } } }\"}",
        200,
        "{\"data\":{\"a\":{\"name\":\"Nope\",\"fields\":[],\"inputFields\":[]},\"b\":{\"inputFields\":["
        "{\"name\":\"queueName\",\"defaultValue\":null},{\"name\":\"access\",\"defaultValue\":\"PROJECT\"},"
        "{\"name\":\"tags\",\"defaultValue\":null}]}}}");
}

static void requests_that_are_none_are_refused(void **state)
{
    static const char *const bad[] = {
        "[]",
        "{}",
        "{\"query\":5}",
        "{\"query\":\"{\"}",
        "{\"query\":\"{queue{id}}\",\"variables\":[1]}",
        "{\"query\":\"{queue{id}}\",\"operationName\":\"Other\"}",
        "{\"query\":\"query($n: Int!) {queue(name: \\\"a\\\"){items(first: $n) {id}}}\"}",
        "{\"query\":\"subscription {queue}\"}",
        "{\"query\":\"query A{queue{id}} query B{queue{id}}\"}",
    };
    AUTO_PTR(gql_schema) s = new_schema();
    AUTO_PTR(arena) a = arena_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct gql_result result = execute(s, a, NULL, bad[i]);

        assert_int_equal(result.http_status, 400);
        assert_null(jval_get(result.response, "data"));
        assert_true(jval_str(jval_path(result.response, "errors.0.message")).len > 0);
    }
}

static void a_resolver_can_ask_what_is_selected(void **state)
{
    AUTO_PTR(gql_schema) s = new_schema();
    AUTO_PTR(arena) a = arena_new();
    struct jval *body = jval_new_object(a);
    struct gql_result result = { 0 };
    struct world w = { 0 };

    (void)state;
    jval_set_cstr(a, body, "query", "{ queue { ...F } } fragment F on Queue { i: items { s: state } }");
    gql_execute(s, body, &w, a, &result);
    assert_true(w.selected);
    jval_set_cstr(a, body, "query", "{ queue { items { id } } }");
    gql_execute(s, body, &w, a, &result);
    assert_false(w.selected);
}

static void the_cache_stays_within_its_bound(void **state)
{
    AUTO_PTR(gql_schema) s = new_schema();

    (void)state;
    for (int i = 0; i < 20; i++) {
        AUTO_PTR(arena) a = arena_new();
        struct str text = str_of(arena_printf(a, "query Q%d { queue { id } }", i % 3));

        assert_int_equal(jval_len(gql_check(s, text, a)), 0);
    }
}

static void deep_and_hostile_documents_end(void **state)
{
    AUTO_PTR(gql_schema) s = new_schema();
    AUTO_PTR(arena) a = arena_new();
    AUTO_STRBUF struct strbuf b = STRBUF(1u << 20);

    (void)state;
    for (int i = 0; i < 5000; i++)
        strbuf_addz(&b, "{a");
    assert_int_equal(jval_len(gql_check(s, strbuf_str(&b), a)), 1);
    strbuf_reset(&b);
    strbuf_addz(&b, "{queue{...F0}}");
    for (int i = 0; i < 1000; i++)
        strbuf_addf(&b, " fragment F%d on Queue{...F%d id}", i, i + 1);
    strbuf_addz(&b, " fragment F1000 on Queue{...F0}");
    assert_true(jval_len(gql_check(s, strbuf_str(&b), a)) > 0);
    strbuf_reset(&b);
    strbuf_addz(&b, "{queue{...F0}}");
    for (int i = 0; i < 30; i++)
        strbuf_addf(&b, " fragment F%d on Queue{id ...F%d ... on Queue{...F%d}}", i, i + 1, i + 1);
    strbuf_addz(&b, " fragment F30 on Queue{id}");
    assert_int_equal(jval_len(gql_check(s, strbuf_str(&b), a)), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_gives_every_selected_field),
        cmocka_unit_test(fragments_merge_and_conditions_count),
        cmocka_unit_test(inputs_are_coerced_and_defaulted),
        cmocka_unit_test(mutations_run_in_order),
        cmocka_unit_test(a_resolver_error_has_path_place_code_and_hint),
        cmocka_unit_test(an_unknown_field_is_refused_in_the_words_clients_match),
        cmocka_unit_test(an_unknown_type_is_empty_when_asked_for),
        cmocka_unit_test(requests_that_are_none_are_refused),
        cmocka_unit_test(a_resolver_can_ask_what_is_selected),
        cmocka_unit_test(the_cache_stays_within_its_bound),
        cmocka_unit_test(deep_and_hostile_documents_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
