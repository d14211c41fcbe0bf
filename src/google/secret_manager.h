/*
 * google/secret_manager.h: the values of secrets in Google Secret Manager, for one agent.
 *
 * A value is asked for once for all who want it at the same time, kept for some minutes, then overwritten.
 * Everything it went through on its way is overwritten too.
 */
#pragma once

#include "google/google.h"

struct secret_manager;

enum { SECRET_KEEP_DEFAULT_MS = 5 * 60 * 1000, SECRET_MAX_BYTES = 64 * 1024 };

/** secret_manager_new() - @g is borrowed. @keep_ms: how long a value is good without asking again; 0: only
 * for those who ask while it is on its way. */
struct secret_manager *secret_manager_new(struct io *io, struct google *g, int64_t keep_ms);
void secret_manager_free(struct secret_manager *m); /* nobody may wait in it. Yields. NULL is a no-op */
DEFINE_AUTO(secret_manager, secret_manager_free)

/**
 * secret_manager_access() - the value of a version. Yields.
 * @name: "projects/P[/locations/L]/secrets/S/versions/V", V a number, an alias or "latest" (the version made
 * last). @field: a member of the payload, which then is a JSON object; absent: the whole payload.
 * *ret is the caller's. Any bytes, at most SECRET_MAX_BYTES. Nothing is retried, but an answer whose checksum
 * does not fit, once. Errors name @name: those of google_call() (-ERR_DENIED names the permission and the
 * command that grants it; -ERR_INVALID for a version that is disabled or destroyed), -ERR_PROTO for an answer
 * that is none, -ERR_INVALID when @field is not in it.
 */
NODISCARD int secret_manager_access(struct secret_manager *m, struct str name, struct str field,
                                    struct secret **ret, struct err *e);
/** secret_manager_drop() - the value of @name was refused somewhere: the next who wants it asks again. Does
 * not yield. */
void secret_manager_drop(struct secret_manager *m, struct str name);

struct secret_answer {
    struct str version; /* its own name, with the project's number: borrowed from the answer */
    struct str payload; /* in the arena */
};
/** secret_answer_read() - what an ":access" answer holds; its checksum fits. Pure. @reply lives in @a, an
 * arena_new_wiped(). -ERR_PROTO. */
NODISCARD int secret_answer_read(struct arena *a, const struct jval *reply, struct secret_answer *ret,
                                 struct err *e);
