/* server/graphql/gql_lex.h: from text to tokens, and the parser's shared state. Private to the engine. */
#pragma once

#include "server/graphql/gql_parse.h"

enum gql_token_kind {
    GQL_TOKEN_END,
    GQL_TOKEN_PUNCTUATOR, /* text is "!" ... or "..." */
    GQL_TOKEN_NAME,
    GQL_TOKEN_INT,
    GQL_TOKEN_FLOAT,
    GQL_TOKEN_STRING,
    GQL_TOKEN_BLOCK_STRING
};

struct gql_token {
    enum gql_token_kind kind;
    char punctuator; /* its first character; 0 for other kinds */
    uint32_t pos;
    struct str text; /* as written; strings decoded */
};

/*
 * The first failure sticks, and turns the current token into the end: the loops of the parser stop by
 * themselves, so its functions need no error returns. After a failure pointers in the tree may be NULL.
 */
struct gql_parser {
    struct arena *a;
    struct str src;
    uint32_t at;
    struct gql_token cur;
    uint32_t tokens, depth;
    struct gql_parse_limits limits;
    bool failed;
    struct gql_syntax_error *e;
};

/** gql_advance() - make the next token the current one. */
void gql_advance(struct gql_parser *p);
void gql_fail_at(struct gql_parser *p, uint32_t pos, const char *fmt, ...) PRINTF(3, 4);
/** gql_unexpected() - fail at the current token. */
void gql_unexpected(struct gql_parser *p);
bool gql_at(const struct gql_parser *p, char punctuator);
bool gql_at_word(const struct gql_parser *p, const char *word);
bool gql_skip(struct gql_parser *p, char punctuator); /* true and past it when it is there */
bool gql_skip_word(struct gql_parser *p, const char *word);
void gql_expect(struct gql_parser *p, char punctuator);
void gql_expect_word(struct gql_parser *p, const char *word);
struct str gql_take_name(struct gql_parser *p);
/** gql_enter() - one level deeper; false over the cap, then the parser has failed. Pairs with p->depth--. */
bool gql_enter(struct gql_parser *p);

/* Shared by the executable and the type system half of the parser. */
struct gql_value *gql_parse_value(struct gql_parser *p, bool is_const);
struct gql_ref *gql_parse_ref(struct gql_parser *p);
struct gql_directive *gql_parse_directives(struct gql_parser *p, bool is_const);
/** gql_parse_type_system() - a definition or extension that starts at the current token, or a failure. */
struct gql_definition *gql_parse_type_system(struct gql_parser *p);

/** gql_read_string() - p->at stands behind the opening quotes; leaves it behind the closing ones. */
struct str gql_read_string(struct gql_parser *p);
struct str gql_read_block_string(struct gql_parser *p);
