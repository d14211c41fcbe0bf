/*
 * emulator/aws.c: as much of Amazon as a workload identity pool needs: the metadata service of an EC2 machine
 * (IMDSv2), and STS's check of a signed GetCallerIdentity (vertex-and-google-auth.md 4.8).
 *
 * Kind in the store: "aws_role", by the role's name: {"role", "account", "accessKeyId", "secretAccessKey",
 * "token"}. The machine's role is the first by name.
 */
#include "base/crypto.h"
#include "base/timefmt.h"
#include "emulator/access.h"
#include "emulator/sts.h"

enum { SIGNATURE_LIFE_MS = 15 * 60 * 1000, MAX_HEADERS = 16, MAX_TEXT = 64 * 1024 };

static const char zone[] = "us-east-2b";
static const char session[] = "slipway-emulator-imds-session";

/* --- the metadata service
 * ------------------------------------------------------------------------------------ */

static bool machine_role(struct emulator *m, struct arena *a, struct jval **ret)
{
    struct resource_scan scan = { .kind = "aws_role", .prefix = STR(""), .max = 1 };
    struct resource_list all = { 0 };

    if (store_list_resources(m->db, a, &scan, &all, NULL) || all.len == 0)
        return false;
    *ret = all.bodies[0];
    return true;
}

static void text(struct http_exchange *x, int status, struct str body)
{
    http_reply_text(x, status, "text/plain", body);
}

static void role_keys(struct http_exchange *x, const struct jval *role)
{
    struct jval *v = jval_new_object(x->a);

    jval_set_cstr(x->a, v, "Code", "Success");
    jval_set_cstr(x->a, v, "Type", "AWS-HMAC");
    jval_set(x->a, v, "AccessKeyId", jval_get(role, "accessKeyId"));
    jval_set(x->a, v, "SecretAccessKey", jval_get(role, "secretAccessKey"));
    jval_set(x->a, v, "Token", jval_get(role, "token"));
    json_reply(x, v);
}

bool serve_aws_metadata(struct emulator *m, struct http_exchange *x)
{
    static const char credentials[] = "/latest/meta-data/iam/security-credentials";
    struct str path = x->path;
    struct jval *role = NULL;
    bool has = machine_role(m, x->a, &role);

    if (!str_has_prefix(path, STR("/latest/")))
        return false;
    if (str_is(path, "/latest/api/token") && str_is(x->method, "PUT"))
        text(x, 200, str_of(session));
    else if (!str_is(http_header_get(x->headers, x->header_count, "X-aws-ec2-metadata-token"), session))
        text(x, 401, STR("401 - Unauthorized"));
    else if (str_is(path, "/latest/meta-data/placement/availability-zone"))
        text(x, 200, str_of(zone));
    else if (has && str_is(path, credentials))
        text(x, 200, jval_str(jval_get(role, "role")));
    else if (has && str_is(path, arena_printf(x->a, "%s/%.*s", credentials,
                                              STR_ARG(jval_str(jval_get(role, "role"))))))
        role_keys(x, role);
    else
        text(x, 404, STR("404 - Not Found"));
    return true;
}

/* --- the check
 * ------------------------------------------------------------------------------------------------ */

/* The request as the subject token carries it. */
struct signed_request {
    const struct jval *headers;
    struct str authorization, access_key, day, region, names, signature;
};

static struct str header(const struct signed_request *s, struct str name)
{
    for (size_t i = 0; i < jval_len(s->headers) && i < MAX_HEADERS; i++)
        if (str_eq_nocase(jval_str(jval_get(jval_at(s->headers, i), "key")), name))
            return jval_str(jval_get(jval_at(s->headers, i), "value"));
    return (struct str){ NULL, 0 };
}

static struct str after(struct str text_in, const char *mark, char end)
{
    ptrdiff_t at = str_find(text_in, str_of(mark));
    struct str rest =
        at < 0 ? (struct str){ NULL, 0 } : str_sub(text_in, (size_t)at + str_of(mark).len, text_in.len);
    struct str part = { NULL, 0 };

    (void)str_cut(&rest, end, &part); /* absent stays absent */
    return part;
}

static bool read_request(struct arena *a, struct str token, struct signed_request *ret)
{
    struct http_exchange decode = { .a = a, .query = str_of(arena_printf(a, "t=%.*s", STR_ARG(token))) };
    struct str scope, part = { NULL, 0 };
    struct jval *v = NULL;

    if (jval_from_json(a, http_query_get(&decode, "t"), "subject token", NULL, &v, NULL) ||
        !str_is(jval_str(jval_get(v, "method")), "POST"))
        return false;
    ret->headers = jval_get(v, "headers");
    ret->authorization = header(ret, STR("Authorization"));
    scope = after(ret->authorization, "Credential=", ',');
    ret->names = after(ret->authorization, "SignedHeaders=", ',');
    ret->signature = after(ret->authorization, "Signature=", ',');
    if (!str_has_prefix(ret->authorization, STR("AWS4-HMAC-SHA256 ")) ||
        !str_cut(&scope, '/', &ret->access_key) || !str_cut(&scope, '/', &ret->day) ||
        !str_cut(&scope, '/', &ret->region) || !str_is(scope, "sts/aws4_request"))
        return false;
    part =
        str_of(arena_printf(a, "https://sts.%.*s.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
                            STR_ARG(ret->region)));
    return str_eq(jval_str(jval_get(v, "url")), part);
}

static void canonical_request(const struct signed_request *s, struct strbuf *b)
{
    struct str rest = s->names, name = { NULL, 0 };
    uint8_t nothing[32];
    char hex[65];

    strbuf_addz(b, "POST\n/\nAction=GetCallerIdentity&Version=2011-06-15\n");
    while (str_cut(&rest, ';', &name))
        strbuf_addf(b, "%.*s:%.*s\n", STR_ARG(name), STR_ARG(str_trim(header(s, name))));
    sha256(STR(""), nothing);
    hex_encode(nothing, sizeof(nothing), hex);
    strbuf_addf(b, "\n%.*s\n%s", STR_ARG(s->names), hex);
}

static void chain(uint8_t key[32], struct str data)
{
    uint8_t next[32];

    hmac_sha256((struct str){ (const char *)key, 32 }, data, next);
    for (size_t i = 0; i < sizeof(next); i++)
        key[i] = next[i];
}

static bool signature_fits(const struct signed_request *s, struct str date, struct str secret_key)
{
    AUTO_STRBUF struct strbuf request = STRBUF(MAX_TEXT), string = STRBUF(4096), first = STRBUF(4096);
    uint8_t key[32];
    char hex[65];

    canonical_request(s, &request);
    sha256(strbuf_str(&request), key);
    hex_encode(key, sizeof(key), hex);
    strbuf_addf(&string, "AWS4-HMAC-SHA256\n%.*s\n%.*s/%.*s/sts/aws4_request\n%s", STR_ARG(date),
                STR_ARG(s->day), STR_ARG(s->region), hex);
    strbuf_addf(&first, "AWS4%.*s", STR_ARG(secret_key));
    hmac_sha256(strbuf_str(&first), s->day, key);
    chain(key, s->region);
    chain(key, STR("sts"));
    chain(key, STR("aws4_request"));
    chain(key, strbuf_str(&string));
    hex_encode(key, sizeof(key), hex);
    return secret_text_eq(str_of(hex), s->signature);
}

/* "20260102T030405Z" */
static bool date_is_now(struct emulator *m, struct arena *a, struct str d)
{
    int64_t ms = 0, off;

    if (d.len != 16 ||
        !rfc3339_parse(str_of(arena_printf(a, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", d.ptr, d.ptr + 4, d.ptr + 6,
                                           d.ptr + 9, d.ptr + 11, d.ptr + 13)),
                       &ms))
        return false;
    off = io_now_unix_ms(m->io) - ms;
    return off < SIGNATURE_LIFE_MS && off > -SIGNATURE_LIFE_MS;
}

static const struct jval *role_with_key(struct emulator *m, struct arena *a, struct str access_key)
{
    struct resource_scan scan = { .kind = "aws_role", .prefix = STR("") };
    struct resource_list all = { 0 };

    if (store_list_resources(m->db, a, &scan, &all, NULL))
        return NULL;
    for (size_t i = 0; i < all.len; i++)
        if (str_eq(jval_str(jval_get(all.bodies[i], "accessKeyId")), access_key))
            return all.bodies[i];
    return NULL;
}

int aws_check(struct emulator *m, struct arena *a, struct str token, struct str audience, struct jval **ret,
              struct err *e)
{
    struct signed_request s = { 0 };
    const struct jval *role;
    struct str date;

    if (!read_request(a, token, &s))
        return err_set(e, ERR_INVALID, "Invalid AWS request: it is not a signed GetCallerIdentity.");
    date = header(&s, STR("x-amz-date"));
    role = role_with_key(m, a, s.access_key);
    if (!str_eq(header(&s, STR("x-goog-cloud-target-resource")), audience))
        return err_set(e, ERR_INVALID,
                       "The AWS request is not for this provider: x-goog-cloud-target-resource "
                       "does not match the audience.");
    if (!date_is_now(m, a, date))
        return err_set(e, ERR_INVALID,
                       "Received a non-successful response from AWS: Signature expired: the date "
                       "of the request is more than 15 minutes from now.");
    if (!role || !str_eq(header(&s, STR("x-amz-security-token")), jval_str(jval_get(role, "token"))))
        return err_set(e, ERR_INVALID,
                       "Received a non-successful response from AWS: InvalidClientTokenId: The "
                       "security token included in the request is invalid.");
    if (!signature_fits(&s, date, jval_str(jval_get(role, "secretAccessKey"))))
        return err_set(e, ERR_INVALID,
                       "Received a non-successful response from AWS: SignatureDoesNotMatch: The "
                       "request signature we calculated does not match the signature you "
                       "provided.");
    *ret = jval_new_object(a);
    jval_set(a, *ret, "account", jval_get(role, "account"));
    jval_set_cstr(a, *ret, "arn",
                  arena_printf(a, "arn:aws:sts::%.*s:assumed-role/%.*s/i-0123456789",
                               STR_ARG(jval_str(jval_get(role, "account"))),
                               STR_ARG(jval_str(jval_get(role, "role")))));
    return 0;
}
