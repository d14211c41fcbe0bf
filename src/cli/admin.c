/* cli/admin.c: `slipway admin user`, and what the admin verbs share. They work on the server's data folder.
 */
#include "cli/admin.h"

#include <stdio.h>

#include "cli/roles.h"
#include "cli/verbs.h"

void admin_print_key(const struct secret *key, const char *username, const char *url)
{
    struct str text = secret_unwrap(key);

    printf("User %s. API key, shown this once:\n\n  %.*s\n\nLog in with it:\n  slipway login --url %s\n  "
           "wandb login --host %s\n",
           username, STR_ARG(text), url, url);
    fflush(stdout);
}

int admin_open(struct io *io, const struct args *a, struct server **ret, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct server_options o = { .data_dir = args_text(a, "data") };

    if (!o.data_dir)
        o.data_dir = role_default_dir(io, arena, "server");
    return server_new(io, &o, ret, e) ? err_wrap(e, "opening the store in %s", o.data_dir) : 0;
}

void admin_print_json(struct arena *a, const struct jval *v)
{
    printf("%s\n", jval_text(a, v, JVAL_COMPACT).ptr);
}

static int user_create(struct io *io, const struct args *a, struct err *e)
{
    AUTO_PTR(secret) chosen = args_text(a, "api-key") ? secret_new(str_of(args_text(a, "api-key"))) : NULL;
    AUTO_PTR(secret) key = NULL;
    struct server *s = NULL;
    struct admin_user_options o = { .username = args_operand(a, 0),
                                    .email = args_text(a, "email"),
                                    .admin = args_has(a, "admin"),
                                    .api_key = chosen };
    int rc = admin_open(io, a, &s, e);

    if (rc == 0)
        rc = server_user_create(s, &o, &key, e);
    if (rc == 0 && args_json(a))
        printf("{\"username\": \"%s\", \"api_key\": \"%.*s\"}\n", o.username, STR_ARG(secret_unwrap(key)));
    else if (rc == 0)
        admin_print_key(key, o.username, "URL");
    server_free(s);
    return rc;
}

static const struct option_row user_rows[] = {
    OPTION_DATA,
    { "email", 0, OPTION_TEXT, "ADDRESS", "for notifications and display", 0, 0 },
    { "admin", 0, OPTION_FLAG, NULL, "may do everything", 0, 0 },
    { "api-key", 0, OPTION_TEXT, "KEY",
      "choose the key (40 characters or more of A-Z a-z 0-9 _ -); for tests", 0, 0 },
    OPTION_OUTPUT,
    OPTION_END,
};

const struct verb verb_admin_user_create = {
    .name = "admin user create",
    .operands = "NAME",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "make a user and print the API key, once",
    .examples = "  slipway admin user create ada --data /var/lib/slipway\n  slipway admin user create root "
                "--admin -o json",
    .rows = user_rows,
    .run = user_create,
};
