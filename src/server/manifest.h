/*
 * server/manifest.h: an artifact's manifest: the JSON file that names its files and their digests. Pure.
 * Source: protocol reference 2.6.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum {
    MANIFEST_MAX_BYTES = 64 << 20,
    MANIFEST_MAX_ENTRIES = 100000,
    MANIFEST_PATH_MAX_BYTES = 1024,
    MANIFEST_DIGEST_SIZE = 33, /* with its NUL */
};

struct manifest_entry {
    struct str path;
    struct str digest;    /* base64 of an MD5; of a reference whatever its place gives */
    struct str ref;       /* where else the bytes are; absent: here */
    struct str birth_uid; /* the artifact they were uploaded for; absent: this one */
    int64_t size_bytes;   /* -1: not said */
};
struct manifest {
    struct manifest_entry *entries; /* by path, in byte order */
    size_t len;
};
/** manifest_parse() - -ERR_INVALID: no manifest of version 1, or a path that is not a plain relative one;
 * -ERR_LIMIT. The texts are in @a. */
NODISCARD int manifest_parse(struct arena *a, struct str text, struct manifest *ret, struct err *e);
/** manifest_digest() - the artifact's digest: hex MD5 over its paths and their digests. */
void manifest_digest(const struct manifest *m, char ret[MANIFEST_DIGEST_SIZE]);
/** manifest_path_is_plain() - relative, UTF-8, without "..", "." or empty parts, '\' and control characters,
 * of at most @max bytes. */
bool manifest_path_is_plain(struct str path, size_t max);
struct manifest_base {
    struct str text, uid; /* of the artifact whose manifest it is */
};
/** manifest_merge() - the manifest @text over @base, as JSON in @a: all entries of @text, and those of the
 * base with other paths, which say that their bytes came for the base. Errors as manifest_parse(). */
NODISCARD int manifest_merge(struct arena *a, const struct manifest_base *base, struct str text,
                             struct str *ret, struct err *e);
