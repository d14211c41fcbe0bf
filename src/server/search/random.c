/* server/search/random.c: each parameter drawn by its own distribution. */
#include "server/search/search_internal.h"

const struct jval *random_point(const struct param_list *params, struct dice *d, struct arena *a)
{
    struct jval *args = jval_new_object(a);

    for (size_t i = 0; i < params->len; i++)
        param_put(a, args, &params->items[i], param_value(a, &params->items[i], dice_unit(d)));
    return args;
}
