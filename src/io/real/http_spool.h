/* io/real/http_spool.h: a request's body that is too long for memory, in a file. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct http_spool {  /* what a server allows; borrowed by its parsers */
    const char *dir; /* NULL: nothing */
    uint64_t max_bytes;
    bool (*admit)(void *ctx, struct str method, struct str path);
    void *ctx;
};
struct http_spooled { /* one body; zeroed: none */
    char *path;       /* NULL: none */
    int fd;
    uint64_t bytes, unflushed;
};

/** http_spool_admits() - @target as it stands in the request line. */
bool http_spool_admits(const struct http_spool *s, struct str method, struct str target, uint64_t bytes);
/* false: the disk does not take it. */
bool http_spool_open(const struct http_spool *s, struct http_spooled *ret);
bool http_spool_add(struct http_spooled *f, struct str data);
/** http_spool_close() - no more comes; the file stays. */
void http_spool_close(struct http_spooled *f);
/** http_spool_drop() - close and remove; a no-op for none. */
void http_spool_drop(struct http_spooled *f);
