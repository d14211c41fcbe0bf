/* server/chart.c: see chart.h. */
#include "server/chart.h"

#include <math.h>

void chart_begin(struct chart *c, struct arena *a, double from, double to, size_t len)
{
    *c = (struct chart){
        .from = from, .to = to, .len = len, .buckets = arena_array(a, len, sizeof(*c->buckets))
    };
}

static struct chart_bucket *bucket_at(struct chart *c, double x)
{
    double part = c->to > c->from ? (x - c->from) / (c->to - c->from) * (double)c->len : 0;

    return &c->buckets[part >= (double)c->len ? c->len - 1 : (size_t)part];
}

static void widen(struct chart_bucket *b, double x_min, double x_max)
{
    bool is_empty = b->y.count + b->y.not_finite == 0;

    b->x_min = is_empty || x_min < b->x_min ? x_min : b->x_min;
    b->x_max = is_empty || x_max > b->x_max ? x_max : b->x_max;
}

void chart_add(struct chart *c, double x, double y)
{
    struct chart_bucket *b;

    if (!isfinite(x) || x < c->from || x > c->to || number_is_other(y))
        return;
    b = bucket_at(c, x);
    widen(b, x, x);
    column_block_add(&b->y, y);
    c->points++;
}

void chart_add_rows(struct chart *c, const struct key_column *x, const struct key_column *y, size_t from,
                    size_t to)
{
    size_t i = 0;

    for (size_t k = 0; k < y->len && y->rows[k] < to; k++) {
        if (y->rows[k] < from)
            continue;
        while (i < x->len && x->rows[i] < y->rows[k])
            i++;
        if (i < x->len && x->rows[i] == y->rows[k])
            chart_add(c, x->values[i], y->values[k]);
    }
}

static void add_sums(struct column_block *to, const struct column_block *b)
{
    to->not_finite += b->not_finite;
    if (b->count == 0)
        return;
    to->min = to->count == 0 || b->min < to->min ? b->min : to->min;
    to->max = to->count == 0 || b->max > to->max ? b->max : to->max;
    to->sum += b->sum;
    to->last = b->last;
    to->count += b->count;
}

/* Nothing of it is in the chart. */
static bool is_apart(const struct chart *c, const struct column_block *x, const struct column_block *y)
{
    return y->count + y->not_finite == 0 || x->count == 0 || x->max < c->from || x->min > c->to;
}

bool chart_fits_block(const struct chart *c, const struct column_block *x, const struct column_block *y,
                      size_t rows)
{
    return is_apart(c, x, y) || (x->count == rows && x->min >= c->from && x->max <= c->to &&
                                 x->max - x->min <= (c->to - c->from) / (double)c->len);
}

void chart_add_block(struct chart *c, const struct column_block *x, const struct column_block *y)
{
    struct chart_bucket *b;

    if (is_apart(c, x, y))
        return;
    b = bucket_at(c, x->min);
    widen(b, x->min, x->max);
    add_sums(&b->y, y);
    c->points += y->count + y->not_finite;
}
