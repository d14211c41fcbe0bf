/*
 * server/search/parameter.h: one parameter of a sweep: what its value may be. Pure.
 */
#pragma once

#include "base/jval.h"
#include "server/search/distribution.h"

enum param_kind {
    PARAM_VALUES,  /* one of a list; a constant is a list of one */
    PARAM_INTEGER, /* low to high, both among them */
    PARAM_NUMBER   /* by a distribution */
};
struct param {
    const struct str *path; /* its name; below nested "parameters" the names that lead to it */
    size_t depth;
    enum param_kind kind;
    const struct jval *values;
    const double *up_to; /* of values: the sum of the probabilities up to each; NULL: all alike */
    int64_t low, high;
    struct dist dist;
};
struct param_list {
    const struct param *items;
    size_t len;
};

/** params_parse() - the object "parameters" of a sweep's config; the list borrows from it. -ERR_INVALID says
 * which key is wrong and what to write. */
NODISCARD int params_parse(struct arena *a, const struct jval *parameters, struct param_list *ret,
                           struct err *e);

/** param_value() - the value below which the part @unit (between 0 and 1) of all lie. */
const struct jval *param_value(struct arena *a, const struct param *p, double unit);
/** param_unit() - the place of a value between 0 and 1; false: it is none of this parameter's. */
bool param_unit(const struct param *p, const struct jval *value, double *ret);
/** param_choices() - how many values there are; 0: no end of them. */
int64_t param_choices(const struct param *p);
/** param_choice() - number @index (from 0) of them. */
const struct jval *param_choice(struct arena *a, const struct param *p, int64_t index);

/** param_name() - "optimizer.lr", for people. */
const char *param_name(struct arena *a, const struct param *p);
/** param_put() - write its value into @args as agents get it: {"lr": {"value": 0.1}}, of nested ones
 * {"optimizer": {"value": {"lr": 0.1}}}. */
void param_put(struct arena *a, struct jval *args, const struct param *p, const struct jval *value);
/** param_find() - its value in such an object; NULL: none. */
const struct jval *param_find(const struct jval *args, const struct param *p);
