/*
 * emulator/storage.h: Cloud Storage's JSON API, version 1, as far as staging buckets need it
 * (vertex-and-google-auth.md 6): buckets (insert, get, list, delete, iam, testPermissions) and objects
 * (media, multipart and resumable upload, get, download, list, delete, ifGenerationMatch); of the XML API
 * addresses that are signed (V4), for one object.
 *
 * Kinds in the store: "bucket" and "object" by projects/_/buckets/B[/objects/O], "upload" by its id. Data is
 * in files of data_dir/objects; an object has at most 64 MiB.
 */
#pragma once

#include "emulator/access.h"

enum { OBJECT_MAX = 64 * 1024 * 1024 };

/** serve_storage() - false: not a path of Cloud Storage. Yields. */
bool serve_storage(struct emulator *m, struct http_exchange *x);

/* --- between the files of Cloud Storage --- */

/* One request; on failure @r says why. */
struct storage_call {
    struct emulator *m;
    struct http_exchange *x;
    struct arena *a;
    struct str bucket, object; /* absent: none named */
    struct refusal r;
    struct err e;
    const char *reason; /* in "errors"; NULL: by the status */
};
/** storage_need() - access_check() on the bucket, or on the object when @on_object, in Storage's words. */
NODISCARD int storage_need(struct storage_call *c, const char *permission, bool on_object);
/** storage_end() - the reply: @v for 0 (NULL: 204), else the refusal or an internal error. */
void storage_end(struct storage_call *c, int code, const struct jval *v);
struct str storage_name(struct storage_call *c); /* "projects/_/buckets/B[/objects/O]" */
/** storage_bucket() - the bucket's document. 404 in Storage's words. */
NODISCARD int storage_bucket(struct storage_call *c, struct jval **ret);

void serve_objects(struct storage_call *c); /* /storage/v1/b/B/o[/O], /download/... */
void serve_upload(struct storage_call *c);  /* /upload/storage/v1/b/B/o */
void serve_signed(struct storage_call *c);  /* /B/O with a V4 signature */

struct object_data { /* what an upload brings */
    struct str name, content_type;
    const struct jval *metadata; /* NULL: none */
    struct str bytes;
};
/** object_store() - a new object, or a new generation of it. *ret is its resource. Yields. */
NODISCARD int object_store(struct storage_call *c, const struct object_data *d, struct jval **ret);
/** object_download() - the object's bytes, or the part that Range asks for, as the reply. 404. */
NODISCARD int object_download(struct storage_call *c);
/** object_precondition() - ifGenerationMatch of the query. 412. */
NODISCARD int object_precondition(struct storage_call *c, struct str object);
