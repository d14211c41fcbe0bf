/* Fuzz target: the list filter's lexer, parser and evaluator. */
#include <stdint.h>

#include "emulator/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool test_one(const struct filter *t, const void *thing)
{
    const struct str *text = thing;

    return filter_compare_str(t->op, *text, t->value) || filter_path_is(t, "labels.k");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_PTR(arena) a = arena_new();
    struct str text = { (const char *)data, size };
    struct filter *f = NULL;
    struct err e = { 0 };

    if (filter_parse(a, text, &f, &e) == 0)
        (void)filter_match(f, test_one, &text);
    return 0;
}
