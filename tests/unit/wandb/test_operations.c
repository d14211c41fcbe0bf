/* tests/unit/wandb/test_operations.c: every document the client sends is valid on our own server. */
#include "../test.h"

#include "base/embed.h"
#include "server/graphql/gql.h"
#include "wandb/wandb_internal.h"

EMBEDDED(server_schema);

static void every_operation_fits_the_schema_of_our_server(void **state)
{
    static const struct {
        const char *name, *document;
    } rows[] = {
        { "agent_create", wandb_op_agent_create },
        { "agent_get", wandb_op_agent_get },
        { "agent_run", wandb_op_agent_run },
        { "agent_update", wandb_op_agent_update },
        { "file_create", wandb_op_file_create },
        { "item_ack", wandb_op_item_ack },
        { "item_fail", wandb_op_item_fail },
        { "item_finish", wandb_op_item_finish },
        { "item_get", wandb_op_item_get },
        { "item_note", wandb_op_item_note },
        { "item_pop", wandb_op_item_pop },
        { "item_stop", wandb_op_item_stop },
        { "item_warn", wandb_op_item_warn },
        { "item_ack_fenced", wandb_op_item_ack_fenced },
        { "item_fail_fenced", wandb_op_item_fail_fenced },
        { "item_pop_fenced", wandb_op_item_pop_fenced },
        { "item_warn_fenced", wandb_op_item_warn_fenced },
        { "stop_requests", wandb_op_stop_requests },
        { "queues", wandb_op_queues },
        { "sweep_get", wandb_op_sweep_get },
        { "viewer", wandb_op_viewer },
    };
    AUTO_PTR(arena) a = arena_new();
    AUTO_PTR(gql_schema) schema = NULL;
    struct err e = { 0 };

    (void)state;
    if (gql_schema_new(
            &(struct gql_options){ .sdl = { server_schema, server_schema_len }, .name = "schema.graphql" },
            &schema, &e))
        fail_msg("%s", e.msg);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct jval *errors = gql_check(schema, str_of(rows[i].document), a);

        if (jval_len(errors))
            fail_msg("%s: %s", rows[i].name, jval_text(a, errors, JVAL_COMPACT).ptr);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_operation_fits_the_schema_of_our_server) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
