/* io/bulk.c: large files on worker threads. Nothing here touches the loop but io_work(). */
#include "io/bulk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/mem.h"

enum { PIECE_BYTES = 1 << 20 };

struct bulk {
    const char *path, *to;
    const char *const *parts;
    struct str data;
    int64_t before_unix_s;
    struct bulk_range range;
    char *piece; /* room for it */
    size_t got;
    struct bulk_sums sums;
    struct digest *md5, *sha256;
    int rc;
    struct err e;
};

static void sums_begin(struct bulk *b)
{
    b->md5 = digest_new(DIGEST_MD5);
    b->sha256 = digest_new(DIGEST_SHA256);
}

static void sums_add(struct bulk *b, struct str data)
{
    digest_add(b->md5, data);
    digest_add(b->sha256, data);
    b->sums.bytes += data.len;
}

static void sums_end(struct bulk *b)
{
    digest_end(b->md5, b->sums.md5);
    digest_end(b->sha256, b->sums.sha256);
}

static int failed(struct bulk *b, const char *path)
{
    b->rc = err_set_os(&b->e, errno, "cannot handle %s", path);
    return b->rc;
}

static bool write_all(int fd, struct str data)
{
    while (data.len > 0) {
        ssize_t n = write(fd, data.ptr, data.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        data = str_sub(data, (size_t)n, data.len);
    }
    return true;
}

/* Sums @path up, and copies it to @out unless that is below 0. */
static int pass(struct bulk *b, const char *path, int out)
{
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *piece;
    ssize_t n = 0;
    bool written = true;

    if (fd < 0)
        return failed(b, path);
    piece = xmalloc(PIECE_BYTES);
    while (written && ((n = read(fd, piece, PIECE_BYTES)) > 0 || (n < 0 && errno == EINTR))) {
        if (n < 0)
            continue;
        sums_add(b, (struct str){ piece, (size_t)n });
        written = out < 0 || write_all(out, (struct str){ piece, (size_t)n });
    }
    free(piece);
    return n < 0 || !written ? failed(b, path) : 0;
}

static void sum_work(void *arg)
{
    struct bulk *b = arg;

    sums_begin(b);
    b->rc = pass(b, b->path, -1);
    sums_end(b);
}

static int create(struct bulk *b)
{
    int fd = open(b->to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0)
        failed(b, b->to);
    return fd;
}

static void write_work(void *arg)
{
    struct bulk *b = arg;
    AUTO_FD int fd = create(b);

    if (fd < 0)
        return;
    sums_begin(b);
    sums_add(b, b->data);
    sums_end(b);
    if (!write_all(fd, b->data)) {
        failed(b, b->to);
        (void)unlink(b->to); /* the first failure is the one to tell */
    }
}

static void join_work(void *arg)
{
    struct bulk *b = arg;
    AUTO_FD int fd = create(b);

    if (fd < 0)
        return;
    sums_begin(b);
    for (const char *const *p = b->parts; b->rc == 0 && *p; p++)
        b->rc = pass(b, *p, fd);
    sums_end(b);
    if (b->rc < 0)
        (void)unlink(b->to);
}

static void piece_work(void *arg)
{
    struct bulk *b = arg;
    AUTO_FD int fd = open(b->path, O_RDONLY | O_CLOEXEC);
    ssize_t n = 1;

    while (fd >= 0 && b->got < b->range.max && n != 0) {
        n = pread(fd, b->piece + b->got, b->range.max - b->got, (off_t)(b->range.from + b->got));
        if (n < 0 && errno != EINTR)
            break;
        b->got += n > 0 ? (size_t)n : 0;
    }
    if (fd < 0 || n < 0)
        failed(b, b->path);
}

static void append_work(void *arg)
{
    struct bulk *b = arg;
    AUTO_FD int fd = open(b->to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    if (fd < 0 || !write_all(fd, b->data))
        failed(b, b->to);
}

static int sync_path(struct bulk *b, const char *path, int flags)
{
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | flags);

    return fd < 0 || fsync(fd) < 0 ? failed(b, path) : 0;
}

static void keep_work(void *arg)
{
    struct bulk *b = arg;
    char *folder = xstrdup(b->to);
    char *slash = strrchr(folder, '/');

    if (sync_path(b, b->path, 0) == 0 && rename(b->path, b->to) < 0)
        failed(b, b->to);
    if (b->rc == 0 && slash) {
        *slash = '\0';
        (void)sync_path(b, folder, O_DIRECTORY);
    }
    free(folder);
}

static void clear(struct bulk *b)
{
    DIR *d = opendir(b->path);

    if (!d && errno != ENOENT)
        failed(b, b->path);
    if (!d)
        return;
    for (struct dirent *entry = readdir(d); entry && b->rc == 0; entry = readdir(d)) {
        struct stat st = { 0 };

        if (fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
            st.st_mtime > b->before_unix_s)
            continue; /* what has gone meanwhile is as well */
        if (unlinkat(dirfd(d), entry->d_name, 0) < 0 && errno != ENOENT)
            failed(b, b->path);
    }
    (void)closedir(d);
}

static int run(struct io *io, void (*fn)(void *arg), struct bulk *b, struct err *e)
{
    int rc = io_work(io, fn, b, e);

    if (rc < 0)
        return rc;
    if (b->rc < 0 && e)
        *e = b->e;
    return b->rc;
}

int bulk_sum(struct io *io, const char *path, struct bulk_sums *ret, struct err *e)
{
    struct bulk b = { .path = path };
    int rc = run(io, sum_work, &b, e);

    if (rc == 0)
        *ret = b.sums;
    return rc;
}

int bulk_write(struct io *io, const char *path, struct str data, struct bulk_sums *ret, struct err *e)
{
    struct bulk b = { .to = path, .data = data };
    int rc = run(io, write_work, &b, e);

    if (rc == 0)
        *ret = b.sums;
    return rc;
}

int bulk_join(struct io *io, const char *const *parts, const char *path, struct bulk_sums *ret, struct err *e)
{
    struct bulk b = { .to = path, .parts = parts };
    int rc = run(io, join_work, &b, e);

    if (rc == 0)
        *ret = b.sums;
    return rc;
}

int bulk_piece(struct io *io, struct arena *a, const char *path, const struct bulk_range *range,
               struct str *ret, struct err *e)
{
    struct bulk b = { .path = path, .range = *range, .piece = arena_alloc(a, range->max + 1) };
    int rc = run(io, piece_work, &b, e);

    if (rc == 0)
        *ret = (struct str){ b.piece, b.got };
    return rc;
}

int bulk_append(struct io *io, const char *path, struct str data, struct err *e)
{
    struct bulk b = { .to = path, .data = data };

    return run(io, append_work, &b, e);
}

int bulk_keep(struct io *io, const char *from, const char *to, struct err *e)
{
    struct bulk b = { .path = from, .to = to };

    return run(io, keep_work, &b, e);
}

int bulk_clear(struct io *io, const char *folder, int64_t older_than_s, struct err *e)
{
    struct bulk b = { .path = folder, .before_unix_s = time(NULL) - older_than_s };

    if (io_cancelled(io))
        return err_set(e, ERR_CANCELLED, "%s: cancelled", folder);
    clear(&b);
    if (b.rc < 0 && e)
        *e = b.e;
    return b.rc;
}
