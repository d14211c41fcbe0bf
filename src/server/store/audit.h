/*
 * server/store/audit.h: what people changed: users, keys, roles, queues, stops and deletions.
 *
 * The acts that are logged take a struct store_by and write their row in their own transaction. Rows are only
 * added. Each has a hash over the hash before it and its own fields, so that a row which was changed, put in
 * or taken out later is found by store_audit_check(). Whoever can write the database can make a new chain:
 * keep a head (SEQ:HASH) elsewhere now and then.
 */
#pragma once

#include "io/io.h"

struct store;

/* Who changes something, and when: "user ann", "operator uid 0", "server". */
struct store_by {
    struct str who;
    int64_t now_unix_ms;
};
struct store_audit_row {
    int64_t seq; /* from 1, without a gap */
    int64_t at_unix_ms;
    struct str who;
    struct str what;          /* "queue.delete" */
    struct str object;        /* "queue ann/gpu" */
    struct str detail;        /* "member -> admin"; may be absent */
    struct str before, after; /* SHA-256 of the whole thing, hex; absent: it was not, or is not, there */
    struct str hash;          /* hex */
};
struct store_audit_query {
    int64_t from, count; /* at most @count rows from number @from on */
};
/** store_audit_list() - oldest first. */
NODISCARD int store_audit_list(struct store *s, struct arena *a, struct store_audit_query q,
                               struct store_audit_row **ret, size_t *ret_len, struct err *e);
struct store_audit_check {
    int64_t known_seq; /* in: a head that was kept elsewhere; 0: none */
    struct str known_hash;
    int64_t rows;       /* out: rows that are right, from the first on */
    int64_t broken_seq; /* the first that is not; 0: all are right */
    const char *broken; /* what is wrong with it */
    struct str head;    /* hash of the last right row */
};
/** store_audit_check() - go through the whole chain. Reads it at once: for `slipway admin`. */
NODISCARD int store_audit_check(struct store *s, struct arena *a, struct store_audit_check *io,
                                struct err *e);
