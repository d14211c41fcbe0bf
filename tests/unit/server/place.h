/* Where a test's store is: a file in its folder; with SLIPWAY_TEST_POSTGRES in the environment, a schema of
 * its own on that server. */
#pragma once

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "server/store/store.h"
#include "world.h"

static inline void no_notice(void *arg, const char *text)
{
}

/* NULL: no PostgreSQL. */
static inline const char *postgres_of(struct world *w, const char *name)
{
    const char *server = getenv("SLIPWAY_TEST_POSTGRES");
    const char *schema = arena_printf(w->a, "%s-%s", strrchr(w->dir, '-') + 1, name);
    PGconn *c;

    if (!server)
        return NULL;
    c = PQconnectdb(server);
    assert_int_equal(PQstatus(c), CONNECTION_OK);
    PQsetNoticeProcessor(c, no_notice, NULL);
    PQclear(PQexec(c, arena_printf(w->a, "CREATE SCHEMA IF NOT EXISTS \"%s\"", schema)));
    PQfinish(c);
    return arena_printf(w->a, "%s&options=-csearch_path%%3D%%22%s%%22", server, schema);
}

/* The store @name of the test; "slipway" is the server's. */
static inline struct store_options place(struct world *w, const char *name)
{
    return (struct store_options){ .path = arena_printf(w->a, "%s/%s.db", w->dir, name),
                                   .url = postgres_of(w, name),
                                   .fast_and_unsafe = true };
}
