/* base/arena.c: memory freed whole, handed out from growing blocks. */
#include "base/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"

enum { FIRST_BLOCK = 2048, LARGEST_BLOCK = 256 * 1024, ALIGN = 16 };

struct block {
    struct block *next;
    size_t size, used;
    _Alignas(ALIGN) unsigned char data[];
};

struct arena {
    struct block *blocks; /* the one in use first */
    size_t next_size, total;
    bool wiped;
};

struct arena *arena_new(void)
{
    struct arena *a = xcalloc(1, sizeof(*a));

    a->next_size = FIRST_BLOCK;
    return a;
}

struct arena *arena_new_wiped(void)
{
    struct arena *a = arena_new();

    a->wiped = true;
    return a;
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    for (struct block *b = a->blocks; b;) {
        struct block *next = b->next;

        if (a->wiped)
            mem_wipe(b->data, b->used);
        free(b);
        b = next;
    }
    free(a);
}

static struct block *block_add(struct arena *a, size_t size)
{
    struct block *b = xmalloc(sizeof(*b) + size);

    b->next = a->blocks;
    b->size = size;
    b->used = 0;
    a->blocks = b;
    return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
    size_t need = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    struct block *b = a->blocks;
    void *p = NULL;

    assert(need >= size);
    if (!b || b->size - b->used < need) {
        b = block_add(a, need > a->next_size ? need : a->next_size);
        if (a->next_size < LARGEST_BLOCK)
            a->next_size *= 2;
    }
    p = b->data + b->used;
    b->used += need;
    a->total += need;
    memset(p, 0, need);
    return p;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    assert(size == 0 || count <= SIZE_MAX / 2 / size);
    return arena_alloc(a, count * size);
}

void *arena_grow(struct arena *a, void *items, size_t len, size_t *cap, size_t size)
{
    void *grown = NULL;

    if (len < *cap)
        return items;
    *cap = len ? 2 * len : 8;
    grown = arena_array(a, *cap, size);
    if (len)
        memcpy(grown, items, len * size);
    return grown;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_cstr(a, str_of(s));
}

struct str arena_str(struct arena *a, struct str s)
{
    return (struct str){ arena_cstr(a, s), s.len };
}

char *arena_cstr(struct arena *a, struct str s)
{
    char *copy = NULL;

    if (!s.ptr)
        return NULL;
    copy = arena_alloc(a, s.len + 1);
    memcpy(copy, s.ptr, s.len);
    return copy;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    char *text = NULL;
    int n = 0;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    assert(n >= 0);
    text = arena_alloc(a, (size_t)n + 1);
    va_start(ap, fmt);
    vsnprintf(text, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return text;
}

size_t arena_used(const struct arena *a)
{
    return a->total;
}
