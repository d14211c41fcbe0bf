/*
 * server/graphql/gql_value.h: what operations and schemas both write: values, uses of types, arguments,
 * directives. Private to the engine; gql_ast.h says how trees live.
 */
#pragma once

#include <stdint.h>

#include "base/str.h"

struct gql_type;
struct gql_directive_def;

enum gql_value_kind {
    GQL_VALUE_VARIABLE,
    GQL_VALUE_INT,
    GQL_VALUE_FLOAT,
    GQL_VALUE_STRING,
    GQL_VALUE_BOOLEAN,
    GQL_VALUE_NULL,
    GQL_VALUE_ENUM,
    GQL_VALUE_LIST,
    GQL_VALUE_OBJECT
};

struct gql_value {
    enum gql_value_kind kind;
    uint32_t pos;
    uint32_t name_pos;
    struct str name;         /* of an object's member */
    struct str text;         /* a variable's name, a number as written, a decoded string, an enum value */
    struct gql_value *items; /* of a list or an object */
    struct gql_value *next;
};

enum gql_ref_kind { GQL_REF_NAMED, GQL_REF_LIST, GQL_REF_NON_NULL };

/* A use of a type: String, [String!]!. */
struct gql_ref {
    enum gql_ref_kind kind;
    uint32_t pos;
    struct str name;             /* GQL_REF_NAMED */
    const struct gql_type *type; /* GQL_REF_NAMED: filled by the schema or by validation; NULL: unknown */
    struct gql_ref *of;
};

struct gql_argument {
    uint32_t pos;
    struct str name;
    struct gql_value *value;
    struct gql_argument *next;
};

struct gql_directive {
    uint32_t pos;
    struct str name;
    struct gql_argument *args;
    const struct gql_directive_def *def; /* filled by validation */
    struct gql_directive *next;
};

/** gql_value_print() - a value as GraphQL text. */
void gql_value_print(struct strbuf *b, const struct gql_value *v);
/** gql_ref_print() - "[String!]!". */
void gql_ref_print(struct strbuf *b, const struct gql_ref *ref);
