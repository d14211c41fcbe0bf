/* server/graphql/gql_parse.h: from text to trees, and from byte offsets to places. Private to the engine. */
#pragma once

#include "server/graphql/gql_ast.h"

struct gql_syntax_error {
    char msg[300];
    uint32_t pos;
    bool is_limit;
};

struct gql_parse_limits {
    uint32_t max_bytes, max_tokens, max_depth;
};

/** gql_parse() - @source is borrowed for as long as the tree is used. NULL with @e filled when it is wrong.
 */
struct gql_document *gql_parse(struct arena *a, struct str source, const struct gql_parse_limits *limits,
                               struct gql_syntax_error *e);
/** gql_place() - line and column (in code points), both from 1, of a byte offset. */
void gql_place(struct str source, uint32_t pos, uint32_t *ret_line, uint32_t *ret_column);
