/* server/search/parameter_parse.c: parameters of a sweep's config. Source: protocol reference 12. */
#include <math.h>

#include "server/search/parameter.h"

enum { PARAMS_MAX = 200, DEPTH_MAX = 8, VALUES_MAX = 10000 };

struct reading {
    struct arena *a;
    struct param *params;
    size_t len, cap;
    struct str path[DEPTH_MAX];
};
struct one { /* parameter of a config */
    struct reading *r;
    const struct jval *spec;
    const char *name; /* "parameters.lr" */
};

/* Which keys a distribution has, and what it makes of them. */
static const struct row {
    const char *name;
    enum dist_family family;
    enum dist_scale scale;
    bool has_step;
    bool ends_are_values; /* min and max are values, and not yet logarithms */
} rows[] = {
    { "uniform", DIST_UNIFORM, DIST_AS_IS, false, false },
    { "q_uniform", DIST_UNIFORM, DIST_AS_IS, true, false },
    { "log_uniform", DIST_UNIFORM, DIST_LOG, false, false },
    { "log_uniform_values", DIST_UNIFORM, DIST_LOG, false, true },
    { "q_log_uniform", DIST_UNIFORM, DIST_LOG, true, false },
    { "q_log_uniform_values", DIST_UNIFORM, DIST_LOG, true, true },
    { "inv_log_uniform", DIST_UNIFORM, DIST_INV, false, false },
    { "inv_log_uniform_values", DIST_UNIFORM, DIST_INV, false, true },
    { "normal", DIST_NORMAL, DIST_AS_IS, false, false },
    { "q_normal", DIST_NORMAL, DIST_AS_IS, true, false },
    { "log_normal", DIST_NORMAL, DIST_LOG, false, false },
    { "q_log_normal", DIST_NORMAL, DIST_LOG, true, false },
    { "beta", DIST_BETA, DIST_AS_IS, false, false },
    { "q_beta", DIST_BETA, DIST_AS_IS, true, false },
};

static struct param *add_param(struct reading *r, size_t depth, enum param_kind kind)
{
    struct str *path = arena_array(r->a, depth, sizeof(*path));
    struct param *p;

    r->params = arena_grow(r->a, r->params, r->len, &r->cap, sizeof(*r->params));
    p = &r->params[r->len++];
    for (size_t i = 0; i < depth; i++)
        path[i] = r->path[i];
    *p = (struct param){ .path = path, .depth = depth, .kind = kind };
    return p;
}

/* A number of the parameter. YAML takes 1e-3 for a text. */
static int number_of(const struct one *o, const char *key, const double *otherwise, double *ret,
                     struct err *e)
{
    const struct jval *v = jval_get(o->spec, key);
    double n = 0;

    if (!v && otherwise) {
        *ret = *otherwise;
        return 0;
    }
    if (!v)
        return err_set(e, ERR_INVALID, "%s.%s is missing: write a number", o->name, key);
    if (jval_is(v, JVAL_STR) && str_to_double(jval_str(v), &n))
        return err_set(e, ERR_INVALID, "%s.%s: '%.*s' is a text to YAML: write it with a point, as 1.0e-3",
                       o->name, key, STR_ARG(str_sub(jval_str(v), 0, 40)));
    if (!jval_is(v, JVAL_INT) && !jval_is(v, JVAL_REAL))
        return err_set(e, ERR_INVALID, "%s.%s is no number: write one", o->name, key);
    n = jval_real(v);
    if (!(fabs(n) <= 1e100)) /* so that nothing overflows on the way, and no NaN */
        return err_set(e, ERR_INVALID, "%s.%s: write a number within 1e100", o->name, key);
    *ret = n;
    return 0;
}

/* --- lists --- */

static int read_probabilities(const struct one *o, struct param *p, struct err *e)
{
    const struct jval *list = jval_get(o->spec, "probabilities");
    double *up_to, sum = 0;

    if (!list)
        return 0;
    if (jval_len(list) != jval_len(p->values) || !jval_is(list, JVAL_ARRAY))
        return err_set(e, ERR_INVALID, "%s.probabilities: write one number for each of the %zu values",
                       o->name, jval_len(p->values));
    up_to = arena_array(o->r->a, jval_len(list), sizeof(*up_to));
    for (size_t i = 0; i < jval_len(list); i++) {
        const struct jval *v = jval_at(list, i);
        double n = jval_real(v);

        if ((!jval_is(v, JVAL_INT) && !jval_is(v, JVAL_REAL)) || !(n >= 0 && n <= 1))
            return err_set(e, ERR_INVALID, "%s.probabilities: number %zu is not one from 0 to 1", o->name,
                           i + 1);
        sum += n;
        up_to[i] = sum;
    }
    if (fabs(sum - 1) > 1e-6)
        return err_set(e, ERR_INVALID, "%s.probabilities sum up to %g: make it 1", o->name, sum);
    p->up_to = up_to;
    return 0;
}

static int read_values(const struct one *o, size_t depth, struct err *e)
{
    const struct jval *values = jval_get(o->spec, "values");

    if (!jval_is(values, JVAL_ARRAY) || jval_len(values) == 0)
        return err_set(e, ERR_INVALID, "%s.values: write a list with at least one value", o->name);
    if (jval_len(values) > VALUES_MAX)
        return err_set(e, ERR_LIMIT, "%s.values has %zu entries: at most %d are taken", o->name,
                       jval_len(values), VALUES_MAX);
    add_param(o->r, depth, PARAM_VALUES)->values = values;
    return read_probabilities(o, &o->r->params[o->r->len - 1], e);
}

static int read_constant(const struct one *o, size_t depth, struct err *e)
{
    const struct jval *value = jval_get(o->spec, "value");
    struct jval *list = jval_new_array(o->r->a);

    if (!value)
        return err_set(e, ERR_INVALID, "%s.value is missing: write the constant's value", o->name);
    jval_push(o->r->a, list, value);
    add_param(o->r, depth, PARAM_VALUES)->values = list;
    return 0;
}

/* --- numbers --- */

static int read_integers(const struct one *o, size_t depth, struct err *e)
{
    static const char *const keys[] = { "min", "max" };
    int64_t ends[2];
    struct param *p;

    for (size_t i = 0; i < 2; i++) {
        const struct jval *v = jval_get(o->spec, keys[i]);

        if (!jval_is(v, JVAL_INT))
            return err_set(e, ERR_INVALID, "%s.%s: write a whole number", o->name, keys[i]);
        ends[i] = jval_int(v);
        if (ends[i] > INT64_C(1) << 53 || ends[i] < -(INT64_C(1) << 53))
            return err_set(e, ERR_INVALID, "%s.%s: write a number nearer to 0 than 2^53", o->name, keys[i]);
    }
    if (ends[0] > ends[1])
        return err_set(e, ERR_INVALID, "%s: min is over max: exchange them", o->name);
    p = add_param(o->r, depth, PARAM_INTEGER);
    p->low = ends[0];
    p->high = ends[1];
    return 0;
}

static int read_uniform(const struct one *o, const struct row *row, struct dist *d, struct err *e)
{
    double low = 0, high = 0;
    int rc = number_of(o, "min", NULL, &low, e);

    if (rc == 0)
        rc = number_of(o, "max", NULL, &high, e);
    if (rc < 0)
        return rc;
    if (low >= high)
        return err_set(e, ERR_INVALID, "%s: min must be under max", o->name);
    if (row->ends_are_values && low <= 0)
        return err_set(e, ERR_INVALID, "%s.min must be over 0 with %s: there is no logarithm of %g", o->name,
                       row->name, low);
    if (row->scale != DIST_AS_IS && !row->ends_are_values && (low < -700 || high > 700))
        return err_set(e, ERR_INVALID,
                       "%s: min and max of %s are exponents of e, within 700: write %s_values and values",
                       o->name, row->name, row->name);
    d->first = low;
    d->second = high;
    if (!row->ends_are_values)
        return 0;
    d->first = row->scale == DIST_LOG ? log(low) : -log(high);
    d->second = row->scale == DIST_LOG ? log(high) : -log(low);
    return 0;
}

static int read_shape(const struct one *o, const struct row *row, struct dist *d, struct err *e)
{
    static const double zero = 0, one = 1;
    bool is_beta = row->family == DIST_BETA;
    int rc = is_beta ? number_of(o, "a", NULL, &d->first, e) : number_of(o, "mu", &zero, &d->first, e);

    if (rc == 0)
        rc = is_beta ? number_of(o, "b", NULL, &d->second, e) : number_of(o, "sigma", &one, &d->second, e);
    if (rc < 0)
        return rc;
    if (d->second <= 0 || (is_beta && d->first <= 0))
        return err_set(e, ERR_INVALID, "%s.%s must be over 0", o->name,
                       !is_beta        ? "sigma"
                       : d->first <= 0 ? "a"
                                       : "b");
    return 0;
}

static int read_number(const struct one *o, size_t depth, const struct row *row, struct err *e)
{
    static const double one = 1;
    struct dist d = { .family = row->family, .scale = row->scale };
    double first, last;
    int rc = row->family == DIST_UNIFORM ? read_uniform(o, row, &d, e) : read_shape(o, row, &d, e);

    if (rc == 0 && row->has_step)
        rc = number_of(o, "q", &one, &d.step, e);
    if (rc < 0)
        return rc;
    if (row->has_step && d.step <= 0)
        return err_set(e, ERR_INVALID, "%s.q must be over 0", o->name);
    if (row->has_step && row->family == DIST_UNIFORM) {
        first = row->scale == DIST_AS_IS ? d.first : exp(row->scale == DIST_LOG ? d.first : -d.second);
        last = row->scale == DIST_AS_IS ? d.second : exp(row->scale == DIST_LOG ? d.second : -d.first);
        if (ceil(first / d.step - 1e-9) > floor(last / d.step + 1e-9))
            return err_set(e, ERR_INVALID, "%s: no multiple of q lies between min and max: make q smaller",
                           o->name);
        if (last / d.step - first / d.step > 9e15)
            return err_set(e, ERR_INVALID, "%s.q is too small for min and max", o->name);
    }
    add_param(o->r, depth, PARAM_NUMBER)->dist = d;
    return 0;
}

/* --- one, and all --- */

static int read_distribution(const struct one *o, size_t depth, struct str name, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_is(name, rows[i].name))
            return read_number(o, depth, &rows[i], e);
    if (str_is(name, "int_uniform"))
        return read_integers(o, depth, e);
    if (str_is(name, "constant"))
        return read_constant(o, depth, e);
    if (str_is(name, "categorical"))
        return read_values(o, depth, e);
    if (str_is(name, "categorical_w_probabilities")) {
        if (!jval_get(o->spec, "probabilities"))
            return err_set(e, ERR_INVALID, "%s.probabilities is missing: write a list of numbers", o->name);
        return read_values(o, depth, e);
    }
    return err_set(
        e, ERR_INVALID,
        "%s.distribution: '%.*s' is none: write constant, categorical, int_uniform, uniform, normal,"
        " beta, log_uniform_values, or another of docs/sweeps.md",
        o->name, STR_ARG(str_sub(name, 0, 60)));
}

/* Without a name of a distribution, the keys say which. */
static int read_unnamed(const struct one *o, size_t depth, struct err *e)
{
    const struct jval *min = jval_get(o->spec, "min"), *max = jval_get(o->spec, "max");

    if (jval_get(o->spec, "value"))
        return read_constant(o, depth, e);
    if (jval_get(o->spec, "values"))
        return read_values(o, depth, e);
    if (jval_get(o->spec, "mu") || jval_get(o->spec, "sigma"))
        return read_distribution(o, depth, STR("normal"), e);
    if (!min && !max)
        return err_set(e, ERR_INVALID, "%s: write value, values, or min and max", o->name);
    if (jval_is(min, JVAL_INT) && jval_is(max, JVAL_INT))
        return read_integers(o, depth, e);
    return read_distribution(o, depth, STR("uniform"), e);
}

static int read_all(struct reading *r, const struct jval *parameters, size_t depth, const char *where,
                    struct err *e);

static int read_one_of(const struct one *o, size_t depth, struct err *e)
{
    const struct jval *distribution = jval_get(o->spec, "distribution"),
                      *nested = jval_get(o->spec, "parameters");

    if (!jval_is(o->spec, JVAL_OBJECT))
        return err_set(e, ERR_INVALID, "%s is no object: write one, as {value: 1}", o->name);
    if (jval_is(nested, JVAL_OBJECT))
        return read_all(o->r, nested, depth, arena_printf(o->r->a, "%s.parameters", o->name), e);
    if (jval_is(distribution, JVAL_STR))
        return read_distribution(o, depth, jval_str(distribution), e);
    if (distribution && !jval_is(distribution, JVAL_NULL))
        return err_set(e, ERR_INVALID, "%s.distribution: write its name", o->name);
    return read_unnamed(o, depth, e);
}

static int read_all(struct reading *r, const struct jval *parameters, size_t depth, const char *where,
                    struct err *e)
{
    int rc = 0;

    if (depth == DEPTH_MAX)
        return err_set(e, ERR_LIMIT, "%s: parameters may be nested %d deep", where, DEPTH_MAX);
    for (size_t i = 0; rc == 0 && i < jval_len(parameters); i++) {
        struct str key = jval_key_at(parameters, i);
        struct one o = { .r = r, .spec = jval_at(parameters, i) };

        if (r->len == PARAMS_MAX)
            return err_set(e, ERR_LIMIT, "parameters: at most %d of them are taken", PARAMS_MAX);
        if (key.len == 0)
            return err_set(e, ERR_INVALID, "%s: a parameter's name is empty", where);
        r->path[depth] = key;
        o.name = arena_printf(r->a, "%s.%.*s", where, STR_ARG(str_sub(key, 0, 100)));
        rc = read_one_of(&o, depth + 1, e);
    }
    return rc;
}

int params_parse(struct arena *a, const struct jval *parameters, struct param_list *ret, struct err *e)
{
    struct reading r = { .a = a };
    int rc;

    if (!jval_is(parameters, JVAL_OBJECT))
        return err_set(e, ERR_INVALID, "parameters: write an object with a member for each parameter");
    rc = read_all(&r, parameters, 0, "parameters", e);
    if (rc == 0 && r.len == 0)
        return err_set(e, ERR_INVALID,
                       "parameters is empty: write at least one, as lr: {min: 0.0, max: 1.0}");
    if (rc == 0)
        *ret = (struct param_list){ r.params, r.len };
    return rc;
}
