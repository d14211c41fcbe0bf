/* The Range header of a download, from arbitrary bytes: whatever it asks for, what is sent lies in the file.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILE_BYTES = 1000 };

/* A file of FILE_BYTES, made once. */
static const char *path_of_file(void)
{
    static char path[64];
    int fd;

    if (path[0])
        return path;
    fd = memfd_create("range", 0);
    if (fd < 0 || ftruncate(fd, FILE_BYTES) < 0)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return path;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_PTR(arena) a = arena_new();
    struct http_header range = { STR("Range"), { (const char *)data, size } };
    struct http_exchange x = { .a = a, .method = STR("GET"), .headers = &range, .header_count = 1 };
    char b[2 * FILE_BYTES];
    size_t read;
    struct err e = { 0 };

    if (http_reply_file(&x, path_of_file(), "text/plain", &e) < 0)
        abort();
    assert(x.file->left == 0 || (x.file->at < FILE_BYTES && x.file->left <= FILE_BYTES - x.file->at));
    assert(x.status == 200 || x.status == 206 || x.status == 416);
    assert(x.status != 200 || x.file->left == FILE_BYTES);
    assert((x.status == 416) == (x.file->left == 0));
    read = (size_t)x.file->left;
    assert(http_file_read(x.file, b, sizeof(b)) == read);
    http_file_close(x.file);
    return 0;
}
