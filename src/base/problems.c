/* base/problems.c: all that is wrong with an input, at once. */
#include "base/problems.h"

#include <stdarg.h>
#include <string.h>

enum { MAX_TEXT = 4096 };

static struct problem *slot(struct problems *p)
{
    if (p->len >= PROBLEMS_KEPT)
        return NULL;
    p->items = arena_grow(p->a, p->items, p->len, &p->cap, sizeof(*p->items));
    return &p->items[p->len++];
}

struct problem *problem_add(struct problems *p, enum problem_level level, struct jval_pos pos,
                            const char *path, const char *fmt, ...)
{
    AUTO_STRBUF struct strbuf text = STRBUF(MAX_TEXT);
    struct problem *item = slot(p);
    va_list ap;

    if (level == PROBLEM_ERROR)
        p->errors++;
    else
        p->warnings++;
    if (!item)
        return NULL;
    va_start(ap, fmt);
    strbuf_vaddf(&text, fmt, ap);
    va_end(ap);
    *item = (struct problem){ .level = level, .pos = pos, .path = arena_strdup(p->a, path ? path : "") };
    item->text = text.full ? "(a message too long to show)" : arena_cstr(p->a, strbuf_str(&text));
    return item;
}

void problem_hint(struct problem *item, const char *expected, const char *suggestion)
{
    if (!item)
        return;
    item->expected = expected;
    item->suggestion = suggestion;
}

static bool is_behind(const struct problem *a, const struct problem *b)
{
    struct jval_pos x = a->pos, y = b->pos;

    if (!x.line || !y.line)
        return !x.line && y.line;
    return x.line != y.line ? x.line > y.line : x.column > y.column;
}

static bool is_same(const struct problem *a, const struct problem *b)
{
    return a->level == b->level && a->pos.line == b->pos.line && a->pos.column == b->pos.column &&
           strcmp(a->path, b->path) == 0 && strcmp(a->text, b->text) == 0;
}

/* Is it among the @kept first ones? Those of its place are the last of them. */
static bool is_said(const struct problems *p, size_t kept, const struct problem *item)
{
    for (size_t i = kept; i-- > 0 && !is_behind(item, &p->items[i]);)
        if (is_same(&p->items[i], item))
            return true;
    return false;
}

void problems_sort(struct problems *p)
{
    size_t kept = 0;

    for (size_t i = 1; i < p->len; i++) { /* few, and mostly in order: insertion, which is stable */
        struct problem item = p->items[i];
        size_t at = i;

        for (; at > 0 && is_behind(&p->items[at - 1], &item); at--)
            p->items[at] = p->items[at - 1];
        p->items[at] = item;
    }
    for (size_t i = 0; i < p->len; i++) {
        struct problem item = p->items[i];

        if (!is_said(p, kept, &item))
            p->items[kept++] = item;
        else if (item.level == PROBLEM_ERROR)
            p->errors--;
        else
            p->warnings--;
    }
    p->len = kept;
}

void problem_format(struct strbuf *b, const struct problems *p, const struct problem *item)
{
    if (p->file && p->file[0])
        strbuf_addf(b, "%s:", p->file);
    if (item->pos.line)
        strbuf_addf(b, "%u:%u:", item->pos.line, item->pos.column);
    if (b->len && b->ptr[b->len - 1] == ':')
        strbuf_addc(b, ' ');
    if (item->level == PROBLEM_WARNING)
        strbuf_addz(b, "warning: ");
    if (item->path[0])
        strbuf_addf(b, "%s: ", item->path);
    strbuf_addz(b, item->text);
}

int problems_err(const struct problems *p, enum err_code code, struct err *e)
{
    AUTO_STRBUF struct strbuf line = STRBUF(2 * MAX_TEXT);

    if (p->errors == 0)
        return 0;
    for (size_t i = 0; i < p->len; i++) {
        if (p->items[i].level != PROBLEM_ERROR)
            continue;
        problem_format(&line, p, &p->items[i]);
        break;
    }
    if (p->errors > 1)
        strbuf_addf(&line, " (and %zu more)", p->errors - 1);
    return err_set(e, code, "%s", strbuf_cstr(&line));
}

const char *nearest_name(struct str given, const char *const *names)
{
    size_t best = given.len <= 3 ? 1 : 2;
    const char *found = NULL;

    for (; *names; names++) {
        size_t d = str_distance(given, str_of(*names));

        if (d <= best && (!found || d < best)) {
            best = d;
            found = *names;
        }
    }
    return found;
}
