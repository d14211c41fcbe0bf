/* cli/roles.h: starting the three roles from a command: shared by `server`, `emulator`, `agent` and `up`. */
#pragma once

#include "agent/agent.h"
#include "emulator/emulator.h"
#include "google/bucket.h"
#include "io/file.h"
#include "server/server.h"

/**
 * role_google() - a client for Google's services as the environment says: SLIPWAY_GOOGLE_ENDPOINT sends every
 * service, and the metadata server, to the emulator. google_free() it. -ERR_CONFIG.
 */
NODISCARD int role_google(struct io *io, struct google **ret, struct err *e);
struct google *role_google_at(struct io *io, const char *endpoint); /* NULL: Google */
/** role_google_with() - as @o says; warnings are logged unless @o takes them, and an endpoint for all is the
 * metadata server too.
 */
struct google *role_google_with(struct io *io, const struct google_options *o);
/** role_region() - GOOGLE_CLOUD_REGION, else us-central1. Borrowed for ever. */
const char *role_region(struct io *io);

/** role_check_host() - an address other than loopback needs @allowed; the error names @flag. */
NODISCARD int role_check_host(const char *host, bool allowed, const char *flag, struct err *e);

/* Both serve a data folder that no other process serves: -ERR_CONFLICT says which one has it. */
struct served_server {
    struct file_lock *lock;
    struct server *server;
    struct http_server *http;
    struct google *google; /* for the bucket; NULL: there is none */
    struct bucket *bucket;
    const char *scheme; /* "http" or "https" */
};
struct args; /* cli/option.h */

struct server_place {
    const char *data_dir;
    const char *db_url; /* role_db_url() */
    const char *host;   /* NULL: 127.0.0.1 */
    uint16_t port;
    double key_rate, address_rate; /* requests a second; 0: no limit */
    bool behind_proxy;
    bool prunes;            /* bytes of deleted artifacts go, what policies say, and what is named next */
    struct keep keep;       /* where these say nothing */
    int64_t prune_every_ms; /* 0: a minute */
    const char *files;      /* gs://BUCKET/FOLDER; NULL: the data folder */
    bool no_links;          /* files of a bucket go through the server */
    const char *public_url; /* NULL: as clients call it */
    struct server_oidc_options oidc;
    const char *tls_cert, *tls_key; /* PEM files; both or neither. A key that others may read is warned of */
};
/** role_db_url() - --db, else SLIPWAY_DB: the address of a PostgreSQL database; NULL: a file. -ERR_USAGE for
 * another kind of address. */
NODISCARD int role_db_url(struct io *io, const struct args *a, const char **ret, struct err *e);
/** role_bucket() - the bucket at @url, with the environment's credentials; both are the caller's.
 * -ERR_CONFIG. */
NODISCARD int role_bucket(struct io *io, const char *url, struct google **ret_google, struct bucket **ret,
                          struct err *e);
/** role_serve_server() - open the store in its folder and listen. Yields. Nothing is left behind on failure.
 */
NODISCARD int role_serve_server(struct io *io, const struct server_place *p, struct served_server *ret,
                                struct err *e);
void role_close_server(struct served_server *s); /* running requests get 5 s to finish */

struct served_emulator {
    struct file_lock *lock;
    struct emulator *emulator;
    struct http_server *http;
};
struct emulator_place {
    struct emulator_options options;
    const char *host;
    uint16_t port;
};
/* In the data folder, 0600: {"url", "token"} of the emulator that last served it. */
#define ROLE_EMULATOR_ADDRESS "emulator.json"
NODISCARD int role_serve_emulator(struct io *io, const struct emulator_place *p, struct served_emulator *ret,
                                  struct err *e);
void role_close_emulator(struct served_emulator *m); /* as role_close_server() */

/* SIGTERM and SIGINT ask for a stop; a second one of them ends the process at once. */
struct stop {
    struct io *io;
    struct group *watcher;
    bool asked, ready;
    uint64_t hangups; /* SIGHUPs so far */
    struct cond changed;
};
/** role_catch_stop() - from its return on, a signal is remembered: call it before anybody is told that the
 * role is up. Yields. role_release_stop() ends it. */
void role_catch_stop(struct io *io, struct stop *s);
void role_release_stop(struct stop *s); /* Yields */
/** role_wait_for_stop() - until a stop is asked for, or was. Yields. */
NODISCARD int role_wait_for_stop(struct stop *s, struct err *e);

/** role_ready() - the role does its work: tell systemd, and from now on that the loop turns, if it wants to
 * know. After role_catch_stop(); a second call is a no-op. Does not yield. */
void role_ready(struct stop *s);

/** role_run_agent() - run until it ends by itself or a stop asks it to drain. Yields. */
NODISCARD int role_run_agent(struct stop *s, struct agent *agent, struct err *e);

/** role_default_dir() - ~/.local/share/slipway/NAME (XDG_DATA_HOME first), into the arena. */
const char *role_default_dir(struct io *io, struct arena *a, const char *name);
