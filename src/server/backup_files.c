/* server/backup_files.c: copying the files that a store names, checked and synced. */
#include "server/backup_files.h"

#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "io/bulk.h"
#include "io/file.h"
#include "server/places.h"

int backup_file_copy(struct io *io, const struct backup_file *f, int64_t *ret_bytes, char ret_hex[65],
                     struct err *e)
{
    AUTO_STRBUF struct strbuf spool = STRBUF(4096);
    const char *const parts[] = { f->from, NULL };
    struct bulk_sums sums = { 0 };
    char hex[65];
    int rc;

    strbuf_addf(&spool, "%s.part", f->to);
    rc = strbuf_check(&spool, e);
    rc = rc < 0 ? rc : bulk_join(io, parts, strbuf_cstr(&spool), &sums, e);
    if (rc < 0)
        return rc;
    hex_encode(sums.sha256, sizeof(sums.sha256), hex);
    if (f->sha256.ptr && !str_is(f->sha256, hex)) {
        (void)!file_remove(io, strbuf_cstr(&spool), NULL);
        return err_set(e, ERR_INVALID, "%s is damaged: its SHA-256 is %s, and not %.*s", f->from, hex,
                       STR_ARG(f->sha256));
    }
    rc = bulk_keep(io, strbuf_cstr(&spool), f->to, e);
    if (rc == 0)
        *ret_bytes = (int64_t)sums.bytes;
    if (rc == 0 && ret_hex)
        memcpy(ret_hex, hex, sizeof(hex));
    return rc;
}

/* --- all of them --- */

static int copied(const struct backup_files *f, const struct backup_file *file, struct backup_counts *ret,
                  struct err *e)
{
    struct err why = { 0 };
    int64_t bytes = 0;
    int rc = backup_file_copy(f->io, file, &bytes, NULL, &why);

    if (rc == -ERR_NOT_FOUND) {
        if (ret->missing++ == 0)
            snprintf(ret->first_missing, sizeof(ret->first_missing), "%s", file->from);
        return 0;
    }
    if (rc < 0) {
        if (e)
            *e = why;
        return rc;
    }
    ret->files++;
    ret->bytes += bytes;
    if (f->progress->told)
        f->progress->told(f->progress->ctx, STR("files"), ret->files, 0);
    return 0;
}

static int blob_copy(const struct backup_files *f, struct str sha256, struct backup_counts *ret,
                     struct err *e)
{
    AUTO_STRBUF struct strbuf from = STRBUF(4096), folder = STRBUF(4096), to = STRBUF(4096);
    int rc = place_of_blob(&from, f->from, sha256, false, e);

    rc = rc < 0 ? rc : place_of_blob(&folder, f->to, sha256, true, e);
    rc = rc < 0 ? rc : place_of_blob(&to, f->to, sha256, false, e);
    rc = rc < 0 ? rc : file_mkdirs(f->io, strbuf_cstr(&folder), e);
    return rc < 0 ? rc
                  : copied(f, &(struct backup_file){ strbuf_cstr(&from), strbuf_cstr(&to), sha256 }, ret, e);
}

static int run_file_copy(const struct backup_files *f, const struct store_run_file *r,
                         struct backup_counts *ret, struct err *e)
{
    AUTO_STRBUF struct strbuf from = STRBUF(4096), folder = STRBUF(4096), to = STRBUF(4096);
    int rc = place_of_run_file(&from, f->from, r->run_id, r->name, e);

    rc = rc < 0 ? rc : place_of_run_file(&folder, f->to, r->run_id, (struct str){ 0 }, e);
    rc = rc < 0 ? rc : place_of_run_file(&to, f->to, r->run_id, r->name, e);
    rc = rc < 0 ? rc : file_mkdirs(f->io, strbuf_cstr(&folder), e);
    return rc < 0 ? rc
                  : copied(f, &(struct backup_file){ strbuf_cstr(&from), strbuf_cstr(&to), { 0 } }, ret, e);
}

static int blobs_copy(const struct backup_files *f, struct backup_counts *ret, struct err *e)
{
    char last[65] = "";
    size_t len = STORE_FILES_PAGE;
    int rc = 0;

    while (rc == 0 && len == STORE_FILES_PAGE) {
        AUTO_PTR(arena) a = arena_new();
        struct str *list = NULL;

        rc = store_blob_list(f->store, a, str_of(last), &list, &len, e);
        for (size_t i = 0; rc == 0 && i < len; i++)
            rc = blob_copy(f, list[i], ret, e);
        if (rc == 0 && len > 0)
            snprintf(last, sizeof(last), "%.*s", STR_ARG(list[len - 1]));
    }
    return rc;
}

static int run_files_copy(const struct backup_files *f, struct backup_counts *ret, struct err *e)
{
    AUTO_STRBUF struct strbuf name = STRBUF(4096);
    struct store_run_file last = { 0 };
    size_t len = STORE_FILES_PAGE;
    int rc = 0;

    while (rc == 0 && len == STORE_FILES_PAGE) {
        AUTO_PTR(arena) a = arena_new();
        struct store_run_file *list = NULL;

        rc = store_run_file_list(f->store, a, &last, &list, &len, e);
        for (size_t i = 0; rc == 0 && i < len; i++)
            rc = run_file_copy(f, &list[i], ret, e);
        if (rc < 0 || len == 0)
            break;
        strbuf_reset(&name);
        strbuf_add(&name, list[len - 1].name);
        last = (struct store_run_file){ list[len - 1].run_id, strbuf_str(&name) };
    }
    return rc;
}

int backup_files_copy(const struct backup_files *f, struct backup_counts *ret, struct err *e)
{
    AUTO_PTR(arena) a = arena_new();
    struct str place = { 0 };
    int rc = store_files_place(f->store, a, NULL, &place, e);

    if (rc == 0 && place.ptr) {
        snprintf(ret->files_in, sizeof(ret->files_in), "%.*s", STR_ARG(place));
        return 0;
    }
    rc = rc < 0 ? rc : blobs_copy(f, ret, e);
    return rc < 0 ? rc : run_files_copy(f, ret, e);
}
