/* server/store/identities.h: who somebody is at an OpenID provider, and the sign-in of such a person. */
#pragma once

#include "io/io.h"
#include "server/store/sessions.h"

struct store_identity {
    struct str username, issuer, subject;
    int64_t created_unix_ms;
};
/** store_identity_add() - a user is this person from now on. -ERR_NOT_FOUND: no such user; -ERR_CONFLICT:
 * somebody is; -ERR_INVALID: a service account. */
NODISCARD int store_identity_add(struct store *s, const struct store_identity *i, const struct store_by *by,
                                 struct err *e);
/** store_identity_remove() - and end the sessions of the user. -ERR_NOT_FOUND: nobody is this person. */
NODISCARD int store_identity_remove(struct store *s, const struct store_identity *i,
                                    const struct store_by *by, struct err *e);
/** store_identity_list() - by user name. */
NODISCARD int store_identity_list(struct store *s, struct arena *a, struct store_identity **ret,
                                  size_t *ret_len, struct err *e);

struct store_sign_in {
    struct str issuer, subject;
    struct str email;    /* that the provider has verified, in lower case; absent: none */
    struct str new_name; /* of the user to make where there is none; absent: make none */
    struct store_new_session session;
    int64_t now_unix_ms;
};
/**
 * store_sign_in() - a session of the user who is this person; *ret is the user.
 * Who is nobody yet becomes the one person (no service account) with this address who is nobody at this
 * issuer, else a new user. A name alone makes nobody anybody.
 * -ERR_DENIED: nobody here, or disabled; -ERR_CONFLICT: the sign-in was used before, the new name is taken,
 * or several users have the address. The words are for the person.
 */
NODISCARD int store_sign_in(struct store *s, struct arena *a, const struct store_sign_in *in,
                            struct store_user *ret, struct err *e);
/** store_sign_in_refused() - a line in the log of changes: @who ("sub 123 (ann@example.com)") was not let in,
 * and why. */
NODISCARD int store_sign_in_refused(struct store *s, struct str who, struct str why, int64_t now_unix_ms,
                                    struct err *e);
