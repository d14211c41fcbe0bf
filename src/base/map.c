/* base/map.c: string to pointer hash map, on uthash. */
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define uthash_fatal(msg) abort()
#include <uthash.h>

struct entry {
    UT_hash_handle hh;
    void *value;
    size_t len;
    char key[];
};

struct map {
    struct entry *head;
};

struct map *map_new(void)
{
    return xcalloc(1, sizeof(struct map));
}

void map_free(struct map *m)
{
    struct entry *e = NULL;
    struct entry *next = NULL;

    if (!m)
        return;
    HASH_ITER (hh, m->head, e, next) {
        HASH_DEL(m->head, e); /* NOLINT(clang-analyzer-unix.Malloc): it cannot follow the table's links */
        free(e);
    }
    free(m);
}

static struct entry *find(const struct map *m, struct str key)
{
    struct entry *e = NULL;

    HASH_FIND(hh, m->head, key.ptr ? key.ptr : "", key.len, e);
    return e;
}

void *map_get(const struct map *m, struct str key)
{
    struct entry *e = find(m, key);

    return e ? e->value : NULL;
}

void *map_put(struct map *m, struct str key, void *value)
{
    struct entry *e = find(m, key);
    void *old = NULL;

    if (e) {
        old = e->value;
        e->value = value;
        return old;
    }
    e = xcalloc(1, sizeof(*e) + key.len + 1);
    if (key.len)
        memcpy(e->key, key.ptr, key.len);
    e->len = key.len;
    e->value = value;
    HASH_ADD_KEYPTR(hh, m->head, e->key, e->len, e);
    return NULL;
}

void *map_remove(struct map *m, struct str key)
{
    struct entry *e = find(m, key);
    void *value = NULL;

    if (!e)
        return NULL;
    value = e->value;
    HASH_DEL(m->head, e);
    free(e);
    return value;
}

size_t map_count(const struct map *m)
{
    return HASH_COUNT(m->head);
}

void map_each(struct map *m, map_visit_fn fn, void *ctx)
{
    struct entry *e = NULL;
    struct entry *next = NULL;

    HASH_ITER (hh, m->head, e, next) {
        if (!fn((struct str){ e->key, e->len }, e->value, ctx))
            return;
    }
}
