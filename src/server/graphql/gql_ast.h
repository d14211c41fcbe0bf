/*
 * server/graphql/gql_ast.h: documents as trees. Private to the engine.
 *
 * A tree lives in one arena together with its source text. Nodes carry the byte offset of their first token;
 * lines and columns are counted only when an error needs them. Lists are linked through `next`.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "server/graphql/gql_value.h"

struct gql_member;

enum gql_selection_kind { GQL_FIELD, GQL_SPREAD, GQL_INLINE };

struct gql_definition;
struct gql_selection;

struct gql_selection_set {
    uint32_t pos;
    struct gql_selection *first;
    const struct gql_type *parent;    /* filled by validation: what the fields are read from; may be NULL */
    struct gql_selection **collected; /* validation: fields by key, fragments expanded; NULL: not yet */
    uint32_t collected_count;
};

struct gql_selection {
    enum gql_selection_kind kind;
    uint32_t pos;
    uint32_t order;  /* among the fields collected with it */
    struct str name; /* a field's or a fragment's */
    struct str key;  /* a field's alias, else its name */
    struct gql_argument *args;
    struct gql_directive *directives;
    struct gql_ref *condition; /* GQL_INLINE: may be NULL */
    struct gql_selection_set *set;
    const struct gql_member *def;        /* a field's: filled by validation */
    const struct gql_type *parent;       /* the type @def was looked up in */
    const struct gql_definition *target; /* a spread's fragment: filled by validation */
    struct gql_selection *next;
};

struct gql_variable {
    uint32_t pos;
    struct str name;
    struct gql_ref *ref;
    struct gql_value *preset; /* its default; NULL: none */
    struct gql_directive *directives;
    struct gql_variable *next;
};

enum gql_definition_kind {
    GQL_QUERY,
    GQL_MUTATION,
    GQL_SUBSCRIPTION,
    GQL_FRAGMENT,
    GQL_SCHEMA,
    GQL_SCALAR,
    GQL_OBJECT,
    GQL_INTERFACE,
    GQL_UNION,
    GQL_ENUM,
    GQL_INPUT,
    GQL_DIRECTIVE
};

/* A named thing in a list: interfaces, union members, directive locations. */
struct gql_name {
    uint32_t pos;
    struct str name;
    struct gql_name *next;
};

/* In a type definition: a field, an argument, an input field, an enum value, or a root operation. */
struct gql_sdl_item {
    uint32_t pos;
    struct str name;
    struct str description;
    struct gql_sdl_item *args;
    struct gql_ref *ref;
    struct gql_value *preset;
    struct gql_directive *directives;
    struct gql_sdl_item *next;
};

/* Where a definition uses a variable, and as what. */
struct gql_usage {
    uint32_t pos;
    struct str name;
    const struct gql_ref *expected; /* NULL: inside a custom scalar, anything goes */
    bool has_preset;                /* the place has a default of its own */
    struct gql_usage *next;
};

/* Where a definition spreads a fragment. */
struct gql_spread {
    uint32_t pos, depth;
    struct gql_definition *target;
    struct gql_spread *next;
};

struct gql_definition {
    enum gql_definition_kind kind;
    uint32_t pos;
    uint32_t name_pos;
    struct str name; /* absent: an anonymous operation */
    struct gql_directive *directives;
    /* operations and fragments */
    struct gql_variable *variables;
    struct gql_ref *condition;
    struct gql_selection_set *set;
    /* validation's notes */
    struct gql_usage *usages;
    struct gql_spread *spreads;
    uint32_t depth, fields;                   /* of its own, fragments not expanded */
    uint32_t expanded_depth, expanded_fields; /* with fragments */
    uint32_t reached_by;   /* the last operation (counted from 1) that reaches a fragment */
    uint32_t collected_by; /* the last collection that went through a fragment */
    bool is_expanded;      /* expanded_depth and _fields are known */
    /* type system */
    bool is_extension, is_repeatable;
    struct str description;
    struct gql_name *names;     /* interfaces, members or locations */
    struct gql_sdl_item *items; /* fields, values, input fields, root operations or directive arguments */
    struct gql_definition *next;
};

struct gql_document {
    struct str source;
    struct gql_definition *first;
};
