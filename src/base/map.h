/* base/map.h: string to pointer hash map (on uthash). Keys are copied; values are borrowed. Iteration in
 * order of insertion. */
#pragma once

#include <stdbool.h>

#include "base/defs.h"
#include "base/str.h"

struct map;

struct map *map_new(void);
void map_free(struct map *m); /* values are not touched */
DEFINE_AUTO(map, map_free)
void *map_get(const struct map *m, struct str key);        /* NULL when absent */
void *map_put(struct map *m, struct str key, void *value); /* returns the value it replaced, or NULL */
void *map_remove(struct map *m, struct str key);           /* returns the value, or NULL */
size_t map_count(const struct map *m);
typedef bool (*map_visit_fn)(struct str key, void *value,
                             void *ctx); /* false stops; may remove the current entry */
void map_each(struct map *m, map_visit_fn fn, void *ctx);
