/* launch/template_text.c: a text put together from config and values such that macros see only the config's.
 */
#include "launch/macro.h"
#include "launch/template_internal.h"

#include <string.h>

void template_text_add(struct template_text *t, struct arena *a, struct str text, bool is_value)
{
    if (t->len == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 8;
        struct template_part *parts = arena_array(a, cap, sizeof(*parts));

        if (t->len)
            memcpy(parts, t->parts, t->len * sizeof(*parts));
        t->parts = parts;
        t->cap = cap;
    }
    t->parts[t->len++] = (struct template_part){ text, is_value };
}

/* The joined text, and where in it each part ends. */
struct joined {
    struct strbuf text;
    const struct template_text *t;
    size_t part, part_end; /* the part that holds the byte last asked for */
};

/* Do [from, to) all stem from one part of the config? Asked with growing @from. */
static bool is_configs_own(struct joined *j, size_t from, size_t to)
{
    while (j->part < j->t->len && j->part_end <= from) {
        j->part++;
        j->part_end += j->part < j->t->len ? j->t->parts[j->part].text.len : 0;
    }
    return j->part < j->t->len && !j->t->parts[j->part].is_value && to <= j->part_end;
}

static void add_dollars(struct strbuf *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        strbuf_addc(out, '$');
}

/* A run of dollars before {name}: those the config itself has written next to it keep their meaning; all
 * others are meant as dollars, so they are doubled, as macro_expand() reads them. */
static void write_dollars(struct joined *j, struct strbuf *out, size_t from, size_t brace, size_t end)
{
    size_t own = brace;

    for (size_t i = from; i < brace; i++) {
        if (is_configs_own(j, i, end)) {
            own = i;
            break;
        }
    }
    add_dollars(out, 2 * (own - from));
    strbuf_add(out, str_sub(strbuf_str(&j->text), own, end));
}

void template_text_write(const struct template_text *t, struct strbuf *out)
{
    AUTO_STRBUF struct strbuf joined = STRBUF(out->max);
    struct joined j = { .t = t, .part_end = t->len ? t->parts[0].text.len : 0 };
    struct str s;
    size_t i = 0;

    for (size_t k = 0; k < t->len; k++)
        strbuf_add(&joined, t->parts[k].text);
    out->full = joined.full;
    s = strbuf_str(&joined);
    j.text = joined; /* borrowed: it does not change from here on */
    while (i < s.len && !out->full) {
        size_t brace = i, end;

        while (brace < s.len && s.ptr[brace] == '$')
            brace++;
        end = brace > i ? macro_braces_end(s, brace) : 0;
        if (end > 0)
            write_dollars(&j, out, i, brace, end);
        else
            strbuf_add(out, str_sub(s, i, brace > i ? brace : brace + 1));
        i = end > 0 ? end : brace > i ? brace : brace + 1;
    }
}
