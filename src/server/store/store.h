/*
 * server/store/store.h: what the server remembers, as acts with a meaning; no SQL outside this folder.
 *
 * This header and its subjects (people.h queues.h items.h agents.h runs.h history.h branches.h identities.h
 * sweeps.h sweep_bands.h artifacts.h collections.h policies.h retention.h sessions.h transfer.h) are the one
 * interface. The SQL behind it is written once, for SQLite and PostgreSQL (io/db.h), and
 * tests/unit/server/test_store*.c run on both.
 *
 * Common rules: a function that changes something is one transaction, durable when it returns, and yields;
 * one that reads does not yield, but with PostgreSQL. Results are copies in the caller's arena and are
 * untouched on failure. Times are wall clock, given by the caller. Ids that clients see are opaque strings
 * drawn by the store; numbers (int64_t id) stay inside the server. -ERR_NOT_FOUND, -ERR_CONFLICT (name taken,
 * state does not allow it), -ERR_STORE, -ERR_CANCELLED.
 */
#pragma once

#include "io/io.h"

struct store;

struct store_options {
    const char *path;     /* database file; its folder exists */
    const char *url;      /* not NULL: PostgreSQL's address, in place of the file */
    bool fast_and_unsafe; /* no fsync: simulator and tests */
    bool any_format;      /* only store_open_to_read(): an older format is as good */
};
NODISCARD int store_open(struct io *io, const struct store_options *o, struct store **ret, struct err *e);
void store_close(struct store *s); /* NULL is a no-op */
DEFINE_AUTO(store, store_close)

/** store_listen() - @woken is told of queues in which an item waits since another server put or gave it back
 * there; 0: it may be any. On the loop thread, and it must not yield. Once; never called with SQLite, which
 * only one server uses. Does not yield. */
typedef void (*store_woken_fn)(void *ctx, int64_t queue_id);
NODISCARD int store_listen(struct store *s, store_woken_fn woken, void *ctx, struct err *e);

/** store_clock() - the wall clock of PostgreSQL's machine, which all servers of the store have in common.
 * *ret_unix_ms is 0 with SQLite, which has none. Yields. */
NODISCARD int store_clock(struct store *s, int64_t *ret_unix_ms, struct err *e);

/* Drawn once per store, 64 hex digits each: signs upload addresses; keys the digests of API keys. */
enum store_secret { STORE_SIGNING_KEY, STORE_API_KEYS };
/** store_own_secret() - yields the first time. */
NODISCARD int store_own_secret(struct store *s, enum store_secret which, struct secret **ret, struct err *e);

/**
 * store_files_place() - where all files of this store are: @claims (not NULL: "gs://...") when nobody has
 * said so yet and the store has none. *ret: what holds, in @a; absent: the data folder. -ERR_CONFLICT:
 * @claims is not what holds; the message says what does. Yields when it claims.
 */
NODISCARD int store_files_place(struct store *s, struct arena *a, const char *claims, struct str *ret,
                                struct err *e);

#include "server/store/agents.h"
#include "server/store/artifacts.h"
#include "server/store/audit.h"
#include "server/store/branches.h"
#include "server/store/collections.h"
#include "server/store/history.h"
#include "server/store/identities.h"
#include "server/store/items.h"
#include "server/store/keys.h"
#include "server/store/people.h"
#include "server/store/policies.h"
#include "server/store/queues.h"
#include "server/store/retention.h"
#include "server/store/runs.h"
#include "server/store/sessions.h"
#include "server/store/sweep_bands.h"
#include "server/store/sweeps.h"
#include "server/store/transfer.h"
