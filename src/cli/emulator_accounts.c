/* cli/emulator_accounts.c: `slipway emulator account|user|token`: who there is, and what proves it. */
#include <stdio.h>

#include "base/crypto.h"
#include "base/secret.h"
#include "cli/emulator_client.h"
#include "cli/verbs.h"
#include "io/file.h"

static const struct option_row account_rows[] = {
    { "key-file", 0, OPTION_TEXT, "FILE", "make a key too, and write its file (0600)", 0, 0 },
    OPTION_EMULATOR_DATA,
    OPTION_EMULATOR_PROJECT,
    OPTION_OUTPUT,
    OPTION_END,
};
static const struct option_row plain_rows[] = { OPTION_EMULATOR_DATA, OPTION_EMULATOR_PROJECT, OPTION_OUTPUT,
                                                OPTION_END };

/* An account by e-mail address, or by the part before the @ in the client's project. */
static const char *email_of(const struct emulator_client *c, const char *name)
{
    return str_find(str_of(name), STR("@")) >= 0
               ? name
               : arena_printf(c->a, "%s@%.*s.iam.gserviceaccount.com", name, STR_ARG(c->gcp_project));
}

static int write_key(struct emulator_client *c, const char *email, const char *path, struct err *e)
{
    struct jval *v = NULL;
    struct str text = { NULL, 0 };
    int rc =
        emulator_client_call(c, "POST", arena_printf(c->a, "/v1/projects/-/serviceAccounts/%s/keys", email),
                             jval_new_object(c->a), &v, e);

    if (rc == 0)
        rc = base64_decode(c->a, jval_str(jval_get(v, "privateKeyData")), &text, e);
    if (rc == 0)
        rc = file_write(c->io, path, text, 0600, e);
    mem_wipe((char *)(uintptr_t)text.ptr, text.len);
    return rc;
}

static int account_create(struct emulator_client *c, const struct args *a, struct err *e)
{
    struct jval *body = jval_new_object(c->a), *v = NULL;
    const char *file = args_text(a, "key-file");
    int rc;

    jval_set_cstr(c->a, body, "accountId", args_operand(a, 0));
    rc = emulator_client_call(
        c, "POST", arena_printf(c->a, "/v1/%s/serviceAccounts", emulator_client_project(c)), body, &v, e);
    if (rc == 0 && file)
        rc = write_key(c, arena_cstr(c->a, jval_str(jval_get(v, "email"))), file, e);
    if (rc)
        return rc;
    if (args_json(a))
        printf("%.*s\n", STR_ARG(jval_text(c->a, v, JVAL_PRETTY)));
    else
        printf("%.*s%s%s\n", STR_ARG(jval_str(jval_get(v, "email"))), file ? "\nKey: " : "",
               file ? file : "");
    return 0;
}

static int account_create_run(struct io *io, const struct args *a, struct err *e)
{
    struct emulator_client c;
    int rc = emulator_client_open(io, a, &c, e);

    if (rc == 0)
        rc = account_create(&c, a, e);
    emulator_client_done(&c);
    return rc;
}

static int account_key_run(struct io *io, const struct args *a, struct err *e)
{
    struct emulator_client c;
    int rc = emulator_client_open(io, a, &c, e);

    if (rc == 0)
        rc = write_key(&c, email_of(&c, args_operand(a, 0)), args_operand(a, 1), e);
    emulator_client_done(&c);
    return rc;
}

static int account_delete_run(struct io *io, const struct args *a, struct err *e)
{
    struct emulator_client c;
    int rc = emulator_client_open(io, a, &c, e);

    if (rc == 0)
        rc = emulator_client_call(
            &c, "DELETE",
            arena_printf(c.a, "/v1/projects/-/serviceAccounts/%s", email_of(&c, args_operand(a, 0))), NULL,
            NULL, e);
    emulator_client_done(&c);
    return rc;
}

static void print_accounts(struct emulator_client *c, const struct args *a, const struct jval *v)
{
    const struct jval *list = jval_get(v, "accounts");

    if (args_json(a)) {
        printf("%.*s\n", STR_ARG(jval_text(c->a, list ? list : jval_new_array(c->a), JVAL_PRETTY)));
        return;
    }
    for (size_t i = 0; i < jval_len(list); i++)
        printf("%.*s%s\n", STR_ARG(jval_str(jval_get(jval_at(list, i), "email"))),
               jval_bool(jval_get(jval_at(list, i), "disabled")) ? " (disabled)" : "");
}

static int account_list_run(struct io *io, const struct args *a, struct err *e)
{
    struct emulator_client c;
    struct jval *v = NULL;
    int rc = emulator_client_open(io, a, &c, e);

    if (rc == 0)
        rc = emulator_client_call(
            &c, "GET", arena_printf(c.a, "/v1/%s/serviceAccounts?pageSize=1000", emulator_client_project(&c)),
            NULL, &v, e);
    if (rc == 0)
        print_accounts(&c, a, v);
    emulator_client_done(&c);
    return rc;
}

/* --- tokens ------------------------------------------------------------------------------------------------
 */

static int ask_token(struct emulator_client *c, const char *who, bool refresh, struct jval **ret,
                     struct err *e)
{
    struct jval *body = jval_new_object(c->a);
    const char *member = who;

    if (str_find(str_of(who), STR(":")) < 0)
        member =
            arena_printf(c->a, "%s:%s",
                         refresh || !str_has_suffix(str_of(email_of(c, who)), STR(".gserviceaccount.com"))
                             ? "user"
                             : "serviceAccount",
                         email_of(c, who));
    jval_set_cstr(c->a, body, "member", member);
    jval_set_bool(c->a, body, "refresh", refresh);
    return emulator_client_call(c, "POST", "/emulator/v1/tokens", body, ret, e);
}

static int token_run(struct io *io, const struct args *a, struct err *e)
{
    struct emulator_client c;
    struct jval *v = NULL;
    int rc = emulator_client_open(io, a, &c, e);

    if (rc == 0)
        rc = ask_token(&c, args_operand(a, 0), false, &v, e);
    if (rc == 0 && args_json(a))
        printf("%.*s\n", STR_ARG(jval_text(c.a, v, JVAL_PRETTY)));
    else if (rc == 0)
        printf("%.*s\n", STR_ARG(jval_str(jval_get(v, "token"))));
    emulator_client_done(&c);
    return rc;
}

/* As `gcloud auth application-default login` would leave it. */
static int user_login_run(struct io *io, const struct args *a, struct err *e)
{
    struct emulator_client c;
    struct jval *v = NULL, *file;
    int rc = emulator_client_open(io, a, &c, e);

    if (rc == 0)
        rc = ask_token(&c, args_operand(a, 0), true, &v, e);
    if (rc == 0) {
        file = jval_new_object(c.a);
        jval_set_cstr(c.a, file, "type", "authorized_user");
        jval_set_cstr(c.a, file, "client_id", "emulator.apps.googleusercontent.com");
        jval_set_cstr(c.a, file, "client_secret", "emulator");
        jval_set(c.a, file, "refresh_token", jval_get(v, "token"));
        jval_set(c.a, file, "quota_project_id", jval_new_str(c.a, c.gcp_project));
        rc = file_write(io, args_operand(a, 1), jval_text(c.a, file, JVAL_PRETTY), 0600, e);
    }
    emulator_client_done(&c);
    return rc;
}

const struct verb verb_emulator_account_create = {
    .name = "emulator account create",
    .operands = "ID",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "make a service account in the running emulator",
    .examples = "  slipway emulator account create launch-agent --key-file key.json",
    .rows = account_rows,
    .run = account_create_run,
};
const struct verb verb_emulator_account_list = {
    .name = "emulator account list",
    .operands = "",
    .summary = "list the emulator's service accounts",
    .examples = "  slipway emulator account list",
    .rows = plain_rows,
    .run = account_list_run,
};
const struct verb verb_emulator_account_key = {
    .name = "emulator account key",
    .operands = "ACCOUNT FILE",
    .min_operands = 2,
    .max_operands = 2,
    .summary = "make a key of a service account and write its file (0600)",
    .examples = "  slipway emulator account key launch-agent key.json",
    .rows = plain_rows,
    .run = account_key_run,
};
const struct verb verb_emulator_account_delete = {
    .name = "emulator account delete",
    .operands = "ACCOUNT",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "delete a service account and its keys",
    .examples = "  slipway emulator account delete launch-agent",
    .rows = plain_rows,
    .run = account_delete_run,
};
const struct verb verb_emulator_token = {
    .name = "emulator token",
    .operands = "WHO",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "print an access token of an account or a user",
    .details =
        "WHO is an account's ID or e-mail address, or a member as policies name it (user:ada@example.com).",
    .examples = "  curl -H \"Authorization: Bearer $(slipway emulator token launch-agent)\" ...",
    .rows = plain_rows,
    .run = token_run,
};
const struct verb verb_emulator_user_login = {
    .name = "emulator user login",
    .operands = "EMAIL FILE",
    .min_operands = 2,
    .max_operands = 2,
    .summary = "write the credentials file that a user's login would leave",
    .examples = "  slipway emulator user login ada@example.com adc.json",
    .rows = plain_rows,
    .run = user_login_run,
};
