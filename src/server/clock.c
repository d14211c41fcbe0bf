/*
 * server/clock.c: the server's time. It is the machine's wall clock, but one that was set does not end leases
 * or make agents silent: the server's time goes on from where it was, and comes closer slowly.
 */
#include "server/server_internal.h"

/* At most a tenth faster or slower than time goes. */
enum { STEP_MS = 1000, SLEW_PART = 10 };

void server_clock_start(struct server *s)
{
    s->clock_unix_ms = io_now_unix_ms(s->io);
    s->clock_at_ms = s->started_ms = io_now_ms(s->io);
}

int64_t server_now_unix_ms(struct server *s)
{
    int64_t at_ms = io_now_ms(s->io), passed = at_ms - s->clock_at_ms, most = passed / SLEW_PART;
    int64_t now = s->clock_unix_ms + passed, behind = io_now_unix_ms(s->io) - now;

    now += behind > most ? most : behind < -most ? -most : behind;
    if (passed >= STEP_MS) {
        s->clock_unix_ms = now;
        s->clock_at_ms = at_ms;
    }
    return now;
}

bool server_has_listened_for(const struct server *s, int64_t ms)
{
    return io_now_ms(s->io) - s->started_ms >= ms;
}
