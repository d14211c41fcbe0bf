/* server/doors.c: limits on how often one may ask. */
#include "server/doors.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"

enum { BURST_S = 10 };
static const struct rate wrong_keys = { .per_second = 0.5, .burst = 10 };

struct doors {
    struct rates *keys, *addresses, *wrong;
    bool behind_proxy;
};

struct doors *doors_new(const struct doors_options *o)
{
    struct doors *d = xcalloc(1, sizeof(*d));

    d->keys = rates_new((struct rate){ o->per_key, o->per_key * BURST_S });
    d->addresses = rates_new((struct rate){ o->per_address, o->per_address * BURST_S });
    d->wrong = rates_new(wrong_keys);
    d->behind_proxy = o->behind_proxy;
    return d;
}

void doors_free(struct doors *d)
{
    if (!d)
        return;
    rates_free(d->keys);
    rates_free(d->addresses);
    rates_free(d->wrong);
    free(d);
}

/* "127.0.0.1:51234", "[::1]:51234" and, from proxies, both without a port. */
static struct str without_port(struct str peer)
{
    ptrdiff_t end;

    if (str_has_prefix(peer, STR("["))) {
        end = str_find(peer, STR("]"));
        return str_sub(peer, 1, end < 0 ? peer.len : (size_t)end);
    }
    end = str_find(peer, STR(":"));
    if (end < 0 || str_find(str_sub(peer, (size_t)end + 1, peer.len), STR(":")) >= 0)
        return peer;
    return str_sub(peer, 0, (size_t)end);
}

struct str doors_address(const struct doors *d, struct http_exchange *x)
{
    struct str rest =
        d->behind_proxy ? http_header_get(x->headers, x->header_count, "X-Forwarded-For") : (struct str){ 0 };
    struct str last = { 0 }, text;
    uint8_t six[16];
    char hex[17];

    while (str_cut(&rest, ',', &last))
        continue;
    text = without_port(str_trim(last.len > 0 ? last : x->peer));
    if (inet_pton(AF_INET6, arena_cstr(x->a, text), six) != 1)
        return text;
    if (memcmp(six, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0) /* IPv4 in IPv6's clothes */
        return arena_str(x->a, str_of(arena_printf(x->a, "%u.%u.%u.%u", six[12], six[13], six[14], six[15])));
    hex_encode(six, 8, hex);
    return arena_str(x->a, str_of(hex));
}

int64_t doors_enter(struct doors *d, struct http_exchange *x)
{
    return rates_take(d->addresses, doors_address(d, x), io_now_ms(x->io));
}

int64_t doors_use_key(struct doors *d, struct http_exchange *x, int64_t key_id)
{
    return rates_take(d->keys, str_of(arena_printf(x->a, "%lld", (long long)key_id)), io_now_ms(x->io));
}

int64_t doors_try_key(struct doors *d, struct http_exchange *x)
{
    return rates_take(d->wrong, doors_address(d, x), io_now_ms(x->io));
}

void doors_key_was_right(struct doors *d, struct http_exchange *x)
{
    rates_give_back(d->wrong, doors_address(d, x));
}
