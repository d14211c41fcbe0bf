/* server/graphql/gql_schema.h: a schema's types in memory. Private to the engine. */
#pragma once

#include "server/graphql/gql.h"
#include "server/graphql/gql_parse.h"

enum gql_scalar {
    GQL_SCALAR_OTHER, /* any leaf, passed as it is */
    GQL_SCALAR_INT,
    GQL_SCALAR_FLOAT,
    GQL_SCALAR_STRING,
    GQL_SCALAR_BOOLEAN,
    GQL_SCALAR_ID,
    GQL_SCALAR_INT64,
    GQL_SCALAR_JSON,
    GQL_SCALAR_JSON_STRING,
    GQL_SCALAR_TEXT /* DateTime, Duration: a string or a number */
};

struct gql_members {
    struct gql_member **in_order;
    struct gql_member **sorted; /* by name */
    size_t len;
};

/* A field, an argument, an input field or an enum value. */
struct gql_member {
    struct str name; /* NUL-terminated */
    struct str description;
    struct str deprecation; /* absent: not deprecated */
    uint32_t pos;
    struct gql_ref *ref;      /* NULL: an enum value */
    struct gql_value *preset; /* an input's default, or NULL */
    struct gql_members args;  /* of a field */
    gql_resolve_fn resolve;   /* NULL: the parent's member of that name */
};

struct gql_type {
    enum gql_definition_kind kind;
    enum gql_scalar scalar;
    struct str name; /* NUL-terminated */
    struct str description;
    struct str specified_by; /* URL; absent: none */
    const struct gql_definition *definition;
    struct gql_members members;
    const struct gql_type **links; /* interfaces of an object or interface, members of a union */
    size_t link_count;
    const struct gql_type **possible; /* objects an interface or union can be */
    size_t possible_count;
    bool is_builtin;
};

struct gql_directive_def {
    struct str name;
    struct str description;
    struct gql_members args;
    const struct gql_name *locations;
    bool is_repeatable;
};

struct gql_cache;

struct gql_schema {
    struct arena *a;
    const char *name;
    struct str source, builtin_source;
    struct gql_type **types; /* in the order of the text, the built-in ones last */
    struct gql_type **types_sorted;
    size_t type_count;
    struct gql_directive_def **directives;
    size_t directive_count;
    const struct gql_type *query, *mutation, *subscription;
    struct str description;
    struct gql_member *typename_field, *schema_field, *type_field; /* the meta fields */
    bool unknown_type_is_empty;
    struct gql_parse_limits limits;
    uint32_t max_values, max_cached;
    struct gql_cache *cache;
};

const struct gql_type *gql_type_find(const struct gql_schema *s, struct str name);
const struct gql_directive_def *gql_directive_find(const struct gql_schema *s, struct str name);
struct gql_member *gql_member_find(const struct gql_members *m, struct str name);
/** gql_field_find() - a field of a composite type, meta fields included. */
const struct gql_member *gql_field_find(const struct gql_schema *s, const struct gql_type *t,
                                        struct str name);
bool gql_is_composite(const struct gql_type *t);
bool gql_is_abstract(const struct gql_type *t);
bool gql_is_input(const struct gql_type *t); /* may be the type of an argument */
bool gql_is_leaf(const struct gql_type *t);
/** gql_is_possible() - can an object of type @object stand where @t is asked for? */
bool gql_is_possible(const struct gql_type *t, const struct gql_type *object);
/** gql_is_subtype() - may a value of @sub be used where @super is asked for? */
bool gql_is_subtype(const struct gql_ref *sub, const struct gql_ref *super);
bool gql_same_ref(const struct gql_ref *a, const struct gql_ref *b);
const struct gql_type *gql_named_type(const struct gql_ref *ref); /* without lists and non-nulls */
/** gql_ref_name() - "[String!]!" for messages. */
const char *gql_ref_name(struct arena *a, const struct gql_ref *ref);
/** gql_is_required() - an argument or input field without which the rest is wrong. */
bool gql_is_required(const struct gql_member *m);

/* Filling and checking, one file each. */
struct gql_loader {
    struct gql_schema *s;
    struct str source; /* of the definitions at hand */
    const char *name;
    struct err *e;
    bool failed; /* the first failure sticks */
};
void gql_load_fail(struct gql_loader *l, uint32_t pos, const char *fmt, ...) PRINTF(3, 4);
/** gql_check_types() - what each kind of type asks for: members, interfaces, positions, defaults. */
void gql_check_types(struct gql_loader *l);
extern const char gql_builtin_sdl[];
/** gql_introspection_resolvers() - the functions behind __Schema, __Type and the rest. */
const struct gql_resolver *gql_introspection_resolvers(size_t *ret_count);
