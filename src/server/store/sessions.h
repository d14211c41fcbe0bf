/* server/store/sessions.h: what browsers were signed in. The store keeps a digest of what the cookie has. */
#pragma once

#include "io/io.h"
#include "server/store/people.h"

struct store_session {
    int64_t id, user_id;
    struct str username, address; /* address: where the sign-in came from */
    int64_t created_unix_ms, last_used_unix_ms, expires_unix_ms;
};
struct store_session_found {
    struct store_session session;
    struct store_user user;
};
struct store_new_session {
    struct str hash;    /* what it is found by */
    struct str sign_in; /* of the sign-in that makes it: a second session of it is -ERR_CONFLICT */
    struct str address;
    int64_t expires_unix_ms;
};
/** store_session_find() - that was not ended, of a user that is not disabled; whether its time is over is the
 * caller's to see. -ERR_NOT_FOUND. */
NODISCARD int store_session_find(struct store *s, struct arena *a, struct str hash,
                                 struct store_session_found *ret, struct err *e);
NODISCARD int store_session_used(struct store *s, int64_t id, int64_t now_unix_ms, struct err *e);
/** store_session_list() - those that were not ended and not swept, of a user, or of all where @username is
 * absent, oldest first. -ERR_NOT_FOUND: no such user. */
NODISCARD int store_session_list(struct store *s, struct arena *a, struct str username,
                                 struct store_session **ret, size_t *ret_len, struct err *e);
/** store_session_end() - it opens nothing any more; *ret is the session. -ERR_NOT_FOUND: there is none, or it
 * was ended before. */
NODISCARD int store_session_end(struct store *s, struct arena *a, int64_t id, const struct store_by *by,
                                struct store_session *ret, struct err *e);
/** store_session_sweep() - forget sessions whose time was over before @before_unix_ms. */
NODISCARD int store_session_sweep(struct store *s, int64_t before_unix_ms, struct err *e);
