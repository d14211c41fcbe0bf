/*
 * tests/conformance/env_check.c: the job's environment as a filter, for test_launch_env.py.
 *
 * Each line of stdin is {"spec": {...}, "base_url", "run_id", "queue", "queue_entity", "item"}; each line of
 * stdout is the environment as a list of [name, value], a secret's value being null, or {"error": TEXT}.
 */
#include <stdio.h>
#include <stdlib.h>

#include "launch/job_env.h"

static const struct jval *environment(struct arena *a, const struct jval *request)
{
    struct problems p = { .a = a, .file = "" };
    struct launch_spec spec = { 0 };
    struct env_list list = { 0 };
    struct err e = { 0 };
    struct jval *out = jval_new_array(a), *pair;
    struct job_env_input in = { .spec = &spec };

    if (launch_spec_parse(jval_get(request, "spec"), &spec, &p, &e)) {
        out = jval_new_object(a);
        jval_set_cstr(a, out, "error", e.msg);
        return out;
    }
    in.base_url = jval_str(jval_get(request, "base_url"));
    in.run_id = jval_str(jval_get(request, "run_id"));
    in.run_name = spec.run_name;
    in.image_uri = spec.image_uri;
    in.queue_name = jval_str(jval_get(request, "queue"));
    in.queue_entity = jval_str(jval_get(request, "queue_entity"));
    in.item_id = jval_str(jval_get(request, "item"));
    job_env_build(a, &in, &list);
    for (size_t i = 0; i < list.len; i++) {
        pair = jval_new_array(a);
        jval_push(a, pair, jval_new_str(a, list.items[i].name));
        jval_push(a, pair,
                  list.items[i].secret_ref.ptr ? jval_new_null(a) : jval_new_str(a, list.items[i].value));
        jval_push(a, out, pair);
    }
    return out;
}

int main(void)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;

    while ((len = getline(&line, &cap, stdin)) > 0) {
        AUTO_PTR(arena) a = arena_new();
        struct jval *request = NULL;
        struct err e = { 0 };

        if (jval_from_json(a, (struct str){ line, (size_t)len }, "line", NULL, &request, &e)) {
            fprintf(stderr, "env_check: %s\n", e.msg);
            free(line);
            return 1;
        }
        printf("%s\n", jval_text(a, environment(a, request), JVAL_COMPACT).ptr);
        fflush(stdout);
    }
    free(line);
    return 0;
}
