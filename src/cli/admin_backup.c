/* cli/admin_backup.c: `slipway admin backup`, `restore`, `copy` and `export`: all that a server keeps,
 * elsewhere. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/admin.h"
#include "cli/roles.h"
#include "cli/verbs.h"
#include "server/backup.h"

/* --- what all of them do --- */

struct progress {
    unsigned calls;
    bool any;
};

/* A line on a terminal that is written over. Called on a worker thread, by one at a time. */
static void told(void *ctx, struct str what, int64_t done, int64_t of)
{
    struct progress *p = ctx;

    if (p->calls++ % 20 != 0 && done != of)
        return;
    if (of > 0)
        fprintf(stderr, "\r\033[K%.*s: %lld of %lld", STR_ARG(what), (long long)done, (long long)of);
    else
        fprintf(stderr, "\r\033[K%.*s: %lld", STR_ARG(what), (long long)done);
    fflush(stderr);
    p->any = true;
}

static struct store_progress progress_of(struct progress *p)
{
    return (struct store_progress){ isatty(STDERR_FILENO) ? told : NULL, p };
}

static void progress_end(const struct progress *p)
{
    if (p->any)
        fputs("\r\033[K", stderr);
}

static void warn_of_missing(const struct backup_counts *c)
{
    if (c->missing > 0)
        fprintf(stderr, "slipway: warning: %lld files that the database names are not there, as %s\n",
                (long long)c->missing, c->first_missing);
}

static void print_counts(const struct args *a, const struct backup_counts *c, const char *words)
{
    if (args_json(a)) {
        AUTO_PTR(arena) arena = arena_new();
        struct jval *v = jval_new_object(arena);

        if (c->rows > 0)
            jval_set_int(arena, v, "rows", c->rows);
        jval_set_int(arena, v, "files", c->files);
        jval_set_int(arena, v, "bytes", c->bytes);
        jval_set_int(arena, v, "missing", c->missing);
        if (c->files_in[0])
            jval_set_cstr(arena, v, "files_in", c->files_in);
        admin_print_json(arena, v);
    } else {
        printf("%s: ", words);
        if (c->rows > 0)
            printf("%lld rows, counted on both sides, ", (long long)c->rows);
        if (c->files_in[0])
            printf("files stay in %s.\n", c->files_in);
        else
            printf("%lld files with %lld bytes.\n", (long long)c->files, (long long)c->bytes);
    }
    warn_of_missing(c);
}

/* The place that --data and --db name, as the server's own options do. */
static int place_of_args(struct io *io, struct arena *arena, const struct args *a, struct backup_place *ret,
                         struct err *e)
{
    int rc = role_db_url(io, a, &ret->db_url, e);

    ret->data_dir = args_text(a, "data") ? args_text(a, "data") : role_default_dir(io, arena, "server");
    return rc;
}

/* --- backup --- */

static int backup_run(struct io *io, const struct args *a, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct progress p = { 0 };
    struct backup_counts counts = { 0 };
    struct backup_options o = { .backup = args_operand(a, 0),
                                .acts_as = admin_operator(arena),
                                .progress = progress_of(&p) };
    int rc = place_of_args(io, arena, a, &o.from, e);

    rc = rc ? rc : backup_make(io, &o, &counts, e);
    progress_end(&p);
    if (rc == 0)
        print_counts(a, &counts, arena_printf(arena, "Backup in %s", o.backup));
    return rc;
}

static const struct option_row place_rows[] = { OPTION_DATA, OPTION_OUTPUT, OPTION_END };

const struct verb verb_admin_backup = {
    .name = "admin backup",
    .operands = "DIR",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "copy the database and all files into a new folder, also while the server runs",
    .details =
        "The database is of one moment, and the files are those that it names. A backup holds the keys' "
        "hashes and\neverything else: keep it as safe as the server. With --db the rows of PostgreSQL go "
        "into a SQLite file;\nfor databases of many GB its own pg_dump or archiving does that better, "
        "and --data is backed up by itself.\nFiles in a bucket (server --files) stay there: its object "
        "versioning or "
        "soft delete keeps what goes after the\nbackup.",
    .examples = "  slipway admin backup /backup/slipway-monday --data /var/lib/slipway",
    .rows = place_rows,
    .run = backup_run,
};

/* --- restore --- */

static int restore_run(struct io *io, const struct args *a, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct progress p = { 0 };
    struct backup_counts counts = { 0 };
    struct backup_options o = { .backup = args_operand(a, 0),
                                .acts_as = admin_operator(arena),
                                .progress = progress_of(&p) };
    int rc = place_of_args(io, arena, a, &o.to, e);

    rc = rc ? rc : backup_restore(io, &o, &counts, e);
    progress_end(&p);
    if (rc == 0)
        print_counts(a, &counts, arena_printf(arena, "Restored into %s", o.to.data_dir));
    return rc;
}

const struct verb verb_admin_restore = {
    .name = "admin restore",
    .operands = "DIR",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "make a data folder, or fill an empty PostgreSQL database, from a backup",
    .details =
        "--data must have no database yet, and --db no rows. Every file is checked against its SHA-256. "
        "What was cut\nshort is begun again by the same command.",
    .examples = "  slipway admin restore /backup/slipway-monday --data /var/lib/slipway-new",
    .rows = place_rows,
    .run = restore_run,
};

/* --- copy --- */

/* postgres://..., a data folder, or a SQLite file. */
static int place_parse(struct io *io, struct arena *a, const char *text, struct backup_place *ret,
                       struct err *e)
{
    struct str s = str_of(text);
    const char *slash = strrchr(text, '/');

    if (str_has_prefix(s, STR("postgres://")) || str_has_prefix(s, STR("postgresql://")))
        ret->db_url = text;
    else if (str_find(s, STR("://")) >= 0)
        return err_set(e, ERR_USAGE, "'%s' is neither a folder, a file nor an address postgres://...", text);
    else if (str_has_suffix(s, STR("slipway.db")))
        ret->data_dir = slash ? arena_cstr(a, (struct str){ text, (size_t)(slash - text) }) : ".";
    else if (str_has_suffix(s, STR(".db")))
        ret->db_file = text;
    else
        ret->data_dir = text;
    return 0;
}

static int copy_places(struct io *io, struct arena *arena, const struct args *a, struct backup_options *o,
                       struct err *e)
{
    const char *from = args_text(a, "from"), *to = args_text(a, "to");
    int rc;

    if (!from || !to)
        return err_set(e, ERR_USAGE, "--from and --to say what is copied where: %s is missing",
                       from ? "--to" : "--from");
    rc = place_parse(io, arena, from, &o->from, e);
    rc = rc ? rc : place_parse(io, arena, to, &o->to, e);
    if (rc == 0 && o->from.db_url && o->to.db_url)
        rc = err_set(e, ERR_USAGE, "both are PostgreSQL: its own pg_dump and pg_restore copy that");
    if (rc == 0 && args_text(a, "from-files"))
        o->from.data_dir = args_text(a, "from-files");
    if (rc == 0 && args_text(a, "to-files"))
        o->to.data_dir = args_text(a, "to-files");
    return rc;
}

static int copy_run(struct io *io, const struct args *a, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct progress p = { 0 };
    struct backup_counts counts = { 0 };
    struct backup_options o = { .acts_as = admin_operator(arena), .progress = progress_of(&p) };
    int rc = copy_places(io, arena, a, &o, e);

    rc = rc ? rc : backup_move(io, &o, &counts, e);
    progress_end(&p);
    if (rc < 0)
        return rc;
    print_counts(a, &counts, "Copied");
    if (o.from.data_dir && !o.to.data_dir && !args_json(a))
        printf("The files stay where they are. Next: slipway server --db URL --data %s\n", o.from.data_dir);
    return 0;
}

static const struct option_row copy_rows[] = {
    { "from", 0, OPTION_TEXT, "PLACE", "a data folder, a SQLite file, or postgres://...", 0, 0 },
    { "to", 0, OPTION_TEXT, "PLACE", "likewise; it must have nothing yet", 0, 0 },
    { "from-files", 0, OPTION_TEXT, "DIR", "the data folder with the files, when --from is none", 0, 0 },
    { "to-files", 0, OPTION_TEXT, "DIR", "the data folder that gets them (default: they stay)", 0, 0 },
    OPTION_OUTPUT,
    OPTION_END,
};

const struct verb verb_admin_copy = {
    .name = "admin copy",
    .operands = "",
    .summary = "move a server from SQLite to PostgreSQL, or back",
    .details =
        "Stop the servers first. All rows of all tables go over in one transaction, and are counted on "
        "both sides\nbefore it is committed: either all is there or nothing. Keys, ids and addresses stay "
        "what they are.",
    .examples = "  slipway admin copy --from /var/lib/slipway --to postgres://slipway@db/slipway\n"
                "  slipway admin copy --from postgres://slipway@db/slipway --from-files /srv/slipway --to "
                "/var/lib/slipway",
    .rows = copy_rows,
    .run = copy_run,
};

/* --- export --- */

static int line_print(void *ctx, struct str line, struct err *e)
{
    if (fwrite(line.ptr, 1, line.len, stdout) != line.len || fputc('\n', stdout) == EOF)
        return err_set_os(e, errno, "the export cannot be written");
    return 0;
}

static int export_run(struct io *io, const struct args *a, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct backup_options o = { 0 };
    struct store_export x = { .line = line_print };
    int rc = place_of_args(io, arena, a, &o.from, e);

    rc = rc ? rc : backup_export(io, &o, &x, e);
    if (rc == 0 && fflush(stdout))
        rc = err_set_os(e, errno, "the export cannot be written");
    return rc;
}

static const struct option_row export_rows[] = { OPTION_DATA, OPTION_END };

const struct verb verb_admin_export = {
    .name = "admin export",
    .operands = "",
    .summary = "print all tables as JSON lines, without hashes of keys and other secrets",
    .details =
        "For looking at with other programs, also while the server runs; docs/backup.md has the shape. "
        "The last line\nis {\"end\":true,...}: without it the export is not whole. It cannot be restored "
        "from: see 'admin backup'.",
    .examples = "  slipway admin export --data /var/lib/slipway > slipway.jsonl\n"
                "  slipway admin export | jq -c 'select(.table == \"runs\") | .row'",
    .rows = export_rows,
    .run = export_run,
};
