/* server/search/search_internal.h: the methods, for search.c. */
#pragma once

#include "server/search/dice.h"
#include "server/search/search.h"

enum { GRID_MAX_BITS = 53 }; /* a grid with more points counts as one of 2^53 */
int64_t grid_count(const struct param_list *params);
const struct jval *grid_point(const struct param_list *params, int64_t position, struct arena *a);
const struct jval *random_point(const struct param_list *params, struct dice *d, struct arena *a);
const struct jval *bayes_point(const struct search *s, const struct search_state *state, struct arena *a);
