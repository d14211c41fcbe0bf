/* server/graphql/gql_cache.c: a bounded map from text to document; the least recently used goes first. */
#include "server/graphql/gql_cache.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"

struct gql_cache {
    struct map *by_text;
    uint64_t clock;
    uint32_t max_documents;
};

struct gql_cache *gql_cache_new(uint32_t max_documents)
{
    struct gql_cache *c = xcalloc(1, sizeof(*c));

    c->by_text = map_new();
    c->max_documents = max_documents;
    return c;
}

static bool unref_each(struct str key, void *value, void *ctx)
{
    (void)key;
    (void)ctx;
    gql_cached_unref(value);
    return true;
}

void gql_cache_free(struct gql_cache *c)
{
    if (!c)
        return;
    map_each(c->by_text, unref_each, NULL);
    map_free(c->by_text);
    free(c);
}

struct gql_cached *gql_cache_get(struct gql_cache *c, struct str text)
{
    struct gql_cached *d = map_get(c->by_text, text);

    if (!d)
        return NULL;
    d->used = ++c->clock;
    d->refs++;
    return d;
}

static bool find_oldest(struct str key, void *value, void *ctx)
{
    struct gql_cached **oldest = ctx, *d = value;

    (void)key;
    if (!*oldest || d->used < (*oldest)->used)
        *oldest = d;
    return true;
}

void gql_cache_put(struct gql_cache *c, struct gql_cached *d)
{
    struct gql_cached *oldest = NULL;

    if (map_count(c->by_text) >= c->max_documents) {
        map_each(c->by_text, find_oldest, (void *)&oldest);
        (void)map_remove(c->by_text, oldest->doc->source);
        gql_cached_unref(oldest);
    }
    d->used = ++c->clock;
    d->refs++;
    gql_cached_unref(map_put(c->by_text, d->doc->source, d));
}

void gql_cached_unref(struct gql_cached *d)
{
    if (!d || --d->refs > 0)
        return;
    arena_free(d->a);
    free(d);
}
