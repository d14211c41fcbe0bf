/*
 * server/rates.h: token buckets in memory: how often a key, or an address, may ask.
 *
 * A bucket starts full, loses a token with each request and gains @per_second all the time, up to @burst.
 * Nothing is kept over a restart. Buckets that are full again are forgotten, so that only who asks takes
 * memory. Pure: the time comes from the caller.
 */
#pragma once

#include "base/map.h"

struct rates;

struct rate {
    double per_second; /* 0: no limit */
    double burst;      /* at least 1 */
};
struct rates *rates_new(struct rate rate);
void rates_free(struct rates *r); /* NULL is a no-op */
/** rates_take() - one token from @who's bucket: 0, or how many ms until there is one (then none was taken).
 * @now_ms never goes back. */
int64_t rates_take(struct rates *r, struct str who, int64_t now_ms);
/** rates_give_back() - the token that was taken: what it was taken for did not come. */
void rates_give_back(struct rates *r, struct str who);
size_t rates_count(const struct rates *r); /* of buckets in memory */
