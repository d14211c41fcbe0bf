/*
 * server/doors.h: how often one may ask: by address before anything else, by key once it is known, and few
 * times with a key that is wrong.
 */
#pragma once

#include "io/http.h"
#include "server/rates.h"

struct doors;

struct doors_options {
    double per_key, per_address; /* requests a second; 0: no limit. Ten seconds' worth at once */
    bool behind_proxy;           /* the address is the last one of X-Forwarded-For */
};
struct doors *doors_new(const struct doors_options *o);
void doors_free(struct doors *d); /* NULL is a no-op */

/** doors_address() - whom an exchange is counted for, in its arena: an IPv4 address, or the first half of an
 * IPv6 one, which is what one customer gets. */
struct str doors_address(const struct doors *d, struct http_exchange *x);
/* Each: 0, or ms to wait: answer 429. */
int64_t doors_enter(struct doors *d, struct http_exchange *x);
int64_t doors_use_key(struct doors *d, struct http_exchange *x, int64_t key_id);
/** doors_try_key() - before a key that is not known at once is looked at; ten times at once, then every two
 * seconds. doors_key_was_right() takes it back. */
int64_t doors_try_key(struct doors *d, struct http_exchange *x);
void doors_key_was_right(struct doors *d, struct http_exchange *x);
