/*
 * cli/iam/wif.c: `slipway iam wif`: workload identity federation: pool, provider, bindings and the credential
 * config file for an agent that runs outside Google Cloud, without a key (vertex-and-google-auth.md 4.7
 * to 4.12).
 */
#include <stdio.h>
#include <string.h>

#include "cli/iam/grants.h"
#include "cli/session.h"
#include "cli/verbs.h"
#include "io/file.h"

enum { TEXT_MAX = 256 * 1024 };

#define TOKEN_TYPE "urn:ietf:params:oauth:token-type:"

struct wif {
    struct arena *a;
    const struct args *args;
    const char *gcp_project, *number, *pool, *provider, *account;
    const char *audience; /* of the provider: what the file calls audience */
    struct strbuf *commands;
};

/* Where the subject token comes from, and whom the provider believes. */
struct wif_kind {
    const char *name;
    const char *subject_token_type;
    const char *mapping;             /* of the provider; NULL: the kind's own default */
    const char *member;              /* behind the pool, with %s for --subject: who may be the account */
    const char *needs[3];            /* options that must be given */
    void (*provider)(struct wif *w); /* appends what follows "create-KIND" */
    struct jval *(*source)(const struct wif *w); /* credential_source */
};

static const char *option(const struct wif *w, const char *name, const char *when_absent)
{
    return args_text(w->args, name) ? args_text(w->args, name) : when_absent;
}

static void flag(struct wif *w, const char *name, const char *value)
{
    if (!value)
        return;
    strbuf_addf(w->commands, " --%s=", name);
    iam_shell_add(w->commands, str_of(value));
}

/* --- providers
 * -------------------------------------------------------------------------------------------------- */

static void aws_provider(struct wif *w)
{
    flag(w, "account-id", args_text(w->args, "aws-account"));
}

static void oidc_with(struct wif *w, const char *issuer, const char *audience)
{
    flag(w, "issuer-uri", issuer);
    flag(w, "allowed-audiences", audience);
}

static void azure_provider(struct wif *w)
{
    oidc_with(w, arena_printf(w->a, "https://sts.windows.net/%s/", args_text(w->args, "tenant")),
              args_text(w->args, "audience"));
}

static void oidc_provider(struct wif *w)
{
    oidc_with(w, args_text(w->args, "issuer"), args_text(w->args, "audience"));
    flag(w, "jwk-json-path", args_text(w->args, "jwks"));
}

static void saml_provider(struct wif *w)
{
    flag(w, "idp-metadata-path", args_text(w->args, "metadata"));
}

/* Only one repository's workflows: GitHub's issuer is everybody's. */
static void github_provider(struct wif *w)
{
    oidc_with(w, "https://token.actions.githubusercontent.com", NULL);
    flag(w, "attribute-condition",
         arena_printf(w->a, "assertion.repository == \"%s\"", args_text(w->args, "repository")));
}

/* --- sources
 * ---------------------------------------------------------------------------------------------------- */

static void set_format(const struct wif *w, struct jval *v, const char *type, const char *field)
{
    struct jval *format = jval_new_object(w->a);

    jval_set_cstr(w->a, format, "type", type);
    if (field)
        jval_set_cstr(w->a, format, "subject_token_field_name", field);
    jval_set(w->a, v, "format", format);
}

static struct jval *aws_source(const struct wif *w)
{
    static const char base[] = "http://169.254.169.254/latest";
    struct jval *v = jval_new_object(w->a);

    jval_set_cstr(w->a, v, "environment_id", "aws1");
    jval_set_cstr(w->a, v, "region_url",
                  arena_printf(w->a, "%s/meta-data/placement/availability-zone", base));
    jval_set_cstr(w->a, v, "url", arena_printf(w->a, "%s/meta-data/iam/security-credentials", base));
    jval_set_cstr(w->a, v, "regional_cred_verification_url",
                  "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15");
    jval_set_cstr(w->a, v, "imdsv2_session_token_url", arena_printf(w->a, "%s/api/token", base));
    return v;
}

static struct jval *azure_source(const struct wif *w)
{
    AUTO_STRBUF struct strbuf url = STRBUF(4096);
    struct jval *v = jval_new_object(w->a), *headers = jval_new_object(w->a);

    strbuf_addz(&url,
                "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=");
    strbuf_add_url(&url, str_of(args_text(w->args, "audience")));
    jval_set_cstr(w->a, v, "url", strbuf_cstr(&url));
    jval_set_cstr(w->a, headers, "Metadata", "True");
    jval_set(w->a, v, "headers", headers);
    set_format(w, v, "json", "access_token");
    return v;
}

static struct jval *file_source(const struct wif *w)
{
    const char *field = args_text(w->args, "token-field");
    struct jval *v = jval_new_object(w->a);

    jval_set_cstr(w->a, v, "file", args_text(w->args, "token-file"));
    set_format(w, v, field ? "json" : "text", field);
    return v;
}

static struct jval *kubernetes_source(const struct wif *w)
{
    struct jval *v = jval_new_object(w->a);

    jval_set_cstr(w->a, v, "file", option(w, "token-file", "/var/run/secrets/slipway/token"));
    set_format(w, v, "text", NULL);
    return v;
}

/* GitHub's runner gives each job an address and a token for it; a credential file cannot name environment
 * variables, so a step before writes the token to a file. */
static struct jval *github_source(const struct wif *w)
{
    struct jval *v = jval_new_object(w->a);

    jval_set_cstr(w->a, v, "file", option(w, "token-file", "github-token.json"));
    set_format(w, v, "json", "value");
    return v;
}

static const struct wif_kind kinds[] = {
    { "aws",
      "urn:ietf:params:aws:token-type:aws4_request",
      NULL,
      "attribute.aws_role/arn:aws:sts::%s",
      { "aws-account", "subject" },
      aws_provider,
      aws_source },
    { "azure",
      TOKEN_TYPE "jwt",
      "google.subject=assertion.sub",
      "subject/%s",
      { "tenant", "audience", "subject" },
      azure_provider,
      azure_source },
    { "oidc",
      TOKEN_TYPE "jwt",
      "google.subject=assertion.sub",
      "subject/%s",
      { "issuer", "subject", "token-file" },
      oidc_provider,
      file_source },
    { "saml",
      TOKEN_TYPE "saml2",
      "google.subject=assertion.subject",
      "subject/%s",
      { "metadata", "subject", "token-file" },
      saml_provider,
      file_source },
    { "github",
      TOKEN_TYPE "jwt",
      "google.subject=assertion.sub,attribute.repository=assertion.repository",
      "attribute.repository/%s",
      { "repository" },
      github_provider,
      github_source },
    { "kubernetes",
      TOKEN_TYPE "jwt",
      "google.subject=assertion.sub",
      "subject/system:serviceaccount:%s",
      { "issuer", "subject" },
      oidc_provider,
      kubernetes_source },
};

static const struct wif_kind *find_kind(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

/* --- the whole
 * -------------------------------------------------------------------------------------------------- */

/* Who may be the account: --subject in the kind's form; of Amazon ACCOUNT:assumed-role/ROLE; of GitHub the
 * repository. */
static const char *member_of(const struct wif *w, const struct wif_kind *k)
{
    const char *subject = args_text(w->args, strcmp(k->name, "github") == 0 ? "repository" : "subject");
    bool set = strncmp(k->member, "attribute.", 10) == 0;
    const char *percent = strstr(k->member, "%s");

    if (strcmp(k->name, "aws") == 0)
        subject = arena_printf(w->a, "%s:assumed-role/%s", args_text(w->args, "aws-account"), subject);
    return arena_printf(
        w->a, "%s://iam.googleapis.com/projects/%s/locations/global/workloadIdentityPools/%s/%.*s%s",
        set ? "principalSet" : "principal", w->number, w->pool, (int)(percent - k->member), k->member,
        subject);
}

static void add_commands(struct wif *w, const struct wif_kind *k)
{
    const char *create = strcmp(k->name, "aws") == 0 ? "aws" : strcmp(k->name, "saml") == 0 ? "saml" : "oidc";

    strbuf_addz(w->commands, "gcloud iam workload-identity-pools create ");
    iam_shell_add(w->commands, str_of(w->pool));
    flag(w, "project", w->gcp_project);
    flag(w, "location", "global");
    strbuf_addf(w->commands, "\ngcloud iam workload-identity-pools providers create-%s ", create);
    iam_shell_add(w->commands, str_of(w->provider));
    flag(w, "project", w->gcp_project);
    flag(w, "location", "global");
    flag(w, "workload-identity-pool", w->pool);
    flag(w, "attribute-mapping", k->mapping);
    k->provider(w);
    strbuf_addz(w->commands, "\ngcloud iam service-accounts add-iam-policy-binding ");
    iam_shell_add(w->commands, str_of(w->account));
    flag(w, "project", w->gcp_project);
    flag(w, "role", "roles/iam.workloadIdentityUser");
    flag(w, "member", member_of(w, k));
    strbuf_addz(w->commands, "\n");
}

static struct jval *credential_value(const struct wif *w, const struct wif_kind *k)
{
    struct jval *v = jval_new_object(w->a);

    jval_set_cstr(w->a, v, "universe_domain", "googleapis.com");
    jval_set_cstr(w->a, v, "type", "external_account");
    jval_set_cstr(w->a, v, "audience", w->audience);
    jval_set_cstr(w->a, v, "subject_token_type", k->subject_token_type);
    jval_set_cstr(w->a, v, "token_url", "https://sts.googleapis.com/v1/token");
    jval_set_cstr(w->a, v, "service_account_impersonation_url",
                  arena_printf(w->a,
                               "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
                               "%s:generateAccessToken",
                               w->account));
    jval_set(w->a, v, "credential_source", k->source(w));
    return v;
}

static int check_needs(const struct wif *w, const struct wif_kind *k, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(k->needs) && k->needs[i]; i++)
        if (!args_text(w->args, k->needs[i]))
            return err_set(e, ERR_USAGE, "iam wif %s needs --%s", k->name, k->needs[i]);
    return 0;
}

static int open_wif(struct io *io, struct wif *w, struct err *e)
{
    int64_t number = 0;

    w->gcp_project = option(w, "gcp-project", io_env_text(io, "GOOGLE_CLOUD_PROJECT"));
    w->number = args_text(w->args, "project-number");
    if (!w->gcp_project || !w->number || !str_to_i64(str_of(w->number), &number) || number <= 0)
        return err_set(e, ERR_USAGE,
                       "--gcp-project ID and --project-number N are needed; `gcloud projects describe ID "
                       "--format='value(projectNumber)'` tells the number");
    w->account =
        option(w, "account", arena_printf(w->a, "slipway-agent@%s.iam.gserviceaccount.com", w->gcp_project));
    w->audience = arena_printf(
        w->a, "//iam.googleapis.com/projects/%s/locations/global/workloadIdentityPools/%s/providers/%s",
        w->number, w->pool, w->provider);
    return 0;
}

static int write_out(struct io *io, const struct wif *w, const struct jval *credential, struct err *e)
{
    const char *file = args_text(w->args, "credential-file");
    struct jval *v = jval_new_object(w->a);
    struct str text = jval_text(w->a, credential, JVAL_PRETTY);

    if (file && file_write(io, file, text, 0600, e))
        return -(int)e->code;
    if (args_json(w->args)) {
        jval_set(w->a, v, "commands", jval_new_str(w->a, strbuf_str(w->commands)));
        jval_set(w->a, v, "credential", credential);
        print_json(v);
        return 0;
    }
    printf("#!/bin/sh\nset -e\n%s", strbuf_cstr(w->commands));
    if (file)
        printf("# %s is the credential config file: GOOGLE_APPLICATION_CREDENTIALS for the agent. It holds "
               "no secret.\n",
               file);
    else
        printf("# The credential config file: GOOGLE_APPLICATION_CREDENTIALS for the agent. It holds no "
               "secret.\n"
               "cat > slipway-credentials.json <<'EOF'\n%.*s\nEOF\n",
               STR_ARG(text));
    return 0;
}

static int wif_run(struct io *io, const struct args *args, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    AUTO_STRBUF struct strbuf commands = STRBUF(TEXT_MAX);
    const struct wif_kind *k = find_kind(args_operand(args, 0));
    struct wif w = { .a = a, .args = args, .commands = &commands };

    if (!k)
        return err_set(e, ERR_USAGE, "\"%s\" is none of aws, azure, oidc, saml, github, kubernetes",
                       args_operand(args, 0));
    w.pool = option(&w, "pool", "slipway");
    w.provider = option(&w, "provider", arena_printf(a, "slipway-%s", k->name));
    if (open_wif(io, &w, e) || check_needs(&w, k, e))
        return -(int)e->code;
    add_commands(&w, k);
    return write_out(io, &w, credential_value(&w, k), e);
}

static const struct option_row wif_rows[] = {
    { "gcp-project", 0, OPTION_TEXT, "ID", "project of the pool (GOOGLE_CLOUD_PROJECT)", 0, 0 },
    { "project-number", 0, OPTION_TEXT, "N", "the project's number", 0, 0 },
    { "pool", 0, OPTION_TEXT, "ID", "workload identity pool to make (default slipway)", 0, 0 },
    { "provider", 0, OPTION_TEXT, "ID", "provider in it (default slipway-KIND)", 0, 0 },
    { "account", 0, OPTION_TEXT, "EMAIL", "service account to be (default slipway-agent@...)", 0, 0 },
    { "subject", 0, OPTION_TEXT, "WHO",
      "who may be it: an AWS role, a subject, NAMESPACE:ACCOUNT of Kubernetes", 0, 0 },
    { "aws-account", 0, OPTION_TEXT, "ID", "aws: the account's 12 digits", 0, 0 },
    { "tenant", 0, OPTION_TEXT, "ID", "azure: the directory's id", 0, 0 },
    { "audience", 0, OPTION_TEXT, "TEXT", "azure: the application's id URI; oidc, kubernetes: of the tokens",
      0, 0 },
    { "issuer", 0, OPTION_TEXT, "URL", "oidc, kubernetes: who signs the tokens", 0, 0 },
    { "jwks", 0, OPTION_TEXT, "FILE", "oidc, kubernetes: key set of an issuer Google cannot reach", 0, 0 },
    { "metadata", 0, OPTION_TEXT, "FILE", "saml: metadata of the identity provider", 0, 0 },
    { "repository", 0, OPTION_TEXT, "OWNER/NAME", "github: whose workflows may be the account", 0, 0 },
    { "token-file", 0, OPTION_TEXT, "FILE", "oidc, saml, github, kubernetes: where the token is", 0, 0 },
    { "token-field", 0, OPTION_TEXT, "NAME",
      "oidc, saml: its member in a JSON file (default: the file is the token)", 0, 0 },
    { "credential-file", 0, OPTION_TEXT, "FILE", "write the credential config there", 0, 0 },
    OPTION_OUTPUT,
    OPTION_END,
};

const struct verb verb_iam_wif = {
    .name = "iam wif",
    .operands = "aws|azure|oidc|saml|github|kubernetes",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "write what lets an agent outside Google Cloud work without a key file",
    .details = "Workload identity federation: the commands that make the pool, the provider and the binding, "
               "and the\n"
               "credential config file that the agent reads. The file holds no secret.",
    .examples = "  slipway iam wif aws --gcp-project acme-ml --project-number 123456789012 --aws-account "
                "210987654321 \\\n      --subject agent-role\n"
                "  slipway iam wif github --gcp-project acme-ml --project-number 123456789012 --repository "
                "acme/train\n"
                "  slipway iam wif kubernetes --gcp-project acme-ml --project-number 123456789012 --issuer "
                "https://k8s.acme.dev \\\n      --subject launch:agent",
    .rows = wif_rows,
    .run = wif_run,
};
