/*
 * server/clock.c: the server's time. It is the machine's wall clock, but one that was set does not end leases
 * or make agents silent: the server's time goes on from where it was, and comes closer slowly.
 *
 * Servers that share PostgreSQL judge each other's leases and heartbeats, so they go by one clock, the
 * database's: each asks for it every few seconds and goes on from there by its monotonic clock. What their
 * own wall clocks say is of no matter.
 */
#include "server/server_internal.h"

/* At most a tenth faster or slower than time goes. */
enum { STEP_MS = 1000, SLEW_PART = 10, ASK_MAX_MS = 1000 };

int server_clock_ask(struct server *s, struct err *e)
{
    int64_t began_ms = io_now_ms(s->io), unix_ms = 0, took_ms;
    int rc = s->is_shared ? store_clock(s->store, &unix_ms, e) : 0;

    took_ms = io_now_ms(s->io) - began_ms;
    if (rc < 0 || unix_ms == 0)
        return rc;
    if (s->common_unix_ms > 0 && took_ms > ASK_MAX_MS) /* less exact than what is known */
        return 0;
    s->common_unix_ms = unix_ms;
    s->common_at_ms = began_ms + took_ms / 2;
    return 0;
}

int64_t server_wall_unix_ms(const struct server *s)
{
    return s->common_unix_ms > 0 ? s->common_unix_ms + io_now_ms(s->io) - s->common_at_ms
                                 : io_now_unix_ms(s->io);
}

int server_clock_start(struct server *s, struct err *e)
{
    int rc = server_clock_ask(s, e);

    s->clock_unix_ms = server_wall_unix_ms(s);
    s->clock_at_ms = s->started_ms = io_now_ms(s->io);
    return rc;
}

int64_t server_now_unix_ms(struct server *s)
{
    int64_t at_ms = io_now_ms(s->io), passed = at_ms - s->clock_at_ms, most = passed / SLEW_PART;
    int64_t now = s->clock_unix_ms + passed, behind = server_wall_unix_ms(s) - now;

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
