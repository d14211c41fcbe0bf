/*
 * google/bucket_link.c: addresses with a V4 signature (GOOG4-RSA-SHA256): the request in one way of writing
 * it, its digest in a text with date and scope, and that text signed.
 */
#include <stdio.h>
#include <time.h>

#include "base/crypto.h"
#include "google/bucket_internal.h"

enum { LINK_MAX_BYTES = 32 * 1024 };

struct signing {
    struct bucket *b;
    const struct bucket_link *l;
    char stamp[17]; /* 20060102T150405Z */
    struct str account;
    struct str host, path, query; /* as they are written in the address */
};

static void stamp_of(int64_t unix_ms, char ret[17])
{
    time_t t = (time_t)(unix_ms / 1000);
    struct tm tm;

    (void)gmtime_r(&t, &tm);
    (void)strftime(ret, 17, "%Y%m%dT%H%M%SZ", &tm);
}

/* Percent-encoded but for the slashes. */
static struct str path_of(struct arena *a, const struct bucket *b, struct str name)
{
    AUTO_STRBUF struct strbuf path = STRBUF(LINK_MAX_BYTES);
    struct str rest = str_of(arena_printf(a, "%s/%s%.*s", b->name, b->folder, STR_ARG(name)));
    struct str part = { NULL, 0 };

    while (str_cut(&rest, '/', &part)) {
        strbuf_addc(&path, '/');
        strbuf_add_url(&path, part);
    }
    return arena_str(a, strbuf_str(&path));
}

/* In the order of their names. */
static struct str query_of(struct arena *a, const struct signing *s)
{
    AUTO_STRBUF struct strbuf q = STRBUF(LINK_MAX_BYTES);

    strbuf_addz(&q, "X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=");
    strbuf_add_url(
        &q, str_of(arena_printf(a, "%.*s/%.8s/auto/storage/goog4_request", STR_ARG(s->account), s->stamp)));
    strbuf_addf(&q, "&X-Goog-Date=%s&X-Goog-Expires=%lld&X-Goog-SignedHeaders=%shost", s->stamp,
                (long long)s->l->lasts_s, s->l->md5.len ? "content-md5%3B" : "");
    if (s->l->save_as.len) {
        AUTO_STRBUF struct strbuf name = STRBUF(8192);

        strbuf_addz(&name, "attachment; filename*=UTF-8''");
        strbuf_add_url(&name, s->l->save_as);
        strbuf_addz(&q, "&response-content-disposition=");
        strbuf_add_url(&q, strbuf_str(&name));
    }
    return arena_str(a, strbuf_str(&q));
}

static struct str text_to_sign(struct arena *a, const struct signing *s)
{
    const char *md5 = s->l->md5.len ? arena_printf(a, "content-md5:%.*s\n", STR_ARG(s->l->md5)) : "";
    struct str request = str_of(arena_printf(a, "%s\n%.*s\n%.*s\n%shost:%.*s\n\n%shost\nUNSIGNED-PAYLOAD",
                                             s->l->method, STR_ARG(s->path), STR_ARG(s->query), md5,
                                             STR_ARG(s->host), s->l->md5.len ? "content-md5;" : ""));
    uint8_t digest[32];
    char hex[65];

    sha256(request, digest);
    hex_encode(digest, sizeof(digest), hex);
    return str_of(arena_printf(a, "GOOG4-RSA-SHA256\n%s\n%.8s/auto/storage/goog4_request\n%s", s->stamp,
                               s->stamp, hex));
}

static int address(struct arena *a, const struct signing *s, struct str base, struct str signature,
                   struct str *ret, struct err *e)
{
    AUTO_STRBUF struct strbuf url = STRBUF(LINK_MAX_BYTES);
    char *hex = arena_alloc(a, 2 * signature.len + 1);
    int rc;

    hex_encode((const uint8_t *)signature.ptr, signature.len, hex);
    strbuf_addf(&url, "%.*s%.*s?%.*s&X-Goog-Signature=%s", STR_ARG(base), STR_ARG(s->path), STR_ARG(s->query),
                hex);
    rc = strbuf_check(&url, e);
    if (rc == 0)
        *ret = arena_str(a, strbuf_str(&url));
    return rc;
}

int bucket_link(struct bucket *b, struct arena *a, const struct bucket_link *l, struct str *ret,
                struct err *e)
{
    AUTO_STRBUF struct strbuf base = STRBUF(1024);
    struct signing s = { .b = b, .l = l };
    struct str signature = { NULL, 0 };
    ptrdiff_t host;
    int rc = google_base(b->google, "storage", (struct str){ NULL, 0 }, &base, e);

    rc = rc < 0 ? rc : google_signer(b->google, a, &s.account, e);
    if (rc < 0)
        return rc;
    host = str_find(strbuf_str(&base), STR("://"));
    s.host = str_sub(strbuf_str(&base), host < 0 ? 0 : (size_t)host + 3, base.len);
    stamp_of(io_now_unix_ms(b->io), s.stamp);
    s.path = path_of(a, b, l->name);
    s.query = query_of(a, &s);
    rc = google_sign(b->google, a, text_to_sign(a, &s), &signature, e);
    return rc < 0 ? rc : address(a, &s, strbuf_str(&base), signature, ret, e);
}

bool bucket_links_are_cheap(struct bucket *b)
{
    return google_signs_itself(b->google);
}
