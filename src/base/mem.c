/* base/mem.c: allocation that never fails, and the two other leaks' plugs: descriptors and wiped memory. */
#include "base/mem.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/defs.h"

static void *checked(void *p)
{
    if (!p) {
        fputs("slipway: out of memory\n", stderr);
        abort();
    }
    return p;
}

void *xmalloc(size_t size)
{
    return checked(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
    return checked(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t size)
{
    return checked(realloc(p, size ? size : 1));
}

void mem_free_wiped(void *p)
{
    if (p)
        explicit_bzero(p, malloc_usable_size(p));
    free(p);
}

void *mem_realloc_wiped(void *p, size_t size)
{
    size_t old = p ? malloc_usable_size(p) : 0;
    void *grown;

    if (p && size <= old)
        return p;
    grown = xmalloc(size);
    if (old)
        memcpy(grown, p, old);
    mem_free_wiped(p);
    return grown;
}

char *xstrdup(const char *s)
{
    return s ? checked(strdup(s)) : NULL;
}

char *xstrndup(const char *s, size_t len)
{
    char *copy = xmalloc(len + 1);

    memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

void fd_auto_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
