/* A store of a test's own, and a user in it. */
#pragma once

#include "place.h"

enum { T0 = 1000000 }; /* the tests' own clock */

static inline struct store *open_store(struct world *w)
{
    const struct store_options o = place(w, "slipway");
    struct store *s = NULL;
    struct err e = { 0 };

    must(store_open(w->io, &o, &s, &e), &e);
    return s;
}

static inline int64_t add_user(struct store *s, struct world *w, const char *name)
{
    const struct store_new_key key = {
        .name = STR("first"), .prefix = STR("abc"), .lookup = str_of(name), .hash = str_of(name)
    };
    const struct store_new_user u = { .username = name, .key = &key, .by = { STR("tests"), T0 } };
    struct store_key_found *found = NULL;
    size_t len = 0;
    struct err e = { 0 };

    must(store_user_add(s, &u, &e), &e);
    must(store_key_candidates(s, w->a, str_of(name), &found, &len, &e), &e);
    assert_int_equal(len, 1);
    return found->user.id;
}
