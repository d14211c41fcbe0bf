/* tests/fuzz/fuzz_yaml.c: any bytes as YAML: an error in one line, or a tree within the caps that can be
 * written. */
#include <assert.h>
#include <math.h>

#include "base/jval.h"

enum { MAX_DEPTH = 8, MAX_NODES = 2000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* False when JSON has no word for something in the tree. */
static bool walk(const struct jval *v, unsigned depth, unsigned *nodes)
{
    bool plain = !jval_is(v, JVAL_REAL) || isfinite(jval_real(v));
    bool container = jval_is(v, JVAL_ARRAY) || jval_is(v, JVAL_OBJECT);

    ++*nodes;
    assert(depth + container <= MAX_DEPTH);
    for (size_t i = 0; i < jval_len(v); i++)
        plain &= walk(jval_at(v, i), depth + 1, nodes);
    return plain;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jval_limits limits = { .max_depth = MAX_DEPTH, .max_nodes = MAX_NODES };
    struct arena *a = arena_new();
    struct err e = { 0 };
    struct jval *v = NULL;
    struct jval *again = NULL;
    unsigned nodes = 0;

    if (jval_from_yaml(a, (struct str){ (const char *)data, size }, "in", &limits, &v, &e)) {
        assert(e.code != ERR_NONE && e.msg[0] && str_is_utf8(str_of(e.msg)));
    } else if (walk(v, 0, &nodes)) {
        int rc = jval_from_json(a, jval_text(a, v, JVAL_PYTHON), "again", NULL, &again, &e);

        assert(rc == 0 && jval_equal(v, again));
        (void)rc;
    }
    assert(nodes <= MAX_NODES + 1); /* a merge copies members that were counted at their alias */
    arena_free(a);
    return 0;
}
