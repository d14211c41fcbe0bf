/* base/embed.h: files that tools/embed puts into the binary: EMBEDDED(schema_text); then schema_text and
 * schema_text_len. */
#pragma once

#include <stddef.h>

#define EMBEDDED(name)                                                                                       \
    extern const char name[];                                                                                \
    extern const size_t name##_len
