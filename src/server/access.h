/*
 * server/access.h: may this caller do this to that? One table (access.c) says which role an act needs; every
 * resolver and file route asks here before it touches anything.
 *
 * An act is the name of a mutation; "mutation.part" for what needs more than the mutation itself; "read" for
 * every query; "stream" for a run's file_stream. An act that is not in the table is nobody's.
 *
 * The role is the caller's in the entity that owns the object: admin in its own entity, what its team gave
 * it, admin everywhere for an admin of the server. On a queue another role may stand for it, see
 * access_queue().
 *
 * Without a role an object does not exist: -ERR_NOT_FOUND with the words, and after the same work, as for one
 * that is not there. With too low a role: -ERR_DENIED, which says what is missing. None of these yields.
 */
#pragma once

#include "server/store/store.h"

struct access {
    struct store *store;
    struct arena *a;
    const struct store_user *user;
    const char *act;
};
struct project_ref {
    struct str entity; /* empty or absent: the user's own */
    struct str name;
};

/** access_least() - the least role that may do @act; false: not in the table. */
bool access_least(const char *act, enum store_role *ret);

NODISCARD int access_entity(const struct access *q, struct str name, struct store_entity *ret, struct err *e);
/** access_entity_id() - for an object of this entity, which the error calls @what. */
NODISCARD int access_entity_id(const struct access *q, int64_t entity_id, const char *what, struct err *e);
NODISCARD int access_project(const struct access *q, const struct project_ref *ref, struct store_project *ret,
                             struct err *e);
/**
 * access_queue() - for a queue or something in it, which the error calls @what.
 * Admins of the team are admins of every queue. A role given on the queue comes next. A queue with access
 * USER is its maker's, who is its admin, and no other's. Else the role in the team holds.
 */
NODISCARD int access_queue(const struct access *q, const struct store_queue *queue, const char *what,
                           struct err *e);
