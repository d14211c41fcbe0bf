/*
 * server/store/history.h: the numbers in what runs log, by key: for charts and samples, and the lines behind
 * them. Lines are kept as they came (runs.h), which is what counts; behind the writes they are also packed
 * into columns, a stretch of COLUMN_ROWS lines at a time. What is not packed yet is read from the lines, so
 * an answer always has all that was posted before it. A line that comes anew unpacks its stretch and all
 * behind it.
 */
#pragma once

#include "server/chart.h"
#include "server/store/runs.h"

enum {
    HISTORY_KEYS_MAX = 5000,        /* of a run's stream; further ones are in the lines only */
    HISTORY_STRETCH_BYTES = 8 << 20 /* lines of a stretch, together: it ends before COLUMN_ROWS lines then */
};

struct store_history { /* what is read */
    int64_t run_id;
    enum run_stream stream; /* RUN_HISTORY or RUN_EVENTS */
};

/** store_history_is_long() - are there enough lines for another stretch? */
static inline bool store_history_is_long(int64_t lines, int64_t packed)
{
    return lines - packed >= COLUMN_ROWS;
}
/** store_history_pack() - put lines into columns until less than a stretch of them is left. Yields. */
NODISCARD int store_history_pack(struct store *s, const struct store_history *of, struct err *e);
/** store_history_unpacked() - runs whose history has lines for another stretch, @max at most. */
NODISCARD int store_history_unpacked(struct store *s, struct arena *a, int64_t max, int64_t **ret,
                                     size_t *ret_len, struct err *e);

struct store_history_key {
    struct str name;
    int64_t numbers, others; /* values that are numbers, and that are not */
    double lo, hi;           /* of the finite numbers; COLUMN_NONE, -COLUMN_NONE when there is none */
};
/** store_history_keys() - all keys of a stream. Yields. */
NODISCARD int store_history_keys(struct store *s, struct arena *a, const struct store_history *of,
                                 struct store_history_key **ret, size_t *ret_len, struct err *e);

struct store_chart_query {
    struct store_history of;
    struct str x; /* a key, as those in keys */
    const struct str *keys;
    size_t key_count;
    size_t buckets;  /* 1 to CHART_BUCKETS_MAX */
    double from, to; /* of x; -DBL_MAX, DBL_MAX: as far as the run goes */
};
/** store_chart() - a chart a key, in their order; without a point: with no buckets. Yields. */
NODISCARD int store_chart(struct store *s, struct arena *a, const struct store_chart_query *q,
                          struct chart **ret, struct err *e);

struct store_sample_query {
    struct store_history of;
    const struct str *keys; /* none: every line counts */
    size_t key_count;
    int64_t samples;
    double min_step, max_step; /* lines whose _step is from min_step to before max_step; both 0: all lines */
};
/** store_sample() - up to @samples lines that have a value for every key, evenly spread, the first and the
 * last among them, in their order. Yields. */
NODISCARD int store_sample(struct store *s, struct arena *a, const struct store_sample_query *q,
                           struct str **ret, size_t *ret_len, struct err *e);
