/* google/credentials/subject_aws.c: an Amazon identity: keys from the environment or the instance's metadata
 * service, and a signed request that Google replays (reference 4.8). */
#include "google/credentials/external.h"
#include "google/credentials/sigv4.h"

enum { IMDS_TIMEOUT_MS = 3000, MAX_VALUE = 16384 };

struct own {
    struct host_url region, keys, session; /* url NULL: not given */
    struct str verification;               /* with {region} */
};

static int load_url(struct credential *c, const struct jval *source, const char *key, struct host_url *ret,
                    struct err *e)
{
    struct str url = jval_str(jval_get(source, key));

    if (!url.len)
        return 0;
    return hosts_check(c->hosts, c->a, &(struct file_url){ HOST_SUBJECT, key, url }, ret, e);
}

/* "aws1" */
static int check_environment(const struct jval *source, struct err *e)
{
    struct str id = jval_str(jval_get(source, "environment_id"));
    int64_t version = 0;

    if (!str_has_prefix(id, STR("aws")) || !str_to_i64(str_sub(id, 3, id.len), &version))
        return err_set(e, ERR_CONFIG, "No valid AWS 'credential_source' provided");
    if (version != 1)
        return err_set(e, ERR_CONFIG, "aws version '%lld' is not supported in the current build.",
                       (long long)version);
    return 0;
}

static const char *in_region(struct arena *a, struct str template, struct str region)
{
    ptrdiff_t at = str_find(template, STR("{region}"));

    if (at < 0)
        return arena_cstr(a, template);
    return arena_printf(a, "%.*s%.*s%.*s", (int)at, template.ptr, STR_ARG(region),
                        STR_ARG(str_sub(template, (size_t)at + 8, template.len)));
}

static int load(struct credential *c, struct external *x, const struct jval *source, struct err *e)
{
    struct own *own = arena_alloc(c->a, sizeof(*own));
    struct host_url where;

    x->own = own;
    own->verification = arena_str(c->a, jval_str(jval_get(source, "regional_cred_verification_url")));
    if (check_environment(source, e) || load_url(c, source, "region_url", &own->region, e) ||
        load_url(c, source, "url", &own->keys, e) ||
        load_url(c, source, "imdsv2_session_token_url", &own->session, e))
        return -ERR_CONFIG;
    if (!own->verification.len)
        return err_set(e, ERR_CONFIG, "No valid AWS 'credential_source' provided");
    return hosts_check(c->hosts, c->a,
                       &(struct file_url){ HOST_AWS, "regional_cred_verification_url",
                                           str_of(in_region(c->a, own->verification, STR("us-east-1"))) },
                       &where, e);
}

/* --- the instance's metadata service --- */

struct imds {
    struct credential *c;
    struct arena *a;
    struct secret *session; /* NULL: version 1 */
};

struct question {
    const char *method;
    struct http_header header; /* without a name: none */
    const char *what;          /* for messages */
};

static int ask(struct imds *m, const struct host_url *where, const struct question *q, struct str *ret,
               struct err *e)
{
    const struct http_request req = { .method = q->method,
                                      .url = where->url,
                                      .headers = &q->header,
                                      .header_count = q->header.name.len ? 1 : 0,
                                      .timeout_ms = IMDS_TIMEOUT_MS,
                                      .allow_plain = where->plain };
    struct http_reply reply = { 0 };

    if (credential_send(m->c, m->a, &req, RETRY_NONE, &reply, e))
        return err_wrap(e, "Unable to retrieve AWS %s", q->what);
    if (reply.status != 200)
        return err_set_http(e, reply.status, "Unable to retrieve AWS %s: %.*s (HTTP %d)", q->what,
                            STR_ARG(str_sub(reply.body, 0, 200)), reply.status);
    *ret = str_trim(reply.body);
    return 0;
}

static int get(struct imds *m, const struct host_url *where, struct str *ret, const char *what, struct err *e)
{
    struct question q = { .method = "GET", .what = what };

    if (m->session)
        q.header = (struct http_header){ STR("X-aws-ec2-metadata-token"), secret_unwrap(m->session) };
    return ask(m, where, &q, ret, e);
}

static int open_session(struct imds *m, const struct own *own, struct err *e)
{
    const struct question q = { "PUT",
                                { STR("X-aws-ec2-metadata-token-ttl-seconds"), STR("300") },
                                "Session Token" };
    struct str token = { NULL, 0 };
    int r;

    if (!own->session.url || m->session)
        return 0;
    r = ask(m, &own->session, &q, &token, e);
    if (r)
        return r;
    m->session = secret_new(token);
    mem_wipe((char *)(uintptr_t)token.ptr, token.len);
    return 0;
}

static bool is_region(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!((s.ptr[i] >= 'a' && s.ptr[i] <= 'z') || (s.ptr[i] >= '0' && s.ptr[i] <= '9') ||
              s.ptr[i] == '-'))
            return false;
    return s.len > 0 && s.len < 64; /* it becomes part of a host name */
}

static int find_region(struct imds *m, const struct own *own, struct str *ret, struct err *e)
{
    const char *given = io_env_text(m->c->io, "AWS_REGION");
    struct str zone = { NULL, 0 };

    if (!given)
        given = io_env_text(m->c->io, "AWS_DEFAULT_REGION");
    zone = str_of(given);
    if (!given) {
        if (!own->region.url)
            return err_set(e, ERR_AUTH, "Unable to determine AWS region");
        if (open_session(m, own, e) || get(m, &own->region, &zone, "region", e))
            return e ? -(int)e->code : -ERR_AUTH;
        zone = str_sub(zone, 0, zone.len ? zone.len - 1 : 0); /* us-east-2b is in us-east-2 */
    }
    if (!is_region(zone))
        return err_set(e, ERR_AUTH, "Unable to determine AWS region: \"%.*s\" is none", STR_ARG(zone));
    *ret = zone;
    return 0;
}

static bool keys_of_environment(struct imds *m, struct aws_keys *ret)
{
    const char *id = io_env_text(m->c->io, "AWS_ACCESS_KEY_ID");
    const char *key = io_env_text(m->c->io, "AWS_SECRET_ACCESS_KEY");
    const char *session = io_env_text(m->c->io, "AWS_SESSION_TOKEN");

    if (!id || !key)
        return false;
    *ret = (struct aws_keys){ .access_key_id = str_of(id),
                              .secret_access_key = secret_new(str_of(key)),
                              .session_token = session ? secret_new(str_of(session)) : NULL };
    return true;
}

static int keys_of_instance(struct imds *m, const struct own *own, struct aws_keys *ret, struct err *e)
{
    struct host_url where = own->keys;
    struct str role = { NULL, 0 }, text = { NULL, 0 };
    struct jval *v = NULL;

    if (!own->keys.url)
        return err_set(e, ERR_AUTH,
                       "Unable to determine the AWS metadata server security credentials endpoint");
    if (open_session(m, own, e) || get(m, &own->keys, &role, "role name", e))
        return e ? -(int)e->code : -ERR_AUTH;
    where.url = arena_printf(m->a, "%s/%.*s", own->keys.url, STR_ARG(role));
    if (!url_split(str_of(where.url), &(struct url_parts){ 0 }))
        return err_set(e, ERR_PROTO, "Unable to retrieve AWS role name: the answer is not one");
    if (get(m, &where, &text, "security credentials", e))
        return e ? -(int)e->code : -ERR_AUTH;
    if (jval_from_json(m->a, text, "answer", NULL, &v, NULL))
        return err_set(e, ERR_PROTO, "Unable to retrieve AWS security credentials: the answer is not JSON");
    mem_wipe((char *)(uintptr_t)text.ptr, text.len);
    *ret = (struct aws_keys){ .access_key_id = jval_str(jval_get(v, "AccessKeyId")),
                              .secret_access_key = file_secret(v, "SecretAccessKey"),
                              .session_token = file_secret(v, "Token") };
    if (ret->access_key_id.len && ret->secret_access_key)
        return 0;
    aws_keys_done(ret);
    return err_set(e, ERR_PROTO,
                   "Unable to retrieve AWS security credentials: the answer has no AccessKeyId or no "
                   "SecretAccessKey");
}

static int sign(struct imds *m, const struct external *x, struct str region, const struct aws_keys *keys,
                struct secret **ret, struct err *e)
{
    const struct own *own = x->own;
    const char *url = in_region(m->a, own->verification, region);
    struct url_parts p;
    struct sigv4_request r = { .region = region, .unix_ms = io_now_unix_ms(m->c->io) };

    if (!url_split(str_of(url), &p) || !p.tls)
        return err_set(e, ERR_CONFIG, "Invalid AWS service URL %s", url);
    r.host = p.authority;
    r.query = str_sub(p.target, (size_t)(str_find(p.target, STR("?")) + 1), p.target.len);
    *ret = sigv4_subject_token(&r, str_of(url), keys, x->audience);
    return 0;
}

static int fetch(struct credential *c, struct external *x, struct secret **ret, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct imds m = { .c = c, .a = a };
    struct aws_keys keys = { 0 };
    struct str region = { NULL, 0 };
    int r = find_region(&m, x->own, &region, e);

    if (!r && !keys_of_environment(&m, &keys))
        r = keys_of_instance(&m, x->own, &keys, e);
    if (!r)
        r = sign(&m, x, region, &keys, ret, e);
    aws_keys_done(&keys);
    secret_free(m.session);
    return r;
}

const struct subject_source subject_aws = { "aws", load, fetch, NULL };
