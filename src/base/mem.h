/* base/mem.h: allocation that never fails: out of memory aborts (the journal makes a crash safe). */
#pragma once

#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size); /* checks count * size for overflow */
void *xrealloc(void *p, size_t size);
/* For libraries through whose memory secrets go: what is freed, or left behind by growing, is overwritten. */
void mem_free_wiped(void *p);                  /* NULL is a no-op */
void *mem_realloc_wiped(void *p, size_t size); /* as xrealloc() */
char *xstrdup(const char *s);                  /* NULL gives NULL */
char *xstrndup(const char *s, size_t len);
