/* server/keep.h: how long is kept what runs leave behind. */
#pragma once

#include <stdint.h>

enum { KEEP_FOR_EVER = 0, KEEP_UNSAID = -1, KEEP_AS_IT_IS = -2 };

/* In ms, above 0, or KEEP_FOR_EVER; in a policy also KEEP_UNSAID, what is said above it then holds; in a
 * change of one also KEEP_AS_IT_IS. */
struct keep {
    int64_t history_ms, files_ms; /* logged lines and files of runs, since their end */
    int64_t artifacts_ms;         /* versions of artifacts that nothing holds, since they were made */
};
