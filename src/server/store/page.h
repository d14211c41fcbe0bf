/* server/store/page.h: which part of a list is asked for. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Up to @first rows after the row whose position is @after (0: from the start). */
struct store_page {
    int64_t first, after;
    bool oldest_first; /* only where the function says so */
};
