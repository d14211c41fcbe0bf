/* base/vec.c: growing list of pointers. */
#include "base/vec.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void vec_push(struct vec *v, void *item)
{
    if (v->len == v->cap) {
        v->cap = v->cap ? v->cap * 2 : 8;
        v->items = xrealloc(v->items, v->cap * sizeof(*v->items));
    }
    v->items[v->len++] = item;
}

void *vec_pop(struct vec *v)
{
    return v->len ? v->items[--v->len] : NULL;
}

void vec_remove(struct vec *v, size_t index)
{
    assert(index < v->len);
    memmove(v->items + index, v->items + index + 1, (v->len - index - 1) * sizeof(*v->items));
    v->len--;
}

void vec_remove_item(struct vec *v, const void *item)
{
    for (size_t i = 0; i < v->len; i++) {
        if (v->items[i] == item) {
            vec_remove(v, i);
            return;
        }
    }
}

void vec_done(struct vec *v)
{
    free(v->items);
    *v = (struct vec){ 0 };
}
