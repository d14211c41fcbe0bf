/*
 * emulator/filter.c: lexer, recursive descent parser and evaluator of list filters. Pure.
 */
#include "emulator/filter.h"

#include "base/ascii.h"

enum { TEXT_MAX = 20000, TESTS_MAX = 2000, DEPTH_MAX = 30, PATH_MAX_PARTS = 16 };

enum token { TOKEN_END, TOKEN_WORD, TOKEN_STRING, TOKEN_OP, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_DOT };

struct parser {
    struct arena *a;
    struct str text;
    size_t at; /* behind the current token */
    /* current token */
    enum token token;
    size_t start;
    struct str word; /* WORD as written, STRING unquoted */
    enum filter_op op;
    size_t tests;
    struct err *e;
};

static int syntax_error(struct parser *p, const char *what)
{
    return err_set(p->e, ERR_INVALID, "%s at character %zu", what, p->start + 1);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_word_char(char c)
{
    return ascii_is_alnum(c) || c == '_' || c == '-' || c == '*' || c == '/' || c == '+' || c == '%' ||
           c == '@' || (unsigned char)c >= 0x80;
}

static int lex_string(struct parser *p)
{
    char quote = p->text.ptr[p->at];
    char *out = arena_alloc(p->a, p->text.len - p->at + 1);
    size_t len = 0;

    for (p->at++; p->at < p->text.len; p->at++) {
        char c = p->text.ptr[p->at];

        if (c == quote) {
            p->at++;
            p->token = TOKEN_STRING;
            p->word = (struct str){ out, len };
            return 0;
        }
        if (c == '\\' &&
            p->at + 1 < p->text.len) /* \" \' \\; any other escaped character stands for itself */
            c = p->text.ptr[++p->at];
        out[len++] = c;
    }
    return syntax_error(p, "a string without its closing quote");
}

static int lex_operator(struct parser *p)
{
    char c = p->text.ptr[p->at];
    bool equals = p->at + 1 < p->text.len && p->text.ptr[p->at + 1] == '=';

    p->token = TOKEN_OP;
    switch (c) {
    case '=':
        p->op = FILTER_EQ;
        break;
    case ':':
        p->op = FILTER_HAS;
        break;
    case '<':
        p->op = equals ? FILTER_LE : FILTER_LT;
        break;
    case '>':
        p->op = equals ? FILTER_GE : FILTER_GT;
        break;
    case '!':
        if (!equals)
            return syntax_error(p, "\"!\" must be followed by \"=\"");
        p->op = FILTER_NE;
        break;
    default:
        return syntax_error(p, "an unexpected character");
    }
    p->at += (c == '<' || c == '>' || c == '!') && equals ? 2 : 1;
    return 0;
}

static int next_token(struct parser *p)
{
    char c;

    while (p->at < p->text.len && is_space(p->text.ptr[p->at]))
        p->at++;
    p->start = p->at;
    p->word = (struct str){ NULL, 0 };
    if (p->at == p->text.len) {
        p->token = TOKEN_END;
        return 0;
    }
    c = p->text.ptr[p->at];
    if (c == '"' || c == '\'')
        return lex_string(p);
    if (c == '(' || c == ')' || c == '.') {
        p->at++;
        p->token = c == '(' ? TOKEN_OPEN : c == ')' ? TOKEN_CLOSE : TOKEN_DOT;
        return 0;
    }
    if (!is_word_char(c))
        return lex_operator(p);
    while (p->at < p->text.len && is_word_char(p->text.ptr[p->at]))
        p->at++;
    p->word = str_sub(p->text, p->start, p->at);
    p->token = TOKEN_WORD;
    return 0;
}

static bool at_keyword(const struct parser *p, const char *word)
{
    return p->token == TOKEN_WORD && str_is(p->word, word);
}

static struct filter *node_new(struct parser *p, enum filter_kind kind, struct filter *left,
                               struct filter *right)
{
    struct filter *f = arena_alloc(p->a, sizeof(*f));

    f->kind = kind;
    f->left = left;
    f->right = right;
    return f;
}

static int parse_sequence(struct parser *p, unsigned depth, struct filter **ret);

static int parse_path(struct parser *p, struct filter *test)
{
    int code;

    test->path = arena_array(p->a, PATH_MAX_PARTS, sizeof(*test->path));
    for (;;) {
        if (p->token != TOKEN_WORD && !(p->token == TOKEN_STRING && test->path_len > 0))
            return syntax_error(p, "a field name is missing");
        if (test->path_len == PATH_MAX_PARTS)
            return syntax_error(p, "a field name with too many parts");
        test->path[test->path_len++] = p->word;
        code = next_token(p);
        if (code || p->token != TOKEN_DOT)
            return code;
        code = next_token(p);
        if (code)
            return code;
    }
}

/* A bare value may hold dots and colons (1.5, 2026-01-02T03:04:05.678Z): everything up to a space or bracket.
 */
static int parse_value(struct parser *p, struct filter *test)
{
    size_t end = p->start;

    if (p->token == TOKEN_STRING) {
        test->value = p->word;
        test->quoted = true;
        return next_token(p);
    }
    if (p->token != TOKEN_WORD)
        return syntax_error(p, "a value is missing");
    while (end < p->text.len &&
           (is_word_char(p->text.ptr[end]) || p->text.ptr[end] == '.' || p->text.ptr[end] == ':'))
        end++;
    test->value = str_sub(p->text, p->start, end);
    p->at = end;
    return next_token(p);
}

static int add_test(struct parser *p, const struct filter *like, struct filter **ret)
{
    struct filter *test = node_new(p, FILTER_TEST, NULL, NULL);

    if (++p->tests > TESTS_MAX)
        return err_set(p->e, ERR_LIMIT, "more than %d comparisons", TESTS_MAX);
    *test = *like;
    *ret = test;
    return parse_value(p, test);
}

/* ("a" OR "b"): the same comparison with each. */
static int parse_value_group(struct parser *p, const struct filter *like, struct filter **ret)
{
    struct filter *all = NULL;
    int code = next_token(p);

    for (;;) {
        struct filter *one = NULL;

        if (code || (code = add_test(p, like, &one)))
            return code;
        all = all ? node_new(p, FILTER_OR, all, one) : one;
        if (!at_keyword(p, "OR"))
            break;
        code = next_token(p);
    }
    if (p->token != TOKEN_CLOSE)
        return syntax_error(p, "\")\" or OR is missing");
    *ret = all;
    return next_token(p);
}

static int parse_restriction(struct parser *p, struct filter **ret)
{
    struct filter like = { .kind = FILTER_TEST };
    int code = parse_path(p, &like);

    if (code)
        return code;
    if (p->token != TOKEN_OP)
        return syntax_error(p, "an operator (= != < <= > >= :) is missing");
    like.op = p->op;
    code = next_token(p);
    if (code)
        return code;
    return p->token == TOKEN_OPEN ? parse_value_group(p, &like, ret) : add_test(p, &like, ret);
}

/* Step over NOT or a minus sign, which may stick to the name behind it. */
static bool take_not(struct parser *p, int *ret_code)
{
    bool minus = p->token == TOKEN_WORD && p->word.ptr[0] == '-';

    if (!minus && !at_keyword(p, "NOT"))
        return false;
    if (minus && p->word.len > 1) {
        p->word = str_sub(p->word, 1, p->word.len);
        p->start++;
        *ret_code = 0;
    } else {
        *ret_code = next_token(p);
    }
    return true;
}

static int parse_term(struct parser *p, unsigned depth, struct filter **ret)
{
    struct filter *inner = NULL;
    int code;

    if (depth > DEPTH_MAX)
        return err_set(p->e, ERR_LIMIT, "more than %d levels of brackets", DEPTH_MAX);
    if (take_not(p, &code)) {
        if (code || (code = parse_term(p, depth + 1, &inner)))
            return code;
        *ret = node_new(p, FILTER_NOT, inner, NULL);
        return 0;
    }
    if (p->token != TOKEN_OPEN)
        return parse_restriction(p, ret);
    if ((code = next_token(p)) || (code = parse_sequence(p, depth + 1, ret)))
        return code;
    if (p->token != TOKEN_CLOSE)
        return syntax_error(p, "\")\" is missing");
    return next_token(p);
}

static int parse_or(struct parser *p, unsigned depth, struct filter **ret)
{
    struct filter *all = NULL;
    int code = parse_term(p, depth, &all);

    while (!code && at_keyword(p, "OR")) {
        struct filter *one = NULL;

        if ((code = next_token(p)) || (code = parse_term(p, depth, &one)))
            return code;
        all = node_new(p, FILTER_OR, all, one);
    }
    *ret = all;
    return code;
}

static int parse_sequence(struct parser *p, unsigned depth, struct filter **ret)
{
    struct filter *all = NULL;
    int code = parse_or(p, depth, &all);

    while (!code && p->token != TOKEN_END && p->token != TOKEN_CLOSE) {
        struct filter *one = NULL;

        if (at_keyword(p, "AND"))
            code = next_token(p);
        if (code || (code = parse_or(p, depth, &one)))
            return code;
        all = node_new(p, FILTER_AND, all, one);
    }
    *ret = all;
    return code;
}

int filter_parse(struct arena *a, struct str text, struct filter **ret, struct err *e)
{
    struct parser p = { .a = a, .text = text, .e = e };
    struct filter *f = NULL;
    int code;

    if (text.len > TEXT_MAX)
        return err_set(e, ERR_LIMIT, "longer than %d characters", TEXT_MAX);
    code = next_token(&p);
    if (!code && p.token != TOKEN_END)
        code = parse_sequence(&p, 0, &f);
    if (!code && p.token != TOKEN_END)
        code = syntax_error(&p, "a \")\" without its \"(\"");
    if (code)
        return code;
    *ret = f;
    return 0;
}

/* Chains of AND and OR lean to the left and may be 2,000 long; both walks loop along them and recurse on the
 * right. */
int filter_each(struct filter *f, filter_visit_fn fn, void *ctx, struct err *e)
{
    for (; f && f->kind != FILTER_TEST; f = f->left) {
        int code = f->right ? filter_each(f->right, fn, ctx, e) : 0;

        if (code)
            return code;
    }
    return f ? fn(f, ctx, e) : 0;
}

bool filter_match(const struct filter *f, filter_test_fn fn, const void *thing)
{
    bool flip = false;

    for (; f; f = f->left) {
        if (f->kind == FILTER_TEST)
            return fn(f, thing) != flip;
        if (f->kind == FILTER_NOT)
            flip = !flip;
        else if (filter_match(f->right, fn, thing) == (f->kind == FILTER_OR))
            return (f->kind == FILTER_OR) != flip;
    }
    return !flip;
}

static bool order_holds(enum filter_op op, int order)
{
    switch (op) {
    case FILTER_EQ:
    case FILTER_HAS:
        return order == 0;
    case FILTER_NE:
        return order != 0;
    case FILTER_LT:
        return order < 0;
    case FILTER_LE:
        return order <= 0;
    case FILTER_GT:
        return order > 0;
    case FILTER_GE:
        return order >= 0;
    }
    return false;
}

bool filter_compare_i64(enum filter_op op, int64_t have, int64_t want)
{
    return order_holds(op, (have > want) - (have < want));
}

bool filter_compare_str(enum filter_op op, struct str have, struct str want)
{
    if (op == FILTER_HAS)
        return filter_glob(want, have);
    return order_holds(op, str_cmp(have, want));
}

bool filter_glob(struct str pattern, struct str text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, resume = 0;

    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.len && pattern.ptr[p] == text.ptr[t]) {
            p++;
            t++;
        } else if (star != SIZE_MAX) { /* let the last star take one more */
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

bool filter_path_is(const struct filter *test, const char *dotted)
{
    struct str rest = str_of(dotted), part;
    size_t i = 0;

    while (str_cut(&rest, '.', &part)) {
        if (i == test->path_len || !str_eq(test->path[i++], part))
            return false;
    }
    return i == test->path_len;
}
