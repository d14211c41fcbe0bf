/*
 * server/blob_routes.c: addresses of artifacts' bytes. Uploads and downloads go to signed ones, as clients
 * send no Authorization to storage (protocol reference 1.2); the storage layouts' own paths take a key.
 */
#include <string.h>

#include "base/crypto.h"
#include "base/log.h"
#include "server/blobs.h"

enum { UPLOAD_FOR_MS = 24 * 60 * 60 * 1000, DOWNLOAD_FOR_MS = 60 * 60 * 1000 };

/* --- signed addresses: /storage/KIND/SUBJECT/EXPIRES-MS/SIGNATURE/NAME --- */

struct address {
    const char *method, *kind;
    struct str subject, name;
    int64_t expires_ms;
};

static const char upload_kind[] = "artifact-files", part_kind[] = "artifact-parts",
                  download_kind[] = "objects";

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

struct str base_name(struct str path)
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
                               .expires_ms = server_wall_unix_ms(s) + UPLOAD_FOR_MS };

    return address_url(s, x, &d);
}

struct str blob_download_url(struct server *s, struct http_exchange *x, struct str sha256, struct str name)
{
    const struct address d = { .method = "GET",
                               .kind = download_kind,
                               .subject = sha256,
                               .name = base_name(name),
                               .expires_ms = server_wall_unix_ms(s) + DOWNLOAD_FOR_MS };

    return address_url(s, x, &d);
}

enum address_is { ADDRESS_GOOD, ADDRESS_NONE, ADDRESS_WRONG };

/* @rest is what follows the kind; @d has the method and the kind. */
static enum address_is address_parse(struct server *s, struct arena *a, struct str rest, struct address *d)
{
    struct str expires = { 0 }, signature = { 0 };
    char wanted[65];

    if (!str_cut(&rest, '/', &d->subject) || !str_cut(&rest, '/', &expires) ||
        !str_cut(&rest, '/', &signature) || !str_to_i64(expires, &d->expires_ms))
        return ADDRESS_NONE;
    d->name = rest;
    address_sign(s, a, d, wanted);
    return secret_text_eq(signature, str_of(wanted)) && d->expires_ms >= server_wall_unix_ms(s)
               ? ADDRESS_GOOD
               : ADDRESS_WRONG;
}

/* Makes the reply when it is not good. */
static bool address_check(struct server *s, struct http_exchange *x, struct str rest, struct address *d)
{
    switch (address_parse(s, x->a, rest, d)) {
    case ADDRESS_GOOD:
        return true;
    case ADDRESS_NONE:
        reply_error(x, 404, "this is not an address of this server's storage");
        return false;
    case ADDRESS_WRONG:
        break;
    }
    reply_error(x, 403, "this address is wrong or has expired: ask the API for a new one");
    return false;
}

/* The kind of upload that a path is for; NULL: none. *ret_rest is what follows. */
static const char *upload_kind_of(struct str path, struct str *ret_rest)
{
    static const char *const kinds[] = { upload_kind, part_kind };
    struct str rest = str_sub(path, strlen("/storage/"), path.len), kind = { 0 };

    if (!str_has_prefix(path, STR("/storage/")) || !str_cut(&rest, '/', &kind))
        return NULL;
    *ret_rest = rest;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_is(kind, kinds[i]))
            return kinds[i];
    return NULL;
}

bool server_admits(void *ctx, struct str method, struct str path)
{
    AUTO_PTR(arena) a = arena_new();
    struct address d = { .method = "PUT" };
    struct str rest = { 0 };

    d.kind = upload_kind_of(path, &rest);
    return str_is(method, "PUT") && d.kind && address_parse(ctx, a, rest, &d) == ADDRESS_GOOD;
}

struct str blob_part_url(struct server *s, struct http_exchange *x, int64_t file_id,
                         const struct upload_part *part)
{
    const struct address d = { .method = "PUT",
                               .kind = part_kind,
                               .subject = upload_part_subject(x->a, file_id, part),
                               .name = STR("part"),
                               .expires_ms = server_wall_unix_ms(s) + UPLOAD_FOR_MS };

    return address_url(s, x, &d);
}

static int upload_file(struct server *s, struct http_exchange *x, struct str subject, struct err *e)
{
    struct store_artifact_file file = { 0 };
    int64_t id = 0;
    int rc = str_to_i64(subject, &id) ? store_artifact_file_by_id(s->store, x->a, id, &file, e)
                                      : err_set(e, ERR_NOT_FOUND, "there is no such file");

    return rc < 0 ? rc : blob_take_file(s, x, &file, e);
}

static void upload_handle(struct server *s, struct http_exchange *x, const char *kind, struct str rest)
{
    struct address d = { .method = "PUT", .kind = kind };
    struct err e = { 0 };
    int rc;

    if (!str_is(x->method, "PUT")) {
        http_reply_header(x, "Allow", STR("PUT"));
        reply_error(x, 405, "files are uploaded with PUT");
        return;
    }
    if (!address_check(s, x, rest, &d))
        return;
    rc = kind == part_kind ? blob_take_part(s, x, d.subject, &e) : upload_file(s, x, d.subject, &e);
    if (rc < 0) {
        reply_failure(x, &e, NULL);
        return;
    }
    http_reply_text(x, 200, "text/plain", STR(""));
}

static void blob_reply(struct server *s, struct http_exchange *x, struct str sha256, struct str name)
{
    struct err e = { 0 };

    if (depot_reply(&s->depot, x, &(struct depot_item){ .sha256 = sha256 }, name, &e) == 0)
        return;
    LOG_ERROR("artifact.file_not_read", "sha256=%.*s error=\"%s\"", STR_ARG(sha256), e.msg);
    reply_error(x, http_status_of(e.code), "the file could not be read");
}

void blobs_storage_handle(struct server *s, struct http_exchange *x)
{
    struct address d = { .method = "GET", .kind = download_kind };
    struct str rest = { 0 };
    const char *kind = upload_kind_of(x->path, &rest);

    if (kind)
        upload_handle(s, x, kind, rest);
    else if (!str_has_prefix(x->path, STR("/storage/objects/")))
        reply_error(x, 404, "this is not an address of this server's storage");
    else if (!str_is(x->method, "GET"))
        reply_error(x, 405, "files are downloaded with GET");
    else if (address_check(s, x, rest, &d))
        blob_reply(s, x, d.subject, d.name);
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
        reply_failure(x, &e, NULL);
    else
        blob_reply(s, x, blob.sha256, (struct str){ 0 });
}
