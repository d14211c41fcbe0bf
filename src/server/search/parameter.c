/* server/search/parameter.c: the values of one parameter. Reading them from a config is in parameter_parse.c.
 */
#include "server/search/parameter.h"

#include <math.h>

static const struct jval *number(struct arena *a, const struct dist *d, double value)
{
    if (d->step > 0 && d->step == floor(d->step) && fabs(value) < 9e15)
        return jval_new_int(a, (int64_t)value);
    return jval_new_real(a, value);
}

static size_t value_at(const struct param *p, double unit)
{
    size_t count = jval_len(p->values), i = 0;

    if (!p->up_to)
        i = (size_t)(unit * (double)count);
    else
        while (i + 1 < count && unit >= p->up_to[i])
            i++;
    return i < count ? i : count - 1;
}

const struct jval *param_value(struct arena *a, const struct param *p, double unit)
{
    double count = (double)p->high - (double)p->low + 1;
    int64_t n;

    switch (p->kind) {
    case PARAM_VALUES:
        return jval_at(p->values, value_at(p, unit));
    case PARAM_INTEGER:
        n = p->low + (int64_t)floor(unit * count);
        return jval_new_int(a, n > p->high ? p->high : n);
    case PARAM_NUMBER:
        return number(a, &p->dist, dist_value(&p->dist, unit));
    }
    return NULL;
}

bool param_unit(const struct param *p, const struct jval *value, double *ret)
{
    double count = (double)p->high - (double)p->low + 1, at;

    if (p->kind == PARAM_VALUES) {
        for (size_t i = 0; i < jval_len(p->values); i++) {
            if (!jval_equal(jval_at(p->values, i), value))
                continue;
            *ret = ((double)i + 0.5) / (double)jval_len(p->values);
            return true;
        }
        return false;
    }
    if (!jval_is_number(value))
        return false;
    if (p->kind == PARAM_NUMBER) {
        *ret = dist_unit(&p->dist, jval_real(value));
        return true;
    }
    at = (jval_real(value) - (double)p->low + 0.5) / count;
    if (at < 0 || at > 1)
        return false;
    *ret = at;
    return true;
}

/* The first and last multiple of the step in a uniform distribution. */
static bool steps_of(const struct dist *d, double *first, double *last)
{
    if (d->family != DIST_UNIFORM || d->scale != DIST_AS_IS || d->step <= 0)
        return false;
    *first = ceil(d->first / d->step - 1e-9);
    *last = floor(d->second / d->step + 1e-9);
    return true;
}

int64_t param_choices(const struct param *p)
{
    double first = 0, last = 0;

    switch (p->kind) {
    case PARAM_VALUES:
        return (int64_t)jval_len(p->values);
    case PARAM_INTEGER:
        return p->high - p->low + 1;
    case PARAM_NUMBER:
        return steps_of(&p->dist, &first, &last) ? (int64_t)(last - first) + 1 : 0;
    }
    return 0;
}

const struct jval *param_choice(struct arena *a, const struct param *p, int64_t index)
{
    double first = 0, last = 0;

    switch (p->kind) {
    case PARAM_VALUES:
        return jval_at(p->values, (size_t)index);
    case PARAM_INTEGER:
        return jval_new_int(a, p->low + index);
    case PARAM_NUMBER:
        (void)steps_of(&p->dist, &first, &last);
        return number(a, &p->dist, (first + (double)index) * p->dist.step);
    }
    return NULL;
}

const char *param_name(struct arena *a, const struct param *p)
{
    const char *name = arena_printf(a, "%.*s", STR_ARG(p->path[0]));

    for (size_t i = 1; i < p->depth; i++)
        name = arena_printf(a, "%s.%.*s", name, STR_ARG(p->path[i]));
    return name;
}

/* The object below @key of @o, made when it is missing. @o is one that was made here. */
static struct jval *below(struct arena *a, struct jval *o, struct str key)
{
    const struct jval *found = jval_get_str(o, key);
    struct jval *made;

    if (jval_is(found, JVAL_OBJECT)) {
        made = jval_copy(a, found);
        jval_set_str(a, o, key, made);
        return made;
    }
    made = jval_new_object(a);
    jval_set_str(a, o, key, made);
    return made;
}

void param_put(struct arena *a, struct jval *args, const struct param *p, const struct jval *value)
{
    struct jval *o = below(a, args, p->path[0]);
    struct str key = STR("value");

    for (size_t i = 1; i < p->depth; i++) {
        o = below(a, o, key);
        key = p->path[i];
    }
    jval_set_str(a, o, key, value);
}

const struct jval *param_find(const struct jval *args, const struct param *p)
{
    const struct jval *v = jval_get(jval_get_str(args, p->path[0]), "value");

    for (size_t i = 1; i < p->depth; i++)
        v = jval_get_str(v, p->path[i]);
    return v;
}
