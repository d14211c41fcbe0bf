/* cli/admin_team.c: `slipway admin team`: teams, and who may do what in them. */
#include <stdio.h>

#include "cli/admin.h"
#include "cli/verbs.h"

static int team_create(struct io *io, const struct args *a, struct err *e)
{
    const struct admin_team_options o = { .name = args_operand(a, 0),
                                          .admins = args_list(a, "admin"),
                                          .members = args_list(a, "member"),
                                          .viewers = args_list(a, "viewer") };
    struct server *s = NULL;
    int rc = admin_open(io, a, &s, e);

    if (rc == 0)
        rc = server_team_create(s, &o, e);
    if (rc == 0 && args_json(a))
        printf("{\"team\": \"%s\"}\n", o.name);
    else if (rc == 0)
        printf("Team %s is made.\n", o.name);
    server_free(s);
    return rc;
}

static const struct option_row create_rows[] = {
    OPTION_DATA,
    { "admin", 'a', OPTION_LIST, "USER", "may do everything in the team", 0, 0 },
    { "member", 'm', OPTION_LIST, "USER", "may launch, run agents and log runs", 0, 0 },
    { "viewer", 0, OPTION_LIST, "USER", "may look", 0, 0 },
    OPTION_OUTPUT,
    OPTION_END,
};

const struct verb verb_admin_team_create = {
    .name = "admin team create",
    .operands = "NAME",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "make a team that can own queues",
    .examples = "  slipway admin team create vision --admin ada --member bob --viewer eve",
    .rows = create_rows,
    .run = team_create,
};

static int team_role(struct io *io, const struct args *a, struct err *e)
{
    const struct admin_role_options o = { .team = args_operand(a, 0),
                                          .user = args_operand(a, 1),
                                          .role = args_operand(a, 2),
                                          .queue = args_text(a, "queue") };
    AUTO_PTR(arena) arena = arena_new();
    struct jval *v = jval_new_object(arena);
    struct server *s = NULL;
    int rc = admin_open(io, a, &s, e);

    if (rc == 0)
        rc = server_role_set(s, &o, e);
    if (rc == 0 && args_json(a)) {
        jval_set_cstr(arena, v, "team", o.team);
        jval_set_cstr(arena, v, "user", o.user);
        jval_set_cstr(arena, v, "role", o.role);
        jval_set_cstr(arena, v, "queue", o.queue);
        admin_print_json(arena, v);
    } else if (rc == 0) {
        printf("%s has the role %s %s %s.\n", o.user, o.role, o.queue ? "on queue" : "in team",
               o.queue ? o.queue : o.team);
    }
    server_free(s);
    return rc;
}

static const struct option_row role_rows[] = {
    OPTION_DATA,
    { "queue", 'q', OPTION_TEXT, "NAME",
      "the role on this queue of the team, in place of the one in the team", 0, 0 },
    OPTION_OUTPUT,
    OPTION_END,
};

const struct verb verb_admin_team_role = {
    .name = "admin team role",
    .operands = "TEAM USER ROLE",
    .min_operands = 3,
    .max_operands = 3,
    .summary = "say what a user may do in a team, or on one of its queues",
    .details = "ROLE is viewer (may look), member (may also launch, run agents and log runs), admin "
               "(everything) or none.\n"
               "A role on a queue is for members and viewers of the team: none hides the queue, default "
               "takes the role\n"
               "away again. Admins of a team are admins of all its queues.",
    .examples = "  slipway admin team role vision bob admin\n"
                "  slipway admin team role vision eve member --queue gpu\n"
                "  slipway admin team role vision mallory none",
    .rows = role_rows,
    .run = team_role,
};

static void print_teams(const struct jval *teams)
{
    for (size_t i = 0; i < jval_len(teams); i++) {
        const struct jval *members = jval_get(jval_at(teams, i), "members");

        if (jval_len(members) == 0)
            printf("%-24.*s nobody\n", STR_ARG(admin_text(jval_at(teams, i), "team")));
        for (size_t k = 0; k < jval_len(members); k++)
            printf("%-24.*s %-24.*s %.*s\n", STR_ARG(admin_text(jval_at(teams, i), "team")),
                   STR_ARG(admin_text(jval_at(members, k), "username")),
                   STR_ARG(admin_text(jval_at(members, k), "role")));
    }
}

static int team_list(struct io *io, const struct args *a, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct server *s = NULL;
    struct jval *teams = NULL;
    int rc = admin_open(io, a, &s, e);

    if (rc == 0)
        rc = server_team_list(s, arena, &teams, e);
    if (rc == 0)
        admin_show(a, arena, teams, print_teams);
    server_free(s);
    return rc;
}

static const struct option_row list_rows[] = { OPTION_DATA, OPTION_OUTPUT, OPTION_END };

const struct verb verb_admin_team_list = {
    .name = "admin team list",
    .operands = "",
    .summary = "list the teams with the roles of their people",
    .examples = "  slipway admin team list --data /var/lib/slipway",
    .rows = list_rows,
    .run = team_list,
};
