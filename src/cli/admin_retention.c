/* cli/admin_retention.c: `slipway admin retention`: how long is kept what projects have. */
#include <stdio.h>

#include "cli/admin.h"
#include "cli/verbs.h"

static int keep_time(const struct args *a, const char *option, bool in_policy, int64_t *io_ms, struct err *e)
{
    struct str text = str_of(args_text(a, option));

    if (str_is(text, "forever"))
        *io_ms = KEEP_FOR_EVER;
    else if (in_policy && str_is(text, "default"))
        *io_ms = KEEP_UNSAID;
    else
        return admin_time(a, option, io_ms, e);
    return 0;
}

int admin_keep(const struct args *a, bool in_policy, struct keep *io, struct err *e)
{
    int rc = keep_time(a, "keep-history", in_policy, &io->history_ms, e);

    rc = rc < 0 ? rc : keep_time(a, "keep-files", in_policy, &io->files_ms, e);
    return rc < 0 ? rc : keep_time(a, "keep-artifacts", in_policy, &io->artifacts_ms, e);
}

/* "ENTITY" or "ENTITY/PROJECT". */
static void scope_of(struct arena *arena, const char *text, struct admin_keep_options *o)
{
    struct str rest = str_of(text), entity = { 0 };

    if (str_cut(&rest, '/', &entity)) {
        o->entity = arena_cstr(arena, entity);
        o->project = arena_cstr(arena, rest);
    } else {
        o->entity = text;
    }
}

static void print_list(const struct jval *list)
{
    if (jval_len(list) > 0)
        printf("%-40s %-10s %-10s %s\n", "POLICY OF", "HISTORY", "FILES", "ARTIFACTS");
    for (size_t i = 0; i < jval_len(list); i++) {
        AUTO_STRBUF struct strbuf name = STRBUF(1024);
        const struct jval *k = jval_at(list, i);
        struct str project = jval_str(jval_get(k, "project"));

        strbuf_addf(&name, "%.*s%s%.*s", STR_ARG(admin_text(k, "entity")), project.ptr ? "/" : "",
                    STR_ARG(project));
        printf("%-40s %-10.*s %-10.*s %.*s\n", strbuf_cstr(&name), STR_ARG(admin_text(k, "history")),
               STR_ARG(admin_text(k, "files")), STR_ARG(admin_text(k, "artifacts")));
    }
}

/* What is said there now. */
static int show(struct server *s, struct arena *arena, const struct args *a,
                const struct admin_keep_options *o, struct err *e)
{
    struct jval *list = NULL;
    int rc = server_keep_list(s, arena, o, &list, e);

    if (rc < 0)
        return rc;
    if (args_json(a))
        admin_print_json(arena, list);
    else if (jval_len(list) == 0)
        printf("%s: nothing is said%s.\n", args_operand(a, 0) ? args_operand(a, 0) : "All projects",
               o->project ? " but what is said of its entity" : " but what the server's own options say");
    else
        print_list(list);
    return 0;
}

static int change(struct io *io, const struct args *a, const struct keep *keep, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct admin_keep_options o = { .keep = *keep };
    struct server *s = NULL;
    int rc = admin_open(io, a, &s, e);

    scope_of(arena, args_operand(a, 0), &o);
    rc = rc < 0 ? rc : server_keep_set(s, &o, e);
    rc = rc < 0 ? rc : show(s, arena, a, &o, e);
    server_free(s);
    return rc;
}

static int retention_set(struct io *io, const struct args *a, struct err *e)
{
    struct keep keep = { KEEP_AS_IT_IS, KEEP_AS_IT_IS, KEEP_AS_IT_IS };
    int rc = admin_keep(a, true, &keep, e);

    if (rc == 0 && keep.history_ms == KEEP_AS_IT_IS && keep.files_ms == KEEP_AS_IT_IS &&
        keep.artifacts_ms == KEEP_AS_IT_IS)
        return err_set(e, ERR_USAGE,
                       "say what is kept how long: --keep-history, --keep-files or --keep-artifacts");
    return rc < 0 ? rc : change(io, a, &keep, e);
}

static const struct option_row set_rows[] = {
    OPTION_DATA,
    { "keep-history", 0, OPTION_TEXT, "TIME",
      "logged lines of runs, since their end: 90d, 12h, forever or default", 0, 0 },
    { "keep-files", 0, OPTION_TEXT, "TIME", "files of runs, since their end", 0, 0 },
    { "keep-artifacts", 0, OPTION_TEXT, "TIME", "versions that nothing holds, since they were made", 0, 0 },
    OPTION_OUTPUT,
    OPTION_END,
};

const struct verb verb_admin_retention_set = {
    .name = "admin retention set",
    .operands = "ENTITY[/PROJECT]",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "say how long is kept what a project has, or each project of an entity",
    .details = "What is said of a project counts before what is said of its entity, and that before the "
               "server's own\n"
               "--keep-... options. What is not given stays as it is; default takes back what was said. "
               "Running servers\n"
               "go by it from their next pass on, within a minute.\n\n"
               "A version of an artifact is held by an alias that somebody gave it (latest is one), by a "
               "link, by a run\n"
               "that has not ended and made or uses it, and a job by an item that has not ended. Of runs "
               "that have not\n"
               "ended nothing goes.",
    .examples = "  slipway admin retention set vision --keep-history 180d --keep-files 30d\n"
                "  slipway admin retention set vision/paper --keep-history forever --keep-artifacts 90d\n"
                "  slipway admin retention set vision/paper --keep-files default",
    .rows = set_rows,
    .run = retention_set,
};

static int retention_clear(struct io *io, const struct args *a, struct err *e)
{
    return change(io, a, &(struct keep){ KEEP_UNSAID, KEEP_UNSAID, KEEP_UNSAID }, e);
}

static const struct option_row plain_rows[] = { OPTION_DATA, OPTION_OUTPUT, OPTION_END };

const struct verb verb_admin_retention_clear = {
    .name = "admin retention clear",
    .operands = "ENTITY[/PROJECT]",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "take back what was said of a project, or of an entity",
    .examples = "  slipway admin retention clear vision/paper",
    .rows = plain_rows,
    .run = retention_clear,
};

static int retention_show(struct io *io, const struct args *a, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct admin_keep_options o = { 0 };
    struct server *s = NULL;
    int rc = admin_open(io, a, &s, e);

    if (args_operand(a, 0))
        scope_of(arena, args_operand(a, 0), &o);
    rc = rc < 0 ? rc : show(s, arena, a, &o, e);
    server_free(s);
    return rc;
}

const struct verb verb_admin_retention_show = {
    .name = "admin retention show",
    .operands = "[ENTITY[/PROJECT]]",
    .max_operands = 1,
    .summary = "print what is said of projects and entities",
    .details = "'admin prune --dry-run' says what would go by it.",
    .examples = "  slipway admin retention show\n  slipway admin retention show vision -o json",
    .rows = plain_rows,
    .run = retention_show,
};
