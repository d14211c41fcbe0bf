/* cli/admin_session.c: `slipway admin session` and `admin user link`: who signs in with a browser. */
#include <stdio.h>

#include "cli/admin.h"
#include "cli/verbs.h"

static void print_sessions(const struct jval *sessions)
{
    for (size_t i = 0; i < jval_len(sessions); i++) {
        const struct jval *s = jval_at(sessions, i);

        printf("%-5lld %-20.*s from %-15.*s since %.*s, last used %.*s, ends %.*s\n",
               (long long)jval_int(jval_get(s, "id")), STR_ARG(admin_text(s, "user")),
               STR_ARG(admin_text(s, "address")), STR_ARG(admin_text(s, "created")),
               STR_ARG(admin_text(s, "last_used")), STR_ARG(admin_text(s, "expires")));
    }
}

static int session_list(struct io *io, const struct args *a, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct server *s = NULL;
    struct jval *sessions = NULL;
    int rc = admin_open(io, a, &s, e);

    if (rc == 0)
        rc = server_session_list(s, arena, args_operand(a, 0), &sessions, e);
    if (rc == 0)
        admin_show(a, arena, sessions, print_sessions);
    server_free(s);
    return rc;
}

static const struct option_row plain_rows[] = { OPTION_DATA, OPTION_OUTPUT, OPTION_END };

const struct verb verb_admin_session_list = {
    .name = "admin session list",
    .operands = "[USER]",
    .max_operands = 1,
    .summary = "list the browsers that are signed in, by number",
    .details = "Last use is exact to a minute.",
    .examples = "  slipway admin session list ada",
    .rows = plain_rows,
    .run = session_list,
};

static void print_revoked(const struct jval *session)
{
    printf("Session %lld of %.*s is over.\n", (long long)jval_int(jval_get(session, "id")),
           STR_ARG(admin_text(session, "user")));
}

static int session_revoke(struct io *io, const struct args *a, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct server *s = NULL;
    struct jval *session = NULL;
    int64_t id = 0;
    int rc = admin_number(a, "session", &id, e);

    if (rc == 0)
        rc = admin_open(io, a, &s, e);
    if (rc == 0)
        rc = server_session_revoke(s, arena, id, &session, e);
    if (rc == 0)
        admin_show(a, arena, session, print_revoked);
    server_free(s);
    return rc;
}

const struct verb verb_admin_session_revoke = {
    .name = "admin session revoke",
    .operands = "ID",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "end a browser's sign-in at once, also while the server runs",
    .details = "Its user may sign in again: 'slipway admin user disable' shuts a person out.",
    .examples = "  slipway admin session list ada\n  slipway admin session revoke 7",
    .rows = plain_rows,
    .run = session_revoke,
};

/* --- who is who at the provider --- */

static int change_link(struct io *io, const struct args *a, bool is_there, struct err *e)
{
    const struct admin_identity i = { .username = args_operand(a, 0),
                                      .issuer = args_operand(a, 1),
                                      .subject = args_operand(a, 2) };
    AUTO_PTR(arena) arena = arena_new();
    struct jval *o = jval_new_object(arena);
    struct server *s = NULL;
    int rc = admin_open(io, a, &s, e);

    if (rc == 0)
        rc = is_there ? server_identity_add(s, &i, e) : server_identity_remove(s, &i, e);
    server_free(s);
    if (rc < 0)
        return rc;
    jval_set_cstr(arena, o, "user", i.username);
    jval_set_cstr(arena, o, "issuer", i.issuer);
    jval_set_cstr(arena, o, "subject", i.subject);
    jval_set_bool(arena, o, "linked", is_there);
    if (args_json(a))
        admin_print_json(arena, o);
    else
        printf("%s is %s sub %s at %s.\n", i.username, is_there ? "now" : "no longer", i.subject, i.issuer);
    return 0;
}

static int user_link(struct io *io, const struct args *a, struct err *e)
{
    return change_link(io, a, true, e);
}

static int user_unlink(struct io *io, const struct args *a, struct err *e)
{
    return change_link(io, a, false, e);
}

const struct verb verb_admin_user_link = {
    .name = "admin user link",
    .operands = "USER ISSUER SUB",
    .min_operands = 3,
    .max_operands = 3,
    .summary = "say who a user is at the OpenID provider",
    .details =
        "SUB is the provider's own name for the person: a sign-in that is refused shows it. Users whose "
        "verified\naddress is known are linked when they sign in for the first time.",
    .examples = "  slipway admin user link ada https://login.example.com 00u1a2b3c4",
    .rows = plain_rows,
    .run = user_link,
};

const struct verb verb_admin_user_unlink = {
    .name = "admin user unlink",
    .operands = "USER ISSUER SUB",
    .min_operands = 3,
    .max_operands = 3,
    .summary = "take back who a user is at the OpenID provider, and end its sign-ins",
    .examples = "  slipway admin user unlink ada https://login.example.com 00u1a2b3c4",
    .rows = plain_rows,
    .run = user_unlink,
};

static void print_links(const struct jval *links)
{
    for (size_t i = 0; i < jval_len(links); i++) {
        const struct jval *l = jval_at(links, i);

        printf("%-20.*s %.*s %.*s since %.*s\n", STR_ARG(admin_text(l, "user")),
               STR_ARG(admin_text(l, "issuer")), STR_ARG(admin_text(l, "subject")),
               STR_ARG(admin_text(l, "created")));
    }
}

static int link_list(struct io *io, const struct args *a, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct server *s = NULL;
    struct jval *links = NULL;
    int rc = admin_open(io, a, &s, e);

    if (rc == 0)
        rc = server_identity_list(s, arena, &links, e);
    if (rc == 0)
        admin_show(a, arena, links, print_links);
    server_free(s);
    return rc;
}

const struct verb verb_admin_user_links = {
    .name = "admin user links",
    .operands = "",
    .summary = "list who the users are at the OpenID provider",
    .examples = "  slipway admin user links",
    .rows = plain_rows,
    .run = link_list,
};
