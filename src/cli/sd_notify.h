/*
 * cli/sd_notify.h: telling systemd how the service is: datagrams to the socket that NOTIFY_SOCKET names, as
 * sd_notify(3) describes. Without that variable nothing is sent. Failures are dropped: a service runs on when
 * nobody listens.
 */
#pragma once

#include "io/io.h"

/** sd_notify_send() - one datagram, "READY=1". Does not yield. */
void sd_notify_send(struct io *io, const char *state);
/** sd_notify_watchdog_ms() - how often WATCHDOG=1 is wanted: half of WATCHDOG_USEC; 0: not at all (not set,
 * or meant for another process by WATCHDOG_PID). */
int64_t sd_notify_watchdog_ms(struct io *io);
/** sd_notify_watchdog() - send WATCHDOG=1 that often until cancelled; returns at once when none is wanted. A
 * fiber's body, so a loop that hangs is noticed. */
void sd_notify_watchdog(void *io);
