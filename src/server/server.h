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
/** server_new() - open the store (migrating it). *ret_first_key: set when the database was empty: the new
 * admin's key; the caller shows it once and frees it. */
NODISCARD int server_new(struct io *io, const struct server_options *o, struct server **ret,
                         struct secret **ret_first_key, struct err *e);
/** server_handle() - an http_handler_fn: @ctx is the struct server. */
void server_handle(void *ctx, struct http_exchange *x);
/** server_start() - housekeeping fibers: leases that run out, runs gone silent. */
void server_start(struct server *s);
void server_free(struct server *s); /* Yields: waits for its fibers. NULL is a no-op */

/* --- administration, used by `slipway admin` on the same data folder
 * ---------------------------------------- */
struct admin_user_options {
    const char *username, *email; /* email may be NULL */
    bool admin;
    const struct secret *api_key; /* NULL: make one */
};
/** server_user_create() - *ret_key is the key, the only time it is seen. -ERR_CONFLICT when the name is
 * taken; -ERR_INVALID for a bad name or key. */
NODISCARD int server_user_create(struct server *s, const struct admin_user_options *o,
                                 struct secret **ret_key, struct err *e);
/** server_team_create() - a team entity with its members (NULL-ended user names). */
NODISCARD int server_team_create(struct server *s, const char *name, const char *const *members,
                                 struct err *e);
