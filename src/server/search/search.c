/* server/search/search.c: which values the next run gets, by the method. */
#include "server/search/search.h"

#include <math.h>

#include "server/search/search_internal.h"

int64_t search_count(const struct search *s)
{
    int64_t count = s->method == SEARCH_GRID ? grid_count(&s->params) : 0;

    return s->run_cap > 0 && (count == 0 || s->run_cap < count) ? s->run_cap : count;
}

const struct jval *search_next(const struct search *s, const struct search_state *state, struct arena *a)
{
    int64_t count = search_count(s);
    struct dice d = dice_of(state->seed, (uint64_t)state->position);

    if (count > 0 && state->position >= count)
        return NULL;
    switch (s->method) {
    case SEARCH_GRID:
        return grid_point(&s->params, state->position, a);
    case SEARCH_RANDOM:
        return random_point(&s->params, &d, a);
    case SEARCH_BAYES:
        return bayes_point(s, state, a);
    case SEARCH_OTHER:
        break;
    }
    return NULL;
}

bool search_metric_of(const struct search_metric *m, const struct jval *values, double *ret)
{
    const struct jval *v = jval_get_str(values, m->name);
    struct str rest = m->name, part = { 0 };

    if (!v) {
        v = values;
        while (v && str_cut(&rest, '.', &part))
            v = jval_get_str(v, part);
    }
    if ((!jval_is(v, JVAL_INT) && !jval_is(v, JVAL_REAL)) || !isfinite(jval_real(v)))
        return false;
    *ret = jval_real(v);
    return true;
}

bool search_metric_in(const struct search_metric *m, struct arena *a, struct str text, double *ret)
{
    struct jval *values = NULL;

    return text.len > 0 && jval_from_json(a, text, "values", NULL, &values, NULL) == 0 &&
           search_metric_of(m, values, ret);
}

bool search_better(const struct search_metric *m, double one, double other)
{
    return m->maximize ? one > other : one < other;
}
