/* cli/queue_schema.c: `slipway queue schema`: a JSON Schema of queue configs. */
#include "cli/session.h"
#include "cli/verbs.h"
#include "launch/schema.h"

static int schema_run(struct io *io, const struct args *args, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();

    print_json(queue_config_schema(a));
    return 0;
}

static const struct option_row schema_rows[] = { OPTION_END };

const struct verb verb_queue_schema = {
    .name = "queue schema",
    .operands = "",
    .summary = "print the JSON Schema of queue configs, for editors",
    .details =
        "Draft 2020-12. For an editor with the YAML language server, put this into the first line of a "
        "config:\n# yaml-language-server: $schema=slipway-queue.schema.json",
    .examples = "  slipway queue schema > slipway-queue.schema.json",
    .rows = schema_rows,
    .run = schema_run,
};
