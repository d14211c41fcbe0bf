/* agent/bucket.h: a token bucket: so many at once, then one per interval. Pure. */
#pragma once

#include <stdint.h>

struct bucket {
    int64_t interval_ms; /* one token per */
    int64_t burst;       /* at most so many saved up */
    int64_t next_ms;     /* when the bucket would be empty of debt; starts at 0 */
};
/** bucket_take() - take a token at @now_ms; returns how long to wait before using it, 0: at once. */
int64_t bucket_take(struct bucket *b, int64_t now_ms);
