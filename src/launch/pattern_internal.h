/* launch/pattern_internal.h: the tree of a pattern. Between pattern.c and pattern_parse.c. */
#pragma once

#include "base/arena.h"

enum pattern_kind { NODE_EMPTY, NODE_SET, NODE_BEGIN, NODE_END, NODE_THEN, NODE_EITHER, NODE_REPEAT };
enum { PATTERN_NO_MAX = 0xffff, PATTERN_MAX_COUNT = 1000 };

struct pattern_range {
    uint32_t low, high;
};
struct pattern_set {
    struct pattern_range *ranges;
    size_t len, cap;
    bool negated;
};
struct pattern_node {
    enum pattern_kind kind;
    struct pattern_node *a, *b;
    uint32_t min, max; /* NODE_REPEAT */
    const struct pattern_set *set;
};
/** pattern_parse() - -ERR_INVALID "column N: what". Lists lean right: THEN(a, THEN(b, c)), and
 * EITHER likewise. Ranges of a set are in order and do not touch. */
NODISCARD int pattern_parse(struct arena *a, struct str text, const struct pattern_node **ret, struct err *e);
/** pattern_code_point() - the character at *at, which moves on; a byte that is no UTF-8 counts as itself. */
uint32_t pattern_code_point(struct str s, size_t *at);
