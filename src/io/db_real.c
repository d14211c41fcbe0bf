/*
 * io/db_real.c: doubles as text, for SQL on a SQLite file: the shortest way through JSON that keeps every
 * bit. SQLite's own conversions are a bit off for some, and know neither -0.0 nor infinity there.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/db_internal.h"

enum { REAL_TEXT_MAX = 64 };

/* real_json(X): a double as a number of JSON with a point or an exponent; infinities as PostgreSQL has them,
 * "Infinity" in quotes; NULL as null. */
static void real_json(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    double d = sqlite3_value_double(argv[0]);
    char digits[REAL_TEXT_MAX], text[REAL_TEXT_MAX + 2];

    snprintf(digits, sizeof(digits), "%.17g", d);
    if (sqlite3_value_type(argv[0]) == SQLITE_NULL)
        snprintf(text, sizeof(text), "null");
    else if (isinf(d))
        snprintf(text, sizeof(text), "\"%sInfinity\"", d < 0 ? "-" : "");
    else
        snprintf(text, sizeof(text), "%s%s", digits, strpbrk(digits, ".e") ? "" : ".0");
    sqlite3_result_text(ctx, text, -1, SQLITE_TRANSIENT);
}

/* real_of(TEXT): the double of such a text; NULL of null and of what is none. */
static void real_of(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    const char *text = (const char *)sqlite3_value_text(argv[0]);
    char *end = NULL;
    double d;

    if (!text)
        return;
    text += *text == '"';
    d = strtod(text, &end);
    if (end > text && (*end == '\0' || *end == '"'))
        sqlite3_result_double(ctx, d);
}

int conn_add_reals(struct db_conn *c, struct err *e)
{
    const int how = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;

    if (sqlite3_create_function_v2(c->handle, "real_json", 1, how, NULL, real_json, NULL, NULL, NULL) ||
        sqlite3_create_function_v2(c->handle, "real_of", 1, how, NULL, real_of, NULL, NULL, NULL))
        return conn_fail(c, e);
    return 0;
}
