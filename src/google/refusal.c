/* google/refusal.c: the table of refusals (reference 1.10, 4.4, 4.5, 4.12, 4.17). */
#include "google/refusal.h"

#include <string.h>

#include "base/ascii.h"

enum { SKEW_LIMIT_MS = 5 * 60 * 1000, MAX_TEXT = 600 };

#define LOGIN_AGAIN      "run `gcloud auth application-default login`"
#define ADD_PROJECT_ROLE "run `gcloud projects add-iam-policy-binding {project} --member={member} --role="

/*
 * First match counts; empty columns match all. In the texts {project}, {service}, {consumer}, {permission},
 * {account}, {member}, {principal}, {role} and {skew} stand for what is known; {secret}, {secret_project},
 * {secret_location} (with its flag) and {secret_version} are of the secret that the message names.
 */
/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): members in the order that people read */
static const struct row {
    const char *id;
    int http_status;
    const char *status, *reason, *text;
    bool skewed; /* our clock is seen to be wrong */
    const char *cause, *permission, *fix;
} rows[] = {
    { "service_disabled", 403, "", "SERVICE_DISABLED", "", false,
      "the API {service} is not enabled in project {consumer}", "serviceusage.services.enable",
      "run `gcloud services enable {service} --project={consumer}`, and wait a minute or two" },
    { "service_disabled", 403, "", "", "has not been used in project", false,
      "the API {service} is not enabled in project {consumer}", "serviceusage.services.enable",
      "run `gcloud services enable {service} --project={consumer}`, and wait a minute or two" },
    { "quota_project_denied", 403, "", "USER_PROJECT_DENIED", "", false,
      "{principal} may not charge requests to the quota project {consumer}", "serviceusage.services.use",
      "run `gcloud projects add-iam-policy-binding {consumer} --member={member} "
      "--role=roles/serviceusage.serviceUsageConsumer`, or choose another with `gcloud auth "
      "application-default set-quota-project`" },
    { "quota_project_missing", 403, "", "", "requires a quota project", false,
      "this login names no quota project, and the API wants one", "serviceusage.services.use",
      "run `gcloud auth application-default set-quota-project {project}`, or set "
      "GOOGLE_CLOUD_QUOTA_PROJECT" },
    { "act_as_denied", 400, "", "", "permission to act as service_account", false,
      "{principal} may not run jobs as {account}: iam.serviceAccounts.actAs is missing",
      "iam.serviceAccounts.actAs",
      "run `gcloud iam service-accounts add-iam-policy-binding {account} --member={member} "
      "--role=roles/iam.serviceAccountUser`" },
    { "act_as_denied", 403, "", "", "iam.serviceAccounts.actAs", false,
      "{principal} may not run jobs as {account}: iam.serviceAccounts.actAs is missing",
      "iam.serviceAccounts.actAs",
      "run `gcloud iam service-accounts add-iam-policy-binding {account} --member={member} "
      "--role=roles/iam.serviceAccountUser`" },
    { "impersonation_denied", 403, "", "", "iam.serviceAccounts.getAccessToken", false,
      "{principal} may not make tokens of {account}", "iam.serviceAccounts.getAccessToken",
      "run `gcloud iam service-accounts add-iam-policy-binding {account} --member={member} "
      "--role=roles/iam.serviceAccountTokenCreator`" },
    { "scopes_insufficient", 403, "", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "", false,
      "the token lacks the scope cloud-platform: the machine was made with narrower scopes", "",
      "stop the machine and run `gcloud compute instances set-service-account INSTANCE "
      "--scopes=cloud-platform`" },
    { "org_policy", 403, "", "", "constraints/", false, "an organization policy forbids it", "",
      "ask whoever manages the organization's policies" },
    { "vpc_service_controls", 403, "", "", "VPC Service Controls", false,
      "a VPC Service Controls perimeter forbids it", "",
      "run the agent inside the perimeter, or have its owner add an ingress rule" },
    { "billing_disabled", 403, "", "BILLING_DISABLED", "", false, "project {consumer} has no billing account",
      "", "run `gcloud billing projects link {consumer} --billing-account=ACCOUNT`" },
    { "secret_denied", 403, "", "", "secretmanager.versions.access", false,
      "{principal} lacks secretmanager.versions.access on the secret {secret}",
      "secretmanager.versions.access",
      "run `gcloud secrets add-iam-policy-binding {secret} --project={secret_project}{secret_location} "
      "--member={member} --role=roles/secretmanager.secretAccessor`" },
    { "secret_missing", 404, "", "", "Secret [", false, "there is no such secret, or it has no such version",
      "",
      "look at `gcloud secrets list --project={secret_project}{secret_location}`, or make a version: `gcloud "
      "secrets versions add {secret} --project={secret_project}{secret_location} --data-file=FILE`" },
    { "secret_disabled", 400, "", "", "is in DISABLED state", false, "the version is disabled", "",
      "run `gcloud secrets versions enable {secret_version} --secret={secret} --project={secret_project}"
      "{secret_location}`, or name another version" },
    { "secret_destroyed", 400, "", "", "is in DESTROYED state", false,
      "the version was destroyed, and its value with it", "",
      "make a new one: `gcloud secrets versions add {secret} --project={secret_project}{secret_location} "
      "--data-file=FILE`" },
    { "permission_denied", 403, "", "", "", false, "{principal} lacks {permission}", "{permission}",
      ADD_PROJECT_ROLE "{role}`" },
    { "clock_skew", 0, "invalid_grant", "", "reasonable timeframe", false,
      "the clock of this machine is wrong{skew}, and the key's signature is outside its time", "",
      "set the clock: `timedatectl set-ntp true`" },
    { "clock_skew", 0, "invalid_grant", "", "", true,
      "the clock of this machine is wrong{skew}, and tokens are outside their time", "",
      "set the clock: `timedatectl set-ntp true`" },
    { "rapt_needed", 0, "invalid_grant", "invalid_rapt", "", false,
      "Reauthentication is needed. Please run `gcloud auth application-default login` to reauthenticate", "",
      LOGIN_AGAIN },
    { "rapt_needed", 0, "invalid_grant", "rapt_required", "", false,
      "Reauthentication is needed. Please run `gcloud auth application-default login` to reauthenticate", "",
      LOGIN_AGAIN },
    { "key_revoked", 0, "invalid_grant", "", "Invalid JWT Signature", false,
      "the key was deleted or disabled", "",
      "make a new one: `gcloud iam service-accounts keys create key.json --iam-account={principal}`" },
    { "account_missing", 0, "invalid_grant", "", "account not found", false,
      "the service account {principal} was deleted or disabled", "",
      "run `gcloud iam service-accounts list`, and make a key of one that is there" },
    { "login_expired", 0, "invalid_grant", "", "expired or revoked", false,
      "the login has expired or was revoked", "", LOGIN_AGAIN },
    { "login_expired", 0, "invalid_grant", "", "has been revoked", false,
      "the login has expired or was revoked", "", LOGIN_AGAIN },
    { "subject_expired", 0, "invalid_grant", "", "ID Token", false,
      "the identity token of the other cloud was not accepted", "",
      "check with `gcloud iam workload-identity-pools providers describe` that issuer and audience are the "
      "token's, and that the token is not an old one" },
    { "audience_wrong", 0, "invalid_grant", "", "audience", false,
      "the identity token is meant for another audience", "",
      "set --allowed-audiences of the provider to the token's \"aud\", or ask for a token of the audience in "
      "the credential file" },
    { "audience_wrong", 0, "invalid_target", "", "", false,
      "the credential file's \"audience\" names no pool and provider that exist (or they are disabled)", "",
      "compare it with `gcloud iam workload-identity-pools providers list`" },
    { "condition_rejected", 0, "unauthorized_client", "", "", false,
      "the pool's provider refuses this identity (attribute condition, or domain-wide delegation is not "
      "allowed)",
      "", "look at the attribute condition: `gcloud iam workload-identity-pools providers describe`" },
    { "client_invalid", 0, "invalid_client", "", "", false, "the client id or secret is not accepted", "",
      LOGIN_AGAIN },
    { "scope_invalid", 0, "invalid_scope", "", "", false, "the scopes asked for are not accepted", "",
      "check \"scopes\" in the credential file" },
    { "grant_invalid", 0, "invalid_grant", "", "", false, "the credential is not accepted any more", "",
      "log in or make a new key: `gcloud auth application-default login`" },
    { "token_type", 401, "", "ACCESS_TOKEN_TYPE_UNSUPPORTED", "", false,
      "the token is of a kind that this API does not take", "",
      "check which credential is used: `slipway "
      "auth whoami`" },
    { "token_refused", 401, "UNAUTHENTICATED", "", "", false,
      "the token was refused twice, a new one too: the account may be disabled, or this is another "
      "universe or an emulator that does not know it",
      "", "check which credential is used: `slipway auth whoami`" },
};

/* The least role that holds a permission, by its beginning. */
static const struct {
    const char *permission, *role;
} roles[] = {
    { "aiplatform.", "roles/aiplatform.user" },
    { "logging.logEntries.list", "roles/logging.viewer" },
    { "secretmanager.versions.access", "roles/secretmanager.secretAccessor" },
    { "storage.buckets.", "roles/storage.legacyBucketReader" },
    { "storage.objects.", "roles/storage.objectUser" },
    { "artifactregistry.repositories.upload", "roles/artifactregistry.writer" },
    { "artifactregistry.", "roles/artifactregistry.reader" },
    { "serviceusage.services.use", "roles/serviceusage.serviceUsageConsumer" },
    { "serviceusage.", "roles/serviceusage.serviceUsageViewer" },
    { "resourcemanager.projects.get", "roles/browser" },
    { "cloudbuild.", "roles/cloudbuild.builds.editor" },
    { "iam.serviceAccounts.getAccessToken", "roles/iam.serviceAccountTokenCreator" },
};

static const char *role_of(struct str permission)
{
    for (size_t i = 0; i < ARRAY_LEN(roles); i++)
        if (str_has_prefix(permission, str_of(roles[i].permission)))
            return roles[i].role;
    return "ROLE";
}

/* --- reading messages --- */

static bool is_word_char(char c)
{
    return ascii_is_alnum(c) || c == '.' || c == '@' || c == '-' || c == '_';
}

static struct str word_at(struct str s)
{
    size_t len = 0;

    while (len < s.len && is_word_char(s.ptr[len]))
        len++;
    while (len && s.ptr[len - 1] == '.') /* of the sentence */
        len--;
    return str_sub(s, 0, len);
}

/* The word behind @before. */
static struct str word_behind(struct str text, const char *before)
{
    ptrdiff_t at = str_find(text, str_of(before));

    return at < 0 ? (struct str){ NULL, 0 } : word_at(str_sub(text, (size_t)at + strlen(before), text.len));
}

static struct str first_of(struct str a, struct str b)
{
    return a.len ? a : b;
}

/* "Permission 'X' denied", "Required 'X' permission", "does not have X access". */
static struct str permission_in(struct str message)
{
    static const char *const before[] = { "Permission '", "Permission \"", "Required \"", "Required '",
                                          "does not have " };

    for (size_t i = 0; i < ARRAY_LEN(before); i++) {
        struct str word = word_behind(message, before[i]);

        if (str_find(word, STR(".")) > 0)
            return word;
    }
    return (struct str){ NULL, 0 };
}

static struct str account_in(struct str message)
{
    struct str rest = message, part;

    while (str_cut(&rest, ' ', &part)) {
        ptrdiff_t slash;

        while ((slash = str_find(part, STR("/"))) >= 0)
            part = str_sub(part, (size_t)slash + 1, part.len);
        part = word_at(part);
        if (str_find(part, STR("@")) > 0 && str_has_suffix(part, STR(".iam.gserviceaccount.com")))
            return part;
    }
    return (struct str){ NULL, 0 };
}

static const struct jval *detail(const struct jval *error, const char *type)
{
    const struct jval *details = jval_get(error, "details");

    for (size_t i = 0; i < jval_len(details); i++)
        if (str_has_suffix(jval_str(jval_get(jval_at(details, i), "@type")), str_of(type)))
            return jval_at(details, i);
    return NULL;
}

void refusal_read(struct arena *a, struct str body, struct refusal *in)
{
    struct jval *v = NULL;
    const struct jval *error, *info, *metadata;

    if (jval_from_json(a, body, "answer", NULL, &v, NULL) || !jval_is(jval_get(v, "error"), JVAL_OBJECT))
        return;
    error = jval_get(v, "error");
    info = detail(error, "google.rpc.ErrorInfo");
    metadata = jval_get(info, "metadata");
    in->status = jval_str(jval_get(error, "status"));
    in->message = jval_str(jval_get(error, "message"));
    in->reason = jval_str(jval_get(info, "reason"));
    in->service = first_of(jval_str(jval_get(metadata, "service")), in->service);
    in->consumer = jval_str(jval_get(metadata, "consumer"));
    in->permission = first_of(jval_str(jval_get(metadata, "permission")), in->permission);
}

/* --- texts --- */

struct str refusal_member(struct arena *a, struct str principal)
{
    if (str_find(principal, STR("@")) < 0)
        return STR("MEMBER");
    return str_of(arena_printf(
        a, "%s:%.*s", str_has_suffix(principal, STR("gserviceaccount.com")) ? "serviceAccount" : "user",
        STR_ARG(principal)));
}

static struct str skew_text(struct arena *a, const struct refusal *in)
{
    int64_t s = in->skew_ms / 1000;

    if (!s)
        return STR("");
    return str_of(arena_printf(a, " (%lld s %s)", (long long)(s < 0 ? -s : s), s < 0 ? "behind" : "ahead"));
}

/* Of "projects/P[/locations/L]/secrets/S/versions/V" in the message. @part is what follows "secret". */
static struct str secret_value(struct arena *a, const struct refusal *in, struct str part)
{
    struct str location = word_behind(in->message, "/locations/");

    if (str_is(part, "_project"))
        return first_of(word_behind(in->message, "projects/"), first_of(in->project, STR("PROJECT")));
    if (str_is(part, "_location"))
        return location.len ? str_of(arena_printf(a, " --location=%.*s", STR_ARG(location))) : STR("");
    if (str_is(part, "_version"))
        return first_of(word_behind(in->message, "/versions/"), STR("VERSION"));
    return first_of(word_behind(in->message, "/secrets/"), STR("SECRET"));
}

/* Everything in a row's texts that is known, else a word in capitals to fill in. */
static struct str value_of(struct arena *a, const struct refusal *in, struct str name)
{
    struct str project = first_of(in->project, STR("PROJECT"));
    struct str permission = first_of(in->permission, permission_in(in->message));

    if (str_is(name, "project"))
        return project;
    if (str_has_prefix(name, STR("secret")))
        return secret_value(a, in, str_sub(name, 6, name.len));
    if (str_is(name, "service"))
        return first_of(in->service, STR("SERVICE.googleapis.com"));
    if (str_is(name, "consumer")) {
        struct str s = first_of(in->consumer, word_behind(in->message, "in project "));

        return first_of(str_has_prefix(s, STR("projects/")) ? str_sub(s, 9, s.len) : s, project);
    }
    if (str_is(name, "permission"))
        return first_of(permission, STR("a permission that the message does not name"));
    if (str_is(name, "role"))
        return str_of(role_of(permission));
    if (str_is(name, "account"))
        return first_of(first_of(in->account, account_in(in->message)), STR("ACCOUNT"));
    if (str_is(name, "member"))
        return refusal_member(a, in->principal);
    if (str_is(name, "skew"))
        return skew_text(a, in);
    return first_of(in->principal, STR("the caller"));
}

static const char *fill_in(struct arena *a, const struct refusal *in, const char *template)
{
    AUTO_STRBUF struct strbuf b = STRBUF(4 * MAX_TEXT);
    struct str rest = str_of(template), part;

    while (str_cut(&rest, '{', &part)) {
        struct str name;

        strbuf_add(&b, part);
        if (rest.ptr && str_cut(&rest, '}', &name))
            strbuf_add(&b, value_of(a, in, name));
        if (!rest.ptr)
            break;
    }
    return arena_strdup(a, strbuf_cstr(&b));
}

static bool matches(const struct row *row, const struct refusal *in)
{
    bool skewed = in->skew_ms > SKEW_LIMIT_MS || in->skew_ms < -SKEW_LIMIT_MS;
    struct str permission = first_of(in->permission, STR("-"));

    return (!row->http_status || row->http_status == in->http_status) &&
           (!row->status[0] || str_is(in->status, row->status)) &&
           (!row->reason[0] || str_is(in->reason, row->reason)) &&
           (!row->text[0] || str_find(in->message, str_of(row->text)) >= 0 ||
            str_is(permission, row->text)) &&
           (!row->skewed || skewed);
}

bool refusal_explain(struct arena *a, const struct refusal *in, struct explanation *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (!matches(&rows[i], in))
            continue;
        *ret = (struct explanation){ .id = rows[i].id,
                                     .cause = fill_in(a, in, rows[i].cause),
                                     .permission = fill_in(a, in, rows[i].permission),
                                     .fix = fill_in(a, in, rows[i].fix) };
        return true;
    }
    return false;
}

#define MEND "; to mend it, "

const char *refusal_append(const struct refusal *in, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct explanation x = { 0 };
    struct err old;

    if (!refusal_explain(a, in, &x) || !e)
        return x.id;
    old = *e;
    err_set(e, old.code, "%s: %s" MEND "%s", old.msg, x.cause, x.fix);
    e->http_status = old.http_status;
    e->retry_after_ms = old.retry_after_ms;
    return x.id;
}

bool refusal_cut(struct str message, struct str *ret_cause, struct str *ret_fix)
{
    ptrdiff_t at = str_find(message, STR(MEND));

    *ret_cause = at < 0 ? message : str_sub(message, 0, (size_t)at);
    if (at < 0)
        return false;
    *ret_fix = str_sub(message, (size_t)at + sizeof(MEND) - 1, message.len);
    return true;
}
