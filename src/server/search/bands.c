/* server/search/bands.c: hyperband. Source: protocol reference 12. */
#include "server/search/bands.h"

enum { ETA_DEFAULT = 3, ETA_MAX = 1000 };
static const int64_t iterations_max = INT64_C(1000000000);

static int count_of(const struct jval *early, const char *key, int64_t most, int64_t *ret, struct err *e)
{
    const struct jval *v = jval_get(early, key);

    if (!v)
        return 0;
    if (!jval_is(v, JVAL_INT) || jval_int(v) < 1 || jval_int(v) > most)
        return err_set(e, ERR_INVALID, "early_terminate.%s: write a whole number from 1 to %lld", key,
                       (long long)most);
    *ret = jval_int(v);
    return 0;
}

/* min_iter, then each eta times the one before. */
static void from_below(struct bands *b, int64_t min)
{
    for (int64_t at = min; b->len < BANDS_MAX && at <= iterations_max; at *= b->eta)
        b->at[b->len++] = at;
}

/* max_iter / eta, and s - 1 more, each the eta-th part of the one before. */
static void from_above(struct bands *b, int64_t max, int64_t s)
{
    int64_t down[BANDS_MAX];
    size_t n = 0;

    for (int64_t at = max / b->eta; at >= 1 && n < BANDS_MAX && (int64_t)n < s; at /= b->eta)
        down[n++] = at;
    while (n > 0)
        b->at[b->len++] = down[--n];
}

int bands_parse(const struct jval *early, struct bands *ret, struct err *e)
{
    struct bands b = { .eta = ETA_DEFAULT, .strict = jval_bool(jval_get(early, "strict")) };
    int64_t min = 0, max = 0, s = 0;
    int rc;

    if (!early || jval_is(early, JVAL_NULL)) {
        *ret = b;
        return 0;
    }
    if (!str_is(jval_str(jval_get(early, "type")), "hyperband"))
        return err_set(e, ERR_INVALID, "early_terminate.type: write hyperband, which is the only one");
    rc = count_of(early, "eta", ETA_MAX, &b.eta, e);
    if (rc == 0)
        rc = count_of(early, "min_iter", iterations_max, &min, e);
    if (rc == 0)
        rc = count_of(early, "max_iter", iterations_max, &max, e);
    if (rc == 0)
        rc = count_of(early, "s", BANDS_MAX, &s, e);
    if (rc < 0)
        return rc;
    if (b.eta < 2)
        return err_set(e, ERR_INVALID, "early_terminate.eta: write a whole number from 2 on");
    if ((min > 0) == (max > 0))
        return err_set(e, ERR_INVALID, "early_terminate: write either min_iter, or max_iter and s");
    if (max > 0 && s == 0)
        return err_set(e, ERR_INVALID,
                       "early_terminate.s is missing: write how many bands lie under max_iter");
    if (min > 0)
        from_below(&b, min);
    else
        from_above(&b, max, s);
    if (b.len == 0)
        return err_set(e, ERR_INVALID, "early_terminate.max_iter must be at least eta, %lld",
                       (long long)b.eta);
    *ret = b;
    return 0;
}

bool bands_keep(const struct bands *b, double mine, const double *others, size_t count, bool maximize)
{
    size_t all = count + 1, eta = (size_t)b->eta, ahead = 0;

    if (all < eta) /* of so few nobody is the best 1/eta */
        return true;
    for (size_t i = 0; i < count; i++)
        ahead += maximize ? others[i] > mine : others[i] < mine;
    return ahead < (all + eta - 1) / eta;
}
