/* google/credentials/external.c: external_account: the exchange at STS, and impersonation behind it
 * (reference 4.7, 4.12). */
#include "google/credentials/external.h"

#define GRANT_TYPE "urn:ietf:params:oauth:grant-type:token-exchange"
#define WANTED     "urn:ietf:params:oauth:token-type:access_token"
#define AWS_TYPE   "urn:ietf:params:aws:token-type:aws4_request"

enum { MAX_FORM = 512 * 1024 };

static void done(struct credential *c)
{
    struct external *x = c->own;

    if (x && x->subject && x->subject->done)
        x->subject->done(x);
}

static int pick_source(struct credential *c, struct external *x, const struct jval *source, struct err *e)
{
    bool file = jval_get(source, "file"), url = jval_get(source, "url");
    bool certificate = jval_get(source, "certificate");

    if (str_is(x->subject_token_type, AWS_TYPE)) {
        x->subject = &subject_aws;
    } else if (jval_get(source, "executable")) {
        x->subject = &subject_executable;
    } else {
        if (jval_get(source, "environment_id"))
            return err_set(e, ERR_CONFIG, "Invalid Identity Pool credential_source field 'environment_id'");
        if (file + url + certificate > 1)
            return err_set(e, ERR_CONFIG,
                           "Ambiguous credential_source. 'file', 'url', and 'certificate' are mutually "
                           "exclusive.");
        x->subject = file ? &subject_file : url ? &subject_url : certificate ? &subject_certificate : NULL;
    }
    if (!x->subject)
        return err_set(e, ERR_CONFIG,
                       "Missing credential_source. A 'file', 'url', or 'certificate' must be provided.");
    return x->subject->load(c, x, source, e);
}

/* The element behind "projects/". */
static struct str number_in(struct str audience)
{
    struct str part = { NULL, 0 };

    while (str_cut(&audience, '/', &part))
        if (str_is(part, "projects") && str_cut(&audience, '/', &part))
            return part;
    return (struct str){ NULL, 0 };
}

static int load_workforce(struct credential *c, struct external *x, const struct jval *file, struct err *e)
{
    x->workforce_project = arena_str(c->a, jval_str(jval_get(file, "workforce_pool_user_project")));
    if (x->workforce_project.len &&
        !str_has_prefix(x->audience, STR("//iam.googleapis.com/locations/global/workforcePools/")))
        return err_set(e, ERR_CONFIG,
                       "workforce_pool_user_project should not be set for non-workforce pool credentials");
    c->project_number = number_in(x->audience);
    if (!c->project_number.len)
        c->project_number = x->workforce_project;
    return 0;
}

static int load_target(struct credential *c, const struct jval *file, struct err *e)
{
    struct str url = jval_str(jval_get(file, "service_account_impersonation_url"));
    const struct jval *lifetime = jval_path(file, "service_account_impersonation.token_lifetime_seconds");

    c->principal = ((struct external *)c->own)->audience;
    return url.len ? impersonation_load(c, url, NULL, jval_int(lifetime), e) : 0;
}

static int load(struct credential *c, const struct jval *file, struct err *e)
{
    struct external *x = arena_alloc(c->a, sizeof(*x));
    AUTO_STRBUF struct strbuf missing = STRBUF(256);
    struct str token_url = jval_str(jval_get(file, "token_url"));
    struct host_url where;

    c->own = x;
    x->audience = arena_str(c->a, jval_str(jval_get(file, "audience")));
    x->subject_token_type = arena_str(c->a, jval_str(jval_get(file, "subject_token_type")));
    x->client_id = arena_str(c->a, jval_str(jval_get(file, "client_id")));
    c->secret = file_secret(file, "client_secret");
    require(&missing, "audience", x->audience.len);
    require(&missing, "subject_token_type", x->subject_token_type.len);
    require(&missing, "token_url", token_url.len);
    require(&missing, "credential_source", jval_is(jval_get(file, "credential_source"), JVAL_OBJECT));
    if (missing.len)
        return err_set(e, ERR_CONFIG, "external_account: missing fields %s", strbuf_cstr(&missing));
    if (hosts_check(c->hosts, c->a, &(struct file_url){ HOST_TOKEN, "token_url", token_url }, &where, e))
        return -ERR_CONFIG;
    x->token_url = where.url;
    if (load_workforce(c, x, file, e) || load_target(c, file, e))
        return -ERR_CONFIG;
    return pick_source(c, x, jval_get(file, "credential_source"), e);
}

/* {"userProject": "999"}, percent-encoded once here and once more with the form. */
static void add_options(struct strbuf *form, const struct external *x)
{
    AUTO_STRBUF struct strbuf json = STRBUF(1024), encoded = STRBUF(4096);

    if (!x->workforce_project.len || x->client_id.len) /* the client id says it already */
        return;
    strbuf_addz(&json, "{\"userProject\": ");
    strbuf_add_json(&json, x->workforce_project);
    strbuf_addc(&json, '}');
    strbuf_add_url(&encoded, strbuf_str(&json));
    strbuf_add_form(form, "options", strbuf_str(&encoded));
}

static int exchange(struct credential *c, struct external *x, const struct secret *subject, struct token *ret,
                    struct err *e)
{
    AUTO_PTR(secret) none = secret_new(STR(""));
    struct strbuf form = STRBUF(MAX_FORM);
    struct http_request req = { .method = "POST",
                                .url = x->token_url,
                                .content_type = "application/x-www-form-urlencoded" };
    int r;

    strbuf_add_form(&form, "grant_type", STR(GRANT_TYPE));
    strbuf_add_form(&form, "audience", x->audience);
    strbuf_add_form(&form, "scope", str_of(c->target.url ? IAM_SCOPE : c->scope));
    strbuf_add_form(&form, "requested_token_type", STR(WANTED));
    strbuf_add_form(&form, "subject_token", secret_unwrap(subject));
    strbuf_add_form(&form, "subject_token_type", x->subject_token_type);
    add_options(&form, x);
    if (x->client_id.len)
        req.auth = (struct http_auth){ HTTP_AUTH_BASIC, x->client_id.ptr, c->secret ? c->secret : none };
    r = strbuf_check(&form, e);
    req.body = strbuf_str(&form);
    if (!r)
        r = token_request(c, &req, RETRY_NONE, ret, e);
    strbuf_wipe(&form);
    return r;
}

static int fetch(struct credential *c, struct token *ret, struct err *e)
{
    AUTO_PTR(secret) subject = NULL;
    struct external *x = c->own;
    struct token federated = { 0 };
    int r = x->subject->fetch(c, x, &subject, e);

    if (r)
        return err_wrap(e, "token from %s", c->source);
    if (!c->target.url)
        return exchange(c, x, subject, ret, e);
    r = exchange(c, x, subject, &federated, e);
    if (!r)
        r = impersonate(c, federated.value, ret, e);
    secret_free(federated.value);
    return r;
}

const struct credential_kind external_account_kind = { "external_account", load, fetch, done };
