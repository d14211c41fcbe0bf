/* google/credentials/credential.h: where bearer tokens come from. One file per kind. Internal to src/google.
 */
#pragma once

#include "base/jval.h"
#include "google/hosts.h"
#include "io/http.h"

#define GOOGLE_SCOPE "https://www.googleapis.com/auth/cloud-platform"
#define IAM_SCOPE    "https://www.googleapis.com/auth/iam" /* of a token that is traded for another one */

struct credential;
struct token {
    struct secret *value; /* owned by whoever holds the struct */
    int64_t expires_in_s; /* from the moment of the answer */
};
struct credential_kind {
    const char *name; /* "service_account": as in the file's "type" */
    /** Read the file's members. -ERR_CONFIG names what is missing. */
    int (*load)(struct credential *c, const struct jval *file, struct err *e);
    /** A fresh token of scope @c->scope. Yields. */
    int (*fetch)(struct credential *c, struct token *ret, struct err *e);
    void (*done)(struct credential *c); /* frees the secrets in @c->own; NULL: there are none */
};
/* generateAccessToken: the account whose token is wanted. */
struct impersonation {
    const char *url;      /* NULL: no impersonation */
    struct str principal; /* its e-mail address */
    const struct jval *delegates;
    int64_t lifetime_s;
};
struct credential {
    struct io *io;
    struct google_hosts *hosts; /* borrowed */
    const struct credential_kind *kind;
    struct arena *a;           /* owns the texts below */
    const char *source;        /* "/path/key.json" or "the metadata server": for messages */
    const char *found_by;      /* "GOOGLE_APPLICATION_CREDENTIALS": how @source was come upon */
    const char *scope;         /* of the tokens it fetches */
    struct str project;        /* of the file, or as the metadata server said; absent: not known */
    struct str project_number; /* of an external account's pool; absent: not known */
    struct str quota_project;
    struct str principal; /* client_email, client_id, audience, or as the metadata server said */
    struct str key_id, token_uri;
    struct secret *secret;  /* private key or client secret */
    struct secret *refresh; /* refresh token */
    const char *metadata_host;
    bool metadata_is_guess; /* nobody named it: it may not exist */
    bool metadata_answered; /* and the first ping is over */
    bool self_signed;       /* key files make tokens themselves */
    const char *refused;    /* why the last token was: a row's id (google/refusal.h); NULL: not known */
    bool is_exposed;        /* the file may be read by others: to be warned of */
    const char *cert_path, *key_path; /* a client certificate for STS and impersonation; NULL none */
    struct impersonation target;
    struct credential *from; /* whose token impersonated_service_account trades; owned */
    void *own;               /* of the kind, in @a */
};
extern const struct credential_kind metadata_kind, service_account_kind, authorized_user_kind,
    impersonated_kind, external_account_kind, external_user_kind;

struct credential_options {
    struct google_hosts *hosts; /* borrowed for ever */
    const char *file, *metadata_host;
    bool self_signed;
};
/** credential_find() - Application Default Credentials: @file, GOOGLE_APPLICATION_CREDENTIALS, gcloud's file,
 * the metadata server. Does not ask for a token. -ERR_CONFIG for a file that cannot be used. */
NODISCARD int credential_find(struct io *io, const struct credential_options *o, struct credential **ret,
                              struct err *e);
/** credential_from_file() - the one that a decoded file describes; @source for messages. -ERR_CONFIG. */
NODISCARD int credential_from_file(struct io *io, const struct credential_options *o, const char *source,
                                   const struct jval *file, struct credential **ret, struct err *e);
void credential_free(struct credential *c);
DEFINE_AUTO(credential, credential_free)

/* How often a request is sent again; waits are 1 s, 2 s, ..., each up to a tenth longer or shorter. */
enum retry {
    RETRY_NONE,       /* STS; Amazon's and other metadata */
    RETRY_TOKEN,      /* 3 attempts: 408, 429, 5xx, and OAuth errors that pass */
    RETRY_METADATA,   /* 5 attempts: the same, and when nobody answers */
    RETRY_IMPERSONATE /* 3 attempts: 5xx */
};
/** credential_send() - @req with a cap and a time-out, sent again as @retry says. The client certificate of
 * @c goes with it. Yields. Errors as http_send(). */
NODISCARD int credential_send(struct credential *c, struct arena *a, const struct http_request *req,
                              enum retry retry, struct http_reply *ret, struct err *e);
/** token_request() - send, and read {"access_token", "expires_in"}. Yields. -ERR_AUTH for an OAuth error,
 * with its explanation (google/refusal.h). */
NODISCARD int token_request(struct credential *c, const struct http_request *req, enum retry retry,
                            struct token *ret, struct err *e);
/** token_post() - POST the form in @body to @url. Yields. */
NODISCARD int token_post(struct credential *c, const char *url, struct str body, struct token *ret,
                         struct err *e);
/** token_read() - the text of a token endpoint's 200. *ret is the token; *ret_refresh a new refresh token, or
 * NULL; may be NULL itself. @text is wiped. -ERR_PROTO. */
NODISCARD int token_read(struct str text, struct token *ret, struct secret **ret_refresh, struct err *e);
/** file_secret() - a member of the file as a secret; the text in the tree is wiped. NULL when it is missing.
 */
struct secret *file_secret(const struct jval *file, const char *key);
/** require() - append "name " to @missing when @there is false. */
void require(struct strbuf *missing, const char *name, bool there);

/** impersonation_load() - the target in @url. @lifetime_s 0: an hour. -ERR_CONFIG. */
NODISCARD int impersonation_load(struct credential *c, struct str url, const struct jval *delegates,
                                 int64_t lifetime_s, struct err *e);
/** impersonate() - trade @token for one of @c->target, of scope @c->scope. Yields. */
NODISCARD int impersonate(struct credential *c, const struct secret *token, struct token *ret, struct err *e);

/** jwt_sign() - a token signed with the key of @c, appended to @jwt: an assertion for the token endpoint, or
 * (@self_signed) a bearer token. -ERR_CONFIG for a key that is none. */
NODISCARD int jwt_sign(struct credential *c, bool self_signed, struct strbuf *jwt, struct err *e);

/** metadata_get() - a text of the metadata server. Yields. */
NODISCARD int metadata_get(struct credential *c, struct arena *a, const char *path, struct str *ret,
                           struct err *e);
/** metadata_describe() - e-mail address and scopes of the attached account. Yields. */
NODISCARD int metadata_describe(struct credential *c, struct arena *a, struct str *ret_email,
                                struct str *ret_scopes, struct err *e);
/** gcloud_project() - core/project of gcloud's active configuration; absent when there is none. Into @a. */
struct str gcloud_project(struct io *io, struct arena *a);
/** gcloud_folder() - where gcloud keeps its files: CLOUDSDK_CONFIG, else ~/.config/gcloud; NULL without a
 * home. */
const char *gcloud_folder(struct io *io, struct arena *a);
