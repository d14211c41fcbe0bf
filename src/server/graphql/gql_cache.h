/* server/graphql/gql_cache.h: parsed and validated documents by text. Private to the engine. */
#pragma once

#include "server/graphql/gql_parse.h"

struct gql_cache;

/* Counted: the cache and every execution under way hold one, for an execution may yield while the cache gives
 * the document's place to another. */
struct gql_cached {
    struct arena *a;
    struct gql_document *doc;
    uint32_t refs;
    uint64_t used; /* when last asked for, in requests */
};

struct gql_cache *gql_cache_new(uint32_t max_documents);
void gql_cache_free(struct gql_cache *c);
/** gql_cache_get() - a reference to the document with this text, or NULL. */
struct gql_cached *gql_cache_get(struct gql_cache *c, struct str text);
/** gql_cache_put() - keep @d (takes a reference of its own); the least used may go. */
void gql_cache_put(struct gql_cache *c, struct gql_cached *d);
void gql_cached_unref(struct gql_cached *d); /* NULL is a no-op */
DEFINE_AUTO(gql_cached, gql_cached_unref)
