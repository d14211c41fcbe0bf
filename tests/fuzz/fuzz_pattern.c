/* A pattern, and behind the first line end a text: compiled and run within the documented caps. */
#include <stddef.h>
#include <stdint.h>

#include "launch/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_PTR(arena) a = arena_new();
    struct str text = { (const char *)data, size }, pattern = { NULL, 0 };
    struct pattern *p = NULL;

    (void)str_cut(&text, '\n', &pattern);
    if (pattern.ptr && pattern_compile(a, pattern, &p, NULL) == 0)
        (void)pattern_matches(p, text);
    return 0;
}
