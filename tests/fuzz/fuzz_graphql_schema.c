/* tests/fuzz/fuzz_graphql_schema.c: schema texts: refused or loaded, then asked about themselves. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "server/graphql/gql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct gql_options o = { .sdl = { (const char *)data, size } };
    AUTO_PTR(gql_schema) s = NULL;
    AUTO_PTR(arena) a = arena_new();
    struct gql_result result = { 0 };
    struct jval *request = jval_new_object(a);
    struct err e = { 0 };

    if (gql_schema_new(&o, &s, &e))
        return 0;
    jval_set_cstr(
        a, request, "query",
        "{ __schema { types { name kind fields { name args { name defaultValue } type { kind name } } "
        "inputFields { defaultValue } possibleTypes { name } enumValues { name } } "
        "directives { name args { defaultValue } } } }");
    gql_execute(s, request, NULL, a, &result);
    if (result.has_errors)
        abort();
    return 0;
}
