/* google/bucket.c: objects of a bucket: one request after the other, in pieces. */
#include "google/bucket.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "google/bucket_internal.h"
#include "io/file.h"

enum { FIRST_PAUSE_MS = 500, PIECE_TIMEOUT_MS = 120000, PATH_MAX_BYTES = 16 * 1024, MD5_LEN = 16 };

static bool is_bucket_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.", name.ptr[i]))
            return false;
    return name.len >= 3 && name.len <= 222;
}

int bucket_new(struct io *io, struct google *g, const char *url, struct bucket **ret, struct err *e)
{
    struct str rest = str_of(url), name = { NULL, 0 };
    struct bucket *b;

    if (str_has_prefix(rest, STR("gs://")))
        rest = str_sub(rest, 5, rest.len);
    else
        rest = (struct str){ NULL, 0 };
    if (!str_cut(&rest, '/', &name) || !is_bucket_name(name) || rest.len > BUCKET_FOLDER_MAX)
        return err_set(e, ERR_CONFIG,
                       "'%s' is no bucket of Cloud Storage: write gs://BUCKET or gs://BUCKET/FOLDER", url);
    while (str_has_suffix(rest, STR("/")))
        rest = str_sub(rest, 0, rest.len - 1);
    b = xcalloc(1, sizeof(*b));
    b->io = io;
    b->google = g;
    b->a = arena_new();
    b->name = arena_cstr(b->a, name);
    b->folder = arena_printf(b->a, "%.*s%s", STR_ARG(rest), rest.len ? "/" : "");
    b->url = arena_printf(b->a, "gs://%s%s%.*s", b->name, rest.len ? "/" : "", STR_ARG(rest));
    *ret = b;
    return 0;
}

void bucket_free(struct bucket *b)
{
    if (!b)
        return;
    arena_free(b->a);
    free(b);
}

const char *bucket_url(const struct bucket *b)
{
    return b->url;
}

/* --- requests --- */

/* Is it worth another try? Then the pause is over. */
static bool again(struct bucket *b, int *tries, const struct err *e)
{
    int64_t pause = e->retry_after_ms ? (int64_t)e->retry_after_ms : FIRST_PAUSE_MS << *tries;

    if (!err_is_transient(e) || ++*tries >= BUCKET_TRIES)
        return false;
    return io_sleep(b->io, pause + (int64_t)(io_random_unit(b->io) * FIRST_PAUSE_MS), NULL) == 0;
}

static int send(struct bucket *b, struct arena *a, const struct google_request *req, struct http_reply *ret,
                struct err *e)
{
    struct err mine = { 0 }, *why = e ? e : &mine;
    int tries = 0, rc;

    do
        rc = google_send(b->google, a, req, ret, why);
    while (rc < 0 && again(b, &tries, why));
    return rc < 0 ? err_wrap(why, "%s", b->url) : 0;
}

static int send_for_json(struct bucket *b, struct arena *a, const struct google_request *req,
                         const struct jval **ret, struct err *e)
{
    struct http_reply reply = { 0 };
    struct jval *v = NULL;
    int rc = send(b, a, req, &reply, e);

    if (rc < 0)
        return rc;
    if (reply.status > 299 || jval_from_json(a, reply.body, "the answer", NULL, &v, NULL) < 0)
        return err_set(e, ERR_PROTO, "%s: %s: the answer (HTTP %d) is no object's", b->url, req->method,
                       reply.status);
    *ret = v;
    return 0;
}

/* "/storage/v1/b/BUCKET/o/FOLDER%2FNAME" */
static const char *object_path(struct bucket *b, struct arena *a, struct str name, const char *query)
{
    AUTO_STRBUF struct strbuf path = STRBUF(PATH_MAX_BYTES);

    strbuf_addf(&path, "/storage/v1/b/%s/o/", b->name);
    strbuf_add_url(&path, str_of(b->folder));
    strbuf_add_url(&path, name);
    strbuf_addz(&path, query);
    return arena_cstr(a, strbuf_str(&path));
}

static const char *upload_path(struct bucket *b, struct arena *a, struct str name, const char *kind)
{
    AUTO_STRBUF struct strbuf path = STRBUF(PATH_MAX_BYTES);

    strbuf_addf(&path, "/upload/storage/v1/b/%s/o?uploadType=%s&name=", b->name, kind);
    strbuf_add_url(&path, str_of(b->folder));
    strbuf_add_url(&path, name);
    return arena_cstr(a, strbuf_str(&path));
}

/* --- what is there --- */

static int object_read(struct bucket *b, struct arena *a, const struct jval *v, struct bucket_object *ret,
                       struct err *e)
{
    struct bucket_object o = { { NULL, 0 }, 0, 0 };
    struct str raw = { NULL, 0 };
    char hex[2 * MD5_LEN + 1];

    if (!str_to_i64(jval_str(jval_get(v, "size")), &o.bytes) ||
        !str_to_i64(jval_str(jval_get(v, "generation")), &o.generation))
        return err_set(e, ERR_PROTO, "%s: an object without size or generation", b->url);
    if (base64_decode(a, jval_str(jval_get(v, "md5Hash")), &raw, NULL) == 0 && raw.len == MD5_LEN) {
        hex_encode((const uint8_t *)raw.ptr, MD5_LEN, hex);
        o.md5 = arena_str(a, str_of(hex));
    }
    *ret = o;
    return 0;
}

static bool sums_fit(const struct bucket_object *o, const struct bulk_sums *sums)
{
    char hex[2 * MD5_LEN + 1];

    hex_encode(sums->md5, MD5_LEN, hex);
    return o->bytes == (int64_t)sums->bytes && (!o->md5.ptr || str_is(o->md5, hex));
}

int bucket_stat(struct bucket *b, struct arena *a, struct str name, struct bucket_object *ret, struct err *e)
{
    const struct google_request req = { .service = "storage",
                                        .method = "GET",
                                        .path = object_path(b, a, name, "") };
    const struct jval *v = NULL;
    int rc = send_for_json(b, a, &req, &v, e);

    return rc < 0 ? rc : object_read(b, a, v, ret, e);
}

int bucket_check(struct bucket *b, struct err *e)
{
    static const char *const needed[] = { "storage.objects.create", "storage.objects.delete",
                                          "storage.objects.get" };
    AUTO_PTR(arena) a = arena_new();
    AUTO_STRBUF struct strbuf missing = STRBUF(256);
    const struct google_request req = {
        .service = "storage",
        .method = "GET",
        .path = arena_printf(
            a, "/storage/v1/b/%s/iam/testPermissions?permissions=%s&permissions=%s&permissions=%s", b->name,
            needed[0], needed[1], needed[2])
    };
    const struct jval *v = NULL, *granted;
    int rc = send_for_json(b, a, &req, &v, e);

    if (rc < 0)
        return rc;
    granted = jval_get(v, "permissions");
    for (size_t i = 0; i < ARRAY_LEN(needed); i++)
        if (!jval_has_text(granted, str_of(needed[i])))
            strbuf_addf(&missing, "%s%s", missing.len ? ", " : "", needed[i]);
    return missing.len == 0
               ? 0
               : err_set(e, ERR_DENIED, "%s: no %s: grant roles/storage.objectUser on the bucket", b->url,
                         strbuf_cstr(&missing));
}

/* --- up --- */

struct upload {
    struct bucket *b;
    struct str name;
    const char *path;
    int64_t bytes;
};

static int put_whole(const struct upload *u, struct arena *a, const struct jval **ret, struct err *e)
{
    struct google_request req = { .service = "storage",
                                  .method = "POST",
                                  .path = upload_path(u->b, a, u->name, "media"),
                                  .content_type = "application/octet-stream",
                                  .timeout_ms = PIECE_TIMEOUT_MS };
    int rc = bulk_piece(u->b->io, a, u->path, &(struct bulk_range){ 0, BUCKET_PIECE_BYTES }, &req.body, e);

    return rc < 0 ? rc : send_for_json(u->b, a, &req, ret, e);
}

/* The session's address, as a path: our token goes to the host that we know, whatever host it names. */
static int session_begin(const struct upload *u, struct arena *a, const char **ret, struct err *e)
{
    const struct http_header size = { STR("X-Upload-Content-Length"),
                                      str_of(arena_printf(a, "%lld", (long long)u->bytes)) };
    const struct google_request req = { .service = "storage",
                                        .method = "POST",
                                        .path = upload_path(u->b, a, u->name, "resumable"),
                                        .body = STR("{}"),
                                        .headers = &size,
                                        .header_count = 1 };
    struct http_reply reply = { 0 };
    struct str id;
    ptrdiff_t at;
    int rc = send(u->b, a, &req, &reply, e);

    if (rc < 0)
        return rc;
    id = http_header_get(reply.headers, reply.header_count, "Location");
    at = str_find(id, STR("upload_id="));
    if (at < 0)
        return err_set(e, ERR_PROTO, "%s: an upload was begun, and has no address", u->b->url);
    id = str_sub(id, (size_t)at + 10, id.len);
    at = str_find(id, STR("&"));
    *ret = arena_printf(a, "/upload/storage/v1/b/%s/o?uploadType=resumable&upload_id=%.*s", u->b->name,
                        STR_ARG(at < 0 ? id : str_sub(id, 0, (size_t)at)));
    return 0;
}

/* What Cloud Storage has of the object after a piece: "bytes=0-N", or nothing. */
static int64_t arrived(const struct http_reply *reply)
{
    struct str range = http_header_get(reply->headers, reply->header_count, "Range");
    int64_t last = -1;

    if (str_has_prefix(range, STR("bytes=0-")) && !str_to_i64(str_sub(range, 8, range.len), &last))
        last = -1;
    return last + 1;
}

struct session {
    struct arena *a; /* outlives it */
    const char *path;
    int64_t at;              /* what has come */
    bool asks;               /* it is not known what has come */
    const struct jval *made; /* the object; NULL: not whole */
};

static int piece_of(const struct upload *u, const struct session *s, struct arena *a, struct str *ret_body,
                    struct str *ret_range, struct err *e)
{
    int rc;

    if (s->asks) {
        *ret_range = str_of(arena_printf(a, "bytes */%lld", (long long)u->bytes));
        return 0;
    }
    rc = bulk_piece(u->b->io, a, u->path, &(struct bulk_range){ (uint64_t)s->at, BUCKET_PIECE_BYTES },
                    ret_body, e);
    *ret_range = str_of(arena_printf(a, "bytes %lld-%lld/%lld", (long long)s->at,
                                     (long long)s->at + (long long)ret_body->len - 1, (long long)u->bytes));
    return rc;
}

/* The next piece, or the question what is there. */
static int piece_send(const struct upload *u, struct session *s, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct http_header range = { STR("Content-Range"), { NULL, 0 } };
    struct google_request req = { .service = "storage",
                                  .method = "PUT",
                                  .path = s->path,
                                  .content_type = "application/octet-stream",
                                  .headers = &range,
                                  .header_count = 1,
                                  .timeout_ms = PIECE_TIMEOUT_MS };
    struct http_reply reply = { 0 };
    struct jval *v = NULL;
    int64_t before = s->at;
    int rc = piece_of(u, s, a, &req.body, &range.value, e);

    rc = rc < 0 ? rc : google_send(u->b->google, a, &req, &reply, e);
    if (rc < 0)
        return rc;
    if (reply.status == 308) {
        s->at = arrived(&reply);
        return s->asks || s->at > before ? 0 : err_set(e, ERR_REMOTE, "a piece did not arrive");
    }
    rc = jval_from_json(s->a, reply.body, "the answer", NULL, &v, e);
    s->made = v;
    return rc;
}

/* After a failure it is asked what came. */
static int put_in_pieces(const struct upload *u, struct arena *a, const struct jval **ret, struct err *e)
{
    struct err mine = { 0 }, *why = e ? e : &mine;
    struct session s = { .a = a };
    int tries = 0, rc = session_begin(u, a, &s.path, why);

    while (rc == 0 && !s.made) {
        rc = piece_send(u, &s, why);
        if (rc == 0 && !s.asks)
            tries = 0;
        s.asks = rc < 0;
        if (rc < 0 && again(u->b, &tries, why))
            rc = 0;
    }
    *ret = s.made;
    return rc < 0 ? err_wrap(why, "%s", u->b->url) : 0;
}

int bucket_put(struct bucket *b, struct str name, const char *path, const struct bulk_sums *sums,
               struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    const struct upload u = { b, name, path, (int64_t)sums->bytes };
    struct bucket_object made = { { NULL, 0 }, 0, 0 };
    const struct jval *v = NULL;
    int rc = u.bytes <= BUCKET_PIECE_BYTES ? put_whole(&u, a, &v, e) : put_in_pieces(&u, a, &v, e);

    rc = rc < 0 ? rc : object_read(b, a, v, &made, e);
    if (rc < 0)
        return rc;
    if (sums_fit(&made, sums))
        return 0;
    (void)!bucket_delete(b, name, NULL);
    return err_set(e, ERR_REMOTE, "%s: what arrived is not what was sent", b->url);
}

/* --- down --- */

struct download {
    struct bucket *b;
    struct str name;
    const char *path;
    struct bucket_object o;
};

static int get_piece(const struct download *d, int64_t from, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    int64_t left = d->o.bytes - from, len = left > BUCKET_PIECE_BYTES ? BUCKET_PIECE_BYTES : left;
    const struct http_header range = {
        STR("Range"), str_of(arena_printf(a, "bytes=%lld-%lld", (long long)from, (long long)(from + len - 1)))
    };
    const char *query = arena_printf(a, "?alt=media&generation=%lld", (long long)d->o.generation);
    const struct google_request req = { .service = "storage",
                                        .method = "GET",
                                        .path = object_path(d->b, a, d->name, query),
                                        .headers = &range,
                                        .header_count = 1,
                                        .max_reply_bytes = BUCKET_PIECE_BYTES + 4096,
                                        .timeout_ms = PIECE_TIMEOUT_MS };
    struct http_reply reply = { 0 };
    int rc = send(d->b, a, &req, &reply, e);

    if (rc == 0 && (int64_t)reply.body.len != len)
        rc = err_set(e, ERR_PROTO, "%s: %lld bytes were asked for, and %zu came", d->b->url, (long long)len,
                     reply.body.len);
    return rc < 0 ? rc : bulk_append(d->b->io, d->path, reply.body, e);
}

int bucket_get(struct bucket *b, struct str name, const char *path, struct bulk_sums *ret, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct download d = { b, name, path, { { NULL, 0 }, 0, 0 } };
    struct bulk_sums sums = { 0 };
    int rc = bucket_stat(b, a, name, &d.o, e);

    rc = rc < 0 ? rc : bulk_write(b->io, path, STR(""), &sums, e);
    for (int64_t at = 0; rc == 0 && at < d.o.bytes; at += BUCKET_PIECE_BYTES)
        rc = get_piece(&d, at, e);
    rc = rc < 0 ? rc : bulk_sum(b->io, path, &sums, e);
    if (rc == 0 && !sums_fit(&d.o, &sums))
        rc = err_set(e, ERR_REMOTE, "%s: what came is not what Cloud Storage has", b->url);
    if (rc == 0)
        *ret = sums;
    else
        (void)!file_remove(b->io, path, NULL); /* the first failure is the one to tell */
    return rc;
}

int bucket_read(struct bucket *b, struct arena *a, struct str name, size_t max_bytes, struct str *ret,
                struct err *e)
{
    const struct google_request req = { .service = "storage",
                                        .method = "GET",
                                        .path = object_path(b, a, name, "?alt=media"),
                                        .max_reply_bytes = max_bytes,
                                        .timeout_ms = PIECE_TIMEOUT_MS };
    struct http_reply reply = { 0 };
    int rc = send(b, a, &req, &reply, e);

    if (rc == 0)
        *ret = reply.body;
    return rc;
}

int bucket_delete(struct bucket *b, struct str name, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    const struct google_request req = { .service = "storage",
                                        .method = "DELETE",
                                        .path = object_path(b, a, name, "") };
    struct http_reply reply = { 0 };
    int rc = send(b, a, &req, &reply, e);

    return rc == -ERR_NOT_FOUND ? 0 : rc;
}
