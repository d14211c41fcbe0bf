/*
 * server/search/distribution.h: the distributions of numbers that a sweep's parameter may have, by their
 * quantiles and back. Pure.
 */
#pragma once

#include <stdbool.h>

#include "base/str.h"

enum dist_family { DIST_UNIFORM, DIST_NORMAL, DIST_BETA };
enum dist_scale {
    DIST_AS_IS, /* the value itself */
    DIST_LOG,   /* its logarithm has the family's distribution */
    DIST_INV    /* the logarithm of one over it has */
};

struct dist {
    enum dist_family family;
    enum dist_scale scale;
    double first, second; /* uniform: from, to; normal: mean, standard deviation; beta: a, b; on the scale */
    double step;          /* values are whole multiples of it; 0: any */
};

/** dist_value() - the value below which the part @unit (between 0 and 1) of all lie. */
double dist_value(const struct dist *d, double unit);
/** dist_unit() - which part of all lies below @value; 0 to 1. */
double dist_unit(const struct dist *d, double value);
