/*
 * server/chart.h: points of a metric gathered into buckets of equal width along x. A bucket says from which
 * x to which its points are, so that whole blocks of rows may go into one where they fit. Pure.
 */
#pragma once

#include "server/column.h"

enum { CHART_BUCKETS_MAX = 10000 };

struct chart_bucket {
    double x_min, x_max; /* its points lie between them; meaningless while there is none */
    struct column_block y;
};
struct chart {
    double from, to; /* x; points outside are passed over */
    size_t len;
    struct chart_bucket *buckets;
    int64_t points; /* that were added */
};
/** chart_begin() - @len buckets from @from to @to, both finite and in order. */
void chart_begin(struct chart *c, struct arena *a, double from, double to, size_t len);
/** chart_add() - a point; x that is no finite number, and y that is none, are passed over. */
void chart_add(struct chart *c, double x, double y);
/** chart_add_rows() - the rows that two columns of one stretch have in common, from row @from to before @to.
 */
void chart_add_rows(struct chart *c, const struct key_column *x, const struct key_column *y, size_t from,
                    size_t to);
/** chart_fits_block() - false: a block of @rows rows is not wholly inside, or too wide for a bucket, or has
 * rows without x, so that its rows are to be added one by one. */
bool chart_fits_block(const struct chart *c, const struct column_block *x, const struct column_block *y,
                      size_t rows);
/** chart_add_block() - one that fits, without its rows. */
void chart_add_block(struct chart *c, const struct column_block *x, const struct column_block *y);
