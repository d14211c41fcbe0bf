/* tests/fuzz/fuzz_json.c: any bytes as JSON: an error in one line, or a tree that reads back equal in every
 * style. */
#include <assert.h>

#include "base/jval.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void reads_back(struct arena *a, const struct jval *v, enum jval_style style)
{
    struct jval *again = NULL;
    int rc = jval_from_json(a, jval_text(a, v, style), "again", NULL, &again, NULL);

    assert(rc == 0 && jval_equal(v, again));
    (void)rc;
}

static void parse(struct str text, bool last_key_wins)
{
    struct jval_limits limits = { .last_key_wins = last_key_wins };
    struct arena *a = arena_new();
    struct err e = { 0 };
    struct jval *v = NULL;

    if (jval_from_json(a, text, "in", &limits, &v, &e)) {
        assert(e.code != ERR_NONE && e.msg[0] && str_is_utf8(str_of(e.msg)));
    } else {
        reads_back(a, v, JVAL_COMPACT);
        reads_back(a, v, JVAL_PRETTY);
        reads_back(a, v, JVAL_PYTHON);
    }
    arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = { (const char *)data, size };

    parse(text, false);
    parse(text, true);
    return 0;
}
