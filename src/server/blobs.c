/*
 * server/blobs.c: bytes of artifacts, kept by what they are: DATA/objects/ab/cdef... for the SHA-256
 * abcdef... No name that a client gives meets the disk. Uploads and downloads go to signed addresses, as
 * clients send no Authorization to storage (protocol reference 1.2).
 */
#include <string.h>

#include "base/ascii.h"
#include "base/crypto.h"
#include "base/log.h"
#include "io/file.h"
#include "server/server_internal.h"

enum {
    UPLOAD_FOR_MS = 24 * 60 * 60 * 1000,
    DOWNLOAD_FOR_MS = 60 * 60 * 1000,
    SHA_LEN = 64,
    FILE_MAX_BYTES = 64 << 20,
};

static bool sha_is_well_formed(struct str sha256)
{
    for (size_t i = 0; i < sha256.len; i++)
        if (!ascii_is_digit(sha256.ptr[i]) && (sha256.ptr[i] < 'a' || sha256.ptr[i] > 'f'))
            return false;
    return sha256.len == SHA_LEN;
}

/* @folder: only the folder it lies in. */
static int blob_path(struct server *s, struct strbuf *b, struct str sha256, bool folder, struct err *e)
{
    if (!sha_is_well_formed(sha256))
        return err_set(e, ERR_INVALID, "'%.*s' is no SHA-256", STR_ARG(str_sub(sha256, 0, 80)));
    strbuf_addf(b, "%s/objects/%.2s", s->data_dir, sha256.ptr);
    if (!folder)
        strbuf_addf(b, "/%.*s", SHA_LEN - 2, sha256.ptr + 2);
    return strbuf_check(b, e);
}

/* --- keeping --- */

struct sums {
    struct str data;
    uint8_t md5[16], sha256[32];
};

static void sum(void *arg)
{
    struct sums *m = arg;

    md5(m->data, m->md5);
    sha256(m->data, m->sha256);
}

static int blob_write(struct server *s, struct str sha256, struct str data, struct err *e)
{
    AUTO_STRBUF struct strbuf folder = STRBUF(4096), path = STRBUF(4096);
    int rc = blob_path(s, &folder, sha256, true, e);

    if (rc == 0)
        rc = blob_path(s, &path, sha256, false, e);
    if (rc < 0 || file_exists(s->io, strbuf_cstr(&path)))
        return rc;
    rc = file_mkdirs(s->io, strbuf_cstr(&folder), e);
    return rc < 0 ? rc : file_write(s->io, strbuf_cstr(&path), data, 0600, e);
}

/* -ERR_INVALID: the bytes are not those that were promised. */
static int upload_keep(struct server *s, struct http_exchange *x, const struct store_artifact_file *f,
                       struct err *e)
{
    struct sums sums = { .data = x->body };
    char md5_hex[33], sha_hex[SHA_LEN + 1];
    const struct store_blob blob = { .sha256 = { sha_hex, SHA_LEN }, .size_bytes = (int64_t)x->body.len };
    int rc = io_work(s->io, sum, &sums, e);

    if (rc < 0)
        return rc;
    hex_encode(sums.md5, sizeof(sums.md5), md5_hex);
    hex_encode(sums.sha256, sizeof(sums.sha256), sha_hex);
    if (!str_is(f->md5, md5_hex))
        return err_set(e, ERR_INVALID, "the MD5 of '%.*s' is %s, but %.*s was promised", STR_ARG(f->name),
                       md5_hex, STR_ARG(f->md5));
    rc = blob_write(s, blob.sha256, x->body, e);
    return rc < 0 ? rc : store_artifact_file_arrived(s->store, f->id, f->md5, &blob, e);
}

int blob_read(struct server *s, struct arena *a, struct str sha256, struct str *ret, struct err *e)
{
    AUTO_STRBUF struct strbuf path = STRBUF(4096);
    int rc = blob_path(s, &path, sha256, false, e);

    return rc < 0 ? rc : file_read(s->io, a, strbuf_cstr(&path), FILE_MAX_BYTES, ret, e);
}

/* --- signed addresses: /storage/KIND/SUBJECT/EXPIRES-MS/SIGNATURE/NAME --- */

struct address {
    const char *method, *kind;
    struct str subject, name;
    int64_t expires_ms;
};

static const char upload_kind[] = "artifact-files", download_kind[] = "objects";

static void address_sign(struct server *s, struct arena *a, const struct address *d, char ret[65])
{
    files_sign(s,
               str_of(arena_printf(a, "%s\n%s/%.*s/%lld\n%.*s", d->method, d->kind, STR_ARG(d->subject),
                                   (long long)d->expires_ms, STR_ARG(d->name))),
               ret);
}

static struct str address_url(struct server *s, struct http_exchange *x, const struct address *d)
{
    AUTO_STRBUF struct strbuf url = STRBUF(16384);
    char signature[65];

    address_sign(s, x->a, d, signature);
    strbuf_addf(&url, "%.*s/storage/%s/%.*s/%lld/%s/", STR_ARG(public_base(s, x)), d->kind,
                STR_ARG(d->subject), (long long)d->expires_ms, signature);
    strbuf_add_url(&url, d->name);
    return arena_str(x->a, strbuf_str(&url));
}

/* The last part of a path: all that people see of it in an address. */
static struct str base_name(struct str path)
{
    struct str part = path;

    while (str_cut(&path, '/', &part)) {
    }
    return part;
}

struct str blob_upload_url(struct server *s, struct http_exchange *x, int64_t file_id, struct str name)
{
    const struct address d = { .method = "PUT",
                               .kind = upload_kind,
                               .subject = str_of(arena_printf(x->a, "%lld", (long long)file_id)),
                               .name = base_name(name),
                               .expires_ms = io_now_unix_ms(s->io) + UPLOAD_FOR_MS };

    return address_url(s, x, &d);
}

struct str blob_download_url(struct server *s, struct http_exchange *x, struct str sha256, struct str name)
{
    const struct address d = { .method = "GET",
                               .kind = download_kind,
                               .subject = sha256,
                               .name = base_name(name),
                               .expires_ms = io_now_unix_ms(s->io) + DOWNLOAD_FOR_MS };

    return address_url(s, x, &d);
}

/* Makes the reply when it is not. */
static bool address_parse(struct server *s, struct http_exchange *x, struct str rest, struct address *d)
{
    struct str expires = { 0 }, signature = { 0 };
    char wanted[65];

    if (!str_cut(&rest, '/', &d->subject) || !str_cut(&rest, '/', &expires) ||
        !str_cut(&rest, '/', &signature) || !str_to_i64(expires, &d->expires_ms)) {
        reply_error(x, 404, "this is not an address of this server's storage");
        return false;
    }
    d->name = rest;
    address_sign(s, x->a, d, wanted);
    if (secret_text_eq(signature, str_of(wanted)) && d->expires_ms >= io_now_unix_ms(s->io))
        return true;
    reply_error(x, 403, "this address is wrong or has expired: ask the API for a new one");
    return false;
}

static void upload_handle(struct server *s, struct http_exchange *x, struct str rest)
{
    struct address d = { .method = "PUT", .kind = upload_kind };
    struct store_artifact_file file = { 0 };
    struct err e = { 0 };
    int64_t id = 0;
    int rc;

    if (!str_is(x->method, "PUT")) {
        http_reply_header(x, "Allow", STR("PUT"));
        reply_error(x, 405, "files are uploaded with PUT");
        return;
    }
    if (!address_parse(s, x, rest, &d))
        return;
    rc = str_to_i64(d.subject, &id) ? store_artifact_file_by_id(s->store, x->a, id, &file, &e)
                                    : err_set(&e, ERR_NOT_FOUND, "there is no such file");
    if (rc == 0)
        rc = upload_keep(s, x, &file, &e);
    if (rc < 0) {
        if (http_status_of(e.code) >= 500)
            LOG_ERROR("artifact.file_not_stored", "file=%lld error=\"%s\"", (long long)id, e.msg);
        reply_error(x, http_status_of(e.code), "%s", e.msg);
        return;
    }
    http_reply_text(x, 200, "text/plain", STR(""));
}

static void blob_reply(struct server *s, struct http_exchange *x, struct str sha256)
{
    struct str data = { 0 };
    struct err e = { 0 };

    if (blob_read(s, x->a, sha256, &data, &e) == 0) {
        http_reply_text(x, 200, "application/octet-stream", data);
        return;
    }
    LOG_ERROR("artifact.file_not_read", "sha256=%.*s error=\"%s\"", STR_ARG(sha256), e.msg);
    reply_error(x, http_status_of(e.code), "the file could not be read");
}

void blobs_storage_handle(struct server *s, struct http_exchange *x)
{
    struct address d = { .method = "GET", .kind = download_kind };
    struct str rest = str_sub(x->path, strlen("/storage/"), x->path.len), kind = { 0 };

    if (!str_cut(&rest, '/', &kind) || (!str_is(kind, upload_kind) && !str_is(kind, download_kind)))
        reply_error(x, 404, "this is not an address of this server's storage");
    else if (str_is(kind, upload_kind))
        upload_handle(s, x, rest);
    else if (!str_is(x->method, "GET"))
        reply_error(x, 405, "files are downloaded with GET");
    else if (address_parse(s, x, rest, &d))
        blob_reply(s, x, d.subject);
}

/* --- /artifactsV2/REGION/ENTITY/PROJECT/COLLECTION/[ARTIFACT/]BIRTH-ARTIFACT/MD5/NAME,
 *     /artifacts/ENTITY/MD5: with a key --- */

enum { PARTS_MAX = 8 };

static size_t split(struct str rest, struct str part[PARTS_MAX])
{
    size_t n = 0;

    while (n < PARTS_MAX && str_cut(&rest, '/', &part[n]))
        n++;
    return rest.len > 0 ? 0 : n;
}

static int layout2_find(struct http_exchange *x, const struct access *q, struct store_blob *ret,
                        struct err *e)
{
    struct str part[PARTS_MAX] = { { 0 } };
    size_t n = split(str_sub(x->path, strlen("/artifactsV2/"), x->path.len), part);
    struct store_artifact artifact = { 0 };
    int rc;

    if (n < PARTS_MAX - 1)
        return err_set(e, ERR_NOT_FOUND, "this is not an address of an artifact's file");
    rc = store_artifact_by_uid(q->store, x->a, part[n - 3], &artifact, e);
    if (rc == 0)
        rc = access_entity_id(q, artifact.entity_id, "this artifact", e);
    if (rc == -ERR_NOT_FOUND)
        return err_set(e, ERR_NOT_FOUND, "the file does not exist, or you are not a member of its entity");
    return rc < 0 ? rc : store_artifact_blob(q->store, x->a, artifact.id, part[n - 2], ret, e);
}

static int layout1_find(struct http_exchange *x, const struct access *q, struct store_blob *ret,
                        struct err *e)
{
    struct str part[PARTS_MAX] = { { 0 } };
    struct store_entity entity = { 0 };
    int rc;

    if (split(str_sub(x->path, strlen("/artifacts/"), x->path.len), part) != 2)
        return err_set(e, ERR_NOT_FOUND, "this is not an address of an artifact's file");
    rc = access_entity(q, part[0], &entity, e);
    return rc < 0 ? rc : store_entity_blob(q->store, x->a, entity.id, part[1], ret, e);
}

void blobs_layout_handle(struct server *s, struct http_exchange *x)
{
    struct store_user user = { 0 };
    const struct access q = { .store = s->store, .a = x->a, .user = &user, .act = "read" };
    struct store_blob blob = { 0 };
    struct err e = { 0 };
    int rc;

    if (!str_is(x->method, "GET")) {
        http_reply_header(x, "Allow", STR("GET"));
        reply_error(x, 405, "files are downloaded with GET");
        return;
    }
    if (!auth_check(s, x, &user))
        return;
    rc = str_has_prefix(x->path, STR("/artifactsV2/")) ? layout2_find(x, &q, &blob, &e)
                                                       : layout1_find(x, &q, &blob, &e);
    if (rc < 0)
        reply_error(x, http_status_of(e.code), "%s", e.msg);
    else
        blob_reply(s, x, blob.sha256);
}
