/* cli/admin_prune.c: `slipway admin prune`: what is not kept for ever, now or only counted. */
#include <stdio.h>

#include "cli/admin.h"
#include "cli/roles.h"
#include "cli/verbs.h"
#include "server/retention.h"

static int keep_of_args(const struct args *a, struct retention *ret, struct err *e)
{
    int rc = admin_time(a, "keep-history", &ret->history_ms, e);

    return rc < 0 ? rc : admin_time(a, "keep-files", &ret->files_ms, e);
}

static int open_job(struct io *io, struct arena *arena, const struct args *a, struct retention_job *j,
                    struct store **ret, struct err *e)
{
    struct store_options o = { 0 };
    int rc = role_db_url(io, a, &o.url, e);

    j->data_dir = args_text(a, "data") ? args_text(a, "data") : role_default_dir(io, arena, "server");
    o.path = arena_printf(arena, "%s/slipway.db", j->data_dir);
    if (rc == 0 && !o.url && !file_exists(io, o.path))
        return err_set(e, ERR_NOT_FOUND, "there is no %s: --data names the server's folder", o.path);
    rc = rc < 0 ? rc : keep_of_args(a, &j->keep, e);
    rc = rc < 0 ? rc : store_open(io, &o, ret, e);
    j->store = *ret;
    return rc;
}

static int count(const struct retention_job *j, const struct args *a, struct arena *arena, struct err *e)
{
    struct store_prunable n = { 0 };
    struct jval *v = jval_new_object(arena);
    int rc = retention_count(j, &n, e);

    if (rc < 0)
        return rc;
    jval_set_bool(arena, v, "dry_run", true);
    jval_set_int(arena, v, "runs", n.runs);
    jval_set_int(arena, v, "lines", n.lines);
    jval_set_int(arena, v, "files", n.files);
    jval_set_int(arena, v, "file_bytes", n.file_bytes);
    jval_set_int(arena, v, "artifacts", n.artifacts);
    jval_set_int(arena, v, "artifact_files", n.blobs);
    if (args_json(a))
        admin_print_json(arena, v);
    else
        printf("Would go: %lld lines of %lld runs; %lld files of runs with %lld bytes; %lld deleted "
               "artifacts with "
               "%lld files, but for bytes that others have too.\n",
               (long long)n.lines, (long long)n.runs, (long long)n.files, (long long)n.file_bytes,
               (long long)n.artifacts, (long long)n.blobs);
    return 0;
}

static int prune(const struct retention_job *j, const struct args *a, struct arena *arena, struct err *e)
{
    struct retention_done d = { 0 };
    struct jval *v = jval_new_object(arena);
    int rc = retention_run(j, &d, e);

    if (rc < 0)
        return rc;
    jval_set_int(arena, v, "runs", d.runs);
    jval_set_int(arena, v, "lines", d.lines);
    jval_set_int(arena, v, "files", d.files);
    jval_set_int(arena, v, "artifacts", d.artifacts);
    jval_set_int(arena, v, "blobs", d.blobs);
    jval_set_int(arena, v, "blob_bytes", d.blob_bytes);
    if (args_json(a))
        admin_print_json(arena, v);
    else
        printf(
            "Gone: %lld lines of %lld runs; %lld files of runs; %lld files with %lld bytes of %lld deleted "
            "artifacts.\n",
            (long long)d.lines, (long long)d.runs, (long long)d.files, (long long)d.blobs,
            (long long)d.blob_bytes, (long long)d.artifacts);
    return 0;
}

static int prune_run(struct io *io, const struct args *a, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    AUTO_PTR(store) store = NULL;
    struct retention_job j = { .io = io, .by = { str_of(admin_operator(arena)), io_now_unix_ms(io) } };
    int rc = open_job(io, arena, a, &j, &store, e);

    if (rc < 0)
        return rc;
    return args_has(a, "dry-run") ? count(&j, a, arena, e) : prune(&j, a, arena, e);
}

static const struct option_row prune_rows[] = {
    OPTION_DATA,   OPTION_KEEP, { "dry-run", 0, OPTION_FLAG, NULL, "only count what would go", 0, 0 },
    OPTION_OUTPUT, OPTION_END,
};

const struct verb verb_admin_prune = {
    .name = "admin prune",
    .operands = "",
    .summary = "remove what is not kept: bytes of deleted artifacts, history and files of old runs",
    .details = "The server does this by itself, a little each minute, with the same options; this does all "
               "of it now, "
               "also while the\nserver runs. Config, summary and state of a run stay, and so do artifacts "
               "that nobody "
               "deleted.",
    .examples = "  slipway admin prune --dry-run --keep-history 180d --keep-files 30d\n  slipway admin prune",
    .rows = prune_rows,
    .run = prune_run,
};
