/* cli/admin_prune.c: `slipway admin prune`: what is not kept for ever, now or only counted. */
#include <stdio.h>

#include "cli/admin.h"
#include "cli/roles.h"
#include "cli/verbs.h"
#include "server/retention.h"

/* What a pass works on. */
struct pruned {
    struct store *store;
    struct google *google;
    struct bucket *bucket;
    struct depot depot;
};

static void pruned_close(struct pruned *p)
{
    bucket_free(p->bucket);
    google_free(p->google);
    store_close(p->store);
}

static int open_store(struct io *io, struct arena *arena, const struct args *a, struct pruned *p,
                      struct err *e)
{
    struct store_options o = { 0 };
    int rc = role_db_url(io, a, &o.url, e);

    p->depot.io = io;
    p->depot.data_dir = args_text(a, "data") ? args_text(a, "data") : role_default_dir(io, arena, "server");
    o.path = arena_printf(arena, "%s/slipway.db", p->depot.data_dir);
    if (rc == 0 && !o.url && !file_exists(io, o.path))
        return err_set(e, ERR_NOT_FOUND, "there is no %s: --data names the server's folder", o.path);
    return rc < 0 ? rc : store_open(io, &o, &p->store, e);
}

/* The store says where its files are. */
static int open_files(struct io *io, struct arena *arena, struct pruned *p, struct err *e)
{
    struct str place = { 0 };
    int rc = store_files_place(p->store, arena, NULL, &place, e);

    if (rc == 0 && place.ptr)
        rc = role_bucket(io, arena_cstr(arena, place), &p->google, &p->bucket, e);
    p->depot.bucket = p->bucket;
    return rc;
}

/* --- only counting --- */

static const char *const kept_names[] = {
    [KEPT_HISTORY] = "history", [KEPT_FILES] = "files", [KEPT_ARTIFACTS] = "artifacts"
};

static struct jval *policy_json(struct arena *arena, enum store_kept kept, const struct store_prunable_by *by)
{
    static const char *const things[] = { "lines", "files", "versions" };
    struct jval *o = jval_new_object(arena);
    char keep[32];

    jval_set(arena, o, "entity", by->entity.ptr ? jval_new_str(arena, by->entity) : jval_new_null(arena));
    jval_set(arena, o, "project", by->project.ptr ? jval_new_str(arena, by->project) : jval_new_null(arena));
    jval_set_cstr(arena, o, "what", kept_names[kept]);
    jval_set_cstr(arena, o, "keep", keep_text(by->keep_ms, keep));
    jval_set_int(arena, o, "runs", by->runs);
    jval_set_int(arena, o, things[kept], by->things);
    if (kept != KEPT_HISTORY)
        jval_set_int(arena, o, "bytes", by->bytes);
    return o;
}

static struct store_prunable_by total(const struct store_prunable *n, enum store_kept kept)
{
    struct store_prunable_by sum = { 0 };

    for (size_t i = 0; i < n->by[kept].len; i++) {
        sum.runs += n->by[kept].items[i].runs;
        sum.things += n->by[kept].items[i].things;
        sum.bytes += n->by[kept].items[i].bytes;
    }
    return sum;
}

static void count_json(struct arena *arena, const struct store_prunable *n)
{
    struct jval *v = jval_new_object(arena), *list = jval_new_array(arena);
    struct store_prunable_by history = total(n, KEPT_HISTORY), files = total(n, KEPT_FILES),
                             versions = total(n, KEPT_ARTIFACTS);

    jval_set_bool(arena, v, "dry_run", true);
    jval_set_int(arena, v, "runs", history.runs);
    jval_set_int(arena, v, "lines", history.things);
    jval_set_int(arena, v, "files", files.things);
    jval_set_int(arena, v, "file_bytes", files.bytes);
    jval_set_int(arena, v, "versions", versions.things);
    jval_set_int(arena, v, "version_bytes", versions.bytes);
    jval_set_int(arena, v, "deleted_runs", n->deleted_runs);
    jval_set_int(arena, v, "artifacts", n->artifacts);
    jval_set_int(arena, v, "artifact_files", n->blobs);
    for (enum store_kept kept = 0; kept < KEPT_COUNT_; kept++)
        for (size_t i = 0; i < n->by[kept].len; i++)
            jval_push(arena, list, policy_json(arena, kept, &n->by[kept].items[i]));
    jval_set(arena, v, "policies", list);
    admin_print_json(arena, v);
}

static void count_lines(const struct store_prunable *n)
{
    static const char *const things[] = { "lines of runs", "files of runs", "versions of artifacts" };

    for (enum store_kept kept = 0; kept < KEPT_COUNT_; kept++)
        for (size_t i = 0; i < n->by[kept].len; i++) {
            const struct store_prunable_by *by = &n->by[kept].items[i];
            char keep[32];

            printf("Would go by the policy of %.*s%s%.*s, %s %s: %lld %s",
                   STR_ARG(by->entity.ptr ? by->entity : STR("the server")), by->project.ptr ? "/" : "",
                   STR_ARG(by->project), kept_names[kept], keep_text(by->keep_ms, keep),
                   (long long)by->things, things[kept]);
            if (kept != KEPT_HISTORY)
                printf(" with %lld bytes", (long long)by->bytes);
            printf(".\n");
        }
    printf(
        "Would go: %lld deleted runs; %lld deleted artifacts with %lld files, but for bytes that others have "
        "too.\n",
        (long long)n->deleted_runs, (long long)n->artifacts, (long long)n->blobs);
}

static int count(const struct retention_job *j, const struct args *a, struct arena *arena, struct err *e)
{
    struct store_prunable n = { 0 };
    int rc = retention_count(j, arena, &n, e);

    if (rc < 0)
        return rc;
    if (args_json(a))
        count_json(arena, &n);
    else
        count_lines(&n);
    return 0;
}

/* --- a pass --- */

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
    jval_set_int(arena, v, "versions", d.versions);
    jval_set_int(arena, v, "artifacts", d.artifacts);
    jval_set_int(arena, v, "blobs", d.blobs);
    jval_set_int(arena, v, "blob_bytes", d.blob_bytes);
    if (args_json(a))
        admin_print_json(arena, v);
    else
        printf(
            "Gone: %lld lines of %lld runs; %lld files of runs; %lld versions of artifacts; %lld files with "
            "%lld bytes of %lld deleted artifacts.\n",
            (long long)d.lines, (long long)d.runs, (long long)d.files, (long long)d.versions,
            (long long)d.blobs, (long long)d.blob_bytes, (long long)d.artifacts);
    return 0;
}

static int prune_run(struct io *io, const struct args *a, struct err *e)
{
    AUTO_PTR(arena) arena = arena_new();
    struct pruned p = { 0 };
    struct retention_job j = { .io = io,
                               .depot = &p.depot,
                               .by = { str_of(admin_operator(arena)), io_now_unix_ms(io) } };
    int rc = admin_keep(a, false, &j.keep.keep, e);

    rc = rc < 0 ? rc : open_store(io, arena, a, &p, e);
    rc = rc < 0 ? rc : open_files(io, arena, &p, e);
    j.store = p.store;
    if (rc == 0)
        rc = args_has(a, "dry-run") ? count(&j, a, arena, e) : prune(&j, a, arena, e);
    pruned_close(&p);
    return rc;
}

static const struct option_row prune_rows[] = {
    OPTION_DATA,   OPTION_KEEP, { "dry-run", 0, OPTION_FLAG, NULL, "only count what would go", 0, 0 },
    OPTION_OUTPUT, OPTION_END,
};

const struct verb verb_admin_prune = {
    .name = "admin prune",
    .operands = "",
    .summary = "remove what is not kept: history and files of old runs, artifacts that nothing holds",
    .details =
        "The server does this by itself, a little each minute, with the same options and by what 'admin\n"
        "retention' says of projects, which counts before them; this does all of it now, also while the "
        "server\nruns. Bytes of deleted artifacts go after an hour. Config, summary and state of a run stay.",
    .examples = "  slipway admin prune --dry-run --keep-history 180d --keep-files 30d\n  slipway admin prune",
    .rows = prune_rows,
    .run = prune_run,
};
