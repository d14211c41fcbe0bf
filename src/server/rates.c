/* server/rates.c: token buckets. */
#include "server/rates.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

enum { BUCKETS_MAX = 100000 }; /* some 20 MB; whoever comes with more addresses is not held back by this */

struct rates {
    struct rate rate;
    struct map *buckets; /* who -> struct bucket */
};
struct bucket {
    double tokens;
    int64_t at_ms;
};

struct rates *rates_new(struct rate rate)
{
    struct rates *r = xcalloc(1, sizeof(*r));

    r->rate = rate;
    r->buckets = map_new();
    return r;
}

static bool drop(struct str key, void *value, void *ctx)
{
    free(value);
    return true;
}

void rates_free(struct rates *r)
{
    if (!r)
        return;
    map_each(r->buckets, drop, NULL);
    map_free(r->buckets);
    free(r);
}

static double tokens_at(const struct rates *r, const struct bucket *b, int64_t now_ms)
{
    return fmin(r->rate.burst, b->tokens + (double)(now_ms - b->at_ms) / 1000 * r->rate.per_second);
}

struct sweep {
    struct rates *r;
    int64_t now_ms;
};

static bool drop_full(struct str key, void *value, void *ctx)
{
    const struct sweep *s = ctx;

    if (tokens_at(s->r, value, s->now_ms) >= s->r->rate.burst)
        free(map_remove(s->r->buckets, key));
    return true;
}

static struct bucket *bucket_of(struct rates *r, struct str who, int64_t now_ms)
{
    struct bucket *b = map_get(r->buckets, who);

    if (b)
        return b;
    if (map_count(r->buckets) >= BUCKETS_MAX) {
        map_each(r->buckets, drop_full, &(struct sweep){ r, now_ms });
        if (map_count(r->buckets) >= BUCKETS_MAX) { /* all of them busy: begin anew */
            map_each(r->buckets, drop, NULL);
            map_free(r->buckets);
            r->buckets = map_new();
        }
    }
    b = xcalloc(1, sizeof(*b));
    *b = (struct bucket){ r->rate.burst, now_ms };
    (void)map_put(r->buckets, who, b);
    return b;
}

int64_t rates_take(struct rates *r, struct str who, int64_t now_ms)
{
    struct bucket *b;

    if (r->rate.per_second <= 0)
        return 0;
    b = bucket_of(r, who, now_ms);
    b->tokens = tokens_at(r, b, now_ms);
    b->at_ms = now_ms;
    if (b->tokens < 1)
        return (int64_t)ceil((1 - b->tokens) / r->rate.per_second * 1000);
    b->tokens -= 1;
    return 0;
}

void rates_give_back(struct rates *r, struct str who)
{
    struct bucket *b = map_get(r->buckets, who);

    if (b)
        b->tokens = fmin(r->rate.burst, b->tokens + 1);
}

size_t rates_count(const struct rates *r)
{
    return map_count(r->buckets);
}
