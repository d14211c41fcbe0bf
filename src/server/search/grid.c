/* server/search/grid.c: all combinations in an order, the last parameter fastest. */
#include "server/search/search_internal.h"

int64_t grid_count(const struct param_list *params)
{
    const int64_t most = INT64_C(1) << GRID_MAX_BITS;
    int64_t count = 1;

    for (size_t i = 0; i < params->len; i++) {
        int64_t choices = param_choices(&params->items[i]);

        if (count > most / choices)
            return most;
        count *= choices;
    }
    return count;
}

const struct jval *grid_point(const struct param_list *params, int64_t position, struct arena *a)
{
    const struct jval **values = arena_array(a, params->len, sizeof(const struct jval *));
    struct jval *args = jval_new_object(a);

    for (size_t i = params->len; i-- > 0;) {
        int64_t choices = param_choices(&params->items[i]);

        values[i] = param_choice(a, &params->items[i], position % choices);
        position /= choices;
    }
    for (size_t i = 0; i < params->len; i++)
        param_put(a, args, &params->items[i], values[i]);
    return args;
}
