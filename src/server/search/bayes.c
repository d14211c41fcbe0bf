/*
 * server/search/bayes.c: Bayesian search: a Gaussian process over the unit cube of the parameters, and of
 * many points drawn there the one with the largest expected improvement.
 *
 * A number is one side of the cube, by its place in its distribution; one of a list of n values is n sides,
 * since the list has no order. A run under way counts as an ordinary result, so that agents who ask at once
 * are sent to different places; one that ended without the metric counts as the worst.
 */
#include <math.h>
#include <string.h>

#include "server/search/gaussian.h"
#include "server/search/search_internal.h"

enum {
    FIRST_MIN = 4, /* runs that are drawn before there is a model ... */
    FIRST_MAX = 12,
    SEEN_MAX = 150, /* runs the model has */
    WIDTH_MAX = 200,
    WIDE_POINTS = 500, /* candidates, of anywhere ... */
    NEAR_POINTS = 300  /* ... and near the best run */
};

struct model {
    const struct search *s;
    struct arena *a;
    struct dice *dice;
    size_t width;
    double *places, *values;
    size_t count, best; /* best: of the runs that have a result */
    const double *best_units;
};

static size_t sides(const struct param *p)
{
    return p->kind == PARAM_VALUES && jval_len(p->values) > 1 ? jval_len(p->values) : 1;
}

/* false: a value is none of the parameter's, as of a run that was made by hand. */
static bool place_of(const struct model *m, const struct jval *args, double *place)
{
    for (size_t i = 0; i < m->s->params.len; i++) {
        const struct param *p = &m->s->params.items[i];
        const struct jval *value = param_find(args, p);
        size_t n = sides(p);
        double unit = 0;

        if (!value || !param_unit(p, value, &unit))
            return false;
        if (n == 1) {
            *place++ = unit;
            continue;
        }
        for (size_t k = 0; k < n; k++) /* two different ones are as far apart as the ends of a number */
            *place++ = k == (size_t)(unit * (double)n) ? M_SQRT1_2 : 0;
    }
    return true;
}

/* Everything is minimized here. */
static double loss_of(const struct model *m, const struct search_run *r)
{
    return m->s->metric.maximize ? -r->loss : r->loss;
}

/* What the runs of a kind count for that have no result of their own. */
static void assume(struct model *m, const struct search_state *state, bool ended, double value)
{
    for (size_t i = 0; i < state->run_count && m->count < SEEN_MAX; i++) {
        const struct search_run *r = &state->runs[i];

        if ((r->has_loss && r->ended) || r->ended != ended ||
            !place_of(m, r->args, &m->places[m->count * m->width]))
            continue;
        m->values[m->count++] = value;
    }
}

/* The runs with a result, the latest first when there are too many, then the others. */
static void read_runs(struct model *m, const struct search_state *state)
{
    double sum = 0, worst = -INFINITY;

    m->places = arena_array(m->a, SEEN_MAX * m->width, sizeof(double));
    m->values = arena_array(m->a, SEEN_MAX, sizeof(double));
    for (size_t i = state->run_count; i-- > 0 && m->count < SEEN_MAX;) {
        const struct search_run *r = &state->runs[i];

        if (!r->ended || !r->has_loss || !place_of(m, r->args, &m->places[m->count * m->width]))
            continue;
        m->values[m->count] = loss_of(m, r);
        sum += m->values[m->count];
        worst = fmax(worst, m->values[m->count]);
        if (m->values[m->count] < m->values[m->best])
            m->best = m->count;
        m->count++;
    }
    if (m->count == 0)
        return;
    sum /= (double)m->count;
    assume(m, state, true, worst);
    assume(m, state, false, sum);
}

/* Where the best run lies in the cube of units: the middle of what leads to its values. */
static double unit_near(const struct model *m, const struct param *p, const double *side)
{
    size_t n = sides(p), k = 0;

    if (n == 1)
        return *side;
    while (k + 1 < n && side[k] <= 0)
        k++;
    if (!p->up_to)
        return ((double)k + 0.5) / (double)n;
    return ((k > 0 ? p->up_to[k - 1] : 0) + p->up_to[k]) / 2;
}

static double bell(struct dice *d)
{
    return sqrt(-2 * log(dice_unit(d))) * cos(2 * M_PI * dice_unit(d));
}

/* The values of candidate @i. */
static const struct jval *draw(const struct model *m, int i)
{
    const double *side = &m->places[m->best * m->width];
    double reach = i % 2 ? 0.03 : 0.12;
    struct jval *args = jval_new_object(m->a);

    for (size_t k = 0; k < m->s->params.len; k++) {
        const struct param *p = &m->s->params.items[k];
        double unit = dice_unit(m->dice), step = bell(m->dice);
        bool is_list = p->kind == PARAM_VALUES;

        if (i >= WIDE_POINTS && (!is_list || unit > 0.2)) {
            unit = unit_near(m, p, side) + (is_list ? 0 : step * reach);
            unit = fmin(1 - 1e-9, fmax(1e-9, unit));
        }
        param_put(m->a, args, p, param_value(m->a, p, unit));
        side += sides(p);
    }
    return args;
}

static const struct jval *most_promising(struct model *m)
{
    const struct gaussian_seen seen = { m->places, m->values, m->count, m->width };
    const struct gaussian *g = gaussian_fit(m->a, &seen);
    double *place = arena_array(m->a, m->width, sizeof(*place)), most = -1;
    const struct jval *best = NULL;

    for (int i = 0; i < WIDE_POINTS + NEAR_POINTS; i++) {
        const struct jval *args = draw(m, i);
        double gain;

        if (!place_of(m, args, place))
            continue;
        gain = gaussian_gain(gaussian_at(g, place), m->values[m->best]);
        if (gain <= most)
            continue;
        most = gain;
        best = args;
    }
    return best;
}

const struct jval *bayes_point(const struct search *s, const struct search_state *state, struct arena *a)
{
    struct dice d = dice_of(state->seed, (uint64_t)state->position);
    struct model m = { .s = s, .a = a, .dice = &d };
    size_t first = 2 * s->params.len;
    const struct jval *point = NULL;

    for (size_t i = 0; i < s->params.len; i++)
        m.width += sides(&s->params.items[i]);
    first = first < FIRST_MIN ? FIRST_MIN : first > FIRST_MAX ? FIRST_MAX : first;
    if (m.width <= WIDTH_MAX) /* else there is no model that is worth its time */
        read_runs(&m, state);
    if (m.count >= first)
        point = most_promising(&m);
    return point ? point : random_point(&s->params, &d, a);
}
