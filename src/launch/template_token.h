/*
 * launch/template_token.h: {{name}} in texts. Pure.
 *
 * A name is [A-Za-z_][A-Za-z0-9_-]*, at most 128 bytes; spaces and tabs may stand inside the braces. Anything
 * else in double braces ({{ a.b }}, {{}}) is plain text. W&B has no escape for a token, so there is none
 * here.
 */
#pragma once

#include "base/jval.h"

struct template_token {
    size_t from, to; /* [from, to) in the text, braces included */
    struct str name; /* borrows from the text */
};
/** template_token_next() - the first token at or behind @from; false: none. */
bool template_token_next(struct str text, size_t from, struct template_token *ret);
bool template_name_is_valid(struct str name);
/**
 * template_load() - jval_from_yaml() of a config file, YAML or JSON, in which a token may also stand bare,
 * where it would be a nested flow mapping otherwise: `replica_count: {{n}}`. Every token is text in the tree,
 * as if it were quoted; lines and columns are those of @text. Errors as jval_from_yaml(); a text over 1 MiB
 * is -ERR_LIMIT.
 */
NODISCARD int template_load(struct arena *a, struct str text, const char *name, struct jval **ret,
                            struct err *e);
