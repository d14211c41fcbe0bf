/* A sweep's config from arbitrary bytes: what is taken gives runs whose numbers are finite and have a place.
 */
#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "server/search/search.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RUNS = 15 };

static void check(struct arena *a, const struct search *s, const struct jval *args)
{
    for (size_t i = 0; i < s->params.len; i++) {
        const struct param *p = &s->params.items[i];
        const struct jval *value = param_find(args, p);
        double unit = -1;

        assert(!jval_is(value, JVAL_REAL) || isfinite(jval_real(value)) || p->kind == PARAM_VALUES);
        if (value && param_unit(p, value, &unit))
            assert(unit >= 0 && unit <= 1);
        assert(param_name(a, p)[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_PTR(arena) a = arena_new();
    const struct jval_limits limits = { .max_bytes = 1 << 16, .max_nodes = 5000 };
    struct search_run runs[RUNS] = { { 0 } };
    struct search_state state = { .seed = 1, .runs = runs };
    const struct search *s = NULL;
    struct jval *config = NULL;
    struct err e = { 0 };

    if (jval_from_yaml(a, (struct str){ (const char *)data, size }, "sweep", &limits, &config, NULL) < 0)
        return 0;
    if (search_parse(a, config, &s, &e) < 0) {
        assert(e.msg[0] != '\0');
        return 0;
    }
    for (state.position = 0; state.position < RUNS && s->params.len < 20; state.position++) {
        const struct jval *args = search_next(s, &state, a);

        if (!args)
            return 0;
        check(a, s, args);
        runs[state.run_count++] = (struct search_run){
            .args = args, .ended = true, .has_loss = state.position % 4 != 0, .loss = (double)state.position
        };
    }
    return 0;
}
