/* server/graphql/gql_text.c: string literals: escapes, block strings; and printing values and types. */
#include <string.h>

#include "base/ascii.h"

#include "server/graphql/gql_lex.h"

static size_t put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | (c >> 6));
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | (c >> 12));
        out[1] = (char)(0x80 | ((c >> 6) & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | (c >> 18));
    out[1] = (char)(0x80 | ((c >> 12) & 0x3F));
    out[2] = (char)(0x80 | ((c >> 6) & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

/* Four digits at p->at; UINT32_MAX when they are not there. */
static uint32_t read_hex4(struct gql_parser *p)
{
    uint32_t value = 0;

    for (uint32_t i = 0; i < 4; i++) {
        int digit = p->at + i < p->src.len ? ascii_hex(p->src.ptr[p->at + i]) : -1;

        if (digit < 0)
            return UINT32_MAX;
        value = value << 4 | (uint32_t)digit;
    }
    p->at += 4;
    return value;
}

/* "{...}" of a \u{...}; UINT32_MAX when it is wrong. */
static uint32_t read_hex_braces(struct gql_parser *p)
{
    uint32_t value = 0, digits = 0;

    for (p->at++; p->at < p->src.len && ascii_hex(p->src.ptr[p->at]) >= 0; p->at++) {
        value = value << 4 | (uint32_t)ascii_hex(p->src.ptr[p->at]);
        if (++digits > 8 || value > 0x10FFFF)
            return UINT32_MAX;
    }
    if (digits == 0 || p->at >= p->src.len || p->src.ptr[p->at] != '}')
        return UINT32_MAX;
    p->at++;
    return value;
}

static bool is_surrogate(uint32_t c)
{
    return c >= 0xD800 && c <= 0xDFFF;
}

/* Behind "\u". */
static uint32_t read_unicode_escape(struct gql_parser *p)
{
    uint32_t high = 0, low = 0;

    if (p->at < p->src.len && p->src.ptr[p->at] == '{') {
        high = read_hex_braces(p);
        return is_surrogate(high) ? UINT32_MAX : high;
    }
    high = read_hex4(p);
    if (!is_surrogate(high))
        return high;
    if (high > 0xDBFF || p->at + 2 > p->src.len || memcmp(p->src.ptr + p->at, "\\u", 2) != 0)
        return UINT32_MAX;
    p->at += 2;
    low = read_hex4(p);
    if (low < 0xDC00 || low > 0xDFFF)
        return UINT32_MAX;
    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
}

/* p->at stands behind the backslash. Returns bytes written to @out (at most 4, never more than were read). */
static size_t read_escape(struct gql_parser *p, char *out)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    uint32_t start = p->at - 1;
    char c = p->at < p->src.len ? p->src.ptr[p->at++] : '\0';
    const char *known = c ? strchr(from, c) : NULL;
    uint32_t code = UINT32_MAX;

    if (known) {
        out[0] = to[known - from];
        return 1;
    }
    if (c == 'u')
        code = read_unicode_escape(p);
    if (code == UINT32_MAX) {
        gql_fail_at(p, start, "Syntax Error: Invalid character escape sequence.");
        return 0;
    }
    return put_utf8(out, code);
}

static struct str unterminated(struct gql_parser *p)
{
    gql_fail_at(p, p->at, "Syntax Error: Unterminated string.");
    return (struct str){ "", 0 };
}

/* Length in the source of what stands before the closing quote, or SIZE_MAX; *ret_plain: no escapes. */
static size_t string_extent(const struct gql_parser *p, bool *ret_plain)
{
    *ret_plain = true;
    for (size_t i = p->at; i < p->src.len; i++) {
        char c = p->src.ptr[i];

        if (c == '"')
            return i - p->at;
        if (c == '\n' || c == '\r')
            break;
        if (c == '\\') {
            *ret_plain = false;
            i++;
        }
    }
    return SIZE_MAX;
}

struct str gql_read_string(struct gql_parser *p)
{
    bool is_plain = true;
    size_t extent = string_extent(p, &is_plain), used = 0;
    size_t end = p->at + extent;
    char *out = NULL;

    if (extent == SIZE_MAX)
        return unterminated(p);
    if (is_plain) {
        p->at = (uint32_t)end + 1;
        return (struct str){ p->src.ptr + end - extent, extent };
    }
    out = arena_alloc(p->a, extent + 4);
    while (p->at < end && !p->failed) {
        char c = p->src.ptr[p->at++];

        if (c == '\\')
            used += read_escape(p, out + used);
        else
            out[used++] = c;
    }
    if (!p->failed)
        p->at = (uint32_t)end + 1;
    return (struct str){ out, used };
}

/* --- block strings
 * --------------------------------------------------------------------------------------------- */

struct block {
    char *text; /* raw, escapes undone, line ends as \n */
    size_t len;
};

static size_t indent_of(const char *line, size_t len)
{
    size_t n = 0;

    while (n < len && (line[n] == ' ' || line[n] == '\t'))
        n++;
    return n;
}

static size_t line_len(const struct block *b, size_t start)
{
    const char *end = memchr(b->text + start, '\n', b->len - start);

    return end ? (size_t)(end - b->text) - start : b->len - start;
}

/* The indentation all lines but the first share; blank ones do not count. */
static size_t common_indent(const struct block *b)
{
    size_t common = SIZE_MAX;

    for (size_t at = line_len(b, 0) + 1; at <= b->len;) {
        size_t len = line_len(b, at), indent = indent_of(b->text + at, len);

        if (indent < len && indent < common)
            common = indent;
        at += len + 1;
    }
    return common == SIZE_MAX ? 0 : common;
}

/* Take the indentation out, and blank lines at both ends; in place. */
static struct str dedent(struct block *b)
{
    size_t common = common_indent(b), used = 0, kept = 0;
    bool is_started = false;

    for (size_t at = 0; at <= b->len;) {
        size_t len = line_len(b, at), next = at + len + 1;
        size_t cut = at == 0 ? 0 : (common < len ? common : len);
        bool is_blank = indent_of(b->text + at, len) == len;

        if (!is_blank || is_started) {
            if (is_started)
                b->text[used++] = '\n';
            memmove(b->text + used, b->text + at + cut, len - cut);
            used += len - cut;
            is_started = true;
            if (!is_blank)
                kept = used;
        }
        at = next;
    }
    return (struct str){ b->text, kept };
}

struct str gql_read_block_string(struct gql_parser *p)
{
    struct str rest = str_sub(p->src, p->at, p->src.len);
    struct block b = { 0 };
    size_t i = 0, end = 0;

    /* Find the end first, so that the copy is no longer than the literal. */
    while (end + 3 <= rest.len && memcmp(rest.ptr + end, "\"\"\"", 3) != 0)
        end += end + 4 <= rest.len && memcmp(rest.ptr + end, "\\\"\"\"", 4) == 0 ? 4 : 1;
    if (end + 3 > rest.len) {
        p->at = (uint32_t)p->src.len;
        return unterminated(p);
    }
    b.text = arena_alloc(p->a, end + 1);
    while (i < end) {
        char c = rest.ptr[i++];

        if (c == '\\' && end - i >= 3 && memcmp(rest.ptr + i, "\"\"\"", 3) == 0) {
            memcpy(b.text + b.len, "\"\"\"", 3);
            b.len += 3;
            i += 3;
            continue;
        }
        if (c == '\r') {
            i += i < end && rest.ptr[i] == '\n';
            c = '\n';
        }
        b.text[b.len++] = c;
    }
    p->at += (uint32_t)end + 3;
    return dedent(&b);
}

/* --- printing
 * -------------------------------------------------------------------------------------------------- */

static void print_items(struct strbuf *b, const struct gql_value *v)
{
    for (const struct gql_value *item = v->items; item; item = item->next) {
        if (v->kind == GQL_VALUE_OBJECT) {
            strbuf_add(b, item->name);
            strbuf_addz(b, ": ");
        }
        gql_value_print(b, item);
        if (item->next)
            strbuf_addz(b, ", ");
    }
}

void gql_value_print(struct strbuf *b, const struct gql_value *v)
{
    switch (v->kind) {
    case GQL_VALUE_VARIABLE:
        strbuf_addc(b, '$');
        strbuf_add(b, v->text);
        break;
    case GQL_VALUE_STRING:
        strbuf_add_json(b, v->text);
        break;
    case GQL_VALUE_LIST:
        strbuf_addc(b, '[');
        print_items(b, v);
        strbuf_addc(b, ']');
        break;
    case GQL_VALUE_OBJECT:
        strbuf_addc(b, '{');
        print_items(b, v);
        strbuf_addc(b, '}');
        break;
    case GQL_VALUE_INT:
    case GQL_VALUE_FLOAT:
    case GQL_VALUE_BOOLEAN:
    case GQL_VALUE_NULL:
    case GQL_VALUE_ENUM:
        strbuf_add(b, v->text);
        break;
    }
}

void gql_ref_print(struct strbuf *b, const struct gql_ref *ref)
{
    if (ref->kind == GQL_REF_NAMED) {
        strbuf_add(b, ref->name);
        return;
    }
    if (ref->kind == GQL_REF_LIST)
        strbuf_addc(b, '[');
    gql_ref_print(b, ref->of);
    strbuf_addc(b, ref->kind == GQL_REF_LIST ? ']' : '!');
}
