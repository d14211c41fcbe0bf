/*
 * server/packer.c: behind the posts of runs, their lines are put into columns (store/history.h). One fiber
 * does it, a run after the other; what it has not come to is packed by whoever reads it.
 */
#include "base/log.h"
#include "server/server_internal.h"

enum { START_MAX = 10000 }; /* runs that are taken up at the start */

static void pack(struct server *s, const struct store_history *w)
{
    struct err e = { 0 };

    if (store_history_pack(s->store, w, &e) == 0 || e.code == ERR_CANCELLED ||
        e.code == ERR_NOT_FOUND) /* deleted meanwhile */
        return;
    LOG_ERROR("server.history_not_packed", "run=%lld error=\"%s\"", (long long)w->run_id, e.msg);
}

static void pack_leftovers(struct server *s)
{
    AUTO_PTR(arena) a = arena_new();
    int64_t *ids = NULL;
    size_t len = 0;
    struct err e = { 0 };

    if (store_history_unpacked(s->store, a, START_MAX, &ids, &len, &e) < 0)
        return; /* whoever reads them will see the error */
    for (size_t i = 0; i < len; i++)
        pack(s, &(struct store_history){ ids[i], RUN_HISTORY });
}

void packer_run(void *arg)
{
    struct server *s = arg;
    struct packer *p = &s->packer;

    pack_leftovers(s);
    for (;;) {
        struct store_history w;

        if (p->len == 0 && cond_wait(s->io, &p->cond, -1, NULL) < 0)
            return;
        if (p->len == 0)
            continue;
        w = p->wishes[p->first];
        p->first = (p->first + 1) % PACK_WISHES_MAX;
        p->len--;
        pack(s, &w);
        if (io_sleep(s->io, 0, NULL) < 0)
            return;
    }
}

void packer_wish(struct server *s, const struct store_history *w)
{
    struct packer *p = &s->packer;

    for (size_t i = 0; i < p->len; i++) {
        const struct store_history *have = &p->wishes[(p->first + i) % PACK_WISHES_MAX];

        if (have->run_id == w->run_id && have->stream == w->stream)
            return;
    }
    if (p->len == PACK_WISHES_MAX)
        return;
    p->wishes[(p->first + p->len++) % PACK_WISHES_MAX] = *w;
    cond_signal(s->io, &p->cond);
}
