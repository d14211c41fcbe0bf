/* emulator/iam_credentials.c: tokens of service accounts for those who may have them:
 * iamcredentials.googleapis.com v1, generateAccessToken and signBlob (vertex-and-google-auth.md 4.13). */
#include "base/crypto.h"
#include "base/timefmt.h"
#include "emulator/accounts.h"
#include "emulator/call.h"

enum { LIFE_MAX_S = 3600, DELEGATES_MAX = 10 };

static const char service[] = "iamcredentials.googleapis.com";

static int refuse_target(struct call *c, const char *permission)
{
    refusal_add_info(&c->r, "IAM_PERMISSION_DENIED", "iam.googleapis.com",
                     (const char *const[]){ "permission", permission, NULL });
    return refuse(&c->r, RPC_PERMISSION_DENIED, "Permission '%s' denied on resource (or it may not exist).",
                  permission);
}

static bool may_be(struct call *c, const struct grant *who, struct str email, const char *permission)
{
    return account_is_there(c->m, c->a, email) &&
           access_permits(c->m, who, account_name(c->m, c->a, email), permission);
}

static struct grant grant_of(struct call *c, struct str email)
{
    return (struct grant){ .member = str_of(arena_printf(c->a, "serviceAccount:%.*s", STR_ARG(email))) };
}

/* Each of the chain must be allowed to act for the next: the caller for the first delegate, the last one has
 * @permission on the target. */
static int walk_chain(struct call *c, const struct jval *delegates, struct grant who, const char *permission)
{
    struct str target = c->route.part[4], email, rest, part;

    if (jval_len(delegates) > DELEGATES_MAX)
        return refuse(&c->r, RPC_INVALID_ARGUMENT, "The delegation chain is too long.");
    for (size_t i = 0; i < jval_len(delegates); i++) {
        rest = jval_str(jval_at(delegates, i));
        email = rest;
        while (str_cut(&rest, '/', &part))
            email = part;
        if (!may_be(c, &who, email, "iam.serviceAccounts.implicitDelegation"))
            return refuse_target(c, "iam.serviceAccounts.implicitDelegation");
        who = grant_of(c, email);
    }
    return may_be(c, &who, target, permission) ? 0 : refuse_target(c, permission);
}

static int read_wish(struct call *c, const struct jval *body, int64_t *ret_life_s, struct str *ret_scope)
{
    const struct jval *list = jval_get(body, "scope");
    AUTO_STRBUF struct strbuf scope = STRBUF(16 * 1024);
    struct str lifetime = jval_str(jval_get(body, "lifetime"));
    int64_t ms = LIFE_MAX_S * 1000;

    if (lifetime.len && (!duration_parse_proto(lifetime, &ms) || ms <= 0))
        return refuse(&c->r, RPC_INVALID_ARGUMENT,
                      "Invalid value at 'lifetime' (type.googleapis.com/"
                      "google.protobuf.Duration)");
    if (ms > LIFE_MAX_S * 1000)
        return refuse(&c->r, RPC_INVALID_ARGUMENT,
                      "The token lifetime cannot be greater than 3600 seconds unless the organization policy "
                      "constraints/iam.allowServiceAccountCredentialLifetimeExtension allows it.");
    for (size_t i = 0; i < jval_len(list); i++)
        strbuf_addf(&scope, "%s%.*s", i ? " " : "", STR_ARG(jval_str(jval_at(list, i))));
    if (scope.len == 0)
        return refuse(&c->r, RPC_INVALID_ARGUMENT, "Scope must be provided.");
    *ret_life_s = ms / 1000;
    *ret_scope = arena_str(c->a, strbuf_str(&scope));
    return 0;
}

/* The path's account, the body, and whether the caller has @permission on it. */
static int open_target(struct call *c, const char *permission, struct jval **ret_body)
{
    struct grant who = { 0 };
    struct str name = account_name(c->m, c->a, c->route.part[4]);
    int code;

    c->gcp_project = str_sub(access_project_of(c->m, c->a, name), 9, name.len);
    code = call_need(c, service, "", NULL);
    if (code || (code = access_caller(c->m, c->x, &who, &c->r)) || (code = call_body(c, ret_body)))
        return code;
    return str_is(who.member, MEMBER_ADMIN)
               ? 0
               : walk_chain(c, jval_get(*ret_body, "delegates"), who, permission);
}

static int sign_blob(struct call *c, const struct jval **ret)
{
    AUTO_STRBUF struct strbuf coded = STRBUF(4096);
    struct jval *body = NULL, *v = jval_new_object(c->a);
    struct str payload = { NULL, 0 }, signature = { NULL, 0 }, key_id = { NULL, 0 };
    int code = open_target(c, "iam.serviceAccounts.signBlob", &body);

    if (code)
        return code;
    if (base64_decode(c->a, jval_str(jval_get(body, "payload")), &payload, &c->e) || payload.len == 0)
        return refuse(&c->r, RPC_INVALID_ARGUMENT, "Payload must be provided.");
    code = account_sign(c, payload, &signature, &key_id);
    strbuf_add_base64(&coded, signature);
    jval_set(c->a, v, "keyId", jval_new_str(c->a, key_id));
    jval_set_cstr(c->a, v, "signedBlob", strbuf_cstr(&coded));
    *ret = v;
    return code;
}

static int generate_access_token(struct call *c, const struct jval **ret)
{
    struct jval *body = NULL, *v = jval_new_object(c->a);
    struct grant g = grant_of(c, c->route.part[4]);
    char until[RFC3339_SIZE];
    int64_t life_s = 0;
    int code = open_target(c, "iam.serviceAccounts.getAccessToken", &body);

    if (code || (code = read_wish(c, body, &life_s, &g.scope)))
        return code;
    g.expires_s = io_now_unix_ms(c->m->io) / 1000 + life_s;
    jval_set_cstr(c->a, v, "accessToken", grant_issue(c->m, c->a, &g));
    rfc3339_format(g.expires_s * 1000, until);
    jval_set_cstr(c->a, v, "expireTime", arena_printf(c->a, "%.19sZ", until)); /* Python takes no fraction */
    *ret = v;
    return 0;
}

const struct call_row iam_credentials_calls[] = {
    { "POST", "v1/projects/*/serviceAccounts/*", "generateAccessToken", generate_access_token },
    { "POST", "v1/projects/*/serviceAccounts/*", "signBlob", sign_blob },
    { 0 },
};
