/*
 * base/arena.h: memory for one unit of work (a decoded reply, a config, a request), freed whole.
 * Nothing in an arena owns a descriptor, a handle or a secret; what passes through one on its way into a
 * struct secret does so in an arena_new_wiped().
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "base/defs.h"
#include "base/str.h"

struct arena;

struct arena *arena_new(void);
struct arena *arena_new_wiped(void); /* overwritten when it is freed */
void arena_free(struct arena *a);    /* NULL is a no-op */
DEFINE_AUTO(arena, arena_free)

void *arena_alloc(struct arena *a, size_t size);               /* zeroed, aligned for any type; never NULL */
void *arena_array(struct arena *a, size_t count, size_t size); /* zeroed, overflow checked */
/** arena_grow() - @items, which has @len items of @size bytes and room for *cap, with room for one more:
 * itself or a larger copy. */
void *arena_grow(struct arena *a, void *items, size_t len, size_t *cap, size_t size);
char *arena_strdup(struct arena *a, const char *s);  /* NULL gives NULL */
struct str arena_str(struct arena *a, struct str s); /* copy; NUL-terminated behind the view */
char *arena_cstr(struct arena *a, struct str s);     /* NUL-terminated copy; absent gives NULL */
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);
size_t arena_used(const struct arena *a); /* bytes handed out */
