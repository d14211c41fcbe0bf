/* io/stack.c: fibers' stacks: mapped with a guard page below, pooled. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/fiber_internal.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { STACK_FACTOR = 4 }; /* instrumented frames are larger */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { STACK_FACTOR = 4 };
#else
enum { STACK_FACTOR = 1 };
#endif
#else
enum { STACK_FACTOR = 1 };
#endif

enum { POOL_MAX = 64 };

struct stack *stack_take(struct scheduler *s)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct stack *k = s->pool;
    char *map = NULL;

    if (k) {
        s->pool = k->next;
        s->pool_count--;
        return k;
    }
    k = xcalloc(1, sizeof(*k));
    k->size = (size_t)FIBER_STACK_BYTES * STACK_FACTOR;
    map = mmap(NULL, k->size + page, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (map == MAP_FAILED || mprotect(map, page, PROT_NONE)) {
        fputs("slipway: no memory for a fiber's stack\n", stderr);
        abort();
    }
    k->base = map + page;
    return k;
}

static void stack_unmap(struct stack *k)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    munmap((char *)k->base - page, k->size + page);
    free(k);
}

void stack_give(struct scheduler *s, struct stack *k)
{
    if (s->pool_count >= POOL_MAX) {
        stack_unmap(k);
        return;
    }
    k->next = s->pool;
    s->pool = k;
    s->pool_count++;
}

void stack_pool_done(struct scheduler *s)
{
    while (s->pool) {
        struct stack *k = s->pool;

        s->pool = k->next;
        stack_unmap(k);
    }
}
