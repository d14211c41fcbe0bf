/*
 * server/graphql/gql.h: a GraphQL engine (October 2021 edition): schema from SDL text, validation, execution.
 *
 * A schema is text plus a table of resolvers. Most fields need none: a field without an entry takes the
 * member of its name from the parent object (null when it has none), so a resolver usually gives one whole
 * jval object, and only fields with arguments or a cost have a function of their own:
 *
 *     static int project(struct gql_call *c, const struct jval **ret, struct err *e)
 *     {
 *         struct server *s = c->ctx;
 *         ... gql_arg_str(c, "entityName") ...
 *         *ret = row_object;                        (NULL is null)
 *         return 0;                                 (or err_set(e, ERR_NOT_FOUND, "...") )
 *     }
 *     static const struct gql_resolver resolvers[] = {
 *         { "Query.project", project },             { "Project.runQueues", project_run_queues },
 *     };
 *
 * What the W&B clients need and the specification does not give: operationName "" counts as absent, variables
 * may be null and may hold names the document does not declare, declared variables may go unused.
 *
 * Used from the loop thread. gql_execute() yields where a resolver yields, several may be under way on one
 * schema.
 */
#pragma once

#include "base/jval.h"

struct gql_schema;
struct gql_call;

/**
 * gql_resolve_fn - give the value of one field. May yield.
 * *ret stays as it is (NULL: null) or is set to a value that lives as long as c->a:
 *   an object type: an object; an interface or union: an object with a member "__typename";
 *   a list type: an array of what its items need (one object is not taken for a list);
 *   an enum: its name as a string; ID: a string or an integer; Int, Int64: an integer; Float: a number;
 *   JSONString: a string passes as it is (it holds JSON text), anything else is written as JSON text;
 *   JSON: any value; DateTime, Duration and other scalars: any leaf, passed as it is.
 * A value that does not fit its type is an error at that field. Returns 0 or a negative code with @e
 * filled: the client gets e->msg, the path, the place and extensions {"code": err_name(e->code)}.
 */
typedef int (*gql_resolve_fn)(struct gql_call *c, const struct jval **ret, struct err *e);

struct gql_resolver {
    const char *field; /* "Type.field"; the type is an object type of the schema */
    gql_resolve_fn fn;
};

/* What a resolver sees. Everything lives at least as long as the request. */
struct gql_call {
    void *ctx;                       /* as given to gql_execute() */
    struct arena *a;                 /* of the request */
    const struct jval *parent;       /* the object this is a field of; NULL for root fields */
    const struct jval *args;         /* an object: arguments given or defaulted, coerced; others are absent */
    const char *type, *field;        /* "Mutation", "createRunQueue" */
    struct jval *extensions;         /* NULL; a failing resolver may set an object that joins "extensions" */
    const struct gql_call_state *in; /* the engine's own */
};

/** gql_arg() - an argument, or a part of one: "input.queueName". NULL when absent; may be a JSON null. */
const struct jval *gql_arg(const struct gql_call *c, const char *dotted);
/** gql_arg_str() - the same as text; absent when it is null, absent or no string. */
struct str gql_arg_str(const struct gql_call *c, const char *dotted);
int64_t gql_arg_int(const struct gql_call *c, const char *dotted, int64_t otherwise);
bool gql_arg_bool(const struct gql_call *c, const char *dotted, bool otherwise);
/** gql_arg_given() - was it given and not null? */
bool gql_arg_given(const struct gql_call *c, const char *dotted);
/** gql_selects() - does the client ask for this below the field? By field names (not aliases), through
 * fragments, @skip and @include heeded: "edges.node.state". For resolvers that can spare themselves work. */
bool gql_selects(const struct gql_call *c, const char *dotted);

struct gql_options {
    struct str sdl;                       /* copied; type system definitions and extensions */
    const char *name;                     /* how errors call it: "schema.graphql" */
    const struct gql_resolver *resolvers; /* borrowed for the call */
    size_t resolver_count;
    bool unknown_type_is_empty; /* __type of an unknown name gives {name, fields: [], ...} and not null: W&B
                                   clients up to 0.25.1 fail on null (wandb-launch.md 2.12) */
    uint32_t max_bytes;         /* of a document; 0: 256 KiB */
    uint32_t max_tokens;        /* of a document; 0: 20,000 */
    uint32_t max_depth;         /* selections, values and types, fragments expanded; 0: 32. The recursion
                                   takes about half a KB of stack a level, resolvers apart */
    uint32_t max_values;        /* values in one answer; 0: 1,000,000 */
    uint32_t max_cached;        /* documents kept parsed, the least used go first; 0: 256 */
};

/** gql_schema_new() - parse and check a schema. -ERR_CONFIG "NAME:LINE:COL: what" when the text is wrong, a
 * type is missing or misused, an interface is not met, or a resolver names no field. */
NODISCARD int gql_schema_new(const struct gql_options *o, struct gql_schema **ret, struct err *e);
void gql_schema_free(struct gql_schema *s); /* nothing may be executing; NULL is a no-op */
DEFINE_AUTO(gql_schema, gql_schema_free)

struct gql_result {
    struct jval *response; /* {"data": ..., "errors": [{message, locations, path, extensions}]} */
    int http_status;       /* 200: executed, even with errors in it; 400: not executed, "data" is absent */
    enum err_code code; /* of the first error a resolver gave, for callers that answer 401, 403, 404 or 409;
                           ERR_INVALID or ERR_LIMIT when not executed; ERR_NONE when all went well */
    bool has_errors;
};
/**
 * gql_execute() - @request is the decoded body {"query", "variables", "operationName"}. Never fails as a
 * call: what is wrong is in the answer. extensions.code of errors before execution: GRAPHQL_PARSE_FAILED,
 * GRAPHQL_VALIDATION_FAILED, BAD_USER_INPUT (variables) or BAD_REQUEST. Yields where resolvers do.
 */
void gql_execute(struct gql_schema *s, const struct jval *request, void *ctx, struct arena *a,
                 struct gql_result *ret);
/** gql_check() - parse and validate only. Returns the list of errors as in a response; empty: valid. */
struct jval *gql_check(struct gql_schema *s, struct str document, struct arena *a);
/** gql_operation_name() - the name of the operation a request would run ("" when anonymous or wrong), for
 * logs. */
struct str gql_operation_name(struct gql_schema *s, const struct jval *request, struct arena *a);
