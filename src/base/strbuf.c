/* base/strbuf.c: capped, owned text buffers and the encoders that write into them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/str.h"

static char empty[1]; /* never written: what an empty buffer shows */

static bool reserve(struct strbuf *b, size_t more)
{
    size_t need = b->len + more + 1;
    size_t cap = b->cap ? b->cap : 64;

    if (b->full || more > b->max || b->len > b->max - more) {
        b->full = true;
        return false;
    }
    if (need <= b->cap)
        return true;
    while (cap < need)
        cap *= 2;
    if (cap > b->max + 1)
        cap = b->max + 1;
    if (b->ptr == empty)
        b->ptr = NULL;
    b->ptr = b->wiped ? mem_realloc_wiped(b->ptr, cap) : xrealloc(b->ptr, cap);
    b->cap = cap;
    return true;
}

void strbuf_done(struct strbuf *b)
{
    if (b->ptr != empty && b->wiped)
        mem_free_wiped(b->ptr);
    else if (b->ptr != empty)
        free(b->ptr);
    *b = (struct strbuf){ .max = b->max, .wiped = b->wiped };
}

void strbuf_reset(struct strbuf *b)
{
    b->len = 0;
    b->full = false;
    if (b->ptr && b->ptr != empty)
        b->ptr[0] = '\0';
}

void strbuf_add(struct strbuf *b, struct str s)
{
    if (s.len == 0 || !reserve(b, s.len))
        return;
    memcpy(b->ptr + b->len, s.ptr, s.len);
    b->len += s.len;
    b->ptr[b->len] = '\0';
}

void strbuf_addc(struct strbuf *b, char c)
{
    strbuf_add(b, (struct str){ &c, 1 });
}

void strbuf_addz(struct strbuf *b, const char *cstr)
{
    strbuf_add(b, str_of(cstr));
}

void strbuf_vaddf(struct strbuf *b, const char *fmt, va_list ap)
{
    va_list again;
    int n = 0;

    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n <= 0 || !reserve(b, (size_t)n))
        return;
    vsnprintf(b->ptr + b->len, (size_t)n + 1, fmt, ap);
    b->len += (size_t)n;
}

void strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    strbuf_vaddf(b, fmt, ap);
    va_end(ap);
}

static bool is_unreserved(char c)
{
    return ascii_is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

void strbuf_add_url(struct strbuf *b, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];

        if (is_unreserved(c))
            strbuf_addc(b, (char)c);
        else
            strbuf_addf(b, "%%%02X", c);
    }
}

void strbuf_add_form(struct strbuf *b, const char *name, struct str value)
{
    if (!value.len)
        return;
    if (b->len)
        strbuf_addc(b, '&');
    strbuf_addz(b, name);
    strbuf_addc(b, '=');
    strbuf_add_url(b, value);
}

/* The short escape of a byte in JSON, or 0. */
static char json_escape(char c)
{
    switch (c) {
    case '"':
    case '\\':
        return c;
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    default:
        return 0;
    }
}

void strbuf_add_json(struct strbuf *b, struct str s)
{
    size_t start = 0;

    strbuf_addc(b, '"');
    for (size_t i = 0; i < s.len; i++) {
        char escape = json_escape(s.ptr[i]);

        if (!escape && (unsigned char)s.ptr[i] >= 0x20)
            continue;
        strbuf_add(b, str_sub(s, start, i));
        if (escape)
            strbuf_addf(b, "\\%c", escape);
        else
            strbuf_addf(b, "\\u%04x", (unsigned char)s.ptr[i]);
        start = i + 1;
    }
    strbuf_add(b, str_sub(s, start, s.len));
    strbuf_addc(b, '"');
}

void strbuf_add_html(struct strbuf *b, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        switch (s.ptr[i]) {
        case '&':
            strbuf_addz(b, "&amp;");
            break;
        case '<':
            strbuf_addz(b, "&lt;");
            break;
        case '>':
            strbuf_addz(b, "&gt;");
            break;
        case '"':
            strbuf_addz(b, "&quot;");
            break;
        case '\'':
            strbuf_addz(b, "&#39;");
            break;
        default:
            strbuf_addc(b, s.ptr[i]);
        }
    }
}

void strbuf_truncate(struct strbuf *b, size_t len)
{
    if (len >= b->len)
        return;
    b->len = len;
    b->ptr[len] = '\0';
}

struct str strbuf_str(const struct strbuf *b)
{
    return (struct str){ strbuf_cstr(b), b->len };
}

const char *strbuf_cstr(const struct strbuf *b)
{
    return b->ptr ? b->ptr : empty;
}

int strbuf_check(const struct strbuf *b, struct err *e)
{
    return b->full ? err_set(e, ERR_LIMIT, "longer than %zu bytes", b->max) : 0;
}

void strbuf_wipe(struct strbuf *b)
{
    if (b->ptr && b->ptr != empty)
        mem_wipe(b->ptr, b->cap);
    strbuf_done(b);
}
