/*
 * tests/conformance/gql_check.c: the GraphQL engine as a filter, for test_graphql.py.
 *
 * gql_check SCHEMA DATA: each line of stdin is a request; each line of stdout its response. Root fields give
 * the member of their name of DATA; "echo" and "required" give their arguments; "fail..." fail; "bump" and
 * "reset" work on a counter. A line {"sdl": TEXT} is loaded as a schema instead: {"error": TEXT or null}.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/graphql/gql.h"

struct world {
    const struct jval *data;
    int64_t counter;
};

static int from_data(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct world *w = c->ctx;

    (void)e;
    *ret = jval_get(w->data, c->field);
    return 0;
}

static int echo(struct gql_call *c, const struct jval **ret, struct err *e)
{
    (void)e;
    *ret = c->args;
    return 0;
}

static int fail(struct gql_call *c, const struct jval **ret, struct err *e)
{
    (void)ret;
    return err_set(e, ERR_CONFLICT, "%s was asked for", c->field);
}

static int bump(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct world *w = c->ctx;
    struct jval *counter = jval_new_object(c->a);

    (void)e;
    w->counter = strcmp(c->field, "reset") == 0 ? 0 : w->counter + gql_arg_int(c, "by", 0);
    jval_set_int(c->a, counter, "value", w->counter);
    *ret = counter;
    return 0;
}

static const struct gql_resolver resolvers[] = {
    { "Query.me", from_data },
    { "Query.user", from_data },
    { "Query.node", from_data },
    { "Query.named", from_data },
    { "Query.search", from_data },
    { "Query.queue", from_data },
    { "Query.broken", from_data },
    { "Query.brokenList", from_data },
    { "Query.brokenItems", from_data },
    { "Query.count", from_data },
    { "Query.echo", echo },
    { "Query.required", echo },
    { "Query.fail", fail },
    { "Query.failHard", fail },
    { "Mutation.bump", bump },
    { "Mutation.reset", bump },
};

static struct str read_file(struct arena *a, const char *path)
{
    AUTO_STRBUF struct strbuf b = STRBUF(1u << 24);
    char buf[4096];
    size_t n = 0;
    FILE *f = fopen(path, "rb");

    if (!f) {
        perror(path);
        exit(2);
    }
    while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
        strbuf_add(&b, (struct str){ buf, n });
    fclose(f);
    return arena_str(a, strbuf_str(&b));
}

static struct jval *load_only(struct arena *a, const struct jval *request)
{
    const struct gql_options o = { .sdl = jval_str(jval_get(request, "sdl")) };
    AUTO_PTR(gql_schema) s = NULL;
    struct jval *answer = jval_new_object(a);
    struct err e = { 0 };

    jval_set_cstr(a, answer, "error", gql_schema_new(&o, &s, &e) ? e.msg : NULL);
    return answer;
}

static void answer_line(struct gql_schema *s, const struct jval *data, struct str line)
{
    AUTO_PTR(arena) a = arena_new();
    struct world w = { .data = data };
    struct gql_result result = { 0 };
    struct jval *request = NULL;
    struct err e = { 0 };

    if (jval_from_json(a, line, "line", NULL, &request, &e)) {
        fprintf(stderr, "%s\n", e.msg);
        exit(2);
    }
    if (jval_get(request, "sdl"))
        result.response = load_only(a, request);
    else
        gql_execute(s, request, &w, a, &result);
    puts(jval_text(a, result.response, JVAL_COMPACT).ptr);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    AUTO_PTR(arena) a = arena_new();
    AUTO_PTR(gql_schema) s = NULL;
    struct gql_options o = { .name = "schema",
                             .resolvers = resolvers,
                             .resolver_count = ARRAY_LEN(resolvers) };
    struct jval *data = NULL;
    struct err e = { 0 };
    char *line = NULL;
    size_t cap = 0;
    ssize_t len = 0;

    if (argc != 3)
        return 2;
    o.sdl = read_file(a, argv[1]);
    if (jval_from_json(a, read_file(a, argv[2]), "data", NULL, &data, &e) || gql_schema_new(&o, &s, &e)) {
        fprintf(stderr, "%s\n", e.msg);
        return 2;
    }
    while ((len = getline(&line, &cap, stdin)) > 0)
        answer_line(s, data, (struct str){ line, (size_t)len });
    free(line);
    return 0;
}
