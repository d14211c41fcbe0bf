/* cli/emulator_storage.c: `slipway emulator bucket`: buckets of the emulator's Cloud Storage. */
#include <stdio.h>

#include "cli/emulator_client.h"
#include "cli/verbs.h"

static const struct option_row create_rows[] = {
    { "location", 0, OPTION_TEXT, "PLACE", "region or multi-region (default us-central1)", 0, 0 },
    OPTION_EMULATOR_DATA,
    OPTION_EMULATOR_PROJECT,
    OPTION_END,
};
static const struct option_row list_rows[] = { OPTION_EMULATOR_DATA, OPTION_EMULATOR_PROJECT, OPTION_OUTPUT,
                                               OPTION_END };

static int bucket_create_run(struct io *io, const struct args *a, struct err *e)
{
    struct emulator_client c;
    struct jval *body;
    const char *location = args_text(a, "location");
    int rc = emulator_client_open(io, a, &c, e);

    if (rc == 0) {
        body = jval_new_object(c.a);
        jval_set_cstr(c.a, body, "name", args_operand(a, 0));
        jval_set_cstr(c.a, body, "location", location ? location : "us-central1");
        rc = emulator_client_call(&c, "POST",
                                  arena_printf(c.a, "/storage/v1/b?project=%.*s", STR_ARG(c.gcp_project)),
                                  body, NULL, e);
    }
    if (rc == 0)
        printf("gs://%s\n", args_operand(a, 0));
    emulator_client_done(&c);
    return rc;
}

static void print_buckets(struct emulator_client *c, const struct args *a, const struct jval *list)
{
    if (args_json(a)) {
        printf("%.*s\n", STR_ARG(jval_text(c->a, list, JVAL_PRETTY)));
        return;
    }
    for (size_t i = 0; i < jval_len(list); i++)
        printf("gs://%-40.*s %.*s\n", STR_ARG(jval_str(jval_get(jval_at(list, i), "name"))),
               STR_ARG(jval_str(jval_get(jval_at(list, i), "location"))));
}

static int bucket_list_run(struct io *io, const struct args *a, struct err *e)
{
    struct emulator_client c;
    struct jval *v = NULL;
    int rc = emulator_client_open(io, a, &c, e);

    if (rc == 0)
        rc = emulator_client_call(
            &c, "GET", arena_printf(c.a, "/storage/v1/b?project=%.*s", STR_ARG(c.gcp_project)), NULL, &v, e);
    if (rc == 0)
        print_buckets(&c, a, jval_get(v, "items"));
    emulator_client_done(&c);
    return rc;
}

const struct verb verb_emulator_bucket_create = {
    .name = "emulator bucket create",
    .operands = "NAME",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "make a bucket in the emulator's Cloud Storage",
    .examples = "  slipway emulator bucket create staging --location us-central1",
    .rows = create_rows,
    .run = bucket_create_run,
};
const struct verb verb_emulator_bucket_list = {
    .name = "emulator bucket list",
    .operands = "",
    .summary = "list the emulator's buckets",
    .examples = "  slipway emulator bucket list",
    .rows = list_rows,
    .run = bucket_list_run,
};
