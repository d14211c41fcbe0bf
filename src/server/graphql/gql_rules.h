/* server/graphql/gql_rules.h: validation of documents (October 2021, section 5). Private to the engine. */
#pragma once

#include "server/graphql/gql_schema.h"

/* One validation under way. */
struct gql_rules {
    struct gql_schema *s;
    struct arena *a;    /* of the answer: errors */
    struct arena *tree; /* of the document: notes that stay */
    struct str source;
    struct jval *errors;
    struct gql_definition **fragments; /* sorted by name */
    size_t fragment_count;
    struct gql_definition *definition; /* being walked */
    uint32_t depth;                    /* of selection sets, while walking */
    uint32_t steps;                    /* spent on comparing fields */
    uint32_t collections;              /* made so far */
    bool is_limit;
};

/** gql_validate() - adds to errors; resolved types and fields are noted in @doc. */
void gql_validate(struct gql_rules *r, struct gql_document *doc);
/** gql_rules_error() - report at one or two places (@pos2 = UINT32_MAX: none). */
void gql_rules_error(struct gql_rules *r, uint32_t pos, uint32_t pos2, const char *fmt, ...) PRINTF(4, 5);
/** gql_error_new() - an error of a response: message, locations, extensions.code. */
struct jval *gql_error_new(struct arena *a, const char *message, const char *code);
void gql_error_add_place(struct arena *a, struct jval *error, struct str source, uint32_t pos);

/** gql_rules_value() - a literal where @ref is expected; NULL: anything. */
void gql_rules_value(struct gql_rules *r, const struct gql_value *v, const struct gql_ref *ref,
                     bool has_preset);
/** gql_rules_arguments() - @owner: "field \"T.f\"", for messages; @needs: "Field \"f\"". */
struct gql_args_of {
    const struct gql_members *defs; /* NULL: unknown */
    const struct gql_argument *args;
    const char *owner, *needs;
    uint32_t pos;
};
void gql_rules_arguments(struct gql_rules *r, const struct gql_args_of *of);
void gql_rules_directives(struct gql_rules *r, struct gql_directive *list, const char *location);
void gql_rules_set(struct gql_rules *r, struct gql_selection_set *set, const struct gql_type *parent);
struct gql_definition *gql_fragment_find(const struct gql_rules *r, struct str name);
/** gql_rules_graph() - cycles, depth and size of expanded fragments. false: not safe to expand. */
bool gql_rules_graph(struct gql_rules *r, struct gql_document *doc);
/** gql_rules_variables() - variables and fragments by what each operation reaches. */
void gql_rules_variables(struct gql_rules *r, struct gql_document *doc);
/** gql_rules_merge() - fields that would collide in the answer. */
void gql_rules_merge(struct gql_rules *r, struct gql_document *doc);
/** gql_value_same() - equal literals, whatever the order of object members. */
bool gql_value_same(const struct gql_value *a, const struct gql_value *b);
