/*
 * server/depot.h: where the bytes of artifacts and the files of runs are: below the data folder, or in a
 * bucket of Cloud Storage, under the same names (places.h). Which of the two is for all of a store's files,
 * and the store knows it.
 *
 * What comes lies in the spool until it is checked, and goes from there to its place. Calls yield. With a
 * bucket a failure of Cloud Storage is -ERR_REMOTE whatever it was: clients are told that the server failed,
 * and ask again, so nothing is lost while somebody mends it.
 */
#pragma once

#include "google/bucket.h"
#include "io/http.h"

struct depot {
    struct io *io;
    const char *data_dir, *spool_dir;
    struct bucket *bucket; /* borrowed; NULL: the data folder */
    bool links;            /* downloads are sent on to signed addresses of the bucket */
    int64_t links_from_ms; /* but not before: it could not sign (monotonic) */
};
struct depot_item {
    struct str sha256; /* bytes of artifacts; absent: a file of a run: */
    int64_t run_id;
    struct str name; /* as the client called it, checked by files_name_check() */
};

/** depot_spool() - a name of our own in the spool; what is left there goes with a later start. */
NODISCARD int depot_spool(const struct depot *d, struct strbuf *path, struct err *e);
/** depot_drop() - remove a file of the spool; that it cannot be is logged, and a later start tries again. */
void depot_drop(const struct depot *d, const char *path);
/** depot_keep() - the file @spooled, whose sums are @sums, moves to its place, durably. On failure it stays.
 */
NODISCARD int depot_keep(const struct depot *d, const struct depot_item *t, const char *spooled,
                         const struct bulk_sums *sums, struct err *e);
/* Bytes that clients bring to the bucket themselves: nobody of us reads them, so their SHA-256 is not known.
 * They are kept, and named in the store, under one of their MD5, which Cloud Storage checks, and of whose
 * they are: within an entity content is known by its MD5 anyway, and no other can bring its bytes under it.
 */
void depot_direct_sha256(int64_t entity_id, struct str md5_hex, char ret[65]);
/** depot_direct_url() - where such bytes may be PUT to for a day, with the header Content-MD5: @md5_base64.
 * -ERR_CONFIG: nowhere (no bucket, no links). */
NODISCARD int depot_direct_url(struct depot *d, struct arena *a, const struct depot_item *t,
                               struct str md5_base64, struct str *ret, struct err *e);
/** depot_direct_look() - what came there. -ERR_NOT_FOUND. */
NODISCARD int depot_direct_look(const struct depot *d, struct arena *a, const struct depot_item *t,
                                struct bucket_object *ret, struct err *e);
/** depot_has() - *ret: is it at its place? Absence is no error. */
NODISCARD int depot_has(const struct depot *d, const struct depot_item *t, bool *ret, struct err *e);
/** depot_read() - a small one into memory. -ERR_LIMIT, -ERR_NOT_FOUND. */
NODISCARD int depot_read(const struct depot *d, struct arena *a, const struct depot_item *t, size_t max_bytes,
                         struct str *ret, struct err *e);
/** depot_remove() - one that is not there is success. */
NODISCARD int depot_remove(const struct depot *d, const struct depot_item *t, struct err *e);
/**
 * depot_reply() - it as the reply of @x: the bytes, or (302) an address of the bucket that is good for an
 * hour. What comes out of a bucket through us has the MD5 that is known of it, or it is -ERR_REMOTE.
 * -ERR_NOT_FOUND; on failure no reply is made.
 */
NODISCARD int depot_reply(struct depot *d, struct http_exchange *x, const struct depot_item *t,
                          struct str save_as, struct err *e);
