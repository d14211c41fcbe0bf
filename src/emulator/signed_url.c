/*
 * emulator/signed_url.c: Cloud Storage's XML API as far as addresses with a V4 signature need it:
 * /BUCKET/OBJECT with X-Goog-Signature, GET, HEAD and PUT. With --require-auth the signature must be right
 * and the account that signed must have the permission; the time counts always.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/crypto.h"
#include "emulator/accounts.h"
#include "emulator/storage.h"

enum { PARAMS_MAX = 32, CANONICAL_MAX = 64 * 1024, LASTS_MAX_S = 7 * 24 * 3600, EARLY_S = 15 * 60 };

static int xml_error(struct storage_call *c, int status, const char *code, const char *message)
{
    http_reply_text(c->x, status, "application/xml; charset=UTF-8",
                    str_of(arena_printf(c->a,
                                        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>%s</Code>"
                                        "<Message>%s</Message></Error>",
                                        code, message)));
    return -ERR_INVALID;
}

/* --- the signature --- */

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* The query in the order of its names, without the signature. */
static bool canonical_query(struct storage_call *c, struct strbuf *text)
{
    struct str rest = c->x->query, pair = { NULL, 0 }, list[PARAMS_MAX];
    size_t n = 0;

    while (str_cut(&rest, '&', &pair)) {
        if (n == PARAMS_MAX)
            return false;
        if (!str_has_prefix(pair, STR("X-Goog-Signature=")))
            list[n++] = pair;
    }
    if (n > 0)
        qsort(list, n, sizeof(*list), by_text);
    for (size_t i = 0; i < n; i++)
        strbuf_addf(text, "%s%.*s", i ? "&" : "", STR_ARG(list[i]));
    return true;
}

static void canonical_headers(struct storage_call *c, struct str names, struct strbuf *text)
{
    struct str rest = names, name = { NULL, 0 };

    while (str_cut(&rest, ';', &name)) {
        struct str value = http_header_get(c->x->headers, c->x->header_count, arena_cstr(c->a, name));

        strbuf_addf(text, "%.*s:%.*s\n", STR_ARG(name), STR_ARG(str_trim(value)));
    }
    strbuf_addf(text, "\n%.*s", STR_ARG(names));
}

static void canonical_path(struct storage_call *c, struct strbuf *text)
{
    struct str rest = str_sub(c->x->path, 1, c->x->path.len), part = { NULL, 0 };

    while (str_cut(&rest, '/', &part)) {
        strbuf_addc(text, '/');
        strbuf_add_url(text, part);
    }
}

/* What the signer signed; false: the request is too large. */
static bool signed_text(struct storage_call *c, struct str scope, struct str *ret)
{
    AUTO_STRBUF struct strbuf text = STRBUF(CANONICAL_MAX);
    struct str body = http_header_get(c->x->headers, c->x->header_count, "x-goog-content-sha256");
    uint8_t digest[32];
    char hex[65];

    strbuf_addf(&text, "%.*s\n", STR_ARG(c->x->method));
    canonical_path(c, &text);
    strbuf_addc(&text, '\n');
    if (!canonical_query(c, &text))
        return false;
    strbuf_addc(&text, '\n');
    canonical_headers(c, http_query_get(c->x, "X-Goog-SignedHeaders"), &text);
    strbuf_addc(&text, '\n');
    strbuf_add(&text, body.len ? body : STR("UNSIGNED-PAYLOAD"));
    if (strbuf_check(&text, NULL))
        return false;
    sha256(strbuf_str(&text), digest);
    hex_encode(digest, sizeof(digest), hex);
    *ret = str_of(arena_printf(c->a, "GOOG4-RSA-SHA256\n%.*s\n%.*s\n%s",
                               STR_ARG(http_query_get(c->x, "X-Goog-Date")), STR_ARG(scope), hex));
    return true;
}

static bool time_is_right(struct storage_call *c)
{
    const char *stamp = arena_cstr(c->a, http_query_get(c->x, "X-Goog-Date"));
    int64_t lasts_s = 0, now_s = io_now_unix_ms(c->m->io) / 1000, from_s;
    struct tm tm = { 0 };
    const char *end = stamp ? strptime(stamp, "%Y%m%dT%H%M%SZ", &tm) : NULL;

    if (!end || *end || !str_to_i64(http_query_get(c->x, "X-Goog-Expires"), &lasts_s) || lasts_s < 1 ||
        lasts_s > LASTS_MAX_S)
        return false;
    from_s = (int64_t)timegm(&tm);
    return now_s >= from_s - EARLY_S && now_s < from_s + lasts_s;
}

/* Who signed, as a policy names them. */
static int check_signature(struct storage_call *c, struct grant *ret)
{
    struct str credential = http_query_get(c->x, "X-Goog-Credential"), scope = credential,
               account = { NULL, 0 };
    struct account_signature s = { 0 };
    struct str hex = http_query_get(c->x, "X-Goog-Signature");
    uint8_t *bytes = arena_alloc(c->a, hex.len / 2 + 1);

    if (!time_is_right(c))
        return xml_error(c, 400, "ExpiredToken", "The provided token has expired.");
    if (!str_cut(&scope, '/', &account) || !str_has_suffix(scope, STR("/storage/goog4_request")))
        return xml_error(c, 400, "AuthorizationQueryParametersError", "The credential is malformed.");
    s.email = account;
    s.signature = (struct str){ (const char *)bytes, hex.len / 2 };
    if (c->m->require_auth &&
        (!signed_text(c, scope, &s.data) || !hex_decode(hex, bytes) || !account_signed(c->m, c->a, &s)))
        return xml_error(c, 403, "SignatureDoesNotMatch", "Access denied.");
    *ret = (struct grant){ .member = c->m->require_auth
                                         ? str_of(arena_printf(c->a, "serviceAccount:%.*s", STR_ARG(account)))
                                         : STR(MEMBER_ADMIN) };
    return 0;
}

/* --- what is asked --- */

static int check_md5(struct storage_call *c)
{
    struct str promised = http_header_get(c->x->headers, c->x->header_count, "Content-MD5");
    AUTO_STRBUF struct strbuf is = STRBUF(64);
    uint8_t digest[16];

    if (!promised.len)
        return 0;
    md5(c->x->body, digest);
    strbuf_add_base64(&is, (struct str){ (const char *)digest, sizeof(digest) });
    return str_eq(strbuf_str(&is), promised)
               ? 0
               : xml_error(c, 400, "BadDigest",
                           "The Content-MD5 you specified did not match what we received.");
}

static void put(struct storage_call *c)
{
    const struct object_data d = { .name = c->object,
                                   .content_type =
                                       http_header_get(c->x->headers, c->x->header_count, "Content-Type"),
                                   .bytes = c->x->body };
    struct jval *v = NULL;

    if (check_md5(c))
        return;
    if (object_store(c, &d, &v))
        xml_error(c, 500, "InternalError", "The object could not be stored.");
    else
        http_reply_text(c->x, 200, "text/plain", STR(""));
}

static void get(struct storage_call *c)
{
    struct str save_as = http_query_get(c->x, "response-content-disposition");

    if (save_as.len)
        http_reply_header(c->x, "Content-Disposition", save_as);
    if (object_download(c))
        xml_error(c, 404, "NoSuchKey", "The specified key does not exist.");
}

void serve_signed(struct storage_call *c)
{
    bool writes = str_is(c->x->method, "PUT"),
         reads = str_is(c->x->method, "GET") || str_is(c->x->method, "HEAD");
    const char *permission = writes ? "storage.objects.create" : "storage.objects.get";
    struct jval *bucket = NULL;
    struct grant who = { 0 };

    if (!writes && !reads) {
        xml_error(c, 405, "MethodNotAllowed", "The specified method is not allowed against this resource.");
        return;
    }
    if (check_signature(c, &who))
        return;
    if (storage_bucket(c, &bucket))
        xml_error(c, 404, "NoSuchBucket", "The specified bucket does not exist.");
    else if (!access_permits(c->m, &who, storage_name(c), permission))
        xml_error(c, 403, "AccessDenied",
                  arena_printf(c->a, "%.*s does not have %s access to the Google Cloud Storage object.",
                               STR_ARG(who.member), permission));
    else if (writes)
        put(c);
    else
        get(c);
}
