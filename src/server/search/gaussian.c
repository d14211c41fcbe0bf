/* server/search/gaussian.c: a Gaussian process by Cholesky's factors. */
#include "server/search/gaussian.h"

#include <math.h>
#include <string.h>

struct gaussian {
    const double *places;
    size_t count, width;
    double length, noise;  /* of the kernel; noise is a variance, of values with variance 1 */
    double centre, spread; /* of the values */
    double *factor;        /* lower triangle L with L L' = K + noise */
    double *weights;       /* (K + noise)^-1 values */
    double *scaled;        /* values with mean 0 and variance 1 */
    double *scratch;
    double likelihood; /* its logarithm, without the constant part */
};

static double kernel(const struct gaussian *g, const double *x, const double *y)
{
    double sum = 0, r;

    for (size_t i = 0; i < g->width; i++)
        sum += (x[i] - y[i]) * (x[i] - y[i]);
    r = sqrt(5 * sum) / g->length;
    return (1 + r + r * r / 3) * exp(-r);
}

/* false: not positive definite. */
static bool factorize(struct gaussian *g)
{
    size_t n = g->count;

    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = kernel(g, &g->places[i * g->width], &g->places[j * g->width]);

            if (i == j)
                sum += g->noise;
            for (size_t k = 0; k < j; k++)
                sum -= g->factor[i * n + k] * g->factor[j * n + k];
            if (i == j && sum <= 0)
                return false;
            g->factor[i * n + j] = i == j ? sqrt(sum) : sum / g->factor[j * n + j];
        }
    }
    return true;
}

/* x = L^-1 x */
static void forward(const struct gaussian *g, double *x)
{
    size_t n = g->count;

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++)
            x[i] -= g->factor[i * n + k] * x[k];
        x[i] /= g->factor[i * n + i];
    }
}

/* x = L'^-1 x */
static void backward(const struct gaussian *g, double *x)
{
    size_t n = g->count;

    for (size_t i = n; i-- > 0;) {
        for (size_t k = i + 1; k < n; k++)
            x[i] -= g->factor[k * n + i] * x[k];
        x[i] /= g->factor[i * n + i];
    }
}

static bool solve(struct gaussian *g)
{
    if (!factorize(g))
        return false;
    memcpy(g->weights, g->scaled, g->count * sizeof(*g->weights));
    forward(g, g->weights);
    g->likelihood = 0;
    for (size_t i = 0; i < g->count; i++)
        g->likelihood -= g->weights[i] * g->weights[i] / 2 + log(g->factor[i * g->count + i]);
    backward(g, g->weights);
    return true;
}

static void scale(struct gaussian *g, const double *values)
{
    double sum = 0, squares = 0;

    for (size_t i = 0; i < g->count; i++)
        sum += values[i];
    g->centre = sum / (double)g->count;
    for (size_t i = 0; i < g->count; i++)
        squares += (values[i] - g->centre) * (values[i] - g->centre);
    g->spread = sqrt(squares / (double)g->count);
    if (!(g->spread > 0))
        g->spread = 1;
    for (size_t i = 0; i < g->count; i++)
        g->scaled[i] = (values[i] - g->centre) / g->spread;
}

struct gaussian *gaussian_fit(struct arena *a, const struct gaussian_seen *seen)
{
    static const double lengths[] = { 0.1, 0.2, 0.35, 0.6, 1.0, 2.0 }, noises[] = { 1e-6, 1e-3, 3e-2 };
    struct gaussian *g = arena_alloc(a, sizeof(*g));
    double best = -INFINITY, length = 1, noise = 1e-2;
    size_t n = seen->count;

    *g = (struct gaussian){ .places = seen->places, .count = n, .width = seen->width };
    g->factor = arena_array(a, n * n, sizeof(double));
    g->weights = arena_array(a, n, sizeof(double));
    g->scaled = arena_array(a, n, sizeof(double));
    g->scratch = arena_array(a, n, sizeof(double));
    scale(g, seen->values);
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        for (size_t j = 0; j < ARRAY_LEN(noises); j++) {
            g->length = lengths[i] * sqrt((double)seen->width); /* as far as the diagonal of the cube grows */
            g->noise = noises[j];
            if (!solve(g) || g->likelihood <= best)
                continue;
            best = g->likelihood;
            length = g->length;
            noise = g->noise;
        }
    }
    g->length = length;
    g->noise = noise;
    for (int i = 0; i < 20 && !solve(g); i++)
        g->noise = g->noise * 4; /* at 1 it is positive definite */
    return g;
}

struct gaussian_guess gaussian_at(const struct gaussian *g, const double *place)
{
    double mean = 0, variance = 1;

    for (size_t i = 0; i < g->count; i++) {
        g->scratch[i] = kernel(g, place, &g->places[i * g->width]);
        mean += g->scratch[i] * g->weights[i];
    }
    forward(g, g->scratch);
    for (size_t i = 0; i < g->count; i++)
        variance -= g->scratch[i] * g->scratch[i];
    return (struct gaussian_guess){ g->centre + mean * g->spread, sqrt(fmax(variance, 0)) * g->spread };
}

double gaussian_gain(struct gaussian_guess guess, double best)
{
    double z, density, below;

    if (!(guess.deviation > 0))
        return fmax(0, best - guess.mean);
    z = (best - guess.mean) / guess.deviation;
    density = exp(-z * z / 2) / sqrt(2 * M_PI);
    below = 0.5 * erfc(-z / M_SQRT2);
    return fmax(0, (best - guess.mean) * below + guess.deviation * density);
}
