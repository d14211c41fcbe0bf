/* server/server.h: the queue server: GraphQL, files of runs, people and keys, on a store. */
#pragma once

#include "base/jval.h"
#include "io/http.h"
#include "server/keep.h"

struct server;

/* People sign in by a browser at an OpenID provider (docs/sign-in.md). Texts are copied. */
struct server_oidc_options {
    const char *issuer;                 /* NULL: nobody signs in, and the rest says nothing */
    const char *client_id;              /* as registered there, with PUBLIC-URL/oidc/callback */
    const struct secret *client_secret; /* copied */
    const char *scope;                  /* NULL: "openid email profile" */
    const char *username_claim;         /* of accounts that are made; NULL: "preferred_username" */
    const char *email_domains; /* "a.com,b.com": who may sign in, by verified address; NULL: anybody */
    bool create_users;         /* who has no account gets one */
    int64_t session_lasts_ms;  /* 0: 7 days */
    int64_t session_idle_ms;   /* without a request; 0: 12 hours */
};
struct server_options {
    const char *data_dir;    /* folder for slipway.db and files; made when missing */
    const char *db_url;      /* not NULL: PostgreSQL in place of slipway.db; several servers may share it,
                                and then share the folder as well */
    const char *public_url;  /* how clients reach it, for links; NULL: http://HOST:PORT */
    bool fast_and_unsafe_db; /* tests: no fsync */
    bool alone;              /* simulator and tests: no other server shares db_url, so none is listened to:
                                that takes real time, which a simulated clock does not see */
    bool cheap_digests;      /* simulator and tests: hardly any argon2id for chosen keys */
    bool lends_once;         /* simulator: as W&B's, an item that was acknowledged is not lent again when its
                                agent falls silent, and not given up either */
    int64_t lease_ms;        /* 0: 60000 */
    double key_rate, address_rate; /* requests a second of one key, of one address; 0: no limit */
    bool behind_proxy;             /* the address is the last one of X-Forwarded-For */
    bool prunes;            /* bytes of deleted artifacts go after an hour, and what policies say, and: */
    struct keep keep;       /* where these say nothing */
    int64_t prune_every_ms; /* 0: 60000 */
    struct server_oidc_options oidc;
    const char *acts_as; /* who the administration below is by, for the audit log; NULL: "server" */
};
/** server_new() - open the store (migrating it). Makes no user: see server_first_admin(). */
NODISCARD int server_new(struct io *io, const struct server_options *o, struct server **ret, struct err *e);
/**
 * server_use_files() - before it serves: files are in @b (borrowed), or for NULL in the data folder; the
 * store remembers which, and it is so from the first file on. @links: clients get addresses of the bucket.
 * Yields. -ERR_CONFLICT, -ERR_CONFIG: the store's files are elsewhere; -ERR_NOT_FOUND, -ERR_DENIED,
 * -ERR_AUTH: the bucket cannot be used. One that does not answer now is only warned of.
 */
struct bucket;
NODISCARD int server_use_files(struct server *s, struct bucket *b, bool links, struct err *e);
/** server_handle() - an http_handler_fn: @ctx is the struct server. */
void server_handle(void *ctx, struct http_exchange *x);
/** server_admits() - for bodies too long for memory: is it a PUT to an address that this server signed? */
bool server_admits(void *ctx, struct str method, struct str path);
enum { SERVER_UPLOAD_MAX_GIB = 64 }; /* of one upload of an artifact's file */
/** server_spool_dir() - where such bodies go, on the file system of the data; as long as the server. */
const char *server_spool_dir(const struct server *s);
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
    bool admin;                   /* of the server */
    const char *team, *role;      /* team NULL: a person; else a service account of it with this role */
    const struct secret *api_key; /* NULL: make one */
    const char *key_name;         /* NULL: "first key" */
    int64_t key_lasts_ms;         /* 0: for ever */
};
/** server_user_create() - *ret_key is the key, the only time it is seen. -ERR_CONFLICT when the name is
 * taken; -ERR_INVALID for a bad name, role or key; -ERR_NOT_FOUND: no such team. Yields. */
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
/** server_user_set_admin() - of the server. -ERR_NOT_FOUND; -ERR_CONFLICT: the last one. */
NODISCARD int server_user_set_admin(struct server *s, const char *username, bool admin, struct err *e);
/** server_user_set_disabled() - from the next request on none of its keys opens anything. Errors likewise. */
NODISCARD int server_user_set_disabled(struct server *s, const char *username, bool disabled, struct err *e);
struct admin_key_options {
    const char *username, *name;
    const struct secret *api_key; /* NULL: make one */
    int64_t lasts_ms;             /* 0: for ever */
};
/** server_key_create() - one more key of a user. *ret_key is the key, the only time it is seen; *ret_id names
 * it from then on. -ERR_NOT_FOUND; -ERR_INVALID for a bad key. Yields. */
NODISCARD int server_key_create(struct server *s, const struct admin_key_options *o, struct secret **ret_key,
                                int64_t *ret_id, struct err *e);
/** server_key_revoke() - from the next request on it opens nothing. *ret is {"id", "user", "name", "prefix"}.
 * -ERR_NOT_FOUND; -ERR_CONFLICT: it was revoked before. */
NODISCARD int server_key_revoke(struct server *s, struct arena *a, int64_t id, struct jval **ret,
                                struct err *e);
/* --- how long is kept what projects have --- */
struct admin_keep_options {
    const char *entity, *project; /* project NULL: for all of the entity's that say nothing */
    struct keep keep;             /* KEEP_AS_IT_IS, KEEP_UNSAID, KEEP_FOR_EVER, or ms */
};
/** server_keep_set() - change a policy; one that says nothing any more is gone. -ERR_NOT_FOUND. */
NODISCARD int server_keep_set(struct server *s, const struct admin_keep_options *o, struct err *e);
/** server_keep_list() - {"entity","project","history","files","artifacts"}: project null for the entity's
 * policy; times as "90d" or "forever", null for what is not said. @o's names say of what; NULL: of all. */
NODISCARD int server_keep_list(struct server *s, struct arena *a, const struct admin_keep_options *o,
                               struct jval **ret, struct err *e);
/* Lists of objects; times are RFC 3339, null for never. */
/** server_user_list() - {"username","email","admin","team","created","disabled"}; team: of a service
 * account. */
NODISCARD int server_user_list(struct server *s, struct arena *a, struct jval **ret, struct err *e);
/** server_team_list() - {"team","members":[{"username","role"}]} */
NODISCARD int server_team_list(struct server *s, struct arena *a, struct jval **ret, struct err *e);
/** server_key_list() - {"id","user","name","prefix","created","last_used","expires","revoked","state"} with
 * state "good", "expired" or "revoked". @username NULL: of all. */
NODISCARD int server_key_list(struct server *s, struct arena *a, const char *username, struct jval **ret,
                              struct err *e);
/** server_audit_list() - at most @count rows of the audit log from @from on:
 * {"seq","at","who","what","object", "detail","before","after","hash"}. */
NODISCARD int server_audit_list(struct server *s, struct arena *a, int64_t from, int64_t count,
                                struct jval **ret, struct err *e);
/** server_audit_verify() - *ret is {"rows": how many are right, "broken": the number of the first that is not
 * or null, "why", "head": "SEQ:HASH" of the last right one}. @known: a head that was kept elsewhere; absent:
 * none. -ERR_USAGE: it is none. */
NODISCARD int server_audit_verify(struct server *s, struct arena *a, struct str known, struct jval **ret,
                                  struct err *e);
/** server_session_list() - browsers that are signed in, of a user or (NULL) of all:
 * {"id","user","address","created","last_used","expires"}. -ERR_NOT_FOUND: no such user. */
NODISCARD int server_session_list(struct server *s, struct arena *a, const char *username, struct jval **ret,
                                  struct err *e);
/** server_session_revoke() - from the next request on it opens nothing. *ret is {"id", "user"}.
 * -ERR_NOT_FOUND. */
NODISCARD int server_session_revoke(struct server *s, struct arena *a, int64_t id, struct jval **ret,
                                    struct err *e);
struct admin_identity {
    const char *username, *issuer, *subject;
};
/** server_identity_add() - a user is this person of an OpenID provider. -ERR_NOT_FOUND: no such user;
 * -ERR_CONFLICT: somebody is; -ERR_INVALID: a service account. */
NODISCARD int server_identity_add(struct server *s, const struct admin_identity *i, struct err *e);
/** server_identity_remove() - and end the user's sessions. -ERR_NOT_FOUND. */
NODISCARD int server_identity_remove(struct server *s, const struct admin_identity *i, struct err *e);
/** server_identity_list() - {"user","issuer","subject","created"} */
NODISCARD int server_identity_list(struct server *s, struct arena *a, struct jval **ret, struct err *e);
