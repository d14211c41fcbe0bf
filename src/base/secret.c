/* base/secret.c: values that must not be seen. */
#include "base/secret.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct secret {
    size_t len;
    char bytes[];
};

struct secret *secret_new(struct str value)
{
    struct secret *s = xmalloc(sizeof(*s) + value.len + 1);

    s->len = value.len;
    if (value.len)
        memcpy(s->bytes, value.ptr, value.len);
    s->bytes[value.len] = '\0';
    return s;
}

void secret_free(struct secret *s)
{
    if (!s)
        return;
    mem_wipe(s->bytes, s->len);
    free(s);
}

struct secret *secret_dup(const struct secret *s)
{
    return secret_new(secret_unwrap(s));
}

bool secret_text_eq(struct str a, struct str b)
{
    unsigned char differ = 0;

    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        differ |= (unsigned char)(a.ptr[i] ^ b.ptr[i]);
    return differ == 0;
}

bool secret_eq(const struct secret *a, const struct secret *b)
{
    return secret_text_eq(secret_unwrap(a), secret_unwrap(b));
}

size_t secret_len(const struct secret *s)
{
    return s->len;
}

struct str secret_unwrap(const struct secret *s)
{
    return (struct str){ s->bytes, s->len };
}

void mem_wipe(void *p, size_t len)
{
    explicit_bzero(p, len);
}
