/*
 * google/credentials/external.h: an identity of elsewhere, traded for a token of Google's. What differs is
 * where the subject token comes from: one row and one file per source. Internal to external*.c and
 * subject*.c.
 */
#pragma once

#include "google/credentials/credential.h"

struct external;
struct subject_source {
    const char *name; /* "file": as google-auth calls it */
    /** Read "credential_source". -ERR_CONFIG. */
    int (*load)(struct credential *c, struct external *x, const struct jval *source, struct err *e);
    /** The subject token of now. Yields. *ret is owned by the caller. */
    int (*fetch)(struct credential *c, struct external *x, struct secret **ret, struct err *e);
    void (*done)(struct external *x); /* NULL: there are no secrets in @x->own */
};
struct external { /* credential.own; texts in the credential's arena */
    const struct subject_source *subject;
    void *own; /* of the source */
    const char *token_url;
    struct str audience, subject_token_type, client_id;
    struct str workforce_project; /* workforce_pool_user_project */
};
extern const struct subject_source subject_file, subject_url, subject_aws, subject_executable,
    subject_certificate;

/* "format" of a file or URL source. */
struct subject_format {
    bool json;
    struct str field; /* subject_token_field_name */
};
NODISCARD int subject_format_load(struct credential *c, const struct jval *source, struct subject_format *ret,
                                  struct err *e);
/** subject_token_in() - the token in @text, trimmed (a newline at the end is no part of it). @where for
 * messages. -ERR_AUTH. */
NODISCARD int subject_token_in(const struct subject_format *f, struct str text, const char *where,
                               struct secret **ret, struct err *e);

/* What an executable printed, or its output file holds. */
struct executable_answer {
    struct secret *token;
    int64_t expires_at_s; /* Unix; 0: not said */
};
/** executable_answer_read() - decode @text at time @now_s. -ERR_AUTH: unsuccessful or expired, -ERR_PROTO: of
 * another shape. */
NODISCARD int executable_answer_read(struct str text, struct str token_type, int64_t now_s,
                                     struct executable_answer *ret, struct err *e);
/** command_split() - a command line as a POSIX shell would split it, and nothing else of a shell: blanks,
 * quotes, backslashes. NULL-ended, in @a. -ERR_CONFIG: an open quote, nothing, over 256 words. */
NODISCARD int command_split(struct arena *a, struct str line, const char ***ret, struct err *e);
