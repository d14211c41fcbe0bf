/* server/search/distribution.c: quantiles, forwards and backwards. */
#include "server/search/distribution.h"

#include <float.h>
#include <math.h>

/* --- the beta distribution --- */

enum { FRACTION_TERMS = 200 };

/* A divisor that is kept off zero. */
static double off_zero(double x)
{
    return fabs(x) < 1e-300 ? 1e-300 : x;
}

/* The continued fraction of the incomplete beta function, by Lentz' method. */
static double beta_fraction(double x, double a, double b)
{
    double c = 1, d = 1 / off_zero(1 - (a + b) * x / (a + 1)), product = d;

    for (int m = 1; m <= FRACTION_TERMS; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));

        d = 1 / off_zero(1 + even * d);
        c = off_zero(1 + even / c);
        product *= c * d;
        d = 1 / off_zero(1 + odd * d);
        c = off_zero(1 + odd / c);
        product *= c * d;
        if (fabs(c * d - 1) < 1e-14)
            break;
    }
    return product;
}

static double beta_part(double x, double a, double b)
{
    double front;

    if (x <= 0)
        return 0;
    if (x >= 1)
        return 1;
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2)) /* where the fraction converges quickly */
        return front * beta_fraction(x, a, b) / a;
    return 1 - front * beta_fraction(1 - x, b, a) / b;
}

/* --- any family --- */

static double part_below(const struct dist *d, double x)
{
    switch (d->family) {
    case DIST_UNIFORM:
        return (x - d->first) / (d->second - d->first);
    case DIST_NORMAL:
        return 0.5 * erfc(-(x - d->first) / (d->second * M_SQRT2));
    case DIST_BETA:
        return beta_part(x, d->first, d->second);
    }
    return 0;
}

/* By halving: both distributions rise throughout, and 200 halvings leave nothing between neighbours. */
static double halve(const struct dist *d, double unit, double low, double high)
{
    for (int i = 0; i < 200 && low < high; i++) {
        double middle = low + (high - low) / 2;

        if (middle <= low || middle >= high)
            break;
        if (part_below(d, middle) < unit)
            low = middle;
        else
            high = middle;
    }
    return high;
}

static double quantile(const struct dist *d, double unit)
{
    switch (d->family) {
    case DIST_UNIFORM:
        return d->first + unit * (d->second - d->first);
    case DIST_NORMAL: /* a unit of 2^-54 lies 8.3 deviations off */
        return halve(d, unit, d->first - 40 * d->second, d->first + 40 * d->second);
    case DIST_BETA:
        return halve(d, unit, 0, 1);
    }
    return 0;
}

static double from_scale(enum dist_scale scale, double x)
{
    if (scale == DIST_AS_IS)
        return x;
    return exp(scale == DIST_LOG ? x : -x);
}

/* The multiple of the step that is next; of a uniform distribution one inside of its ends, if there is. */
static double to_step(const struct dist *d, double value)
{
    double rounded = round(value / d->step) * d->step;
    double one_end, other_end;

    if (d->family != DIST_UNIFORM)
        return rounded;
    one_end = from_scale(d->scale, d->first);
    other_end = from_scale(d->scale, d->second);
    if (rounded > fmax(one_end, other_end))
        rounded = floor(fmax(one_end, other_end) / d->step) * d->step;
    if (rounded < fmin(one_end, other_end))
        rounded = ceil(fmin(one_end, other_end) / d->step) * d->step;
    return rounded;
}

double dist_value(const struct dist *d, double unit)
{
    double value = from_scale(d->scale, quantile(d, unit));

    if (d->step > 0)
        value = to_step(d, value);
    return fmin(DBL_MAX, fmax(-DBL_MAX, value)); /* of a wide log_normal */
}

double dist_unit(const struct dist *d, double value)
{
    double x = value;

    if (d->scale != DIST_AS_IS) {
        if (value <= 0)
            return d->scale == DIST_LOG ? 0 : 1;
        x = d->scale == DIST_LOG ? log(value) : -log(value);
    }
    return fmin(1, fmax(0, part_below(d, x)));
}
