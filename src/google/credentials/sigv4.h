/* google/credentials/sigv4.h: Amazon's signature of a request, version 4, for what STS wants to see of it.
 * Pure. Internal to src/google. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/str.h"

struct aws_keys {
    struct str access_key_id;
    struct secret *secret_access_key; /* owned by whoever holds the struct */
    struct secret *session_token;     /* NULL: none */
};
void aws_keys_done(struct aws_keys *k);

struct sigv4_request {
    struct str host;  /* "sts.us-east-2.amazonaws.com" */
    struct str query; /* raw, without '?' */
    struct str region;
    int64_t unix_ms;
};
/** sigv4_authorization() - the value of the Authorization header of an empty POST to "/"; its date, as the
 * x-amz-date header wants it ("20260102T030405Z", 17 bytes), in @ret_date. Into @a. */
struct str sigv4_authorization(struct arena *a, const struct sigv4_request *r, const struct aws_keys *k,
                               char *ret_date);
/**
 * sigv4_subject_token() - the signed request as the JSON text that Google's STS replays, percent-encoded
 * (reference 4.8). @audience is the credential file's.
 */
struct secret *sigv4_subject_token(const struct sigv4_request *r, struct str url, const struct aws_keys *k,
                                   struct str audience);
