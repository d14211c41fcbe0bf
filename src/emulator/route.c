/* emulator/route.c: request paths in parts. */
#include "emulator/route.h"

struct route route_split(struct str path)
{
    struct route r = { .count = 0 };
    struct str rest = str_sub(path, 1, path.len), part = { NULL, 0 };
    ptrdiff_t colon;

    while (str_cut(&rest, '/', &part)) {
        if (r.count == ROUTE_PARTS || part.len == 0)
            return (struct route){ .count = 0 };
        r.part[r.count++] = part;
    }
    if (r.count == 0)
        return r;
    colon = str_find(r.part[r.count - 1], STR(":"));
    if (colon >= 0) {
        part = r.part[r.count - 1];
        r.part[r.count - 1] = str_sub(part, 0, (size_t)colon);
        r.verb = str_sub(part, (size_t)colon + 1, part.len);
    }
    return r;
}

bool route_is(const struct route *r, const char *pattern)
{
    struct str rest = str_of(pattern), word = { NULL, 0 };
    size_t n = 0;

    while (str_cut(&rest, '/', &word)) {
        if (n == r->count || !(str_is(word, "*") || str_eq(word, r->part[n])))
            return false;
        n++;
    }
    return n == r->count && n > 0;
}

struct str route_tail(const struct route *r, size_t from)
{
    const struct str *last;

    if (from >= r->count)
        return (struct str){ NULL, 0 };
    last = &r->part[r->count - 1];
    return (struct str){ r->part[from].ptr, (size_t)(last->ptr + last->len - r->part[from].ptr) };
}
