/* cli/queue_render.c: `slipway queue render`: the request that Vertex would receive. Talks to nobody. */
#include <stdio.h>

#include "cli/explain.h"
#include "cli/preview.h"
#include "cli/verbs.h"

static int print_request(const struct preview *p, struct err *e)
{
    AUTO_STRBUF struct strbuf b = STRBUF(64 * 1024 * 1024);
    bool json = args_json(p->args), explain = args_has(p->args, "explain");
    const struct jval *shown = p->out.request;

    if (explain && json)
        shown = explain_value(p->a, shown, p->file.text);
    if (explain && !json)
        explain_text(&b, shown, p->file.text);
    else
        jval_write(&b, shown, json ? JVAL_COMPACT : JVAL_PRETTY);
    if (strbuf_check(&b, e))
        return err_wrap(e, "the request");
    printf("%s%s", strbuf_cstr(&b), explain && !json ? "" : "\n");
    return 0;
}

static int render_run(struct io *io, const struct args *args, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct preview p = { .io = io, .args = args, .a = a, .now_unix_ms = io_now_unix_ms(io) };
    int rc = preview_render(&p, args_operand(args, 0), e);

    problems_print(stderr, &p.problems);
    return rc ? rc : print_request(&p, e);
}

static const struct option_row render_rows[] = {
    PREVIEW_ROWS,
    { "explain", 0, OPTION_FLAG, NULL, "show for each line which line of FILE it came from", 0, 0 },
    OPTION_ENTITY,
    OPTION_OUTPUT,
    OPTION_END,
};

const struct verb verb_queue_render = {
    .name = "queue render",
    .operands = "FILE",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "print the request that Vertex would receive",
    .details =
        "FILE is a queue config, YAML or JSON; \"-\" reads standard input. Nothing is sent. Secrets are "
        "shown as\ntheir references. What is wrong goes to standard error. -o json prints one line; "
        "with --explain a list\nof the request's lines, each with the line and column it came from.",
    .examples =
        "  slipway queue render examples/queues/minimal.yaml --image train:1\n"
        "  slipway queue render examples/queues/minimal.yaml --image train:1 --explain\n"
        "  slipway queue render queue.yaml --image train:1 --var machine=n1-standard-8 --var gpus=2\n"
        "  slipway queue render examples/queues/templates.yaml --image train:1 --var dataset=coco \\\n"
        "    --template-variables examples/queues/templates.variables.yaml\n"
        "  slipway queue render - --image train:1 --run-id ab12cd34 -o json < queue.yaml",
    .rows = render_rows,
    .run = render_run,
};
