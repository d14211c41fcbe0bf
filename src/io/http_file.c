/* io/http_file.c: files as replies, whole or in part (RFC 9110 14). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/http.h"

struct range {
    uint64_t at, len;
    bool is_part, is_outside;
};

static bool to_u64(struct str s, uint64_t *ret)
{
    int64_t n = 0;

    if (s.len == 0 || !str_to_i64(s, &n) || n < 0 || s.ptr[0] == '+')
        return false;
    *ret = (uint64_t)n;
    return true;
}

/* "A-B", "A-", "-N" to [at, end). */
static bool range_parse(struct str text, uint64_t size, uint64_t *ret_at, uint64_t *ret_end)
{
    struct str first = { 0 };
    uint64_t from = 0, to = 0;

    if (!str_cut(&text, '-', &first) || (text.len > 0 && !to_u64(text, &to)))
        return false;
    *ret_end = size;
    if (first.len == 0) {
        *ret_at = to < size ? size - to : 0;
        return text.len > 0;
    }
    if (!to_u64(first, &from) || (text.len > 0 && to < from))
        return false;
    *ret_at = from;
    if (text.len > 0 && to < size)
        *ret_end = to + 1;
    return true;
}

/* What is not understood, also several ranges, is left out of account, as the standard allows. */
static struct range range_of(struct http_exchange *x, uint64_t size)
{
    struct str text = http_header_get(x->headers, x->header_count, "Range");
    struct range r = { .len = size };
    uint64_t end = 0;

    if (!str_is(x->method, "GET") || !str_has_prefix(text, STR("bytes=")) ||
        !range_parse(str_sub(text, 6, text.len), size, &r.at, &end)) {
        r.at = 0;
        return r;
    }
    r.is_part = true;
    r.is_outside = r.at >= end;
    r.len = r.is_outside ? 0 : end - r.at;
    return r;
}

int http_reply_file(struct http_exchange *x, const char *path, const char *content_type, struct err *e)
{
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st = { 0 };
    struct range r;

    if (fd < 0 || fstat(fd, &st) < 0)
        return err_set_os(e, errno, "cannot open %s", path);
    r = range_of(x, (uint64_t)st.st_size);
    http_reply_header(x, "Content-Type", str_of(content_type));
    http_reply_header(x, "Accept-Ranges", STR("bytes"));
    x->status = r.is_outside ? 416 : r.is_part ? 206 : 200;
    if (r.is_outside)
        http_reply_header(x, "Content-Range",
                          str_of(arena_printf(x->a, "bytes */%llu", (unsigned long long)st.st_size)));
    else if (r.is_part)
        http_reply_header(
            x, "Content-Range",
            str_of(arena_printf(x->a, "bytes %llu-%llu/%llu", (unsigned long long)r.at,
                                (unsigned long long)(r.at + r.len - 1), (unsigned long long)st.st_size)));
    x->file = arena_alloc(x->a, sizeof(*x->file));
    *x->file = (struct http_file){ .fd = fd, .at = r.at, .left = r.len };
    fd = -1;
    return 0;
}

size_t http_file_read(struct http_file *f, char *b, size_t size)
{
    ssize_t n;

    if (size > f->left)
        size = (size_t)f->left;
    do
        n = size ? pread(f->fd, b, size, (off_t)f->at) : 0;
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return 0;
    f->at += (uint64_t)n;
    f->left -= (uint64_t)n;
    return (size_t)n;
}

void http_file_close(struct http_file *f)
{
    if (!f)
        return;
    (void)close(f->fd); /* only read from */
    f->fd = -1;
}
