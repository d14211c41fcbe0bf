/* server/store/sweep_bands.h: how far runs of a sweep have come, for hyperband. */
#pragma once

#include "io/io.h"

struct store;

struct store_sweep_progress { /* of a run that was handed out */
    int64_t sweep_id, run_id;
    struct str run_name;
    int64_t history_lines; /* there are; the others: what was read of them */
    int64_t lines_read, logged, bands_seen;
    bool has_best, is_stopped;
    double best;
};
struct store_sweep_progress_query {
    int64_t sweep_id;
    int64_t agent_id; /* 0: of any agent */
};
/** store_sweep_progress() - of the runs with history that was not read yet, and of those that were stopped
 * and go on; at most 200. */
NODISCARD int store_sweep_progress(struct store *s, struct arena *a,
                                   const struct store_sweep_progress_query *q,
                                   struct store_sweep_progress **ret, size_t *ret_len, struct err *e);
/** store_sweep_progress_save() - where a run is now, and what it had at the bands that it has passed since:
 * @at has @count metrics, of the bands from @first on. */
struct store_sweep_bands {
    int64_t first;
    const double *at;
    size_t count;
};
NODISCARD int store_sweep_progress_save(struct store *s, const struct store_sweep_progress *p,
                                        const struct store_sweep_bands *passed, struct err *e);
struct store_sweep_band_query {
    int64_t sweep_id, band;
    struct str but; /* not of this run */
};
/** store_sweep_band() - what the runs had at a band, 10,000 of them at most. */
NODISCARD int store_sweep_band(struct store *s, struct arena *a, const struct store_sweep_band_query *q,
                               double **ret, size_t *ret_len, struct err *e);
