/* google/credentials/cache.c: FRESH, STALE and INVALID tokens (reference 4.2). */
#include "google/credentials/cache.h"

#include <stdlib.h>

#include "base/mem.h"

enum {
    REFRESH_EARLY_MS = 225000, /* as google-auth: 3 min 45 s before the end */
    REFRESH_AGAIN_MS = 10000   /* a token that is still good is not asked for anew more often than this */
};

struct token_cache {
    struct io *io;
    token_fetch_fn fetch;
    void *ctx;
    struct group *group; /* of the refreshing fiber */
    struct token token;
    int64_t expires_at_ms, next_refresh_at_ms; /* monotonic */
    bool refreshing;
    uint64_t refreshes;
    struct err why; /* of the last refresh */
    struct cond refreshed;
};

struct token_cache *token_cache_new(struct io *io, token_fetch_fn fetch, void *ctx)
{
    struct token_cache *c = xcalloc(1, sizeof(*c));

    c->io = io;
    c->fetch = fetch;
    c->ctx = ctx;
    c->group = group_new(io);
    return c;
}

void token_cache_free(struct token_cache *c)
{
    if (!c)
        return;
    group_end(c->group);
    secret_free(c->token.value);
    free(c);
}

static bool is_valid(const struct token_cache *c)
{
    return c->token.value && io_now_ms(c->io) < c->expires_at_ms;
}

int64_t token_cache_expires_in_ms(const struct token_cache *c)
{
    return is_valid(c) ? c->expires_at_ms - io_now_ms(c->io) : 0;
}

static void refresh(void *arg)
{
    struct token_cache *c = arg;
    struct token fresh = { 0 };
    struct err why = { 0 };
    int r = c->fetch(c->ctx, &fresh, &why);
    int64_t now = io_now_ms(c->io);

    if (!r) {
        secret_free(c->token.value);
        c->token = fresh;
        c->expires_at_ms = now + fresh.expires_in_s * 1000;
        if (fresh.expires_in_s <= 0)
            (void)err_set(&why, ERR_AUTH, "the token that was given has expired already");
    }
    c->next_refresh_at_ms = c->expires_at_ms - REFRESH_EARLY_MS;
    if (c->next_refresh_at_ms < now + REFRESH_AGAIN_MS)
        c->next_refresh_at_ms = now + REFRESH_AGAIN_MS;
    c->why = why;
    c->refreshes++;
    c->refreshing = false;
    cond_broadcast(c->io, &c->refreshed);
}

int token_cache_get(struct token_cache *c, const struct secret **ret, struct err *e)
{
    uint64_t before = c->refreshes;

    if ((!is_valid(c) || io_now_ms(c->io) >= c->next_refresh_at_ms) && !c->refreshing) {
        c->refreshing = true;
        group_spawn(c->group, "token-refresh", refresh, c);
    }
    while (!is_valid(c)) {
        if (c->refreshes != before) {
            if (e)
                *e = c->why;
            return -(int)c->why.code;
        }
        if (cond_wait(c->io, &c->refreshed, -1, e) == -ERR_CANCELLED)
            return -ERR_CANCELLED;
    }
    *ret = c->token.value;
    return 0;
}

void token_cache_refused(struct token_cache *c, const struct secret *used)
{
    if (c->token.value && secret_eq(c->token.value, used))
        c->expires_at_ms = 0;
}
