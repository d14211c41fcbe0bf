/*
 * emulator/grant.h: what an access token says: whose it is, what for, until when.
 *
 * Tokens carry all this and an HMAC under a key in the store, so that none need be kept and they stay good
 * over a restart. They look like "ya29.slipway-CLAIMS.MAC".
 */
#pragma once

#include "base/jval.h"

struct emulator;

enum { TOKEN_LIFE_S = 3599 };
#define CLOUD_PLATFORM_SCOPE "https://www.googleapis.com/auth/cloud-platform"

struct grant {
    struct str
        member; /* as a policy names it: "serviceAccount:E", "user:E", "principal://iam.googleapis.com/..." */
    struct str scope;        /* separated by spaces */
    const struct jval *sets; /* list of "principalSet://..." it belongs to; NULL: none */
    int64_t expires_s;       /* Unix; 0 when issuing: TOKEN_LIFE_S from now */
};
/* Of the emulator's own commands: may do all. No policy can name it. */
#define MEMBER_ADMIN  "emulator-admin"
/* The scope of a refresh token: no service takes it. */
#define REFRESH_SCOPE "refresh"

/** grant_issue() - a token for @g, in @a. */
const char *grant_issue(struct emulator *m, struct arena *a, const struct grant *g);
enum grant_fault { GRANT_GOOD, GRANT_EXPIRED, GRANT_FOREIGN };
/** grant_read() - is @token one that grant_issue() made here? *ret lives in @a, and is filled for an expired
 * one too. */
enum grant_fault grant_read(struct emulator *m, struct arena *a, struct str token, struct grant *ret);
/** jwt_bearer_read() - is @token a JWT of a service account, signed with one of its keys, that stands for an
 * access token itself (vertex-and-google-auth.md 4.4)? */
bool jwt_bearer_read(struct emulator *m, struct arena *a, struct str token, struct grant *ret);
