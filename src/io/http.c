/* io/http.c: helpers for messages, common to both worlds. */
#include "io/http.h"

#include "base/ascii.h"
#include "base/timefmt.h"
#include "io/fiber.h"
#include "io/io_internal.h"

enum { MAX_RETRY_AFTER_MS = 3600 * 1000 };

struct str http_header_get(const struct http_header *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq_nocase(headers[i].name, str_of(name)))
            return headers[i].value;
    return (struct str){ NULL, 0 };
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" as RFC 3339, which timefmt reads. */
bool http_date_parse(struct str s, int64_t *ret_unix_ms)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    ptrdiff_t month = 0;
    AUTO_STRBUF struct strbuf b = STRBUF(64);

    if (s.len != 29 || !str_has_suffix(s, STR(" GMT")))
        return false;
    month = str_find(STR(months), str_sub(s, 8, 11));
    if (month < 0 || month % 3)
        return false;
    strbuf_addf(&b, "%.4s-%02d-%.2sT%.8sZ", s.ptr + 12, (int)(month / 3) + 1, s.ptr + 5, s.ptr + 17);
    return rfc3339_parse(strbuf_str(&b), ret_unix_ms);
}

uint32_t http_retry_after_ms(const struct http_reply *r, int64_t now_unix_ms)
{
    struct str v = http_header_get(r->headers, r->header_count, "Retry-After");
    double seconds = 0;
    int64_t at = 0;
    double ms = 0;

    if (v.len == 0)
        return 0;
    if (str_to_double(v, &seconds))
        ms = seconds * 1000;
    else if (http_date_parse(v, &at))
        ms = (double)(at - now_unix_ms);
    if (!(ms > 0))
        return 0;
    return ms > MAX_RETRY_AFTER_MS ? MAX_RETRY_AFTER_MS : (uint32_t)ms;
}

struct str http_percent_decode(struct arena *a, struct str s, bool plus_is_space)
{
    char *out = arena_alloc(a, s.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < s.len; i++) {
        int high = s.ptr[i] == '%' && i + 2 < s.len ? ascii_hex(s.ptr[i + 1]) : -1;
        int low = high >= 0 ? ascii_hex(s.ptr[i + 2]) : -1;

        if (low >= 0) {
            out[len++] = (char)(high * 16 + low);
            i += 2;
        } else {
            out[len++] = plus_is_space && s.ptr[i] == '+' ? ' ' : s.ptr[i];
        }
    }
    return (struct str){ out, len };
}

struct str http_query_get(struct http_exchange *x, const char *name)
{
    struct str rest = x->query;
    struct str part = { 0 };

    while (str_cut(&rest, '&', &part)) {
        struct str key = { 0 };
        struct str value = part;

        if (!str_cut(&value, '=', &key))
            continue;
        if (str_is(http_percent_decode(x->a, key, true), name))
            return http_percent_decode(x->a, value.ptr ? value : STR(""), true);
    }
    return (struct str){ NULL, 0 };
}

struct str http_form_get(struct http_exchange *x, const char *name)
{
    struct str query = x->query, value;

    x->query = x->body; /* the same encoding; the helper reads the query */
    value = http_query_get(x, name);
    x->query = query;
    return value;
}

void http_reply_header(struct http_exchange *x, const char *name, struct str value)
{
    size_t max = sizeof(x->reply_headers) / sizeof(x->reply_headers[0]);

    if (x->reply_header_count >= max)
        return;
    x->reply_headers[x->reply_header_count++] =
        (struct http_header){ arena_str(x->a, str_of(name)), arena_str(x->a, value) };
}

void http_reply_text(struct http_exchange *x, int status, const char *content_type, struct str body)
{
    x->status = status;
    http_reply_header(x, "Content-Type", str_of(content_type));
    strbuf_reset(&x->reply);
    strbuf_add(&x->reply, body);
}

void http_wait_begin(struct http_exchange *x)
{
    x->waiting = true;
    if (x->no_waiting)
        fiber_cancel(fiber_current(x->io->sched));
}

void http_wait_end(struct http_exchange *x)
{
    x->waiting = false;
}
