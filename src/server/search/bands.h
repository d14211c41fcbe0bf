/*
 * server/search/bands.h: when to end a run early: hyperband's rule, as runs come. A run that has logged the
 * metric as often as a band says goes on when it is among the best 1/eta of all that came so far. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/jval.h"

enum { BANDS_MAX = 20 };
struct bands {
    int64_t at[BANDS_MAX]; /* rising; how often the metric was logged */
    size_t len;            /* 0: no run is ended early */
    int64_t eta;
    bool strict; /* only what was logged up to the band counts for a run, and not its best since */
};
/** bands_parse() - "early_terminate" of a sweep's config; NULL: none. */
NODISCARD int bands_parse(const struct jval *early, struct bands *ret, struct err *e);
/** bands_keep() - does a run with @mine go on? @others: what the runs had at the band, @mine not among them.
 */
bool bands_keep(const struct bands *b, double mine, const double *others, size_t count, bool maximize);
