/*
 * server/blobs.c: bytes of artifacts, kept by what they are: objects/ab/cdef... for the SHA-256 abcdef... No
 * name that a client gives meets the disk. What comes lies in DATA/spool until it is checked.
 */

#include "server/blobs.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/bulk.h"
#include "io/file.h"
#include "server/manifest.h"

enum { SHA_LEN = 64, LEFT_OVER_S = 2 * 24 * 60 * 60 };

/* --- keeping --- */

/* Several servers may share the folder: what is young may be another's. */
static int folder_open(struct server *s, struct strbuf *path, const char *name, struct err *e)
{
    int rc;

    strbuf_addf(path, "%s/%s", s->data_dir, name);
    rc = strbuf_check(path, e);
    if (rc == 0)
        rc = file_mkdirs(s->io, strbuf_cstr(path), e);
    return rc < 0 ? rc : bulk_clear(s->io, strbuf_cstr(path), LEFT_OVER_S, e);
}

int blobs_open(struct server *s, struct err *e)
{
    AUTO_STRBUF struct strbuf spool = STRBUF(4096), uploads = STRBUF(4096);
    int rc = folder_open(s, &spool, "spool", e);

    if (rc == 0)
        rc = folder_open(s, &uploads, "uploads", e);
    if (rc == 0)
        s->spool_dir = xstrdup(strbuf_cstr(&spool));
    s->depot = (struct depot){ .io = s->io, .data_dir = s->data_dir, .spool_dir = s->spool_dir };
    return rc;
}

const char *server_spool_dir(const struct server *s)
{
    return s->spool_dir;
}

/* The body of a request as a file with its digests; from memory or not. */
int server_body_take(struct server *s, struct http_exchange *x, struct strbuf *path, struct bulk_sums *ret,
                     struct err *e)
{
    int rc;

    if (x->body_path) {
        strbuf_addz(path, x->body_path);
        rc = strbuf_check(path, e);
        return rc < 0 ? rc : bulk_sum(s->io, strbuf_cstr(path), ret, e);
    }
    rc = depot_spool(&s->depot, path, e);
    return rc < 0 ? rc : bulk_write(s->io, strbuf_cstr(path), x->body, ret, e);
}

static int md5_check(const struct bulk_sums *sums, struct str wanted, struct str name, struct err *e)
{
    char hex[33];

    hex_encode(sums->md5, sizeof(sums->md5), hex);
    if (str_is(wanted, hex))
        return 0;
    return err_set(e, ERR_INVALID, "the MD5 of '%.*s' is %s, but %.*s was promised", STR_ARG(name), hex,
                   STR_ARG(wanted));
}

/* A file in the spool moves to where bytes of this SHA-256 (hex, into @ret_hex) are. */
static int blob_place(struct server *s, const char *spooled, const struct bulk_sums *sums,
                      char ret_hex[SHA_LEN + 1], struct err *e)
{
    hex_encode(sums->sha256, sizeof(sums->sha256), ret_hex);
    return depot_keep(&s->depot, &(struct depot_item){ .sha256 = str_of(ret_hex) }, spooled, sums, e);
}

/* After the store has named it: see retention.c. */
static int blob_must_be_there(struct server *s, struct str sha256, struct err *e)
{
    bool there = false;
    int rc = depot_has(&s->depot, &(struct depot_item){ .sha256 = sha256 }, &there, e);

    if (rc == 0 && !there)
        rc = err_set(e, ERR_STORE,
                     "the file was taken away while it came, as bytes that nobody names: send it again");
    return rc;
}

/* Moves a file in the spool to where it belongs, and says so to the store. */
static int blob_keep(struct server *s, const char *spooled, const struct bulk_sums *sums,
                     const struct store_artifact_file *f, struct err *e)
{
    char hex[SHA_LEN + 1];
    const struct store_blob blob = { .sha256 = { hex, SHA_LEN }, .size_bytes = (int64_t)sums->bytes };
    int rc = blob_place(s, spooled, sums, hex, e);

    rc = rc < 0 ? rc : store_artifact_file_arrived(s->store, f->id, f->md5, &blob, e);
    return rc < 0 ? rc : blob_must_be_there(s, blob.sha256, e);
}

int blob_manifest_put(struct server *s, struct str text, struct store_manifest *m, struct err *e)
{
    AUTO_STRBUF struct strbuf path = STRBUF(4096);
    struct bulk_sums sums = { 0 };
    char hex[SHA_LEN + 1], md5_hex[33];
    int rc = depot_spool(&s->depot, &path, e);

    rc = rc < 0 ? rc : bulk_write(s->io, strbuf_cstr(&path), text, &sums, e);
    rc = rc < 0 ? rc : blob_place(s, strbuf_cstr(&path), &sums, hex, e);
    if (rc < 0) {
        depot_drop(&s->depot, strbuf_cstr(&path));
        return rc;
    }
    hex_encode(sums.md5, sizeof(sums.md5), md5_hex);
    m->md5 = str_of(md5_hex);
    m->blob = (struct store_blob){ str_of(hex), (int64_t)sums.bytes };
    rc = store_artifact_manifest_put(s->store, m, e);
    rc = rc < 0 ? rc : blob_must_be_there(s, m->blob.sha256, e);
    m->md5 = m->blob.sha256 = (struct str){ 0 }; /* they were ours */
    return rc;
}

/* -ERR_INVALID: the bytes are not those that were promised. */
int blob_take_file(struct server *s, struct http_exchange *x, const struct store_artifact_file *f,
                   struct err *e)
{
    AUTO_STRBUF struct strbuf path = STRBUF(4096);
    struct bulk_sums sums = { 0 };
    int rc = server_body_take(s, x, &path, &sums, e);

    if (rc == 0)
        rc = md5_check(&sums, f->md5, f->name, e);
    if (rc == 0)
        rc = blob_keep(s, strbuf_cstr(&path), &sums, f, e);
    if (rc < 0)
        depot_drop(&s->depot, strbuf_cstr(&path));
    return rc;
}

int blob_read_manifest(struct server *s, struct arena *a, struct str sha256, struct str *ret, struct err *e)
{
    return depot_read(&s->depot, a, &(struct depot_item){ .sha256 = sha256 }, MANIFEST_MAX_BYTES, ret, e);
}

/* --- files in parts: DATA/uploads/FILE-PART until they are joined; FILE.PART.MD5 is the subject --- */

static int part_path(struct server *s, struct strbuf *b, int64_t file_id, int64_t number, struct err *e)
{
    strbuf_addf(b, "%s/uploads/%lld-%lld", s->data_dir, (long long)file_id, (long long)number);
    return strbuf_check(b, e);
}

int blob_take_part(struct server *s, struct http_exchange *x, struct str subject, struct err *e)
{
    AUTO_STRBUF struct strbuf from = STRBUF(4096), to = STRBUF(4096);
    struct upload_part part = { 0 };
    struct bulk_sums sums = { 0 };
    int64_t file_id = 0;
    int rc = upload_part_subject_read(subject, &file_id, &part, e);

    if (rc < 0)
        return rc;
    rc = server_body_take(s, x, &from, &sums, e);
    if (rc == 0)
        rc = md5_check(&sums, part.md5, STR("a part"), e);
    if (rc == 0)
        rc = part_path(s, &to, file_id, part.number, e);
    if (rc == 0)
        rc = bulk_keep(s->io, strbuf_cstr(&from), strbuf_cstr(&to), e);
    if (rc < 0)
        depot_drop(&s->depot, strbuf_cstr(&from));
    else
        http_reply_header(x, "ETag", str_of(arena_printf(x->a, "\"%.*s\"", STR_ARG(part.md5))));
    return rc;
}

static int part_paths(struct server *s, struct arena *a, int64_t file_id, const struct upload_parts *parts,
                      const char **ret, struct err *e)
{
    for (size_t i = 0; i < parts->len; i++) {
        AUTO_STRBUF struct strbuf path = STRBUF(4096);
        int rc = part_path(s, &path, file_id, parts->items[i].number, e);

        if (rc == 0 && !file_exists(s->io, strbuf_cstr(&path)))
            return err_set(e, ERR_CONFLICT, "part %lld has not been uploaded",
                           (long long)parts->items[i].number);
        if (rc < 0)
            return rc;
        ret[i] = arena_cstr(a, strbuf_str(&path));
    }
    ret[parts->len] = NULL;
    return 0;
}

void blob_parts_drop(struct server *s, int64_t file_id, const struct upload_parts *parts)
{
    for (size_t i = 0; i < parts->len; i++) {
        AUTO_STRBUF struct strbuf path = STRBUF(4096);

        if (part_path(s, &path, file_id, parts->items[i].number, NULL) == 0)
            depot_drop(&s->depot, strbuf_cstr(&path));
    }
}

int blob_parts_join(struct server *s, struct arena *a, const struct store_artifact_file *f,
                    const struct upload_parts *parts, struct err *e)
{
    AUTO_STRBUF struct strbuf to = STRBUF(4096);
    const char **paths = arena_array(a, parts->len + 1, sizeof(*paths));
    struct bulk_sums sums = { 0 };
    int rc = part_paths(s, a, f->id, parts, paths, e);

    if (rc == 0)
        rc = depot_spool(&s->depot, &to, e);
    if (rc < 0)
        return rc;
    rc = bulk_join(s->io, paths, strbuf_cstr(&to), &sums, e);
    if (rc == 0)
        rc = md5_check(&sums, f->md5, f->name, e);
    if (rc == 0)
        rc = blob_keep(s, strbuf_cstr(&to), &sums, f, e);
    if (rc < 0)
        depot_drop(&s->depot, strbuf_cstr(&to));
    else
        blob_parts_drop(s, f->id, parts);
    return rc;
}
