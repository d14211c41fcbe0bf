/* server/server.h: the queue server: GraphQL, files of runs, people and keys, on a store. */
#pragma once

#include "io/http.h"

struct server;

struct server_options {
    const char *data_dir;    /* folder for slipway.db; made when missing */
    const char *public_url;  /* how clients reach it, for links; NULL: http://HOST:PORT */
    bool fast_and_unsafe_db; /* simulator and tests */
    int64_t lease_ms;        /* 0: 60000 */
};
/** server_new() - open the store (migrating it). Makes no user: see server_first_admin(). */
NODISCARD int server_new(struct io *io, const struct server_options *o, struct server **ret, struct err *e);
/** server_handle() - an http_handler_fn: @ctx is the struct server. */
void server_handle(void *ctx, struct http_exchange *x);
/** server_start() - housekeeping fibers: leases that run out, runs gone silent. */
void server_start(struct server *s);
void server_free(struct server *s); /* Yields: waits for its fibers. NULL is a no-op */

/* --- administration, used by `slipway admin` on the same data folder
 * ---------------------------------------- */
/** server_first_admin() - on a store without users, make the user "admin" that may do everything; *ret_key is
 * its key, the only time it is seen. NULL when there are users: whoever made them has their keys. Call it
 * when nothing can fail any more before the key is shown. */
NODISCARD int server_first_admin(struct server *s, struct secret **ret_key, struct err *e);
struct admin_user_options {
    const char *username, *email; /* email may be NULL */
    bool admin;
    const struct secret *api_key; /* NULL: make one */
};
/** server_user_create() - *ret_key is the key, the only time it is seen. -ERR_CONFLICT when the name is
 * taken; -ERR_INVALID for a bad name or key. */
NODISCARD int server_user_create(struct server *s, const struct admin_user_options *o,
                                 struct secret **ret_key, struct err *e);
struct admin_team_options {
    const char *name;
    const char *const *admins, *const *members, *const *viewers; /* user names, each NULL-ended or NULL */
};
/** server_team_create() - a team entity with the roles of its people. -ERR_NOT_FOUND names a user that is not
 * there. */
NODISCARD int server_team_create(struct server *s, const struct admin_team_options *o, struct err *e);
struct admin_role_options {
    const char *user, *team, *role; /* "admin", "member", "viewer" or "none" */
    const char *queue; /* NULL: the role in the team; else on this queue, "default" takes it away */
};
/** server_role_set() - give a user a role. -ERR_INVALID: no such role; -ERR_NOT_FOUND. */
NODISCARD int server_role_set(struct server *s, const struct admin_role_options *o, struct err *e);
