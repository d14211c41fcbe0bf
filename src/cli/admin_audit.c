/* cli/admin_audit.c: `slipway admin audit`: what people changed, and whether the log of it is whole. */
#include <stdio.h>

#include "cli/admin.h"
#include "cli/verbs.h"

enum { ROWS_DEFAULT = 1000, ROWS_MAX = 1000000 };

static void print_rows(const struct jval *rows)
{
    for (size_t i = 0; i < jval_len(rows); i++) {
        const struct jval *r = jval_at(rows, i);
        struct str detail = jval_str(jval_get(r, "detail"));

        printf("%-6lld %.*s  %-20.*s %-16.*s %.*s%s%.*s\n", (long long)jval_int(jval_get(r, "seq")),
               STR_ARG(admin_text(r, "at")), STR_ARG(admin_text(r, "who")), STR_ARG(admin_text(r, "what")),
               STR_ARG(admin_text(r, "object")), detail.len > 0 ? ": " : "", STR_ARG(detail));
    }
}

static int audit_list(struct io *io, const struct args *a, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct server *s = NULL;
    struct jval *rows = NULL;
    int rc = admin_open(io, a, &s, e);

    if (rc == 0)
        rc =
            server_audit_list(s, arena, args_int(a, "from", 1), args_int(a, "count", ROWS_DEFAULT), &rows, e);
    if (rc == 0)
        admin_show(a, arena, rows, print_rows);
    server_free(s);
    return rc;
}

static const struct option_row list_rows[] = {
    OPTION_DATA,
    { "from", 0, OPTION_INT, "N", "first row (default 1)", 1, INT64_MAX },
    { "count", 0, OPTION_INT, "N", "at most so many (default 1000)", 1, ROWS_MAX },
    OPTION_OUTPUT,
    OPTION_END,
};

const struct verb verb_admin_audit_list = {
    .name = "admin audit list",
    .operands = "",
    .summary = "show what people changed: users, keys, roles, queues, stops and deletions",
    .details =
        "-o json also has the digests (SHA-256) of what was before and after, and the hash of each row.",
    .examples =
        "  slipway admin audit list --data /var/lib/slipway\n  slipway admin audit list --from 1001 -o json",
    .rows = list_rows,
    .run = audit_list,
};

static int audit_verify(struct io *io, const struct args *a, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    const char *known = args_text(a, "known");
    struct server *s = NULL;
    struct jval *found = NULL;
    int rc = admin_open(io, a, &s, e);

    if (rc == 0)
        rc = server_audit_verify(s, arena, known ? str_of(known) : (struct str){ 0 }, &found, e);
    server_free(s);
    if (rc < 0)
        return rc;
    if (args_json(a))
        admin_print_json(arena, found);
    if (!jval_is(jval_get(found, "broken"), JVAL_NULL))
        return err_set(e, ERR_FOUND, "row %lld of the audit log %.*s; the %lld before it are right",
                       (long long)jval_int(jval_get(found, "broken")), STR_ARG(admin_text(found, "why")),
                       (long long)jval_int(jval_get(found, "rows")));
    if (!args_json(a))
        printf("The audit log is whole: %lld rows. Its head, to keep elsewhere:\n%.*s\n",
               (long long)jval_int(jval_get(found, "rows")), STR_ARG(admin_text(found, "head")));
    return 0;
}

static const struct option_row verify_rows[] = {
    OPTION_DATA,
    { "known", 0, OPTION_TEXT, "SEQ:HASH", "a head that was kept elsewhere, which must still be in the log",
      0, 0 },
    OPTION_OUTPUT,
    OPTION_END,
};

const struct verb verb_admin_audit_verify = {
    .name = "admin audit verify",
    .operands = "",
    .summary = "find the first row of the audit log that was changed, put in or taken out",
    .details = "Each row has a hash over the one before it and itself. Whoever can write the database could "
               "make a new\n"
               "chain: keep the head that this prints elsewhere, and give it with --known. Exit status 1 "
               "when a row is\n"
               "wrong.",
    .examples = "  slipway admin audit verify --data /var/lib/slipway\n"
                "  slipway admin audit verify --known 41:6f1e...",
    .rows = verify_rows,
    .run = audit_verify,
};
