/* google/credentials/sigv4.c: reference 4.8, steps 3 and 4. */
#include "google/credentials/sigv4.h"

#include <stdlib.h>

#include "base/crypto.h"
#include "base/jval.h"
#include "base/timefmt.h"

enum { DATE_SIZE = 17, MAX_PARAMETERS = 64, MAX_TEXT = 64 * 1024 };

void aws_keys_done(struct aws_keys *k)
{
    secret_free(k->secret_access_key);
    secret_free(k->session_token);
    k->secret_access_key = k->session_token = NULL;
}

/* "2026-01-02T03:04:05.678Z" without its punctuation and fraction. */
static void date_text(int64_t unix_ms, char *ret)
{
    char full[RFC3339_SIZE];
    size_t len = 0;

    rfc3339_format(unix_ms, full);
    for (const char *p = full; *p && *p != '.'; p++)
        if (*p != '-' && *p != ':')
            ret[len++] = *p;
    ret[len++] = 'Z';
    ret[len] = '\0';
}

struct parameter {
    struct str key, value;
};

static int compare(const void *left, const void *right)
{
    const struct parameter *a = left, *b = right;
    int order = str_cmp(a->key, b->key);

    return order ? order : str_cmp(a->value, b->value);
}

/* Sorted by name, then value. What comes from a credential file is encoded already. Empty ones are left out,
 * as google-auth does. */
static struct str canonical_query(struct arena *a, struct str query)
{
    AUTO_STRBUF struct strbuf b = STRBUF(MAX_TEXT);
    struct parameter list[MAX_PARAMETERS];
    struct str part = { NULL, 0 };
    size_t len = 0;

    while (len < MAX_PARAMETERS && str_cut(&query, '&', &part)) {
        struct str key = { NULL, 0 };

        if (str_cut(&part, '=', &key) && part.len)
            list[len++] = (struct parameter){ key, part };
    }
    qsort(list, len, sizeof(*list), compare);
    for (size_t i = 0; i < len; i++)
        strbuf_addf(&b, "%s%.*s=%.*s", i ? "&" : "", STR_ARG(list[i].key), STR_ARG(list[i].value));
    return arena_str(a, strbuf_str(&b));
}

static void sign_step(uint8_t key[32], struct str data)
{
    uint8_t next[32];

    hmac_sha256((struct str){ (const char *)key, 32 }, data, next);
    for (size_t i = 0; i < sizeof(next); i++)
        key[i] = next[i];
    mem_wipe(next, sizeof(next));
}

struct scope {
    struct str day, region, service;
};

/* The secret key, bound to its scope, signs @text. */
static void signature(const struct aws_keys *k, const struct scope *scope, struct str text, char ret[65])
{
    struct strbuf first = STRBUF(4096);
    uint8_t key[32];

    strbuf_addz(&first, "AWS4");
    strbuf_add(&first, secret_unwrap(k->secret_access_key));
    hmac_sha256(strbuf_str(&first), scope->day, key);
    strbuf_wipe(&first);
    sign_step(key, scope->region);
    sign_step(key, scope->service);
    sign_step(key, STR("aws4_request"));
    sign_step(key, text);
    hex_encode(key, sizeof(key), ret);
}

static void canonical_request(struct strbuf *b, struct arena *a, const struct sigv4_request *r,
                              const struct aws_keys *k, const char *date)
{
    uint8_t nothing[32];
    char nothing_hex[65];

    sha256(STR(""), nothing);
    hex_encode(nothing, sizeof(nothing), nothing_hex);
    strbuf_addf(b, "POST\n/\n%.*s\nhost:%.*s\nx-amz-date:%s\n", STR_ARG(canonical_query(a, r->query)),
                STR_ARG(r->host), date);
    if (k->session_token) {
        strbuf_addz(b, "x-amz-security-token:");
        strbuf_add(b, secret_unwrap(k->session_token));
        strbuf_addc(b, '\n');
    }
    strbuf_addf(b, "\nhost;x-amz-date%s\n%s", k->session_token ? ";x-amz-security-token" : "", nothing_hex);
}

/* "sts-fips.us-east-2..." is the service "sts". */
static struct str service_of(struct str host)
{
    struct str service = { NULL, 0 };

    if (!str_cut(&host, '.', &service))
        return STR("sts");
    return str_has_suffix(service, STR("-fips")) ? str_sub(service, 0, service.len - 5) : service;
}

struct str sigv4_authorization(struct arena *a, const struct sigv4_request *r, const struct aws_keys *k,
                               char *ret_date)
{
    struct strbuf canonical = STRBUF(MAX_TEXT);
    struct str service = service_of(r->host), day;
    uint8_t digest[32];
    char hex[65];
    const char *scope, *text;

    date_text(r->unix_ms, ret_date);
    day = (struct str){ ret_date, 8 };
    canonical_request(&canonical, a, r, k, ret_date);
    sha256(strbuf_str(&canonical), digest);
    strbuf_wipe(&canonical);
    hex_encode(digest, sizeof(digest), hex);
    scope =
        arena_printf(a, "%.*s/%.*s/%.*s/aws4_request", STR_ARG(day), STR_ARG(r->region), STR_ARG(service));
    text = arena_printf(a, "AWS4-HMAC-SHA256\n%s\n%s\n%s", ret_date, scope, hex);
    signature(k, &(struct scope){ day, r->region, service }, str_of(text), hex);
    return str_of(arena_printf(a,
                               "AWS4-HMAC-SHA256 Credential=%.*s/%s, SignedHeaders=host;x-amz-date%s, "
                               "Signature=%s",
                               STR_ARG(k->access_key_id), scope,
                               k->session_token ? ";x-amz-security-token" : "", hex));
}

static void add_header(struct strbuf *b, const char *key, struct str value)
{
    strbuf_addf(b, "%s{\"key\":\"%s\",\"value\":", b->ptr[b->len - 1] == '[' ? "" : ",", key);
    strbuf_add_json(b, value);
    strbuf_addc(b, '}');
}

/* As Python's quote(): a slash stays. */
static void add_quoted(struct strbuf *b, struct str s)
{
    struct str part = { NULL, 0 };

    for (bool first = true; str_cut(&s, '/', &part); first = false) {
        if (!first)
            strbuf_addc(b, '/');
        strbuf_add_url(b, part);
    }
}

struct secret *sigv4_subject_token(const struct sigv4_request *r, struct str url, const struct aws_keys *k,
                                   struct str audience)
{
    AUTO_PTR(arena) a = arena_new();
    struct strbuf json = STRBUF(MAX_TEXT), quoted = STRBUF(3 * MAX_TEXT);
    char date[DATE_SIZE];
    struct str authorization = sigv4_authorization(a, r, k, date);
    struct secret *made;

    strbuf_addz(&json, "{\"headers\":[");
    add_header(&json, "Authorization", authorization);
    add_header(&json, "host", r->host);
    add_header(&json, "x-amz-date", str_of(date));
    if (k->session_token)
        add_header(&json, "x-amz-security-token", secret_unwrap(k->session_token));
    add_header(&json, "x-goog-cloud-target-resource", audience); /* not signed, as google-auth sends it */
    strbuf_addz(&json, "],\"method\":\"POST\",\"url\":");
    strbuf_add_json(&json, url);
    strbuf_addc(&json, '}');
    add_quoted(&quoted, strbuf_str(&json));
    made = secret_new(strbuf_str(&quoted));
    strbuf_wipe(&json);
    strbuf_wipe(&quoted);
    return made;
}
