/* server/graphql/gql.c: from a request to a response. */
#include "server/graphql/gql.h"

#include <stdlib.h>

#include "base/mem.h"
#include "server/graphql/gql_exec.h"
#include "server/graphql/gql_rules.h"

/* Larger documents are parsed each time: a tree takes some thirty times its text. */
enum { CACHED_BYTES_MAX = 16 * 1024 };

static struct gql_cached *cached_new(void)
{
    struct gql_cached *d = xcalloc(1, sizeof(*d));

    d->refs = 1;
    d->a = arena_new();
    return d;
}

static struct jval *syntax_error(struct arena *a, struct str text, const struct gql_syntax_error *wrong)
{
    struct jval *error = gql_error_new(a, wrong->msg, "GRAPHQL_PARSE_FAILED");

    gql_error_add_place(a, error, text, wrong->pos);
    return error;
}

/* The document with a reference for the caller, or NULL with something in @errors. */
static struct gql_cached *get_document(struct gql_schema *s, struct str text, struct arena *a,
                                       struct jval *errors)
{
    struct gql_cached *found = gql_cache_get(s->cache, text);
    AUTO_PTR(gql_cached) d = NULL;
    struct gql_syntax_error wrong = { 0 };
    struct gql_rules rules = { .s = s, .a = a, .errors = errors };

    if (found)
        return found;
    d = cached_new();
    d->doc =
        gql_parse(d->a, text.len > s->limits.max_bytes ? text : arena_str(d->a, text), &s->limits, &wrong);
    if (!d->doc) {
        jval_push(a, errors, syntax_error(a, text, &wrong));
        return NULL;
    }
    rules.tree = d->a;
    rules.source = d->doc->source;
    gql_validate(&rules, d->doc);
    if (jval_len(errors))
        return NULL;
    if (text.len <= CACHED_BYTES_MAX)
        gql_cache_put(s->cache, d);
    return TAKE(d);
}

struct jval *gql_check(struct gql_schema *s, struct str document, struct arena *a)
{
    struct jval *errors = jval_new_array(a);
    AUTO_PTR(gql_cached) d = get_document(s, document, a, errors);

    return errors;
}

static struct str wanted_operation(const struct jval *request)
{
    struct str name = jval_str(jval_get(request, "operationName"));

    return name.len ? name : (struct str){ NULL, 0 }; /* W&B's core sends "" for none */
}

/* NULL with *ret_why set. */
static const struct gql_definition *pick_operation(struct arena *a, const struct gql_document *doc,
                                                   struct str name, const char **ret_why)
{
    const struct gql_definition *op = NULL;
    size_t count = 0;

    for (const struct gql_definition *d = doc->first; d; d = d->next) {
        if (d->kind >= GQL_FRAGMENT || (name.ptr && !(d->name.ptr && str_eq(d->name, name))))
            continue;
        op = d;
        count++;
    }
    if (count == 1)
        return op;
    if (name.ptr)
        *ret_why = arena_printf(a, "Unknown operation named \"%.*s\".", STR_ARG(name));
    else
        *ret_why = count ? "Must provide operation name if query contains multiple operations."
                         : "Must provide an operation.";
    return NULL;
}

static const char *why_bad_request(const struct jval *request)
{
    const struct jval *variables = jval_get(request, "variables"), *name = jval_get(request, "operationName");

    if (!jval_is(request, JVAL_OBJECT))
        return "The request must be a JSON object.";
    if (!jval_is(jval_get(request, "query"), JVAL_STR))
        return "Must provide query string.";
    if (!jval_is(variables, JVAL_NULL) && !jval_is(variables, JVAL_OBJECT))
        return "The variables must be an object.";
    if (!jval_is(name, JVAL_NULL) && !jval_is(name, JVAL_STR))
        return "The operationName must be a string.";
    return NULL;
}

static void refuse(struct gql_run *run, const char *why)
{
    jval_push(run->a, run->errors, gql_error_new(run->a, why, "BAD_REQUEST"));
}

/* Everything up to the point where resolvers run. NULL with something in run->errors. */
static const struct gql_type *prepare(struct gql_run *run, const struct jval *request,
                                      struct gql_cached **ret_document)
{
    const struct gql_schema *s = run->s;
    const struct gql_type *root = NULL;
    const char *why = why_bad_request(request);

    if (why) {
        refuse(run, why);
        return NULL;
    }
    *ret_document = get_document(run->s, jval_str(jval_get(request, "query")), run->a, run->errors);
    if (!*ret_document)
        return NULL;
    run->source = (*ret_document)->doc->source;
    run->op = pick_operation(run->a, (*ret_document)->doc, wanted_operation(request), &why);
    if (!run->op) {
        refuse(run, why);
        return NULL;
    }
    root = run->op->kind == GQL_QUERY ? s->query : run->op->kind == GQL_MUTATION ? s->mutation : NULL;
    if (!root) {
        refuse(run, run->op->kind == GQL_MUTATION ? "Schema is not configured to execute mutation operation."
                                                  : "Subscriptions are not served here.");
        return NULL;
    }
    return gql_variables_coerce(run, jval_get(request, "variables")) ? root : NULL;
}

void gql_execute(struct gql_schema *s, const struct jval *request, void *ctx, struct arena *a,
                 struct gql_result *ret)
{
    AUTO_PTR(gql_cached) document = NULL;
    struct gql_run *run = arena_alloc(a, sizeof(*run));
    struct jval *response = jval_new_object(a);
    const struct gql_type *root = NULL;

    run->s = s;
    run->a = a;
    run->ctx = ctx;
    run->errors = jval_new_array(a);
    root = prepare(run, request, &document);
    if (root) {
        const struct jval *data = gql_run_operation(run, root);

        jval_set(a, response, "data", data ? data : jval_new_null(a));
    } else {
        run->code = ERR_INVALID;
    }
    if (jval_len(run->errors))
        jval_set(a, response, "errors", run->errors);
    *ret = (struct gql_result){ .response = response,
                                .http_status = root ? 200 : 400,
                                .code = run->code,
                                .has_errors = jval_len(run->errors) > 0 };
}

struct str gql_operation_name(struct gql_schema *s, const struct jval *request, struct arena *a)
{
    const char *why = why_bad_request(request);
    AUTO_PTR(gql_cached)
    d = why ? NULL : get_document(s, jval_str(jval_get(request, "query")), a, jval_new_array(a));
    const struct gql_definition *op = d ? pick_operation(a, d->doc, wanted_operation(request), &why) : NULL;

    return op && op->name.ptr ? arena_str(a, op->name) : STR("");
}
