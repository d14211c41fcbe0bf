/* base/jval_internal.h: the layout of struct jval. Included by src/base only. */
#pragma once

#include "base/jval.h"

struct jval_member {
    struct str key;
    struct jval_pos key_pos;
    const struct jval *value;
};

/* Where the members of a big object stand, by their names: open addressing, slots hold index + 1. */
struct jval_index {
    size_t mask; /* slots - 1, a power of two less one */
    uint32_t slots[];
};

struct jval {
    enum jval_type type;
    struct jval_pos pos;
    size_t len, cap; /* of items or members */
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct str text;
        const struct jval **items;
        struct {
            struct jval_member *members;
            struct jval_index *index; /* NULL: few members, looked through one by one */
        };
    };
};

enum { JVAL_MAX_BYTES = 16 * 1024 * 1024, JVAL_MAX_DEPTH = 64, JVAL_MAX_NODES = 1000 * 1000 };
struct jval_limits jval_limits_or_default(const struct jval_limits *given);
