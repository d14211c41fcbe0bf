/* base/vec.h: growing list of pointers. Zero-initialised is empty. The pointers are borrowed. */
#pragma once

#include <stddef.h>

struct vec {
    void **items;
    size_t len, cap;
};
void vec_push(struct vec *v, void *item);
void *vec_pop(struct vec *v);                 /* NULL when empty */
void vec_remove(struct vec *v, size_t index); /* keeps the order */
/** vec_remove_item() - the first that is @item, if it is there. */
void vec_remove_item(struct vec *v, const void *item);
void vec_done(struct vec *v); /* frees the list, leaves it empty */
