/* cli/emulator_capacity.c: `slipway emulator capacity ...`: how many machines a running emulator has. */
#include <stdio.h>

#include "cli/config_file.h"
#include "cli/emulator_client.h"
#include "cli/verbs.h"

static const struct option_row rows[] = { OPTION_EMULATOR_DATA, OPTION_EMULATOR_PROJECT, OPTION_OUTPUT,
                                          OPTION_END };

static int call(struct io *io, const struct args *args, const struct jval *body, struct err *e)
{
    struct emulator_client c = { 0 };
    struct jval *v = NULL;
    int rc = emulator_client_open(io, args, &c, e);

    if (rc == 0)
        rc = emulator_client_call(&c, body ? "PUT" : "GET", "/emulator/v1/capacity", body, &v, e);
    if (rc == 0 && args_json(args))
        printf("%.*s\n", STR_ARG(jval_text(c.a, v, JVAL_PRETTY)));
    else if (rc == 0 && jval_len(jval_get(v, "rules")) == 0)
        printf("no rules: there is enough of everything\n");
    for (size_t i = 0; rc == 0 && !args_json(args) && i < jval_len(jval_get(v, "rules")); i++)
        printf("%zu: %.*s\n", i + 1, STR_ARG(jval_text(c.a, jval_at(jval_get(v, "rules"), i), JVAL_PYTHON)));
    emulator_client_done(&c);
    return rc;
}

static int show(struct io *io, const struct args *args, struct err *e)
{
    return call(io, args, NULL, e);
}

static int put(struct io *io, const struct args *args, const struct jval *rules, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *body = jval_new_object(a);

    jval_set(a, body, "rules", jval_is(rules, JVAL_OBJECT) ? jval_get(rules, "rules") : rules);
    return call(io, args, body, e);
}

static int set(struct io *io, const struct args *args, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct jval *rules = NULL;
    int rc = config_load(io, a, args_operand(args, 0), &rules, e);

    return rc ? rc : put(io, args, rules, e);
}

static int clear(struct io *io, const struct args *args, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();

    return put(io, args, jval_new_array(a), e);
}

const struct verb verb_emulator_capacity_show = {
    .name = "emulator capacity show",
    .operands = "",
    .summary = "the rules for quota, stock-outs and preemption that hold now",
    .examples = "  slipway emulator capacity show -o json",
    .rows = rows,
    .run = show,
};

const struct verb verb_emulator_capacity_set = {
    .name = "emulator capacity set",
    .operands = "FILE",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "replace the rules for quota, stock-outs and preemption",
    .details =
        "FILE (YAML or JSON, - for standard input) is a list of rules; the first that matches and has the\n"
        "effect decides. A rule matches the jobs whose region, strategy (STANDARD, SPOT, FLEX_START),\n"
        "machine_type, accelerator_type and gcp_project are those it gives. Effects:\n"
        "  quota: N                  creates beyond N live jobs are refused with Google's 429 for capacity\n"
        "  rate_per_minute: N        creates beyond N a minute are refused with the 429 that passes\n"
        "  refuse: TEXT              creates are refused with 400 TEXT\n"
        "  stockout: true            jobs are taken, and fail for want of machines\n"
        "  preempt_after_seconds: S  SPOT jobs that have run so long lose their machines\n"
        "  times: N                  stockout and preempt_after_seconds only for the first N jobs\n"
        "  error_lag_seconds: S      a failed job says why only so long after its end\n"
        "The rules hold until the emulator ends; `slipway emulator --capacity FILE` starts with them.",
    .examples = "  slipway emulator capacity set examples/capacity.yaml\n"
                "  echo '[{region: us-central1, quota: 0}]' | slipway emulator capacity set -",
    .rows = rows,
    .run = set,
};

const struct verb verb_emulator_capacity_clear = {
    .name = "emulator capacity clear",
    .operands = "",
    .summary = "there is enough of everything again",
    .examples = "  slipway emulator capacity clear",
    .rows = rows,
    .run = clear,
};
