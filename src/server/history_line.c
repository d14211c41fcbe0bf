/* server/history_line.c: a scanner that looks at a logged line once, without a tree of it. */
#include "server/history_line.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX_BYTES = 63 };

struct scan {
    const char *p, *end;
    char key[LINE_KEY_MAX_BYTES];
    size_t key_len;
    bool key_fits; /* else the values below it are passed over */
    unsigned level;
    line_value_fn fn;
    void *ctx;
};

static bool skip_space(struct scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
        s->p++;
    return s->p < s->end;
}

/* A string from its first quote on: what stands between the quotes. */
static bool scan_string(struct scan *s, struct str *ret)
{
    const char *from = ++s->p;

    for (; s->p < s->end; s->p++) {
        if (*s->p == '"') {
            *ret = (struct str){ from, (size_t)(s->p++ - from) };
            return true;
        }
        if (*s->p == '\\')
            s->p++;
    }
    s->p = s->end;
    return false;
}

/* A list or an object, by its brackets. */
static bool skip_nested(struct scan *s)
{
    size_t open = 0;

    while (s->p < s->end) {
        struct str text;

        if (*s->p == '"') {
            if (!scan_string(s, &text))
                return false;
            continue;
        }
        if (*s->p == '{' || *s->p == '[')
            open++;
        else if (*s->p == '}' || *s->p == ']')
            open--;
        s->p++;
        if (open == 0)
            return true;
    }
    return false;
}

static struct str scan_word(struct scan *s)
{
    const char *from = s->p;

    for (; s->p < s->end; s->p++) {
        char c = *s->p;

        if (c == ',' || c == '}' || c == ']' || (unsigned char)c <= ' ')
            break;
    }
    return (struct str){ from, (size_t)(s->p - from) };
}

/* --- names --- */

static bool hex4(struct str *rest, uint32_t *ret)
{
    uint32_t n = 0;

    if (rest->len < 4)
        return false;
    for (size_t i = 0; i < 4; i++) {
        char c = rest->ptr[i];
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10
                                                : 16;

        if (digit == 16)
            return false;
        n = n << 4 | digit;
    }
    *rest = str_sub(*rest, 4, rest->len);
    *ret = n;
    return true;
}

static bool key_byte(struct scan *s, unsigned char c)
{
    if (s->key_len == sizeof(s->key))
        return false;
    s->key[s->key_len++] = (char)c;
    return true;
}

static bool key_code_point(struct scan *s, uint32_t c)
{
    if (c < 0x80)
        return c != 0 && key_byte(s, (unsigned char)c);
    if (c < 0x800)
        return key_byte(s, (unsigned char)(0xc0 | c >> 6)) && key_byte(s, (unsigned char)(0x80 | (c & 0x3f)));
    if (c < 0x10000)
        return key_byte(s, (unsigned char)(0xe0 | c >> 12)) &&
               key_byte(s, (unsigned char)(0x80 | (c >> 6 & 0x3f))) &&
               key_byte(s, (unsigned char)(0x80 | (c & 0x3f)));
    return key_byte(s, (unsigned char)(0xf0 | c >> 18)) &&
           key_byte(s, (unsigned char)(0x80 | (c >> 12 & 0x3f))) &&
           key_byte(s, (unsigned char)(0x80 | (c >> 6 & 0x3f))) &&
           key_byte(s, (unsigned char)(0x80 | (c & 0x3f)));
}

/* Behind a backslash. A half of a pair of surrogates is encoded as it is, and then refused as no UTF-8. */
static bool key_escape(struct scan *s, struct str *rest)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    uint32_t c = 0, low = 0;
    const char *at;

    if (rest->len == 0)
        return false;
    if (!str_take(rest, 'u')) {
        at = strchr(names, rest->ptr[0]);
        *rest = str_sub(*rest, 1, rest->len);
        return at && *at && key_byte(s, (unsigned char)values[at - names]);
    }
    if (!hex4(rest, &c))
        return false;
    if (c >= 0xd800 && c < 0xdc00) {
        if (!str_take(rest, '\\') || !str_take(rest, 'u') || !hex4(rest, &low) || low < 0xdc00 ||
            low > 0xdfff)
            return false;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    return key_code_point(s, c);
}

/* Append a name to the path; false when it cannot be one. */
static bool key_push(struct scan *s, struct str name)
{
    size_t from = s->key_len;
    bool plain = true; /* ASCII */

    if (from > 0 && !key_byte(s, '.'))
        return false;
    for (struct str rest = name; rest.len > 0;) {
        char c = rest.ptr[0];

        rest = (struct str){ rest.ptr + 1, rest.len - 1 };
        plain = plain && c != '\\' && (unsigned char)c < 0x80;
        if (c == '\0' || (c == '\\' ? !key_escape(s, &rest) : !key_byte(s, (unsigned char)c)))
            return false;
    }
    return plain || str_is_utf8((struct str){ s->key + from, s->key_len - from });
}

/* --- values --- */

static bool is_odd_number(struct str s)
{
    return str_is(s, "NaN") || str_is(s, "Infinity") || str_is(s, "-Infinity");
}

static bool is_number(struct str s)
{
    static const char others[] = "+-.eE";
    size_t first = s.len > 0 && s.ptr[0] == '-';

    if (s.len > NUMBER_MAX_BYTES || s.len <= first || s.ptr[first] < '0' || s.ptr[first] > '9')
        return false;
    for (size_t i = first; i < s.len; i++)
        if ((s.ptr[i] < '0' || s.ptr[i] > '9') && !memchr(others, s.ptr[i], sizeof(others) - 1))
            return false;
    return true;
}

static void give(struct scan *s, struct str text, enum line_kind kind)
{
    const struct line_value v = { .key = { s->key, s->key_len }, .text = text, .kind = kind };

    if (s->key_fits)
        s->fn(s->ctx, &v);
}

static bool scan_object(struct scan *s);

/* Pass over the value here and what ends it. false: the object ends, too. */
static bool skip_member(struct scan *s)
{
    struct str text;

    if (!skip_space(s))
        return false;
    if (*s->p == '"' && !scan_string(s, &text))
        return false;
    if (s->p < s->end && (*s->p == '{' || *s->p == '[') && !skip_nested(s))
        return false;
    while (s->p < s->end && *s->p != ',' && *s->p != '}')
        s->p++;
    return s->p < s->end && *s->p++ == ',';
}

/* Has the object here a member "_type"? */
static bool is_typed(const struct scan *at)
{
    struct scan s = { .p = at->p + 1, .end = at->end };
    struct str name;

    do {
        if (!skip_space(&s) || *s.p != '"' || !scan_string(&s, &name))
            return false;
        if (str_is(name, "_type"))
            return true;
        if (!skip_space(&s) || *s.p++ != ':')
            return false;
    } while (skip_member(&s));
    return false;
}

static bool scan_value(struct scan *s)
{
    const char *from = s->p;
    struct str text;

    if (*s->p == '{' && s->level < LINE_LEVELS_MAX && !is_typed(s))
        return scan_object(s);
    if (*s->p == '{' || *s->p == '[') {
        if (!skip_nested(s))
            return false;
        give(s, (struct str){ from, (size_t)(s->p - from) }, LINE_OTHER);
        return true;
    }
    if (*s->p == '"') {
        if (!scan_string(s, &text))
            return false;
        give(s, (struct str){ from, (size_t)(s->p - from) }, is_odd_number(text) ? LINE_NUMBER : LINE_OTHER);
        return true;
    }
    text = scan_word(s);
    if (is_number(text) || is_odd_number(text))
        give(s, text, LINE_NUMBER);
    else if (str_is(text, "true") || str_is(text, "false"))
        give(s, text, LINE_OTHER);
    else
        return str_is(text, "null");
    return true;
}

static bool scan_member(struct scan *s)
{
    size_t len = s->key_len;
    bool fits = s->key_fits, ok;
    struct str name;

    if (*s->p != '"' || !scan_string(s, &name) || !skip_space(s) || *s->p != ':')
        return false;
    s->p++;
    if (!skip_space(s))
        return false;
    s->key_fits = fits && key_push(s, name);
    ok = scan_value(s);
    s->key_len = len;
    s->key_fits = fits;
    return ok;
}

static bool scan_object(struct scan *s)
{
    bool ended = false;

    s->p++;
    s->level++;
    if (!skip_space(s))
        return false;
    if (*s->p == '}')
        ended = true;
    while (!ended) {
        if (!skip_space(s) || !scan_member(s) || !skip_space(s))
            return false;
        if (*s->p == '}')
            ended = true;
        else if (*s->p++ != ',')
            return false;
    }
    s->p++;
    s->level--;
    return true;
}

bool line_each(struct str line, line_value_fn fn, void *ctx)
{
    struct scan s = { .p = line.ptr, .end = line.ptr + line.len, .key_fits = true, .fn = fn, .ctx = ctx };

    return line.len > 0 && skip_space(&s) && *s.p == '{' && scan_object(&s) && !skip_space(&s);
}

/* Exact where digits and power of ten are both whole numbers that a double holds. */
static bool short_number(struct str s, double *ret)
{
    static const double tens[] = { 1,    1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9, 1e10,
                                   1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20 };
    bool minus = str_take(&s, '-'), in_part = false;
    size_t part = 0;
    uint64_t n = 0;

    if (s.len > 17)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '.' && !in_part) {
            in_part = true;
            continue;
        }
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(s.ptr[i] - '0');
        part += in_part;
    }
    if (n > (uint64_t)1 << 53)
        return false;
    *ret = (double)n / tens[part];
    *ret = minus ? -*ret : *ret;
    return true;
}

double line_number(struct str text)
{
    char buf[NUMBER_MAX_BYTES + 1];
    double d = 0;

    if (text.len >= 2 && text.ptr[0] == '"')
        text = str_sub(text, 1, text.len - 1);
    if (short_number(text, &d))
        return d;
    if (str_is(text, "NaN"))
        return NAN;
    if (str_is(text, "Infinity") || str_is(text, "-Infinity"))
        return text.ptr[0] == '-' ? -INFINITY : INFINITY;
    if (text.len > NUMBER_MAX_BYTES)
        return NAN;
    memcpy(buf, text.ptr, text.len);
    buf[text.len] = '\0';
    return strtod(buf, NULL);
}
