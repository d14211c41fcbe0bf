/* A store of a test's own: a file, or a schema on PostgreSQL. */
#pragma once

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "server/store/store.h"
#include "world.h"

static inline void no_notice(void *arg, const char *text)
{
}

enum { T0 = 1000000 }; /* the tests' own clock */

/* With SLIPWAY_TEST_POSTGRES in the environment every test has a schema of its own there, else a file. */
static inline const char *postgres_of(struct world *w)
{
    const char *server = getenv("SLIPWAY_TEST_POSTGRES"), *name = strrchr(w->dir, '-') + 1;
    PGconn *c;

    if (!server)
        return NULL;
    c = PQconnectdb(server);
    assert_int_equal(PQstatus(c), CONNECTION_OK);
    PQsetNoticeProcessor(c, no_notice, NULL);
    PQclear(PQexec(c, arena_printf(w->a, "CREATE SCHEMA IF NOT EXISTS \"%s\"", name)));
    PQfinish(c);
    return arena_printf(w->a, "%s&options=-csearch_path%%3D%%22%s%%22", server, name);
}

static inline struct store *open_store(struct world *w)
{
    const struct store_options o = { .path = arena_printf(w->a, "%s/slipway.db", w->dir),
                                     .url = postgres_of(w),
                                     .fast_and_unsafe = true };
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
