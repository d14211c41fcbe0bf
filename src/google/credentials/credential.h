/* google/credentials/credential.h: where bearer tokens come from. One file per kind. Internal to src/google.
 */
#pragma once

#include "base/jval.h"
#include "io/http.h"

#define GOOGLE_SCOPE "https://www.googleapis.com/auth/cloud-platform"

struct credential;
struct token {
    struct secret *value; /* owned by whoever holds the struct */
    int64_t expires_in_s; /* from the moment of the answer */
};
struct credential_kind {
    const char *name; /* "service_account": as in the file's "type" */
    /** Read the file's members. -ERR_CONFIG names what is missing. */
    int (*load)(struct credential *c, const struct jval *file, struct err *e);
    /** One request for a fresh token. Yields. */
    int (*fetch)(struct credential *c, struct token *ret, struct err *e);
};
struct credential {
    struct io *io;
    const struct credential_kind *kind;
    struct arena *a;      /* owns the texts below */
    const char *source;   /* "/path/key.json" or "the metadata server": for messages */
    const char *endpoint; /* NULL, or what replaces every Google host */
    struct str project;   /* of the file, or as the metadata server said; absent: not known */
    struct str quota_project;
    struct str principal; /* client_email, client_id */
    struct str key_id, token_uri;
    struct secret *secret;  /* private key or client secret */
    struct secret *refresh; /* refresh token */
    const char *metadata_host;
    bool metadata_is_guess; /* nobody named it: it may not exist */
};
extern const struct credential_kind metadata_kind, service_account_kind, authorized_user_kind;

/** credential_find() - Application Default Credentials: @file, GOOGLE_APPLICATION_CREDENTIALS, gcloud's file,
 * the metadata server. Does not ask for a token. -ERR_CONFIG for a file that cannot be used. */
NODISCARD int credential_find(struct io *io, const char *file, const char *metadata_host,
                              const char *endpoint, struct credential **ret, struct err *e);
void credential_free(struct credential *c);
DEFINE_AUTO(credential, credential_free)

/** token_request() - send, and read {"access_token", "expires_in"}. Yields. -ERR_AUTH for an OAuth error. */
NODISCARD int token_request(struct credential *c, const struct http_request *req, struct token *ret,
                            struct err *e);
/** token_post() - POST the form in @body to @url. Yields. */
NODISCARD int token_post(struct credential *c, const char *url, struct str body, struct token *ret,
                         struct err *e);
/** token_url_check() - may a file send its secrets there? Google's hosts over https, and loopback. */
NODISCARD int token_url_check(struct str url, struct err *e);
/** file_secret() - a member of the file as a secret; the text in the tree is wiped. NULL when it is missing.
 */
struct secret *file_secret(const struct jval *file, const char *key);
/** metadata_get() - a text of the metadata server. Yields. */
NODISCARD int metadata_get(struct credential *c, struct arena *a, const char *path, struct str *ret,
                           struct err *e);
