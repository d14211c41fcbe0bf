/* server/server_internal.h: the server's own state, for the files of this folder. */
#pragma once

#include "base/map.h"
#include "base/prom.h"
#include "server/access.h"
#include "server/depot.h"
#include "server/doors.h"
#include "server/graphql/gql.h"
#include "server/keys.h"
#include "server/retention.h"
#include "server/server.h"
#include "server/store/store.h"
#include "server/upload_parts.h"

enum request_kind { REQUEST_GRAPHQL, REQUEST_WAIT, REQUEST_FILES, REQUEST_OTHER, REQUEST_KINDS };
struct server_counts { /* since the start */
    struct retention_done pruned;
    uint64_t pushes, pops, empty_pops, leases_expired, abandoned;
    struct prom_calls requests[REQUEST_KINDS];
};

/* packer.c: runs with enough lines for another stretch of columns, first come first served. */
enum { PACK_WISHES_MAX = 256 };
struct packer {
    struct store_history wishes[PACK_WISHES_MAX]; /* a ring */
    size_t first, len;
    struct cond cond;
};

struct server {
    struct io *io;
    struct store *store;
    struct keys *keys;
    struct doors *doors;
    struct gql_schema *schema;
    struct secret *signing_key;            /* of upload addresses */
    char *data_dir, *acts_as, *public_url; /* public_url NULL: as the client called us */
    char *spool_dir;                       /* in data_dir */
    struct depot depot;                    /* of files */
    int64_t lease_ms;
    bool lends_once;
    bool prunes;
    int64_t prune_every_ms;
    struct retention keep;
    int64_t started_ms;                   /* monotonic */
    int64_t clock_unix_ms, clock_at_ms;   /* clock.c: its time, and the monotonic time of that */
    int64_t common_unix_ms, common_at_ms; /* likewise, of the clock that servers have in common; 0: none */
    bool is_shared;                       /* the store is PostgreSQL, and other servers may be on it */
    struct group *group;                  /* housekeeping */
    struct map *waits;                    /* queue id as text -> struct queue_wait, while somebody waits */
    uint64_t wakes;                       /* how often somebody was to be woken */
    struct server_counts counts;
    struct packer packer;
    struct sign_in *sign_in; /* NULL: nobody signs in by a browser */
};

/* Who asks, and with what manners. One per request; the context of resolvers. */
struct caller {
    struct server *server;
    struct http_exchange *exchange;
    struct store_user user;
    int64_t wait_ms;   /* Prefer: wait=N; 0: none */
    bool wait_applied; /* a resolver honoured it */
};

/* --- clock.c --- */
/** server_clock_start() - its time begins. Yields with PostgreSQL. */
NODISCARD int server_clock_start(struct server *s, struct err *e);
/** server_clock_ask() - with PostgreSQL: what its clock says, every few seconds; a server that cannot ask
 * goes on by what it knew. Yields. */
NODISCARD int server_clock_ask(struct server *s, struct err *e);
/** server_wall_unix_ms() - the wall clock; with PostgreSQL the database's, the same for all servers. */
int64_t server_wall_unix_ms(const struct server *s);
/** server_now_unix_ms() - the time of leases, heartbeats and history: never goes back, and is the wall
 * clock's unless that was set meanwhile. */
int64_t server_now_unix_ms(struct server *s);
/** server_has_listened_for() - has it been there for so long that who was not heard of is silent? */
bool server_has_listened_for(const struct server *s, int64_t ms);

/** metrics_handle() - GET /metrics, as Prometheus reads it. Yields. */
void metrics_handle(struct server *s, struct http_exchange *x);

/** auth_check() - who sent this request. Yields. On failure the reply is made (401, JSON) and false returned.
 */
bool auth_check(struct server *s, struct http_exchange *x, struct store_user *ret);

/* admin.c: members of what the lists give; times 0 are null. */
struct store_by admin_by(const struct server *s); /* who administers, now */
void list_set_str(struct arena *a, struct jval *o, const char *name, struct str value);
void list_set_time(struct arena *a, struct jval *o, const char *name, int64_t unix_ms);
/** server_key_create_by() - server_key_create() by somebody. */
NODISCARD int server_key_create_by(struct server *s, const struct admin_key_options *o,
                                   const struct store_by *by, struct secret **ret_key, int64_t *ret_id,
                                   struct err *e);

/** reply_error() - {"errors":[{"message":...}]} as GraphQL clients expect it, for every kind of path. */
void reply_error(struct http_exchange *x, int status, const char *fmt, ...) PRINTF(3, 4);
/** reply_failure() - an error as its status, with @what (may be NULL) before its words; of a failure of ours
 * the words go to the log, and the client learns of what kind it was. */
void reply_failure(struct http_exchange *x, const struct err *e, const char *what);
/** reply_wait() - 429 with Retry-After, @wait_ms rounded up to seconds. */
void reply_wait(struct http_exchange *x, int64_t wait_ms, const char *why);
/** http_status_of() - the status that tells a client what an error is about. */
int http_status_of(enum err_code code);
/** public_base() - the address clients reach us at, without slash at the end, in the exchange's arena. */
struct str public_base(struct server *s, struct http_exchange *x);

struct item_wait {
    int64_t queue_id, timeout_ms;
    uint64_t seen; /* server.wakes, before the look that found nothing */
};
/** wait_for_item() - until something is put into the queue, or has been since the look. Yields. -ERR_TIMEOUT,
 * -ERR_CANCELLED. */
NODISCARD int wait_for_item(struct server *s, const struct item_wait *w, struct err *e);
void wake_queue(struct server *s, int64_t queue_id);
void wake_all_queues(struct server *s);

/* --- packer.c --- */
void packer_run(void *server); /* the fiber; ends when it is cancelled */
/** packer_wish() - pack this when there is time. Does not yield; over PACK_WISHES_MAX it is forgotten. */
void packer_wish(struct server *s, const struct store_history *w);

/* --- files.c: runs' streams and files --- */
/** files_handle() - paths /files/... and /storage/... */
void files_handle(struct server *s, struct http_exchange *x);
/** files_upload_url() - an address that one file may be PUT to for a day, without a header. */
struct str files_upload_url(struct server *s, struct http_exchange *x, int64_t run_id, struct str name);
/** files_download_url() - an address that gives the file for an hour, without a key. */
struct str files_download_url(struct server *s, struct http_exchange *x, int64_t run_id, struct str name);
/** files_sign() - the signature of an address, or of what a browser keeps: hex HMAC-SHA-256 of @text, whose
 * first line says what it is for. */
void files_sign(struct server *s, struct str text, char ret[65]);
/** files_name_check() - a relative path without "..": -ERR_INVALID. */
NODISCARD int files_name_check(struct str name, struct err *e);
/** stream_handle() - POST /files/ENTITY/PROJECT/RUN/file_stream for a run the user may write to. */
void stream_handle(struct server *s, struct http_exchange *x, const struct store_run *run);

/* --- blobs.c: bytes of artifacts, by their SHA-256 --- */
/** server_body_take() - the body of a request as a file in the spool (its name goes to @path), with its sums.
 * Yields. What is not moved away is removed with depot_drop(). */
NODISCARD int server_body_take(struct server *s, struct http_exchange *x, struct strbuf *path,
                               struct bulk_sums *ret, struct err *e);
/** blobs_storage_handle() - paths /storage/artifact-files/... and /storage/objects/... */
void blobs_storage_handle(struct server *s, struct http_exchange *x);
/** blobs_layout_handle() - paths /artifactsV2/... and /artifacts/..., with a key. */
void blobs_layout_handle(struct server *s, struct http_exchange *x);
/** base_name() - the last part of a path: all that people see of it in an address. */
struct str base_name(struct str path);
/** blob_upload_url() - an address that one file of an artifact may be PUT to for a day, without a key. */
struct str blob_upload_url(struct server *s, struct http_exchange *x, int64_t file_id, struct str name);
/** blob_download_url() - an address that gives the bytes for an hour, without a key. */
struct str blob_download_url(struct server *s, struct http_exchange *x, struct str sha256, struct str name);
/** blob_part_url() - an address for one part of a file that comes in parts. */
struct str blob_part_url(struct server *s, struct http_exchange *x, int64_t file_id,
                         const struct upload_part *part);
/** blob_parts_join() - the parts are all here: make the file of them. Yields. -ERR_CONFLICT: one is missing;
 * -ERR_INVALID: the whole is not what was promised. */
NODISCARD int blob_parts_join(struct server *s, struct arena *a, const struct store_artifact_file *f,
                              const struct upload_parts *parts, struct err *e);
void blob_parts_drop(struct server *s, int64_t file_id, const struct upload_parts *parts);
NODISCARD int blob_read_manifest(struct server *s, struct arena *a, struct str sha256, struct str *ret,
                                 struct err *e);
enum { BLOB_DIRECT_MAX = 100 };
struct blob_direct {
    int64_t entity_id;
    struct str md5_hex;
    struct str ret_url, ret_md5_base64; /* the latter as the header Content-MD5 */
};
/** blob_direct_offer() - where a client may PUT this file past us, in @a; absent: it goes to
 * blob_upload_url(). Of more than BLOB_DIRECT_MAX files at once, small ones as a rule, each signature and
 * look costs more than it saves. Yields. */
NODISCARD int blob_direct_offer(struct server *s, struct arena *a, struct blob_direct *d, struct err *e);
/** blob_direct_arrived() - has it come? Then the store is told. Yields. -ERR_NOT_FOUND; -ERR_INVALID: it is
 * not what was promised. */
NODISCARD int blob_direct_arrived(struct server *s, struct arena *a, const struct store_artifact *t,
                                  struct str md5_hex, struct store_blob *ret, struct err *e);
/** blob_manifest_put() - @text becomes the manifest of @m->artifact_id; @m->md5 and @m->blob are filled in
 * here. Yields. Errors as store_artifact_manifest_put(). */
NODISCARD int blob_manifest_put(struct server *s, struct str text, struct store_manifest *m, struct err *e);
/** blobs_open() - make the folders, remove what was left in them days ago. */
NODISCARD int blobs_open(struct server *s, struct err *e);
