/*
 * google/bucket.h: objects below a folder of a Cloud Storage bucket (reference 6), for one server.
 *
 * Large ones go up and come down in pieces of BUCKET_PIECE_BYTES, from and to files: none is in memory as a
 * whole. Every call yields, and asks again when a failure may pass (BUCKET_TRIES times in all, each piece by
 * itself). Errors name gs://BUCKET and are those of google_send(); -ERR_NOT_FOUND: no such object, or no such
 * bucket. Names are relative to the folder.
 */
#pragma once

#include "google/google.h"
#include "io/bulk.h"

struct bucket;

enum { BUCKET_PIECE_BYTES = 8 << 20, BUCKET_TRIES = 4 };

/** bucket_new() - @url: gs://BUCKET or gs://BUCKET/FOLDER; @g is borrowed. No I/O. -ERR_CONFIG: it is not. */
NODISCARD int bucket_new(struct io *io, struct google *g, const char *url, struct bucket **ret,
                         struct err *e);
void bucket_free(struct bucket *b); /* nobody may be in it. NULL is a no-op */
DEFINE_AUTO(bucket, bucket_free)
/** bucket_url() - gs://BUCKET/FOLDER without a slash at the end: the same for all ways to write it. */
const char *bucket_url(const struct bucket *b);

/** bucket_check() - is it there, and may we write, read and delete in it? -ERR_NOT_FOUND; -ERR_DENIED names
 * the permissions that are missing, and the role that has them. */
NODISCARD int bucket_check(struct bucket *b, struct err *e);

struct bucket_object {
    struct str md5; /* hex, in the arena; absent: Cloud Storage has none, as of composed objects */
    int64_t bytes;
    int64_t generation;
};
NODISCARD int bucket_stat(struct bucket *b, struct arena *a, struct str name, struct bucket_object *ret,
                          struct err *e);
/** bucket_put() - the file as an object; one that is there is replaced, when the new one is whole. What
 * Cloud Storage then has is compared with @sums, the file's: -ERR_REMOTE, and the object is removed. */
NODISCARD int bucket_put(struct bucket *b, struct str name, const char *path, const struct bulk_sums *sums,
                         struct err *e);
/** bucket_get() - the object in the new file @path, with its sums, which are what Cloud Storage says, or it
 * is -ERR_REMOTE. On failure there is no file. */
NODISCARD int bucket_get(struct bucket *b, struct str name, const char *path, struct bulk_sums *ret,
                         struct err *e);
/** bucket_read() - a small object into the arena. -ERR_LIMIT over @max_bytes. */
NODISCARD int bucket_read(struct bucket *b, struct arena *a, struct str name, size_t max_bytes,
                          struct str *ret, struct err *e);
/** bucket_delete() - one that is not there is success. */
NODISCARD int bucket_delete(struct bucket *b, struct str name, struct err *e);

/* What somebody without a credential may do once or more, for a time (V4 signature). */
struct bucket_link {
    const char *method; /* "GET", "PUT" */
    struct str name;
    int64_t lasts_s;    /* at most 7 days */
    struct str md5;     /* of a PUT: the base64 that must come as Content-MD5, which Cloud Storage checks */
    struct str save_as; /* of a GET: the file's name for those who save it; absent: none */
};
/** bucket_link() - the address, in @a; not asked again when it fails. Errors as google_sign(). */
NODISCARD int bucket_link(struct bucket *b, struct arena *a, const struct bucket_link *l, struct str *ret,
                          struct err *e);
/** bucket_links_are_cheap() - links are signed without asking anybody. Does not yield. */
bool bucket_links_are_cheap(struct bucket *b);
