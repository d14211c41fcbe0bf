/* server/waits.c: requests that wait for an item of a queue. Entries exist only while somebody waits. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "server/server_internal.h"

struct queue_wait {
    struct cond cond;
    size_t waiters;
};

static struct str wait_key(int64_t queue_id, char *buf, size_t size)
{
    int len = snprintf(buf, size, "%lld", (long long)queue_id);

    return (struct str){ buf, (size_t)len };
}

int wait_for_item(struct server *s, const struct item_wait *wait, struct err *e)
{
    char buf[24];
    struct str key = wait_key(wait->queue_id, buf, sizeof(buf));
    struct queue_wait *w = map_get(s->waits, key);
    int rc;

    if (s->wakes != wait->seen)
        return 0;
    if (!w) {
        w = xcalloc(1, sizeof(*w));
        map_put(s->waits, key, w);
    }
    w->waiters++;
    rc = cond_wait(s->io, &w->cond, wait->timeout_ms, e);
    w->waiters--;
    if (w->waiters == 0) {
        map_remove(s->waits, key);
        free(w);
    }
    return rc;
}

void wake_queue(struct server *s, int64_t queue_id)
{
    char buf[24];
    struct queue_wait *w = map_get(s->waits, wait_key(queue_id, buf, sizeof(buf)));

    s->wakes++;
    if (w)
        cond_broadcast(s->io, &w->cond);
}

static bool wake_visit(struct str key, void *value, void *ctx)
{
    struct queue_wait *w = value;
    struct server *s = ctx;

    cond_broadcast(s->io, &w->cond);
    return true;
}

void wake_all_queues(struct server *s)
{
    s->wakes++;
    map_each(s->waits, wake_visit, s);
}
