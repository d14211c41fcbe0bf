/*
 * server/store/artifacts.h: artifacts: versions in collections, their aliases, files and uses.
 *
 * An artifact is PENDING while its files come, COMMITTED when its manifest is whole and all it names is
 * here, DELETED afterwards (its row stays, so that what refers to it can say so). The bytes are not in the
 * store: a file is known by its SHA-256, and blobs.c keeps the bytes under that name.
 */
#pragma once

#include "io/io.h"
#include "server/store/audit.h"
#include "server/store/page.h"

struct store;

enum artifact_state { ARTIFACT_PENDING, ARTIFACT_COMMITTED, ARTIFACT_DELETED, ARTIFACT_STATE_COUNT_ };
const char *artifact_state_wire(enum artifact_state s); /* "PENDING" ... */

struct store_artifact {
    int64_t id, collection_id, project_id, entity_id;
    struct str uid;
    enum artifact_state state;
    int64_t version; /* in its own collection; -1: not committed yet */
    struct str collection, type, project_name, entity_name;
    struct str digest, description, metadata;
    struct str tags; /* JSON list text; absent: none */
    int64_t ttl_s;   /* -1: none of its own */
    int64_t history_step;
    bool has_history_step;
    int64_t run_id, user_id; /* run_id 0: logged by no run */
    int64_t size_bytes, file_count;
    struct str manifest_sha256; /* absent: not here yet */
    struct str manifest_name;   /* absent: none was promised */
    int64_t created_unix_ms, updated_unix_ms;
};
struct store_new_artifact {
    int64_t project_id;
    struct str type, collection, digest;
    struct str client_id; /* two creates with one client_id are one artifact; absent: none */
    struct str description, metadata;
    struct str aliases, tags; /* JSON list texts; absent: none */
    int64_t ttl_s;            /* -1: none */
    int64_t history_step;
    bool has_history_step;
    bool dedup; /* a committed version with the same digest is the answer, and gets the aliases */
    int64_t run_id, user_id, now_unix_ms;
};
/** store_artifact_create() - *ret_latest is the uid of the collection's newest version before the call,
 * absent when there was none. -ERR_CONFLICT: the collection has another type, or takes links only. */
NODISCARD int store_artifact_create(struct store *s, struct arena *a, const struct store_new_artifact *n,
                                    struct store_artifact *ret, struct str *ret_latest, struct err *e);
NODISCARD int store_artifact_by_uid(struct store *s, struct arena *a, struct str uid,
                                    struct store_artifact *ret, struct err *e);
NODISCARD int store_artifact_by_id(struct store *s, struct arena *a, int64_t id, struct store_artifact *ret,
                                   struct err *e);
NODISCARD int store_artifact_by_client_id(struct store *s, struct arena *a, struct str client_id,
                                          struct store_artifact *ret, struct err *e);

/* --- files --- */
struct store_artifact_file {
    int64_t id, artifact_id;
    bool is_manifest;
    struct str name;
    struct str md5; /* hex, as promised; "": a manifest that is not written yet */
    bool is_here;
};
struct store_new_file {
    bool is_manifest;
    struct str name, md5; /* md5: hex */
};
struct store_declare {
    int64_t artifact_id;
    const struct store_new_file *files;
    size_t len;
    int64_t now_unix_ms;
};
/** store_artifact_declare() - the files of a PENDING artifact that a client will upload; a content that the
 * artifact's project has already (by its MD5) is here at once. The answer is in their order, texts absent.
 * -ERR_CONFLICT: not PENDING. */
NODISCARD int store_artifact_declare(struct store *s, struct arena *a, const struct store_declare *o,
                                     struct store_artifact_file **ret, struct err *e);
NODISCARD int store_artifact_file_by_id(struct store *s, struct arena *a, int64_t id,
                                        struct store_artifact_file *ret, struct err *e);
struct store_blob {
    struct str sha256; /* hex; of bytes that clients brought to a bucket, what depot_direct_sha256() gives */
    int64_t size_bytes;
};
/** store_artifact_file_arrived() - the bytes of file @id are on the disk. -ERR_CONFLICT: the artifact is not
 * PENDING any more, or another content was promised since. */
NODISCARD int store_artifact_file_arrived(struct store *s, int64_t id, struct str md5,
                                          const struct store_blob *b, struct err *e);
/** store_artifact_file_by_md5() - a file of the artifact with this content, here or not. Its texts are
 * absent. */
NODISCARD int store_artifact_file_by_md5(struct store *s, int64_t artifact_id, struct str md5,
                                         struct store_artifact_file *ret, struct err *e);
struct store_manifest {
    int64_t artifact_id, now_unix_ms;
    struct str name, md5, digest; /* hex, both; @digest: the artifact's */
    struct store_blob blob;
};
/** store_artifact_manifest_put() - this is the manifest of a PENDING artifact now, its bytes are on the disk,
 * and its digest is the artifact's. -ERR_CONFLICT: not PENDING. */
NODISCARD int store_artifact_manifest_put(struct store *s, const struct store_manifest *m, struct err *e);
/** store_artifact_blob() - the file with this MD5 that was uploaded for the artifact. */
NODISCARD int store_artifact_blob(struct store *s, struct arena *a, int64_t artifact_id, struct str md5,
                                  struct store_blob *ret, struct err *e);
/** store_entity_blob() - the same among all artifacts of an entity. */
NODISCARD int store_entity_blob(struct store *s, struct arena *a, int64_t entity_id, struct str md5,
                                struct store_blob *ret, struct err *e);

/* --- commit --- */
struct store_entry {
    int64_t id; /* position in lists */
    struct str path, digest;
    int64_t size_bytes;
    struct str sha256;    /* absent: a reference to elsewhere */
    struct str birth_uid; /* the artifact that its bytes were uploaded for */
};
struct store_commit {
    int64_t artifact_id;
    const struct store_entry *entries;
    size_t len;
    int64_t now_unix_ms;
};
/** store_artifact_commit() - PENDING to COMMITTED with the next version, and the aliases it was created with.
 * Committed already is success. -ERR_CONFLICT: deleted. */
NODISCARD int store_artifact_commit(struct store *s, const struct store_commit *m, struct err *e);
struct store_entry_query {
    int64_t artifact_id;
    const struct str *paths; /* NULL: all, by page */
    size_t path_count;
    struct store_page page;
};
/** store_entry_list() - by position; paths that are not there are left out. */
NODISCARD int store_entry_list(struct store *s, struct arena *a, const struct store_entry_query *q,
                               struct store_entry **ret, size_t *ret_len, struct err *e);

/* --- changes --- */
struct store_artifact_change {
    int64_t artifact_id;
    struct str description, metadata; /* absent: as it is */
    struct str tags;                  /* JSON list text, the whole list; absent: as it is */
    int64_t ttl_s;                    /* -2: as it is; -1: none */
    int64_t now_unix_ms;
};
NODISCARD int store_artifact_update(struct store *s, const struct store_artifact_change *g, struct err *e);
/** store_artifact_delete() - DELETED; it leaves its collections. -ERR_CONFLICT: it has aliases, and
 * @with_aliases is not set. */
NODISCARD int store_artifact_delete(struct store *s, int64_t artifact_id, bool with_aliases,
                                    const struct store_by *by, struct err *e);
/** store_run_use() - the run used the artifact; may be repeated. */
struct store_use {
    int64_t run_id, artifact_id;
    struct str used_as;
    int64_t now_unix_ms;
};
NODISCARD int store_run_use(struct store *s, const struct store_use *u, struct err *e);

/** store_artifact_users() - ids of the runs that used it. */
NODISCARD int store_artifact_users(struct store *s, struct arena *a, int64_t artifact_id, int64_t **ret,
                                   size_t *ret_len, struct err *e);
