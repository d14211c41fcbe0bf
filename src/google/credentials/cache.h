/*
 * google/credentials/cache.h: one token for all callers. A refresh runs on a fiber of its own, one at a time:
 * who has a good token does not wait for the next one, and a caller that is cancelled takes nobody else's
 * refresh with it.
 */
#pragma once

#include "google/credentials/credential.h"

struct token_cache;
typedef int (*token_fetch_fn)(void *ctx, struct token *ret, struct err *e); /* yields */

/** token_cache_new() - @fetch and @ctx are borrowed until token_cache_free(). */
struct token_cache *token_cache_new(struct io *io, token_fetch_fn fetch, void *ctx);
void token_cache_free(struct token_cache *c); /* ends a refresh under way. Yields. NULL is a no-op */
/** token_cache_get() - a token that is good now: renewed from 3 min 45 s before its end on, in the
 * background, at most every 10 s. Yields only when there is none. Borrowed until the next yield. The error is
 * the refresh's. */
NODISCARD int token_cache_get(struct token_cache *c, const struct secret **ret, struct err *e);
/** token_cache_refused() - a peer did not take @used: it is given out no more. A token that replaced it
 * meanwhile stays. */
void token_cache_refused(struct token_cache *c, const struct secret *used);
int64_t token_cache_expires_in_ms(const struct token_cache *c); /* 0: no good token */
