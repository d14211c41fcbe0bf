/* server/api/charts.c: metrics of runs as charts draw them. */
#include <float.h>
#include <math.h>

#include "server/api/api.h"
#include "server/history_line.h"

/* A chart of many buckets takes about 100 bytes of answer for each of them. */
enum { RUNS_MAX = 100, KEYS_MAX = 50, ANSWER_BUCKETS_MAX = 200000 };

static int keys_arg(struct gql_call *c, struct store_chart_query *q, struct err *e)
{
    const struct jval *list = gql_arg(c, "keys");
    struct str *keys = arena_array(c->a, jval_len(list) + 1, sizeof(*keys));

    if (jval_len(list) > KEYS_MAX)
        return err_set(e, ERR_INVALID, "%zu keys: at most %d at once", jval_len(list), KEYS_MAX);
    q->x = gql_arg_str(c, "x");
    for (size_t i = 0; i < jval_len(list); i++)
        keys[i] = jval_str(jval_at(list, i));
    for (size_t i = 0; i <= jval_len(list); i++) {
        struct str key = i < jval_len(list) ? keys[i] : q->x;

        if (key.len == 0 || key.len > LINE_KEY_MAX_BYTES)
            return err_set(e, ERR_INVALID, "a key has 1 to %d bytes", LINE_KEY_MAX_BYTES);
    }
    q->keys = keys;
    q->key_count = jval_len(list);
    return 0;
}

static int chart_args(struct gql_call *c, size_t runs, struct store_chart_query *q, struct err *e)
{
    int64_t buckets = gql_arg_int(c, "buckets", 500);
    int rc = keys_arg(c, q, e);

    if (rc < 0)
        return rc;
    if (buckets < 1 || buckets > CHART_BUCKETS_MAX)
        return err_set(e, ERR_INVALID, "buckets is 1 to %d", CHART_BUCKETS_MAX);
    if (runs * q->key_count * (size_t)buckets > ANSWER_BUCKETS_MAX)
        return err_set(
            e, ERR_INVALID,
            "%zu runs by %zu keys by %lld buckets: at most %d buckets in one answer; ask for fewer", runs,
            q->key_count, (long long)buckets, ANSWER_BUCKETS_MAX);
    q->buckets = (size_t)buckets;
    q->from = gql_arg_given(c, "from") ? jval_real(gql_arg(c, "from")) : -DBL_MAX;
    q->to = gql_arg_given(c, "to") ? jval_real(gql_arg(c, "to")) : DBL_MAX;
    q->of.stream = str_is(gql_arg_str(c, "stream"), "EVENTS") ? RUN_EVENTS : RUN_HISTORY;
    if (!(q->from <= q->to))
        return err_set(e, ERR_INVALID, "from is not after to");
    return 0;
}

/* To DIGITS significant digits: a chart shows no more, and they take half the time of all 17 to write. */
static double rounded(double d)
{
    enum { DIGITS = 14, PLACES_MAX = 22 }; /* powers of ten that are exact */
    static const double tens[PLACES_MAX + 1] = { 1,    1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    int places = DIGITS - 1 - (int)floor(log10(fabs(d)));

    return places < 0 || places > PLACES_MAX ? d : round(d * tens[places]) / tens[places];
}

/* Whole numbers are written as such: they are shorter, and steps are whole. */
static struct jval *number(struct arena *a, double d)
{
    return fabs(d) < 9e15 && d == (double)(int64_t)d ? jval_new_int(a, (int64_t)d)
                                                     : jval_new_real(a, rounded(d));
}

enum figure { X_MIN, X_MAX, COUNT, NOT_FINITE, MIN, MAX, MEAN, LAST, FIGURES };

static struct jval *figure_of(struct arena *a, const struct chart_bucket *b, enum figure f)
{
    if (f >= MIN && b->y.count == 0)
        return jval_new_null(a);
    switch (f) {
    case X_MIN:
        return number(a, b->x_min);
    case X_MAX:
        return number(a, b->x_max);
    case COUNT:
        return jval_new_int(a, b->y.count);
    case NOT_FINITE:
        return jval_new_int(a, b->y.not_finite);
    case MIN:
        return number(a, b->y.min);
    case MAX:
        return number(a, b->y.max);
    case MEAN: /* the sum of great numbers may be infinite */
        return isfinite(b->y.sum) ? number(a, b->y.sum / b->y.count) : jval_new_null(a);
    case LAST:
    case FIGURES:
        break;
    }
    return number(a, b->y.last);
}

static struct jval *chart_object(struct gql_call *c, struct str run, struct str key,
                                 const struct chart *chart)
{
    static const char *const names[FIGURES] = { "xMin", "xMax", "count", "notFinite",
                                                "min",  "max",  "mean",  "last" };
    struct jval *o = jval_new_object(c->a);

    set_text(c->a, o, "run", run);
    set_text(c->a, o, "key", key);
    jval_set_int(c->a, o, "points", chart->points);
    for (enum figure f = X_MIN; f < FIGURES; f++) {
        struct jval *list = jval_new_array(c->a);
        size_t len = gql_selects(c, names[f]) ? chart->len : 0;

        for (size_t i = 0; i < len; i++)
            if (chart->buckets[i].y.count + chart->buckets[i].y.not_finite > 0)
                jval_push(c->a, list, figure_of(c->a, &chart->buckets[i], f));
        jval_set(c->a, o, names[f], list);
    }
    return o;
}

static int charts_add(struct gql_call *c, struct str run, const struct store_chart_query *q,
                      struct jval *list, struct err *e)
{
    struct chart *charts = NULL;
    int rc = store_chart(store_of(c), c->a, q, &charts, e);

    for (size_t i = 0; rc == 0 && i < q->key_count; i++)
        jval_push(c->a, list, chart_object(c, run, q->keys[i], &charts[i]));
    return rc;
}

int resolve_run_charts(struct gql_call *c, const struct jval **ret, struct err *e)
{
    struct store_chart_query q = { .of.run_id = parent_int(c, "$id") };
    struct jval *list = jval_new_array(c->a);
    int rc = chart_args(c, 1, &q, e);

    if (rc == 0)
        rc = charts_add(c, jval_str(jval_get(c->parent, "name")), &q, list, e);
    if (rc == 0)
        *ret = list;
    return rc;
}

/* Runs that are not there have no charts. */
int resolve_project_charts(struct gql_call *c, const struct jval **ret, struct err *e)
{
    const struct jval *runs = gql_arg(c, "runs");
    struct jval *list = jval_new_array(c->a);
    struct store_chart_query q = { 0 };
    int rc = chart_args(c, jval_len(runs), &q, e);

    if (rc == 0 && jval_len(runs) > RUNS_MAX)
        rc = err_set(e, ERR_INVALID, "%zu runs: at most %d at once", jval_len(runs), RUNS_MAX);
    for (size_t i = 0; rc == 0 && i < jval_len(runs); i++) {
        struct store_run run = { 0 };

        rc = store_run_by_name(store_of(c), c->a, parent_int(c, "$id"), jval_str(jval_at(runs, i)), &run, e);
        q.of.run_id = run.id;
        if (rc == 0)
            rc = charts_add(c, run.name, &q, list, e);
        else if (rc == -ERR_NOT_FOUND)
            rc = 0;
    }
    if (rc == 0)
        *ret = list;
    return rc;
}
