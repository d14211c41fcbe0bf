/* server/search/config.c: a sweep's config. */
#include <math.h>

#include "server/search/search.h"

enum { RUN_CAP_MAX = 1000000000 };

static void warn(struct arena *a, struct jval *warnings, const char *text)
{
    jval_push(a, warnings, jval_new_cstr(a, text));
}

/* Keys that do nothing are most often typing errors. */
static void warn_of_keys(struct arena *a, const struct jval *config, struct jval *warnings)
{
    static const char *const known[] = { "method",      "metric",   "parameters", "early_terminate",
                                         "run_cap",     "name",     "command",    "program",
                                         "description", "project",  "entity",     "job",
                                         "image_uri",   "settings", "controller", "apiVersion",
                                         "launch",      "scheduler" };

    for (size_t i = 0; i < jval_len(config); i++) {
        struct str key = jval_key_at(config, i);
        bool is_known = false;
        const char *near = NULL;

        for (size_t k = 0; k < ARRAY_LEN(known); k++) {
            is_known = is_known || str_is(key, known[k]);
            if (str_distance(key, str_of(known[k])) <= 2)
                near = known[k];
        }
        if (is_known)
            continue;
        if (near)
            warn(a, warnings,
                 arena_printf(a, "'%.*s' does nothing in a sweep's config: did you mean '%s'?",
                              STR_ARG(str_sub(key, 0, 60)), near));
        else
            warn(a, warnings,
                 arena_printf(a, "'%.*s' does nothing in a sweep's config", STR_ARG(str_sub(key, 0, 60))));
    }
}

static int read_method(const struct jval *config, struct search *s, struct err *e)
{
    static const char *const names[] = { "grid", "random", "bayes", "custom" };
    struct str name = jval_str(jval_get(config, "method"));
    size_t i = 0;

    while (i < ARRAY_LEN(names) && !str_is(name, names[i]))
        i++;
    if (i == ARRAY_LEN(names))
        return err_set(e, ERR_INVALID, "method: write grid, random, bayes or custom");
    s->method = (enum search_method)i;
    s->method_name = name;
    if (str_is(jval_str(jval_path(config, "controller.type")), "local"))
        s->method = SEARCH_OTHER;
    return 0;
}

static int read_metric(const struct jval *metric, struct search_metric *ret, struct err *e)
{
    struct str goal = jval_str(jval_get(metric, "goal"));
    const struct jval *target = jval_get(metric, "target");

    if (!metric || jval_is(metric, JVAL_NULL))
        return 0;
    ret->name = jval_str(jval_get(metric, "name"));
    if (ret->name.len == 0)
        return err_set(e, ERR_INVALID, "metric.name is missing: write what the runs log, as val_loss");
    if (jval_get(metric, "goal") && !str_is(goal, "minimize") && !str_is(goal, "maximize"))
        return err_set(e, ERR_INVALID, "metric.goal: write minimize or maximize");
    ret->maximize = str_is(goal, "maximize");
    if (!target || jval_is(target, JVAL_NULL))
        return 0;
    if ((!jval_is(target, JVAL_INT) && !jval_is(target, JVAL_REAL)) || !isfinite(jval_real(target)))
        return err_set(e, ERR_INVALID, "metric.target: write a number");
    ret->has_target = true;
    ret->target = jval_real(target);
    return 0;
}

static int read_cap(const struct jval *config, int64_t *ret, struct err *e)
{
    const struct jval *cap = jval_get(config, "run_cap");

    if (!cap || jval_is(cap, JVAL_NULL))
        return 0;
    if (!jval_is(cap, JVAL_INT) || jval_int(cap) < 1 || jval_int(cap) > RUN_CAP_MAX)
        return err_set(e, ERR_INVALID, "run_cap: write a whole number from 1 on");
    *ret = jval_int(cap);
    return 0;
}

static int grid_check(struct arena *a, const struct search *s, struct err *e)
{
    for (size_t i = 0; i < s->params.len; i++) {
        const struct param *p = &s->params.items[i];

        if (param_choices(p) == 0)
            return err_set(e, ERR_INVALID,
                           "parameters.%s has no end of values, and a grid takes each: write values, or"
                           " distribution: q_uniform with q, or method: random",
                           param_name(a, p));
    }
    return 0;
}

static int read_space(struct arena *a, const struct jval *config, struct search *s, struct err *e)
{
    int rc;

    if (s->method == SEARCH_OTHER)
        return 0;
    rc = params_parse(a, jval_get(config, "parameters"), &s->params, e);
    if (rc == 0 && s->method == SEARCH_GRID)
        rc = grid_check(a, s, e);
    if (rc == 0 && s->method == SEARCH_BAYES && !s->metric.name.ptr)
        return err_set(e, ERR_INVALID,
                       "metric is missing, which method bayes needs: write metric: {name: loss,"
                       " goal: minimize}");
    if (rc == 0 && s->bands.len > 0 && !s->metric.name.ptr)
        return err_set(e, ERR_INVALID,
                       "metric is missing, which early_terminate needs: write metric: {name:"
                       " loss, goal: minimize}");
    return rc;
}

int search_parse(struct arena *a, const struct jval *config, const struct search **ret, struct err *e)
{
    struct search *s = arena_alloc(a, sizeof(*s));
    struct jval *warnings = jval_new_array(a);
    int rc;

    if (!jval_is(config, JVAL_OBJECT))
        return err_set(e, ERR_INVALID, "a sweep's config is an object with method and parameters");
    rc = read_method(config, s, e);
    if (rc == 0)
        rc = read_metric(jval_get(config, "metric"), &s->metric, e);
    if (rc == 0)
        rc = read_cap(config, &s->run_cap, e);
    if (rc == 0)
        rc = bands_parse(jval_get(config, "early_terminate"), &s->bands, e);
    if (rc == 0)
        rc = read_space(a, config, s, e);
    if (rc < 0)
        return rc;
    warn_of_keys(a, config, warnings);
    s->name = jval_str(jval_get(config, "name"));
    s->description = jval_str(jval_get(config, "description"));
    s->warnings = warnings;
    *ret = s;
    return 0;
}
