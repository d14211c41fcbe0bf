/* cli/admin.c: `slipway admin user`, and what the admin verbs share. They work on the server's data folder.
 */
#include "cli/admin.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/timefmt.h"
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

const char *admin_operator(struct arena *a)
{
    return arena_printf(a, "operator uid %u", (unsigned)getuid());
}

int admin_open(struct io *io, const struct args *a, struct server **ret, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct server_options o = { .data_dir = args_text(a, "data") };
    int rc = role_db_url(io, a, &o.db_url, e);

    o.acts_as = admin_operator(arena);
    if (!o.data_dir)
        o.data_dir = role_default_dir(io, arena, "server");
    rc = rc ? rc : server_new(io, &o, ret, e);
    return rc ? err_wrap(e, "opening the store %s%s", o.db_url ? "of " : "in ",
                         o.db_url ? "--db" : o.data_dir)
              : 0;
}

void admin_print_json(struct arena *a, const struct jval *v)
{
    printf("%s\n", jval_text(a, v, JVAL_COMPACT).ptr);
}

void admin_show(const struct args *a, struct arena *arena, const struct jval *found,
                void (*print)(const struct jval *found))
{
    if (args_json(a))
        admin_print_json(arena, found);
    else
        print(found);
}

int admin_number(const struct args *a, const char *what, int64_t *ret, struct err *e)
{
    const char *text = args_operand(a, 0);

    return str_to_i64(str_of(text), ret)
               ? 0
               : err_set(e, ERR_USAGE, "'%s' is not the number of a %s: 'slipway admin %s list' has them",
                         text, what, what);
}

int admin_time(const struct args *a, const char *option, int64_t *ret_ms, struct err *e)
{
    const char *text = args_text(a, option);
    struct str days = text ? str_of(text) : (struct str){ 0 };
    int64_t ms = 0;
    bool fits;

    if (!text)
        return 0;
    if (days.len > 1 && days.ptr[days.len - 1] == 'd') {
        fits = str_to_i64(str_sub(days, 0, days.len - 1), &ms) && ms <= 36500;
        ms *= INT64_C(86400000);
    } else {
        fits = duration_parse_human(days, &ms);
    }
    if (!fits || ms <= 0)
        return err_set(e, ERR_USAGE, "--%s: \"%s\" is no time such as 90d, 12h or 30m", option, text);
    *ret_ms = ms;
    return 0;
}

int admin_lasts(const struct args *a, int64_t *ret_ms, struct err *e)
{
    return admin_time(a, "expires", ret_ms, e);
}

void admin_show_key(const struct args *a, const char *name_key, const char *name, const struct secret *key)
{
    if (args_json(a))
        printf("{\"%s\": \"%s\", \"api_key\": \"%.*s\"}\n", name_key, name, STR_ARG(secret_unwrap(key)));
    else
        admin_print_key(key, name, "URL");
}

struct str admin_text(const struct jval *o, const char *name)
{
    struct str s = jval_str(jval_get(o, name));

    return s.len > 0 ? s : STR("-");
}

/* A user or a service account, with its first key. */
static int create_and_show(struct io *io, const struct args *a, struct admin_user_options *o, struct err *e)
{
    AUTO_PTR(secret) key = NULL;
    struct server *s = NULL;
    int rc = admin_lasts(a, &o->key_lasts_ms, e);

    if (rc == 0)
        rc = admin_open(io, a, &s, e);
    if (rc == 0)
        rc = server_user_create(s, o, &key, e);
    if (rc == 0)
        admin_show_key(a, "username", o->username, key);
    server_free(s);
    return rc;
}

static int user_create(struct io *io, const struct args *a, struct err *e)
{
    AUTO_PTR(secret) chosen = args_text(a, "api-key") ? secret_new(str_of(args_text(a, "api-key"))) : NULL;
    struct admin_user_options o = { .username = args_operand(a, 0),
                                    .email = args_text(a, "email"),
                                    .admin = args_has(a, "admin"),
                                    .api_key = chosen,
                                    .key_name = args_text(a, "key-name") };

    return create_and_show(io, a, &o, e);
}

static const struct option_row user_rows[] = {
    OPTION_DATA,
    { "email", 0, OPTION_TEXT, "ADDRESS", "for notifications and display", 0, 0 },
    { "admin", 0, OPTION_FLAG, NULL, "may do everything on the server", 0, 0 },
    { "key-name", 0, OPTION_TEXT, "NAME", "what the key is for (default: first key)", 0, 0 },
    OPTION_EXPIRES,
    { "api-key", 0, OPTION_TEXT, "KEY", "bring a key (40 characters or more of A-Z a-z 0-9 _ -)", 0, 0 },
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

/* --- list, role
 * ----------------------------------------------------------------------------------------------- */

static void print_users(const struct jval *users)
{
    for (size_t i = 0; i < jval_len(users); i++) {
        const struct jval *u = jval_at(users, i);
        struct str team = jval_str(jval_get(u, "team"));

        printf("%-24.*s %-28.*s %s%.*s%s\n", STR_ARG(admin_text(u, "username")),
               STR_ARG(admin_text(u, "email")),
               jval_bool(jval_get(u, "admin")) ? "admin of the server"
               : team.len > 0                  ? "service account of "
                                               : "user",
               STR_ARG(team), jval_is(jval_get(u, "disabled"), JVAL_NULL) ? "" : " (disabled)");
    }
}

static int user_list(struct io *io, const struct args *a, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct server *s = NULL;
    struct jval *users = NULL;
    int rc = admin_open(io, a, &s, e);

    if (rc == 0)
        rc = server_user_list(s, arena, &users, e);
    if (rc == 0)
        admin_show(a, arena, users, print_users);
    server_free(s);
    return rc;
}

static const struct option_row plain_rows[] = { OPTION_DATA, OPTION_OUTPUT, OPTION_END };

const struct verb verb_admin_user_list = {
    .name = "admin user list",
    .operands = "",
    .summary = "list users and service accounts",
    .examples = "  slipway admin user list --data /var/lib/slipway",
    .rows = plain_rows,
    .run = user_list,
};

static int user_role(struct io *io, const struct args *a, struct err *e)
{
    const char *name = args_operand(a, 0), *role = args_operand(a, 1);
    bool admin = strcmp(role, "admin") == 0;
    struct server *s = NULL;
    int rc;

    if (!admin && strcmp(role, "user") != 0)
        return err_set(
            e, ERR_USAGE,
            "a user of the server is admin or user, not '%s'; for roles in a team see 'slipway admin "
            "team role'",
            role);
    rc = admin_open(io, a, &s, e);
    if (rc == 0)
        rc = server_user_set_admin(s, name, admin, e);
    if (rc == 0 && args_json(a))
        printf("{\"username\": \"%s\", \"role\": \"%s\"}\n", name, role);
    else if (rc == 0)
        printf("%s is %s of the server.\n", name, role);
    server_free(s);
    return rc;
}

const struct verb verb_admin_user_role = {
    .name = "admin user role",
    .operands = "NAME ROLE",
    .min_operands = 2,
    .max_operands = 2,
    .summary = "make a user admin of the server, or a plain user again",
    .details = "ROLE is admin, who may do everything everywhere, or user. The last admin stays one. For "
               "roles in teams "
               "see\n'slipway admin team role'.",
    .examples = "  slipway admin user role ada admin",
    .rows = plain_rows,
    .run = user_role,
};

static int set_disabled(struct io *io, const struct args *a, bool disabled, struct err *e)
{
    const char *name = args_operand(a, 0);
    struct server *s = NULL;
    int rc = admin_open(io, a, &s, e);

    if (rc == 0)
        rc = server_user_set_disabled(s, name, disabled, e);
    if (rc == 0 && args_json(a))
        printf("{\"username\": \"%s\", \"disabled\": %s}\n", name, disabled ? "true" : "false");
    else if (rc == 0)
        printf(disabled ? "%s is disabled: none of its keys opens anything.\n"
                        : "%s is a user again, with its keys.\n",
               name);
    server_free(s);
    return rc;
}

static int user_disable(struct io *io, const struct args *a, struct err *e)
{
    return set_disabled(io, a, true, e);
}

const struct verb verb_admin_user_disable = {
    .name = "admin user disable",
    .operands = "NAME",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "shut out a user or service account at once, with all its keys",
    .details = "What it made stays, with its name. The last admin of the server cannot be disabled.",
    .examples = "  slipway admin user disable bob",
    .rows = plain_rows,
    .run = user_disable,
};

static int user_enable(struct io *io, const struct args *a, struct err *e)
{
    return set_disabled(io, a, false, e);
}

const struct verb verb_admin_user_enable = {
    .name = "admin user enable",
    .operands = "NAME",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "let a disabled user in again",
    .examples = "  slipway admin user enable bob",
    .rows = plain_rows,
    .run = user_enable,
};

/* --- service accounts
 * ------------------------------------------------------------------------------------------ */

static int service_create(struct io *io, const struct args *a, struct err *e)
{
    struct admin_user_options o = { .team = args_operand(a, 0),
                                    .username = args_operand(a, 1),
                                    .role = args_text(a, "role") ? args_text(a, "role") : "member",
                                    .key_name = args_text(a, "key-name") };

    return create_and_show(io, a, &o, e);
}

static const struct option_row service_rows[] = {
    OPTION_DATA,
    { "role", 'r', OPTION_TEXT, "ROLE", "viewer, member (default) or admin of the team", 0, 0 },
    { "key-name", 0, OPTION_TEXT, "NAME", "what the key is for (default: first key)", 0, 0 },
    OPTION_EXPIRES,
    OPTION_OUTPUT,
    OPTION_END,
};

const struct verb verb_admin_service_create = {
    .name = "admin service create",
    .operands = "TEAM NAME",
    .min_operands = 2,
    .max_operands = 2,
    .summary = "make a service account of a team and print the API key, once",
    .details =
        "For agents and other programs: it belongs to one team, which is meant where it names no entity.",
    .examples = "  slipway admin service create vision vision-agent\n"
                "  slipway admin service create vision dashboard --role viewer --expires 90d",
    .rows = service_rows,
    .run = service_create,
};
