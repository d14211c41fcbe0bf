/*
 * io/real/http_spool.c: bodies into files. Written from the loop, as it comes, into the system's cache; the
 * system is told to write out early, so that no large heap of it comes due at once.
 */
#include "io/real/http_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/http.h"
#include "io/io_internal.h"

enum { FLUSH_EVERY_BYTES = 8 << 20 };

bool http_spool_admits(const struct http_spool *s, struct str method, struct str target, uint64_t bytes)
{
    AUTO_PTR(arena) a = arena_new();
    struct str path = { 0 };

    if (!s || !s->dir || bytes > s->max_bytes)
        return false;
    (void)str_cut(&target, '?', &path);
    return s->admit(s->ctx, method, http_percent_decode(a, path, false));
}

bool http_spool_open(const struct http_spool *s, struct http_spooled *ret)
{
    size_t size = strlen(s->dir) + sizeof("/body-XXXXXX");
    char *path = xmalloc(size);
    int fd;

    snprintf(path, size, "%s/body-XXXXXX", s->dir);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0) {
        free(path);
        return false;
    }
    *ret = (struct http_spooled){ .path = path, .fd = fd };
    return true;
}

bool http_spool_add(struct http_spooled *f, struct str data)
{
    while (data.len > 0) {
        ssize_t n = write(f->fd, data.ptr, data.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data = str_sub(data, (size_t)n, data.len);
        f->bytes += (uint64_t)n;
        f->unflushed += (uint64_t)n;
    }
    if (f->unflushed >= FLUSH_EVERY_BYTES) {
        /* only a hint: what is promised is promised by the fsync of who keeps the file */
        (void)sync_file_range(f->fd, (off_t)(f->bytes - f->unflushed), (off_t)f->unflushed,
                              SYNC_FILE_RANGE_WRITE);
        f->unflushed = 0;
    }
    return true;
}

void http_spool_close(struct http_spooled *f)
{
    if (f->path && f->fd >= 0)
        (void)close(f->fd); /* a lost write shows at the fsync of who keeps the file, or in its digest */
    f->fd = -1;
}

void http_spool_drop(struct http_spooled *f)
{
    if (!f->path)
        return;
    http_spool_close(f);
    (void)unlink(f->path); /* it may have been moved away */
    free(f->path);
    *f = (struct http_spooled){ 0 };
}
