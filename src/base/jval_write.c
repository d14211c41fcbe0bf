/* base/jval_write.c: tree to JSON text. Numbers are the shortest text that reads back equal. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jval.h"
#include "base/jval_internal.h"

static void write_value(struct strbuf *b, const struct jval *v, enum jval_style style, unsigned level);

/* Python writes 1e16 and above, and below 1e-4, with an exponent; the shortest digits are the same in all
 * styles. */
static void write_real(struct strbuf *b, double d)
{
    char text[40];
    char *e = NULL;

    if (!isfinite(d)) {
        strbuf_addz(b, "null"); /* JSON has no word for it */
        return;
    }
    /* 15 digits always survive the way there and back, but for the tiny numbers of lesser precision */
    for (int precision = fabs(d) < DBL_MIN ? 1 : 15; precision <= 17; precision++) {
        snprintf(text, sizeof(text), "%.*g", precision, d);
        if (strtod(text, NULL) == d)
            break;
    }
    e = strchr(text, 'e');
    if (e && fabs(d) < 1e16 && fabs(d) >= 1e-4)
        snprintf(text, sizeof(text), "%.0f", d);
    strbuf_addz(b, text);
    if (!strpbrk(text, ".e"))
        strbuf_addz(b, ".0");
}

static uint32_t next_code_point(struct str s, size_t *i)
{
    const unsigned char *p = (const unsigned char *)s.ptr + *i;
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    uint32_t c = n == 1 ? p[0] : p[0] & (0xffu >> (n + 1));

    if (n > s.len - *i)
        n = s.len - *i;
    for (size_t k = 1; k < n; k++)
        c = c << 6 | (p[k] & 0x3f);
    *i += n;
    return c;
}

static void write_ascii(struct strbuf *b, struct str s)
{
    AUTO_STRBUF struct strbuf plain = STRBUF(b->max);
    struct str quoted = { 0 };

    strbuf_add_json(&plain, s);
    b->full |= plain.full;
    quoted = strbuf_str(&plain);
    for (size_t i = 0; i < quoted.len;) {
        uint32_t c = next_code_point(quoted, &i);

        if (c < 0x7f)
            strbuf_addc(b, (char)c);
        else if (c < 0x10000)
            strbuf_addf(b, "\\u%04x", c);
        else
            strbuf_addf(b, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
                        0xdc00 + ((c - 0x10000) & 0x3ff));
    }
}

static void write_string(struct strbuf *b, struct str s, enum jval_style style)
{
    if (style == JVAL_PYTHON)
        write_ascii(b, s);
    else
        strbuf_add_json(b, s);
}

static void new_line(struct strbuf *b, unsigned level)
{
    strbuf_addc(b, '\n');
    for (unsigned i = 0; i < level; i++)
        strbuf_addz(b, "  ");
}

static void write_container(struct strbuf *b, const struct jval *v, enum jval_style style, unsigned level)
{
    bool object = v->type == JVAL_OBJECT;

    strbuf_addc(b, object ? '{' : '[');
    for (size_t i = 0; i < v->len; i++) {
        if (i)
            strbuf_addz(b, style == JVAL_PYTHON ? ", " : ",");
        if (style == JVAL_PRETTY)
            new_line(b, level + 1);
        if (object) {
            write_string(b, v->members[i].key, style);
            strbuf_addz(b, style == JVAL_COMPACT ? ":" : ": ");
        }
        write_value(b, object ? v->members[i].value : v->items[i], style, level + 1);
    }
    if (style == JVAL_PRETTY && v->len)
        new_line(b, level);
    strbuf_addc(b, object ? '}' : ']');
}

static void write_value(struct strbuf *b, const struct jval *v, enum jval_style style, unsigned level)
{
    switch (jval_type(v)) {
    case JVAL_NULL:
        strbuf_addz(b, "null");
        break;
    case JVAL_BOOL:
        strbuf_addz(b, v->boolean ? "true" : "false");
        break;
    case JVAL_INT:
        strbuf_addf(b, "%lld", (long long)v->integer);
        break;
    case JVAL_REAL:
        write_real(b, v->real);
        break;
    case JVAL_STR:
        write_string(b, v->text, style);
        break;
    case JVAL_ARRAY:
    case JVAL_OBJECT:
        write_container(b, v, style, level);
        break;
    }
}

void jval_write(struct strbuf *b, const struct jval *v, enum jval_style style)
{
    write_value(b, v, style, 0);
}

struct str jval_text(struct arena *a, const struct jval *v, enum jval_style style)
{
    AUTO_STRBUF struct strbuf b = STRBUF(256 * 1024 * 1024);

    jval_write(&b, v, style);
    return arena_str(a, strbuf_str(&b));
}
