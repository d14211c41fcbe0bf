/* server/graphql/gql_lex.c: tokens of the October 2021 grammar. */
#include "server/graphql/gql_lex.h"

#include <stdio.h>
#include <string.h>

#include "base/ascii.h"

void gql_fail_at(struct gql_parser *p, uint32_t pos, const char *fmt, ...)
{
    va_list ap;

    p->cur.kind = GQL_TOKEN_END;
    p->cur.punctuator = 0;
    p->at = (uint32_t)p->src.len;
    if (p->failed)
        return;
    p->failed = true;
    p->e->pos = pos;
    va_start(ap, fmt);
    (void)vsnprintf(p->e->msg, sizeof(p->e->msg), fmt, ap);
    va_end(ap);
}

void gql_unexpected(struct gql_parser *p)
{
    if (p->cur.kind == GQL_TOKEN_END)
        gql_fail_at(p, p->cur.pos, "Syntax Error: Unexpected end of document.");
    else
        gql_fail_at(p, p->cur.pos, "Syntax Error: Unexpected \"%.*s\".",
                    (int)(p->cur.text.len > 100 ? 100 : p->cur.text.len), p->cur.text.ptr);
}

static bool is_name_start(char c)
{
    return ascii_is_letter(c) || c == '_';
}

static char peek(const struct gql_parser *p, uint32_t offset)
{
    uint32_t at = p->at + offset;

    return at < p->src.len ? p->src.ptr[at] : '\0';
}

static void skip_ignored(struct gql_parser *p)
{
    while (p->at < p->src.len) {
        char c = p->src.ptr[p->at];

        if (c == ' ' || c == '\n' || c == ',' || c == '\t' || c == '\r') {
            p->at++;
        } else if (c == '#') {
            while (p->at < p->src.len && p->src.ptr[p->at] != '\n' && p->src.ptr[p->at] != '\r')
                p->at++;
        } else if ((unsigned char)c == 0xEF && (unsigned char)peek(p, 1) == 0xBB &&
                   (unsigned char)peek(p, 2) == 0xBF) {
            p->at += 3; /* a byte order mark, wherever it stands */
        } else {
            return;
        }
    }
}

static bool read_digits(struct gql_parser *p)
{
    if (!ascii_is_digit(peek(p, 0))) {
        gql_fail_at(p, p->at, "Syntax Error: Invalid number, expected a digit.");
        return false;
    }
    while (ascii_is_digit(peek(p, 0)))
        p->at++;
    return true;
}

static void read_number(struct gql_parser *p)
{
    uint32_t start = p->at;

    p->cur.kind = GQL_TOKEN_INT;
    if (peek(p, 0) == '-')
        p->at++;
    if (peek(p, 0) == '0') {
        p->at++;
        if (ascii_is_digit(peek(p, 0))) {
            gql_fail_at(p, p->at, "Syntax Error: Invalid number, unexpected digit after 0.");
            return;
        }
    } else if (!read_digits(p)) {
        return;
    }
    if (peek(p, 0) == '.') {
        p->cur.kind = GQL_TOKEN_FLOAT;
        p->at++;
        if (!read_digits(p))
            return;
    }
    if (peek(p, 0) == 'e' || peek(p, 0) == 'E') {
        p->cur.kind = GQL_TOKEN_FLOAT;
        p->at++;
        if (peek(p, 0) == '+' || peek(p, 0) == '-')
            p->at++;
        if (!read_digits(p))
            return;
    }
    if (peek(p, 0) == '.' || is_name_start(peek(p, 0))) {
        gql_fail_at(p, p->at, "Syntax Error: Invalid number, expected digit but got \"%c\".", peek(p, 0));
        return;
    }
    p->cur.text = str_sub(p->src, start, p->at);
}

static void read_punctuator(struct gql_parser *p)
{
    char c = peek(p, 0);
    uint32_t len = 1;

    if (c == '.') {
        if (peek(p, 1) != '.' || peek(p, 2) != '.') {
            gql_fail_at(p, p->at, "Syntax Error: Unexpected \".\".");
            return;
        }
        len = 3;
    } else if (c == '\0' || !strchr("!$&():=@[]{}|", c)) {
        if ((unsigned char)c > 0x20 && (unsigned char)c < 0x7F)
            gql_fail_at(p, p->at, "Syntax Error: Unexpected character \"%c\".", c);
        else
            gql_fail_at(p, p->at, "Syntax Error: Invalid character.");
        return;
    }
    p->cur.kind = GQL_TOKEN_PUNCTUATOR;
    p->cur.punctuator = c;
    p->cur.text = str_sub(p->src, p->at, p->at + len);
    p->at += len;
}

static void read_name(struct gql_parser *p)
{
    uint32_t start = p->at;

    while (is_name_start(peek(p, 0)) || ascii_is_digit(peek(p, 0)))
        p->at++;
    p->cur.kind = GQL_TOKEN_NAME;
    p->cur.text = (struct str){ p->src.ptr + start, p->at - start };
}

void gql_advance(struct gql_parser *p)
{
    char c = '\0';

    if (p->failed)
        return;
    skip_ignored(p);
    p->cur = (struct gql_token){ .kind = GQL_TOKEN_END, .pos = p->at };
    if (p->at >= p->src.len)
        return;
    if (++p->tokens > p->limits.max_tokens) {
        p->e->is_limit = true;
        gql_fail_at(p, p->at, "Syntax Error: The document has more than %u tokens.", p->limits.max_tokens);
        return;
    }
    c = p->src.ptr[p->at];
    if (is_name_start(c)) {
        read_name(p);
    } else if (ascii_is_digit(c) || c == '-') {
        read_number(p);
    } else if (c != '"') {
        read_punctuator(p);
    } else if (peek(p, 1) == '"' && peek(p, 2) == '"') {
        p->at += 3;
        p->cur.text = gql_read_block_string(p);
        p->cur.kind = p->failed ? GQL_TOKEN_END : GQL_TOKEN_BLOCK_STRING;
    } else {
        p->at += 1;
        p->cur.text = gql_read_string(p);
        p->cur.kind = p->failed ? GQL_TOKEN_END : GQL_TOKEN_STRING;
    }
}

bool gql_at(const struct gql_parser *p, char punctuator)
{
    return p->cur.punctuator == punctuator;
}

bool gql_at_word(const struct gql_parser *p, const char *word)
{
    return p->cur.kind == GQL_TOKEN_NAME && str_is(p->cur.text, word);
}

bool gql_skip(struct gql_parser *p, char punctuator)
{
    if (!gql_at(p, punctuator))
        return false;
    gql_advance(p);
    return true;
}

bool gql_skip_word(struct gql_parser *p, const char *word)
{
    if (!gql_at_word(p, word))
        return false;
    gql_advance(p);
    return true;
}

static void fail_expected(struct gql_parser *p, const char *what)
{
    if (p->cur.kind == GQL_TOKEN_END)
        gql_fail_at(p, p->cur.pos, "Syntax Error: Expected %s, found end of document.", what);
    else
        gql_fail_at(p, p->cur.pos, "Syntax Error: Expected %s, found \"%.*s\".", what,
                    (int)(p->cur.text.len > 100 ? 100 : p->cur.text.len), p->cur.text.ptr);
}

void gql_expect(struct gql_parser *p, char punctuator)
{
    char what[4] = { '"', punctuator, '"', '\0' };

    if (!gql_skip(p, punctuator))
        fail_expected(p, what);
}

void gql_expect_word(struct gql_parser *p, const char *word)
{
    if (!gql_skip_word(p, word))
        fail_expected(p, word);
}

struct str gql_take_name(struct gql_parser *p)
{
    struct str name = p->cur.text;

    if (p->cur.kind != GQL_TOKEN_NAME) {
        fail_expected(p, "a name");
        return (struct str){ "", 0 };
    }
    gql_advance(p);
    return name;
}

bool gql_enter(struct gql_parser *p)
{
    if (p->failed)
        return false;
    if (p->depth >= p->limits.max_depth) {
        p->e->is_limit = true;
        gql_fail_at(p, p->cur.pos, "Syntax Error: Nested deeper than %u levels.", p->limits.max_depth);
        return false;
    }
    p->depth++;
    return true;
}

void gql_place(struct str source, uint32_t pos, uint32_t *ret_line, uint32_t *ret_column)
{
    uint32_t line = 1, column = 1;

    for (uint32_t i = 0; i < pos && i < source.len; i++) {
        unsigned char c = (unsigned char)source.ptr[i];
        bool is_crlf = c == '\r' && i + 1 < source.len && source.ptr[i + 1] == '\n';

        if (is_crlf)
            continue;
        if (c == '\n' || c == '\r') {
            line++;
            column = 1;
        } else if ((c & 0xC0) != 0x80) {
            column++;
        }
    }
    *ret_line = line;
    *ret_column = column;
}
