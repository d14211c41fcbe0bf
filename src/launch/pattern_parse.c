/* launch/pattern_parse.c: the text of a pattern as a tree. */
#include <stdlib.h>
#include <string.h>

#include "launch/pattern_internal.h"

enum { MAX_GROUPS_DEEP = 20, LAST_CODE_POINT = 0x10ffff };

struct parser {
    struct arena *a;
    struct str text;
    size_t at;
    unsigned depth;
    struct err *e;
    bool failed;
};

static void PRINTF(2, 3) fail(struct parser *p, const char *fmt, ...)
{
    AUTO_STRBUF struct strbuf b = STRBUF(400);
    va_list ap;

    if (p->failed)
        return;
    p->failed = true;
    va_start(ap, fmt);
    strbuf_vaddf(&b, fmt, ap);
    va_end(ap);
    err_set(p->e, ERR_INVALID, "column %zu: %s", p->at + 1, strbuf_cstr(&b));
}

static int peek(const struct parser *p)
{
    return p->at < p->text.len ? (unsigned char)p->text.ptr[p->at] : -1;
}

static bool accept(struct parser *p, const char *word)
{
    if (!str_has_prefix(str_sub(p->text, p->at, p->text.len), str_of(word)))
        return false;
    p->at += strlen(word);
    return true;
}

uint32_t pattern_code_point(struct str s, size_t *at)
{
    unsigned char first = (unsigned char)s.ptr[*at];
    size_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
    uint32_t c = more == 0 ? first : first & (0x3fU >> more);

    (*at)++;
    for (; more > 0 && *at < s.len && ((unsigned char)s.ptr[*at] & 0xc0) == 0x80; more--)
        c = c << 6 | ((unsigned char)s.ptr[(*at)++] & 0x3f);
    return c;
}

static struct pattern_node *node_new(struct parser *p, enum pattern_kind kind)
{
    struct pattern_node *n = arena_alloc(p->a, sizeof(*n));

    n->kind = kind;
    return n;
}

/* --- sets ----------------------------------------------------------------------------------------------- */

static void set_add(struct parser *p, struct pattern_set *set, uint32_t low, uint32_t high)
{
    if (set->len == set->cap) {
        size_t cap = set->cap ? set->cap * 2 : 4;
        struct pattern_range *ranges = arena_array(p->a, cap, sizeof(*ranges));

        if (set->len)
            memcpy(ranges, set->ranges, set->len * sizeof(*ranges));
        set->ranges = ranges;
        set->cap = cap;
    }
    set->ranges[set->len++] = (struct pattern_range){ low, high };
}

/* \d \w \s, and their complements: what lies between the ranges, which are in order. */
static bool set_add_class(struct parser *p, struct pattern_set *set, int letter)
{
    static const struct {
        char letter;
        struct pattern_range ranges[5];
    } rows[] = { { 'd', { { '0', '9' } } },
                 { 'w', { { '0', '9' }, { 'A', 'Z' }, { '_', '_' }, { 'a', 'z' } } },
                 { 's', { { '\t', '\r' }, { ' ', ' ' }, { 0xa0, 0xa0 } } } };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint32_t from = 0;
        bool complement = letter == rows[i].letter - 'a' + 'A';

        if (letter != rows[i].letter && !complement)
            continue;
        for (const struct pattern_range *r = rows[i].ranges; r->high; r++) {
            if (complement)
                set_add(p, set, from, r->low - 1);
            else
                set_add(p, set, r->low, r->high);
            from = r->high + 1;
        }
        if (complement)
            set_add(p, set, from, LAST_CODE_POINT);
        return true;
    }
    return false;
}

static int by_low(const void *a, const void *b)
{
    const struct pattern_range *x = a, *y = b;

    return x->low < y->low ? -1 : x->low > y->low;
}

/* In order and without overlaps, so that a run can search it by halves. */
static void set_finish(struct pattern_set *set)
{
    size_t n = 0;

    if (set->len == 0)
        return;
    qsort(set->ranges, set->len, sizeof(*set->ranges), by_low);
    for (size_t i = 1; i < set->len; i++) {
        if (set->ranges[i].low > set->ranges[n].high)
            set->ranges[++n] = set->ranges[i];
        else if (set->ranges[i].high > set->ranges[n].high)
            set->ranges[n].high = set->ranges[i].high;
    }
    set->len = n + 1;
}

static uint32_t hex(struct parser *p, int digits)
{
    uint32_t c = 0;

    for (int i = 0; i < digits; i++) {
        int ch = peek(p), lower = ch >= 'A' && ch <= 'F' ? ch - 'A' + 'a' : ch;

        if (!((lower >= '0' && lower <= '9') || (lower >= 'a' && lower <= 'f'))) {
            fail(p, "expected %d hexadecimal digits", digits);
            return 0;
        }
        c = c * 16 + (uint32_t)(lower <= '9' ? lower - '0' : lower - 'a' + 10);
        p->at++;
    }
    return c;
}

/* What the dialect has and this engine has not, and letters that mean nothing. */
static void refuse_escape(struct parser *p, int ch)
{
    bool letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');

    if (ch < 0)
        fail(p, "a backslash at the end");
    else if (ch >= '1' && ch <= '9')
        fail(p, "back-references are not supported");
    else if (ch > 0 && strchr("bBpPk", ch))
        fail(p, "\\%c is not supported", ch);
    else if (letter || ch == '0' || ch >= 0x80)
        fail(p, "unknown escape");
}

/* One escaped character behind the backslash; classes and assertions are not for here. */
static uint32_t escaped(struct parser *p)
{
    static const char plain[] = "tnrfv", means[] = "\t\n\r\f\v";
    int ch = peek(p);
    const char *found = ch > 0 ? strchr(plain, ch) : NULL;

    if (!found && ch != 'x' && ch != 'u')
        refuse_escape(p, ch);
    if (p->failed)
        return 0;
    p->at++;
    if (found)
        return (unsigned char)means[found - plain];
    return ch == 'x' || ch == 'u' ? hex(p, ch == 'x' ? 2 : 4) : (uint32_t)ch;
}

/* A member of [...]: true when it is one character, *ret, that may begin or end a range. */
static bool set_member(struct parser *p, struct pattern_set *set, uint32_t *ret)
{
    if (!accept(p, "\\")) {
        *ret = pattern_code_point(p->text, &p->at);
        return true;
    }
    if (peek(p) > 0 && set_add_class(p, set, peek(p))) {
        p->at++;
        return false;
    }
    *ret = escaped(p);
    return true;
}

static struct pattern_set *parse_set(struct parser *p)
{
    struct pattern_set *set = arena_alloc(p->a, sizeof(*set));
    uint32_t low = 0, high = 0;

    set->negated = accept(p, "^");
    while (!p->failed && peek(p) >= 0 && peek(p) != ']') {
        if (!set_member(p, set, &low))
            continue;
        high = low;
        if (peek(p) == '-' && p->at + 1 < p->text.len && p->text.ptr[p->at + 1] != ']') {
            p->at++;
            if (!set_member(p, set, &high))
                fail(p, "a range needs a character at both ends");
            else if (high < low)
                fail(p, "the range ends before it begins");
        }
        set_add(p, set, low, high);
    }
    if (!accept(p, "]"))
        fail(p, "\"[\" is never closed");
    set_finish(set);
    return set;
}

/* --- the tree ------------------------------------------------------------------------------------------- */

static struct pattern_node *parse_either(struct parser *p);

static struct pattern_node *parse_group(struct parser *p)
{
    struct pattern_node *inner;

    if (!accept(p, "?:") && peek(p) == '?')
        fail(p, "of the groups that begin with \"(?\" only (?:...) is supported");
    if (++p->depth > MAX_GROUPS_DEEP)
        fail(p, "groups nest deeper than %d", MAX_GROUPS_DEEP);
    if (p->failed)
        return node_new(p, NODE_EMPTY);
    inner = parse_either(p);
    p->depth--;
    if (!accept(p, ")"))
        fail(p, "\"(\" is never closed");
    return inner;
}

/* Any but a line's end, as "." has it. */
static void set_add_any(struct parser *p, struct pattern_set *set)
{
    set_add(p, set, '\n', '\n');
    set_add(p, set, '\r', '\r');
    set_add(p, set, 0x2028, 0x2029);
    set->negated = true;
}

static struct pattern_node *parse_character(struct parser *p)
{
    struct pattern_node *n = node_new(p, NODE_SET);
    struct pattern_set *set = arena_alloc(p->a, sizeof(*set));
    uint32_t c = 0;

    n->set = set;
    if (accept(p, "[")) {
        n->set = parse_set(p);
    } else if (accept(p, ".")) {
        set_add_any(p, set);
    } else if (set_member(p, set, &c)) {
        set_add(p, set, c, c);
    }
    return n;
}

static struct pattern_node *parse_atom(struct parser *p)
{
    int ch = peek(p);

    if (accept(p, "("))
        return parse_group(p);
    if (accept(p, "^"))
        return node_new(p, NODE_BEGIN);
    if (accept(p, "$"))
        return node_new(p, NODE_END);
    if (ch == '*' || ch == '+' || ch == '?' || ch == '{') {
        fail(p, "nothing before \"%c\" to repeat (write \\%c for the character)", ch, ch);
        return node_new(p, NODE_EMPTY);
    }
    return parse_character(p);
}

static uint32_t parse_count(struct parser *p)
{
    size_t from = p->at;
    int64_t n = -1;

    while (peek(p) >= '0' && peek(p) <= '9')
        p->at++;
    if (!str_to_i64(str_sub(p->text, from, p->at), &n) || n > PATTERN_MAX_COUNT) {
        fail(p, "expected a count of at most %d", PATTERN_MAX_COUNT);
        return 0;
    }
    return (uint32_t)n;
}

static void parse_counts(struct parser *p, struct pattern_node *n)
{
    n->min = parse_count(p);
    n->max = n->min;
    if (accept(p, ","))
        n->max = peek(p) == '}' ? PATTERN_NO_MAX : parse_count(p);
    if (!accept(p, "}"))
        fail(p, "expected {m}, {m,} or {m,n}");
    else if (n->max < n->min)
        fail(p, "{m,n} with m over n");
}

static struct pattern_node *parse_repeat(struct parser *p)
{
    struct pattern_node *atom = parse_atom(p), *n;
    int ch = peek(p);

    if (p->failed || (ch != '*' && ch != '+' && ch != '?' && ch != '{'))
        return atom;
    n = node_new(p, NODE_REPEAT);
    n->a = atom;
    n->min = ch == '+';
    n->max = ch == '?' ? 1 : PATTERN_NO_MAX;
    p->at++;
    if (ch == '{')
        parse_counts(p, n);
    (void)accept(p, "?"); /* lazy: which match is found does not matter, only whether there is one */
    return n;
}

static struct pattern_node *parse_list(struct parser *p)
{
    struct pattern_node *first = node_new(p, NODE_EMPTY), **last = &first;

    while (!p->failed && peek(p) >= 0 && peek(p) != '|' && peek(p) != ')') {
        struct pattern_node *then = node_new(p, NODE_THEN);

        then->a = parse_repeat(p);
        then->b = *last;
        *last = then;
        last = &then->b;
    }
    return first;
}

static struct pattern_node *parse_either(struct parser *p)
{
    struct pattern_node *first = parse_list(p), **last = &first;

    while (!p->failed && accept(p, "|")) {
        struct pattern_node *either = node_new(p, NODE_EITHER);

        either->a = *last;
        either->b = parse_list(p);
        *last = either;
        last = &either->b;
    }
    return first;
}

int pattern_parse(struct arena *a, struct str text, const struct pattern_node **ret, struct err *e)
{
    struct err own = { 0 };
    struct parser p = { .a = a, .text = text, .e = e ? e : &own };
    const struct pattern_node *tree = parse_either(&p);

    if (!p.failed && p.at < text.len)
        fail(&p, "\")\" without \"(\"");
    if (p.failed)
        return -ERR_INVALID;
    *ret = tree;
    return 0;
}
