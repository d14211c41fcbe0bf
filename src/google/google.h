/*
 * google/google.h: the Google services an agent needs, one client object per agent.
 * Endpoints may be overridden (all services at once, for the emulator); plain HTTP only to loopback.
 */
#pragma once

#include "base/jval.h"
#include "base/prom.h"
#include "io/http.h"

struct google;

struct google_endpoint {
    const char *service; /* "aiplatform", "logging", "sts": the first label of the host */
    const char *url;     /* "https://host", or http to loopback */
};
typedef void (*google_warn_fn)(void *ctx, const char *text);
struct google_options {
    const char *endpoint; /* NULL: Google's hosts; else e.g. "http://127.0.0.1:8080" for every service */
    const struct google_endpoint *endpoints; /* for single services, before @endpoint; ended by one without a
                                                service; NULL none (google/hosts.h) */
    const char *const *allow_hosts; /* hosts that credential files may name beside Google's; NULL-ended;
                                       NULL none */
    const char *metadata_host;      /* host[:port]; NULL: GCE_METADATA_HOST, else metadata.google.internal */
    const char *credentials_file;   /* NULL: GOOGLE_APPLICATION_CREDENTIALS, then gcloud's file, then the
                                       metadata server */
    google_warn_fn warn; /* NULL: warnings are dropped. Called once, for a key file that others can read */
    void *warn_ctx;
    bool self_signed_jwt; /* key files sign their own tokens: one request less an hour, no token endpoint */
};
struct google *google_new(struct io *io, const struct google_options *o); /* no I/O yet */
void google_free(struct google *g); /* ends a refresh under way. Yields. NULL is a no-op */
DEFINE_AUTO(google, google_free)

/** google_token() - a bearer token of scope cloud-platform, cached, refreshed early, one request for all
 * waiters. Yields. Borrowed until the next yield. -ERR_AUTH with what was tried. */
NODISCARD int google_token(struct google *g, const struct secret **ret, struct err *e);
/** google_refused() - why the last token was refused: the id of an explanation (google/refusal.h); NULL: it
 * was not, or it is not known. Does not yield. */
const char *google_refused(const struct google *g);
/** google_project() - the project the credential or environment names (GOOGLE_CLOUD_PROJECT first). Yields.
 * Lives as long as @g. */
NODISCARD int google_project(struct google *g, struct str *ret, struct err *e);
/** google_base() - append scheme and host of where requests to @service go; an absent @otherwise is Google's
 * own host for it. Reads the credential file, for its universe. -ERR_CONFIG. */
NODISCARD int google_base(struct google *g, const char *service, struct str otherwise, struct strbuf *url,
                          struct err *e);

/* Who we are to Google; texts live in the arena given, or as long as the client. */
struct google_identity {
    struct str source;         /* "/path/key.json", "the metadata server" */
    struct str type;           /* "service_account", "metadata", ... */
    struct str found_by;       /* "GOOGLE_APPLICATION_CREDENTIALS" */
    struct str principal;      /* an e-mail address, or the pool's audience; absent: the file names nobody */
    struct str base_principal; /* of impersonated_service_account: who makes its tokens; absent: nobody */
    struct str scopes;         /* separated by spaces */
    struct str project, project_found_by; /* absent: none was found */
    struct str quota_project;             /* absent: none */
    struct str universe;
    int64_t expires_in_s; /* of the present token */
};
/** google_identity() - what is known, after a token was given. Yields. Errors as google_token(). */
NODISCARD int google_identity(struct google *g, struct arena *a, struct google_identity *ret, struct err *e);

enum { GOOGLE_TRAFFIC_MAX = 4 };
struct google_traffic {
    const char *service; /* "aiplatform", "logging", "secretmanager", or "google": any other */
    struct prom_calls calls;
};
/** google_traffic() - the calls made so far by service; *ret is borrowed. At most GOOGLE_TRAFFIC_MAX. Token
 * requests are not among them. Does not yield. */
size_t google_traffic(const struct google *g, const struct google_traffic **ret);

struct explanation; /* google/refusal.h */
enum { GOOGLE_HEADERS_MAX = 4 };
struct google_request {
    const char *service; /* "aiplatform", "logging", ...: the first label of the host */
    struct str region;   /* of "aiplatform", which has a host per region; other services: absent, or their
                            regional endpoint */
    const char *method;
    const char *path;                  /* begins with '/'; with its query */
    struct str body;                   /* absent: none is sent */
    const char *content_type;          /* of the body; NULL: JSON */
    const struct http_header *headers; /* further ones, at most GOOGLE_HEADERS_MAX */
    size_t header_count;
    size_t max_reply_bytes; /* 0: 16 MiB */
    int64_t timeout_ms;     /* 0: 30000 */
    int64_t send_before_ms; /* io_now_ms(): what would leave later is not sent, -ERR_TIMEOUT; 0: no limit */
    struct explanation
        *explain; /* NULL, or where a refusal that is known is explained, in the call's arena */
};
/**
 * google_call() - one authorised JSON request; the token is refreshed once on a 401. Yields.
 * @req is borrowed for the call. Google's error body becomes @e: code, http_status, retry_after_ms and the
 * message ("INVALID_ARGUMENT: text"). *ret is the decoded reply.
 */
NODISCARD int google_call(struct google *g, struct arena *a, const struct google_request *req,
                          const struct jval **ret, struct err *e);
/** google_send() - the same for answers that are not JSON: *ret is the reply, of a status below 400. */
NODISCARD int google_send(struct google *g, struct arena *a, const struct google_request *req,
                          struct http_reply *ret, struct err *e);

/** google_signer() - the e-mail address of the service account that google_sign() signs for, in @a. Yields.
 * -ERR_CONFIG: the credentials are no service account's; else errors as google_token(). */
NODISCARD int google_signer(struct google *g, struct arena *a, struct str *ret, struct err *e);
/** google_signs_itself() - it has the account's private key: google_sign() takes half a millisecond and asks
 * nobody. Does not yield. */
bool google_signs_itself(struct google *g);
/**
 * google_sign() - @text signed as the service account (RSA PKCS #1 1.5 with SHA-256), the bytes in @a: with
 * the key in the key file, else by IAM Credentials' signBlob, which needs iam.serviceAccounts.signBlob of
 * the account on itself (reference 4.13). Yields. Errors as google_signer() and google_call().
 */
NODISCARD int google_sign(struct google *g, struct arena *a, struct str text, struct str *ret, struct err *e);
