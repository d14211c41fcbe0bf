/* cli/queue_diff.c: `slipway queue diff`: what a changed queue config changes in the CustomJob. */
#include <stdio.h>

#include "cli/preview.h"
#include "cli/session.h"
#include "cli/value_changes.h"
#include "cli/verbs.h"

/* The request, and where it is sent. */
static const struct jval *whole(struct arena *a, const struct rendered *r)
{
    struct jval *v = jval_copy(a, r->request);

    jval_set(a, v, "project", jval_new_str(a, r->gcp_project));
    jval_set(a, v, "location", jval_new_str(a, r->region));
    return v;
}

static void print_changes(struct arena *a, const struct jval *list)
{
    for (size_t i = 0; i < jval_len(list); i++)
        printf("%s\n", value_change_text(a, jval_at(list, i)));
}

static int diff_run(struct io *io, const struct args *args, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct preview p[2];
    const struct jval *changes;

    for (size_t i = 0; i < 2; i++) {
        int rc;

        p[i] = (struct preview){ .io = io, .args = args, .a = a };
        rc = preview_render(&p[i], args_operand(args, i), e);
        problems_print(stderr, &p[i].problems);
        if (rc)
            return rc;
    }
    changes = value_changes(a, whole(a, &p[0].out), whole(a, &p[1].out));
    if (args_json(args))
        print_json(changes);
    else
        print_changes(a, changes);
    return jval_len(changes) > 0 ? err_set(e, ERR_FOUND, "%s", "") : 0;
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
