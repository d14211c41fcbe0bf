/* server/depot.c: one place after the other: the folder first, the bucket when there is one. */
#include "server/depot.h"

#include "base/crypto.h"
#include "base/log.h"
#include "io/file.h"
#include "server/places.h"

enum { LINK_LASTS_S = 60 * 60, UPLOAD_LASTS_S = 24 * 60 * 60, UNSIGNED_FOR_MS = 5 * 60 * 1000 };

/* --- names --- */

/* Below the data folder, or (@base "") as an object's name. */
static int place_of(struct strbuf *b, const char *base, const struct depot_item *t, bool folder,
                    struct err *e)
{
    if (t->sha256.ptr)
        return place_of_blob(b, base, t->sha256, folder, e);
    return place_of_run_file(b, base, t->run_id, folder ? (struct str){ 0 } : t->name, e);
}

static int object_of(struct strbuf *b, const struct depot_item *t, struct str *ret, struct err *e)
{
    int rc = place_of(b, "", t, false, e);

    *ret = str_sub(strbuf_str(b), 1, b->len);
    return rc;
}

/* Where it is: the name of an object with a bucket, else a path. In @b. */
static int find(const struct depot *d, struct strbuf *b, const struct depot_item *t, struct str *ret,
                struct err *e)
{
    int rc;

    if (d->bucket)
        return object_of(b, t, ret, e);
    rc = place_of(b, d->data_dir, t, false, e);
    *ret = strbuf_str(b);
    return rc;
}

int depot_spool(const struct depot *d, struct strbuf *path, struct err *e)
{
    char name[17];

    io_random_id(d->io, name, sizeof(name) - 1);
    strbuf_addf(path, "%s/%s", d->spool_dir, name);
    return strbuf_check(path, e);
}

void depot_drop(const struct depot *d, const char *path)
{
    struct err e = { 0 };

    if (file_remove(d->io, path, &e) < 0 && e.code != ERR_CANCELLED)
        LOG_WARNING("spool.file_not_removed", "error=\"%s\"", e.msg);
}

/* Of Cloud Storage's failures clients learn that the server failed; the words are for its log. */
static int ours(int rc, bool absence_counts, struct err *e)
{
    if (rc == 0 || rc == -ERR_CANCELLED || rc == -ERR_LIMIT || (rc == -ERR_NOT_FOUND && absence_counts))
        return rc;
    if (e)
        e->code = ERR_REMOTE;
    return -ERR_REMOTE;
}

/* --- keeping --- */

static int keep_in_folder(const struct depot *d, const struct depot_item *t, const char *spooled,
                          struct err *e)
{
    AUTO_STRBUF struct strbuf folder = STRBUF(4096), path = STRBUF(4096);
    int rc = place_of(&folder, d->data_dir, t, true, e);

    rc = rc < 0 ? rc : place_of(&path, d->data_dir, t, false, e);
    rc = rc < 0 ? rc : file_mkdirs(d->io, strbuf_cstr(&folder), e);
    return rc < 0 ? rc : bulk_keep(d->io, spooled, strbuf_cstr(&path), e);
}

int depot_keep(const struct depot *d, const struct depot_item *t, const char *spooled,
               const struct bulk_sums *sums, struct err *e)
{
    AUTO_STRBUF struct strbuf name = STRBUF(4096);
    struct str object = { 0 };
    int rc;

    if (!d->bucket)
        return keep_in_folder(d, t, spooled, e);
    rc = object_of(&name, t, &object, e);
    rc = rc < 0 ? rc : ours(bucket_put(d->bucket, object, spooled, sums, e), false, e);
    if (rc == 0)
        depot_drop(d, spooled);
    return rc;
}

int depot_has(const struct depot *d, const struct depot_item *t, bool *ret, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    AUTO_STRBUF struct strbuf text = STRBUF(4096);
    struct bucket_object o = { { 0 }, 0, 0 };
    struct str at = { 0 };
    int rc = find(d, &text, t, &at, e);

    if (rc < 0)
        return rc;
    if (!d->bucket) {
        *ret = file_exists(d->io, at.ptr);
        return 0;
    }
    rc = ours(bucket_stat(d->bucket, a, at, &o, e), true, e);
    *ret = rc == 0;
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}

int depot_read(const struct depot *d, struct arena *a, const struct depot_item *t, size_t max_bytes,
               struct str *ret, struct err *e)
{
    AUTO_STRBUF struct strbuf text = STRBUF(4096);
    struct str at = { 0 };
    int rc = find(d, &text, t, &at, e);

    if (rc < 0)
        return rc;
    return d->bucket ? ours(bucket_read(d->bucket, a, at, max_bytes, ret, e), true, e)
                     : file_read(d->io, a, at.ptr, max_bytes, ret, e);
}

int depot_remove(const struct depot *d, const struct depot_item *t, struct err *e)
{
    AUTO_STRBUF struct strbuf text = STRBUF(4096);
    struct str at = { 0 };
    int rc = find(d, &text, t, &at, e);

    if (rc < 0)
        return rc;
    return d->bucket ? ours(bucket_delete(d->bucket, at, e), false, e) : file_remove(d->io, at.ptr, e);
}

/* --- replying --- */

/* By way of the spool, where it has no name any more when the reply begins. */
static int reply_through_us(const struct depot *d, struct http_exchange *x, struct str object, struct err *e)
{
    AUTO_STRBUF struct strbuf path = STRBUF(4096);
    struct bulk_sums sums = { 0 };
    int rc = depot_spool(d, &path, e);

    rc = rc < 0 ? rc : ours(bucket_get(d->bucket, object, strbuf_cstr(&path), &sums, e), true, e);
    if (rc < 0)
        return rc;
    rc = http_reply_file(x, strbuf_cstr(&path), "application/octet-stream", e);
    depot_drop(d, strbuf_cstr(&path));
    return rc;
}

/* Who cannot sign is not asked again at once. -ERR_CONFIG: no links. */
static int link_of(struct depot *d, struct arena *a, const struct bucket_link *l, struct str *ret,
                   struct err *e)
{
    struct err why = { 0 };

    if (!d->bucket || !d->links || io_now_ms(d->io) < d->links_from_ms)
        return err_set(e, ERR_CONFIG, "no addresses of a bucket are given");
    if (bucket_link(d->bucket, a, l, ret, &why) == 0)
        return 0;
    LOG_WARNING("files.not_signed", "bucket=%s advice=\"files go through the server meanwhile\" error=\"%s\"",
                bucket_url(d->bucket), why.msg);
    d->links_from_ms = io_now_ms(d->io) + UNSIGNED_FOR_MS;
    return err_set(e, ERR_CONFIG, "%s", why.msg);
}

/* Does it make the reply? */
static bool reply_by_link(struct depot *d, struct http_exchange *x, struct str object, struct str save_as)
{
    const struct bucket_link l = {
        .method = "GET", .name = object, .lasts_s = LINK_LASTS_S, .save_as = save_as
    };
    struct str url = { 0 };

    if (link_of(d, x->a, &l, &url, NULL) < 0)
        return false;
    http_reply_header(x, "Location", url);
    http_reply_header(x, "Cache-Control", STR("no-store"));
    http_reply_text(x, 302, "text/plain", STR(""));
    return true;
}

int depot_reply(struct depot *d, struct http_exchange *x, const struct depot_item *t, struct str save_as,
                struct err *e)
{
    AUTO_STRBUF struct strbuf text = STRBUF(4096);
    struct str at = { 0 };
    int rc = find(d, &text, t, &at, e);

    if (rc < 0)
        return rc;
    if (!d->bucket)
        return http_reply_file(x, at.ptr, "application/octet-stream", e);
    return reply_by_link(d, x, at, save_as) ? 0 : reply_through_us(d, x, at, e);
}

/* --- past us --- */

void depot_direct_sha256(int64_t entity_id, struct str md5_hex, char ret[65])
{
    AUTO_STRBUF struct strbuf text = STRBUF(256);
    uint8_t digest[32];

    strbuf_addf(&text, "entity %lld md5 %.*s", (long long)entity_id, STR_ARG(md5_hex));
    sha256(strbuf_str(&text), digest);
    hex_encode(digest, sizeof(digest), ret);
}

int depot_direct_url(struct depot *d, struct arena *a, const struct depot_item *t, struct str md5_base64,
                     struct str *ret, struct err *e)
{
    AUTO_STRBUF struct strbuf name = STRBUF(4096);
    struct bucket_link l = { .method = "PUT", .lasts_s = UPLOAD_LASTS_S, .md5 = md5_base64 };
    int rc = object_of(&name, t, &l.name, e);

    return rc < 0 ? rc : link_of(d, a, &l, ret, e);
}

int depot_direct_look(const struct depot *d, struct arena *a, const struct depot_item *t,
                      struct bucket_object *ret, struct err *e)
{
    AUTO_STRBUF struct strbuf name = STRBUF(4096);
    struct str object = { 0 };
    int rc = object_of(&name, t, &object, e);

    return rc < 0 ? rc : ours(bucket_stat(d->bucket, a, object, ret, e), true, e);
}
