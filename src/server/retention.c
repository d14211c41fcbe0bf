/*
 * server/retention.c: passes over what is not kept.
 *
 * Bytes that no artifact names may be uploaded again at any moment, by a client of any server on this folder.
 * An upload puts the file in place, then names it in the store, then looks whether the file is there. Here it
 * is taken away first, then the store is asked, and it is put back when it is named. So either the store is
 * asked after it was named, or the upload looks after it was taken away, and fails, and the client sends it
 * again.
 *
 * In a bucket nothing can be moved away at once, so it is the store that keeps uploads off: bytes that nobody
 * names are doomed there, in one transaction, and from then on no upload can name them until they have gone
 * and the store has forgotten that. An upload that names them just after that finds that they are not there.
 */
#include "server/retention.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/log.h"
#include "io/bulk.h"
#include "io/file.h"
#include "server/places.h"

enum { PENDING_KEPT_MS = 7 * 24 * 60 * 60 * 1000 }; /* addresses of uploads are good for a day */

static struct store_keep keep_of(const struct retention_job *j)
{
    int64_t now = j->by.now_unix_ms;

    return (struct store_keep){ .now_unix_ms = now,
                                .keep = j->keep.keep,
                                .pending_unix_ms = now - PENDING_KEPT_MS,
                                .deleted_unix_ms = now - j->keep.deleted_ms };
}

int retention_count(const struct retention_job *j, struct arena *a, struct store_prunable *ret, struct err *e)
{
    const struct store_keep keep = keep_of(j);

    return store_prunable(j->store, a, &keep, ret, e);
}

static bool may_step(const struct retention_job *j, int64_t *steps)
{
    return j->steps == 0 || (*steps)++ < j->steps;
}

/* --- runs --- */

static int lines_go(const struct retention_job *j, const struct store_keep *keep, struct retention_done *d,
                    struct err *e)
{
    int64_t lines = 1, runs = 0, steps = 0;
    int rc = 0;

    while (rc == 0 && lines + runs > 0 && may_step(j, &steps)) {
        rc = store_prune_lines(j->store, keep, &lines, &runs, e);
        d->lines += rc == 0 ? lines : 0;
        d->runs += rc == 0 ? runs : 0;
    }
    return rc;
}

int retention_drop_file(const struct retention_job *j, const struct store_run_file *f,
                        const struct store_by *by, struct err *e)
{
    int rc = depot_remove(j->depot, &(struct depot_item){ .run_id = f->run_id, .name = f->name }, e);

    return rc < 0 ? rc : store_run_file_forget(j->store, f, by, e);
}

static int files_go(const struct retention_job *j, const struct store_keep *keep, struct retention_done *d,
                    struct err *e)
{
    int64_t steps = 0;
    size_t len = 1;
    int rc = 0;

    while (rc == 0 && len > 0 && may_step(j, &steps)) {
        AUTO_PTR(arena) a = arena_new();
        struct store_run_file *list = NULL;

        rc = store_prune_file_list(j->store, a, keep, &list, &len, e);
        for (size_t i = 0; rc == 0 && i < len; i++) {
            rc = retention_drop_file(j, &list[i], NULL, e);
            d->files += rc == 0;
        }
    }
    return rc;
}

static int deleted_go(const struct retention_job *j, struct retention_done *d, struct err *e)
{
    struct store_deleted step = { .more = true };
    int64_t steps = 0;
    int rc = 0;

    while (rc == 0 && step.more && may_step(j, &steps)) {
        rc = store_deleted_step(j->store, &step, e);
        d->lines += rc == 0 ? step.lines : 0;
        d->runs += rc == 0 ? step.runs : 0;
    }
    return rc;
}

/* --- artifacts --- */

static int versions_go(const struct retention_job *j, const struct store_keep *keep, struct retention_done *d,
                       struct err *e)
{
    int64_t steps = 0;
    size_t len = 1;
    int rc = 0;

    while (rc == 0 && len > 0 && may_step(j, &steps)) {
        AUTO_PTR(arena) a = arena_new();
        int64_t *list = NULL;

        rc = store_prune_version_list(j->store, a, keep, &list, &len, e);
        for (size_t i = 0; rc == 0 && i < len; i++) {
            bool went = false;

            rc = store_prune_version(j->store, list[i], keep, &j->by, &went, e);
            d->versions += rc == 0 && went;
        }
    }
    return rc;
}

static int artifacts_go(const struct retention_job *j, const struct store_keep *keep,
                        struct retention_done *d, struct err *e)
{
    struct store_emptied done = { .files = 1 };
    int64_t steps = 0;
    int rc = 0;

    while (rc == 0 && done.files + done.artifacts > 0 && may_step(j, &steps)) {
        rc = store_prune_artifact(j->store, keep, &done, e);
        d->artifacts += rc == 0 ? done.artifacts : 0;
    }
    return rc;
}

static int blob_remove(const struct retention_job *j, const char *gone, struct retention_done *d,
                       struct err *e)
{
    struct stat st = { 0 };
    int rc;

    (void)stat(gone, &st); /* for the count alone */
    rc = file_remove(j->io, gone, e);
    if (rc == 0) {
        d->blobs++;
        d->blob_bytes += st.st_size;
    }
    return rc;
}

static int blob_of_folder_go(const struct retention_job *j, struct str sha256, struct retention_done *d,
                             struct err *e)
{
    AUTO_STRBUF struct strbuf path = STRBUF(4096), gone = STRBUF(4096);
    bool named = false;
    int rc = place_of_blob(&path, j->depot->data_dir, sha256, false, e);

    strbuf_addf(&gone, "%s.gone", strbuf_cstr(&path));
    rc = rc < 0 ? rc : strbuf_check(&gone, e);
    rc = rc < 0 ? rc : store_blob_named(j->store, sha256, &named, e);
    if (rc == 0 && !named) /* else nobody is to miss it, not for a moment */
        rc = bulk_keep(j->io, strbuf_cstr(&path), strbuf_cstr(&gone), e);
    if (rc == -ERR_NOT_FOUND) /* taken away by one that did not come further */
        rc = 0;
    rc = rc < 0 ? rc : store_blob_named(j->store, sha256, &named, e);
    if (rc == 0 && named && file_exists(j->io, strbuf_cstr(&gone)))
        rc = bulk_keep(j->io, strbuf_cstr(&gone), strbuf_cstr(&path), e);
    else if (rc == 0 && !named && file_exists(j->io, strbuf_cstr(&gone)))
        rc = blob_remove(j, strbuf_cstr(&gone), d, e);
    return rc;
}

static int blob_of_bucket_go(const struct retention_job *j, struct str sha256, struct retention_done *d,
                             struct err *e)
{
    bool doomed = false;
    int rc = store_blob_doom(j->store, sha256, &doomed, e);

    if (rc < 0 || !doomed)
        return rc;
    rc = depot_remove(j->depot, &(struct depot_item){ .sha256 = sha256 }, e);
    d->blobs += rc == 0;
    return rc;
}

static int blob_go(const struct retention_job *j, struct str sha256, struct retention_done *d, struct err *e)
{
    int rc = j->depot->bucket ? blob_of_bucket_go(j, sha256, d, e) : blob_of_folder_go(j, sha256, d, e);

    return rc < 0 ? rc : store_dropped_forget(j->store, sha256, e);
}

static int blobs_go(const struct retention_job *j, struct retention_done *d, struct err *e)
{
    char last[65] = "";
    int64_t steps = 0;
    size_t len = 1;
    int rc = 0;

    while (rc == 0 && len > 0 && may_step(j, &steps)) {
        AUTO_PTR(arena) a = arena_new();
        struct str *list = NULL;

        rc = store_dropped_list(j->store, a, &(struct store_dropped_query){ str_of(last), j->by.now_unix_ms },
                                &list, &len, e);
        for (size_t i = 0; rc == 0 && i < len; i++)
            rc = blob_go(j, list[i], d, e);
        if (rc == 0 && len > 0)
            snprintf(last, sizeof(last), "%.*s", STR_ARG(list[len - 1]));
    }
    return rc;
}

/* --- a pass --- */

static int pass(const struct retention_job *j, struct retention_done *d, struct err *e)
{
    const struct store_keep keep = keep_of(j);
    int rc = lines_go(j, &keep, d, e);

    rc = rc < 0 ? rc : files_go(j, &keep, d, e);
    rc = rc < 0 ? rc : deleted_go(j, d, e);
    rc = rc < 0 ? rc : versions_go(j, &keep, d, e);
    rc = rc < 0 ? rc : artifacts_go(j, &keep, d, e);
    return rc < 0 ? rc : blobs_go(j, d, e);
}

static int note(const struct retention_job *j, const struct retention_done *d, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();

    if (d->runs + d->lines + d->files + d->versions + d->artifacts + d->blobs == 0)
        return 0;
    LOG_INFO("server.retention",
             "runs=%lld lines=%lld files=%lld versions=%lld artifacts=%lld blobs=%lld bytes=%lld",
             (long long)d->runs, (long long)d->lines, (long long)d->files, (long long)d->versions,
             (long long)d->artifacts, (long long)d->blobs, (long long)d->blob_bytes);
    return store_note(
        j->store, "retention.prune",
        arena_printf(a,
                     "%lld lines of runs, %lld files of runs, %lld versions of artifacts, bytes "
                     "of %lld deleted artifacts in %lld files",
                     (long long)d->lines, (long long)d->files, (long long)d->versions,
                     (long long)d->artifacts, (long long)d->blobs),
        &j->by, e);
}

int retention_run(const struct retention_job *j, struct retention_done *ret, struct err *e)
{
    AUTO_STRBUF struct strbuf path = STRBUF(4096);
    struct retention_done d = { 0 };
    struct file_lock *lock = NULL;
    int rc, noted;

    strbuf_addf(&path, "%s/" PLACE_BACKUP_LOCK, j->depot->data_dir);
    rc = strbuf_check(&path, e);
    rc = rc < 0 ? rc : file_lock(j->io, strbuf_cstr(&path), &lock, e);
    if (rc < 0)
        return rc == -ERR_CONFLICT ? err_wrap(e, "a backup is being made, or another process prunes") : rc;
    rc = pass(j, &d, e);
    noted = note(j, &d, rc < 0 ? NULL : e); /* also of what was done before a failure */
    file_unlock(lock);
    ret->runs += d.runs;
    ret->lines += d.lines;
    ret->files += d.files;
    ret->versions += d.versions;
    ret->artifacts += d.artifacts;
    ret->blobs += d.blobs;
    ret->blob_bytes += d.blob_bytes;
    return rc < 0 ? rc : noted;
}
