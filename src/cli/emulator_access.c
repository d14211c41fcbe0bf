/* cli/emulator_access.c: `slipway emulator grant|revoke|policy|role|service|project`: who may do what. */
#include <stdio.h>

#include "cli/emulator_client.h"
#include "cli/verbs.h"
#include "io/file.h"

enum { FILE_MAX = 1024 * 1024 };

static const struct option_row grant_rows[] = {
    { "on", 0, OPTION_TEXT, "RESOURCE", "projects/P/secrets/S, buckets/B, ... (default the project)", 0, 0 },
    { "condition", 0, OPTION_TEXT, "EXPRESSION", "CEL, as in resource.name.startsWith(\"...\")", 0, 0 },
    OPTION_EMULATOR_DATA,
    OPTION_EMULATOR_PROJECT,
    OPTION_END,
};
static const struct option_row policy_rows[] = {
    { "on", 0, OPTION_TEXT, "RESOURCE", "what the policy is on (default the project)", 0, 0 },
    OPTION_EMULATOR_DATA,
    OPTION_EMULATOR_PROJECT,
    OPTION_END,
};
static const struct option_row plain_rows[] = { OPTION_EMULATOR_DATA, OPTION_EMULATOR_PROJECT, OPTION_END };

static const char *verb_path(struct emulator_client *c, const struct args *a, const char *verb)
{
    const char *on = args_text(a, "on");

    return arena_printf(c->a, "/v1/%s:%s", on ? on : emulator_client_project(c), verb);
}

/* Buckets have calls of their own: a GET and a PUT of the policy itself. */
static const char *bucket_path(struct emulator_client *c, const struct args *a)
{
    struct str on = str_of(args_text(a, "on"));
    struct str bucket =
        str_has_prefix(on, STR("buckets/")) ? str_sub(on, 8, on.len) : (struct str){ NULL, 0 };

    return bucket.len ? arena_printf(c->a, "/storage/v1/b/%.*s/iam", STR_ARG(bucket)) : NULL;
}

static int read_policy(struct emulator_client *c, const struct args *a, struct jval **ret, struct err *e)
{
    const char *bucket = bucket_path(c, a);
    const char *path = verb_path(c, a, "getIamPolicy");

    if (bucket)
        return emulator_client_call(c, "GET", bucket, NULL, ret, e);
    /* secrets and repositories take GET, projects and accounts POST */
    if (str_find(str_of(path), STR("/secrets/")) >= 0 || str_find(str_of(path), STR("/repositories/")) >= 0)
        return emulator_client_call(c, "GET", path, NULL, ret, e);
    return emulator_client_call(c, "POST", path, jval_new_object(c->a), ret, e);
}

static int write_policy(struct emulator_client *c, const struct args *a, const struct jval *policy,
                        struct err *e)
{
    const char *bucket = bucket_path(c, a);
    struct jval *body = jval_new_object(c->a);

    if (bucket)
        return emulator_client_call(c, "PUT", bucket, policy, NULL, e);
    jval_set(c->a, body, "policy", policy);
    return emulator_client_call(c, "POST", verb_path(c, a, "setIamPolicy"), body, NULL, e);
}

static struct jval *new_binding(struct emulator_client *c, const struct args *a)
{
    struct jval *b = jval_new_object(c->a), *members = jval_new_array(c->a), *condition;

    jval_set_cstr(c->a, b, "role", args_operand(a, 1));
    jval_push(c->a, members, jval_new_cstr(c->a, args_operand(a, 0)));
    jval_set(c->a, b, "members", members);
    if (args_text(a, "condition")) {
        condition = jval_new_object(c->a);
        jval_set_cstr(c->a, condition, "title", "condition");
        jval_set_cstr(c->a, condition, "expression", args_text(a, "condition"));
        jval_set(c->a, b, "condition", condition);
    }
    return b;
}

/* The binding without the member; NULL when nobody is left in it. */
static struct jval *binding_without(struct emulator_client *c, const struct jval *binding, const char *member)
{
    const struct jval *members = jval_get(binding, "members");
    struct jval *left = jval_new_array(c->a), *b = jval_copy(c->a, binding);

    for (size_t i = 0; i < jval_len(members); i++)
        if (!str_is(jval_str(jval_at(members, i)), member))
            jval_push(c->a, left, jval_at(members, i));
    jval_set(c->a, b, "members", left);
    return jval_len(left) ? b : NULL;
}

static int change_policy(struct emulator_client *c, const struct args *a, bool add, struct err *e)
{
    struct jval *policy = NULL, *bindings = jval_new_array(c->a);
    const struct jval *old, *b;
    int rc = read_policy(c, a, &policy, e);

    if (rc)
        return rc;
    old = jval_get(policy, "bindings");
    for (size_t i = 0; i < jval_len(old); i++) {
        b = jval_at(old, i);
        if (!add && str_is(jval_str(jval_get(b, "role")), args_operand(a, 1)))
            b = binding_without(c, b, args_operand(a, 0));
        if (b)
            jval_push(c->a, bindings, b);
    }
    if (add)
        jval_push(c->a, bindings, new_binding(c, a));
    jval_set(c->a, policy, "bindings", bindings);
    return write_policy(c, a, policy, e);
}

static int change_run(struct io *io, const struct args *a, bool add, struct err *e)
{
    struct emulator_client c;
    int rc = emulator_client_open(io, a, &c, e);

    if (rc == 0)
        rc = change_policy(&c, a, add, e);
    emulator_client_done(&c);
    return rc;
}

static int grant_run(struct io *io, const struct args *a, struct err *e)
{
    return change_run(io, a, true, e);
}

static int revoke_run(struct io *io, const struct args *a, struct err *e)
{
    return change_run(io, a, false, e);
}

static int policy_show_run(struct io *io, const struct args *a, struct err *e)
{
    struct emulator_client c;
    struct jval *policy = NULL;
    int rc = emulator_client_open(io, a, &c, e);

    if (rc == 0)
        rc = read_policy(&c, a, &policy, e);
    if (rc == 0)
        printf("%.*s\n", STR_ARG(jval_text(c.a, policy, JVAL_PRETTY)));
    emulator_client_done(&c);
    return rc;
}

/* --- files -------------------------------------------------------------------------------------------------
 */

static int read_yaml(struct emulator_client *c, const char *path, struct jval **ret, struct err *e)
{
    struct str text = { NULL, 0 };
    int rc = file_read(c->io, c->a, path, FILE_MAX, &text, e);

    return rc ? rc : jval_from_yaml(c->a, text, path, NULL, ret, e);
}

static int policy_set_run(struct io *io, const struct args *a, struct err *e)
{
    struct emulator_client c;
    struct jval *policy = NULL;
    int rc = emulator_client_open(io, a, &c, e);

    if (rc == 0)
        rc = read_yaml(&c, args_operand(a, 0), &policy, e);
    if (rc == 0)
        rc = write_policy(&c, a, policy, e);
    emulator_client_done(&c);
    return rc;
}

static int role_apply(struct emulator_client *c, const char *id, const struct jval *role, struct err *e)
{
    const char *one = arena_printf(c->a, "/v1/%s/roles/%s", emulator_client_project(c), id);
    struct jval *body = jval_new_object(c->a);
    int rc = emulator_client_call(c, "PATCH", one, role, NULL, e);

    if (rc != -ERR_NOT_FOUND)
        return rc;
    jval_set_cstr(c->a, body, "roleId", id);
    jval_set(c->a, body, "role", role);
    return emulator_client_call(c, "POST", arena_printf(c->a, "/v1/%s/roles", emulator_client_project(c)),
                                body, NULL, e);
}

static int role_apply_run(struct io *io, const struct args *a, struct err *e)
{
    struct emulator_client c;
    struct jval *role = NULL;
    int rc = emulator_client_open(io, a, &c, e);

    if (rc == 0)
        rc = read_yaml(&c, args_operand(a, 1), &role, e);
    if (rc == 0)
        rc = role_apply(&c, args_operand(a, 0), role, e);
    if (rc == 0)
        printf("%s/roles/%s\n", emulator_client_project(&c), args_operand(a, 0));
    emulator_client_done(&c);
    return rc;
}

/* --- services and projects ---------------------------------------------------------------------------------
 */

static int switch_run(struct io *io, const struct args *a, const char *verb, struct err *e)
{
    struct emulator_client c;
    int rc = emulator_client_open(io, a, &c, e);

    if (rc == 0)
        rc = emulator_client_call(
            &c, "POST",
            arena_printf(c.a, "/v1/%s/services/%s:%s", emulator_client_project(&c), args_operand(a, 0), verb),
            jval_new_object(c.a), NULL, e);
    emulator_client_done(&c);
    return rc;
}

static int enable_run(struct io *io, const struct args *a, struct err *e)
{
    return switch_run(io, a, "enable", e);
}

static int disable_run(struct io *io, const struct args *a, struct err *e)
{
    return switch_run(io, a, "disable", e);
}

static int project_create_run(struct io *io, const struct args *a, struct err *e)
{
    struct emulator_client c;
    struct jval *body;
    int rc = emulator_client_open(io, a, &c, e);

    if (rc == 0) {
        body = jval_new_object(c.a);
        jval_set_cstr(c.a, body, "projectId", args_operand(a, 0));
        rc = emulator_client_call(&c, "POST", "/v1/projects", body, NULL, e);
    }
    emulator_client_done(&c);
    return rc;
}

const struct verb verb_emulator_grant = {
    .name = "emulator grant",
    .operands = "MEMBER ROLE",
    .min_operands = 2,
    .max_operands = 2,
    .summary = "give a member a role, on the project or on one resource",
    .details =
        "The rules hold in an emulator that runs with --require-auth.\nMEMBER is as in Google's policies: "
        "serviceAccount:E, user:E, principal://..., principalSet://...\nROLE is a predefined role or "
        "projects/P/roles/R.",
    .examples =
        "  slipway emulator grant serviceAccount:agent@p.iam.gserviceaccount.com roles/aiplatform.user\n"
        "  slipway emulator grant user:ada@example.com roles/secretmanager.secretAccessor --on "
        "projects/p/secrets/wandb",
    .rows = grant_rows,
    .run = grant_run,
};
const struct verb verb_emulator_revoke = {
    .name = "emulator revoke",
    .operands = "MEMBER ROLE",
    .min_operands = 2,
    .max_operands = 2,
    .summary = "take a role from a member",
    .examples = "  slipway emulator revoke user:ada@example.com roles/aiplatform.user",
    .rows = policy_rows,
    .run = revoke_run,
};
const struct verb verb_emulator_policy_show = {
    .name = "emulator policy show",
    .operands = "",
    .summary = "print a policy as JSON",
    .examples = "  slipway emulator policy show --on buckets/staging",
    .rows = policy_rows,
    .run = policy_show_run,
};
const struct verb verb_emulator_policy_set = {
    .name = "emulator policy set",
    .operands = "FILE",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "replace a policy by a file (YAML or JSON), as `slipway iam policy` writes them",
    .examples = "  slipway emulator policy set policy.yaml",
    .rows = policy_rows,
    .run = policy_set_run,
};
const struct verb verb_emulator_role_apply = {
    .name = "emulator role apply",
    .operands = "ID FILE",
    .min_operands = 2,
    .max_operands = 2,
    .summary = "make or change a custom role from a file (YAML or JSON)",
    .examples = "  slipway iam role > role.yaml\n  slipway emulator role apply launch_agent role.yaml",
    .rows = plain_rows,
    .run = role_apply_run,
};
const struct verb verb_emulator_service_enable = {
    .name = "emulator service enable",
    .operands = "NAME",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "switch a service of Google on again",
    .examples = "  slipway emulator service enable aiplatform.googleapis.com",
    .rows = plain_rows,
    .run = enable_run,
};
const struct verb verb_emulator_service_disable = {
    .name = "emulator service disable",
    .operands = "NAME",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "switch a service of Google off, as in a project that never enabled it",
    .examples = "  slipway emulator service disable aiplatform.googleapis.com",
    .rows = plain_rows,
    .run = disable_run,
};
const struct verb verb_emulator_project_create = {
    .name = "emulator project create",
    .operands = "ID",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "make a second project",
    .examples = "  slipway emulator project create other-team",
    .rows = plain_rows,
    .run = project_create_run,
};
