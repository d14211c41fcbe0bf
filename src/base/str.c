/* base/str.c: borrowed views of text. */
#include "base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"

struct str str_of(const char *cstr)
{
    return cstr ? (struct str){ cstr, strlen(cstr) } : (struct str){ NULL, 0 };
}

bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i]))
            return false;
    return true;
}

bool str_is(struct str a, const char *cstr)
{
    return a.ptr && str_eq(a, str_of(cstr));
}

bool str_has_prefix(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq((struct str){ s.ptr, prefix.len }, prefix);
}

bool str_has_suffix(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_eq((struct str){ s.ptr + (s.len - suffix.len), suffix.len }, suffix);
}

int str_cmp(struct str a, struct str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.ptr, b.ptr, n) : 0;

    if (order)
        return order;
    return a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
}

struct str str_sub(struct str s, size_t from, size_t to)
{
    if (to > s.len)
        to = s.len;
    if (from > to)
        from = to;
    return (struct str){ s.ptr ? s.ptr + from : NULL, to - from };
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
    while (s.len && is_space(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

bool str_cut(struct str *rest, char sep, struct str *ret_part)
{
    const char *at = NULL;

    if (!rest->ptr)
        return false;
    at = rest->len ? memchr(rest->ptr, sep, rest->len) : NULL;
    if (!at) {
        *ret_part = *rest;
        *rest = (struct str){ NULL, 0 };
        return true;
    }
    *ret_part = (struct str){ rest->ptr, (size_t)(at - rest->ptr) };
    *rest = (struct str){ at + 1, rest->len - ret_part->len - 1 };
    return true;
}

bool str_take(struct str *rest, char c)
{
    if (rest->len == 0 || rest->ptr[0] != c)
        return false;
    *rest = str_sub(*rest, 1, rest->len);
    return true;
}

struct str str_take_digits(struct str *rest)
{
    size_t n = 0;
    struct str taken;

    while (n < rest->len && ascii_is_digit(rest->ptr[n]))
        n++;
    taken = str_sub(*rest, 0, n);
    *rest = str_sub(*rest, n, rest->len);
    return taken;
}

ptrdiff_t str_find(struct str s, struct str needle)
{
    const char *at = needle.len == 0 ? s.ptr : s.len ? memmem(s.ptr, s.len, needle.ptr, needle.len) : NULL;

    if (needle.len == 0)
        return 0;
    return at ? at - s.ptr : -1;
}

bool str_to_i64(struct str s, int64_t *ret)
{
    char text[24];
    char *end = NULL;
    long long n = 0;

    if (s.len == 0 || s.len >= sizeof(text) || !(ascii_is_digit(s.ptr[0]) || (s.ptr[0] == '-' && s.len > 1)))
        return false;
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    errno = 0;
    n = strtoll(text, &end, 10);
    if (errno || *end || end != text + s.len)
        return false;
    *ret = n;
    return true;
}

bool str_to_double(struct str s, double *ret)
{
    char text[64];
    char *end = NULL;
    double d = 0;

    if (s.len == 0 || s.len >= sizeof(text) || is_space(s.ptr[0]))
        return false;
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    d = strtod(text, &end);
    if (end != text + s.len)
        return false;
    *ret = d;
    return true;
}

/* Well-formed UTF-8 (Unicode, table 3-7): the first byte gives the length and what the second may be. */
static const struct utf8_form {
    unsigned char first_min, first_max, second_min, second_max;
    size_t len;
} utf8_forms[] = {
    { 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 },
    { 0xe0, 0xe0, 0xa0, 0xbf, 3 },                                /* shorter forms are not well-formed */
    { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, /* no surrogates */
    { 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
    { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 }, /* nothing above U+10FFFF */
};

static const struct utf8_form *utf8_form_of(unsigned char first)
{
    for (size_t i = 0; i < ARRAY_LEN(utf8_forms); i++)
        if (first >= utf8_forms[i].first_min && first <= utf8_forms[i].first_max)
            return &utf8_forms[i];
    return NULL;
}

/* Length of the well-formed UTF-8 sequence at @p, or 0. */
static size_t sequence(const unsigned char *p, size_t left)
{
    const struct utf8_form *form = utf8_form_of(p[0]);

    if (!form || form->len > left)
        return 0;
    if (form->len > 1 && (p[1] < form->second_min || p[1] > form->second_max))
        return 0;
    for (size_t i = 2; i < form->len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return form->len;
}

bool str_is_utf8(struct str s)
{
    for (size_t i = 0; i < s.len;) {
        size_t n = sequence((const unsigned char *)s.ptr + i, s.len - i);

        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

void strbuf_add_utf8(struct strbuf *b, struct str s)
{
    for (size_t i = 0; i < s.len;) {
        size_t n = sequence((const unsigned char *)s.ptr + i, s.len - i);

        strbuf_add(b, n ? str_sub(s, i, i + n) : STR("\xef\xbf\xbd"));
        i += n ? n : 1;
    }
}

size_t str_distance(struct str a, struct str b)
{
    size_t row[65];

    if (a.len > 64 || b.len > 64)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t best = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);

            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b.len];
}
