/*
 * server/blob_direct.c: files of artifacts that clients bring to the bucket without us. Cloud Storage checks
 * their MD5; with the commit we look whether they came. Until then nobody names them, and retention is told
 * to look when the artifact would have been given up.
 */
#include "base/crypto.h"
#include "server/server_internal.h"

enum {
    EXPECTED_FOR_MS = 9 * 24 * 60 * 60 * 1000
}; /* uploads that are not committed count as deleted after 7 days */

/* Hex of an MD5 as base64. */
static struct str md5_base64(struct arena *a, struct str hex)
{
    AUTO_STRBUF struct strbuf coded = STRBUF(64);
    uint8_t raw[16] = { 0 };

    if (hex.len == 2 * sizeof(raw))
        (void)hex_decode(hex, raw); /* the store has no other */
    strbuf_add_base64(&coded, (struct str){ (const char *)raw, sizeof(raw) });
    return arena_str(a, strbuf_str(&coded));
}

int blob_direct_offer(struct server *s, struct arena *a, struct blob_direct *d, struct err *e)
{
    char key[65];
    const struct depot_item item = { .sha256 = { key, 64 } };
    struct str url = { 0 }, coded = md5_base64(a, d->md5_hex);
    bool good = false;
    int rc;

    depot_direct_sha256(d->entity_id, d->md5_hex, key);
    if (depot_direct_url(&s->depot, a, &item, coded, &url, NULL) < 0)
        return 0;
    rc = store_blob_expect(s->store, item.sha256, server_wall_unix_ms(s) + EXPECTED_FOR_MS, &good, e);
    if (rc == 0 && good) {
        d->ret_url = url;
        d->ret_md5_base64 = coded;
    }
    return rc;
}

int blob_direct_arrived(struct server *s, struct arena *a, const struct store_artifact *t, struct str md5_hex,
                        struct store_blob *ret, struct err *e)
{
    char key[65];
    const struct depot_item item = { .sha256 = { key, 64 } };
    struct store_artifact_file file = { 0 };
    struct bucket_object o = { { 0 }, 0, 0 };
    struct store_blob blob = { 0 };
    int rc = s->depot.bucket ? store_artifact_file_by_md5(s->store, t->id, md5_hex, &file, e)
                             : err_set(e, ERR_NOT_FOUND, "there is no bucket");

    depot_direct_sha256(t->entity_id, md5_hex, key);
    rc = rc < 0 ? rc : depot_direct_look(&s->depot, a, &item, &o, e);
    if (rc == 0 && !str_eq(o.md5, md5_hex))
        return err_set(e, ERR_INVALID, "the object has the MD5 %.*s, but %.*s was promised", STR_ARG(o.md5),
                       STR_ARG(md5_hex));
    blob = (struct store_blob){ .sha256 = arena_str(a, item.sha256), .size_bytes = o.bytes };
    rc = rc < 0 ? rc : store_artifact_file_arrived(s->store, file.id, md5_hex, &blob, e);
    rc = rc < 0 ? rc : depot_direct_look(&s->depot, a, &item, &o, e); /* see retention.c */
    rc = rc < 0 ? rc : store_dropped_forget(s->store, blob.sha256, e);
    if (rc == 0)
        *ret = blob;
    return rc;
}
