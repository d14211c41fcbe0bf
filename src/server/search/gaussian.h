/*
 * server/search/gaussian.h: a Gaussian process: what is to be expected of a function at places where it was
 * not asked, and how sure that is. Matern kernel of order 5/2, of which length and noise are chosen by the
 * likelihood of what was seen. Pure.
 */
#pragma once

#include <stddef.h>

#include "base/arena.h"

struct gaussian;
struct gaussian_seen {
    const double *places; /* @count rows of @width numbers, about 0 to 1 each */
    const double *values;
    size_t count, width; /* count: at least 1 */
};
/** gaussian_fit() - borrows the places, and lives as long as the arena. O(count^3). */
struct gaussian *gaussian_fit(struct arena *a, const struct gaussian_seen *seen);
struct gaussian_guess {
    double mean, deviation;
};
/** gaussian_at() - at the place of @width numbers. O(count^2). */
struct gaussian_guess gaussian_at(const struct gaussian *g, const double *place);
/** gaussian_gain() - by how much the function is expected to be under @best at a place guessed so; 0 when it
 * cannot be. */
double gaussian_gain(struct gaussian_guess guess, double best);
