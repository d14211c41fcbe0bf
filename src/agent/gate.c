/* agent/gate.c: who waits, when each queue last passed, and a token bucket for the one in front. */
#include "agent/gate.h"

#include <stdlib.h>

#include "agent/bucket.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"

struct gate {
    struct bucket bucket;
    struct vec waiting; /* struct turn, in order of arrival */
    struct map *served; /* queue -> uint64_t: when it last passed, in passes */
    uint64_t passes;
    bool busy; /* somebody waits for the token that is his */
    struct cond moved;
};
struct turn { /* on the stack of who waits */
    struct str queue;
};

struct gate *gate_new(int64_t interval_ms, int64_t burst)
{
    struct gate *g = xcalloc(1, sizeof(*g));

    g->bucket = (struct bucket){ .interval_ms = interval_ms, .burst = burst };
    g->served = map_new();
    return g;
}

static bool free_count(struct str key, void *value, void *ctx)
{
    free(value);
    return true;
}

void gate_free(struct gate *g)
{
    if (!g)
        return;
    map_each(g->served, free_count, NULL);
    map_free(g->served);
    vec_done(&g->waiting);
    free(g);
}

static uint64_t last_pass(const struct gate *g, struct str queue)
{
    const uint64_t *count = map_get(g->served, queue);

    return count ? *count : 0;
}

static const struct turn *front(const struct gate *g)
{
    const struct turn *best = NULL;

    for (size_t i = 0; i < g->waiting.len; i++) {
        const struct turn *t = g->waiting.items[i];

        if (!best || last_pass(g, t->queue) < last_pass(g, best->queue))
            best = t;
    }
    return best;
}

static void note_pass(struct gate *g, struct str queue)
{
    uint64_t *count = map_get(g->served, queue);

    if (!count) {
        count = xcalloc(1, sizeof(*count));
        map_put(g->served, queue, count);
    }
    *count = ++g->passes;
}

int gate_pass(struct io *io, struct gate *g, struct str queue, struct err *e)
{
    struct turn mine = { queue };
    int rc = 0;

    vec_push(&g->waiting, &mine);
    while (!rc && (g->busy || front(g) != &mine))
        rc = cond_wait(io, &g->moved, -1, e);
    vec_remove_item(&g->waiting, &mine);
    if (!rc) { /* only one draws a token ahead of time: who comes meanwhile may still go before the others */
        g->busy = true;
        note_pass(g, queue);
        rc = io_sleep(io, bucket_take(&g->bucket, io_now_ms(io)), e);
        g->busy = false;
    }
    cond_broadcast(io, &g->moved);
    return rc;
}
