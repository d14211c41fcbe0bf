/* server/graphql/gql_exec.h: one execution: its state, and the parts that coerce values. Private. */
#pragma once

#include "server/graphql/gql_cache.h"
#include "server/graphql/gql_schema.h"

struct gql_run {
    struct gql_schema *s;
    struct str source;
    const struct gql_definition *op;
    struct arena *a;
    void *ctx;
    struct jval *variables; /* coerced; only those with a value */
    struct jval *errors;
    struct err e; /* of the resolver just called: too large for every level of the recursion */
    uint32_t values;
    bool is_over; /* too many values: nothing more is resolved */
    enum err_code code;
};

/* Fields of one object type with one key: they are one field of the answer. */
struct gql_field_use {
    const struct gql_selection *selection;
    struct gql_field_use *next;
};
struct gql_group {
    struct str key;
    const struct gql_type *type; /* the object type */
    const struct gql_member *def;
    struct gql_field_use *uses;
    const struct jval *args;           /* coerced at the first call */
    const struct gql_type *below_type; /* the type `below` is for: a list asks for it again and again */
    struct gql_group *below;
    struct gql_group *next;
};

struct gql_path {
    const struct gql_path *up;
    struct str key;
    size_t index; /* when key is absent */
};

/* gql_call.in */
struct gql_call_state {
    struct gql_run *run;
    const struct gql_group *group;
};

/** gql_group_error() - record an error at a field. */
void gql_group_error(struct gql_run *run, const struct gql_group *g, const struct gql_path *path,
                     const char *message);
/** gql_condition() - do @skip and @include let a selection in? false in *ret_ok: a null where none may be. */
bool gql_condition(const struct gql_run *run, const struct gql_directive *list, bool *ret_ok);
/** gql_run_operation() - run->op from the root; NULL data when everything became null. */
const struct jval *gql_run_operation(struct gql_run *run, const struct gql_type *root);

/* --- coercion: NULL in *ret_why means it went well */

/** gql_variables_coerce() - the operation's variables from the request's; fills run->variables or errors. */
bool gql_variables_coerce(struct gql_run *run, const struct jval *given);
/** gql_arguments_coerce() - *ret_why is set, and NULL returned, when one is missing or null. */
struct jval *gql_arguments_coerce(const struct gql_run *run, const struct gql_members *defs,
                                  const struct gql_argument *args, const char **ret_why);
/** gql_literal() - a validated literal as a value; NULL: an absent variable. */
const struct jval *gql_literal(const struct gql_run *run, const struct gql_value *v,
                               const struct gql_ref *ref);
/** gql_serialize() - a leaf on its way out; NULL with *ret_why set when it does not fit. */
const struct jval *gql_serialize(struct arena *a, const struct gql_type *t, const struct jval *v,
                                 const char **ret_why);
