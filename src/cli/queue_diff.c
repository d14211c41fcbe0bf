/* cli/queue_diff.c: `slipway queue diff`: what a changed queue config changes in the CustomJob. */
#include <stdio.h>

#include "cli/preview.h"
#include "cli/session.h"
#include "cli/verbs.h"

enum { PATH_BYTES = 16384 };

struct differ {
    struct arena *a;
    struct jval *list; /* of {path, old, new} */
    struct strbuf path;
};

static void differ_from(struct differ *d, const struct jval *old, const struct jval *new);

static void add_change(struct differ *d, const struct jval *old, const struct jval *new)
{
    struct jval *change = jval_new_object(d->a);

    jval_set_cstr(d->a, change, "path", strbuf_cstr(&d->path));
    if (old)
        jval_set(d->a, change, "old", old);
    if (new)
        jval_set(d->a, change, "new", new);
    jval_push(d->a, d->list, change);
}

static void step_in(struct differ *d, const struct jval *old, const struct jval *new, const char *part)
{
    size_t len = d->path.len;

    strbuf_addz(&d->path, part);
    differ_from(d, old, new);
    strbuf_truncate(&d->path, len);
}

static const char *member_part(struct differ *d, struct str key)
{
    return arena_printf(d->a, "%s%.*s", d->path.len > 0 ? "." : "", STR_ARG(key));
}

static void differ_objects(struct differ *d, const struct jval *old, const struct jval *new)
{
    for (size_t i = 0; i < jval_len(old); i++)
        step_in(d, jval_at(old, i), jval_get_str(new, jval_key_at(old, i)),
                member_part(d, jval_key_at(old, i)));
    for (size_t i = 0; i < jval_len(new); i++) {
        if (!jval_get_str(old, jval_key_at(new, i)))
            step_in(d, NULL, jval_at(new, i), member_part(d, jval_key_at(new, i)));
    }
}

static struct str name_of(const struct jval *v)
{
    return jval_str(jval_get(v, "name"));
}

/* A list of things with names, as env: told apart by them, for their order says little. */
static bool has_names(const struct jval *list)
{
    for (size_t i = 0; i < jval_len(list); i++) {
        if (name_of(jval_at(list, i)).len == 0)
            return false;
    }
    return true;
}

static const struct jval *named(const struct jval *list, struct str name)
{
    for (size_t i = 0; i < jval_len(list); i++) {
        if (str_eq(name_of(jval_at(list, i)), name))
            return jval_at(list, i);
    }
    return NULL;
}

static void differ_named(struct differ *d, const struct jval *old, const struct jval *new)
{
    for (size_t i = 0; i < jval_len(old); i++) {
        struct str name = name_of(jval_at(old, i));

        step_in(d, jval_at(old, i), named(new, name), member_part(d, name));
    }
    for (size_t i = 0; i < jval_len(new); i++) {
        struct str name = name_of(jval_at(new, i));

        if (!named(old, name))
            step_in(d, NULL, jval_at(new, i), member_part(d, name));
    }
}

static void differ_lists(struct differ *d, const struct jval *old, const struct jval *new)
{
    size_t len = jval_len(old) > jval_len(new) ? jval_len(old) : jval_len(new);

    for (size_t i = 0; i < len; i++)
        step_in(d, jval_at(old, i), jval_at(new, i), arena_printf(d->a, "[%zu]", i));
}

/* Either may be NULL: not there. */
static void differ_from(struct differ *d, const struct jval *old, const struct jval *new)
{
    if (old && new &&jval_equal(old, new))
        return;
    if (jval_is(old, JVAL_OBJECT) && jval_is(new, JVAL_OBJECT))
        differ_objects(d, old, new);
    else if (!jval_is(old, JVAL_ARRAY) || !jval_is(new, JVAL_ARRAY))
        add_change(d, old, new);
    else if (has_names(old) && has_names(new))
        differ_named(d, old, new);
    else
        differ_lists(d, old, new);
}

/* The request, and where it is sent. */
static const struct jval *whole(struct arena *a, const struct rendered *r)
{
    struct jval *v = jval_copy(a, r->request);

    jval_set(a, v, "project", jval_new_str(a, r->gcp_project));
    jval_set(a, v, "location", jval_new_str(a, r->region));
    return v;
}

static const char *shown(struct arena *a, const struct jval *v)
{
    return v ? jval_text(a, v, JVAL_COMPACT).ptr : "(none)";
}

static void print_changes(struct arena *a, const struct jval *list)
{
    for (size_t i = 0; i < jval_len(list); i++) {
        const struct jval *change = jval_at(list, i);

        printf("%.*s: %s -> %s\n", STR_ARG(jval_str(jval_get(change, "path"))),
               shown(a, jval_get(change, "old")), shown(a, jval_get(change, "new")));
    }
}

static int diff_run(struct io *io, const struct args *args, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct preview p[2];
    struct differ d = { .a = a, .list = jval_new_array(a), .path = STRBUF(PATH_BYTES) };

    for (size_t i = 0; i < 2; i++) {
        int rc;

        p[i] = (struct preview){ .io = io, .args = args, .a = a };
        rc = preview_render(&p[i], args_operand(args, i), e);
        problems_print(stderr, &p[i].problems);
        if (rc)
            return rc;
    }
    differ_from(&d, whole(a, &p[0].out), whole(a, &p[1].out));
    strbuf_done(&d.path);
    if (args_json(args))
        print_json(d.list);
    else
        print_changes(a, d.list);
    return jval_len(d.list) > 0 ? err_set(e, ERR_FOUND, "%s", "") : 0;
}

static const struct option_row diff_rows[] = { PREVIEW_ROWS, OPTION_ENTITY, OPTION_OUTPUT, OPTION_END };

const struct verb verb_queue_diff = {
    .name = "queue diff",
    .operands = "OLD NEW",
    .min_operands = 2,
    .max_operands = 2,
    .summary = "print what a changed queue config changes in the job",
    .details =
        "OLD and NEW are queue configs, YAML or JSON. Both are rendered for the same launch, so a field "
        "that has\nmoved or is spelled otherwise is no change. Exit status 0 when the jobs are the same, 1 "
        "when they differ.\n-o json prints a list of {path, old, new}.",
    .examples = "  slipway queue diff deployed.yaml queue.yaml --image train:1",
    .rows = diff_rows,
    .run = diff_run,
};
