/* agent/bucket.c: a bucket as a point in time: each token moves it on by an interval. */
#include "agent/bucket.h"

int64_t bucket_take(struct bucket *b, int64_t now_ms)
{
    int64_t oldest = now_ms - b->interval_ms * (b->burst - 1), wait_ms;

    if (b->next_ms < oldest)
        b->next_ms = oldest;
    wait_ms = b->next_ms - now_ms;
    b->next_ms += b->interval_ms;
    return wait_ms > 0 ? wait_ms : 0;
}
