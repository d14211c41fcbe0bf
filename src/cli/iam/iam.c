/* cli/iam/iam.c: `slipway iam role|policy|commands`: three ways to write what an agent must be granted. */
#include <stdio.h>
#include <string.h>

#include "cli/iam/grants.h"
#include "cli/session.h"
#include "cli/verbs.h"

enum { TEXT_MAX = 1024 * 1024 };

static const struct option_row iam_rows[] = { IAM_ROWS, OPTION_OUTPUT, OPTION_END };

static void print(const struct strbuf *b)
{
    fwrite(b->ptr, 1, b->len, stdout);
}

/* --- role
 * ------------------------------------------------------------------------------------------------------ */

static struct jval *role_value(const struct iam_plan *p)
{
    struct jval *v = jval_new_object(p->a), *list = jval_new_array(p->a);

    jval_set_cstr(p->a, v, "title", "Slipway launch agent");
    jval_set_cstr(p->a, v, "description", "Makes, watches and stops Vertex AI custom jobs of launch queues");
    jval_set_cstr(p->a, v, "stage", "GA");
    for (size_t i = 0; p->permissions[i]; i++)
        jval_push(p->a, list, jval_new_cstr(p->a, p->permissions[i]));
    jval_set(p->a, v, "includedPermissions", list);
    return v;
}

static int role_run(struct io *io, const struct args *args, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct iam_plan p;
    struct jval *v;

    if (iam_plan_make(io, a, args, &p, e))
        return -(int)e->code;
    v = role_value(&p);
    if (args_json(args)) {
        print_json(v);
        return 0;
    }
    for (size_t i = 0; i < 3; i++)
        printf("%.*s: %.*s\n", STR_ARG(jval_key_at(v, i)), STR_ARG(jval_str(jval_at(v, i))));
    printf("includedPermissions:\n");
    for (size_t i = 0; p.permissions[i]; i++)
        printf("- %s\n", p.permissions[i]);
    return 0;
}

/* --- policy
 * ---------------------------------------------------------------------------------------------------- */

/* Where a project's policy may hold the binding, narrowed by a condition; absent: it has to be on the
 * resource itself (conditions do not see service accounts). */
static const char *condition_of(struct arena *a, const struct iam_grant *g)
{
    switch (g->on) {
    case GRANT_BUCKET:
        return arena_printf(a,
                            "resource.name == \"projects/_/buckets/%.*s\" || "
                            "resource.name.startsWith(\"projects/_/buckets/%.*s/objects/\")",
                            STR_ARG(g->id), STR_ARG(g->id));
    case GRANT_SECRET: /* the project's number is in the name, so it is taken from between */
        return arena_printf(a, "resource.name.extract(\"/secrets/{name}/versions/\") == \"%.*s\"",
                            STR_ARG(g->id));
    case GRANT_REPOSITORY:
        return arena_printf(a, "resource.name.startsWith(\"projects/%.*s/locations/%.*s/repositories/%.*s\")",
                            STR_ARG(g->gcp_project), STR_ARG(g->location), STR_ARG(g->id));
    case GRANT_PROJECT:
    case GRANT_ACCOUNT:
        break;
    }
    return NULL;
}

static struct jval *binding_value(const struct iam_plan *p, const struct iam_grant *g)
{
    struct jval *b = jval_new_object(p->a), *members = jval_new_array(p->a), *c;
    const char *condition = condition_of(p->a, g);

    jval_push(p->a, members, jval_new_cstr(p->a, p->member));
    jval_set(p->a, b, "members", members);
    jval_set_cstr(p->a, b, "role", iam_role_of(p->a, g));
    if (condition) {
        c = jval_new_object(p->a);
        jval_set_cstr(p->a, c, "title", arena_printf(p->a, "only %.*s", STR_ARG(g->id)));
        jval_set_cstr(p->a, c, "description", g->why);
        jval_set_cstr(p->a, c, "expression", condition);
        jval_set(p->a, b, "condition", c);
    }
    return b;
}

/* Which resource's policy the binding goes to. */
static const char *policy_of(const struct iam_plan *p, const struct iam_grant *g)
{
    return g->on == GRANT_ACCOUNT ? iam_resource(p->a, g)
                                  : arena_printf(p->a, "projects/%.*s", STR_ARG(g->gcp_project));
}

/* {"projects/p": {"bindings": [...], "version": 3}, ...} */
static struct jval *policies_value(const struct iam_plan *p)
{
    struct jval *all = jval_new_object(p->a);

    for (size_t i = 0; i < p->len; i++) {
        const char *on = policy_of(p, &p->grants[i]);
        struct jval *policy = jval_copy(p->a, jval_get(all, on));
        struct jval *bindings = jval_new_array(p->a);
        const struct jval *old = jval_get(policy, "bindings");

        for (size_t j = 0; j < jval_len(old); j++)
            jval_push(p->a, bindings, jval_at(old, j));
        jval_push(p->a, bindings, binding_value(p, &p->grants[i]));
        policy = jval_new_object(p->a);
        jval_set(p->a, policy, "bindings", bindings);
        jval_set_int(p->a, policy, "version", 3);
        jval_set(p->a, all, on, policy);
    }
    return all;
}

/* Texts as YAML: JSON strings are YAML. */
static void add_quoted(struct strbuf *b, const char *key, struct str text)
{
    strbuf_addf(b, "%s: ", key);
    strbuf_add_json(b, text);
    strbuf_addc(b, '\n');
}

static void add_policy(struct strbuf *b, struct str on, const struct jval *policy)
{
    const struct jval *bindings = jval_get(policy, "bindings"), *binding, *condition;

    strbuf_addf(b, "---\n# on %.*s\nbindings:\n", STR_ARG(on));
    for (size_t i = 0; i < jval_len(bindings); i++) {
        binding = jval_at(bindings, i);
        condition = jval_get(binding, "condition");
        strbuf_addf(b, "- members:\n  - ");
        strbuf_add_json(b, jval_str(jval_path(binding, "members.0")));
        strbuf_addf(b, "\n  role: %.*s\n", STR_ARG(jval_str(jval_get(binding, "role"))));
        if (!condition)
            continue;
        strbuf_addz(b, "  condition:\n");
        for (size_t j = 0; j < jval_len(condition); j++) {
            strbuf_addz(b, "    ");
            add_quoted(b, jval_key_at(condition, j).ptr, jval_str(jval_at(condition, j)));
        }
    }
    strbuf_addz(b, "version: 3\n");
}

static int policy_run(struct io *io, const struct args *args, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    AUTO_STRBUF struct strbuf b = STRBUF(TEXT_MAX);
    struct iam_plan p;
    struct jval *all;
    const char *on = args_text(args, "on");

    if (iam_plan_make(io, a, args, &p, e))
        return -(int)e->code;
    all = policies_value(&p);
    if (on && !jval_get(all, on))
        return err_set(e, ERR_NOT_FOUND, "nothing is granted on %s; without --on all policies are written",
                       on);
    if (args_json(args)) {
        print_json(on ? jval_get(all, on) : all);
        return 0;
    }
    strbuf_addz(
        &b,
        "# Bindings to add to the policies named below. set-iam-policy replaces a policy as a whole: merge\n"
        "# them into what get-iam-policy gives, or use `slipway iam commands`, which only adds.\n");
    for (size_t i = 0; i < jval_len(all); i++)
        if (!on || str_is(jval_key_at(all, i), on))
            add_policy(&b, jval_key_at(all, i), jval_at(all, i));
    print(&b);
    return 0;
}

/* --- commands
 * -------------------------------------------------------------------------------------------------- */

static void word(struct strbuf *b, const char *before, struct str text)
{
    strbuf_addz(b, before);
    iam_shell_add(b, text);
}

static void add_binding_command(struct strbuf *b, const struct iam_plan *p, const struct iam_grant *g)
{
    strbuf_addf(b, "# %s\n", g->why);
    switch (g->on) {
    case GRANT_PROJECT:
        word(b, "gcloud projects add-iam-policy-binding ", g->gcp_project);
        break;
    case GRANT_ACCOUNT:
        word(b, "gcloud iam service-accounts add-iam-policy-binding ", g->id);
        word(b, " --project=", g->gcp_project);
        break;
    case GRANT_BUCKET:
        word(b, "gcloud storage buckets add-iam-policy-binding gs://", g->id);
        break;
    case GRANT_SECRET:
        word(b, "gcloud secrets add-iam-policy-binding ", g->id);
        word(b, " --project=", g->gcp_project);
        if (g->location.len)
            word(b, " --location=", g->location);
        break;
    case GRANT_REPOSITORY:
        word(b, "gcloud artifacts repositories add-iam-policy-binding ", g->id);
        word(b, " --project=", g->gcp_project);
        word(b, " --location=", g->location);
        break;
    }
    word(b, " --member=", str_of(p->member));
    word(b, " --role=", str_of(iam_role_of(p->a, g)));
    strbuf_addz(b, g->on == GRANT_PROJECT ? " --condition=None\n" : "\n");
}

static void add_project_commands(struct strbuf *b, const struct iam_plan *p, struct str project)
{
    word(b, "gcloud services enable --project=", project);
    for (size_t i = 0; p->services[i]; i++)
        strbuf_addf(b, " %s", p->services[i]);
    word(b, "\ngcloud iam roles create " IAM_ROLE_ID " --project=", project);
    strbuf_addz(b, " --stage=GA --title='Slipway launch agent' --permissions=");
    for (size_t i = 0; p->permissions[i]; i++)
        strbuf_addf(b, "%s%s", i ? "," : "", p->permissions[i]);
    strbuf_addz(b, "\n");
}

static void add_script(struct strbuf *b, const struct iam_plan *p)
{
    strbuf_addz(
        b,
        "#!/bin/sh\n# What a Slipway agent needs, and no more. Run it as somebody who may grant.\nset -e\n");
    if (p->makes_account)
        word(b,
             "gcloud iam service-accounts create slipway-agent --display-name='Slipway launch agent' "
             "--project=",
             p->gcp_project);
    strbuf_addz(b, p->makes_account ? "\n" : "");
    for (size_t i = 0; i < p->len; i++) {
        if (p->grants[i].on == GRANT_PROJECT)
            add_project_commands(b, p, p->grants[i].gcp_project);
        add_binding_command(b, p, &p->grants[i]);
    }
}

static int commands_run(struct io *io, const struct args *args, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    AUTO_STRBUF struct strbuf b = STRBUF(TEXT_MAX);
    struct iam_plan p;

    if (iam_plan_make(io, a, args, &p, e))
        return -(int)e->code;
    add_script(&b, &p);
    print(&b);
    return 0;
}

static const struct option_row policy_rows[] = {
    IAM_ROWS,
    { "on", 0, OPTION_TEXT, "RESOURCE", "only the policy of projects/P or projects/P/serviceAccounts/E", 0,
      0 },
    OPTION_OUTPUT,
    OPTION_END,
};
static const struct option_row command_rows[] = { IAM_ROWS, OPTION_END };

const struct verb verb_iam_role = {
    .name = "iam role",
    .operands = "",
    .summary = "write the custom role with the least an agent needs in a project",
    .details =
        "What it needs on single resources (run-as accounts, buckets, secrets, repositories) is not in the\n"
        "role: `slipway iam policy` and `slipway iam commands` have it.",
    .examples = "  slipway iam role --gcp-project acme-ml > role.yaml\n"
                "  gcloud iam roles create slipway_agent --project acme-ml --file role.yaml",
    .rows = iam_rows,
    .run = role_run,
};
const struct verb verb_iam_policy = {
    .name = "iam policy",
    .operands = "",
    .summary = "write the bindings an agent needs, as IAM policies in YAML",
    .details = "Computed from the agent's config and the configs of its queues: the staging buckets only, "
               "the secrets\n"
               "only, by conditions. A binding on a service account stands in that account's own policy.",
    .examples =
        "  slipway iam policy --queue-config gpu.yaml --gcp-project acme-ml\n"
        "  slipway iam policy --queue-config gpu.yaml --gcp-project acme-ml --on projects/acme-ml -o json",
    .rows = policy_rows,
    .run = policy_run,
};
const struct verb verb_iam_commands = {
    .name = "iam commands",
    .operands = "",
    .summary = "write the gcloud commands that grant an agent what it needs",
    .examples =
        "  slipway iam commands --queue-config gpu.yaml --queue-config cpu.yaml --gcp-project acme-ml | less",
    .rows = command_rows,
    .run = commands_run,
};
