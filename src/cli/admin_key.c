/* cli/admin_key.c: `slipway admin key`: a user's API keys. */
#include <stdio.h>

#include "cli/admin.h"
#include "cli/verbs.h"

static void show_new(const struct args *a, int64_t id, const struct secret *key)
{
    const char *user = args_operand(a, 0);

    if (args_json(a)) {
        printf("{\"id\": %lld, \"user\": \"%s\", \"api_key\": \"%.*s\"}\n", (long long)id, user,
               STR_ARG(secret_unwrap(key)));
        return;
    }
    printf("Key %lld. ", (long long)id);
    admin_print_key(key, user, "URL");
}

static int key_create(struct io *io, const struct args *a, struct err *e)
{
    AUTO_PTR(secret) chosen = args_text(a, "api-key") ? secret_new(str_of(args_text(a, "api-key"))) : NULL;
    AUTO_PTR(secret) key = NULL;
    struct server *s = NULL;
    struct admin_key_options o = { .username = args_operand(a, 0),
                                   .name = args_text(a, "name") ? args_text(a, "name") : "",
                                   .api_key = chosen };
    int64_t id = 0;
    int rc = admin_lasts(a, &o.lasts_ms, e);

    if (rc == 0)
        rc = admin_open(io, a, &s, e);
    if (rc == 0)
        rc = server_key_create(s, &o, &key, &id, e);
    if (rc == 0)
        show_new(a, id, key);
    server_free(s);
    return rc;
}

static const struct option_row create_rows[] = {
    OPTION_DATA,
    { "name", 'n', OPTION_TEXT, "NAME", "what the key is for", 0, 0 },
    OPTION_EXPIRES,
    { "api-key", 0, OPTION_TEXT, "KEY", "bring a key (40 characters or more of A-Z a-z 0-9 _ -)", 0, 0 },
    OPTION_OUTPUT,
    OPTION_END,
};

const struct verb verb_admin_key_create = {
    .name = "admin key create",
    .operands = "USER",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "make one more API key of a user and print it, once",
    .details = "To change a key without a gap: make the new one, use it, then revoke the old one.",
    .examples = "  slipway admin key create ada --name laptop --expires 90d",
    .rows = create_rows,
    .run = key_create,
};

static void print_keys(const struct jval *keys)
{
    for (size_t i = 0; i < jval_len(keys); i++) {
        const struct jval *k = jval_at(keys, i);

        printf("%-5lld %-20.*s %-20.*s %.*s...  %-8.*s last used %.*s, expires %.*s\n",
               (long long)jval_int(jval_get(k, "id")), STR_ARG(admin_text(k, "user")),
               STR_ARG(admin_text(k, "name")), STR_ARG(admin_text(k, "prefix")),
               STR_ARG(admin_text(k, "state")), STR_ARG(admin_text(k, "last_used")),
               STR_ARG(admin_text(k, "expires")));
    }
}

static int key_list(struct io *io, const struct args *a, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct server *s = NULL;
    struct jval *keys = NULL;
    int rc = admin_open(io, a, &s, e);

    if (rc == 0)
        rc = server_key_list(s, arena, args_operand(a, 0), &keys, e);
    if (rc == 0)
        admin_show(a, arena, keys, print_keys);
    server_free(s);
    return rc;
}

static const struct option_row plain_rows[] = { OPTION_DATA, OPTION_OUTPUT, OPTION_END };

const struct verb verb_admin_key_list = {
    .name = "admin key list",
    .operands = "[USER]",
    .max_operands = 1,
    .summary = "list API keys by number, with their first characters, last use and end",
    .details = "Of a key only its first characters are kept as they are. Last use is exact to a minute.",
    .examples = "  slipway admin key list ada",
    .rows = plain_rows,
    .run = key_list,
};

static void print_revoked(const struct jval *key)
{
    printf("Key %lld of %.*s (%.*s...) opens nothing any more.\n", (long long)jval_int(jval_get(key, "id")),
           STR_ARG(admin_text(key, "user")), STR_ARG(admin_text(key, "prefix")));
}

static int key_revoke(struct io *io, const struct args *a, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct server *s = NULL;
    struct jval *key = NULL;
    int64_t id = 0;
    int rc = admin_number(a, "key", &id, e);

    if (rc == 0)
        rc = admin_open(io, a, &s, e);
    if (rc == 0)
        rc = server_key_revoke(s, arena, id, &key, e);
    if (rc == 0)
        admin_show(a, arena, key, print_revoked);
    server_free(s);
    return rc;
}

const struct verb verb_admin_key_revoke = {
    .name = "admin key revoke",
    .operands = "ID",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "make a key useless at once, also while the server runs",
    .examples = "  slipway admin key list ada\n  slipway admin key revoke 7",
    .rows = plain_rows,
    .run = key_revoke,
};
